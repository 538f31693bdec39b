//! The command line as people have it: `apifleet`, the same as a plugin of a real kubectl, and what completes that.

use crate::Platform;
use anyhow::{Context as _, Result};
use apifleet_local::stack::Stack;
use apifleet_local::{Call, Output};
use std::env;
use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder in the search path with the programs, and the administrator who types.
pub struct Shell<'a> {
    stack: &'a Stack,
    folder: TempDir,
}

impl<'a> Shell<'a> {
    /// Lays the programs out.
    pub fn new(stack: &'a Stack) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        symlink(built("apifleet")?, folder.path().join("kubectl-apifleet"))
            .context("link the plugin")?;
        // As it ships: a script that asks the plugin.
        let script = Platform::workspace().join("deploy/krew/kubectl_complete-apifleet");
        symlink(script, folder.path().join("kubectl_complete-apifleet"))
            .context("link what completes it")?;
        Ok(Self { stack, folder })
    }

    /// The folder, which is gone with the shell.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `apifleet` does, whether it succeeds or not.
    pub fn apifleet(&self, arguments: &[&str]) -> Result<Output> {
        self.run(Call::new(self.folder.path().join("kubectl-apifleet")).args(arguments))
    }

    /// What kubectl does with the plugin in its path, whether it succeeds or not.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Output> {
        let mut path = OsString::from(self.folder.path());
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        self.run(kubectl_call(self.stack)?.args(arguments).env("PATH", path))
    }

    fn run(&self, call: Call) -> Result<Output> {
        Ok(call.env("KUBECONFIG", self.stack.cluster().kubeconfig()).output()?)
    }
}

/// A program of the workspace, which is built beside the tests.
pub fn built(name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("find the path of this program")?;
    let mut beside = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = beside.find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built beside the tests"))
}

/// A call of the cluster's kubectl, as nobody yet.
pub(crate) fn kubectl_call(stack: &Stack) -> Result<Call> {
    let words = stack.cluster().programs().component("kubectl");
    let (program, first) = words.split_first().context("kubectl is a program")?;
    Ok(Call::new(program).args(first))
}

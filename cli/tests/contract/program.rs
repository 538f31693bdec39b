//! Runs the program as a shell does, and waits for it no longer than people would.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::Command;

/// Longer than any answer takes; what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A place to run the program in: a home of its own, and a kubeconfig where one is wanted.
pub(crate) struct Home {
    folder: TempDir,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Home {
    /// A home without a kubeconfig.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A home whose kubeconfig names this server, and namespace `shop`.
    pub(crate) fn of(server: &str) -> Self {
        let home = Self::empty();
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             contexts: [{{name: test, context: {{cluster: test, user: test, namespace: shop}}}}]\n\
             clusters: [{{name: test, cluster: {{server: \"{server}\"}}}}]\n\
             users: [{{name: test, user: {{}}}}]\n"
        );
        std::fs::create_dir(home.path().join(".kube")).unwrap();
        std::fs::write(home.path().join(".kube/config"), config).unwrap();
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program, with these arguments and nothing of our environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_as(&PathBuf::from(env!("CARGO_BIN_EXE_apifleet")), arguments)
    }

    /// The same program under another path.
    pub(crate) fn command_as(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("HOME", self.path()).env("TZ", "UTC");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs it to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments)).await
    }
}

/// Runs a command to its end.
pub(crate) async fn finish(mut command: Command) -> Ran {
    let begun = Instant::now();
    let output =
        tokio::time::timeout(LIMIT, command.output()).await.expect("the program hangs").unwrap();
    Ran {
        code: output.status.code().expect("the program was killed"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        took: begun.elapsed(),
    }
}

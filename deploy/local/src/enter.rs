//! Puts one process where it belongs (cgroup, network, mounts) and then becomes the program.
//!
//! Entering a mount namespace takes a process with one thread, which the supervisor is not; so each program
//! is started as `apifleet-local enter ENTRY`, which enters and then executes it. The process id stays the
//! same, and so whoever started it can end it by that id.

use std::{
    convert::Infallible,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Because, Error, Result},
    kernel,
};

/// Where a program runs, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// Each `cgroup.procs` file that the process writes itself into.
    pub(crate) cgroups: Vec<PathBuf>,
    /// The network namespace.
    pub(crate) net: PathBuf,
    /// The mount namespace.
    pub(crate) mounts: Mounts,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
}

/// What a program sees of the file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Mounts {
    /// What the machine sees.
    Host,
    /// Mounts of its own: each pair shows the first path at the second.
    Private(Vec<(PathBuf, PathBuf)>),
    /// Those of another process: its `/proc/PID/ns/mnt`.
    Of(PathBuf),
}

impl Entry {
    /// The command that enters and runs the program; `this` is the path of `apifleet-local`.
    pub(crate) fn command(&self, this: &Path) -> Result<Command> {
        let entry =
            serde_json::to_string(self).because(|| "write down a program's place".into())?;
        let mut command = Command::new(this);
        command.arg("enter").arg(entry);
        Ok(command)
    }
}

/// Enters and becomes the program: returns only when that fails.
pub fn enter(entry: &str) -> Result<Infallible> {
    let entry: Entry =
        serde_json::from_str(entry).because(|| "read where the program belongs".into())?;
    for cgroup in &entry.cgroups {
        fs::write(cgroup, "0").because(|| format!("join {}", cgroup.display()))?;
    }
    kernel::enter_net(&entry.net).because(|| format!("enter {}", entry.net.display()))?;
    match &entry.mounts {
        Mounts::Host => {}
        Mounts::Private(binds) => {
            kernel::private_mounts(binds).because(|| "make private mounts".into())?;
        }
        Mounts::Of(path) => {
            kernel::enter_mounts(path).because(|| format!("enter {}", path.display()))?;
        }
    }
    let Some((program, args)) = entry.argv.split_first() else {
        let problem = "name a program".to_owned();
        return Err(Error::Invalid { field: "command", value: String::new(), problem });
    };
    let refused = Command::new(program).args(args).exec();
    Err(refused).because(|| format!("run `{program}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_the_way_through_the_command_line() {
        let entry = Entry {
            cgroups: vec!["/sys/fs/cgroup/pids/x/cgroup.procs".into()],
            net: "/proc/1/ns/net".into(),
            mounts: Mounts::Private(vec![("/a b".into(), "/c\"d".into())]),
            argv: vec!["kube".into(), "kubelet".into()],
        };
        let command = entry.command(Path::new("/bin/apifleet-local")).unwrap();
        let args: Vec<_> = command.get_args().map(|arg| arg.to_str().unwrap()).collect();
        assert_eq!(args[0], "enter");
        assert_eq!(serde_json::from_str::<Entry>(args[1]).unwrap(), entry);
    }

    #[test]
    fn text_that_is_no_entry_is_refused_before_anything_is_entered() {
        let message = enter("{}").unwrap_err().to_string();
        assert!(message.contains("where the program belongs"), "{message}");
    }
}

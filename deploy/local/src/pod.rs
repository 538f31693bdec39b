//! The processes of one pod, found by its control group as the kubelet names it, and what can happen to them.

use crate::error::{Because, Error, Result};
use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::Pid;
use std::fs;

/// The program of the pod's sandbox, as opposed to its own containers'.
const SANDBOX: &str = "pause";

/// What can happen to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// It ends at once, as by a crash or when memory runs out.
    Kill,
    /// It is told to end.
    Terminate,
    /// It stands still, as on a machine that is frozen.
    Stop,
    /// It goes on after that.
    Continue,
}

impl Blow {
    const fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::SIGKILL,
            Self::Terminate => Signal::SIGTERM,
            Self::Stop => Signal::SIGSTOP,
            Self::Continue => Signal::SIGCONT,
        }
    }
}

/// Lets it happen to every process of a pod's containers; the kubelet starts again what has ended.
pub(crate) fn strike(uid: &str, blow: Blow) -> Result<()> {
    let processes = processes(uid)?;
    if processes.is_empty() {
        return Err(Error::Refused(format!("no process of the pod with uid {uid} runs")));
    }
    for process in processes {
        signal(process, blow.signal()).because(|| format!("send {blow:?} to process {process}"))?;
    }
    Ok(())
}

fn processes(uid: &str) -> Result<Vec<Pid>> {
    let entries = fs::read_dir("/proc").because(|| "list /proc".into())?;
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.filter(|id| is_of_pod(*id, uid)).map(Pid::from_raw).collect())
}

/// A process that has ended meanwhile is of no pod.
fn is_of_pod(process: i32, uid: &str) -> bool {
    let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}"));
    let named = |groups: &str| groups.contains(uid) || groups.contains(&uid.replace('-', "_"));
    read("cgroup").is_ok_and(|groups| named(&groups))
        && read("comm").is_ok_and(|program| program.trim() != SANDBOX)
}

//! The processes of one pod, found by its control group as the kubelet names it, and ended at once.

use crate::error::{Because, Error, Result};
use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::Pid;
use std::fs;

/// The program of the pod's own containers, as opposed to the sandbox's.
const SANDBOX: &str = "pause";

/// Sends SIGKILL to every process of a pod's containers, as a crash or an out-of-memory kill would; the kubelet starts
/// them again.
pub(crate) fn kill(uid: &str) -> Result<()> {
    let processes = processes(uid)?;
    if processes.is_empty() {
        return Err(Error::Refused(format!("no process of the pod with uid {uid} runs")));
    }
    for process in processes {
        signal(process, Signal::SIGKILL).because(|| format!("end process {process}"))?;
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

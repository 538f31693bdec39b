//! What a cluster changes on the machine outside its own directory, and how it is put back.
//!
//! Kubelets set kernel parameters and need directories to mount over. The values from before are written
//! down once, by the first cluster; the last cluster to go puts them back. A crash in between loses nothing,
//! because the record is a file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Because, Result},
    lock::Lock,
    paths::{self, STATE},
};

/// What kubelets set, and what this crate sets.
const PARAMETERS: [&str; 7] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "fs/inotify/max_user_instances",
];
/// Each kubelet, container runtime and proxy watches many files.
const INOTIFY: (&str, u64) = ("fs/inotify/max_user_instances", 8192);
/// Node agents insist on these paths; each node mounts directories of its own over them.
pub(crate) const NODE_DIRECTORIES: [(&str, &str); 5] = [
    ("kubelet-lib", "/var/lib/kubelet"),
    ("containerd-run", "/run/containerd"),
    ("cni-lib", "/var/lib/cni"),
    ("pod-logs", "/var/log/pods"),
    ("container-logs", "/var/log/containers"),
];
const PATIENCE: Duration = Duration::from_secs(10);

/// How the machine was before the first cluster.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Before {
    parameters: BTreeMap<String, String>,
    made: Vec<PathBuf>,
}

fn record() -> PathBuf {
    Path::new(STATE).join("before.json")
}

fn guard() -> Result<Lock> {
    Lock::wait(&Path::new(STATE).join("machine.guard"), PATIENCE)
}

/// Makes the machine ready for a cluster.
pub(crate) fn prepare() -> Result<()> {
    let _guard = guard()?;
    let mut before = read_record().unwrap_or_default();
    for name in PARAMETERS {
        if let Ok(value) = fs::read_to_string(parameter(name)) {
            before.parameters.entry(name.into()).or_insert_with(|| value.trim().to_owned());
        }
    }
    for (_, path) in NODE_DIRECTORIES {
        before.made.extend(missing(Path::new(path)));
    }
    // First the record, then the changes: a crash in between is harmless.
    let text =
        serde_json::to_string(&before).because(|| "write down the machine's state".into())?;
    paths::write(&record(), &text)?;
    for (_, path) in NODE_DIRECTORIES {
        fs::create_dir_all(path).because(|| format!("make {path}"))?;
    }
    let (name, wanted) = INOTIFY;
    let now = fs::read_to_string(parameter(name)).ok().and_then(|now| now.trim().parse().ok());
    if now.is_none_or(|now: u64| now < wanted) {
        fs::write(parameter(name), wanted.to_string()).because(|| format!("raise {name}"))?;
    }
    Ok(())
}

/// Puts everything back if no other cluster runs. `own` is the caller's lock.
pub(crate) fn restore(own: &Path) -> Result<()> {
    let guard = guard()?;
    if others_run(Path::new(STATE), own) {
        return Ok(());
    }
    let Some(before) = read_record() else { return guard.remove() };
    for (name, value) in &before.parameters {
        if fs::read_to_string(parameter(name)).is_ok_and(|now| now.trim() != value) {
            fs::write(parameter(name), value).because(|| format!("put back {name}"))?;
        }
    }
    for path in before.made.iter().rev() {
        // What someone else has put a file into since stays.
        drop(fs::remove_dir(path));
    }
    fs::remove_file(record()).because(|| "remove the record of the machine's state".into())?;
    guard.remove()
}

/// Removes the directory of all clusters if it is empty.
pub(crate) fn forget() {
    drop(fs::remove_dir(STATE));
}

fn parameter(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}

fn read_record() -> Option<Before> {
    serde_json::from_str(&fs::read_to_string(record()).ok()?).ok()
}

fn others_run(states: &Path, own: &Path) -> bool {
    fs::read_dir(states).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        path != own && path.extension().is_some_and(|kind| kind == "lock") && Lock::is_held(&path)
    })
}

/// The directories that making `path` makes, the outermost first.
fn missing(path: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> =
        path.ancestors().take_while(|path| !path.exists()).map(Into::into).collect();
    missing.reverse();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_that_are_missing_are_made_and_the_outermost_comes_first() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        assert_eq!(missing(&top.join("a/b")), [top.join("a"), top.join("a/b")]);
        assert_eq!(missing(top), Vec::<PathBuf>::new());
    }

    #[test]
    fn another_cluster_counts_as_running_only_while_its_lock_is_held() {
        let directory = tempfile::tempdir().unwrap();
        let (own, other) = (directory.path().join("a.lock"), directory.path().join("b.lock"));
        let _own = Lock::take(&own).unwrap().unwrap();
        assert!(!others_run(directory.path(), &own));
        let held = Lock::take(&other).unwrap().unwrap();
        assert!(others_run(directory.path(), &own));
        drop(held);
        assert!(!others_run(directory.path(), &own));
    }

    #[test]
    fn every_parameter_that_is_changed_here_is_recorded() {
        assert!(PARAMETERS.contains(&INOTIFY.0));
    }
}

//! Control groups of a cluster, on version 1 and on version 2 of the kernel's interface.
//!
//! Every process of a cluster is in a group under `/apifleet-NAME`, so that a node, or all that a crash has
//! left, can be found and ended by process id without guessing. Kubelets limit their pods below the group
//! of their node.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::error::{Because, Error, Result};

/// Where Linux shows control groups.
const ROOT: &str = "/sys/fs/cgroup";
/// The hierarchies of version 1 that kubelets ask for. The first one that exists tells which processes are
/// in a group.
const HIERARCHIES: [&str; 10] = [
    "pids", "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "hugetlb",
    "systemd",
];
/// What version 2 hands down from group to group.
const CONTROLLERS: [&str; 6] = ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"];

/// What a group of pods weighs on version 1, where an agent of a node weighs 1024 and is outside of every group.
const PODS_WEIGH: &str = "65536";

/// Which interface this machine has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Cgroups {
    /// One tree per controller.
    V1 {
        /// The trees, the one that tracks processes first.
        trees: Vec<PathBuf>,
    },
    /// One tree.
    V2 {
        /// Its top.
        tree: PathBuf,
    },
}

impl Cgroups {
    /// Looks at this machine.
    pub(crate) fn detect() -> Result<Self> {
        Self::detect_at(Path::new(ROOT))
    }

    fn detect_at(root: &Path) -> Result<Self> {
        if root.join("cgroup.controllers").exists() {
            return Ok(Self::V2 { tree: root.into() });
        }
        let mut trees = Vec::new();
        for hierarchy in HIERARCHIES {
            // `cpu` and `cpuacct` are often two names of one tree.
            let Ok(tree) = root.join(hierarchy).canonicalize() else { continue };
            if tree.join("cgroup.procs").exists() && !trees.contains(&tree) {
                trees.push(tree);
            }
        }
        if trees.is_empty() {
            return Err(Error::Unsupported { needs: "control groups mounted at /sys/fs/cgroup" });
        }
        Ok(Self::V1 { trees })
    }

    /// Whether kubelets must be told to put up with version 1.
    pub(crate) fn is_v1(&self) -> bool {
        matches!(self, Self::V1 { .. })
    }

    fn trees(&self) -> &[PathBuf] {
        match self {
            Self::V1 { trees } => trees,
            Self::V2 { tree } => std::slice::from_ref(tree),
        }
    }

    /// The files by which a process joins a group. On version 1 only the tree that tracks processes: pods
    /// are limited in the others, node agents are not.
    pub(crate) fn procs(&self, group: &str) -> Vec<PathBuf> {
        let first = self.trees().first();
        first.map(|tree| below(tree, group).join("cgroup.procs")).into_iter().collect()
    }

    /// Makes a group and all above it, ready to hold groups: on version 2 processes then belong into a
    /// leaf below it.
    pub(crate) fn create(&self, group: &str) -> Result<()> {
        for tree in self.trees() {
            let mut parent = tree.clone();
            for part in group.split('/').filter(|part| !part.is_empty()) {
                if matches!(self, Self::V2 { .. }) {
                    hand_down(&parent);
                }
                let child = parent.join(part);
                fs::create_dir_all(&child).because(|| format!("make {}", child.display()))?;
                inherit_cpuset(&parent, &child)?;
                parent = child;
            }
        }
        Ok(())
    }

    /// Gives the pods below a group their part of the processors. On version 1 the agents of nodes are not in the tree that
    /// divides those, so all pods together would get as much as a single agent, and starve while others are started. On
    /// version 2 agents and pods are groups beside each other.
    pub(crate) fn weigh_pods(&self, group: &str) -> Result<()> {
        let Self::V1 { trees } = self else { return Ok(()) };
        for shares in trees.iter().map(|tree| below(tree, group).join("cpu.shares")) {
            if shares.exists() {
                fs::write(&shares, PODS_WEIGH).because(|| format!("write {}", shares.display()))?;
            }
        }
        Ok(())
    }

    /// Every process in a group or below it.
    pub(crate) fn processes(&self, group: &str) -> Vec<Pid> {
        let mut found = Vec::new();
        if let Some(tree) = self.trees().first() {
            for group in below_and_self(&below(tree, group)) {
                let procs = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
                found.extend(procs.lines().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw));
            }
        }
        found
    }

    /// Ends every process in a group or below it, by id, and removes the groups.
    pub(crate) fn remove(&self, group: &str, deadline: Duration) -> Result<()> {
        let end = Instant::now() + deadline;
        loop {
            for pid in self.processes(group) {
                // It may have ended already.
                let _ = kill(pid, Signal::SIGKILL);
            }
            let left = self.trees().iter().filter(|tree| !remove_tree(&below(tree, group))).count();
            if left == 0 {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(Error::Timeout {
                    what: format!("the processes of control group {group} to end"),
                    seconds: deadline.as_secs(),
                });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn below(tree: &Path, group: &str) -> PathBuf {
    tree.join(group.trim_start_matches('/'))
}

/// Controllers that this kernel does not have are left out.
fn hand_down(parent: &Path) {
    for controller in CONTROLLERS {
        drop(fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}")));
    }
}

/// On version 1 a new group has no processor and no memory node until it is given some.
fn inherit_cpuset(parent: &Path, child: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let to = child.join(file);
        let Ok(given) = fs::read_to_string(parent.join(file)) else { continue };
        if to.exists() && !given.trim().is_empty() {
            fs::write(&to, given.trim()).because(|| format!("write {}", to.display()))?;
        }
    }
    Ok(())
}

/// A group and all below it, the deepest first.
fn below_and_self(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(top).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        found.extend(below_and_self(&entry.path()));
    }
    if top.exists() {
        found.push(top.into());
    }
    found
}

/// Whether the group is gone.
fn remove_tree(top: &Path) -> bool {
    let gone = |group: &PathBuf| match fs::remove_dir(group) {
        Ok(()) => true,
        Err(problem) => problem.kind() == io::ErrorKind::NotFound,
    };
    below_and_self(top).iter().filter(|group| !gone(group)).count() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree_with(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "0-1\n").unwrap();
        }
        root
    }

    #[test]
    fn a_machine_with_cgroup_controllers_at_the_top_is_version_2() {
        let root = tree_with(&["cgroup.controllers", "pids/cgroup.procs"]);
        let found = Cgroups::detect_at(root.path()).unwrap();
        assert_eq!(found, Cgroups::V2 { tree: root.path().into() });
        assert_eq!(found.procs("/a/b"), [root.path().join("a/b/cgroup.procs")]);
        assert!(!found.is_v1());
    }

    #[test]
    fn a_machine_with_hierarchies_is_version_1_and_tracks_processes_by_pids() {
        let root = tree_with(&["memory/cgroup.procs", "pids/cgroup.procs", "unified/cgroup.procs"]);
        std::os::unix::fs::symlink("memory", root.path().join("cpu")).unwrap();
        let found = Cgroups::detect_at(root.path()).unwrap();
        let top = root.path().canonicalize().unwrap();
        assert_eq!(found, Cgroups::V1 { trees: vec![top.join("pids"), top.join("memory")] });
        assert_eq!(found.procs("/a/b"), [top.join("pids/a/b/cgroup.procs")]);
        assert!(found.is_v1());
    }

    #[test]
    fn a_machine_without_control_groups_is_told_about_kubeconfig() {
        let root = tree_with(&[]);
        let message = Cgroups::detect_at(root.path()).unwrap_err().to_string();
        assert!(message.contains("--kubeconfig"), "{message}");
    }

    #[test]
    fn a_group_of_version_2_gets_its_parents_controllers() {
        let root = tree_with(&["cgroup.controllers", "cgroup.subtree_control"]);
        let cgroups = Cgroups::detect_at(root.path()).unwrap();
        cgroups.create("/one/two").unwrap();
        assert!(root.path().join("one/two").is_dir());
        let control = fs::read_to_string(root.path().join("cgroup.subtree_control")).unwrap();
        assert!(control.starts_with('+'), "{control}");
    }

    #[test]
    fn on_version_1_pods_weigh_as_much_as_many_agents() {
        let root = tree_with(&["pids/cgroup.procs", "cpu/cgroup.procs", "cpu/c/cpu.shares"]);
        let cgroups = Cgroups::detect_at(root.path()).unwrap();
        cgroups.create("/c").unwrap();
        cgroups.weigh_pods("/c").unwrap();
        let shares = fs::read_to_string(root.path().join("cpu/c/cpu.shares")).unwrap();
        assert_eq!(shares, PODS_WEIGH);
        assert!(!root.path().join("pids/c/cpu.shares").exists());
    }

    #[test]
    fn removing_takes_the_deepest_group_first_and_a_group_that_is_gone_is_no_error() {
        let root = tree_with(&["pids/cgroup.procs", "memory/cgroup.procs"]);
        let cgroups = Cgroups::detect_at(root.path()).unwrap();
        cgroups.create("/one/two/three").unwrap();
        cgroups.remove("/one", Duration::from_secs(1)).unwrap();
        assert!(!root.path().join("pids/one").exists() && !root.path().join("memory/one").exists());
        cgroups.remove("/one", Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn a_group_that_cannot_go_is_an_error_and_not_an_endless_wait() {
        let root = tree_with(&["pids/cgroup.procs", "pids/stuck/not-a-group"]);
        let cgroups = Cgroups::detect_at(root.path()).unwrap();
        assert!(cgroups.remove("/stuck", Duration::from_millis(20)).is_err());
    }

    #[test]
    fn an_empty_cpuset_is_filled_from_the_parent() {
        let root = tree_with(&["p/cpuset.cpus", "c/cpuset.cpus"]);
        fs::write(root.path().join("c/cpuset.cpus"), "\n").unwrap();
        inherit_cpuset(&root.path().join("p"), &root.path().join("c")).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("c/cpuset.cpus")).unwrap(), "0-1");
    }
}

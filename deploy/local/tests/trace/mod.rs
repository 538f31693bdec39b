//! What a cluster could leave on the machine: compared before and after.

use std::{collections::BTreeSet, fs, path::Path, process};

/// Directories in which programs of a cluster could write, and how deep to look. The cache of programs is not among them, nor /tmp,
/// which other programs of the machine use all the time: programs of a cluster are given a directory instead.
const PLACES: [(&str, usize); 6] =
    [("/var/lib", 2), ("/var/log", 2), ("/run", 2), ("/etc", 2), ("/opt", 2), ("/root", 0)];
const PARAMETERS: [&str; 7] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "fs/inotify/max_user_instances",
];

/// Everything that was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Command lines with a mark of a cluster, and zombies whose parent this process is not.
    processes: BTreeSet<String>,
    networks: BTreeSet<String>,
    mounts: BTreeSet<String>,
    cgroups: BTreeSet<String>,
    parameters: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Trace {
    /// What is here and not there.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let minus = |ours: &BTreeSet<String>, theirs: &BTreeSet<String>| {
            ours.difference(theirs).cloned().collect()
        };
        Self {
            processes: minus(&self.processes, &other.processes),
            networks: minus(&self.networks, &other.networks),
            mounts: minus(&self.mounts, &other.mounts),
            cgroups: minus(&self.cgroups, &other.cgroups),
            parameters: minus(&self.parameters, &other.parameters),
            files: minus(&self.files, &other.files),
        }
    }

    /// Whether a process, mount, control group or file has this in its name.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        let all = [&self.processes, &self.mounts, &self.cgroups, &self.files];
        all.into_iter().flatten().any(|line| line.contains(text))
    }
}

/// Looks at this machine.
pub(crate) fn of_this_machine() -> Trace {
    let mut trace = Trace::default();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        look_at_process(&entry.path(), &mut trace);
    }
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    trace.mounts = mounts.lines().map(ToOwned::to_owned).collect();
    for tree in fs::read_dir("/sys/fs/cgroup").expect("control groups").flatten() {
        list(&tree.path(), 1, &mut trace.cgroups);
    }
    trace.cgroups.retain(|group| group.contains("apifleet") && Path::new(group).is_dir());
    for name in PARAMETERS {
        let value = fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default();
        trace.parameters.insert(format!("{name}={}", value.trim()));
    }
    for (place, depth) in PLACES {
        list(Path::new(place), depth, &mut trace.files);
    }
    trace
}

/// Other programs of the machine come and go: only those that bear a mark count.
fn look_at_process(directory: &Path, trace: &mut Trace) {
    let Ok(stat) = fs::read_to_string(directory.join("stat")) else { return };
    let Some((head, tail)) = stat.rsplit_once(')') else { return };
    let mut fields = tail.split_whitespace();
    let (state, parent) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let line = fs::read(directory.join("cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    let marks = ["/var/lib/apifleet/", "apifleet-local "];
    if marks.iter().any(|mark| line.contains(mark)) {
        trace.processes.insert(format!("{} {line}", directory.display()));
    }
    let own = process::id().to_string();
    let ours = ["containerd", "kube", "pause", "etcd", "runc", "coredns", "apifleet", "mariadbd"];
    if state == "Z" && parent != own && ours.iter().any(|name| head.contains(name)) {
        trace.processes.insert(format!("{} zombie {head}", directory.display()));
    }
    if let Ok(network) = fs::read_link(directory.join("ns/net")) {
        trace.networks.insert(network.display().to_string());
    }
}

fn list(directory: &Path, depth: usize, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        found.insert(entry.path().display().to_string());
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(&entry.path(), depth - 1, found);
        }
    }
}

//! Where figures come from: the machine and the commit. A figure without them is none.

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;

/// A machine, as far as it bears on figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name.
    pub cpu: String,
    /// Processors that may be used.
    pub cores: usize,
    /// Memory, with its unit.
    pub memory: String,
    /// The version of Linux.
    pub kernel: String,
    /// How many processes wanted to run, on average over the minute before.
    pub load: f64,
}

impl Machine {
    /// This machine, now.
    #[must_use]
    pub fn here() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        Self {
            cpu: processor(&read("/proc/cpuinfo")),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory: memory(&read("/proc/meminfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: load(&read("/proc/loadavg")),
        }
    }
}

fn processor(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned())
}

fn memory(meminfo: &str) -> String {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{:.1} GiB", kib / 1024.0 / 1024.0))
}

fn load(loadavg: &str) -> f64 {
    loadavg.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

/// The checkout's commit, marked `-dirty` where a file differs from it.
#[must_use]
pub fn commit(workspace: &Path) -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]);
    let output = git.current_dir(workspace).output().ok().filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_read_from_what_linux_says() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: AMD EPYC\n"), "AMD EPYC");
        assert_eq!(memory("MemTotal:        4028932 kB\nMemFree: 1 kB\n"), "3.8 GiB");
        assert!((load("0.42 0.50 0.61 2/300 4711\n") - 0.42).abs() < f64::EPSILON);
    }

    #[test]
    fn what_linux_does_not_say_is_unknown_and_no_number() {
        assert_eq!((processor(""), memory("MemTotal: many")), ("unknown".into(), "unknown".into()));
        assert!(load("").abs() < f64::EPSILON);
    }

    #[test]
    fn a_folder_that_is_no_checkout_has_no_commit() {
        assert_eq!(commit(Path::new("/proc")), "unknown");
    }
}

//! A program that runs on this machine while it is measured, and what it uses. It ends when its handle is dropped,
//! whatever became of the measurement.

use crate::{Error, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Clock ticks a second in `/proc`: the same on every Linux that we run on, whatever its kernel counts in.
const TICKS: f64 = 100.0;
/// How much of the end of a log is quoted.
const QUOTED: usize = 2_000;

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Memory that is in RAM now, in MiB.
    pub(crate) rss: f64,
    /// The most that it was since the start, in MiB.
    pub(crate) peak: f64,
    /// Seconds of a processor since the start.
    pub(crate) cpu: f64,
}

impl Process {
    /// Starts a program with its output in this file.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let file = |what, file: &Path| {
            let file = file.to_owned();
            move |source| Error::File { what, file, source }
        };
        let output = File::create(log).map_err(file("write", log))?;
        let errors = output.try_clone().map_err(file("write", log))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let program = PathBuf::from(command.get_program());
        let child = command.spawn().map_err(file("start", &program))?;
        Ok(Self { child, name, log: log.to_owned() })
    }

    /// An error if it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.ended(status.to_string())),
            Err(problem) => Err(self.ended(problem.to_string())),
        }
    }

    /// What it uses now.
    pub(crate) fn usage(&mut self) -> Result<Usage> {
        self.check()?;
        let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.child.id()));
        let usage = read("status").ok().zip(read("stat").ok()).and_then(|(status, stat)| {
            Some(Usage {
                rss: mebibytes(&status, "VmRSS:")?,
                peak: mebibytes(&status, "VmHWM:")?,
                cpu: cpu(&stat)?,
            })
        });
        usage.ok_or_else(|| self.ended("its entry in /proc cannot be read".into()))
    }

    /// The file that it writes to.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    fn ended(&self, how: String) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Error::Ended { name: self.name, how, log: end_of(log.trim()).to_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is reaped.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn end_of(log: &str) -> &str {
    let mut start = log.len().saturating_sub(QUOTED);
    while !log.is_char_boundary(start) {
        start += 1;
    }
    log.get(start..).unwrap_or_default()
}

fn mebibytes(status: &str, field: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes / 1024.0)
}

/// In user and in kernel mode. The second field is the program's name, which may hold anything.
fn cpu(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_its_own_line() {
        let status = "Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t   65536 kB\nVmRSS:\t   32768 kB\n";
        assert_eq!(mebibytes(status, "VmRSS:"), Some(32.0));
        assert_eq!(mebibytes(status, "VmHWM:"), Some(64.0));
        assert_eq!(mebibytes("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn processor_time_is_that_of_user_and_kernel_whatever_the_program_is_called() {
        let stat = "42 (a) 1 2) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1 2";
        assert_eq!(cpu(stat), Some(3.0));
        assert_eq!(cpu("42 (cut"), None);
        assert_eq!(cpu("42 (x) S 1 2"), None);
    }

    #[test]
    fn a_program_that_runs_uses_something_and_one_that_ended_is_told_with_its_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let mut process =
            Process::start("sleep", Command::new("sleep").arg("30"), &log).expect("started");
        let usage = process.usage().expect("usage");
        assert!(usage.rss > 0.0 && usage.peak >= usage.rss, "{usage:?}");
        let script = ["-c", "echo out of cheese; exit 3"];
        let mut process =
            Process::start("sh", Command::new("sh").args(script), &log).expect("started");
        process.child.wait().expect("ended");
        let message = process.usage().expect_err("ended").to_string();
        assert!(message.contains("out of cheese") && message.contains('3'), "{message}");
    }

    #[test]
    fn a_process_ends_with_its_handle() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sleep");
        let process = Process::start("sleep", command.arg("30"), &folder.path().join("log"));
        let pid = process.expect("started").child.id();
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn the_end_of_a_long_log_keeps_whole_characters() {
        let log = "é".repeat(QUOTED);
        assert!(end_of(&log).len() <= QUOTED && end_of(&log).starts_with('é'));
        assert_eq!(end_of("short"), "short");
    }
}

//! A program that runs for as long as the cluster wants it, and how it is stopped.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::{
    enter::Entry,
    error::{Because, Error, Result},
    paths::State,
    probe,
    probe::Ready,
    process::{self, quote},
};

/// A long-running program in the control plane's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Program {
    /// What it is called, here and in its log's name.
    pub(crate) name: String,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// How to tell that it is ready.
    pub(crate) ready: Ready,
    /// How long that may take.
    pub(crate) patience: Duration,
}

/// A program that has been started.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Starts a program where `entry` says, with its output in its log.
    pub(crate) fn start(name: &str, entry: &Entry, state: &State) -> Result<Self> {
        let log = state.log(name);
        let open = || File::options().create(true).append(true).open(&log);
        let output = open().because(|| format!("open {}", log.display()))?;
        let errors = output.try_clone().because(|| format!("open {}", log.display()))?;
        // The file may have been replaced by a newer build since this process began.
        let mut command = entry.command(Path::new("/proc/self/exe"))?;
        command.env_clear().env("HOME", state.home()).env("TMPDIR", state.scratch());
        command.env("PATH", search_path(entry));
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().because(|| format!("start {name}"))?;
        Ok(Self { name: name.into(), child })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error if it has ended, with the end of its log.
    pub(crate) fn check(&mut self, log: &Path) -> Result<()> {
        let ended = self.child.try_wait().because(|| format!("look at {}", self.name))?;
        let Some(status) = ended else { return Ok(()) };
        let printed = fs::read_to_string(log).unwrap_or_default();
        Err(Error::Command {
            command: self.name.clone(),
            status: status.to_string(),
            output: quote(&printed).into(),
        })
    }

    /// Waits until it is ready, but not after it has ended. The calling thread must be in its network.
    pub(crate) fn wait_until(
        &mut self,
        ready: &Ready,
        patience: Duration,
        log: &Path,
    ) -> Result<()> {
        let what = format!("{} to be ready", self.name);
        probe::until(&what, patience, || {
            self.check(log)?;
            Ok(ready.ask())
        })
    }

    /// Asks it to end, and kills it if it does not in time.
    pub(crate) fn stop(mut self, patience: Duration) -> Result<()> {
        if let Ok(None) = self.child.try_wait()
            && let Ok(pid) = i32::try_from(self.child.id())
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        match process::wait(&mut self.child, patience, &self.name) {
            // It has been killed then.
            Ok(_) | Err(Error::Timeout { .. }) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) -> Result<()> {
        drop(self.child.kill());
        self.child.wait().because(|| format!("wait for {}", self.name))?;
        Ok(())
    }
}

/// Programs find their own kind beside themselves (containerd its shim), and the system's.
fn search_path(entry: &Entry) -> String {
    let program = entry.argv.first().map(Path::new);
    let own = program.and_then(Path::parent).map(|path| path.display().to_string());
    format!("{}:{}", own.unwrap_or_default(), crate::prerequisites::SYSTEM_PATH)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn running(script: &str) -> Running {
        let child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        Running { name: "script".into(), child }
    }

    #[test]
    fn a_program_that_ends_early_is_an_error_with_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        fs::write(&log, "address already in use").unwrap();
        let never = Ready::Tcp(([127, 0, 0, 1], 1).into());
        let result = running("exit 4").wait_until(&never, Duration::from_secs(10), &log);
        let message = result.unwrap_err().to_string();
        assert!(message.contains("address already in use"), "{message}");
    }

    #[test]
    fn a_program_that_ignores_the_request_to_end_is_killed() {
        running("trap '' TERM; sleep 30 & wait; wait").stop(Duration::from_millis(100)).unwrap();
    }

    #[test]
    fn a_program_can_be_stopped_after_its_end() {
        let mut ended = running("exit 0");
        ended.child.wait().unwrap();
        ended.stop(Duration::from_secs(1)).unwrap();
    }
}

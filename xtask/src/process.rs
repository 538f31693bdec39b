//! Child processes whose output people see, each with a deadline.

use anyhow::{Context, bail};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Runs a command with this program's own terminal; an exit code other than 0 or a passed deadline is an error.
pub(crate) fn run(command: &mut Command, deadline: Duration) -> anyhow::Result<()> {
    let line = render(command);
    let mut child = command.spawn().with_context(|| {
        format!("start `{line}`: is {} installed?", command.get_program().to_string_lossy())
    })?;
    match wait(&mut child, deadline)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{line}` ended with {status}"),
        None => {
            child.kill().with_context(|| format!("end `{line}`"))?;
            child.wait().with_context(|| format!("reap `{line}`"))?;
            bail!("`{line}` took longer than {} s and was ended", deadline.as_secs())
        }
    }
}

/// Waits for the end of a child; `None` when the deadline passed first.
fn wait(child: &mut Child, deadline: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait().context("wait for a child process")? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The command as one would type it.
fn render(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_exit_code() {
        let error = run(Command::new("sh").args(["-c", "exit 3"]), Duration::from_secs(5));
        let message = error.expect_err("it failed").to_string();
        assert!(message.contains("sh -c exit 3") && message.contains('3'), "{message}");
    }

    #[test]
    fn a_command_that_hangs_is_ended_at_its_deadline() {
        let started = Instant::now();
        let error = run(Command::new("sleep").arg("30"), Duration::from_millis(200));
        assert!(error.expect_err("it hung").to_string().contains("was ended"));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program-here"), Duration::from_secs(1));
        assert!(format!("{:#}", error.expect_err("missing")).contains("no-such-program-here"));
    }
}

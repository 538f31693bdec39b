//! Runs a program to its end, with a deadline and bounded output. Everything here that calls another
//! program and waits for it does so through [`Call`].

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel},
    thread,
    time::{Duration, Instant},
};

use crate::error::{Because, Error, Result};

/// How much of an output is kept; the rest is read and dropped.
const KEPT: u64 = 16 * 1024 * 1024;
/// How much of an output is quoted in an error.
const QUOTED: usize = 4_000;
/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(5);

/// A program to run to its end.
#[derive(Debug)]
pub struct Call {
    command: Command,
    input: Vec<u8>,
    deadline: Duration,
}

/// What a program that has ended left.
#[derive(Clone, Debug)]
pub struct Output {
    /// Whether it exited with status 0.
    pub success: bool,
    /// How it ended, in words.
    pub status: String,
    /// Its standard output, at most 16 MiB.
    pub stdout: String,
    /// Its standard error, at most 16 MiB.
    pub stderr: String,
}

impl Call {
    /// A call of this program, with a deadline of one minute.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self::from(Command::new(program))
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the standard input, which is empty otherwise.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Sets the deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs in this directory.
    #[must_use]
    pub fn directory(mut self, directory: &std::path::Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Runs it; a program that fails is an [`Output`], one that cannot start or end in time is an error.
    pub fn output(mut self) -> Result<Output> {
        let name = self.describe();
        let mut child = self.spawn(&name)?;
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        let status = wait(&mut child, self.deadline, &name)?;
        Ok(Output {
            success: status.success(),
            status: status.to_string(),
            stdout: stdout.map(|end| received(&end)).unwrap_or_default(),
            stderr: stderr.map(|end| received(&end)).unwrap_or_default(),
        })
    }

    /// Runs it and returns its standard output; a failure is an error that quotes what it printed.
    pub fn text(self) -> Result<String> {
        let command = self.describe();
        let output = self.output()?;
        if output.success {
            return Ok(output.stdout);
        }
        let printed = format!("{}{}", output.stdout, output.stderr);
        Err(Error::Command { command, status: output.status, output: quote(&printed).into() })
    }

    /// Runs it and hands over each line of its standard error as it comes.
    pub(crate) fn watch(mut self, mut line: impl FnMut(&str)) -> Result<()> {
        let command = self.describe();
        let mut child = self.spawn(&command)?;
        let output = child.stdout.take().map(collect);
        let lines = child.stderr.take().map(lines_of);
        let end = Instant::now() + self.deadline;
        let mut printed = String::new();
        while let Some(lines) = &lines {
            match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(text) => {
                    line(&text);
                    printed.push_str(&text);
                    printed.push('\n');
                    if printed.len() > 4 * QUOTED {
                        printed = quote(&printed).into();
                    }
                }
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => break,
            }
        }
        let status = wait(&mut child, end.saturating_duration_since(Instant::now()), &command)?;
        if status.success() {
            return Ok(());
        }
        printed.push_str(&output.map(|end| received(&end)).unwrap_or_default());
        let output = quote(&printed).into();
        Err(Error::Command { command, status: status.to_string(), output })
    }

    fn spawn(&mut self, name: &str) -> Result<Child> {
        self.command.stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().because(|| format!("run `{name}`"))?;
        if let Some(mut pipe) = child.stdin.take() {
            let input = std::mem::take(&mut self.input);
            // A program that does not read its input to the end is not an error.
            thread::spawn(move || pipe.write_all(&input));
        }
        Ok(child)
    }

    fn describe(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        line.chars().take(300).collect()
    }
}

impl From<Command> for Call {
    fn from(command: Command) -> Self {
        Self { command, input: Vec::new(), deadline: Duration::from_mins(1) }
    }
}

/// Waits for the end of a child; one that is still running at the deadline is killed.
pub(crate) fn wait(child: &mut Child, deadline: Duration, name: &str) -> Result<ExitStatus> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait().because(|| format!("wait for `{name}`"))? {
            return Ok(status);
        }
        if Instant::now() >= end {
            // It may have ended just now; either way the wait that follows is short.
            drop(child.kill());
            child.wait().because(|| format!("wait for `{name}`"))?;
            return Err(Error::Timeout {
                what: format!("`{name}` to end"),
                seconds: deadline.as_secs(),
            });
        }
        thread::sleep(POLL);
    }
}

/// The end of a long output.
pub(crate) fn quote(text: &str) -> &str {
    let text = text.trim();
    let mut start = text.len().saturating_sub(QUOTED);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}

fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        // An error ends the output like its end does.
        drop(pipe.by_ref().take(KEPT).read_to_end(&mut kept));
        drop(std::io::copy(&mut pipe, &mut std::io::sink()));
        sender.send(String::from_utf8_lossy(&kept).into_owned())
    });
    receiver
}

/// A grandchild may hold the pipe open after the program's own end: it is not waited for.
fn received(end: &Receiver<String>) -> String {
    end.recv_timeout(Duration::from_secs(2)).unwrap_or_default()
}

fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = sync_channel(256);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(std::result::Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Call {
        Call::new("sh").args(["-c", script])
    }

    #[test]
    fn output_keeps_both_streams_and_the_status() {
        let output = shell("echo out; echo err >&2; exit 3").output().unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        assert!(!output.success && output.status.contains('3'), "{}", output.status);
    }

    #[test]
    fn text_of_a_failing_program_is_an_error_that_quotes_it() {
        let message = shell("echo broken >&2; exit 1").text().unwrap_err().to_string();
        assert!(message.contains("broken") && message.contains("exit status: 1"), "{message}");
    }

    #[test]
    fn a_program_that_hangs_is_killed_at_its_deadline() {
        let start = Instant::now();
        let error = shell("exec sleep 30").deadline(Duration::from_millis(50)).output();
        assert!(matches!(error, Err(Error::Timeout { .. })));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let message = Call::new("/nowhere/at-all").text().unwrap_err().to_string();
        assert!(message.contains("cannot run `/nowhere/at-all`"), "{message}");
    }

    #[test]
    fn input_reaches_the_program() {
        assert_eq!(Call::new("cat").input("hello").text().unwrap(), "hello");
    }

    #[test]
    fn watched_lines_come_one_by_one_and_a_failure_quotes_them() {
        let mut seen = Vec::new();
        let result = shell("echo one >&2; echo two >&2; exit 1").watch(|line| {
            seen.push(line.to_owned());
        });
        assert_eq!(seen, ["one", "two"]);
        assert!(result.unwrap_err().to_string().contains("one\ntwo"));
    }

    #[test]
    fn a_long_quote_keeps_the_end_and_whole_characters() {
        let long = "é".repeat(QUOTED);
        assert!(quote(&long).len() <= QUOTED && quote(&format!("{long}end")).ends_with("end"));
    }
}

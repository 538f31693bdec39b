//! The program as a child process: started with settings, waited for, ended by its id.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::client::get;

/// Longest wait for a start or an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    child: Child,
    lines: Receiver<String>,
    /// Lives as long as the server.
    directory: Option<tempfile::TempDir>,
}

/// The program with an environment that holds nothing but what a test sets.
pub(super) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-server"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts a server on a free port with `settings`; returns once it listens.
    pub(super) fn start(settings: &[(&str, &str)]) -> Self {
        let mut command = program();
        command.env("LISTEN", "127.0.0.1:0").env("OPEN_DAYS", "all");
        command.envs(settings.iter().copied());
        Self::spawn(command)
    }

    /// Starts `command`, whose `LISTEN` has port 0.
    pub(super) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("standard output is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let give_up = Instant::now() + PATIENCE;
        let address = loop {
            let left = give_up.saturating_duration_since(Instant::now());
            let Ok(line) = lines.recv_timeout(left) else {
                let mut stderr = String::new();
                let _ = child.kill();
                let _ = child.stderr.take().expect("piped").read_to_string(&mut stderr);
                panic!("the server did not listen: {stderr}");
            };
            let line: serde_json::Value = serde_json::from_str(&line).expect("logs are JSON");
            if line["message"] == "listening" {
                break line["address"].as_str().expect("has an address").parse().expect("is one");
            }
        };
        Self { address, child, lines, directory: None }
    }

    /// An embedded server with a directory of its own.
    pub(super) async fn embedded(settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self::embedded_in(directory.path(), settings).await;
        server.directory = Some(directory);
        server
    }

    /// An embedded server in `directory`.
    pub(super) async fn embedded_in(directory: &Path, settings: &[(&str, &str)]) -> Self {
        let data = directory.to_str().expect("a plain path");
        let server = Self::start(&[&[("DATA_DIR", data)], settings].concat());
        server.ready().await;
        server
    }

    /// A server with a database.
    pub(super) async fn with_database(url: &str, settings: &[(&str, &str)]) -> Self {
        let common = [("DATABASE_URL", url), ("MIGRATE_ON_START", "true")];
        let server = Self::start(&[&common[..], settings].concat());
        server.ready().await;
        server
    }

    /// Waits until the server is ready.
    pub(super) async fn ready(&self) {
        let give_up = Instant::now() + PATIENCE;
        while get(self.address, "/readyz").await.status != 200 {
            assert!(Instant::now() < give_up, "the server did not become ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("an id");
        kill(Pid::from_raw(id), signal).expect("the server runs");
    }

    /// Waits for the end; returns how and with what on standard error.
    pub(super) async fn ended(&mut self) -> (ExitStatus, String) {
        let give_up = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("the child is ours") {
                Some(status) => break status,
                None => assert!(Instant::now() < give_up, "the server did not end"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let mut stderr = String::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut stderr).expect("standard error is text");
        }
        (status, stderr)
    }

    /// Memory that the process holds.
    pub(super) fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("Linux tells") / 1024
    }

    /// What was logged since the last call.
    pub(super) fn logged(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

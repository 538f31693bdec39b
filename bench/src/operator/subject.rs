//! The operator that is measured: the real program, run on this machine with a service account's token.

use super::objects::OPERATOR;
use super::process::{Process, Usage};
use super::scale::{SYSTEM, Scale};
use super::wait::until;
use crate::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// From the start until every fleet has been decided once: two reads and a write for each.
const FIRST_PASS: Duration = Duration::from_mins(10);
/// How often its log is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// What it says of a fleet when it decides it for the first time.
const DECIDED: &str = "decided";

/// What it is given.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// Its kubeconfig.
    pub(crate) kubeconfig: &'a Path,
    /// Where Prometheus answers.
    pub(crate) prometheus: &'a str,
    /// Where it answers itself.
    pub(crate) listen: SocketAddr,
    /// Where its log goes.
    pub(crate) folder: &'a Path,
}

/// The operator, while it runs.
pub(crate) struct Subject {
    process: Process,
    started: Instant,
}

/// A line of its log, as far as it is looked at.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    message: String,
    #[serde(default)]
    fleet: String,
}

impl Subject {
    /// Starts it.
    pub(crate) fn start(setting: &Setting<'_>) -> Result<Self> {
        let mut command = Command::new(setting.program);
        command.env_clear().current_dir(setting.folder).envs([
            ("KUBECONFIG", setting.kubeconfig.display().to_string()),
            ("PROMETHEUS_URL", setting.prometheus.to_owned()),
            ("SCRAPE_INTERVAL_SECONDS", super::monitoring::FLEETS_EVERY.as_secs().to_string()),
            ("LISTEN", setting.listen.to_string()),
            ("POD_NAMESPACE", SYSTEM.to_owned()),
            ("POD_NAME", OPERATOR.to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
        ]);
        let started = Instant::now();
        let log = setting.folder.join("operator.log");
        Ok(Self { process: Process::start("the operator", &mut command, &log)?, started })
    }

    /// Waits until it has decided every fleet once; returns how long that took from its start.
    pub(crate) async fn wait_for_all(&mut self, scale: Scale) -> Result<Duration> {
        let open = File::open(self.process.log());
        let file = self.process.log().to_owned();
        let mut log =
            Log::new(open.map_err(|source| Error::File { what: "read", file, source })?);
        let what = format!("the operator to decide {} fleets", scale.fleets);
        until(&what, (LOOK, FIRST_PASS), async || {
            self.process.check()?;
            let decided = log.decided();
            Ok((decided >= scale.fleets as usize).then(|| self.started.elapsed()))
        })
        .await
    }

    /// What it uses now.
    pub(crate) fn usage(&mut self) -> Result<Usage> {
        self.process.usage()
    }
}

/// Its log as it grows.
struct Log {
    reader: BufReader<File>,
    /// The line that is not whole yet.
    line: String,
    fleets: BTreeSet<String>,
}

impl Log {
    fn new(file: File) -> Self {
        Self { reader: BufReader::new(file), line: String::new(), fleets: BTreeSet::new() }
    }

    /// How many fleets have been decided by now.
    fn decided(&mut self) -> usize {
        while self.reader.read_line(&mut self.line).is_ok_and(|read| read > 0) {
            if !self.line.ends_with('\n') {
                break;
            }
            let line = serde_json::from_str::<Line>(&self.line).ok();
            if let Some(line) = line.filter(|line| line.message == DECIDED) {
                self.fleets.insert(line.fleet);
            }
            self.line.clear();
        }
        self.fleets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn fleets_are_counted_once_by_whole_lines_as_the_log_grows() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut log = Log::new(File::open(file.path()).expect("open"));
        assert_eq!(log.decided(), 0);
        let line =
            |fleet: &str| format!(r#"{{"level":"INFO","message":"decided","fleet":"{fleet}"}}"#);
        writeln!(file, "{}\n{}\nno JSON", line("bench/a"), line("bench/a")).expect("written");
        writeln!(file, r#"{{"message":"this copy leads"}}"#).expect("written");
        assert_eq!(log.decided(), 1);
        let (half, rest) = (&line("bench/b")[..20], &line("bench/b")[20..]);
        write!(file, "{half}").expect("written");
        assert_eq!(log.decided(), 1, "the line is not whole");
        writeln!(file, "{rest}").expect("written");
        assert_eq!(log.decided(), 2);
    }
}

//! Load on a fleet, from inside a node's namespace: open model, bounded in count and in time.
//!
//! The generator is `oha`: each connection takes the next request in turn, so all of them are in use (a generator
//! that reuses its most recent connection puts all load on a few), and latency counts from the instant at which a
//! request was due. A run sends an exact number of requests, so what did not come back is known. This file never
//! decides whether a result is good.

use crate::cluster::Cluster;
use crate::error::{Because, Error, Result};
use crate::process::Call;
use crate::supervisor::protocol::Place;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long one request may take before it counts as lost; the API server answers within two seconds.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// How exactly latencies are kept: to a thousandth of themselves.
const SIGNIFICANT_DIGITS: u8 = 3;

/// A steady stream of requests of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// What is asked.
    pub kind: Kind,
    /// Where the service is, as a node sees it.
    pub service: SocketAddr,
    /// Requests per second.
    pub rate: u32,
    /// Connections, all of them used in turn.
    pub connections: u32,
    /// For how long.
    pub lasts: Duration,
}

/// What a stream asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The home page of one of nine hundred thousand users: a read.
    Home,
    /// A claim of one of nine million users: a write. A user who is drawn again has claimed already, and is told so.
    Claim,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests that were sent, or due.
    pub total: u64,
    /// Answers by HTTP status.
    pub by_status: BTreeMap<u16, u64>,
    /// Microseconds from the instant at which a request was due to its answer's last byte.
    latency: Histogram<u64>,
}

/// The generator's output is not what its version promises.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// A row that is not a request.
    #[error(
        "the load generator's output cannot be read: {0}; is it the version that this project pins?"
    )]
    Row(#[from] csv::Error),
    /// A latency beyond what is kept.
    #[error("the load generator reports a latency of {0} s, which is none")]
    Latency(f64),
    /// The histogram cannot be made.
    #[error("latencies cannot be kept: {0}")]
    Create(#[from] hdrhistogram::CreationError),
    /// A latency cannot be kept in it.
    #[error("a latency cannot be kept: {0}")]
    Record(#[from] hdrhistogram::RecordError),
    /// Two histograms cannot be made one.
    #[error("latencies of two streams cannot be added: {0}")]
    Add(#[from] hdrhistogram::AdditionError),
}

/// One row of the generator's output, by the names of its columns.
#[derive(serde::Deserialize)]
struct Row {
    #[serde(rename = "request-duration")]
    seconds: f64,
    status: u16,
}

impl Stream {
    /// How many requests that makes.
    #[must_use]
    pub fn requests(&self) -> u64 {
        u64::from(self.rate).saturating_mul(self.lasts.as_secs())
    }

    /// The generator's arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let limit = REQUEST_LIMIT.as_secs();
        let fixed = format!(
            "-n {} -q {} -c {} -t {limit}s --connect-timeout {limit}s --latency-correction \
             --worker-threads 1 --no-tui --output-format csv --rand-regex-url",
            self.requests(),
            self.rate,
            self.connections,
        );
        // The generator takes a dot for a dot, not for any character.
        let host = self.service;
        let (target, extra): (String, &[&str]) = match self.kind {
            Kind::Home => (format!("http://{host}/v1/users/[1-9][0-9]{{5}}/home"), &[]),
            Kind::Claim => (
                format!("http://{host}/v1/users/[1-9][0-9]{{6}}/claims"),
                &[
                    "-m",
                    "POST",
                    "-H",
                    "idempotency-key: load",
                    "-T",
                    "application/json",
                    "-d",
                    r#"{"day":8}"#,
                ],
            ),
        };
        let words = fixed.split_whitespace().chain(extra.iter().copied());
        words.map(ToOwned::to_owned).chain([target]).collect()
    }

    /// When the generator must have ended, however slow the fleet is.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.lasts + REQUEST_LIMIT * 4
    }
}

/// A stream that is being sent.
pub struct Running {
    thread: JoinHandle<Result<Outcome>>,
}

/// Starts to send a stream from a place in the cluster.
pub(crate) fn start(
    cluster: &Cluster,
    place: &Place,
    generator: &Path,
    stream: Stream,
) -> Result<Running> {
    let output = tempfile::NamedTempFile::new().because(|| "make a file for results".into())?;
    let program = generator.display().to_string();
    let file = output.path().display().to_string();
    let arguments = stream.arguments();
    let argv: Vec<&str> = [program.as_str(), "--output", &file]
        .into_iter()
        .chain(arguments.iter().map(String::as_str))
        .collect();
    let call = Call::from(cluster.command_in(place, &argv)?).deadline(stream.deadline());
    let thread = std::thread::spawn(move || {
        call.text()?;
        let text = std::fs::read(output.path()).because(|| "read the results".into())?;
        Outcome::read(stream.requests(), &text).map_err(|error| Error::Refused(error.to_string()))
    });
    Ok(Running { thread })
}

impl Running {
    /// Waits for the last answer. The generator has a deadline, so this has one too.
    pub fn wait(self) -> Result<Outcome> {
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(Error::Refused("the load's thread panicked".into())))
    }
}

impl Outcome {
    /// Nothing sent yet.
    pub fn none() -> Result<Self, OutcomeError> {
        Ok(Self {
            total: 0,
            by_status: BTreeMap::new(),
            latency: Histogram::new(SIGNIFICANT_DIGITS)?,
        })
    }

    /// What the generator wrote about a stream of so many requests.
    pub fn read(total: u64, output: &[u8]) -> Result<Self, OutcomeError> {
        let mut outcome = Self { total, ..Self::none()? };
        for row in csv::Reader::from_reader(output).deserialize() {
            let Row { seconds, status } = row?;
            let latency = Duration::try_from_secs_f64(seconds);
            let latency = latency.map_err(|_| OutcomeError::Latency(seconds))?;
            outcome.latency.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX))?;
            *outcome.by_status.entry(status).or_default() += 1;
        }
        Ok(outcome)
    }

    /// Adds what another stream saw.
    pub fn add(&mut self, other: &Self) -> Result<(), OutcomeError> {
        self.total += other.total;
        for (status, count) in &other.by_status {
            *self.by_status.entry(*status).or_default() += count;
        }
        Ok(self.latency.add(&other.latency)?)
    }

    /// Requests without a good answer: none at all, or any but 200, 201, and 409 (already claimed).
    #[must_use]
    pub fn failed(&self) -> u64 {
        let good = |status: &u16| matches!(status, 200 | 201 | 409);
        let answered: u64 =
            self.by_status.iter().filter(|(status, _)| good(status)).map(|(_, n)| n).sum();
        self.total.saturating_sub(answered)
    }

    /// Answers with this status.
    #[must_use]
    pub fn with_status(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or_default()
    }

    /// The latency below which so many percent of the answers came, counted from when each was due.
    #[must_use]
    pub fn latency(&self, percentile: f64) -> Duration {
        Duration::from_micros(self.latency.value_at_percentile(percentile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(kind: Kind) -> Stream {
        Stream {
            kind,
            service: SocketAddr::from(([10, 96, 0, 5], 80)),
            rate: 300,
            connections: 20,
            lasts: Duration::from_secs(10),
        }
    }

    fn output(rows: &[(&str, u16)]) -> Vec<u8> {
        let head = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status";
        let row = |(seconds, status): &(&str, u16)| format!("0.1,0,0,0.001,{seconds},120,{status}");
        let lines: Vec<_> = [head.to_owned()].into_iter().chain(rows.iter().map(row)).collect();
        lines.join("\n").into_bytes()
    }

    #[test]
    fn a_stream_is_bounded_in_count_and_time() {
        let home = stream(Kind::Home);
        assert_eq!(home.requests(), 3000);
        assert!(home.deadline() > home.lasts);
        let arguments = home.arguments().join(" ");
        assert!(arguments.starts_with("-n 3000 -q 300 -c 20 "), "{arguments}");
    }

    #[test]
    fn users_are_drawn_at_random_from_one_service() {
        let arguments = stream(Kind::Claim).arguments();
        let url = arguments.last().expect("a URL");
        assert_eq!(url, "http://10.96.0.5:80/v1/users/[1-9][0-9]{6}/claims");
    }

    #[test]
    fn requests_without_an_answer_and_server_errors_are_failures() {
        let seen = output(&[("0.002", 200), ("0.004", 201), ("0.003", 409), ("0.5", 503)]);
        let outcome = Outcome::read(6, &seen).expect("readable");
        assert_eq!(outcome.failed(), 3, "two never came back, one was a 503");
        assert_eq!(outcome.with_status(201), 1);
    }

    #[test]
    fn percentiles_are_those_of_all_streams_together() {
        let mut both = Outcome::read(3, &output(&[("0.001", 200); 3])).expect("readable");
        both.add(&Outcome::read(1, &output(&[("0.1", 200)])).expect("readable")).expect("added");
        assert_eq!(both.total, 4);
        assert!(both.latency(50.0) < Duration::from_millis(2), "{:?}", both.latency(50.0));
        assert!(both.latency(99.0) >= Duration::from_millis(99), "{:?}", both.latency(99.0));
    }

    #[test]
    fn output_that_is_not_the_generators_is_refused() {
        let error = Outcome::read(1, b"a,b\n1,2\n").expect_err("not its columns");
        assert!(error.to_string().contains("version"), "{error}");
        assert!(Outcome::read(1, &output(&[("-1", 200)])).is_err());
    }
}

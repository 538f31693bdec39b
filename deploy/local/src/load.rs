//! Load on a fleet, from inside a node's namespace: open model, bounded in count and in time.
//!
//! The generator is `oha`: each connection takes the next request in turn, so all of them are in use (a generator
//! that reuses its most recent connection puts all load on a few), and latency counts from the instant at which a
//! request was due. A run sends an exact number of requests, so what did not come back is known. This file never
//! decides whether a result is good.

mod kind;
mod outcome;
mod tally;
mod visits;

pub use kind::{Class, Kind};
pub use outcome::{Outcome, OutcomeError};
pub use tally::Tally;
pub use visits::visits;

use crate::cluster::Cluster;
use crate::error::{Because, Error, Result};
use crate::process::Call;
use crate::supervisor::protocol::Place;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long one request may take before it counts as lost; the API server answers within two seconds.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

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
        let fixed = fixed.split_whitespace().map(ToOwned::to_owned);
        fixed.chain(self.kind.words(self.service)).collect()
    }

    /// When the generator must have ended, however slow the fleet is.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.lasts + REQUEST_LIMIT * 4
    }
}

/// A stream that is being sent.
pub struct Running {
    /// What it asks for.
    pub kind: Kind,
    /// When it began.
    pub began: Instant,
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
    let began = Instant::now();
    let thread = std::thread::spawn(move || {
        match call.text() {
            // It writes its results down at its end only, so nothing is known to have come back.
            Err(Error::Timeout { .. }) => return unanswered(&stream),
            ended => drop(ended?),
        }
        let text = std::fs::read(output.path()).because(|| "read the results".into())?;
        Outcome::read(stream.requests(), &text).map_err(|error| Error::Refused(error.to_string()))
    });
    Ok(Running { kind: stream.kind, began, thread })
}

/// What came back of a stream whose generator had to be stopped.
fn unanswered(stream: &Stream) -> Result<Outcome> {
    let nothing = Outcome::read(stream.requests(), b"");
    nothing.map_err(|error| Error::Refused(error.to_string()))
}

impl Running {
    /// Waits for the last answer. The generator has a deadline, so this has one too; of one that is stopped at it, no
    /// request counts as answered.
    pub fn wait(self) -> Result<Outcome> {
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(Error::Refused("the load's thread panicked".into())))
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

    #[test]
    fn a_stream_is_bounded_in_count_and_time() {
        let home = stream(Kind::Home);
        assert_eq!(home.requests(), 3000);
        assert!(home.deadline() > home.lasts);
        let arguments = home.arguments().join(" ");
        assert!(arguments.starts_with("-n 3000 -q 300 -c 20 "), "{arguments}");
    }

    #[test]
    fn all_requests_of_a_generator_that_was_stopped_have_failed() {
        let outcome = unanswered(&stream(Kind::Home)).expect("an outcome");
        assert_eq!((outcome.failed(), outcome.by_status.len()), (3000, 0));
    }
}

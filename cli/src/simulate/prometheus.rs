//! Asks a Prometheus for the traffic of a fleet: one range query, with a deadline. What the answer means is read by `apifleet_sim::trace::prometheus`.

use super::subject::Subject;
use super::typed::Address;
use crate::failure::Failure;
use crate::names::{FleetName, Namespace};
use crate::prometheus::{body, client, innermost};
use crate::run::wait_for;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Weeks of a busy fleet are a long question; the recorded series is a short one.
const DEADLINE: Duration = Duration::from_secs(30);
/// Prometheus gives no more than 11,000 points of a series.
const MOST_POINTS: i64 = 10_900;
/// The shortest step: the recorded rate looks back over a minute.
const SHORTEST_STEP: i64 = 60;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Range {
    /// The query.
    pub(crate) query: String,
    /// From when on.
    pub(crate) start: Timestamp,
    /// Until when.
    pub(crate) end: Timestamp,
}

/// The recorded rate of requests of a fleet.
///
/// # Errors
/// Where the subject is no fleet, or does not say enough to find its series.
pub(super) fn usual_query(subject: &Subject) -> Result<String, Failure> {
    let unknown = || {
        Failure::Usage(format!(
            "{} does not say whose traffic is meant: name the series with --query, as in \
             --query 'apifleet:requests:rate1m{{namespace=\"shop\",fleet=\"shop-api\"}}'",
            subject.title
        ))
    };
    let fleet = subject.fleet.as_ref().ok_or_else(unknown)?;
    // Parsed, so that nothing in a manifest can change the shape of the query.
    let namespace = fleet.namespace.as_deref().and_then(|it| Namespace::parse(it).ok());
    let name = FleetName::parse(&fleet.name).ok();
    let (namespace, name) = namespace.zip(name).ok_or_else(unknown)?;
    Ok(query_of(&namespace, &name))
}

/// The same of a fleet that is named.
pub(crate) fn query_of(namespace: &Namespace, fleet: &FleetName) -> String {
    format!("apifleet:requests:rate1m{{namespace=\"{namespace}\",fleet=\"{fleet}\"}}")
}

/// The body of the answer.
///
/// # Errors
/// Where there is none: one line that says why.
pub(super) fn ask(address: &Address, range: &Range) -> Result<String, Failure> {
    wait_for(answer(address, range, "; ask for less with --start"))
}

/// The same where other work waits as well; `if_late` is what helps where no answer comes in time.
///
/// # Errors
/// Where there is none: one line that says why.
pub(crate) async fn answer(
    address: &Address,
    range: &Range,
    if_late: &str,
) -> Result<String, Failure> {
    let late = |_| Err(format!("no answer within {} s{if_late}", DEADLINE.as_secs()));
    let answer = tokio::time::timeout(DEADLINE, fetch(address, range)).await;
    answer.unwrap_or_else(late).map_err(|why| {
        Failure::NotKnown(format!("Prometheus cannot be asked: {why}; check --prometheus-url"))
    })
}

async fn fetch(address: &Address, range: &Range) -> Result<String, String> {
    let client = client(address)?;
    let step = step(range);
    let (start, end) = (range.start.as_second(), range.end.as_second());
    #[allow(clippy::cast_precision_loss, reason = "seconds of a step are few")]
    let asked = client.query_range(&range.query, start, end, step as f64);
    let limit = i64::try_from(DEADLINE.as_millis()).unwrap_or(i64::MAX);
    let answer = asked.timeout(limit).get_raw().await.map_err(|error| innermost(&error))?;
    body(answer).await
}

/// Whole minutes, and few enough points.
fn step(range: &Range) -> i64 {
    let seconds = range.end.duration_since(range.start).max(SignedDuration::ZERO).as_secs();
    let needed = seconds / MOST_POINTS + 1;
    (needed + SHORTEST_STEP - 1) / SHORTEST_STEP * SHORTEST_STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_whole_minutes_and_never_too_many() {
        let start = Timestamp::UNIX_EPOCH;
        for (hours, seconds) in [(1, 60), (24 * 7, 60), (24 * 31, 300), (24 * 365, 2940)] {
            let end = start.checked_add(SignedDuration::from_hours(hours)).unwrap();
            let range = Range { query: String::new(), start, end };
            assert_eq!(step(&range), seconds, "{hours} hours");
            assert!(hours * 3600 / step(&range) < 11_000, "{hours} hours");
        }
    }
}

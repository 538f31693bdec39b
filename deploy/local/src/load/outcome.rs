//! What came back of a stream, as the generator wrote it down: counts, latencies, and every answer with when it was asked
//! for. What counts as a good answer is decided here; whether there are enough of them is not.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// How exactly latencies are kept: to a thousandth of themselves.
pub(super) const SIGNIFICANT_DIGITS: u8 = 3;

/// What came back.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests that were sent, or due.
    pub total: u64,
    /// Answers by HTTP status.
    pub by_status: BTreeMap<u16, u64>,
    /// Every answer, in the order in which requests were sent.
    answers: Vec<Answer>,
    /// Microseconds from the instant at which a request was due to its answer's last byte.
    latency: Histogram<u64>,
}

/// One answered request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// When it was sent, since the generator began.
    pub(super) sent: Duration,
    /// From the instant at which it was due to its last byte.
    pub(super) latency: Duration,
    pub(super) status: u16,
}

/// The generator's output is not what its version promises.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// A row that is not a request.
    #[error(
        "the load generator's output cannot be read: {0}; is it the version that this project pins?"
    )]
    Row(#[from] csv::Error),
    /// An instant that is none.
    #[error("the load generator reports a request's start that is none: {0}")]
    Start(String),
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
    #[serde(rename = "request-start")]
    start: f64,
    #[serde(rename = "request-duration")]
    seconds: f64,
    status: u16,
}

impl Outcome {
    /// Nothing sent yet.
    pub fn none() -> Result<Self, OutcomeError> {
        Ok(Self {
            total: 0,
            by_status: BTreeMap::new(),
            answers: Vec::new(),
            latency: Histogram::new(SIGNIFICANT_DIGITS)?,
        })
    }

    /// What the generator wrote about a stream of so many requests.
    pub fn read(total: u64, output: &[u8]) -> Result<Self, OutcomeError> {
        let mut outcome = Self { total, ..Self::none()? };
        for row in csv::Reader::from_reader(output).deserialize() {
            let Row { start, seconds, status } = row?;
            let sent = Duration::try_from_secs_f64(start);
            let sent = sent.map_err(|error| OutcomeError::Start(error.to_string()))?;
            let latency = Duration::try_from_secs_f64(seconds);
            let latency = latency.map_err(|_| OutcomeError::Latency(seconds))?;
            outcome.latency.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX))?;
            *outcome.by_status.entry(status).or_default() += 1;
            outcome.answers.push(Answer { sent, latency, status });
        }
        Ok(outcome)
    }

    /// Adds what another stream saw. What was sent when is each stream's own, and is not added.
    pub fn add(&mut self, other: &Self) -> Result<(), OutcomeError> {
        self.total += other.total;
        for (status, count) in &other.by_status {
            *self.by_status.entry(*status).or_default() += count;
        }
        Ok(self.latency.add(&other.latency)?)
    }

    /// Requests without a good answer: none at all, or any but 200, 201, 202, and 409 (already claimed).
    #[must_use]
    pub fn failed(&self) -> u64 {
        let answered: u64 =
            self.by_status.iter().filter(|(status, _)| is_good(**status)).map(|(_, n)| n).sum();
        self.total.saturating_sub(answered)
    }

    /// Answered requests that were sent within so many whole seconds since this stream's generator began: whether
    /// it kept to its rate.
    #[must_use]
    pub fn sent_within(&self, span: Duration) -> u64 {
        let span = Duration::from_secs(span.as_secs());
        let sent = self.answers.iter().filter(|answer| answer.sent < span).count();
        u64::try_from(sent).unwrap_or(u64::MAX)
    }

    /// Every answer.
    pub(super) fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// Requests that were refused because there were too many.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.with_status(503)
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

/// 409 says that the user has claimed already: users are drawn at random.
pub(super) fn is_good(status: u16) -> bool {
    matches!(status, 200 | 201 | 202 | 409)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(rows: &[(&str, u16)]) -> Vec<u8> {
        let head = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status";
        let row = |(seconds, status): &(&str, u16)| format!("0.1,0,0,0.001,{seconds},120,{status}");
        let lines: Vec<_> = [head.to_owned()].into_iter().chain(rows.iter().map(row)).collect();
        lines.join("\n").into_bytes()
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
    fn requests_are_counted_by_the_second_in_which_they_were_sent() {
        let head = "request-start,request-duration,status";
        let rows = ["0.2,0.01,200", "0.9,3.5,200", "1.1,0.01,503", "7.0,0.01,200"];
        let text = [&[head][..], &rows].concat().join("\n");
        let outcome = Outcome::read(5, text.as_bytes()).expect("readable");
        let within = |seconds| outcome.sent_within(Duration::from_secs(seconds));
        assert_eq!([0, 1, 2, 7, 8, 1000].map(within), [0, 2, 3, 3, 4, 4]);
        assert!(Outcome::read(1, format!("{head}\n-1,0.1,200").as_bytes()).is_err());
    }

    #[test]
    fn output_that_is_not_the_generators_is_refused() {
        let error = Outcome::read(1, b"a,b\n1,2\n").expect_err("not its columns");
        assert!(error.to_string().contains("version"), "{error}");
        assert!(Outcome::read(1, &output(&[("-1", 200)])).is_err());
    }
}

//! What several streams saw, by class and by time: how many critical requests failed, and how slow the admitted ones were
//! within a window. Streams of a run begin and end at different times; instants put them on one clock.

use super::outcome::{Answer, SIGNIFICANT_DIGITS, is_good};
use super::{Class, Kind, Outcome, OutcomeError, Running};
use crate::error::Result;
use hdrhistogram::Histogram;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Streams that have ended.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    streams: Vec<Ended>,
}

/// One of them.
#[derive(Debug, Clone)]
struct Ended {
    kind: Kind,
    began: Instant,
    outcome: Outcome,
}

impl Tally {
    /// Waits for streams to end. Each has a deadline, so this has one too.
    pub fn collect(running: impl IntoIterator<Item = Running>) -> Result<Self> {
        let mut tally = Self::default();
        for stream in running {
            let (kind, began) = (stream.kind, stream.began);
            tally.add(kind, began, stream.wait()?);
        }
        Ok(tally)
    }

    /// Adds a stream that has ended.
    pub fn add(&mut self, kind: Kind, began: Instant, outcome: Outcome) {
        self.streams.push(Ended { kind, began, outcome });
    }

    /// All streams together.
    pub fn all(&self) -> Result<Outcome, OutcomeError> {
        sum(&self.streams, |_| true)
    }

    /// The streams of one class together.
    pub fn of(&self, class: Class) -> Result<Outcome, OutcomeError> {
        sum(&self.streams, |kind| kind.class() == class)
    }

    /// The streams of one kind together.
    pub fn of_kind(&self, wanted: Kind) -> Result<Outcome, OutcomeError> {
        sum(&self.streams, |kind| kind == wanted)
    }

    /// The latency below which so many percent of the admitted answers came, of all classes, to requests that were sent
    /// within a window; `None` where there is none.
    pub fn admitted_latency(
        &self,
        window: &Range<Instant>,
        percentile: f64,
    ) -> Result<Option<Duration>, OutcomeError> {
        let mut latency = Histogram::<u64>::new(SIGNIFICANT_DIGITS)?;
        for answer in self.sent_within(window).filter(|answer| is_good(answer.status)) {
            latency.record(u64::try_from(answer.latency.as_micros()).unwrap_or(u64::MAX))?;
        }
        let found = !latency.is_empty();
        Ok(found.then(|| Duration::from_micros(latency.value_at_percentile(percentile))))
    }

    /// Answers other than good ones to requests of a class that were sent within a window. Requests without any answer
    /// are not among them: nobody knows when they were sent.
    #[must_use]
    pub fn refused(&self, class: Class, window: &Range<Instant>) -> usize {
        let of_class = self.streams.iter().filter(|ended| ended.kind.class() == class);
        let answers = of_class.flat_map(|ended| ended.sent_within(window));
        answers.filter(|answer| !is_good(answer.status)).count()
    }

    fn sent_within(&self, window: &Range<Instant>) -> impl Iterator<Item = &Answer> {
        self.streams.iter().flat_map(|ended| ended.sent_within(window))
    }
}

impl Ended {
    fn sent_within(&self, window: &Range<Instant>) -> impl Iterator<Item = &Answer> {
        let inside = |answer: &&Answer| window.contains(&(self.began + answer.sent));
        self.outcome.answers().iter().filter(inside)
    }
}

fn sum(streams: &[Ended], wanted: impl Fn(Kind) -> bool) -> Result<Outcome, OutcomeError> {
    let mut all = Outcome::none()?;
    for ended in streams.iter().filter(|ended| wanted(ended.kind)) {
        all.add(&ended.outcome)?;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request each second, each with its latency in milliseconds and its status.
    fn outcome(rows: &[(u32, u16)]) -> Outcome {
        let rows = rows.iter().enumerate().map(|(second, (milliseconds, status))| {
            format!("{second}.5,{},{status}", f64::from(*milliseconds) / 1000.0)
        });
        let head = "request-start,request-duration,status".to_owned();
        let text = [head].into_iter().chain(rows).collect::<Vec<_>>().join("\n");
        let total = text.lines().count() as u64 - 1;
        Outcome::read(total, text.as_bytes()).unwrap()
    }

    fn seconds(from: Instant, range: Range<u64>) -> Range<Instant> {
        from + Duration::from_secs(range.start)..from + Duration::from_secs(range.end)
    }

    #[test]
    fn classes_are_counted_apart() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        tally.add(Kind::Home, now, outcome(&[(1, 200), (1, 200)]));
        tally.add(Kind::Claim, now, outcome(&[(1, 201), (1, 409)]));
        tally.add(Kind::Campaign, now, outcome(&[(1, 200), (1, 503)]));
        tally.add(Kind::Events, now, outcome(&[(1, 503), (1, 503), (1, 202)]));
        let (critical, background) =
            (tally.of(Class::Critical).unwrap(), tally.of(Class::Background).unwrap());
        assert_eq!((critical.total, critical.failed()), (4, 0));
        assert_eq!((background.total, background.shed()), (3, 2));
        assert_eq!(tally.of(Class::NonCritical).unwrap().shed(), 1);
        assert_eq!(tally.of_kind(Kind::Claim).unwrap().with_status(201), 1);
        assert_eq!(tally.all().unwrap().total, 9);
    }

    #[test]
    fn a_window_holds_what_was_sent_in_it_by_streams_that_began_at_different_times() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        tally.add(Kind::Home, now, outcome(&[(10, 200), (900, 200), (10, 200)]));
        let later = now + Duration::from_secs(1);
        tally.add(Kind::Campaign, later, outcome(&[(500, 503), (20, 200)]));
        let p99 = |range| tally.admitted_latency(&seconds(now, range), 99.0).unwrap();
        assert_eq!(p99(0..1).unwrap().as_millis(), 10);
        assert!(p99(1..2).unwrap() >= Duration::from_millis(899), "refusals are not admitted");
        assert_eq!(p99(2..3).unwrap().as_millis(), 20);
        assert_eq!(p99(9..10), None);
        assert_eq!(tally.refused(Class::NonCritical, &seconds(now, 1..2)), 1);
        assert_eq!(tally.refused(Class::NonCritical, &seconds(now, 2..9)), 0);
        assert_eq!(tally.refused(Class::Critical, &seconds(now, 0..9)), 0);
    }
}

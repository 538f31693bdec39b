//! [`Trace`]: traffic as requests per second, bucket after bucket.
//!
//! [`csv`] reads one from a file, [`prometheus`] from the answer to a range query, [`campaign`] makes one up. How a
//! trace is scaled, smoothed, cut and judged is in `shape`. [`crate::load`] draws whole requests from it.

pub mod campaign;
pub mod csv;
pub mod prometheus;
mod regular;
mod shape;

use jiff::{SignedDuration, Timestamp};

/// The most buckets of a trace: almost four months of seconds.
pub const MOST_BUCKETS: usize = 10_000_000;

/// The longest trace, in seconds: a year and a day.
pub const MOST_SECONDS: u32 = 366 * 86_400;

/// Traffic. Never empty; rates are finite and not negative.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    name: String,
    start: Timestamp,
    bucket: u32,
    rates: Vec<f64>,
    seconds: u32,
}

/// Why something is no trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// There is nothing in it.
    #[error("no traffic: a trace needs at least one bucket")]
    Empty,
    /// A bucket has no width.
    #[error("buckets of 0 seconds: a bucket is at least 1 second wide")]
    NoWidth,
    /// A run of it would not end, or not fit into memory.
    #[error("longer than {MOST_BUCKETS} buckets or 366 days: cut it, or use wider buckets")]
    TooLong,
    /// A rate means nothing.
    #[error("bucket {0} is no rate: requests per second are finite and not negative")]
    NotARate(usize),
    /// It goes on beyond the end of time.
    #[error("it ends later than can be told: start earlier")]
    TooLate,
}

impl Trace {
    /// Traffic from `start`, each of `rates` (requests per second) holding for `bucket` seconds.
    pub fn new(
        name: impl Into<String>,
        start: Timestamp,
        bucket: u32,
        rates: Vec<f64>,
    ) -> Result<Self, TraceError> {
        if rates.is_empty() {
            return Err(TraceError::Empty);
        }
        if bucket == 0 {
            return Err(TraceError::NoWidth);
        }
        let buckets = u32::try_from(rates.len()).map_err(|_| TraceError::TooLong)?;
        let seconds = buckets.checked_mul(bucket).filter(|seconds| *seconds <= MOST_SECONDS);
        let seconds = seconds.filter(|_| rates.len() <= MOST_BUCKETS).ok_or(TraceError::TooLong)?;
        if let Some(bad) = rates.iter().position(|rate| !rate.is_finite() || *rate < 0.0) {
            return Err(TraceError::NotARate(bad));
        }
        // Whole seconds: instants of a run are counted from here.
        let start = Timestamp::from_second(start.as_second()).map_err(|_| TraceError::TooLate)?;
        start
            .checked_add(SignedDuration::from_secs(i64::from(seconds)))
            .map_err(|_| TraceError::TooLate)?;
        Ok(Self { name: name.into(), start, bucket, rates, seconds })
    }

    /// What reports call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same traffic under another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// When it begins.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The width of a bucket, in seconds.
    #[must_use]
    pub const fn bucket(&self) -> u32 {
        self.bucket
    }

    /// Requests per second, bucket after bucket.
    #[must_use]
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(&self) -> u32 {
        self.seconds
    }

    /// The rate in a second after the start. A bucket's rate holds in its middle; between middles the rate changes in a
    /// line, since traffic that was counted by the half hour did not jump every half hour. Buckets of one second are
    /// taken as they are.
    #[must_use]
    pub fn rate_at(&self, second: u32) -> f64 {
        let width = self.bucket.max(1);
        let index = (second / width) as usize;
        let here = self.at(index);
        if width == 1 {
            return here;
        }
        // The middle of this second from the middle of the bucket, as a share of the bucket.
        let offset = (f64::from(second % width) + 0.5) / f64::from(width) - 0.5;
        let next = if offset < 0.0 { self.at(index.saturating_sub(1)) } else { self.at(index + 1) };
        here + (next - here) * offset.abs()
    }

    /// The rate of a bucket; beyond the end that of the last.
    fn at(&self, index: usize) -> f64 {
        self.rates.get(index).or(self.rates.last()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(bucket: u32, rates: &[f64]) -> Result<Trace, TraceError> {
        Trace::new("t", Timestamp::UNIX_EPOCH, bucket, rates.to_vec())
    }

    #[test]
    fn what_cannot_be_run_is_no_trace() {
        assert_eq!(trace(60, &[]), Err(TraceError::Empty));
        assert_eq!(trace(0, &[1.0]), Err(TraceError::NoWidth));
        assert_eq!(trace(60, &[1.0, -1.0]), Err(TraceError::NotARate(1)));
        assert_eq!(trace(60, &[f64::NAN]), Err(TraceError::NotARate(0)));
        assert_eq!(trace(u32::MAX, &[1.0, 1.0]), Err(TraceError::TooLong));
        assert_eq!(trace(MOST_SECONDS, &[1.0, 1.0]), Err(TraceError::TooLong));
        let late = Trace::new("t", Timestamp::MAX, 60, vec![1.0]);
        assert_eq!(late, Err(TraceError::TooLate));
    }

    #[test]
    fn a_rate_moves_in_a_line_between_the_middles_of_buckets() {
        let trace = trace(10, &[100.0, 200.0]).unwrap();
        let at: Vec<f64> = [0, 4, 5, 9, 10, 14, 15, 19].map(|s| trace.rate_at(s)).into();
        assert_eq!(at, [100.0, 100.0, 105.0, 145.0, 155.0, 195.0, 200.0, 200.0]);
    }

    #[test]
    fn seconds_are_taken_as_they_are() {
        let trace = trace(1, &[100.0, 200.0]).unwrap();
        assert_eq!((trace.rate_at(0), trace.rate_at(1)), (100.0, 200.0));
    }
}

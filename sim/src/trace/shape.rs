//! How a trace is scaled, smoothed, cut and judged: pure, each gives another trace or a figure.

use super::Trace;
use std::ops::Range;

/// Seconds of a day.
const DAY: u32 = 86_400;
/// Rates are compared with rates by the minute.
const MINUTE: u32 = 60;

impl Trace {
    /// The same traffic, multiplied so that 99.9 % of the minutes (of the buckets, where those are wider) have at most
    /// this rate. A trace without any requests stays one.
    #[must_use]
    pub fn scaled_to(&self, p99_9_minute: f64) -> Self {
        let mut minutes = self.by_the_minute();
        minutes.sort_by(f64::total_cmp);
        // Nearest rank: the smallest that is not below 99.9 % of them.
        let rank = (minutes.len() * 999).div_ceil(1000).saturating_sub(1);
        let now = minutes.get(rank).copied().unwrap_or_default();
        let factor = if now > 0.0 { p99_9_minute.max(0.0) / now } else { 1.0 };
        self.with(self.rates.iter().map(|rate| rate * factor).collect())
    }

    /// Each rate as the mean of those around it, over so many seconds (rounded down to an odd number of buckets; fewer
    /// at the ends). Takes count noise out before a small trace is multiplied; [`crate::load`] puts in what belongs to
    /// the new rate.
    #[must_use]
    pub fn smoothed(&self, seconds: u32) -> Self {
        let half = (seconds / self.bucket.max(1)).saturating_sub(1) as usize / 2;
        let mean_around = |index: usize| {
            let from = index.saturating_sub(half);
            let to = index.saturating_add(half + 1).min(self.rates.len());
            mean(self.rates.get(from..to).unwrap_or_default())
        };
        self.with((0..self.rates.len()).map(mean_around).collect())
    }

    /// As a trace of a small site becomes one that needs a fleet: smoothed over five minutes, then scaled.
    #[must_use]
    pub fn prepared(&self, p99_9_minute: f64) -> Self {
        self.smoothed(5 * MINUTE).scaled_to(p99_9_minute)
    }

    /// Days of it, counted from its start in 24 hours each; `None` where it has nothing of them.
    #[must_use]
    pub fn days(&self, days: Range<u32>) -> Option<Self> {
        let first = days.start.checked_mul(DAY)?.div_ceil(self.bucket) as usize;
        let last = (days.end.saturating_mul(DAY) / self.bucket) as usize;
        let rates = self.rates.get(first..last.min(self.rates.len()))?.to_vec();
        let start = self.start.as_second() + i64::from(self.bucket) * i64::try_from(first).ok()?;
        let start = jiff::Timestamp::from_second(start).ok()?;
        Self::new(self.name.clone(), start, self.bucket, rates).ok()
    }

    /// The correlation of each bucket with the one a day before; `None` where there is no second day, or nothing ever
    /// changes. From about 0.4 a trace has a daily shape.
    #[must_use]
    pub fn daily_shape(&self) -> Option<f64> {
        let lag = (DAY / self.bucket.max(1)) as usize;
        let today = self.rates.get(lag.max(1)..).filter(|today| !today.is_empty())?;
        let before = self.rates.get(..today.len())?;
        correlation(before, today)
    }

    /// Means of whole minutes; of buckets, where those are wider.
    fn by_the_minute(&self) -> Vec<f64> {
        let buckets = (MINUTE / self.bucket.max(1)).max(1) as usize;
        self.rates.chunks(buckets).map(mean).collect()
    }

    /// Other rates at the same time.
    fn with(&self, rates: Vec<f64>) -> Self {
        Self { name: self.name.clone(), rates, ..*self }
    }
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 buckets")]
fn mean(rates: &[f64]) -> f64 {
    if rates.is_empty() { 0.0 } else { rates.iter().sum::<f64>() / rates.len() as f64 }
}

/// Pearson's; `None` where one of them never changes.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    let scale = (aa * bb).sqrt();
    (scale > 0.0).then(|| ab / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn trace(bucket: u32, rates: Vec<f64>) -> Trace {
        Trace::new("t", Timestamp::UNIX_EPOCH, bucket, rates).unwrap()
    }

    #[test]
    fn scaling_looks_at_minutes_and_past_the_largest_in_a_thousand() {
        let mut rates = vec![10.0; 1999];
        rates.push(1000.0);
        let scaled = trace(60, rates).scaled_to(1400.0);
        assert_eq!(scaled.rates()[0], 1400.0);
        // Seconds are gathered into minutes first: the peak of one second does not count.
        let mut seconds = vec![50.0; 120];
        seconds[3] = 110.0;
        let scaled = trace(1, seconds).scaled_to(102.0);
        assert!((scaled.rates()[0] - 100.0).abs() < 1e-9, "{}", scaled.rates()[0]);
    }

    #[test]
    fn nothing_stays_nothing_when_scaled() {
        assert_eq!(trace(60, vec![0.0; 5]).scaled_to(1400.0).rates(), [0.0; 5]);
    }

    #[test]
    fn smoothing_is_centred_and_keeps_level_and_length() {
        let smooth = trace(60, vec![0.0, 0.0, 0.0, 500.0, 0.0, 0.0, 0.0]).smoothed(300);
        assert_eq!(
            smooth.rates(),
            [0.0, 125.0, 100.0, 100.0, 100.0, 125.0, 0.0],
            "fewer at the ends"
        );
        let wide = trace(300, vec![1.0, 5.0]);
        assert_eq!(wide.smoothed(300), wide);
        assert_eq!(trace(60, vec![7.0; 9]).smoothed(300).rates(), [7.0; 9]);
    }

    #[test]
    fn days_are_cut_from_the_start() {
        let trace = trace(3600, (0..60).map(f64::from).collect());
        let second = trace.days(1..2).unwrap();
        assert_eq!((second.rates().len(), second.rates()[0]), (24, 24.0));
        assert_eq!(second.start().as_second(), 86_400);
        assert_eq!(trace.days(2..7).unwrap().rates().len(), 12, "the last day is a half");
        assert_eq!(trace.days(3..4), None);
        assert_eq!(trace.days(u32::MAX..u32::MAX), None);
    }

    #[test]
    fn a_daily_shape_is_told_from_none() {
        let day = |hour: i32| f64::from((hour % 24 - 12).abs());
        let daily = trace(3600, (0..96).map(day).collect());
        assert!((daily.daily_shape().unwrap() - 1.0).abs() < 1e-9);
        let shifted = trace(3600, (0..96).map(|h| day(h + h / 24 * 12)).collect());
        assert!(shifted.daily_shape().unwrap() < 0.0);
        assert_eq!(trace(3600, vec![5.0; 96]).daily_shape(), None, "nothing changes");
        assert_eq!(trace(3600, vec![5.0; 24]).daily_shape(), None, "there is one day only");
    }
}

//! Knative's sliding window of one-second buckets, and its two averages.
//!
//! After Knative serving 98e5ef9 `pkg/autoscaler/aggregation/bucketing.go` (baselines.md 2.3): only the seconds since the
//! first write count; gaps inside count as nothing, silence at the end is left out of the plain mean.
//! Pure; called by [`super::scaler`].

use crate::baselines::Second;
use serde::Serialize;

/// How the seconds of a window are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Average {
    /// All alike.
    Plain,
    /// The newer, the heavier.
    WeightedExponential,
}

/// A window of one-second buckets.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// The bucket of a second is at its number modulo the length.
    values: Vec<f64>,
    /// The first and the last second that were written; a silence of a whole window starts anew.
    written: Option<(Second, Second)>,
}

/// What the exponential weights leave out of the window's oldest end.
const LEFT_OUT: f64 = 0.9999;
/// The smallest weight of the newest second.
const LEAST_COEFFICIENT: f64 = 0.2;

impl Buckets {
    /// An empty window of so many seconds, at least one.
    #[must_use]
    pub fn new(seconds: u32) -> Self {
        let seconds = usize::try_from(seconds.max(1)).unwrap_or(1);
        Self { values: vec![0.0; seconds], written: None }
    }

    /// Writes a second; one that is no newer than the last adds to what is there, or is too old to count.
    pub fn write(&mut self, at: Second, value: f64) {
        let length = self.length();
        let (first, last) = match self.written {
            Some((first, last)) if at - last < length => (first, last),
            _ => {
                self.values.fill(0.0);
                (at, at)
            }
        };
        for second in last + 1..=at {
            self.put(second, |_| 0.0);
        }
        if at > last - length {
            self.put(at, |old| old + value);
            self.written = Some((first.min(at), last.max(at)));
        }
    }

    /// The average at an instant; `None` where the window holds nothing.
    ///
    /// The peer holds as well, but for one tick: where the last second is exactly as old as the window it averages to 0.
    /// It gets the benefit of holding there too.
    #[must_use]
    pub fn average(&self, now: Second, average: Average) -> Option<f64> {
        let (first, last) = self.written?;
        let silent = (now - last).max(0);
        let seconds = (last - first + 1).min(self.length() - silent);
        if seconds <= 0 {
            return None;
        }
        let values = (0..seconds).map(|ago| self.get(last - ago));
        Some(match average {
            Average::Plain => {
                let mean = values.sum::<f64>() / f64::from(i32::try_from(seconds).ok()?);
                // Cut to six digits, as the peer does against drift.
                (mean * 1e6).floor() / 1e6
            }
            Average::WeightedExponential => {
                let coefficient = self.coefficient();
                let decay = 1.0 - coefficient;
                let newest = coefficient * decay.powi(i32::try_from(silent).ok()?);
                let step =
                    |(sum, weight): (f64, f64), value: f64| (sum + value * weight, weight * decay);
                values.fold((0.0, newest), step).0
            }
        })
    }

    /// The weight of the newest second.
    fn coefficient(&self) -> f64 {
        let length = f64::from(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
        (1.0 - (1.0 - LEFT_OUT).powf(1.0 / length)).max(LEAST_COEFFICIENT)
    }

    fn length(&self) -> Second {
        Second::try_from(self.values.len()).unwrap_or(Second::MAX)
    }

    fn place(&self, second: Second) -> usize {
        usize::try_from(second.rem_euclid(self.length())).unwrap_or_default()
    }

    fn get(&self, second: Second) -> f64 {
        self.values.get(self.place(second)).copied().unwrap_or_default()
    }

    fn put(&mut self, second: Second, change: impl Fn(f64) -> f64) {
        let place = self.place(second);
        if let Some(value) = self.values.get_mut(place) {
            *value = change(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(buckets: &Buckets, now: Second) -> Option<f64> {
        buckets.average(now, Average::Plain)
    }

    fn filled(seconds: std::ops::Range<Second>, value: f64) -> Buckets {
        let mut buckets = Buckets::new(60);
        seconds.for_each(|second| buckets.write(second, value));
        buckets
    }

    #[test]
    fn only_the_seconds_since_the_first_write_count() {
        assert_eq!(plain(&Buckets::new(60), 5), None);
        assert_eq!(plain(&filled(0..6, 30.0), 5), Some(30.0));
    }

    #[test]
    fn old_seconds_leave_the_window() {
        let mut buckets = filled(0..60, 100.0);
        buckets.write(60, 160.0);
        assert_eq!(plain(&buckets, 60), Some(101.0));
    }

    #[test]
    fn a_gap_inside_counts_as_nothing_and_silence_at_the_end_is_left_out() {
        let mut buckets = filled(0..30, 60.0);
        buckets.write(59, 60.0);
        assert_eq!(plain(&buckets, 59), Some(31.0));
        assert_eq!(plain(&filled(0..60, 60.0), 69), Some(60.0));
    }

    #[test]
    fn a_silence_of_a_window_leaves_nothing_and_starts_anew() {
        let mut buckets = filled(0..60, 60.0);
        assert_eq!(plain(&buckets, 118), Some(60.0));
        assert_eq!(plain(&buckets, 119), None);
        assert_eq!(plain(&buckets, 1000), None);
        buckets.write(1000, 5.0);
        assert_eq!(plain(&buckets, 1000), Some(5.0));
    }

    #[test]
    fn writes_to_one_second_add_up_and_late_ones_find_theirs() {
        let mut buckets = Buckets::new(60);
        buckets.write(10, 1.0);
        buckets.write(10, 2.0);
        buckets.write(12, 3.0);
        buckets.write(11, 6.0);
        assert_eq!(plain(&buckets, 12), Some(4.0));
        buckets.write(-100, 99.0);
        assert_eq!(plain(&buckets, 12), Some(4.0));
    }

    #[test]
    fn exponential_weights_fall_by_the_coefficient() {
        // Six seconds: 1 - 0.0001^(1/6) = 0.78.
        let coefficient = 1.0 - 0.0001_f64.powf(1.0 / 6.0);
        let mut buckets = Buckets::new(6);
        buckets.write(0, 100.0);
        buckets.write(1, 50.0);
        let weighted = |now| buckets.average(now, Average::WeightedExponential).unwrap();
        let expected = coefficient * (50.0 + 100.0 * (1.0 - coefficient));
        assert!((weighted(1) - expected).abs() < 1e-9);
        assert!((weighted(3) - expected * (1.0 - coefficient).powi(2)).abs() < 1e-9);
        let long = filled(0..60, 10.0).average(59, Average::WeightedExponential).unwrap();
        assert!((long - 10.0 * (1.0 - 0.8_f64.powi(60))).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn averages_lie_between_nothing_and_the_highest(
            writes in prop::collection::vec((0_i64..300, 0.0..1e6_f64), 1..200), now in 0_i64..400,
        ) {
            let mut sums = std::collections::BTreeMap::new();
            let mut buckets = Buckets::new(60);
            for (at, value) in writes {
                buckets.write(at, value);
                *sums.entry(at).or_insert(0.0) += value;
            }
            let highest = sums.values().copied().fold(0.0, f64::max);
            for average in [Average::Plain, Average::WeightedExponential] {
                if let Some(mean) = buckets.average(now, average) {
                    prop_assert!((0.0..=highest * 1.000_001 + 1e-6).contains(&mean));
                }
            }
        }
    }
}

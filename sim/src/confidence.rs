//! How sure a mean is: the 95 % interval of a percentile bootstrap (Efron 1979), over days or over seeds.
//!
//! Days of one run are not independent of each other, and few seeds say little: an interval is a hint of the spread,
//! not a proof.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

/// Samples that are drawn from the values.
const DRAWS: usize = 2000;

/// A mean, and between what it would lie in 95 of 100 repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean of the values.
    pub mean: f64,
    /// 2.5 % of drawn means are below.
    pub low: f64,
    /// 2.5 % of drawn means are above.
    pub high: f64,
}

/// The interval of the mean of these values; `None` without any, or where one is no number.
#[must_use]
pub fn interval(values: &[f64], seed: u64) -> Option<Interval> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut draw = || {
        let one = |_| values.get(rng.random_range(0..values.len())).copied().unwrap_or_default();
        mean((0..values.len()).map(one))
    };
    let mut means: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    means.sort_by(f64::total_cmp);
    let at = |index: usize| means.get(index).copied();
    let tail = DRAWS / 40;
    Some(Interval {
        mean: mean(values.iter().copied()),
        low: at(tail)?,
        high: at(DRAWS - 1 - tail)?,
    })
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 values")]
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_mean_and_narrows_with_more_days() {
        let days = |n: u32| (0..n).map(|day| f64::from(day % 10)).collect::<Vec<_>>();
        let few = interval(&days(10), 1).unwrap();
        let many = interval(&days(100), 1).unwrap();
        assert!(few.low < 4.5 && 4.5 < few.high && few.mean == 4.5, "{few:?}");
        assert!(many.high - many.low < (few.high - few.low) / 2.0, "{many:?} {few:?}");
        // The standard error of ten values 0..9 is 2.87 / sqrt(10): +-1.78 at 95 %.
        assert!((few.high - few.low - 3.56).abs() < 0.4, "{few:?}");
    }

    #[test]
    fn what_never_changes_is_sure_and_the_seed_makes_the_rest() {
        assert_eq!(interval(&[3.0; 5], 1), Some(Interval { mean: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(interval(&[1.0, 2.0, 4.0], 7), interval(&[1.0, 2.0, 4.0], 7));
    }

    #[test]
    fn nothing_has_no_interval() {
        assert_eq!(interval(&[], 1), None);
        assert_eq!(interval(&[1.0, f64::NAN], 1), None);
    }
}

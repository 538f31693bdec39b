//! Medians and spreads of a few runs, some of which may have no value: what did not happen takes longer than anything
//! that did. Pure.

/// The middle of the values; of an even number of them the mean of both in the middle. `None` where that is a run
/// without a value, or where there is no run.
#[must_use]
pub(crate) fn median(values: &[Option<f64>]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = |from_end: usize| sorted.get(from_end).copied().flatten();
    let (low, high) = (middle(sorted.len().saturating_sub(1) / 2)?, middle(sorted.len() / 2)?);
    Some(f64::midpoint(low, high))
}

/// The smallest and the largest value.
#[must_use]
pub(crate) fn spread(values: &[Option<f64>]) -> [Option<f64>; 2] {
    let sorted = sorted(values);
    [sorted.first().copied().flatten(), sorted.last().copied().flatten()]
}

/// The exponent of the power of x by which y grows: the slope of the straight line that fits the logarithms best, by least
/// squares. `None` where two different x are not there, or a value has no logarithm.
#[must_use]
pub(crate) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    if logs.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| {
        let count = u32::try_from(logs.len()).map_or(f64::NAN, f64::from);
        logs.iter().map(of).sum::<f64>() / count
    };
    let (middle_x, middle_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in logs {
        covariance += (x - middle_x) * (y - middle_y);
        variance += (x - middle_x).powi(2);
    }
    (variance > 0.0).then(|| covariance / variance)
}

fn sorted(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let key = |value: &Option<f64>| value.unwrap_or(f64::INFINITY);
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, two| key(one).total_cmp(&key(two)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_of_an_even_number_the_mean_of_two() {
        assert_eq!(median(&[Some(9.0), Some(1.0), Some(4.0)]), Some(4.0));
        assert_eq!(median(&[Some(9.0), Some(1.0), Some(4.0), Some(6.0)]), Some(5.0));
        assert_eq!(median(&[Some(3.0)]), Some(3.0));
    }

    #[test]
    fn what_never_happened_is_later_than_everything() {
        assert_eq!(median(&[None, Some(1.0), Some(2.0)]), Some(2.0));
        assert_eq!(median(&[None, Some(1.0), None]), None);
        assert_eq!(median(&[None, Some(1.0)]), None);
        assert_eq!(spread(&[Some(5.0), None, Some(1.0)]), [Some(1.0), None]);
    }

    #[test]
    fn no_run_has_no_median() {
        assert_eq!(median(&[]), None);
        assert_eq!(spread(&[]), [None, None]);
    }

    #[test]
    fn an_exponent_says_how_much_faster_than_its_cause_something_grows() {
        let near = |points: &[(f64, f64)], exponent: f64| {
            let found = super::exponent(points).expect("an exponent");
            assert!((found - exponent).abs() < 1e-9, "{found}");
        };
        near(&[(100.0, 5.0), (1_000.0, 50.0), (10_000.0, 500.0)], 1.0);
        near(&[(10.0, 3.0), (100.0, 300.0)], 2.0);
        near(&[(10.0, 8.0), (100.0, 8.0), (1_000.0, 8.0)], 0.0);
        // The line that fits best of three that lie on none.
        near(&[(1.0, 1.0), (1.0, 100.0), (10.0, 100.0)], 1.0);
    }

    #[test]
    fn nothing_grows_from_one_point_or_from_what_has_no_logarithm() {
        for points in [&[][..], &[(10.0, 1.0)], &[(10.0, 1.0), (10.0, 2.0)]] {
            assert_eq!(exponent(points), None);
        }
        assert_eq!(exponent(&[(10.0, 0.0), (100.0, 1.0)]), None);
        assert_eq!(exponent(&[(-1.0, 1.0), (100.0, 1.0)]), None);
    }
}

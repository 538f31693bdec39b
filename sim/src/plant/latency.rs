//! How long requests take in a pod, and the percentile of many seconds of them.
//!
//! A pod works on all of its requests at once, so it is taken for an M/M/1 queue with processor sharing: the time in
//! it is taken for exponential with mean `S / (1 - load)` (Kleinrock, "Queueing Systems" volume 2, 4.4: the mean holds
//! for any distribution of work). `S` follows from the one point that is given: p95 is 200 ms at 85 % of saturation.

use super::{FULL, SLO_MILLIS};

/// The p95 of an exponential is so many times its mean: ln 20.
const P95_OF_MEAN: f64 = 2.995_732_273_553_991;
/// The curve ends here: beyond it requests pile up in the queue, which is counted apart.
const STEEPEST: f64 = 0.98;
/// Classes of means, from [`SMALLEST`] on, four for each doubling: up to 10 s.
const CLASSES: usize = 40;
/// The mean of an idle pod's requests is a little above it, in milliseconds.
const SMALLEST: f64 = 10.0;
/// Halvings when a percentile is looked for: to a millionth of the range.
const HALVINGS: u32 = 20;

/// The mean time of a request in milliseconds, for a load (1 is saturation) and so many milliseconds in the queue.
#[must_use]
pub fn mean_millis(load: f64, waiting: f64) -> f64 {
    let idle = SLO_MILLIS * (1.0 - FULL) / P95_OF_MEAN;
    // Waiting is the same for all requests of a second: it goes into the percentile as it is.
    idle / (1.0 - load.clamp(0.0, STEEPEST)) + waiting / P95_OF_MEAN
}

/// Requests by the mean time of the second in which they came: a mixture of exponentials.
#[derive(Debug, Clone)]
pub struct Sojourns {
    /// Requests, and the sum of their times, a class.
    classes: [(f64, f64); CLASSES],
    requests: f64,
}

impl Default for Sojourns {
    fn default() -> Self {
        Self { classes: [(0.0, 0.0); CLASSES], requests: 0.0 }
    }
}

impl Sojourns {
    /// Adds requests of one second.
    pub fn add(&mut self, requests: f64, mean_millis: f64) {
        if let Some(class) = self.classes.get_mut(class(mean_millis)) {
            class.0 += requests;
            class.1 += requests * mean_millis;
            self.requests += requests;
        }
    }

    /// The 95th percentile in milliseconds; `None` without a request.
    #[must_use]
    pub fn p95(&self) -> Option<f64> {
        let filled = || self.classes.iter().filter(|class| class.0 > 0.0);
        let means = || filled().map(|(requests, sum)| sum / requests);
        let (low, high) = (means().next()?, means().next_back()?);
        let (mut low, mut high) = (low * P95_OF_MEAN, high * P95_OF_MEAN);
        let slower = |than: f64| {
            filled().map(|(n, sum)| n * (-than * n / sum).exp()).sum::<f64>() / self.requests
        };
        for _ in 0..HALVINGS {
            if high - low < 0.01 {
                break;
            }
            let middle = f64::midpoint(low, high);
            if slower(middle) > 0.05 { low = middle } else { high = middle }
        }
        Some(f64::midpoint(low, high))
    }
}

/// The class of a mean: the exponent of its binary form and the first two digits after it, counted from those of the
/// smallest. No logarithm: this is done for every second.
fn class(mean_millis: f64) -> usize {
    let digits = |value: f64| value.to_bits() >> (f64::MANTISSA_DIGITS - 3);
    let class = digits(mean_millis).saturating_sub(digits(SMALLEST));
    usize::try_from(class).unwrap_or(usize::MAX).min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p95(seconds: &[(f64, f64)]) -> f64 {
        let mut sojourns = Sojourns::default();
        for (requests, mean) in seconds {
            sojourns.add(*requests, *mean);
        }
        sojourns.p95().unwrap()
    }

    #[test]
    fn the_curve_goes_through_the_point_that_is_given() {
        let at = |load| p95(&[(100.0, mean_millis(load, 0.0))]);
        assert!((at(FULL) - SLO_MILLIS).abs() < 0.02, "{}", at(FULL));
        assert!((at(0.0) - 30.0).abs() < 0.02);
        assert!((at(50.0 / 70.0) - 105.0).abs() < 0.02);
        assert!((at(5.0) - 1500.0).abs() < 0.1, "it ends at 98 %");
    }

    #[test]
    fn waiting_is_added_as_it_is() {
        let waits = p95(&[(1.0, mean_millis(0.5, 400.0))]);
        assert!((waits - 460.0).abs() < 0.02, "{waits}");
    }

    #[test]
    fn a_mixture_is_no_mean_of_percentiles() {
        // Half of the requests at a mean of 20 ms, half at 200 ms: 0.05 = (e^(-x/20) + e^(-x/200)) / 2.
        let mixed = p95(&[(50.0, 20.0), (50.0, 200.0)]);
        assert!((mixed - 460.517).abs() < 0.1, "{mixed}");
        // A twentieth of slow ones hardly counts, a tenth does.
        assert!(p95(&[(99.0, 20.0), (1.0, 2000.0)]) < 75.0);
        assert!(p95(&[(90.0, 20.0), (10.0, 2000.0)]) > 1000.0);
    }

    #[test]
    fn classes_rise_with_the_mean_and_there_is_one_for_each() {
        assert_eq!([10.0, 11.9, 12.0, 19.9, 20.0, 40.0, 80.0].map(class), [0, 0, 1, 3, 4, 8, 12]);
        assert_eq!([0.0, 1e9, f64::INFINITY].map(class), [0, 39, 39]);
    }

    #[test]
    fn without_requests_there_is_no_percentile() {
        assert_eq!(Sojourns::default().p95(), None);
    }
}

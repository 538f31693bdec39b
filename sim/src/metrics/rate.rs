//! Prometheus' `rate()` over the samples of one counter: what lies between the first and the last sample of the window,
//! stretched to the window's ends as far as samples could lie there (`extrapolatedRate` in Prometheus'
//! `promql/functions.go`). Pure.

/// A gap at an end of the window that is longer than so many sample intervals is not stretched over, but by half of one.
const CLOSE: f64 = 1.1;

/// The samples of a counter inside a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Samples {
    /// How many; a rate needs two.
    pub count: u32,
    /// Seconds from the window's start to the first.
    pub before: f64,
    /// Seconds from the first to the last.
    pub between: f64,
    /// Seconds from the last to the window's end.
    pub after: f64,
    /// The counter at the first.
    pub first: f64,
    /// What it grew by.
    pub increase: f64,
}

/// Per second over the window; `None` where two samples are not there.
#[must_use]
pub fn rate(samples: &Samples) -> Option<f64> {
    let Samples { count, mut before, between, mut after, first, increase } = *samples;
    if count < 2 || between <= 0.0 {
        return None;
    }
    let window = before + between + after;
    let interval = between / f64::from(count - 1);
    if before >= interval * CLOSE {
        before = interval / 2.0;
    }
    if increase > 0.0 && first >= 0.0 {
        // A counter is not stretched to where it would be negative.
        before = before.min(between * first / increase);
    }
    if after >= interval * CLOSE {
        after = interval / 2.0;
    }
    Some(increase * (before + between + after) / between / window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEADY: Samples =
        Samples { count: 12, before: 2.0, between: 55.0, after: 3.0, first: 1e6, increase: 5500.0 };

    fn of(samples: Samples) -> f64 {
        rate(&samples).unwrap()
    }

    #[test]
    fn a_steady_counter_has_its_rate_wherever_the_scrapes_lie() {
        assert!((of(STEADY) - 100.0).abs() < 1e-9);
        let shifted = Samples { before: 4.9, after: 0.1, ..STEADY };
        assert!((of(shifted) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_series_that_begins_inside_the_window_counts_for_its_part() {
        // From 0 at 30 s on: 300 requests until the last sample, in a window of 60 s.
        let young = Samples {
            count: 7,
            before: 27.0,
            between: 30.0,
            after: 3.0,
            first: 0.0,
            increase: 300.0,
        };
        assert!((of(young) - 330.0 / 60.0).abs() < 1e-9, "not stretched below zero");
        let older = Samples { first: 1000.0, ..young };
        assert!((of(older) - 355.0 / 60.0).abs() < 1e-9, "stretched by half an interval");
    }

    #[test]
    fn a_series_that_ended_counts_for_its_part() {
        let ended = Samples {
            before: 2.0,
            between: 25.0,
            count: 6,
            after: 33.0,
            increase: 2500.0,
            ..STEADY
        };
        assert!((of(ended) - 2950.0 / 60.0).abs() < 1e-9);
    }

    #[test]
    fn one_sample_is_no_rate() {
        assert_eq!(rate(&Samples { count: 1, between: 0.0, ..STEADY }), None);
        assert_eq!(rate(&Samples { count: 0, between: 0.0, ..STEADY }), None);
    }

    #[test]
    fn nothing_happened_is_zero() {
        assert_eq!(of(Samples { increase: 0.0, first: 0.0, ..STEADY }), 0.0);
    }
}

//! What one metric makes the HPA propose: External and Object metrics (`AverageValue` and `Value`), and the tolerance.
//!
//! After Kubernetes v1.33 `replica_calculator.go` (baselines.md 2.1). Metrics of pods are in [`super::pods`].
//! Pure; called by the adapters of the HPA and of KEDA.

use super::{Invalid, Proposal};
use crate::baselines::count;

/// A quantity as the metrics APIs carry it: whole thousandths, the rest cut off.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Milli(f64);

/// Larger quantities than this are no longer whole numbers in a double; they saturate.
const LARGEST: f64 = 9e15;

impl Milli {
    /// Nothing.
    pub const ZERO: Self = Self(0.0);
    /// One whole.
    pub const ONE: Self = Self(1000.0);

    /// The quantity, if it is a finite number.
    #[must_use]
    pub fn of(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self((value * 1000.0).trunc().clamp(-LARGEST, LARGEST)))
    }

    /// The thousandths.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// How far a ratio may be from 1 before the HPA acts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Below 1.
    pub down: f64,
    /// Above 1.
    pub up: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { down: 0.1, up: 0.1 }
    }
}

impl Tolerance {
    /// Whether a ratio asks for nothing. NaN does not lie within.
    #[must_use]
    pub fn holds(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// What an External or Object metric is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// So much for each replica of `status.replicas`.
    Average(Milli),
    /// So much in total; the ratio multiplies the Ready pods.
    Total(Milli),
}

/// The counts of pods that the two kinds of target use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// `spec.replicas`.
    pub spec: u32,
    /// `status.replicas`: the pods that exist, Ready or not.
    pub status: u32,
    /// Running and Ready pods.
    pub ready: u32,
}

/// What the HPA proposes for a usage; a target that is not above zero makes the metric invalid, as the API server
/// refuses it.
pub fn propose(usage: Milli, target: Target, counts: Counts, tolerance: Tolerance) -> Proposal {
    let (Target::Average(each) | Target::Total(each)) = target;
    if each <= Milli::ZERO {
        return Err(Invalid::External);
    }
    Ok(match target {
        Target::Average(each) => average(usage, each, counts.status, tolerance),
        Target::Total(total) => value(usage, total, counts, tolerance),
    })
}

/// `AverageValue`: counts the replicas that exist, not those that are Ready.
fn average(usage: Milli, each: Milli, status: u32, tolerance: Tolerance) -> u32 {
    let ratio = usage.get() / (each.get() * f64::from(status));
    if tolerance.holds(ratio) { status } else { count::ceil(usage.get() / each.get()) }
}

/// `Value`: multiplies the Ready pods.
fn value(usage: Milli, total: Milli, counts: Counts, tolerance: Tolerance) -> u32 {
    let ratio = usage.get() / total.get();
    if counts.spec == 0 {
        count::ceil(ratio)
    } else if tolerance.holds(ratio) {
        counts.spec
    } else {
        count::ceil(ratio * f64::from(counts.ready))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn milli(value: f64) -> Milli {
        Milli::of(value).unwrap()
    }

    /// Every replica exists and is Ready.
    fn settled(size: u32) -> Counts {
        Counts { spec: size, status: size, ready: size }
    }

    fn by_average(size: u32, usage: f64, each: f64) -> u32 {
        let target = Target::Average(milli(each));
        propose(milli(usage), target, settled(size), Tolerance::default()).unwrap()
    }

    #[test]
    fn average_value_of_50_asks_for_30_from_10_and_stops_at_28() {
        assert_eq!(by_average(10, 1500.0, 50.0), 30);
        assert_eq!(by_average(28, 1500.0, 50.0), 28);
    }

    #[test]
    fn a_cron_floor_is_first_accepted_short_of_what_it_asks() {
        for (asked, accepted) in [(12, 11), (15, 14), (20, 19), (25, 23), (30, 28)] {
            let first = (1..=asked).find(|size| by_average(*size, f64::from(asked), 1.0) == *size);
            assert_eq!(first, Some(accepted), "asked {asked}");
        }
    }

    #[test]
    fn a_cron_floor_of_25_moves_a_fleet_of_22() {
        assert_eq!(by_average(22, 25.0, 1.0), 25);
    }

    #[test]
    fn a_floor_of_30_holds_down_to_a_ratio_of_nine_tenths() {
        assert_eq!(by_average(30, 27.1, 1.0), 30);
        assert_eq!(by_average(30, 26.9, 1.0), 27);
    }

    #[test]
    fn average_value_counts_pods_that_are_not_ready_yet() {
        let starting = Counts { spec: 30, status: 30, ready: 10 };
        let target = Target::Average(milli(50.0));
        assert_eq!(propose(milli(1500.0), target, starting, Tolerance::default()), Ok(30));
    }

    #[test]
    fn value_multiplies_the_ready_pods_and_holds_the_wanted_ones() {
        let counts = Counts { spec: 20, status: 20, ready: 10 };
        for (usage, expected) in [(200.0, 20), (105.0, 20), (300.0, 30), (50.0, 5)] {
            let target = Target::Total(milli(100.0));
            let proposal = propose(milli(usage), target, counts, Tolerance::default());
            assert_eq!(proposal, Ok(expected), "usage {usage}");
        }
        let none = Counts { spec: 0, status: 0, ready: 0 };
        let target = Target::Total(milli(100.0));
        assert_eq!(propose(milli(250.0), target, none, Tolerance::default()), Ok(3));
    }

    #[test]
    fn thousandths_hide_what_is_below_them() {
        assert_eq!(by_average(10, 1_500.000_1, 50.0), 30);
        assert_eq!(by_average(10, 1_500.001_5, 50.0), 31);
    }

    #[test]
    fn what_is_no_number_is_no_quantity_and_no_target() {
        assert_eq!(Milli::of(f64::NAN), None);
        assert_eq!(Milli::of(f64::INFINITY), None);
        let target = Target::Average(Milli::ZERO);
        let proposal = propose(milli(1.0), target, settled(10), Tolerance::default());
        assert_eq!(proposal, Err(Invalid::External));
    }

    proptest! {
        #[test]
        fn more_usage_never_proposes_fewer(
            size in 1_u32..200, usage in 0.0..20_000.0_f64, more in 0.0..5_000.0_f64, each in 0.1..500.0_f64,
        ) {
            prop_assert!(by_average(size, usage, each) <= by_average(size, usage + more, each));
        }
    }
}

//! KEDA's `fallback` block: what replaces a trigger that has failed too often.
//!
//! After KEDA 8b4f083 `pkg/fallback/fallback.go` (baselines.md 2.2). What it substitutes is a metric, not a size: the
//! HPA's tolerance and maximum still come after it. Pure; called by [`super::scaler`].

use super::prometheus::Unread;
use crate::baselines::hpa::metric::Counts;
use serde::Serialize;

/// The block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// `replicas`.
    pub replicas: u32,
    /// `failureThreshold`: so many failures in a row are only held.
    pub failure_threshold: u32,
    /// `behavior`.
    pub behavior: Substitute,
}

/// What takes the place of the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Substitute {
    /// `static`: the replicas of the block.
    Static,
    /// `currentReplicas`.
    Current,
    /// `currentReplicasIfHigher`.
    CurrentIfHigher,
    /// `currentReplicasIfLower`.
    CurrentIfLower,
}

/// What the trigger is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// `AverageValue`: so much for each replica.
    Average(f64),
    /// `Value`: so much in total.
    Total(f64),
}

/// Failures in a row of one trigger. KEDA keeps them in the status of its object: a restart loses none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    failures: u32,
}

impl Health {
    /// The value that the HPA gets.
    ///
    /// # Errors
    /// [`Unread`] while failures are held, without a block, and for a total where no replica is Ready.
    pub fn judge(
        &mut self,
        reading: Result<f64, Unread>,
        fallback: Option<&Fallback>,
        threshold: Threshold,
        counts: Counts,
    ) -> Result<f64, Unread> {
        if let Ok(value) = reading {
            self.failures = 0;
            return Ok(value);
        }
        self.failures = self.failures.saturating_add(1);
        match fallback {
            Some(fallback) if self.failures > fallback.failure_threshold => {
                fallback.value(threshold, counts)
            }
            _ => Err(Unread),
        }
    }
}

impl Fallback {
    fn value(&self, threshold: Threshold, counts: Counts) -> Result<f64, Unread> {
        let replicas = f64::from(match self.behavior {
            Substitute::Static => self.replicas,
            Substitute::Current => counts.spec,
            Substitute::CurrentIfHigher => counts.spec.max(self.replicas),
            Substitute::CurrentIfLower => counts.spec.min(self.replicas),
        });
        match threshold {
            Threshold::Average(each) => Ok(each * replicas),
            Threshold::Total(_) if counts.ready == 0 => Err(Unread),
            Threshold::Total(total) => Ok(total * replicas / f64::from(counts.ready)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::hpa::metric::{Milli, Target, Tolerance, propose};

    const BLOCK: Fallback =
        Fallback { replicas: 25, failure_threshold: 3, behavior: Substitute::Static };
    const EACH: Threshold = Threshold::Average(50.0);

    fn counts(size: u32) -> Counts {
        Counts { spec: size, status: size, ready: size }
    }

    #[test]
    fn failures_are_held_up_to_the_threshold_and_replaced_above_it() {
        let mut health = Health::default();
        let mut fails = || health.judge(Err(Unread), Some(&BLOCK), EACH, counts(10));
        assert_eq!([fails(), fails(), fails()], [Err(Unread); 3]);
        assert_eq!(fails(), Ok(1250.0));
    }

    #[test]
    fn one_success_starts_the_count_again() {
        let mut health = Health { failures: 3 };
        assert_eq!(health.judge(Ok(7.0), Some(&BLOCK), EACH, counts(10)), Ok(7.0));
        assert_eq!(health.judge(Err(Unread), Some(&BLOCK), EACH, counts(10)), Err(Unread));
    }

    #[test]
    fn without_a_block_failures_are_held_for_ever() {
        let mut health = Health::default();
        for _ in 0..1000 {
            assert_eq!(health.judge(Err(Unread), None, EACH, counts(10)), Err(Unread));
        }
    }

    #[test]
    fn the_substitute_still_passes_the_tolerance_so_25_is_accepted_at_23() {
        let value = BLOCK.value(EACH, counts(23)).unwrap();
        let target = Target::Average(Milli::of(50.0).unwrap());
        let asked =
            |size| propose(Milli::of(value).unwrap(), target, counts(size), Tolerance::default());
        assert_eq!((asked(22), asked(23)), (Ok(25), Ok(23)));
    }

    #[test]
    fn each_behavior_takes_its_count() {
        for (behavior, at_20, at_30) in [
            (Substitute::Static, 25.0, 25.0),
            (Substitute::Current, 20.0, 30.0),
            (Substitute::CurrentIfHigher, 25.0, 30.0),
            (Substitute::CurrentIfLower, 20.0, 25.0),
        ] {
            let block = Fallback { behavior, ..BLOCK };
            let value = |size| block.value(Threshold::Average(1.0), counts(size));
            assert_eq!((value(20), value(30)), (Ok(at_20), Ok(at_30)), "{behavior:?}");
        }
    }

    #[test]
    fn a_total_is_spread_over_the_ready_pods_and_fails_without_any() {
        let total = Threshold::Total(100.0);
        assert_eq!(BLOCK.value(total, counts(10)), Ok(250.0));
        assert_eq!(BLOCK.value(total, Counts { ready: 0, ..counts(10) }), Err(Unread));
    }
}

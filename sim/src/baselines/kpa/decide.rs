//! One tick of Knative's KPA: from two averages to a size, with its panic mode.
//!
//! After Knative serving 98e5ef9 `pkg/autoscaler/scaling/autoscaler.go` (baselines.md 2.3).
//! Pure; called by [`super::scaler`].

use crate::baselines::Second;
use crate::baselines::count;
use serde::Serialize;
use std::collections::VecDeque;

/// Seconds between two ticks.
pub const TICK: u32 = 2;

/// What a tick depends on beside the averages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rules {
    /// What a pod is to carry of the metric.
    pub target: f64,
    /// What a pod can carry: for the excess burst capacity.
    pub total: f64,
    /// `stable-window`, in seconds.
    pub stable_window: u32,
    /// `panic-threshold-percentage`, as a ratio.
    pub panic_threshold: f64,
    /// `max-scale-up-rate`.
    pub max_up: f64,
    /// `max-scale-down-rate`.
    pub max_down: f64,
    /// `target-burst-capacity`.
    pub burst: Burst,
    /// `activation-scale`.
    pub activation_scale: u32,
    /// `scale-down-delay`, in seconds.
    pub scale_down_delay: u32,
    /// Whether routes lead to the revision.
    pub reachable: bool,
}

/// `target-burst-capacity`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Burst {
    /// -1: the activator is always in the path.
    Unlimited,
    /// 0: it is in the path only of a revision that sleeps.
    None,
    /// It is in the path while less is left over.
    Spare(f64),
}

/// Knative's default of `target-burst-capacity`.
pub const BURST: f64 = 211.0;
/// Knative's default of `requests-per-second-target-default` ...
pub const RPS_TARGET: f64 = 200.0;
/// ... and how much of a target is used.
pub const UTILISATION: f64 = 0.7;
/// The smallest target.
const TARGET_MIN: f64 = 0.01;

impl Rules {
    /// Knative's defaults for what a pod is to carry.
    #[must_use]
    pub fn with_target(target: f64) -> Self {
        let target = target.max(TARGET_MIN);
        Self {
            target,
            total: target / UTILISATION,
            stable_window: 60,
            panic_threshold: 2.0,
            max_up: 1000.0,
            max_down: 2.0,
            burst: Burst::Spare(BURST),
            activation_scale: 1,
            scale_down_delay: 0,
            reachable: true,
        }
    }
}

/// What the autoscaler of one revision keeps; in memory only.
#[derive(Debug, Clone)]
pub struct Decider {
    panic_since: Option<Second>,
    max_panic: u32,
    /// Sizes of the ticks that the delay looks back at, each by the number of its tick.
    recent: VecDeque<(Second, u32)>,
}

/// What a tick came to; before the bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The size.
    pub desired: u32,
    /// How much more could be carried at once; below zero the activator is in the path.
    pub excess_burst: f64,
    /// Whether it panics.
    pub panicking: bool,
}

/// The averages of a tick: totals over the revision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Averages {
    /// Over the stable window.
    pub stable: f64,
    /// Over the panic window.
    pub panic: f64,
}

impl Decider {
    /// An autoscaler that has just started. Over more than one pod it begins in panic: without history it must not
    /// scale down.
    #[must_use]
    pub fn new(now: Second, ready: u32) -> Self {
        Self { panic_since: (ready > 1).then_some(now), max_panic: ready, recent: VecDeque::new() }
    }

    /// One tick.
    pub fn tick(&mut self, now: Second, ready: u32, seen: Averages, rules: &Rules) -> Decision {
        let pods = f64::from(ready.max(1));
        let up = (rules.max_up * pods).ceil();
        let down = if rules.reachable { (pods / rules.max_down).floor() } else { 0.0 };
        let wanted = |average: f64| (average / rules.target).ceil();
        let size = |average| {
            let wanted = wanted(average);
            let size = count::floor(wanted.max(down).min(up));
            let lifts = rules.activation_scale > 1 && wanted > 0.0;
            if lifts { size.max(rules.activation_scale) } else { size }
        };
        let (stable, panic) = (size(seen.stable), size(seen.panic));
        self.panic_or_calm(now, wanted(seen.panic) / pods >= rules.panic_threshold, rules);
        let mut desired = stable;
        if self.panic_since.is_some() {
            self.max_panic = self.max_panic.max(stable).max(panic);
            desired = self.max_panic;
        }
        Decision {
            desired: self.delay(now, desired, rules),
            excess_burst: excess_burst(ready, seen.panic, rules),
            panicking: self.panic_since.is_some(),
        }
    }

    fn panic_or_calm(&mut self, now: Second, is_over: bool, rules: &Rules) {
        if is_over {
            self.panic_since = Some(now);
            return;
        }
        let window = Second::from(rules.stable_window);
        if self.panic_since.is_some_and(|since| since + window < now) {
            self.panic_since = None;
            self.max_panic = 0;
        }
    }

    /// The largest size of the delay's window.
    fn delay(&mut self, now: Second, desired: u32, rules: &Rules) -> u32 {
        if rules.scale_down_delay == 0 || !rules.reachable {
            return desired;
        }
        let tick = now.div_euclid(Second::from(TICK));
        let ticks = Second::from(rules.scale_down_delay.div_ceil(TICK));
        self.recent.push_back((tick, desired));
        while self.recent.front().is_some_and(|(at, _)| *at <= tick - ticks) {
            self.recent.pop_front();
        }
        self.recent.iter().map(|(_, size)| *size).max().unwrap_or(desired)
    }
}

fn excess_burst(ready: u32, panic: f64, rules: &Rules) -> f64 {
    match rules.burst {
        Burst::Unlimited => -1.0,
        Burst::None => 0.0,
        Burst::Spare(spare) => (f64::from(ready) * rules.total - spare - panic).floor(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Knative's default for requests per second.
    fn rules() -> Rules {
        Rules::with_target(RPS_TARGET * UTILISATION)
    }

    fn seen(stable: f64, panic: f64) -> Averages {
        Averages { stable, panic }
    }

    fn calm() -> Decider {
        Decider::new(0, 0)
    }

    #[test]
    fn steady_load_of_1000_on_8_is_calm_with_389_to_spare() {
        let decision = calm().tick(0, 8, seen(1000.0, 1000.0), &rules());
        assert_eq!(decision, Decision { desired: 8, excess_burst: 389.0, panicking: false });
    }

    #[test]
    fn a_panic_average_of_3000_panics_to_22() {
        let mut decider = calm();
        decider.tick(0, 8, seen(1000.0, 1000.0), &rules());
        let decision = decider.tick(2, 8, seen(1000.0, 3000.0), &rules());
        assert_eq!(decision, Decision { desired: 22, excess_burst: -1611.0, panicking: true });
    }

    #[test]
    fn panic_holds_at_28_seconds_and_halves_at_61() {
        let mut decider = calm();
        decider.tick(0, 8, seen(1000.0, 3000.0), &rules());
        let held = decider.tick(28, 22, seen(1100.0, 1100.0), &rules());
        assert_eq!((held.desired, held.panicking), (22, true));
        assert!(decider.clone().tick(60, 22, seen(1100.0, 1100.0), &rules()).panicking);
        let left = decider.tick(61, 22, seen(1100.0, 1100.0), &rules());
        assert_eq!((left.desired, left.panicking), (11, false));
    }

    #[test]
    fn every_look_above_the_threshold_prolongs_the_panic() {
        let mut decider = calm();
        decider.tick(0, 8, seen(1000.0, 3000.0), &rules());
        decider.tick(40, 8, seen(1000.0, 3000.0), &rules());
        assert!(decider.tick(100, 22, seen(1100.0, 1100.0), &rules()).panicking);
        assert!(!decider.tick(102, 22, seen(1100.0, 1100.0), &rules()).panicking);
    }

    #[test]
    fn panic_takes_the_larger_of_both_averages_and_never_goes_down() {
        let mut decider = calm();
        assert_eq!(decider.tick(0, 2, seen(5000.0, 1400.0), &rules()).desired, 36);
        assert_eq!(decider.tick(2, 2, seen(100.0, 600.0), &rules()).desired, 36);
    }

    #[test]
    fn a_start_over_several_pods_holds_them_for_a_window() {
        let mut decider = Decider::new(0, 20);
        let quiet = seen(0.0, 0.0);
        assert_eq!(decider.tick(2, 20, quiet, &rules()).desired, 20);
        assert_eq!(decider.tick(60, 20, quiet, &rules()).desired, 20);
        assert_eq!(decider.tick(62, 20, quiet, &rules()).desired, 10);
        assert_eq!(Decider::new(0, 1).tick(2, 1, quiet, &rules()).desired, 0);
    }

    #[test]
    fn rates_limit_both_ways_and_always_let_one_pod_grow() {
        let slow = Rules { max_up: 1.1, target: 1.0, ..rules() };
        assert_eq!(calm().tick(0, 2, seen(3.0, 3.0), &slow).desired, 3);
        assert_eq!(calm().tick(0, 9, seen(0.0, 0.0), &rules()).desired, 4);
        let unreachable = Rules { reachable: false, ..rules() };
        assert_eq!(calm().tick(0, 9, seen(0.0, 0.0), &unreachable).desired, 0);
    }

    #[test]
    fn activation_scale_lifts_what_is_not_zero() {
        let lifted = Rules { activation_scale: 5, ..rules() };
        assert_eq!(calm().tick(0, 0, seen(100.0, 100.0), &lifted).desired, 5);
        assert_eq!(calm().tick(0, 0, seen(0.0, 0.0), &lifted).desired, 0);
    }

    #[test]
    fn the_delay_keeps_the_largest_size_of_its_window() {
        let delayed = Rules { scale_down_delay: 60, ..rules() };
        let mut decider = calm();
        assert_eq!(decider.tick(0, 10, seen(1400.0, 1400.0), &delayed).desired, 10);
        assert_eq!(decider.tick(58, 10, seen(700.0, 700.0), &delayed).desired, 10);
        assert_eq!(decider.tick(60, 10, seen(700.0, 700.0), &delayed).desired, 5);
    }

    #[test]
    fn burst_capacity_has_two_special_values() {
        for (burst, excess) in [(Burst::Unlimited, -1.0), (Burst::None, 0.0)] {
            let rules = Rules { burst, ..rules() };
            let decision = calm().tick(0, 8, seen(1000.0, 1000.0), &rules);
            assert!((decision.excess_burst - excess).abs() < f64::EPSILON);
        }
    }

    proptest! {
        #[test]
        fn never_above_the_rate_nor_below_the_half(
            ready in 0_u32..500, stable in any::<f64>(), panic in any::<f64>(),
        ) {
            let decision = calm().tick(0, ready, seen(stable, panic), &rules());
            prop_assert!(decision.desired <= ready.max(1) * 1000);
            prop_assert!(decision.desired >= ready / 2);
        }
    }
}

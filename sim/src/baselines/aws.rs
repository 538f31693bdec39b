//! AWS target tracking: two alarms on the mean load of an instance, one that adds and one that removes.
//!
//! AWS does not publish its rule. This is its documented behaviour with a stated approximation (baselines.md 2.5), in two
//! variants of scale-in that are both reported. A capacity that a schedule sets is a minimum from its start to its end.
//! Without datapoints an alarm has `INSUFFICIENT_DATA` and nothing happens. It runs in AWS: a restart of ours takes nothing
//! from it. Not modelled: predictive scaling; datapoints are not delayed further.

use super::calendar::Schedule;
use super::{Settings, count};
use crate::scaler::{Scaler, View};
use serde::Serialize;
use std::collections::VecDeque;

/// Seconds between two datapoints, and between two evaluations.
const PERIOD: u32 = 60;
/// Datapoints above the target that make the high alarm.
const HIGH_POINTS: usize = 3;
/// Datapoints below nine tenths of the target that make the low alarm.
const LOW_POINTS: usize = 15;
/// The low alarm's share of the target.
const LOW_SHARE: f64 = 0.9;
/// Variant B removes at most one instance in so many at a time.
const GRADUAL: u32 = 10;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuning {
    /// The target, as a share of the load that a replica is planned to carry.
    pub load: f64,
    /// Seconds after it is Ready that an instance is left out of the mean: by default the default cooldown.
    pub warm_up: u32,
    /// How it scales in.
    pub scale_in: ScaleIn,
    /// Whether there are scheduled actions: the windows of the [`Settings`].
    pub scheduled: bool,
}

/// How it scales in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ScaleIn {
    /// Variant A: in proportion to the load, at once.
    Proportional,
    /// Variant B: a tenth of the fleet at a time.
    Gradual,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { load: 1.0, warm_up: 300, scale_in: ScaleIn::Proportional, scheduled: false }
    }
}

impl Tuning {
    /// Variant B.
    #[must_use]
    pub fn gradual() -> Self {
        Self { scale_in: ScaleIn::Gradual, ..Self::default() }
    }

    /// With scheduled actions.
    #[must_use]
    pub fn with_schedule() -> Self {
        Self { scheduled: true, ..Self::default() }
    }

    /// What is tried: five targets and three warm-up times. 15 sets; the variant and the schedule stay.
    #[must_use]
    pub fn grid(self) -> Vec<Self> {
        let mut grid = Vec::new();
        for load in [0.6, 0.7, 0.8, 0.9, 1.0] {
            for warm_up in [0, 60, 300] {
                grid.push(Self { load, warm_up, ..self });
            }
        }
        grid
    }
}

/// The group of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The capacity, warming instances included.
    pub capacity: u32,
    /// Instances whose load counts.
    pub warmed: u32,
    /// The smallest and the largest capacity.
    pub bounds: (u32, u32),
}

/// The last datapoints: the mean load of an instance, minute by minute.
#[derive(Debug, Clone, Default)]
pub struct Alarms(VecDeque<Option<f64>>);

impl Alarms {
    /// The next minute: the capacity that the policy sets.
    pub fn evaluate(
        &mut self,
        datapoint: Option<f64>,
        target: f64,
        scale_in: ScaleIn,
        group: Group,
    ) -> u32 {
        let Group { capacity, warmed, bounds: (min, max) } = group;
        self.0.push_front(datapoint.filter(|mean| mean.is_finite()));
        self.0.truncate(LOW_POINTS);
        let Some(mean) = self.0.front().copied().flatten() else {
            return count::within(capacity, group.bounds);
        };
        let wanted = |instances: u32| count::ceil(f64::from(instances) * mean / target);
        if self.have(HIGH_POINTS, |mean| mean > target) {
            // Warming instances are in the capacity, not in the load: what they will carry is not asked for twice.
            let out = capacity.max(wanted(warmed).min(max));
            return count::within(out, group.bounds);
        }
        if warmed >= capacity && self.have(LOW_POINTS, |mean| mean < LOW_SHARE * target) {
            let step = capacity.div_ceil(GRADUAL);
            let lowest = match scale_in {
                ScaleIn::Proportional => min,
                ScaleIn::Gradual => capacity.saturating_sub(step).max(min),
            };
            return count::within(wanted(capacity).max(lowest).min(capacity), group.bounds);
        }
        count::within(capacity, group.bounds)
    }

    /// Whether so many of the last datapoints are there and breach.
    fn have(&self, points: usize, breaches: impl Fn(f64) -> bool) -> bool {
        let mut last = self.0.iter().take(points);
        self.0.len() >= points && last.all(|mean| mean.is_some_and(&breaches))
    }
}

/// A target-tracking policy on a group as the simulator runs it.
#[derive(Debug, Clone)]
pub struct TargetTracking {
    name: String,
    tuning: Tuning,
    target: f64,
    schedules: Vec<Schedule>,
    alarms: Alarms,
}

impl TargetTracking {
    /// A policy that was just created.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let schedules = if tuning.scheduled { settings.schedules() } else { Vec::new() };
        let target = settings.target_per_replica * tuning.load;
        Self { name: name.into(), tuning, target, schedules, alarms: Alarms::default() }
    }
}

impl Scaler for TargetTracking {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        PERIOD
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let (min, max) = view.bounds;
        let open = self.schedules.iter_mut().filter_map(|schedule| {
            schedule.at(view.now).active.then_some(schedule.window().replicas)
        });
        let min = open.fold(min, u32::max).min(max);
        let warm_up = i64::from(self.tuning.warm_up);
        let is_warm = |age: i64| age >= warm_up;
        let warmed = view.pods.iter().filter(|pod| pod.ready_for(view.now).is_some_and(is_warm));
        let warmed = u32::try_from(warmed.count()).unwrap_or(u32::MAX);
        let total = view.metrics.mean(PERIOD).filter(|_| warmed > 0);
        let mean = total.map(|total| total / f64::from(view.ready.max(1)));
        let group = Group { capacity: view.wanted, warmed, bounds: (min, max) };
        Some(self.alarms.evaluate(mean, self.target, self.tuning.scale_in, group))
    }

    fn restart(&mut self, _view: &View<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled, starting};
    use proptest::prelude::*;

    const TARGET: f64 = 50.0;

    fn group(capacity: u32) -> Group {
        Group { capacity, warmed: capacity, bounds: (2, 30) }
    }

    /// The capacity after each of these datapoints, all instances warm.
    fn run(scale_in: ScaleIn, capacity: u32, means: &[Option<f64>]) -> Vec<u32> {
        let mut alarms = Alarms::default();
        let mut capacity = capacity;
        let step = |mean: &Option<f64>| {
            capacity = alarms.evaluate(*mean, TARGET, scale_in, group(capacity));
            capacity
        };
        means.iter().map(step).collect()
    }

    #[test]
    fn three_minutes_above_the_target_scale_out_in_proportion() {
        let sizes = run(ScaleIn::Proportional, 10, &[Some(100.0); 3]);
        assert_eq!(sizes, [10, 10, 20]);
        assert_eq!(run(ScaleIn::Proportional, 10, &[Some(50.1); 3]), [10, 10, 11]);
        assert_eq!(run(ScaleIn::Proportional, 10, &[Some(50.0); 9]), [10; 9]);
    }

    #[test]
    fn fifteen_minutes_below_nine_tenths_scale_in() {
        let proportional = run(ScaleIn::Proportional, 20, &[Some(10.0); 15]);
        assert_eq!(proportional, [[20; 14].as_slice(), &[4]].concat());
        let gradual = run(ScaleIn::Gradual, 20, &[Some(10.0); 18]);
        assert_eq!(gradual, [[20; 14].as_slice(), &[18, 16, 14, 12]].concat());
        assert_eq!(run(ScaleIn::Proportional, 20, &[Some(45.0); 40]), [20; 40]);
    }

    #[test]
    fn a_missing_or_odd_datapoint_starts_the_count_again_and_changes_nothing() {
        for odd in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            let means = [Some(100.0), Some(100.0), odd, Some(100.0), Some(100.0), Some(100.0)];
            assert_eq!(run(ScaleIn::Proportional, 10, &means), [10, 10, 10, 10, 10, 20]);
            assert_eq!(run(ScaleIn::Gradual, 20, &[odd; 40]), [20; 40]);
        }
    }

    #[test]
    fn warming_instances_are_not_asked_for_twice_and_forbid_removal() {
        let mut alarms = Alarms::default();
        let warming = Group { warmed: 10, ..group(20) };
        let out: Vec<u32> = (0..5)
            .map(|_| alarms.evaluate(Some(100.0), TARGET, ScaleIn::Gradual, warming))
            .collect();
        assert_eq!(out, [20; 5]);
        let mut calm = Alarms::default();
        for _ in 0..40 {
            assert_eq!(calm.evaluate(Some(10.0), TARGET, ScaleIn::Proportional, warming), 20);
        }
        assert_eq!(calm.evaluate(Some(10.0), TARGET, ScaleIn::Proportional, group(20)), 4);
    }

    #[test]
    fn a_scheduled_action_sets_a_minimum_from_its_start_to_its_end() {
        let settings = Settings::default();
        for (now, expected) in [("2026-12-08T08:00:00Z", 20), ("2026-12-08T20:00:00Z", 10)] {
            let stage = Stage::at(now, settled(10), 500.0);
            let mut policy = TargetTracking::new("aws", Tuning::with_schedule(), &settings);
            assert_eq!(policy.look(&stage.view()), Some(expected), "{now}");
        }
    }

    #[test]
    fn instances_that_start_or_warm_up_are_left_out() {
        let mut pods = settled(10);
        pods.push(starting());
        let mut stage = Stage::new(pods, 1000.0);
        let mut policy = TargetTracking::new("aws", Tuning::default(), &Settings::default());
        let mut sizes = Vec::new();
        for _ in 0..4 {
            sizes.push(policy.look(&stage.view()).unwrap());
            stage.advance(60);
        }
        // Ten warm instances at 100, then at 1000 / 11.
        assert_eq!(sizes, [11, 11, 19, 19]);
    }

    proptest! {
        #[test]
        fn never_outside_the_bounds(
            means in prop::collection::vec(prop::option::of(any::<f64>()), 1..60),
            capacity in 0_u32..60, gradual in any::<bool>(),
        ) {
            let scale_in = if gradual { ScaleIn::Gradual } else { ScaleIn::Proportional };
            for size in run(scale_in, capacity, &means) {
                prop_assert!((2..=30).contains(&size));
            }
        }
    }
}

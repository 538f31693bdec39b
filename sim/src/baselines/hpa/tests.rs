//! The whole sync, against the vectors of baselines.md 2.6 and the rules of 2.1.

use super::behavior::{Amount, Policy, Rules, Select};
use super::metric::{Counts, Milli, Target, Tolerance, propose};
use super::*;
use proptest::prelude::*;

const BOUNDS: (u32, u32) = (10, 30);

/// An HPA on `External AverageValue` 50 whose pods exist at once.
struct Fleet {
    hpa: Hpa,
    size: u32,
    changes: Vec<(Second, u32)>,
}

impl Fleet {
    fn new(behavior: Option<Behavior>, size: u32) -> Self {
        Self { hpa: Hpa::new(behavior), size, changes: Vec::new() }
    }

    fn sync(&mut self, second: Second, rps: f64) -> Synced {
        let counts = Counts { spec: self.size, status: self.size, ready: self.size };
        let target = Target::Average(Milli::of(50.0).unwrap());
        let proposal = propose(Milli::of(rps).unwrap(), target, counts, Tolerance::default());
        self.apply(second, &[proposal])
    }

    fn apply(&mut self, second: Second, proposals: &[Proposal]) -> Synced {
        let sync = self.hpa.sync(second, self.size, BOUNDS, proposals);
        if sync.replicas != self.size {
            self.changes.push((second, sync.replicas));
        }
        self.size = sync.replicas;
        sync
    }

    fn run(&mut self, seconds: std::ops::Range<Second>, rps: f64) {
        for second in seconds.step_by(15) {
            self.sync(second, rps);
        }
    }
}

#[test]
fn default_behavior_doubles_then_holds_the_window_then_falls_in_one_step() {
    let mut fleet = Fleet::new(Some(Behavior::default()), 10);
    fleet.run(-600..0, 300.0);
    fleet.run(0..90, 1500.0);
    fleet.run(90..900, 500.0);
    assert_eq!(fleet.changes, [(0, 20), (15, 30), (375, 10)]);
}

#[test]
fn without_behavior_the_edge_of_the_window_still_counts() {
    let mut fleet = Fleet::new(None, 10);
    fleet.run(-600..0, 300.0);
    fleet.run(0..90, 1500.0);
    fleet.run(90..900, 500.0);
    assert_eq!(fleet.changes, [(0, 20), (15, 30), (390, 10)]);
}

#[test]
fn without_behavior_a_sync_at_most_doubles_but_reaches_four() {
    for (current, asked, expected, reason) in [
        (1, 30, 4, Reason::ScaleUpLimit),
        (3, 30, 6, Reason::ScaleUpLimit),
        (20, 45, 30, Reason::TooManyReplicas),
        (5, 1, 2, Reason::TooFewReplicas),
        (5, 8, 8, Reason::DesiredWithinRange),
    ] {
        let limited = by_rules(current, (2, 30), asked);
        assert_eq!((limited.replicas, limited.reason), (expected, reason), "{current} to {asked}");
    }
}

#[test]
fn pods_policy_brings_a_fleet_down_in_steps() {
    let two = Policy { amount: Amount::Pods(2), period: 60 };
    let down = Rules { window: 0, select: Select::Max, policies: vec![two] };
    let mut fleet = Fleet::new(Some(Behavior { down, ..Behavior::default() }), 20);
    fleet.run(0..200, 500.0);
    assert_eq!(fleet.changes, [(0, 18), (60, 16), (120, 14), (180, 12)]);
}

#[test]
fn a_window_for_adding_waits_for_the_lowest_recommendation() {
    let up = Rules { window: 60, ..Behavior::default().up };
    let mut fleet = Fleet::new(Some(Behavior { up, ..Behavior::default() }), 10);
    fleet.run(-120..0, 500.0);
    let held = fleet.sync(0, 750.0);
    assert_eq!(held.conditions.able, Some(Reason::ScaleUpStabilized));
    fleet.run(15..31, 650.0);
    fleet.run(45..200, 750.0);
    assert_eq!(fleet.changes, [(45, 13), (90, 15)]);
}

#[test]
fn a_direction_that_is_off_does_not_move() {
    let down = Rules { select: Select::Disabled, ..Behavior::default().down };
    let mut fleet = Fleet::new(Some(Behavior { down, ..Behavior::default() }), 30);
    fleet.run(0..1200, 100.0);
    assert!(fleet.changes.is_empty());
}

#[test]
fn a_restart_forgets_recommendations_and_holds_the_size_for_a_window() {
    let mut fleet = Fleet::new(Some(Behavior::default()), 10);
    fleet.run(0..90, 1500.0);
    fleet.run(90..300, 500.0);
    fleet.hpa.restart();
    fleet.run(300..900, 500.0);
    assert_eq!(fleet.changes, [(0, 20), (15, 30), (600, 10)]);
}

#[test]
fn several_metrics_the_largest_wins_and_an_invalid_one_forbids_removal_only() {
    let failed = Err(Invalid::External);
    assert_eq!(combine(20, &[Ok(12), Ok(25)]), Ok(25));
    assert_eq!(combine(20, &[Ok(25), failed]), Ok(25));
    assert_eq!(combine(20, &[failed, Ok(20)]), Ok(20));
    assert_eq!(combine(20, &[Ok(19), failed]), failed);
    assert_eq!(combine(20, &[failed, failed]), failed);
    assert_eq!(combine(20, &[]), failed);
}

#[test]
fn a_failed_metric_changes_nothing_however_long() {
    let mut fleet = Fleet::new(None, 30);
    for second in (0..3600).step_by(15) {
        let sync = fleet.apply(second, &[Err(Invalid::External)]);
        assert_eq!(sync.conditions.active, Some(Reason::FailedGetMetric(Invalid::External)));
    }
    assert_eq!(fleet.size, 30);
}

#[test]
fn sizes_outside_the_bounds_come_back_at_once_without_a_look_at_metrics() {
    for (current, bounds, expected) in [(40, BOUNDS, 30), (5, BOUNDS, 10), (0, (0, 30), 0)] {
        let mut hpa = Hpa::new(Some(Behavior::default()));
        let sync = hpa.sync(0, current, bounds, &[Err(Invalid::External)]);
        assert_eq!(sync.replicas, expected, "{current}");
    }
}

#[test]
fn a_size_of_zero_switches_it_off() {
    let mut hpa = Hpa::new(None);
    let sync = hpa.sync(0, 0, BOUNDS, &[Ok(20)]);
    assert_eq!((sync.replicas, sync.conditions.active), (0, Some(Reason::ScalingDisabled)));
}

#[test]
fn conditions_say_what_held_a_size_back() {
    let mut fleet = Fleet::new(Some(Behavior::default()), 10);
    let limited = fleet.sync(0, 1500.0);
    assert_eq!(limited.conditions.active, Some(Reason::ValidMetricFound));
    assert_eq!(limited.conditions.able, Some(Reason::ReadyForNewScale));
    assert_eq!(limited.conditions.limited, Some(Reason::ScaleUpLimit));
    assert_eq!(fleet.sync(15, 2500.0).conditions.limited, Some(Reason::TooManyReplicas));
    assert_eq!(fleet.sync(30, 500.0).conditions.able, Some(Reason::ScaleDownStabilized));
}

proptest! {
    #[test]
    fn never_outside_the_bounds(
        current in 10_u32..=30, asks in prop::collection::vec(0_u32..100, 1..60), behaves in any::<bool>(),
    ) {
        let mut fleet = Fleet::new(behaves.then(Behavior::default), current);
        for (step, asked) in (0..).zip(asks) {
            let sync = fleet.apply(step * 15, &[Ok(asked)]);
            prop_assert!((10..=30).contains(&sync.replicas));
        }
    }
}

#[test]
fn recommendations_do_not_pile_up() {
    for behavior in [None, Some(Behavior::default())] {
        let mut hpa = Hpa::new(behavior);
        for second in 0..3000 {
            hpa.sync(second * 15, 20, BOUNDS, &[Ok(15)]);
        }
        assert!(hpa.recommendations.len() <= 22);
    }
}

//! The HPA's own numbers: what our windows, rates and tolerances must agree with.

use crate::fleet::{Fleet, at, bounds, policy, replicas};
use apifleet_core::behavior::{Amount, Behavior, Direction, RatePolicy, Select};
use apifleet_core::changes::Change;
use apifleet_core::rules::rate::{highest, lowest};
use apifleet_core::{Percent, Replicas};
use std::time::Duration;

fn rate_policy(amount: Amount, seconds: u64) -> RatePolicy {
    RatePolicy { amount, period: Duration::from_secs(seconds) }
}

fn direction(select: Select, policies: &[RatePolicy]) -> Direction {
    Direction {
        stabilization_window: Duration::ZERO,
        select,
        policies: policies.to_vec(),
        tolerance: Percent::new(10.0).unwrap(),
    }
}

/// Kubernetes' default behavior.
fn kubernetes_default() -> Behavior {
    let hundred = rate_policy(Amount::Percent(100), 15);
    let four = rate_policy(Amount::Pods(replicas(4)), 15);
    let down = direction(Select::Max, &[hundred]);
    Behavior {
        up: direction(Select::Max, &[hundred, four]),
        down: Direction { stabilization_window: Duration::from_mins(5), ..down },
        longest_down_window: Duration::from_mins(5),
    }
}

fn changes(list: &[(i64, u32, u32)]) -> Vec<Change> {
    list.iter()
        .map(|(second, from, to)| Change {
            at: at(*second),
            from: replicas(*from),
            to: replicas(*to),
        })
        .collect()
}

/// Decides every 15 seconds, as the HPA does.
fn sync(fleet: &mut Fleet, seconds: std::ops::Range<i64>) {
    for second in seconds.step_by(15) {
        fleet.now = at(second);
        fleet.decide();
    }
}

#[test]
fn default_behavior_doubles_then_holds_for_the_window_then_falls_in_one_step() {
    let mut kubernetes = policy();
    kubernetes.behavior = kubernetes_default();
    let mut fleet = Fleet::new(kubernetes, 10);
    fleet.rps = 300.0;
    sync(&mut fleet, -600..0);
    fleet.sizes.clear();
    fleet.rps = 1500.0;
    sync(&mut fleet, 0..90);
    fleet.rps = 500.0;
    sync(&mut fleet, 90..900);
    assert_eq!(fleet.sizes, [(0, 20), (15, 30), (375, 10)]);
}

#[test]
fn tolerance_is_a_share_of_the_current_size() {
    for (size, rps, expected) in
        [(10, 1500.0, 30), (28, 1500.0, 28), (30, 1355.0, 30), (30, 1345.0, 27), (20, 1100.0, 20)]
    {
        let mut free = policy();
        free.behavior = Behavior {
            up: direction(Select::Max, &[]),
            down: direction(Select::Max, &[]),
            ..kubernetes_default()
        };
        let mut fleet = Fleet::new(free, size);
        fleet.decide();
        fleet.memory.highs.clear();
        fleet.rps = rps;
        fleet.now = at(2);
        assert_eq!(fleet.decide().desired, replicas(expected), "{size} at {rps}");
    }
}

#[test]
fn up_limits_count_from_the_size_at_the_start_of_the_period() {
    let hundred = rate_policy(Amount::Percent(100), 60);
    let four = rate_policy(Amount::Pods(replicas(4)), 60);
    // (changes, size, percent and pods limit)
    for (list, size, by_percent, by_pods) in [
        (&[][..], 10, 20, 14),
        (&[(-30, 10, 20)][..], 20, 20, 20),
        (&[(-60, 10, 20)][..], 20, 40, 24),
        (&[(-59, 10, 14), (-30, 14, 18)][..], 18, 20, 18),
        (&[(-40, 10, 14), (-20, 14, 12)][..], 12, 20, 14),
        (&[(-40, 20, 10)][..], 10, 40, 24),
        (&[][..], 0, 0, 4),
    ] {
        let list = changes(list);
        let limit = |select, policies: &[RatePolicy]| {
            highest(&direction(select, policies), &list, replicas(size), at(0)).get()
        };
        assert_eq!(limit(Select::Max, &[hundred]), by_percent, "{list:?}");
        assert_eq!(limit(Select::Max, &[four]), by_pods, "{list:?}");
        assert_eq!(limit(Select::Max, &[hundred, four]), by_percent.max(by_pods), "{list:?}");
        assert_eq!(limit(Select::Min, &[hundred, four]), by_percent.min(by_pods), "{list:?}");
        assert_eq!(limit(Select::Disabled, &[hundred]), size);
    }
}

#[test]
fn percentages_round_up_when_adding_and_down_when_removing() {
    let ten = [rate_policy(Amount::Percent(10), 60)];
    for (size, up, down) in [(1, 2, 0), (9, 10, 8), (10, 11, 9), (11, 13, 9), (24, 27, 21)] {
        let up_limit = highest(&direction(Select::Max, &ten), &[], replicas(size), at(0));
        let down_limit = lowest(&direction(Select::Max, &ten), &[], replicas(size), at(0));
        assert_eq!((up_limit.get(), down_limit.get()), (up, down), "{size}");
    }
    let all = [rate_policy(Amount::Percent(250), 60)];
    assert_eq!(lowest(&direction(Select::Max, &all), &[], replicas(9), at(0)), Replicas::ZERO);
    assert_eq!(highest(&direction(Select::Max, &all), &[], replicas(9), at(0)), replicas(32));
}

#[test]
fn down_limits_count_from_the_largest_size_inside_the_period() {
    let ten = rate_policy(Amount::Percent(10), 60);
    let two = rate_policy(Amount::Pods(replicas(2)), 60);
    for (list, size, max, min) in [
        (&[][..], 30, 27, 28),
        (&[(-30, 30, 27)][..], 27, 27, 27),
        (&[(-60, 30, 27)][..], 27, 24, 25),
        // Raised a moment ago: the HPA would measure from 10 here and allow a fall to 8.
        (&[(-20, 10, 40)][..], 40, 36, 38),
        (&[(-50, 20, 40), (-20, 40, 38)][..], 38, 36, 38),
    ] {
        let list = changes(list);
        let limit =
            |select| lowest(&direction(select, &[ten, two]), &list, replicas(size), at(0)).get();
        assert_eq!((limit(Select::Max), limit(Select::Min)), (max, min), "{list:?}");
        assert_eq!(limit(Select::Disabled), size);
    }
    let free = direction(Select::Max, &[]);
    assert_eq!(lowest(&free, &[], replicas(30), at(0)), Replicas::ZERO);
    assert_eq!(highest(&free, &[], replicas(30), at(0)), Replicas::LIMIT);
}

#[test]
fn scale_up_waits_for_the_lowest_recommendation_of_its_window() {
    let mut waiting = policy();
    waiting.behavior.up.stabilization_window = Duration::from_mins(1);
    let mut fleet = Fleet::settled(waiting, 10, 500.0);
    fleet.rps = 750.0;
    let first = fleet.decide();
    assert_eq!(first.reason, apifleet_core::Reason::Stabilized);
    assert_eq!(first.next.map(|next| (next.at, next.replicas.get())), Some((at(60), 15)));
    fleet.run_until(30);
    fleet.rps = 650.0;
    fleet.run_until(400);
    assert_eq!(fleet.sizes, [(0, 10), (60, 13)]);
}

#[test]
fn bounds_apply_after_the_rates() {
    let mut fleet = Fleet::settled(policy(), 10, 100.0);
    fleet.policy.bounds = bounds(25, 28);
    fleet.rps = 5000.0;
    fleet.run_until(60);
    assert_eq!(fleet.sizes, [(0, 25), (15, 28)]);
}

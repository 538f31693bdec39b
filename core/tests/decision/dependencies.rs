//! What a fleet's dependencies carry: the cap, who goes before whom, and that moves and cover keep it.

use crate::fleet::{Fleet, Prometheus, at, policy, replicas};
use crate::scripts::database;
use crate::spot_fleet::{SpotFleet, spot_policy};
use apifleet_core::Reason;
use apifleet_core::dependencies::{Cap, Dependency};
use apifleet_core::name::Name;
use apifleet_core::observation::{SpotTarget, Surge, TargetObservation};
use apifleet_core::policy::FleetPolicy;

fn capped(limit: u32, per_replica: u32) -> FleetPolicy {
    FleetPolicy { dependencies: vec![database(limit, per_replica)], ..policy() }
}

#[test]
fn room_for_a_rollout_is_kept_at_all_times() {
    let pods = |pods| Surge::Pods(replicas(pods));
    for (limit, reserved, per_replica, surge, size) in [
        (700, 60, 16, pods(0), 40),
        (700, 60, 16, Surge::Percent(25), 32),
        (700, 60, 16, Surge::Percent(100), 20),
        (700, 60, 16, pods(5), 35),
        (700, 60, 16, Surge::Percent(1), 39),
        (639, 0, 16, pods(0), 39),
        (10, 60, 16, pods(0), 1),
        (16, 0, 16, Surge::Percent(25), 1),
        (u32::MAX, 0, 1, Surge::Percent(u32::MAX), 1),
        (u32::MAX, 0, 1, pods(0), 1_000_000),
    ] {
        let mut fleet = Fleet::new(policy(), 10);
        fleet.policy.dependencies = vec![Dependency { reserved, ..database(limit, per_replica) }];
        fleet.surge = surge;
        let cap = Cap::of(&fleet.policy, &fleet.observe()).unwrap();
        assert_eq!((cap.size, cap.sum), (replicas(size), replicas(size)), "{limit} {surge:?}");
    }
}

#[test]
fn two_targets_share_the_room_and_keep_one_place_for_moves() {
    for (base, spot, sum) in [
        (Surge::Percent(25), Surge::Percent(25), 31),
        (Surge::Percent(25), Surge::Percent(10), 31),
        (Surge::Percent(25), Surge::Pods(replicas(3)), 29),
        (Surge::Pods(replicas(2)), Surge::Pods(replicas(3)), 35),
        (Surge::Percent(0), Surge::Percent(0), 40),
    ] {
        let mut seen = Fleet::new(policy(), 10).observe();
        seen.on_demand.surge = base;
        seen.spot = SpotTarget::Present(TargetObservation { surge: spot, ..seen.on_demand });
        let policy = FleetPolicy { spot: spot_policy().spot, ..capped(640, 16) };
        let cap = Cap::of(&policy, &seen).unwrap();
        assert_eq!((cap.sum, cap.size), (replicas(sum), replicas(sum - 1)), "{base:?} {spot:?}");
    }
}

#[test]
fn the_tightest_dependency_counts_and_is_named() {
    let mut policy = capped(300, 10);
    let redis = Name::parse("redis").unwrap();
    policy.dependencies.push(Dependency { name: redis, ..database(100, 5) });
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.rps = 1500.0;
    let stopped = fleet.run_until(60);
    assert_eq!((stopped.desired, stopped.reason), (replicas(20), Reason::DependencyCap));
    assert!(stopped.findings.scaling_limited.holds);
    assert_eq!(
        stopped.summary(),
        "20 replicas: redis carries 20 pods, 20 replicas with room for a rollout, 30 is asked for"
    );
}

#[test]
fn no_floor_and_no_minimum_goes_above_the_cap() {
    let mut fleet = Fleet::new(capped(80, 10), 5);
    fleet.rps = 1500.0;
    let first = fleet.run_until(60);
    assert_eq!((first.desired, first.reason), (replicas(8), Reason::DependencyBelowMin));
    assert!(first.summary().contains("fewer than minReplicas 10"), "{}", first.summary());

    let mut policy = capped(150, 10);
    policy.schedules = vec![crate::calendars::daily("december", ("08:00", "20:00"), 25)];
    let mut fleet = Fleet::settled(policy, 15, 500.0);
    let open = fleet.run_until(60);
    assert_eq!((open.desired, open.reason), (replicas(15), Reason::DependencyCap));
    let pre_warmed = open.findings.pre_warmed.unwrap();
    assert!(pre_warmed.holds, "{}", pre_warmed.why);
}

#[test]
fn a_lowered_limit_is_reached_by_the_limits_and_not_before_a_window_of_trusted_signals() {
    let mut fleet = Fleet::settled(policy(), 30, 1500.0);
    fleet.prometheus = Prometheus::Empty;
    fleet.run_until(10);
    fleet.prometheus = Prometheus::Good;
    fleet.policy.dependencies = vec![database(260, 10)];
    let first = fleet.decide();
    assert_eq!((first.desired, first.reason), (replicas(30), Reason::DependencyCap));
    assert_eq!(first.next.map(|next| (next.at, next.replicas)), Some((at(70), replicas(27))));
    fleet.run_until(600);
    assert_eq!(fleet.sizes, [(0, 30), (70, 27), (130, 26)]);
}

#[test]
fn the_latency_guard_asks_for_no_more_than_dependencies_carry() {
    let mut policy = crate::fleet::guarded();
    policy.dependencies = vec![database(210, 10)];
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.p95 = 400.0;
    fleet.run_until(300);
    assert_eq!(fleet.size(), 21);
}

/// The sum of both targets never was above this.
fn assert_never_above(fleet: &SpotFleet, sum: u32) {
    assert!(fleet.targets.iter().all(|(_, base, spot)| base + spot <= sum), "{:?}", fleet.targets);
}

#[test]
fn cover_waits_for_those_that_it_replaces_where_there_is_no_room_and_says_so() {
    let policy = FleetPolicy { dependencies: vec![database(310, 10)], ..spot_policy() };
    let mut fleet = SpotFleet::settled(policy, 30, 1500.0, 6);
    fleet.interrupt(0, 120);
    let first = fleet.decide();
    let last = first.ledger.last().unwrap();
    assert_eq!(last.why.reason(), Reason::DependencyCap);
    assert!(last.why.to_string().contains("2 replicas have to wait"), "{}", last.why);
    assert_eq!(first.findings.spot_healthy.unwrap().why.reason(), Reason::SpotInterrupted);
    fleet.run_until(300);
    assert_eq!(fleet.serving(), 30, "{:?}", fleet.targets);
    assert_never_above(&fleet, 31);
}

#[test]
fn a_mass_loss_at_the_cap_ends_with_every_replica_serving() {
    let policy = FleetPolicy { dependencies: vec![database(310, 10)], ..spot_policy() };
    let mut fleet = SpotFleet::settled(policy, 30, 1500.0, 6);
    for node in 0..6 {
        fleet.interrupt(node, 120);
    }
    fleet.run_until(400);
    assert_eq!((fleet.split(), fleet.serving()), ((30, 0), 30), "{:?}", fleet.targets);
    assert_never_above(&fleet, 31);
}

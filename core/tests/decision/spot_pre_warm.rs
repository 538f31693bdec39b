//! A pre-warm of a fleet with spot replicas: what finds no spot node is made up for on demand in time. Time zero is
//! 08:00 in UTC.

use crate::calendars::daily;
use crate::fleet::{at, replicas};
use crate::spot_fleet::{SpotFleet, spot_policy};
use apifleet_core::decision::{DrainOrder, Phase};
use apifleet_core::memory::Memory;
use apifleet_core::observation::TargetObservation;
use apifleet_core::policy::CapacityMode;
use apifleet_core::schedule::{Schedule, SpotReturn};
use jiff::SignedDuration;

const MINUTE: i64 = 60;

/// 20 replicas, of them 12 on spot nodes that have no more room; 30 are wanted at 08:20.
fn before_the_opening(capacity: CapacityMode, spot_return: SpotReturn) -> SpotFleet {
    let mut fleet = SpotFleet::settled(spot_policy(), 20, 900.0, 6);
    assert_eq!(fleet.split(), (8, 12));
    for node in &mut fleet.nodes {
        node.room = 2;
    }
    let opening = daily("opening", ("08:20", "20:00"), 30);
    fleet.fleet.policy.schedules = vec![Schedule { spot_return, ..opening }];
    fleet.fleet.policy.spot.as_mut().unwrap().capacity = capacity;
    fleet
}

#[test]
fn demand_that_finds_no_spot_node_while_nodes_are_asked_for_goes_on_demand() {
    let mut fleet = before_the_opening(CapacityMode::Placeholders, SpotReturn::Forbidden);
    fleet.fleet.rps = 1500.0;
    let decision = fleet.run_until(200);
    assert_eq!(decision.schedule.unwrap().phase, Phase::Nodes);
    assert_eq!((fleet.split(), fleet.serving()), ((18, 12), 30));
}

#[test]
fn where_nobody_asks_for_nodes_pods_that_find_none_are_ready_on_demand_before_the_opening() {
    let mut fleet = before_the_opening(CapacityMode::None, SpotReturn::Forbidden);
    let decision = fleet.run_until(20 * MINUTE - 1);
    assert_eq!(decision.schedule.unwrap().phase, Phase::Lead);
    assert_eq!(fleet.serving(), 30, "{:?}", fleet.targets);
}

#[test]
fn what_the_pre_warm_missed_does_not_return_to_spot_in_a_window_that_forbids_it() {
    for (spot_return, split) in [(SpotReturn::Forbidden, (18, 12)), (SpotReturn::Allowed, (12, 18))]
    {
        let mut fleet = before_the_opening(CapacityMode::Placeholders, spot_return);
        fleet.placeholders.spot = Some(TargetObservation {
            wanted: Some(replicas(6)),
            pending: replicas(6),
            ..TargetObservation::default()
        });
        fleet.run_until(20 * MINUTE - 1);
        assert_eq!((fleet.split(), fleet.serving()), ((18, 12), 30), "{spot_return:?}");
        for node in &mut fleet.nodes {
            node.room = 10;
        }
        fleet.run_until(30 * MINUTE);
        assert_eq!(fleet.split(), split, "{spot_return:?}");
    }
}

#[test]
fn an_interruption_does_not_grow_old_while_nobody_looks() {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 6);
    fleet.interrupt(0, 120);
    fleet.run_until(60);
    fleet.node(0).notice = None;
    let stored = serde_json::to_string(&fleet.fleet.memory).unwrap();
    fleet.fleet.memory = Memory::resumed(serde_json::from_str(&stored).ok());
    fleet.fleet.rps = 300.0;
    fleet.fleet.now = at(60 * MINUTE);
    let first = fleet.decide();
    assert!(first.drains.is_empty(), "{:?}", first.drains);
    let highest = fleet.fleet.memory.spot.demand[0];
    assert_eq!((highest.at, highest.thousandths), (fleet.now(), 1_500_000));
    fleet.run_until(70 * MINUTE - 2);
    assert!(fleet.node(0).tainted);
    fleet.fleet.now = fleet.now() + SignedDuration::from_secs(4);
    assert_eq!(fleet.decide().drains[0].order, DrainOrder::Undo);
}

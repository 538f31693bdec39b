//! An override that takes a fleet off spot. That nothing lowers the serving capacity before its cover is Ready is checked
//! by the fleet itself, at every step.

use crate::fleet::at;
use crate::scripts::{database, order};
use crate::spot_fleet::{SpotFleet, spot_policy};
use apifleet_core::decision::SpotState;
use apifleet_core::overrides::{Action, Pace};
use apifleet_core::policy::FleetPolicy;
use apifleet_core::{Decision, Memory, Reason};

const MINUTE: i64 = 60;

/// 30 replicas, 12 on demand and 18 on spot, and the order to leave it.
fn leaving(pace: Pace, until: i64) -> SpotFleet {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 6);
    assert_eq!(fleet.split(), (12, 18));
    let mut leave = order("leave", Action::NoSpot, at(0), at(until));
    leave.pace = pace;
    fleet.fleet.policy.overrides = vec![leave];
    fleet
}

fn spot_says(decision: &Decision) -> (bool, Reason) {
    let finding = decision.findings.spot_healthy.unwrap();
    (finding.holds, finding.why.reason())
}

#[test]
fn a_replica_leaves_every_thirty_seconds_once_another_is_ready() {
    let mut fleet = leaving(Pace::Gradual, 3600);
    let first = fleet.decide();
    assert_eq!(fleet.split(), (13, 18), "made before it is broken");
    assert_eq!(spot_says(&first), (true, Reason::NoSpot));
    assert_eq!(first.findings.overridden.why.reason(), Reason::NoSpot);
    let spot = first.spot.unwrap();
    assert_eq!((spot.state, spot.share_percent), (SpotState::Fallback, 0));
    assert_eq!(first.next.map(|next| next.at), Some(at(30)));
    fleet.run_until(20);
    assert_eq!(fleet.split(), (13, 17));
    fleet.run_until(30);
    assert_eq!(fleet.split(), (14, 17));
    fleet.run_until(17 * 30 + 22);
    assert_eq!((fleet.split(), fleet.serving()), ((30, 0), 30), "{:?}", fleet.targets);
    assert!(fleet.targets.iter().all(|(_, base, spot)| base + spot <= 31), "{:?}", fleet.targets);
}

#[test]
fn all_leave_at_once_where_the_order_says_so() {
    let mut fleet = leaving(Pace::Immediate, 3600);
    fleet.decide();
    assert_eq!(fleet.split(), (30, 18));
    fleet.run_until(22);
    assert_eq!((fleet.split(), fleet.serving()), ((30, 0), 30));
}

#[test]
fn the_return_begins_with_the_end_and_goes_step_by_step() {
    let mut fleet = leaving(Pace::Immediate, 10 * MINUTE);
    fleet.run_until(10 * MINUTE - 1);
    assert_eq!(fleet.split(), (30, 0));
    let over = fleet.run_until(10 * MINUTE);
    assert_eq!(over.spot.unwrap().state, SpotState::Returning);
    assert!(!over.findings.overridden.holds);
    fleet.run_until(16 * MINUTE);
    assert_eq!(fleet.split(), (27, 3), "a fifth of the share, and no hold-down");
    fleet.run_until(60 * MINUTE);
    assert_eq!(fleet.split(), (12, 18));
    let states: Vec<_> = fleet.states.iter().map(|(_, state)| *state).collect();
    assert_eq!(states, [SpotState::Fallback, SpotState::Returning, SpotState::Normal]);
    assert_eq!(fleet.fleet.memory.spot.fallbacks, 0);
    assert_eq!(fleet.fleet.memory.spot.leaving, None);
}

#[test]
fn a_restart_in_the_middle_goes_on_where_it_was() {
    let mut steady = leaving(Pace::Gradual, 3600);
    steady.run_until(100);
    let mut restarted = steady.clone();
    let stored = serde_json::to_string(&restarted.fleet.memory).unwrap();
    restarted.fleet.memory = Memory::resumed(serde_json::from_str(&stored).ok());
    for second in (130..700).step_by(30) {
        steady.run_until(second);
        restarted.run_until(second);
        assert_eq!(restarted.split(), steady.split(), "{second}");
    }
}

#[test]
fn nodes_that_are_lost_meanwhile_are_covered() {
    let mut fleet = leaving(Pace::Gradual, 3600);
    fleet.run_until(60);
    fleet.interrupt(0, 120);
    fleet.interrupt(1, 120);
    let lost = fleet.decide();
    assert_eq!(spot_says(&lost), (false, Reason::SpotInterrupted));
    fleet.run_until(200);
    assert_eq!(fleet.serving(), 30, "{:?}", fleet.targets);
    fleet.run_until(900);
    assert_eq!((fleet.split(), fleet.serving()), ((30, 0), 30));
    assert_eq!(fleet.fleet.memory.spot.fallbacks, 0, "somebody's order is no storm");
}

#[test]
fn a_fallback_that_was_on_lasts_as_long_as_it_would() {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 6);
    for node in 0..3 {
        fleet.interrupt(node, 120);
    }
    fleet.run_until(10);
    assert_eq!(fleet.states.last().map(|state| state.1), Some(SpotState::Fallback));
    fleet.fleet.policy.overrides = vec![order("leave", Action::NoSpot, at(10), at(300))];
    fleet.run_until(29 * MINUTE);
    assert_eq!(fleet.states.last().map(|state| state.1), Some(SpotState::Fallback));
    assert_eq!(fleet.fleet.memory.spot.fallbacks, 1);
    fleet.run_until(31 * MINUTE);
    assert_eq!(fleet.states.last().map(|state| state.1), Some(SpotState::Returning));
}

#[test]
fn at_the_cap_of_a_dependency_they_leave_one_by_one() {
    for pace in [Pace::Gradual, Pace::Immediate] {
        let mut fleet = leaving(pace, 7200);
        fleet.fleet.policy =
            FleetPolicy { dependencies: vec![database(310, 10)], ..fleet.fleet.policy };
        fleet.run_until(30 * MINUTE);
        assert_eq!((fleet.split(), fleet.serving()), ((30, 0), 30), "{:?}", fleet.targets);
        let sums = fleet.targets.iter().map(|(_, base, spot)| base + spot);
        assert_eq!(sums.max(), Some(31), "{:?}", fleet.targets);
    }
}

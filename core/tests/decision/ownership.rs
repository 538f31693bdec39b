//! Whose replicas are whose: what a decision may take away of what it did not ask for, or does not know to have.

use crate::fleet::{Fleet, Target, at, policy, replicas};
use apifleet_core::decision::Placement;
use apifleet_core::memory::{Attempt, Memory};
use apifleet_core::observation::{SpotLoss, SpotTarget};
use apifleet_core::policy::{Mode, SpotPolicy};
use apifleet_core::{Decision, decide};
use jiff::SignedDuration;

fn with_spot() -> Fleet {
    let mut policy = policy();
    policy.spot = Some(SpotPolicy::new(50, replicas(2)));
    let mut fleet = Fleet::settled(policy, 10, 100.0);
    fleet.spot = Some(Target::default());
    fleet.run_until(60);
    assert_eq!(fleet.memory.placement.map(Placement::sum), Some(replicas(10)));
    fleet
}

/// A decision while the spot target cannot be used.
fn decide_without_spot(fleet: &mut Fleet) -> Decision {
    let mut seen = fleet.observe();
    seen.spot = SpotTarget::Lost(SpotLoss::Conflicted);
    let (decision, memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
    fleet.memory = memory;
    fleet.on_demand.scale(decision.placement.on_demand.unwrap(), fleet.now);
    decision
}

#[test]
fn the_end_of_a_stall_removes_nothing_that_was_added_meanwhile() {
    let mut fleet = Fleet::settled(policy(), 10, 100.0);
    let highs = fleet.memory.highs.clone();
    fleet.memory = fleet.memory.clone().released();
    assert_eq!(fleet.memory.highs, highs, "what was recommended stays");
    // An HPA was there, and is gone.
    fleet.on_demand.scale(replicas(25), fleet.now);
    fleet.now = at(20);
    let decision = fleet.decide();
    assert_eq!((decision.previous, decision.desired), (replicas(25), replicas(25)));
    assert!(fleet.memory.foreign_writes.is_empty());
    fleet.run_until(310);
    assert_eq!(fleet.size(), 25, "for a full scale-down window");
}

#[test]
fn a_released_memory_adopts_after_a_restart_too() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    let stored = serde_json::to_string(&fleet.memory.clone().released()).unwrap();
    fleet.memory = Memory::resumed(Some(serde_json::from_str(&stored).unwrap()));
    fleet.on_demand.scale(replicas(25), fleet.now);
    assert_eq!(fleet.decide().desired, replicas(25));
}

#[test]
fn a_spot_target_that_comes_back_keeps_what_is_there() {
    let mut fleet = with_spot();
    assert_eq!(decide_without_spot(&mut fleet).placement.on_demand, Some(replicas(10)));
    // Another autoscaler had it, and is gone.
    fleet.now += SignedDuration::from_secs(2);
    let now = fleet.now;
    if let Some(spot) = &mut fleet.spot {
        spot.scale(replicas(15), now);
    }
    let decision = fleet.decide();
    assert_eq!(decision.desired, replicas(25));
    assert!(decision.placement.spot >= Some(replicas(15)), "{decision:?}");
    assert!(fleet.memory.foreign_writes.is_empty());
    fleet.run_until(fleet.seconds() + 290);
    assert_eq!(fleet.size(), 25);
}

#[test]
fn a_spot_target_that_comes_back_smaller_makes_the_fleet_no_smaller() {
    let mut fleet = with_spot();
    decide_without_spot(&mut fleet);
    fleet.now += SignedDuration::from_secs(2);
    let now = fleet.now;
    fleet.on_demand.scale(replicas(3), now);
    fleet.spot = Some(Target::default());
    assert_eq!(fleet.decide().desired, replicas(10));
}

#[test]
fn a_scale_out_whose_answer_was_lost_is_not_scaled_in_at_once() {
    let mut fleet = Fleet::settled(policy(), 10, 300.0);
    fleet.rps = 1500.0;
    let before = fleet.memory.clone();
    fleet.decide();
    assert_eq!(fleet.on_demand.pods.len(), 20, "it was made");
    let lost = Attempt { unknown: true, ..Attempt::default() };
    fleet.memory = fleet.memory.clone().not_applied(&before, lost);
    fleet.now = at(2);
    fleet.rps = 100.0;
    let decision = fleet.decide();
    assert_eq!((decision.previous, decision.desired), (replicas(20), replicas(20)));
    fleet.run_until(290);
    assert_eq!(fleet.size(), 20);
}

#[test]
fn after_a_write_that_was_refused_a_foreign_write_is_still_one() {
    let mut fleet = Fleet::settled(policy(), 10, 300.0);
    let before = fleet.memory.clone();
    fleet.memory = fleet.memory.clone().not_applied(&before, Attempt::default());
    fleet.on_demand.scale(replicas(25), fleet.now);
    fleet.now = at(2);
    assert!(fleet.memory.foreign_write(&fleet.observe()).is_some());
    assert_eq!(fleet.decide().desired, replicas(10));
}

#[test]
fn of_a_scale_out_that_was_made_half_way_nothing_is_removed_at_once() {
    let mut fleet = with_spot();
    fleet.rps = 1500.0;
    let before = fleet.memory.clone();
    fleet.now += SignedDuration::from_secs(2);
    let decision = fleet.decide();
    assert_eq!(decision.desired, replicas(20));
    let spot = decision.placement.spot;
    let written = Placement { on_demand: None, spot };
    let memory = fleet.memory.clone().not_applied(&before, Attempt { written, unknown: false });
    let asked = before.placement.and_then(|placement| placement.on_demand).unwrap();
    assert_eq!(memory.size, Some(asked.plus(spot.unwrap())), "what was added counts");
}

#[test]
fn a_move_that_was_made_half_way_is_no_growth() {
    let fleet = with_spot();
    let before = fleet.memory.clone();
    let written = Placement { on_demand: Some(replicas(10)), spot: None };
    let memory = fleet.decide_only().1.not_applied(&before, Attempt { written, unknown: false });
    assert_eq!(memory.size, Some(replicas(10)));
}

#[test]
fn moves_whose_answers_are_lost_are_no_growth() {
    let mut policy = policy();
    policy.spot = Some(SpotPolicy::new(60, replicas(4)));
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.spot = Some(Target::default());
    for second in (2..60).step_by(2) {
        let before = fleet.memory.clone();
        fleet.now = at(second);
        let decision = fleet.decide();
        assert_eq!(decision.desired, replicas(20), "{second}: {decision:?}");
        let lost = Attempt { unknown: true, ..Attempt::default() };
        fleet.memory = fleet.memory.clone().not_applied(&before, lost);
    }
    fleet.now = at(62);
    let decision = fleet.decide();
    assert_eq!(decision.desired, replicas(20));
    assert_eq!(decision.placement.sum(), replicas(20), "the move ended");
}

#[test]
fn scale_out_only_takes_a_foreign_raise_for_its_size() {
    let mut policy = policy();
    policy.mode = Mode::ScaleOutOnly;
    let mut fleet = Fleet::settled(policy, 10, 100.0);
    fleet.on_demand.scale(replicas(25), fleet.now);
    fleet.now = at(2);
    let decision = fleet.decide();
    assert_eq!((decision.previous, decision.desired), (replicas(25), replicas(25)));
    assert!(fleet.memory.foreign_writes.is_empty(), "it is not fought");
    fleet.run_until(1200);
    assert_eq!(fleet.on_demand.pods.len(), 25);
    fleet.on_demand.scale(replicas(12), fleet.now);
    fleet.now += SignedDuration::from_secs(2);
    assert_eq!(fleet.decide().desired, replicas(25), "what others remove is added again");
}

#[test]
fn a_restored_size_that_is_neither_there_nor_allowed_is_not_believed() {
    let mut fleet = Fleet::settled(policy(), 10, 100.0);
    let mut stored = serde_json::to_value(&fleet.memory).unwrap();
    stored["size"] = serde_json::json!(4_000_000_000_u32);
    stored["placement"]["onDemand"] = serde_json::json!(4_000_000_000_u32);
    let stored: Memory = serde_json::from_value(stored).unwrap();
    assert_eq!(stored.size, Some(apifleet_core::Replicas::LIMIT), "no count passes the limit");
    fleet.memory = Memory::resumed(Some(stored));
    fleet.now = at(2);
    assert_eq!(fleet.decide().desired, replicas(30));
}

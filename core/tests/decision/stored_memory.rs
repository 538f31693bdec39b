//! What is stored in a status, what comes back from one, adoption and foreign writes.

use crate::fleet::{Fleet, at, guarded, policy, replicas};
use apifleet_core::changes::Change;
use apifleet_core::memory::{Attempt, Memory, Sample, VERSION};
use apifleet_core::observation::{SpotLoss, SpotTarget};
use apifleet_core::policy::{Mode, SpotPolicy};
use apifleet_core::window::Recommendation;
use apifleet_core::{Decision, Reason};
use std::time::Duration;

fn reasons(decision: &Decision) -> Vec<Reason> {
    decision.ledger.iter().map(|line| line.why.reason()).collect()
}

#[test]
fn is_stored_without_floats_and_in_camel_case() {
    let mut fleet = Fleet::settled(guarded(), 10, 300.5);
    fleet.rps = 1500.25;
    fleet.decide();
    let stored = serde_json::to_value(&fleet.memory).unwrap();
    assert_eq!(stored["version"], VERSION);
    assert_eq!(stored["size"], 20);
    assert_eq!(stored["placement"]["onDemand"], 20);
    assert_eq!(stored["changes"][0]["from"], 10);
    assert_eq!(stored["last"]["requestRate"]["thousandths"], 1_500_250);
    assert!(stored["climbingUntil"].is_string());
    assert!(!stored.to_string().contains("1500.25"));
    assert!(stored.get("lows").is_none(), "an empty part is left out");
}

#[test]
fn another_version_knows_nothing() {
    let mut memory = Fleet::settled(policy(), 20, 1000.0).memory;
    memory.version = VERSION + 1;
    assert_eq!(Memory::resumed(Some(memory)), Memory::default());
    assert_eq!(Memory::resumed(None), Memory::default());
}

#[test]
fn lists_that_somebody_made_long_are_cut() {
    let mut memory = Memory::default();
    let change = Change::between(replicas(1), replicas(2), at(0)).unwrap();
    memory.changes = vec![change; 1000];
    memory.highs = vec![Recommendation { at: at(0), replicas: replicas(9) }; 1000];
    memory.lows = memory.highs.clone();
    memory.foreign_writes = vec![at(0); 1000];
    let memory = Memory::resumed(Some(memory));
    let lengths = [memory.changes.len(), memory.highs.len(), memory.lows.len()];
    assert_eq!(lengths, [64, 32, 32]);
    assert_eq!(memory.foreign_writes.len(), 3);
}

#[test]
fn a_sample_is_rounded_down_and_saturates() {
    assert_eq!(Sample::new(1.2349, at(0)).thousandths, 1234);
    assert_eq!(Sample::new(1e308, at(0)).thousandths, i64::MAX);
    assert!(Sample::new(0.2, at(0)).value() <= 0.2);
}

#[test]
fn a_fleet_is_adopted_at_what_is_there_and_the_fallback_at_least() {
    for (there, fallback, adopted) in
        [(5, 0, 10), (5, 20, 20), (14, 0, 14), (25, 20, 25), (0, 0, 10)]
    {
        let mut policy = policy();
        policy.signals.adoption = replicas(fallback);
        let mut fleet = Fleet::new(policy, there);
        assert!(fleet.memory.adopts(Mode::Enforce));
        let decision = fleet.decide();
        assert_eq!(decision.desired, replicas(adopted), "{there}, {fallback}");
        assert_eq!(decision.previous, replicas(there));
        assert!(!fleet.memory.adopts(Mode::Enforce));
        // Then as usual: a full scale-down window first.
        fleet.run_until(299);
        assert_eq!(fleet.size(), adopted);
        fleet.run_until(1200);
        assert_eq!(fleet.size(), 10);
    }
}

#[test]
fn an_adoption_above_max_falls_by_the_limits() {
    let mut fleet = Fleet::new(policy(), 40);
    let decision = fleet.decide();
    assert_eq!((decision.desired, decision.reason), (replicas(40), Reason::AtMax));
    fleet.rps = 1500.0;
    fleet.run_until(1200);
    assert_eq!(fleet.sizes, [(0, 40), (60, 36), (120, 32), (180, 30)]);
}

#[test]
fn a_fleet_that_was_observed_is_adopted_when_it_is_enforced() {
    let mut policy = policy();
    policy.mode = Mode::Observe;
    let mut fleet = Fleet::new(policy, 25);
    let observed = fleet.run_until(1000);
    assert_eq!((observed.previous, observed.desired), (replicas(25), replicas(22)));
    assert!(reasons(&observed).contains(&Reason::ObserveOnly));
    assert_eq!(fleet.memory.size, Some(replicas(25)));
    fleet.policy.mode = Mode::Enforce;
    let adopted = fleet.decide();
    assert_eq!(adopted.desired, replicas(25));
    assert!(reasons(&adopted).contains(&Reason::NotLimited));
    fleet.run_until(1290);
    assert_eq!(fleet.size(), 25);
}

#[test]
fn changes_that_others_make_are_seen_in_observe() {
    let mut policy = policy();
    policy.mode = Mode::Observe;
    let mut fleet = Fleet::new(policy, 20);
    fleet.decide();
    fleet.now = at(2);
    fleet.on_demand.scale(replicas(15), fleet.now);
    let decision = fleet.decide();
    assert_eq!(decision.previous, replicas(15));
    assert_eq!(fleet.memory.changes.len(), 1);
    assert!(fleet.memory.foreign_writes.is_empty());
}

#[test]
fn a_foreign_write_is_noticed_answered_and_counted() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    for round in 1..=4_i64 {
        fleet.now = at(round * 60);
        fleet.on_demand.scale(replicas(3), fleet.now);
        let foreign = fleet.memory.foreign_write(&fleet.observe()).unwrap();
        assert_eq!(foreign.asked.on_demand, Some(replicas(20)));
        assert_eq!(foreign.found.on_demand, Some(replicas(3)));
        assert_eq!(fleet.memory.foreign_writes_repeated(fleet.now), round > 3);
        let decision = fleet.decide();
        assert_eq!(decision.placement.on_demand, Some(replicas(20)));
        assert_eq!(fleet.memory.foreign_write(&fleet.observe()), None);
    }
    assert_eq!(fleet.memory.foreign_writes.len(), 3);
    assert!(fleet.memory.foreign_writes_repeated(at(240)));
    assert!(!fleet.memory.foreign_writes_repeated(at(240 + 600)));
}

#[test]
fn a_restart_reports_no_foreign_write() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    fleet.on_demand.scale(replicas(12), fleet.now);
    let resumed = Memory::resumed(Some(fleet.memory.clone()));
    assert!(fleet.memory.foreign_write(&fleet.observe()).is_some());
    assert_eq!(resumed.foreign_write(&fleet.observe()), None);
}

#[test]
fn a_write_that_failed_is_taken_back_and_asked_for_again() {
    let mut fleet = Fleet::settled(policy(), 10, 300.0);
    fleet.rps = 1500.0;
    let before = fleet.memory.clone();
    let there = fleet.on_demand.clone();
    fleet.decide();
    fleet.memory =
        fleet.memory.clone().not_applied(&before, Attempt { unknown: true, ..Attempt::default() });
    fleet.on_demand = there;
    assert_eq!((fleet.memory.size, &fleet.memory.changes), (before.size, &before.changes));
    assert_eq!(fleet.memory.placement, before.placement);
    assert!(fleet.memory.highs.last().is_some_and(|high| high.replicas == replicas(30)));
    fleet.now = at(2);
    // Written half-way: what is there is ours.
    fleet.on_demand.scale(replicas(13), fleet.now);
    assert_eq!(fleet.memory.foreign_write(&fleet.observe()), None);
    assert_eq!(fleet.decide().desired, replicas(26), "the scale-out runs on from there");
    assert!(fleet.memory.foreign_writes.is_empty());
    fleet.on_demand.scale(replicas(13), fleet.now);
    assert!(fleet.memory.foreign_write(&fleet.observe()).is_some());
}

#[test]
fn scale_out_only_adds_and_never_removes() {
    let mut policy = policy();
    policy.mode = Mode::ScaleOutOnly;
    let mut fleet = Fleet::settled(policy, 10, 300.0);
    fleet.rps = 1500.0;
    fleet.run_until(60);
    fleet.rps = 100.0;
    let decision = fleet.run_until(900);
    assert_eq!(fleet.sizes, [(0, 20), (15, 30)]);
    assert_eq!(decision.reason, Reason::ScaleOutOnly);
    assert!(decision.summary().contains("ScaleOutOnly keeps 30"), "{}", decision.summary());
}

#[test]
fn moves_between_targets_make_before_they_break() {
    let mut policy = policy();
    policy.spot = Some(SpotPolicy::new(60, replicas(4)));
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.spot = Some(crate::fleet::Target::default());
    let first = fleet.run_until(2);
    assert_eq!(first.placement.on_demand, Some(replicas(20)));
    assert_eq!(first.placement.spot, Some(replicas(12)));
    assert_eq!(first.findings.spot_healthy.unwrap().why.reason(), Reason::MoveInProgress);
    assert_eq!(first.desired, replicas(20));

    // A restart in the middle of the move does not take the move for growth.
    fleet.memory = Memory::resumed(Some(fleet.memory.clone()));
    let done = fleet.run_until(60);
    assert_eq!(done.placement.on_demand, Some(replicas(8)));
    assert_eq!(done.placement.spot, Some(replicas(12)));
    assert_eq!((done.previous, done.desired), (replicas(20), replicas(20)));
    assert_eq!(done.findings.spot_healthy.unwrap().why.reason(), Reason::Placed);
}

#[test]
fn a_lost_spot_target_is_carried_on_demand_at_once() {
    let mut policy = policy();
    policy.spot = Some(SpotPolicy::new(60, replicas(4)));
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.spot = Some(crate::fleet::Target::default());
    fleet.run_until(60);
    for (loss, reason) in [
        (SpotLoss::Missing, Reason::SpotTargetMissing),
        (SpotLoss::Conflicted, Reason::ConflictingAutoscaler),
    ] {
        let mut seen = fleet.observe();
        seen.spot = SpotTarget::Lost(loss);
        let (decision, _) = apifleet_core::decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        assert_eq!(decision.placement.on_demand, Some(replicas(20)));
        assert_eq!(decision.placement.spot, None);
        let healthy = decision.findings.spot_healthy.unwrap();
        assert_eq!((healthy.holds, healthy.why.reason()), (false, reason));
        assert!(!healthy.why.to_string().is_empty());
    }
}

#[test]
fn staircases_and_changes_stay_bounded_in_a_long_decline() {
    let mut policy = policy();
    policy.bounds = crate::fleet::bounds(1, 1000);
    policy.behavior.down.policies.truncate(1);
    policy.behavior.down.policies[0].period = Duration::from_mins(30);
    policy.behavior.down.policies[0].amount = apifleet_core::behavior::Amount::Percent(100);
    let mut fleet = Fleet::settled(policy, 1000, 50_000.0);
    let mut longest = (0, 0);
    for second in 1..1500 {
        fleet.now = at(second * 2);
        fleet.rps = (50_000.0 - f64::from(i32::try_from(second).unwrap()) * 50.0).max(0.0);
        fleet.decide();
        longest =
            (longest.0.max(fleet.memory.highs.len()), longest.1.max(fleet.memory.changes.len()));
    }
    assert!(longest.0 <= 32 && longest.1 <= 64, "{longest:?}");
    assert!(longest.0 > 16, "the staircase was never long: {longest:?}");
    fleet.run_until(4000);
    assert_eq!(fleet.size(), 1);
}

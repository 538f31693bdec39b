//! The status of a fleet, built from what was applied and from nothing else: pure.
//!
//! Called by [`super`]; delivered by [`super::Reporter`].

use super::{conditions, orders};
use crate::facts::fingerprint;
use crate::plan::{Applied, Plan};
use crate::state::FleetState;
use crate::target::Target;
use crate::validate::{Stalled, Valid};
use apifleet_core::Replicas;
use apifleet_core::decision::Placement;
use apifleet_core::observation::{SpotTarget, TargetObservation};
use apifleet_crds::status::{
    ActiveOverrideStatus, ActiveScheduleStatus, ApiFleetStatus, DecisionRecord, LastDecision,
    LearnedStatus, Observed, SpotStatus, TargetStatus, TargetsStatus,
};
use apifleet_crds::{ConditionType, conditions::Conditions, convert};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

/// Without a change the status is not written sooner.
const UNCHANGED_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Nor more than so many seconds later: how many is each fleet's own, so that those which began together do not report
/// together for ever.
const SPREAD: u64 = 60;
/// Counts of pods change many times while a fleet is scaled; they are written this often at most.
const COUNTS_WHILE_SCALING: SignedDuration = SignedDuration::from_secs(5);
/// At all other times pods come and go without a decision.
const COUNTS_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// Another reason for the same size, and what limits it, is written this often at most: both may come and go with
/// every decision.
const REASON_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// The status after a decision was applied.
#[must_use]
pub fn build_status(
    generation: Option<i64>,
    valid: &Valid,
    plan: &Plan<Applied>,
    state: &FleetState,
    now: Timestamp,
) -> ApiFleetStatus {
    // Without `..`: what was decided and seen is either reported here or by the functions that are called.
    let Plan { decision, stage: _ } = plan;
    let Valid {
        intent,
        policy: _,
        orders: known,
        observation,
        targets: _,
        placeholders: _,
        nodes: _,
        spot_loss: _,
    } = valid;
    let on_demand = &observation.on_demand;
    let spot = match &observation.spot {
        SpotTarget::Present(spot) => Some(spot),
        SpotTarget::None | SpotTarget::Lost(_) => None,
    };
    let asked = in_force(valid, plan);
    let sum = |of: fn(&TargetObservation) -> Replicas| {
        of(on_demand).plus(spot.map_or(Replicas::ZERO, of))
    };
    let said = Conditions::since(&state.status.conditions, generation, now);
    ApiFleetStatus {
        observed_generation: generation,
        replicas: asked.on_demand.map(|n| convert::count(n.plus(asked.spot.unwrap_or_default()))),
        ready_replicas: Some(convert::count(sum(|target| target.ready))),
        targets: Some(TargetsStatus {
            on_demand: Some(TargetStatus::new(on_demand, asked.on_demand)),
            spot: spot.map(|spot| TargetStatus::new(spot, asked.spot)),
        }),
        observed: Some(Observed::new(&decision.signals, decision.at)),
        active_schedule: decision.schedule.as_ref().map(ActiveScheduleStatus::from),
        active_overrides: orders::active(&decision.overrides, known),
        learned: LearnedStatus::new(&state.memory.learned),
        spot: intent.policy.spot.map(|_| SpotStatus::new(asked, decision.spot)),
        last_decision: Some(LastDecision::from(decision)),
        recent_decisions: DecisionRecord::after(decision, &state.status.recent_decisions),
        memory: Some(state.memory.clone()),
        conditions: conditions::of_decision(said, valid, plan, state, now).finish(),
    }
}

/// The status of a fleet that is not decided: what was said before stays, but for the conditions, and for overrides,
/// which nobody carries out.
#[must_use]
pub fn build_stalled(
    generation: Option<i64>,
    stalled: &Stalled,
    state: &FleetState,
    now: Timestamp,
) -> ApiFleetStatus {
    let said = Conditions::since(&state.status.conditions, generation, now);
    ApiFleetStatus {
        observed_generation: generation,
        conditions: conditions::of_stall(said, stalled).finish(),
        memory: Some(state.memory.clone()),
        active_overrides: Vec::new(),
        ..state.status.clone()
    }
}

/// What the targets ask for now: what was written, or else what was there.
fn in_force(valid: &Valid, plan: &Plan<Applied>) -> Placement {
    let of = |target: Target| {
        let there = valid.targets.get(target).as_ref()?.deployment.as_ref()?.replicas;
        plan.written(target).or(there)
    };
    Placement { on_demand: of(Target::OnDemand), spot: of(Target::Spot) }
}

/// Whether a status is to be written now: on a change that matters to people at once, else every five to six minutes.
#[must_use]
pub fn is_due(state: &FleetState, next: &ApiFleetStatus, now: Timestamp) -> bool {
    let Some(reported_at) = state.reported_at else { return true };
    let (before, age) = (&state.status, now.duration_since(reported_at));
    // A clock that was set back must not silence the report.
    age >= period(&state.uid)
        || age.is_negative()
        || essence(before) != essence(next)
        || (age >= counts_every(before, next) && counts(before) != counts(next))
        || (age >= REASON_EVERY && reasons(before) != reasons(next))
}

/// How long the status of this fleet stays as it is without a change.
fn period(uid: &str) -> SignedDuration {
    let later = i64::try_from(fingerprint(&[uid]) % SPREAD).unwrap_or_default();
    UNCHANGED_FOR.saturating_add(SignedDuration::from_secs(later))
}

/// A scale is under way while the fleet is not as large as asked for, until that has been told.
fn counts_every(before: &ApiFleetStatus, next: &ApiFleetStatus) -> SignedDuration {
    let moves = |status: &ApiFleetStatus| status.ready_replicas != status.replicas;
    if moves(before) || moves(next) { COUNTS_WHILE_SCALING } else { COUNTS_EVERY }
}

/// What matters to people at once.
#[derive(PartialEq)]
struct Essence<'a> {
    generation: Option<i64>,
    sizes: (Option<i32>, Option<i32>),
    schedule: Option<(&'a str, &'a str)>,
    overrides: &'a [ActiveOverrideStatus],
    spot: Option<&'a str>,
    conditions: Vec<(&'a str, &'a str, &'a str)>,
}

fn essence(status: &ApiFleetStatus) -> Essence<'_> {
    let desired = status.last_decision.as_ref().map(|decision| decision.desired);
    let conditions = status.conditions.iter().filter(|it| !is_limit(it));
    let conditions =
        conditions.map(|it| (it.type_.as_str(), it.status.as_str(), it.reason.as_str()));
    let schedule = status.active_schedule.as_ref();
    Essence {
        generation: status.observed_generation,
        sizes: (desired, status.replicas),
        schedule: schedule.map(|schedule| (schedule.name.as_str(), schedule.phase.as_str())),
        overrides: &status.active_overrides,
        spot: status.spot.as_ref().and_then(|spot| spot.state.as_deref()),
        conditions: conditions.collect(),
    }
}

fn counts(status: &ApiFleetStatus) -> (Option<i32>, Option<&TargetsStatus>) {
    (status.ready_replicas, status.targets.as_ref())
}

/// Why the size is as it is, and what limits it.
fn reasons(status: &ApiFleetStatus) -> (Option<&str>, Option<(&str, &str)>) {
    let decision = status.last_decision.as_ref().map(|decision| decision.reason.as_str());
    let limit = status.conditions.iter().find(|it| is_limit(it));
    (decision, limit.map(|it| (it.status.as_str(), it.reason.as_str())))
}

fn is_limit(condition: &Condition) -> bool {
    condition.type_ == ConditionType::ScalingLimited.as_str()
}

/// The JSON merge patch that makes `next` of `before`: what is no more is taken away. Not a server-side apply, which
/// leaves a null, and is then refused, where an object loses its last field. The uid keeps it from a later fleet of
/// the same name, the version from what was written since.
#[must_use]
pub fn build_patch(
    (uid, version): (&str, &str),
    before: &ApiFleetStatus,
    next: &ApiFleetStatus,
) -> Value {
    let (before, mut next) = (json!(before), json!(next));
    take_away(&before, &mut next);
    json!({"metadata": {"uid": uid, "resourceVersion": version}, "status": next})
}

/// Sets to null what `before` has and `next` has not.
fn take_away(before: &Value, next: &mut Value) {
    let (Value::Object(before), Value::Object(next)) = (before, next) else { return };
    for (name, old) in before {
        take_away(old, next.entry(name.as_str()).or_insert(Value::Null));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn status(ready: i32, reason: &str) -> ApiFleetStatus {
        serde_json::from_value(json!({
            "observedGeneration": 1, "replicas": 10, "readyReplicas": ready,
            "lastDecision": {"time": NOW, "desired": 10, "previous": 10, "reason": reason, "summary": "s"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Available", "message": "1",
                "lastTransitionTime": NOW}],
        }))
        .unwrap()
    }

    /// A fleet with this status, which was written at the beginning.
    fn reported(status: ApiFleetStatus) -> FleetState {
        let mut state = FleetState::resumed("u".to_owned(), ApiFleetStatus::default());
        state.note_reported(status, NOW);
        state
    }

    fn due(next: &ApiFleetStatus, after: i64) -> bool {
        let later = NOW + SignedDuration::from_secs(after);
        is_due(&reported(status(10, "WithinTolerance")), next, later)
    }

    #[test]
    fn nothing_new_is_written_at_most_twelve_times_an_hour_and_at_least_ten() {
        let same = status(10, "WithinTolerance");
        assert!(!due(&same, 299));
        assert!(due(&same, 360));
        let unwritten = FleetState::resumed("u".to_owned(), same.clone());
        assert!(is_due(&unwritten, &same, NOW), "never written: at once");
        assert!(due(&same, -1), "a clock that was set back does not silence the report");
    }

    #[test]
    fn fleets_that_began_together_do_not_report_together_for_ever() {
        let mut fleets: BTreeMap<i64, u32> = BTreeMap::new();
        for uid in 0..1000 {
            *fleets.entry(period(&uid.to_string()).as_secs()).or_default() += 1;
        }
        assert!(fleets.keys().all(|seconds| (300..360).contains(seconds)), "{fleets:?}");
        assert!(fleets.values().all(|together| *together < 50), "{fleets:?}");
    }

    #[test]
    fn another_message_alone_is_nothing_new() {
        let mut next = status(10, "WithinTolerance");
        next.conditions[0].message = "2".to_owned();
        assert!(!due(&next, 299));
    }

    #[test]
    fn another_size_or_condition_is_written_at_once() {
        let mut next = status(10, "WithinTolerance");
        next.replicas = Some(11);
        assert!(due(&next, 0));
        let mut next = status(10, "WithinTolerance");
        next.conditions[0].status = "False".to_owned();
        assert!(due(&next, 0));
        let mut next = status(10, "WithinTolerance");
        next.observed_generation = Some(2);
        assert!(due(&next, 0));
    }

    #[test]
    fn counts_and_reasons_wait_a_little() {
        assert!(!due(&status(9, "WithinTolerance"), 4));
        assert!(due(&status(9, "WithinTolerance"), 5));
        assert!(!due(&status(10, "Stabilized"), 59));
        assert!(due(&status(10, "Stabilized"), 60));
    }

    #[test]
    fn counts_wait_half_a_minute_unless_a_scale_is_under_way() {
        let mut next = status(10, "WithinTolerance");
        next.targets = Some(TargetsStatus::default());
        assert!(!due(&next, 29), "as many are Ready as are asked for");
        assert!(due(&next, 30));
    }

    #[test]
    fn what_limits_the_size_may_flip_with_every_decision_without_a_write() {
        let limited = |holds: &str, reason: &str| {
            let mut next = status(10, "WithinTolerance");
            let limit = Condition {
                type_: "ScalingLimited".to_owned(),
                status: holds.to_owned(),
                reason: reason.to_owned(),
                ..next.conditions[0].clone()
            };
            next.conditions.push(limit);
            next
        };
        let (before, next) = (limited("False", "NotLimited"), limited("True", "Stabilized"));
        let state = reported(before);
        let due = |after| is_due(&state, &next, NOW + SignedDuration::from_secs(after));
        assert!(!due(59));
        assert!(due(60));
    }

    #[test]
    fn a_patch_takes_away_what_is_no_more() {
        let mut before = status(10, "WithinTolerance");
        before.observed = Some(Observed { latency_milliseconds: Some(7), ..Observed::default() });
        before.spot = Some(SpotStatus { share_percent: Some(50), ..SpotStatus::default() });
        let mut next = status(10, "WithinTolerance");
        next.observed = Some(Observed::default());
        let patch = build_patch(("u", "7"), &before, &next);
        assert_eq!(patch["metadata"], json!({"uid": "u", "resourceVersion": "7"}));
        assert_eq!(patch["status"]["spot"], Value::Null);
        assert_eq!(patch["status"]["observed"], json!({"latencyMilliseconds": null}));
        assert_eq!(patch["status"]["replicas"], 10);
    }
}

//! The status of a fleet, built from what was applied and from nothing else: pure.
//!
//! Called by [`crate::reconcile`]; delivered by [`super::Reporter`].

use super::conditions;
use crate::caches::Key;
use crate::plan::{Applied, Plan};
use crate::state::FleetState;
use crate::target::Target;
use crate::validate::{Stalled, Valid};
use apifleet_core::Replicas;
use apifleet_core::decision::Placement;
use apifleet_core::observation::{SpotTarget, TargetObservation};
use apifleet_crds::status::{
    ApiFleetStatus, DecisionRecord, LastDecision, Observed, SpotStatus, TargetStatus, TargetsStatus,
};
use apifleet_crds::{conditions::Conditions, convert};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Without a change the status is written this often.
const AT_LEAST_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// Counts of pods change many times while a fleet is scaled; they are written this often at most.
const COUNTS_EVERY: SignedDuration = SignedDuration::from_secs(5);
/// Another reason for the same size is written this often at most.
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
    let decision = &plan.decision;
    let on_demand = &valid.observation.on_demand;
    let spot = match &valid.observation.spot {
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
        spot: valid.intent.policy.spot.map(|_| SpotStatus::new(asked)),
        last_decision: Some(LastDecision::from(decision)),
        recent_decisions: DecisionRecord::after(decision, &state.status.recent_decisions),
        memory: Some(state.memory.clone()),
        conditions: conditions::of_decision(said, valid, plan, state, now).finish(),
    }
}

/// The status of a fleet that is not decided: what was said before stays, but for the conditions.
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

/// Whether a status is to be written now: on a change that matters to people at once, else from time to time.
#[must_use]
pub fn is_due(
    before: &ApiFleetStatus,
    reported_at: Option<Timestamp>,
    next: &ApiFleetStatus,
    now: Timestamp,
) -> bool {
    let Some(reported_at) = reported_at else { return true };
    let age = now.duration_since(reported_at);
    // A clock that was set back must not silence the report.
    age >= AT_LEAST_EVERY
        || age.is_negative()
        || essence(before) != essence(next)
        || (age >= COUNTS_EVERY && counts(before) != counts(next))
        || (age >= REASON_EVERY && reason(before) != reason(next))
}

type Essence<'a> = (Option<i64>, Option<i32>, Option<i32>, Vec<(&'a str, &'a str, &'a str)>);

fn essence(status: &ApiFleetStatus) -> Essence<'_> {
    let desired = status.last_decision.as_ref().map(|decision| decision.desired);
    let conditions = status.conditions.iter();
    let conditions =
        conditions.map(|it| (it.type_.as_str(), it.status.as_str(), it.reason.as_str()));
    (status.observed_generation, desired, status.replicas, conditions.collect())
}

fn counts(status: &ApiFleetStatus) -> (Option<i32>, Option<&TargetsStatus>) {
    (status.ready_replicas, status.targets.as_ref())
}

fn reason(status: &ApiFleetStatus) -> Option<&str> {
    status.last_decision.as_ref().map(|decision| decision.reason.as_str())
}

/// The status as a server-side apply: fields that it has no more are taken away by the API server. The uid keeps it
/// from a later fleet of the same name.
#[must_use]
pub fn build_patch(key: &Key, uid: &str, status: &ApiFleetStatus) -> Value {
    json!({
        "apiVersion": "apifleet.dev/v1alpha1",
        "kind": "ApiFleet",
        "metadata": {"namespace": key.namespace, "name": key.name, "uid": uid},
        "status": status,
    })
}

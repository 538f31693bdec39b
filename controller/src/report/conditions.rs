//! The conditions of a fleet: pure, and as kstatus reads them. `Reconciling` is True only while a fleet is being
//! taken over, so that ordinary scaling does not make a delivery tool flap; for the same reason `Ready` allows a
//! scale-out two minutes, and a loss of signals five.
//!
//! Called by [`super::status`].

use crate::facts::PolicyUse;
use crate::plan::{Applied, Plan};
use crate::state::FleetState;
use crate::validate::{Stalled, Valid};
use apifleet_core::Reason;
use apifleet_core::decision::Findings;
use apifleet_core::observation::{SpotLoss, SpotTarget};
use apifleet_crds::{ConditionType, Conditions};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// New replicas may take this long to become Ready before the fleet is called not Ready.
const STARTING: SignedDuration = SignedDuration::from_mins(2);
/// Signals may be missing this long before the fleet is called not Ready.
const SIGNALS_MISSING: SignedDuration = SignedDuration::from_mins(5);

/// One condition's content.
struct Verdict {
    holds: bool,
    reason: Reason,
    message: String,
}

/// The conditions after a decision.
#[must_use]
pub fn of_decision(
    said: Conditions,
    valid: &Valid,
    plan: &Plan<Applied>,
    state: &FleetState,
    now: Timestamp,
) -> Conditions {
    let ready = ready(valid, plan, state, now);
    let reconciling = if state.adopting {
        Verdict {
            holds: true,
            reason: Reason::Adopting,
            message: "the fleet is being taken over".to_owned(),
        }
    } else {
        Verdict {
            holds: false,
            reason: Reason::AsExpected,
            message: "the spec is in force".to_owned(),
        }
    };
    let said = match &valid.policy {
        PolicyUse::Unknown { name } => kept_up(said, name, &plan.decision.findings),
        PolicyUse::None | PolicyUse::InForce { .. } | PolicyUse::Kept { .. } => said
            .with(ConditionType::Stalled, false, Reason::AsExpected, "nothing stands in the way")
            .with_findings(&plan.decision.findings),
    };
    let said = said.with(ConditionType::Ready, ready.holds, ready.reason, &ready.message).with(
        ConditionType::Reconciling,
        reconciling.holds,
        reconciling.reason,
        &reconciling.message,
    );
    match (&valid.spot_loss, spot_reason(valid)) {
        // The core knows that spot is lost; only here is it known to whom, and what to do.
        (Some(message), Some(reason)) => {
            said.with(ConditionType::SpotHealthy, false, reason, message)
        }
        _ => said,
    }
}

/// What is said of a fleet whose policy is unknown: it is kept up, and waits for a person.
fn kept_up(said: Conditions, policy: &str, findings: &Findings) -> Conditions {
    let stalled = format!(
        "ScalingPolicy {policy} does not exist, and what it said is not known: no replica is removed, and none is \
         added but for minReplicas, floors and overrides; create it, or name another in policyRef"
    );
    let unread = format!("no signal is read: ScalingPolicy {policy} says what signals mean");
    said.with_findings(findings)
        .with(ConditionType::Stalled, true, Reason::PolicyMissing, &stalled)
        .with(ConditionType::SignalsFresh, false, Reason::PolicyMissing, &unread)
}

/// The conditions of a fleet that is not decided.
#[must_use]
pub fn of_stall(said: Conditions, stalled: &Stalled) -> Conditions {
    let Stalled { reason, message } = stalled;
    said.with(ConditionType::Ready, false, *reason, message)
        .with(ConditionType::Reconciling, false, *reason, message)
        .with(ConditionType::Stalled, true, *reason, message)
}

fn spot_reason(valid: &Valid) -> Option<Reason> {
    match valid.observation.spot {
        SpotTarget::Lost(SpotLoss::Missing) => Some(Reason::SpotTargetMissing),
        SpotTarget::Lost(SpotLoss::Conflicted) => Some(Reason::ConflictingAutoscaler),
        SpotTarget::None | SpotTarget::Present(_) => None,
    }
}

fn ready(valid: &Valid, plan: &Plan<Applied>, state: &FleetState, now: Timestamp) -> Verdict {
    if let Some((_, message)) = plan.failure() {
        return Verdict { holds: false, reason: Reason::ScaleFailed, message: message.to_owned() };
    }
    if let Some(message) = policy_missing(&valid.policy) {
        return Verdict { holds: false, reason: Reason::PolicyMissing, message };
    }
    if let (Some(message), Some(reason)) = (&valid.spot_loss, spot_reason(valid)) {
        return Verdict { holds: false, reason, message: message.clone() };
    }
    if state.memory.foreign_writes_repeated(now) {
        let message = "somebody else writes spec.replicas again and again: see the events for who, and take replicas \
                       out of what they apply";
        return Verdict { holds: false, reason: Reason::ForeignWrite, message: message.to_owned() };
    }
    if let Some(missing) = signals_missing(plan, state, now) {
        return missing;
    }
    let (ready, wanted) = (valid.observation.ready(), plan.decision.desired);
    if ready >= wanted {
        let message = format!("{ready} replicas are Ready, {wanted} are wanted");
        return Verdict { holds: true, reason: Reason::Available, message };
    }
    let long = state.below_since.is_none_or(|since| now.duration_since(since) >= STARTING);
    let message = format!("{ready} of {wanted} replicas are Ready");
    if long || !was_ready(state) {
        return Verdict { holds: false, reason: Reason::BelowDesired, message };
    }
    Verdict {
        holds: true,
        reason: Reason::Available,
        message: format!("{message}, the others are starting"),
    }
}

fn policy_missing(policy: &PolicyUse) -> Option<String> {
    match policy {
        PolicyUse::None | PolicyUse::InForce { .. } => None,
        PolicyUse::Kept { name } => Some(format!(
            "ScalingPolicy {name} is gone: the fleet is decided by what it said, until the operator is started anew; \
             create it again, or name another in policyRef"
        )),
        PolicyUse::Unknown { name } => {
            Some(format!("ScalingPolicy {name} does not exist: the fleet is only kept up"))
        }
    }
}

fn signals_missing(plan: &Plan<Applied>, state: &FleetState, now: Timestamp) -> Option<Verdict> {
    let finding = &plan.decision.findings.signals_fresh;
    let since = of_type(state, ConditionType::SignalsFresh)
        .filter(|condition| condition.status == "False")?;
    let age = now.duration_since(since.last_transition_time.0);
    // A clock that was set back must not hide for how long.
    let long = age >= SIGNALS_MISSING || age.is_negative();
    (!finding.holds && long).then(|| Verdict {
        holds: false,
        reason: finding.why.reason(),
        message: format!("signals cannot be trusted for five minutes and more: {}", finding.why),
    })
}

fn was_ready(state: &FleetState) -> bool {
    of_type(state, ConditionType::Ready).is_some_and(|condition| condition.status == "True")
}

fn of_type(state: &FleetState, kind: ConditionType) -> Option<&Condition> {
    state.status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

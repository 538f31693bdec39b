//! The decision where a target's `spec.replicas` is unknown: nothing is written and nothing is taken for a number.
//! [`crate::decide`] turns to it before any stage but the first.

use crate::decision::{Decision, Finding, Findings, Line, Placement, Stage};
use crate::memory::Memory;
use crate::observation::Observation;
use crate::overrides::orders::{Orders, standings};
use crate::policy::FleetPolicy;
use crate::rules::guard::effective;
use crate::rules::place::on_demand_only;
use crate::rules::trust::Trust;
use crate::schedule::agenda::Agenda;
use crate::why::Why;
use jiff::Timestamp;

/// Says so, and leaves the memory as it is.
pub(crate) fn unknown(
    policy: &FleetPolicy,
    seen: &Observation,
    trust: &Trust,
    (after, now): (Memory, Timestamp),
) -> (Decision, Memory) {
    let size = after.size.unwrap_or(policy.bounds.min());
    let why = Why::ReplicasUnknown;
    let line = |stage, why| Line { stage, input: size, output: size, why };
    let decision = Decision {
        at: now,
        previous: size,
        desired: size,
        placement: Placement { on_demand: None, spot: None },
        reason: why.reason(),
        ledger: vec![line(Stage::Trust, trust.why), line(Stage::Demand, why)],
        signals: trust.signals,
        findings: Findings {
            signals_fresh: Finding { holds: trust.trusted, why: trust.why },
            scaling_limited: Finding { holds: false, why },
            replicas_effective: effective(policy.signals.latency, &after.guard, None, size),
            overridden: Orders::at(&policy.overrides, now).finding(),
            spot_healthy: on_demand_only(policy.spot, seen, size)
                .spot_healthy
                .or(policy.spot.map(|_| Finding { holds: true, why })),
            pre_warmed: calendar_unknown(policy, &after, now),
        },
        schedule: None,
        overrides: standings(&policy.overrides, now),
        spot: None,
        placeholders: Placement::default(),
        drains: Vec::new(),
        next: None,
    };
    (decision, after)
}

/// Condition `PreWarmed` where a size is unknown: nothing can be said of a window that is open or near.
fn calendar_unknown(policy: &FleetPolicy, after: &Memory, now: Timestamp) -> Option<Finding> {
    if policy.schedules.is_empty() {
        return None;
    }
    let is_calm = Agenda::find(policy, after, now).under_way(now).next().is_none();
    let why = if is_calm { Why::AsExpected } else { Why::ReplicasUnknown };
    Some(Finding { holds: is_calm, why })
}

//! [`decide`]: folds the stages of [`crate::rules`] in their documented order.

use crate::decision::{Decision, Finding, Findings, Line, Placement, Signals, Stage};
use crate::memory::Memory;
use crate::observation::Observation;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use crate::signal::Signal;
use crate::why::Why;
use jiff::Timestamp;

/// Decides a fleet's size and split.
#[must_use]
pub fn decide(
    _policy: &FleetPolicy,
    _seen: &Observation,
    memory: &Memory,
    now: Timestamp,
) -> (Decision, Memory) {
    let size = memory.size.unwrap_or(Replicas::ZERO);
    let why = Why::ReplicasUnknown;
    let finding = Finding { holds: true, why };
    let decision = Decision {
        at: now,
        previous: size,
        desired: size,
        placement: Placement { on_demand: None, spot: None },
        reason: why.reason(),
        ledger: vec![Line { stage: Stage::Demand, input: size, output: size, why }],
        signals: Signals {
            request_rate: Signal::Absent { last: None },
            burst_rate: Signal::Absent { last: None },
            latency: None,
            errors: None,
        },
        findings: Findings {
            signals_fresh: finding,
            scaling_limited: finding,
            replicas_effective: finding,
            spot_healthy: None,
        },
        next: None,
    };
    (decision, memory.clone())
}

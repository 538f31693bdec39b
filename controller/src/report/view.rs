//! What the operator's metrics show of a fleet after a decision: pure.

use crate::metrics::fleets::{FleetView, SignalView, TargetView};
use crate::plan::{Applied, Plan};
use crate::target::Target;
use crate::validate::Valid;
use apifleet_core::observation::SpotTarget;
use apifleet_core::signal::Signal;
use apifleet_crds::{ApiFleetStatus, ConditionType};
use jiff::Timestamp;

/// Builds it.
#[must_use]
pub fn build_view(valid: &Valid, plan: &Plan<Applied>, status: &ApiFleetStatus) -> FleetView {
    let decision = &plan.decision;
    let signals = &decision.signals;
    let configured = [
        Some(signal("RequestRate", &signals.request_rate)),
        Some(signal("BurstRate", &signals.burst_rate)),
        signals.latency.as_ref().map(|latency| signal("Latency", latency)),
        signals.errors.as_ref().map(|errors| signal("Errors", errors)),
    ];
    FleetView {
        decided_at: decision.at.as_duration().as_secs_f64(),
        bounds: Some((
            valid.intent.policy.bounds.min().get(),
            valid.intent.policy.bounds.max().get(),
        )),
        targets: targets(valid, plan),
        signals: configured.into_iter().flatten().collect(),
        conditions: conditions(status),
    }
}

/// A fleet that is not decided shows its conditions and nothing that would be a guess.
#[must_use]
pub fn build_stalled_view(status: &ApiFleetStatus, now: Timestamp) -> FleetView {
    FleetView {
        decided_at: now.as_duration().as_secs_f64(),
        conditions: conditions(status),
        ..FleetView::default()
    }
}

fn conditions(status: &ApiFleetStatus) -> Vec<(&'static str, bool)> {
    let holds = |kind: ConditionType| {
        let found = status.conditions.iter().find(|condition| condition.type_ == kind.as_str())?;
        Some((kind.as_str(), found.status == "True"))
    };
    ConditionType::ALL.into_iter().filter_map(holds).collect()
}

fn targets(valid: &Valid, plan: &Plan<Applied>) -> Vec<TargetView> {
    let placement = plan.decision.placement;
    let mut targets = vec![TargetView {
        target: Target::OnDemand.as_str(),
        desired: placement.on_demand.map(apifleet_core::Replicas::get),
        ready: valid.observation.on_demand.ready.get(),
        pending: valid.observation.on_demand.pending.get(),
    }];
    if let SpotTarget::Present(spot) = &valid.observation.spot {
        targets.push(TargetView {
            target: Target::Spot.as_str(),
            desired: placement.spot.map(apifleet_core::Replicas::get),
            ready: spot.ready.get(),
            pending: spot.pending.get(),
        });
    }
    targets
}

fn signal<T: Copy>(name: &'static str, signal: &Signal<T>) -> SignalView {
    let age = match signal {
        Signal::Fresh { age, .. } | Signal::Stale { age, .. } => Some(age.as_secs_f64()),
        Signal::Idle | Signal::Warming { .. } | Signal::Absent { .. } | Signal::Invalid { .. } => {
            None
        }
    };
    SignalView { signal: name, verdict: signal.verdict().as_str(), age }
}

//! What the operator's metrics show of a fleet after a decision: pure.

use crate::metrics::view::{FleetView, OverrideView, SignalView, SpotView, TargetView};
use crate::plan::{Applied, Plan};
use crate::target::Target;
use crate::validate::Valid;
use apifleet_core::decision::{ActiveOverride, Standing};
use apifleet_core::observation::SpotTarget;
use apifleet_core::policy::Mode;
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
        decided_at: Some(seconds(decision.at)),
        size: Some(decision.desired.get()),
        bounds: Some((
            valid.intent.policy.bounds.min().get(),
            valid.intent.policy.bounds.max().get(),
        )),
        mode: Some(mode(valid.intent.policy.mode)),
        limit: decision
            .findings
            .scaling_limited
            .holds
            .then(|| decision.findings.scaling_limited.why.reason().as_str()),
        targets: targets(valid, plan),
        signals: configured.into_iter().flatten().collect(),
        conditions: conditions(status),
        schedule_floor: decision.schedule.map(|schedule| schedule.floor.get()),
        prewarm_lateness: decision
            .findings
            .pre_warmed
            .and_then(|it| it.why.lateness())
            .map(|late| late.as_secs_f64()),
        overrides: overrides(valid, plan),
        spot: decision.spot.map(|spot| SpotView {
            state: spot.state.as_str(),
            cover: spot.cover.get(),
            on_demand_floor: on_demand_floor(valid, plan),
        }),
    }
}

/// A fleet that is not decided shows its conditions and nothing that would be a guess.
#[must_use]
pub fn build_stalled_view(status: &ApiFleetStatus) -> FleetView {
    FleetView { conditions: conditions(status), ..FleetView::default() }
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

/// In which no more than is wanted counts: a small fleet has no larger part.
fn on_demand_floor(valid: &Valid, plan: &Plan<Applied>) -> u32 {
    let floor = valid.intent.policy.spot.map(|spot| spot.min_on_demand).unwrap_or_default();
    floor.min(plan.decision.desired).get()
}

/// The overrides that count; of each kind there is one.
fn overrides(valid: &Valid, plan: &Plan<Applied>) -> Vec<OverrideView> {
    let counts = plan.decision.overrides.iter().filter(|due| due.standing == Standing::InForce);
    let view = |due: &ActiveOverride| {
        let order = valid.intent.policy.overrides.iter().find(|order| order.name == due.name)?;
        Some(OverrideView {
            action: due.action.as_str(),
            begins_at: seconds(order.not_before),
            ends_at: seconds(due.until),
        })
    };
    counts.filter_map(view).collect()
}

/// The word of the spec.
const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "Enforce",
        Mode::ScaleOutOnly => "ScaleOutOnly",
        Mode::Observe => "Observe",
    }
}

/// Since 1970.
fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

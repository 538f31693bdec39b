//! What the operator would see of the plant: a whole [`Observation`].

use crate::metrics::Answer;
use crate::plant::spot::SpotView;
use crate::scaler::{Pod, Target, View};
use apifleet_core::observation::{
    Interruption, NodeHealth, NodeId, Observation, Placeholders, PoolId, Reading, Readings,
    SpotNode, SpotTarget, Startup, TargetObservation,
};
use apifleet_core::{FleetPolicy, Replicas};
use jiff::Timestamp;
use std::time::Duration;

/// The window of the burst rate, in seconds.
const BURST: u32 = 15;
/// What became Ready so many seconds ago is told.
const LATELY: i64 = 300;

/// Looks at the plant: also for whoever plays the operator otherwise, as the campaigns of the tests do.
#[must_use]
pub fn observe(policy: &FleetPolicy, view: &View<'_>) -> Observation {
    // A policy without spot takes all pods for its own, wherever they run.
    let spot = view.spot.filter(|_| policy.spot.is_some());
    let is_spot = |pod: &Pod| spot.is_some() && matches!(pod.target, Target::Spot { .. });
    let wanted = spot.map_or(0, |spot| spot.wanted);
    let now = view.now;
    Observation {
        on_demand: target(view, view.wanted.saturating_sub(wanted), |pod| !is_spot(pod)),
        spot: match spot {
            Some(spot) => SpotTarget::Present(target(view, spot.wanted, is_spot)),
            None => SpotTarget::None,
        },
        spot_nodes: spot.map_or_else(Vec::new, |spot| nodes(view, spot)),
        spot_pending_since: view
            .pods
            .iter()
            .filter(|pod| is_spot(pod) && pod.target == Target::Spot { node: None })
            .map(|pod| instant(pod.created))
            .collect(),
        placeholders: Placeholders::default(),
        pods_started: view.pods.iter().filter_map(|pod| started(pod, now)).collect(),
        nodes_started: view.pods.iter().filter_map(|pod| node_started(pod, now)).collect(),
        ready_since: view
            .pods
            .iter()
            .filter(|pod| pod.is_ready(now))
            .map(|pod| instant(pod.ready))
            .collect(),
        scrape_interval: Duration::from_secs(view.metrics.scrape_interval().into()),
        readings: readings(policy, view),
    }
}

fn readings(policy: &FleetPolicy, view: &View<'_>) -> Readings {
    let window = u32::try_from(policy.signals.window.as_secs()).unwrap_or(u32::MAX);
    let metrics = view.metrics;
    Readings {
        request_rate: reading(metrics.rate(window)),
        burst_rate: reading(metrics.rate(BURST)),
        latency: match policy.signals.latency {
            Some(_) => reading(metrics.p95_millis(window)),
            None => Reading::Empty,
        },
        error_rate: reading(metrics.error_rate(window)),
        scraped_pods: reading(metrics.scraped_pods()),
        window_samples: reading(metrics.window_samples(window)),
        ..Readings::default()
    }
}

fn reading(answer: Answer) -> Reading {
    match answer {
        Answer::Value { value, sampled_at } => Reading::Value { value, sampled_at },
        Answer::Empty => Reading::Empty,
        Answer::Failed => Reading::Failed,
    }
}

/// One Deployment, whose pods are `own`.
fn target(view: &View<'_>, wanted: u32, own: impl Fn(&Pod) -> bool) -> TargetObservation {
    let now = view.now.as_second();
    let count = |which: &dyn Fn(&Pod) -> bool| {
        let count = view.pods.iter().filter(|pod| own(pod) && which(pod)).count();
        Replicas::new(u32::try_from(count).unwrap_or(u32::MAX))
    };
    TargetObservation {
        wanted: Some(Replicas::new(wanted)),
        ready: count(&|pod| pod.ready <= now),
        pending: count(&|pod| pod.scheduled > now),
        ..TargetObservation::default()
    }
}

/// Spot nodes with what is on them. Each is a pool of its own.
fn nodes(view: &View<'_>, spot: SpotView<'_>) -> Vec<SpotNode> {
    let now = view.now.as_second();
    let node = |node: &crate::plant::spot::Node| {
        let on = |pod: &&Pod| pod.target == Target::Spot { node: Some(node.id) };
        let count = |ready: bool| {
            let pods = view.pods.iter().filter(on).filter(|pod| !ready || pod.ready <= now);
            Replicas::new(u32::try_from(pods.count()).unwrap_or(u32::MAX))
        };
        SpotNode {
            id: NodeId(node.id.into()),
            pool: PoolId(node.id.into()),
            health: NodeHealth::Ready,
            interruption: node.notice.map(|at| Interruption {
                at: instant(at),
                notice: Duration::from_secs(spot.pool.notice.into()),
            }),
            tainted_by_us: false,
            pods: count(false),
            ready: count(true),
        }
    };
    spot.nodes.iter().map(node).collect()
}

/// A pod that became Ready lately.
fn started(pod: &Pod, now: Timestamp) -> Option<Startup> {
    pod.ready_for(now).filter(|age| *age < LATELY)?;
    let took = u64::try_from(pod.ready - pod.scheduled.max(pod.created)).ok()?;
    Some(Startup { at: instant(pod.ready), took: Duration::from_secs(took) })
}

/// A node that was made for a pod lately.
fn node_started(pod: &Pod, now: Timestamp) -> Option<Startup> {
    let waited = pod.scheduled.checked_sub(pod.created).filter(|waited| *waited > 0)?;
    let age = now.as_second().checked_sub(pod.scheduled)?;
    let took = Duration::from_secs(u64::try_from(waited).ok()?);
    (pod.target == Target::OnDemand && (0..LATELY).contains(&age))
        .then(|| Startup { at: instant(pod.scheduled), took })
}

fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

//! Validate: whether a fleet can be decided at all, and what the core is given to decide it: pure.
//!
//! Called by [`crate::reconcile`] after the look. A missing or conflicted spot target is lost capacity and never a stop; what
//! stops a fleet is listed in [`Stalled`].

use crate::capacity;
use crate::facts::{OrderFact, PolicyUse};
use crate::observe::{Seen, SeenNode, SeenTarget};
use crate::state::FleetState;
use crate::target::{PerTarget, Target};
use apifleet_core::Reason;
use apifleet_core::observation::{
    Observation, Placeholders, Rollout, SpotLoss, SpotTarget, TargetObservation,
};
use apifleet_crds::FleetIntent;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A fleet that can be decided.
#[derive(Debug, Clone)]
pub struct Valid {
    /// What its owner asked for, with what is ordered for a while.
    pub intent: FleetIntent,
    /// How it stands to the policy that it shares.
    pub policy: PolicyUse,
    /// The overrides that the decision knows.
    pub orders: Vec<Arc<OrderFact>>,
    /// What the core decides on.
    pub observation: Observation,
    /// The targets that may be written; `None` where there is none, or it is lost.
    pub targets: PerTarget<Option<SeenTarget>>,
    /// The Deployments that hold nodes for them, where there are any.
    pub placeholders: PerTarget<Option<SeenTarget>>,
    /// The nodes that say something to it.
    pub nodes: Vec<SeenNode>,
    /// Why the spot target is lost, for people; `None` where it is not.
    pub spot_loss: Option<String>,
}

/// Why nothing is decided or written until somebody acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stalled {
    /// The word.
    pub reason: Reason,
    /// What is, and what to do.
    pub message: String,
}

/// Checks what was seen and makes the core's observation of it.
pub fn validate(
    seen: Seen,
    state: &mut FleetState,
    scrape_interval: Duration,
    now: Timestamp,
) -> Result<Valid, Stalled> {
    // Without `..`: what is seen is used.
    let Seen { intent, policy, orders, on_demand, spot, placeholders, nodes, readings } = seen;
    if let Some(conflict) = &on_demand.conflict {
        return Err(Stalled {
            reason: conflict.reason(),
            message: conflict.message(&on_demand.key),
        });
    }
    if on_demand.deployment.is_none() {
        return Err(Stalled {
            reason: Reason::OnDemandTargetMissing,
            message: missing(&on_demand, "targets.onDemand"),
        });
    }
    let (spot_target, spot_loss) = spot_target(spot.as_ref(), state, now);
    let spot = spot.filter(|_| matches!(spot_target, SpotTarget::Present(_)));
    let both = || std::iter::once(&on_demand).chain(&spot);
    let has_spot = intent.policy.spot.is_some();
    let observation = Observation {
        ready_since: both().flat_map(SeenTarget::ready_since).collect(),
        on_demand: observation_of(&on_demand, state, Target::OnDemand, now),
        spot: spot_target,
        spot_nodes: if has_spot { capacity::spot_nodes(&nodes, spot.as_ref()) } else { Vec::new() },
        spot_pending_since: spot.iter().flat_map(SeenTarget::unscheduled_since).collect(),
        placeholders: Placeholders {
            on_demand: placeholders.on_demand.as_ref().map(counts),
            spot: placeholders.spot.as_ref().map(counts),
        },
        pods_started: capacity::pods_started(both(), now),
        nodes_started: nodes.iter().filter_map(|node| node.fact.started(now)).collect(),
        scrape_interval,
        readings,
    };
    Ok(Valid {
        intent,
        policy,
        orders,
        observation,
        targets: PerTarget { on_demand: Some(on_demand), spot },
        placeholders,
        nodes,
        spot_loss,
    })
}

fn missing(target: &SeenTarget, field: &str) -> String {
    let crate::caches::Key { namespace, name } = &target.key;
    format!(
        "Deployment {name} does not exist in namespace {namespace}: create it, or correct {field} in a new ApiFleet"
    )
}

/// The spot target as the core sees it, and why it is lost.
fn spot_target(
    spot: Option<&SeenTarget>,
    state: &mut FleetState,
    now: Timestamp,
) -> (SpotTarget, Option<String>) {
    let Some(spot) = spot else { return (SpotTarget::None, None) };
    if let Some(conflict) = &spot.conflict {
        return (SpotTarget::Lost(SpotLoss::Conflicted), Some(conflict.message(&spot.key)));
    }
    if spot.deployment.is_none() {
        return (SpotTarget::Lost(SpotLoss::Missing), Some(missing(spot, "targets.spot")));
    }
    (SpotTarget::Present(observation_of(spot, state, Target::Spot, now)), None)
}

fn observation_of(
    seen: &SeenTarget,
    state: &mut FleetState,
    target: Target,
    now: Timestamp,
) -> TargetObservation {
    let rolling_out = seen.deployment.as_ref().is_some_and(|deployment| deployment.rolling_out);
    let since = &mut state.targets.get_mut(target).rollout_since;
    *since = rolling_out.then(|| since.map_or(now, |since| since.min(now)));
    let rollout = since.map_or(Rollout::Settled, |since| Rollout::InProgress { since });
    TargetObservation { rollout, ..counts(seen) }
}

fn counts(seen: &SeenTarget) -> TargetObservation {
    TargetObservation {
        wanted: seen.deployment.as_ref().and_then(|deployment| deployment.replicas),
        ready: seen.ready(),
        pending: seen.unscheduled(),
        rollout: Rollout::Settled,
        surge: seen.deployment.as_ref().map(|deployment| deployment.surge).unwrap_or_default(),
    }
}

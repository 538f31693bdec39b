//! Observe: what is there of one fleet, and what Prometheus said about it. Judges nothing.
//!
//! Needs a client, for a Deployment whose cached version is older than our own last write; all else comes from the
//! caches and from [`signals`], which reads those of all fleets at once. First step of [`crate::reconcile`].

pub mod prometheus;
pub mod query;
pub mod signals;

#[cfg(test)]
mod query_tests;

use crate::caches::Key;
use crate::cluster::Cluster;
use crate::conflicts::{Claims, Conflict};
use crate::facts::{DeploymentFact, FleetFact, NodeFact, OrderFact, PodFact, PolicyUse, order};
use crate::kubernetes::{CallError, Kubernetes};
use crate::state::{FleetState, Written};
use crate::target::{PerTarget, Purpose, Target};
use apifleet_core::Replicas;
use apifleet_core::observation::Readings;
use apifleet_core::overrides;
use apifleet_crds::FleetIntent;
use apifleet_crds::nodes::NodeKind;
use jiff::Timestamp;
use std::sync::Arc;

/// A fleet to be reconciled, as the pass found it.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Its namespace and name.
    pub key: Key,
    /// What is known of it.
    pub fact: Arc<FleetFact>,
    /// Who owns which Deployment.
    pub claims: Arc<Claims>,
    /// What Prometheus said.
    pub readings: Readings,
}

/// What is there of a fleet whose spec means something.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What its owner asked for, with what is ordered for a while.
    pub intent: FleetIntent,
    /// How it stands to the policy that it shares.
    pub policy: PolicyUse,
    /// The overrides that matter now.
    pub orders: Vec<Arc<OrderFact>>,
    /// Its on-demand Deployment.
    pub on_demand: SeenTarget,
    /// Its spot Deployment, where it names one.
    pub spot: Option<SeenTarget>,
    /// The Deployments that hold nodes for each, where there are any.
    pub placeholders: PerTarget<Option<SeenTarget>>,
    /// The nodes that say something to it.
    pub nodes: Vec<SeenNode>,
    /// What Prometheus said.
    pub readings: Readings,
}

/// A node, and what it is to the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNode {
    /// Whether it may be taken back.
    pub is_spot: bool,
    /// What is known of it.
    pub fact: Arc<NodeFact>,
}

/// What is there of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTarget {
    /// The Deployment's namespace and name.
    pub key: Key,
    /// Someone else who owns it.
    pub conflict: Option<Conflict>,
    /// The Deployment; `None` where it does not exist.
    pub deployment: Option<DeploymentFact>,
    /// Its pods, those that are being deleted included.
    pub pods: Vec<SeenPod>,
}

/// A pod of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPod {
    /// Its name.
    pub name: Arc<str>,
    /// What is known of it.
    pub fact: Arc<PodFact>,
}

// === impl SeenTarget ===

impl SeenTarget {
    /// Its pods that are there to stay.
    pub fn staying(&self) -> impl Iterator<Item = &PodFact> {
        self.pods.iter().map(|pod| pod.fact.as_ref()).filter(|pod| !pod.leaving)
    }

    /// Since when each of its Ready pods has been so.
    pub fn ready_since(&self) -> impl Iterator<Item = Timestamp> {
        self.staying().filter_map(|pod| pod.ready_since)
    }

    /// Its Ready pods.
    #[must_use]
    pub fn ready(&self) -> Replicas {
        count(self.ready_since().count())
    }

    /// Since when each of its pods without a node has waited for one.
    pub fn unscheduled_since(&self) -> impl Iterator<Item = Timestamp> {
        self.staying().filter(|pod| pod.unscheduled).map(|pod| pod.created)
    }

    /// Its pods without a node.
    #[must_use]
    pub fn unscheduled(&self) -> Replicas {
        count(self.unscheduled_since().count())
    }
}

fn count(pods: usize) -> Replicas {
    Replicas::new(u32::try_from(pods).unwrap_or(u32::MAX))
}

/// Looks at the targets of a fleet.
pub async fn observe_fleet(
    kubernetes: &Kubernetes,
    cluster: &Cluster,
    fleet: &Fleet,
    intent: &FleetIntent,
    (state, now): (&mut FleetState, Timestamp),
) -> Result<Seen, CallError> {
    let serving = |target: Target, name: &str| {
        ((target, Purpose::Serve), Key::new(&fleet.key.namespace, name))
    };
    let on_demand = serving(Target::OnDemand, intent.targets.on_demand.as_str());
    let on_demand = observe_target(kubernetes, cluster, fleet, on_demand, state).await?;
    let spot = match &intent.targets.spot {
        Some(name) => {
            let spot = serving(Target::Spot, name.as_str());
            Some(observe_target(kubernetes, cluster, fleet, spot, state).await?)
        }
        None => None,
    };
    let mut placeholders = PerTarget::default();
    for target in Target::ALL {
        *placeholders.get_mut(target) =
            observe_placeholder(kubernetes, cluster, fleet, target, state).await?;
    }
    let nodes = observe_nodes(cluster, fleet, intent, now);
    let orders = order::pressing(cluster.orders.under(&fleet.key), now, overrides::LIMIT);
    let mut intent = intent.clone();
    intent.policy.overrides = orders.iter().map(|fact| fact.intent.order).collect();
    let (policy, readings) = (fleet.fact.policy.clone(), fleet.readings);
    Ok(Seen { intent, policy, orders, on_demand, spot, placeholders, nodes, readings })
}

/// Of the nodes of the kinds that the fleet's pods may run on: spot nodes, where the fleet has such, and those whose
/// start is news. None where the fleet needs to know none.
fn observe_nodes(
    cluster: &Cluster,
    fleet: &Fleet,
    intent: &FleetIntent,
    now: Timestamp,
) -> Vec<SeenNode> {
    if !fleet.fact.needs_nodes() {
        return Vec::new();
    }
    let has_spot = intent.policy.spot.is_some();
    let kind = |fact: &NodeFact| intent.node_labels.kind_of(&fact.labels);
    let is_news = |fact: &NodeFact| fact.started(now).is_some();
    let known = cluster.nodes.filter(|fact| {
        // Where that is all that counts, no label of most nodes is looked up.
        (has_spot || is_news(fact))
            && match kind(fact) {
                NodeKind::Spot => true,
                NodeKind::OnDemand => is_news(fact),
                NodeKind::Neither => false,
            }
    });
    let seen = |fact: Arc<NodeFact>| SeenNode { is_spot: kind(&fact) == NodeKind::Spot, fact };
    known.into_iter().map(seen).collect()
}

/// The Deployment that holds nodes for a target. Its name is ours to give; that its pods hold nodes for this fleet they
/// must say themselves, or a Deployment that serves could be scaled to nothing.
async fn observe_placeholder(
    kubernetes: &Kubernetes,
    cluster: &Cluster,
    fleet: &Fleet,
    target: Target,
    state: &mut FleetState,
) -> Result<Option<SeenTarget>, CallError> {
    let key = Key::new(&fleet.key.namespace, target.placeholder(&fleet.key.name));
    if cluster.deployments.under(&key).is_empty() {
        return Ok(None);
    }
    let which = (target, Purpose::HoldNodes);
    let seen = observe_target(kubernetes, cluster, fleet, (which, key), state).await?;
    let is_ours = seen.conflict.is_none()
        && seen.deployment.as_ref().is_some_and(|deployment| {
            deployment.placeholder_for.as_deref() == Some(&*fleet.key.name)
        });
    Ok(is_ours.then_some(seen))
}

async fn observe_target(
    kubernetes: &Kubernetes,
    cluster: &Cluster,
    fleet: &Fleet,
    ((target, purpose), key): ((Target, Purpose), Key),
    state: &mut FleetState,
) -> Result<SeenTarget, CallError> {
    let written = &mut state.of_mut(target, purpose).written;
    let cached = cluster.deployments.under(&key).first().map(|fact| fact.as_ref().clone());
    let is_current = cached
        .as_ref()
        .map_or(*written == Written::Seen, |fact| written.is_shown_by(&fact.resource_version));
    let deployment = if is_current {
        // From here on, too, nothing older is acted on: a cache that falls back into the past is read past.
        if let Some(fact) = &cached {
            *written = Written::At(fact.resource_version.clone());
        }
        cached
    } else {
        // Never act on what is older than our own last write: it would be undone or repeated.
        let fresh = read_deployment(kubernetes, &key).await?;
        // Read past the cache; the cache itself may still be older.
        *written =
            fresh.as_ref().map_or(Written::Seen, |fact| Written::At(fact.resource_version.clone()));
        fresh
    };
    let pods = cluster.pods.named_under(&key).into_iter();
    Ok(SeenTarget {
        conflict: fleet.claims.against(&fleet.key, &key).or_else(|| cluster.autoscaler_of(&key)),
        deployment,
        pods: pods.map(|(name, fact)| SeenPod { name, fact }).collect(),
        key,
    })
}

/// A Deployment past the cache; `None` where it does not exist or is being deleted.
pub async fn read_deployment(
    kubernetes: &Kubernetes,
    key: &Key,
) -> Result<Option<DeploymentFact>, CallError> {
    match kubernetes.get_deployment(&key.namespace, &key.name).await {
        Ok(deployment) => Ok(DeploymentFact::read(&deployment)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

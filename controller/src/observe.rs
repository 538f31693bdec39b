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
use crate::facts::{DeploymentFact, FleetFact};
use crate::kubernetes::{CallError, Kubernetes};
use crate::state::{FleetState, Written};
use crate::target::Target;
use apifleet_core::Replicas;
use apifleet_core::observation::Readings;
use apifleet_crds::FleetIntent;
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
    /// What its owner asked for.
    pub intent: FleetIntent,
    /// Its on-demand Deployment.
    pub on_demand: SeenTarget,
    /// Its spot Deployment, where it names one.
    pub spot: Option<SeenTarget>,
    /// What Prometheus said.
    pub readings: Readings,
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
    /// Since when each of its Ready pods has been so.
    pub ready_since: Vec<Timestamp>,
    /// Its pods without a node.
    pub unscheduled: Replicas,
}

/// Looks at the targets of a fleet.
pub async fn observe_fleet(
    kubernetes: &Kubernetes,
    cluster: &Cluster,
    fleet: &Fleet,
    intent: &FleetIntent,
    state: &mut FleetState,
) -> Result<Seen, CallError> {
    let key = |name: &str| Key::new(&fleet.key.namespace, name);
    let on_demand = key(intent.targets.on_demand.as_str());
    let on_demand =
        observe_target(kubernetes, cluster, fleet, (Target::OnDemand, on_demand), state).await?;
    let spot = match &intent.targets.spot {
        Some(name) => Some(
            observe_target(kubernetes, cluster, fleet, (Target::Spot, key(name.as_str())), state)
                .await?,
        ),
        None => None,
    };
    Ok(Seen { intent: intent.clone(), on_demand, spot, readings: fleet.readings })
}

async fn observe_target(
    kubernetes: &Kubernetes,
    cluster: &Cluster,
    fleet: &Fleet,
    (target, key): (Target, Key),
    state: &mut FleetState,
) -> Result<SeenTarget, CallError> {
    let written = &mut state.targets.get_mut(target).written;
    let cached = cluster.deployments.under(&key).first().map(|fact| fact.as_ref().clone());
    let is_current = cached
        .as_ref()
        .map_or(*written == Written::Seen, |fact| written.is_shown_by(&fact.resource_version));
    let deployment = if is_current {
        *written = Written::Seen;
        cached
    } else {
        // Never act on what is older than our own last write: it would be undone or repeated.
        let fresh = read_deployment(kubernetes, &key).await?;
        // Read past the cache; the cache itself may still be older.
        *written =
            fresh.as_ref().map_or(Written::Seen, |fact| Written::At(fact.resource_version.clone()));
        fresh
    };
    let pods = cluster.pods.under(&key);
    let unscheduled = pods.iter().filter(|pod| pod.unscheduled).count();
    Ok(SeenTarget {
        conflict: fleet.claims.against(&fleet.key, &key).or_else(|| cluster.autoscaler_of(&key)),
        deployment,
        ready_since: pods.iter().filter_map(|pod| pod.ready_since).collect(),
        unscheduled: Replicas::new(u32::try_from(unscheduled).unwrap_or(u32::MAX)),
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

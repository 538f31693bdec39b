//! The caches of every kind that the operator looks at, and what keeps them filled.
//!
//! Needs a client. Started by [`crate::run`]; read by [`crate::engine`] and [`crate::observe`].

use crate::backoff;
use crate::caches::{Cache, Key};
use crate::conflicts::Conflict;
use crate::error::Class;
use crate::facts::{
    DeploymentFact, FleetFact, HpaFact, NodeFact, OrderFact, PodFact, PolicyFact, ScaledObject,
    ScaledObjectFact,
};
use crate::kubernetes::Kubernetes;
use crate::shared::Shared;
use kube::api::Api;
use kube::core::{GroupVersionKind, NamespaceResourceScope};
use kube::{Client, Resource};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Whether KEDA is installed is looked up this often.
const DISCOVER_EVERY: Duration = Duration::from_mins(2);
/// What KEDA scales is done without if it is not known after so long.
const KEDA_AWAITED: Duration = Duration::from_secs(30);

/// Policies that are gone and that no fleet names are forgotten this often.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// Whether nodes have to be watched is looked at this often, and their list is tried again so soon after a failure.
const NODES_EVERY: Duration = Duration::from_secs(2);
/// Nodes that are not known after so long are done without.
const NODES_AWAITED: Duration = Duration::from_secs(30);

/// Whether nodes are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// No fleet needs it.
    Unneeded,
    /// One has needed it since then.
    Needed(Instant),
    /// The operator may not.
    Forbidden,
}

/// What is known of the cluster.
#[derive(Debug)]
pub struct Cluster {
    /// All fleets, as they are written: [`Self::fleets_in_force`] has them as they are decided.
    pub fleets: Cache<FleetFact>,
    /// All `ScalingPolicy`s, and those that are gone while a fleet names them.
    pub policies: Cache<PolicyFact>,
    /// All `FleetOverride`s, under the fleet that they are about.
    pub orders: Cache<OrderFact>,
    /// All Deployments.
    pub deployments: Cache<DeploymentFact>,
    /// All pods of Deployments, under their Deployment.
    pub pods: Cache<PodFact>,
    /// `HorizontalPodAutoscaler`s, under the Deployment that they scale.
    pub hpas: Cache<HpaFact>,
    /// `ScaledObject`s, under the Deployment that they scale. Empty where KEDA is not installed.
    pub scaled_objects: Cache<ScaledObjectFact>,
    /// All nodes, under their name. Empty while no fleet needs them, and where they may not be read.
    pub nodes: Cache<NodeFact>,
    shared: Shared,
    sight: RwLock<Sight>,
    /// Whether it is still to be found out if KEDA is installed, and what it scales.
    awaits_keda: AtomicBool,
}

impl Cluster {
    /// Empty caches; `wake` is told of what must be decided at once.
    #[must_use]
    pub fn new(wake: &Arc<Notify>) -> Self {
        Self {
            fleets: Cache::new(Arc::clone(wake)),
            policies: Cache::new(Arc::clone(wake)),
            orders: Cache::new(Arc::clone(wake)),
            deployments: Cache::new(Arc::clone(wake)),
            pods: Cache::new(Arc::clone(wake)),
            hpas: Cache::new(Arc::clone(wake)),
            scaled_objects: Cache::new(Arc::clone(wake)),
            nodes: Cache::new(Arc::clone(wake)),
            shared: Shared::default(),
            sight: RwLock::new(Sight::Unneeded),
            awaits_keda: AtomicBool::new(true),
        }
    }

    /// Whether enough is known to decide anything.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        let Self {
            fleets,
            policies,
            orders,
            deployments,
            pods,
            hpas,
            scaled_objects,
            nodes: _,
            shared: _,
            sight: _,
            awaits_keda,
        } = self;
        fleets.is_filled()
            && policies.is_filled()
            && orders.is_filled()
            && deployments.is_filled()
            && pods.is_filled()
            && hpas.is_filled()
            // Before that, what KEDA scales would look as if it were nobody's.
            && (scaled_objects.is_filled() || !awaits_keda.load(Ordering::Acquire))
    }

    /// All fleets as they are decided: each laid over the policy that it shares.
    #[must_use]
    pub fn fleets_in_force(&self) -> Vec<(Key, Arc<FleetFact>)> {
        self.shared.lay(self.fleets.all(), &self.policies)
    }

    /// Whether as much is known of nodes as will be. A fleet with a spot target waits for it: without its nodes, a loss
    /// that is under way would look as if it were over.
    #[must_use]
    pub fn knows_nodes(&self) -> bool {
        self.nodes.is_filled()
            || match self.sight() {
                Sight::Unneeded => false,
                Sight::Needed(since) => since.elapsed() >= NODES_AWAITED,
                Sight::Forbidden => true,
            }
    }

    /// The other autoscaler of a Deployment, if there is one.
    #[must_use]
    pub fn autoscaler_of(&self, deployment: &Key) -> Option<Conflict> {
        // KEDA makes an HPA of its own: naming the ScaledObject is what helps.
        let scaled = self.scaled_objects.under(deployment);
        let scaled = scaled.first().map(|fact| Conflict::ScaledObject(fact.0.name.clone()));
        scaled.or_else(|| {
            let hpas = self.hpas.under(deployment);
            hpas.first().map(|fact| Conflict::HorizontalPodAutoscaler(fact.0.name.clone()))
        })
    }

    /// Keeps all caches filled until the future is dropped.
    pub async fn fill(&self, kubernetes: &Kubernetes, namespace: Option<&str>) {
        let client = kubernetes.client();
        tokio::join!(
            self.fleets.fill(kubernetes, api(client, namespace)),
            self.policies.fill(kubernetes, api(client, namespace)),
            self.orders.fill(kubernetes, api(client, namespace)),
            self.deployments.fill(kubernetes, api(client, namespace)),
            self.pods.fill(kubernetes, api(client, namespace)),
            self.hpas.fill(kubernetes, api(client, namespace)),
            self.fill_scaled_objects(kubernetes, namespace),
            self.stop_awaiting_keda(),
            self.fill_nodes(kubernetes),
            self.forget_policies(),
        );
    }

    /// Forgets policies that are gone and that no fleet names, whoever leads: a copy that begins to lead must not decide
    /// by what the one before it has forgotten. Laying fleets over their policies does that.
    async fn forget_policies(&self) {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            // Before all fleets are known, nobody can tell what they name.
            if self.is_filled() {
                drop(self.fleets_in_force());
            }
        }
    }

    /// An API server that cannot tell what it serves, or refuses the list, must not keep a copy from its fleets for
    /// ever. Little is risked: KEDA makes an HPA for what it scales, and those are known.
    async fn stop_awaiting_keda(&self) {
        tokio::time::sleep(KEDA_AWAITED).await;
        self.awaits_keda.store(false, Ordering::Release);
    }

    /// Watches `ScaledObject`s while the API server serves them.
    async fn fill_scaled_objects(&self, kubernetes: &Kubernetes, namespace: Option<&str>) {
        let kind = GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject");
        let mut failures = 0_u32;
        loop {
            let served = kubernetes.serves(&kind).await;
            failures = if served.is_ok() { 0 } else { failures.saturating_add(1) };
            let wait = match served {
                Ok(true) => {
                    let api = api::<ScaledObject>(kubernetes.client(), namespace);
                    let fill = self.scaled_objects.fill(kubernetes, api);
                    // Looked up again from time to time: KEDA may have been removed.
                    let _ = tokio::time::timeout(DISCOVER_EVERY.saturating_mul(5), fill).await;
                    Duration::ZERO
                }
                Ok(false) => {
                    self.awaits_keda.store(false, Ordering::Release);
                    self.scaled_objects.clear();
                    DISCOVER_EVERY
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot tell whether KEDA is installed");
                    backoff::wait(error.class(), failures, backoff::spread())
                }
            };
            tokio::time::sleep(wait).await;
        }
    }
}

impl Cluster {
    /// Watches nodes while a fleet needs them, if the operator may.
    pub async fn fill_nodes(&self, kubernetes: &Kubernetes) {
        loop {
            let wait = if self.fleets.filter(FleetFact::needs_nodes).is_empty() {
                self.see(Sight::Unneeded);
                self.nodes.clear();
                NODES_EVERY
            } else {
                self.watch_nodes(kubernetes).await
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt; returns how long to wait before the next.
    async fn watch_nodes(&self, kubernetes: &Kubernetes) -> Duration {
        if self.sight() == Sight::Unneeded {
            self.see(Sight::Needed(Instant::now()));
        }
        match kubernetes.may_list_nodes().await {
            Ok(()) => {
                if self.sight() == Sight::Forbidden {
                    self.see(Sight::Needed(Instant::now()));
                }
                // Looked at again from time to time: the fleet, or the permission, may be gone.
                let fill = self.nodes.fill(kubernetes, Api::all(kubernetes.client().clone()));
                let _ = tokio::time::timeout(DISCOVER_EVERY.saturating_mul(5), fill).await;
                Duration::ZERO
            }
            Err(error) if error.class() == Class::Forbidden => {
                if self.see(Sight::Forbidden) != Sight::Forbidden {
                    tracing::warn!(%error, "nodes may not be listed: start times of nodes are not learned; with spot, no cover and no drain; said once");
                }
                self.nodes.clear();
                DISCOVER_EVERY
            }
            Err(error) => {
                tracing::warn!(%error, "nodes cannot be listed and are tried again");
                NODES_EVERY
            }
        }
    }

    fn sight(&self) -> Sight {
        *self.sight.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether nodes are looked at; returns what was noted before.
    fn see(&self, sight: Sight) -> Sight {
        let mut noted = self.sight.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut noted, sight)
    }
}

/// The kind in one namespace, or in all.
fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::Fact;
    use futures::stream;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    /// There is nothing of this kind.
    async fn none<F: Fact>(cache: &Cache<F>) {
        cache.follow(stream::iter([Ok(Event::Init), Ok(Event::InitDone)])).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_policy_that_is_gone_is_forgotten_whoever_leads_once_it_is_known_what_fleets_name() {
        let cluster = Cluster::new(&Arc::new(Notify::new()));
        let policy = || {
            let object = json!({
                "apiVersion": "apifleet.dev/v1alpha1", "kind": "ScalingPolicy",
                "metadata": {"name": "steady", "namespace": "shop", "uid": "p"}, "spec": {},
            });
            serde_json::from_value(object).unwrap()
        };
        let told = [Ok(Event::Apply(policy())), Ok(Event::Delete(policy()))];
        cluster.policies.follow(stream::iter(told)).await;
        let long = FORGET_EVERY.saturating_mul(2);
        let wait = || tokio::time::timeout(long, cluster.forget_policies());
        assert!(wait().await.is_err());
        assert_eq!(cluster.policies.all().len(), 1, "a fleet may name it");
        none(&cluster.fleets).await;
        none(&cluster.policies).await;
        none(&cluster.orders).await;
        none(&cluster.deployments).await;
        none(&cluster.pods).await;
        none(&cluster.hpas).await;
        none(&cluster.scaled_objects).await;
        assert!(wait().await.is_err());
        assert_eq!(cluster.policies.all().len(), 0);
    }
}

//! The caches of every kind that the operator looks at, and what keeps them filled.
//!
//! Needs a client. Started by [`crate::run`]; read by [`crate::engine`] and [`crate::observe`].

use crate::caches::{Cache, Key};
use crate::conflicts::Conflict;
use crate::facts::{DeploymentFact, FleetFact, HpaFact, PodFact, ScaledObject, ScaledObjectFact};
use crate::kubernetes::Kubernetes;
use kube::api::Api;
use kube::core::{GroupVersionKind, NamespaceResourceScope};
use kube::{Client, Resource};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Whether KEDA is installed is looked up this often.
const DISCOVER_EVERY: Duration = Duration::from_mins(2);

/// What is known of the cluster.
#[derive(Debug)]
pub struct Cluster {
    /// All fleets.
    pub fleets: Cache<FleetFact>,
    /// All Deployments.
    pub deployments: Cache<DeploymentFact>,
    /// All pods of Deployments, under their Deployment.
    pub pods: Cache<PodFact>,
    /// `HorizontalPodAutoscaler`s, under the Deployment that they scale.
    pub hpas: Cache<HpaFact>,
    /// `ScaledObject`s, under the Deployment that they scale. Empty where KEDA is not installed.
    pub scaled_objects: Cache<ScaledObjectFact>,
}

impl Cluster {
    /// Empty caches; `wake` is told of what must be decided at once.
    #[must_use]
    pub fn new(wake: &Arc<Notify>) -> Self {
        Self {
            fleets: Cache::new(Arc::clone(wake)),
            deployments: Cache::new(Arc::clone(wake)),
            pods: Cache::new(Arc::clone(wake)),
            hpas: Cache::new(Arc::clone(wake)),
            scaled_objects: Cache::new(Arc::clone(wake)),
        }
    }

    /// Whether enough is known to decide anything.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        let Self { fleets, deployments, pods, hpas, scaled_objects: _ } = self;
        fleets.is_filled() && deployments.is_filled() && pods.is_filled() && hpas.is_filled()
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
            self.fleets.fill(api(client, namespace)),
            self.deployments.fill(api(client, namespace)),
            self.pods.fill(api(client, namespace)),
            self.hpas.fill(api(client, namespace)),
            self.fill_scaled_objects(kubernetes, namespace),
        );
    }

    /// Watches `ScaledObject`s while the API server serves them.
    async fn fill_scaled_objects(&self, kubernetes: &Kubernetes, namespace: Option<&str>) {
        let kind = GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject");
        loop {
            match kubernetes.serves(&kind).await {
                Ok(true) => {
                    let fill = self
                        .scaled_objects
                        .fill(api::<ScaledObject>(kubernetes.client(), namespace));
                    // Looked up again from time to time: KEDA may have been removed.
                    let _ = tokio::time::timeout(DISCOVER_EVERY.saturating_mul(5), fill).await;
                    continue;
                }
                Ok(false) => self.scaled_objects.clear(),
                Err(error) => tracing::debug!(%error, "cannot tell whether KEDA is installed"),
            }
            tokio::time::sleep(DISCOVER_EVERY).await;
        }
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

//! Every call that the operator makes to the Kubernetes API, apart from watches: each has a deadline of five
//! seconds, no hidden retries, and an error that says what was being done. Nothing is decided here.
//!
//! A verb that the operator uses is on this page, in [`crate::lease`] or in [`crate::caches`]; RBAC needs no more.

use crate::error::Class;
use crate::metrics::Metrics;
use apifleet_crds::ApiFleet;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::core::{DeserializeGuard, GroupVersionKind};
use kube::{Client, Config};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The name under which the operator's writes are recorded in `managedFields`.
pub const FIELD_MANAGER: &str = "apifleet-controller";

/// No call takes longer.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// A watch is closed and resumed after this long; a dead connection is noticed five seconds later.
pub const WATCH_SECONDS: u32 = 60;

/// The Kubernetes API as the operator uses it.
#[derive(Clone)]
pub struct Kubernetes {
    client: Client,
    metrics: Arc<Metrics>,
    deadline: Duration,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer in time.
    #[error("cannot {call}: no answer within {} s; the API server may be overloaded or unreachable", limit.as_secs_f64())]
    Deadline {
        /// What was being done.
        call: &'static str,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The API server refused, or the connection broke.
    #[error("cannot {call}: {reason}{}", hint(.source))]
    Failed {
        /// What was being done.
        call: &'static str,
        /// What the server said, shortened.
        reason: String,
        /// The failure itself.
        source: Box<kube::Error>,
    },
}

/// What a person can do about it, where there is something.
fn hint(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            "; grant the operator this permission (the chart's ClusterRole has it)"
        }
        _ => "",
    }
}

// === impl CallError ===

impl CallError {
    fn failed(call: &'static str, source: kube::Error) -> Self {
        let reason = match &source {
            kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
            other => other.to_string(),
        };
        // Servers and proxies may put whole pages into their messages.
        let reason = reason.chars().take(300).collect();
        Self::Failed { call, reason, source: Box::new(source) }
    }

    /// The HTTP status, where there was one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Deadline { .. } => None,
            Self::Failed { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
        }
    }

    /// Whether the object was changed by someone else since it was read.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether the object does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Deadline { .. } => Class::Transient,
            Self::Failed { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => match status.code {
                    401 | 403 => Class::Forbidden,
                    400 | 405 | 406 | 413 | 415 | 422 => Class::Invalid,
                    _ => Class::Transient,
                },
                kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => Class::Bug,
                _ => Class::Transient,
            },
        }
    }
}

// === impl Kubernetes ===

impl Kubernetes {
    /// Connects with the service account, or the kubeconfig outside a cluster.
    pub async fn connect(metrics: Arc<Metrics>) -> Result<Self, CallError> {
        let mut config = Config::infer().await.map_err(|error| {
            CallError::failed("find the cluster", kube::Error::InferConfig(error))
        })?;
        bound(&mut config);
        let client = Client::try_from(config)
            .map_err(|error| CallError::failed("set up the connection to the cluster", error))?;
        Ok(Self::new(client, metrics))
    }

    /// Uses a client that is there already. It must not retry by itself.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>) -> Self {
        Self { client, metrics, deadline: DEADLINE }
    }

    /// The same with another deadline; tests cannot wait for five seconds.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The client, for watches.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Makes one call within the deadline and counts its failure.
    pub(crate) async fn call<T>(
        &self,
        call: &'static str,
        future: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, CallError> {
        let result = match tokio::time::timeout(self.deadline, future).await {
            Ok(result) => result.map_err(|error| CallError::failed(call, error)),
            Err(_) => Err(CallError::Deadline { call, limit: self.deadline }),
        };
        // Whether something exists is a question, and no is an answer.
        if let Err(error) = &result
            && !error.is_not_found()
        {
            self.metrics.kubernetes_failed(call, error.class());
        }
        result
    }

    /// Reads one Deployment, past every cache.
    pub async fn get_deployment(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Deployment, CallError> {
        let api = Api::<Deployment>::namespaced(self.client.clone(), namespace);
        self.call("read a Deployment", api.get(name)).await
    }

    /// Writes `spec.replicas` of a Deployment; refused with a conflict unless the Deployment is still the one, and
    /// at the version, that `scale` names.
    pub async fn put_scale(&self, scale: &Scale) -> Result<Scale, CallError> {
        let namespace = scale.metadata.namespace.as_deref().unwrap_or_default();
        let name = scale.metadata.name.as_deref().unwrap_or_default();
        let api = Api::<Deployment>::namespaced(self.client.clone(), namespace);
        let params =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.call("scale a Deployment", api.replace_scale(name, &params, scale)).await
    }

    /// Writes a fleet's status by a JSON merge patch.
    pub async fn patch_status(
        &self,
        namespace: &str,
        name: &str,
        patch: &serde_json::Value,
    ) -> Result<(), CallError> {
        let api = Api::<DeserializeGuard<ApiFleet>>::namespaced(self.client.clone(), namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.call("write a fleet's status", api.patch_status(name, &params, &Patch::Merge(patch)))
            .await
            .map(drop)
    }

    /// Reads one fleet, past every cache.
    pub async fn get_fleet(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<DeserializeGuard<ApiFleet>, CallError> {
        let api = Api::<DeserializeGuard<ApiFleet>>::namespaced(self.client.clone(), namespace);
        self.call("read an ApiFleet", api.get(name)).await
    }

    /// Whether the API server serves a kind.
    pub async fn serves(&self, kind: &GroupVersionKind) -> Result<bool, CallError> {
        let version = format!("{}/{}", kind.group, kind.version);
        match self.call("look up a kind", self.client.list_api_group_resources(&version)).await {
            Ok(list) => Ok(list.resources.iter().any(|resource| resource.kind == kind.kind)),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Publishes an event.
    pub async fn create_event(&self, event: &Event) -> Result<(), CallError> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        let api = Api::<Event>::namespaced(self.client.clone(), namespace);
        self.call("publish an event", api.create(&PostParams::default(), event)).await.map(drop)
    }
}

/// Sets every timeout of the connection. kube-rs retries for up to 164 s by default and never times out a list.
fn bound(config: &mut Config) {
    config.default_retry = false;
    config.connect_timeout = Some(DEADLINE);
    config.write_timeout = Some(DEADLINE);
    // Longer than a quiet watch stays open, so that only a dead connection meets it.
    config.read_timeout = Some(Duration::from_secs(u64::from(WATCH_SECONDS) + 10));
    config.reset_reader_on_write = true;
}

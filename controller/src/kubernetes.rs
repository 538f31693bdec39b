//! Every call that the operator makes to the Kubernetes API, apart from watches: each has a deadline of five
//! seconds (about the lease two), no hidden retries, and an error that says what was being done. While the API server
//! asks to be left alone ([`Pause`]) a call fails at once, without being made. Nothing is decided here.
//!
//! A verb that the operator uses is on this page or in [`nodes`], in [`crate::lease`], [`crate::definitions`] or
//! [`crate::caches`]; RBAC needs no more.

mod nodes;
mod pause;

pub use pause::Pause;

use crate::caches::Key;
use crate::error::Class;
use crate::metrics::Metrics;
use apifleet_crds::{ApiFleet, FleetOverride};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::client::ClientBuilder;
use kube::core::{DeserializeGuard, GroupVersionKind};
use kube::{Client, Config, ResourceExt as _};
use serde_json::Value;
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
    pause: Pause,
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
    /// Not made: the API server has asked to be left alone.
    #[error("cannot {call}: the API server asks to be left alone for {} s more", left.as_secs_f64().ceil())]
    Paused {
        /// What was to be done.
        call: &'static str,
        /// For how long.
        left: Duration,
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
            Self::Deadline { .. } | Self::Paused { .. } => None,
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

    /// Whether what was asked for may have been done all the same: the answer was lost, or the server broke over it.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        match self {
            Self::Deadline { .. } => true,
            Self::Paused { .. } => false,
            Self::Failed { .. } => {
                self.class() == Class::Transient && self.code().is_none_or(|code| code >= 500)
            }
        }
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
            Self::Deadline { .. } | Self::Paused { .. } => Class::Transient,
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
        let config = Config::infer().await.map_err(|error| {
            CallError::failed("find the cluster", kube::Error::InferConfig(error))
        })?;
        Self::with_config(config, metrics)
    }

    /// Connects as a configuration says, but for its timeouts and retries.
    pub fn with_config(mut config: Config, metrics: Arc<Metrics>) -> Result<Self, CallError> {
        bound(&mut config);
        let pause = Pause::default();
        let builder = ClientBuilder::try_from(config)
            .map_err(|error| CallError::failed("set up the connection to the cluster", error))?;
        let client = builder.with_layer(&pause).build();
        Ok(Self { client, metrics, pause, deadline: DEADLINE })
    }

    /// Uses a client that is there already. It must not retry by itself; no pause that the server asks for is heard.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>) -> Self {
        Self { client, metrics, pause: Pause::default(), deadline: DEADLINE }
    }

    /// The same for calls that cannot wait for a pause to end: nobody would lead if the lease were not renewed.
    #[must_use]
    pub fn regardless(mut self) -> Self {
        self.pause = Pause::default();
        self
    }

    /// The same with another deadline: neither the lease nor tests can wait for five seconds.
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

    /// Until when the API server wants to be left alone, for watches.
    #[must_use]
    pub fn pause(&self) -> &Pause {
        &self.pause
    }

    /// Makes one call within the deadline and counts its failure.
    pub(crate) async fn call<T>(
        &self,
        call: &'static str,
        future: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, CallError> {
        let result = match self.pause.left() {
            Some(left) => Err(CallError::Paused { call, left }),
            None => match tokio::time::timeout(self.deadline, future).await {
                Ok(result) => result.map_err(|error| CallError::failed(call, error)),
                Err(_) => Err(CallError::Deadline { call, limit: self.deadline }),
            },
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

    /// Writes a fleet's status by a JSON merge patch; refused with a conflict unless the fleet is still the one, and at the
    /// version, that the patch names. Returns the version that it made.
    pub async fn patch_status(
        &self,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Option<String>, CallError> {
        let api = Api::<DeserializeGuard<ApiFleet>>::namespaced(self.client.clone(), namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch);
        let call = api.patch_status(name, &params, &patch);
        let fleet = self.call("write a fleet's status", call).await?;
        Ok(fleet.resource_version())
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

    /// Writes an override's status by a JSON merge patch.
    pub async fn patch_override_status(&self, key: &Key, patch: &Value) -> Result<(), CallError> {
        let api =
            Api::<DeserializeGuard<FleetOverride>>::namespaced(self.client.clone(), &key.namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch);
        let call = api.patch_status(&key.name, &params, &patch);
        self.call("write an override's status", call).await.map(drop)
    }

    /// Deletes an override, if it is still the one, and at the version, that was seen.
    pub async fn delete_override(
        &self,
        key: &Key,
        uid: &str,
        resource_version: &str,
    ) -> Result<(), CallError> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: Some(resource_version.to_owned()),
            }),
            ..DeleteParams::default()
        };
        let api =
            Api::<DeserializeGuard<FleetOverride>>::namespaced(self.client.clone(), &key.namespace);
        self.call("remove a FleetOverride", api.delete(&key.name, &params)).await.map(drop)
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

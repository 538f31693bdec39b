//! The calls that write: one request each, within the deadline, never tried again by itself; and who writes.
//!
//! Called by [`crate::change`], which shows and asks before, and by the verbs for what they need to know first.

use super::{Cluster, Problem, Resource};
use apifleet_crds::{ApiFleet, FleetOverride, ScalingPolicy};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Resource as Kind;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{DeserializeGuard, Request, request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

/// The field manager under which this program writes.
const MANAGER: &str = "apifleet-cli";

/// A kind of ours that this program writes.
pub trait Ours:
    Kind<DynamicType = (), Scope = NamespaceResourceScope>
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
{
    /// The kind, as problems name it.
    const RESOURCE: Resource;
}

impl Ours for ApiFleet {
    const RESOURCE: Resource = Resource::Fleets;
}

impl Ours for ScalingPolicy {
    const RESOURCE: Resource = Resource::Policies;
}

impl Ours for FleetOverride {
    const RESOURCE: Resource = Resource::Overrides;
}

/// Where a change goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The kind, as problems name it.
    pub resource: Resource,
    /// The kind and its group, as `kubectl -o name` writes it.
    pub singular: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The path of all objects of the kind in the namespace.
    path: String,
}

// === impl Target ===

impl Target {
    /// That of an object, which has a name and a namespace.
    #[must_use]
    pub fn of<K: Ours>(object: &K) -> Self {
        let namespace = object.namespace().unwrap_or_default();
        Self {
            resource: K::RESOURCE,
            singular: format!("{}.{}", K::kind(&()).to_lowercase(), K::group(&())),
            name: object.name_any(),
            path: K::url_path(&(), Some(&namespace)),
            namespace,
        }
    }

    fn requests(&self) -> Request {
        Request::new(self.path.clone())
    }
}

// === impl Cluster ===

impl Cluster {
    /// Reads one object, if there is one of that name.
    pub async fn object<K: Ours>(&self, namespace: &str, name: &str) -> Result<Option<K>, Problem> {
        let asked = self.asked("get", K::RESOURCE, Some(namespace));
        let api = self.api::<K>(Some(namespace));
        match self.call(&asked, api.get_opt(name)).await? {
            None => Ok(None),
            Some(DeserializeGuard(Ok(object))) => Ok(Some(object)),
            Some(DeserializeGuard(Err(error))) => Err(Problem::NotUnderstood {
                what: format!("{} \"{name}\"", K::kind(&())),
                reason: error.error,
            }),
        }
    }

    /// Reads every object of a kind in a namespace, or in all. What is not understood is left out.
    pub async fn objects<K: Ours>(&self, namespace: Option<&str>) -> Result<Vec<K>, Problem> {
        let keep = |read: Result<K, _>| read.ok();
        let read = self.list(K::RESOURCE, namespace, keep).await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// The name by which the API server knows whoever asks.
    pub async fn user(&self) -> Result<String, Problem> {
        let asked = self.asked("create", Resource::Reviews, None);
        let api = Api::<SelfSubjectReview>::all(self.client.clone());
        let (params, review) = (PostParams::default(), SelfSubjectReview::default());
        let answer = self.call(&asked, api.create(&params, &review)).await?;
        let user = answer.status.and_then(|status| status.user_info).and_then(|info| info.username);
        user.ok_or_else(|| Problem::Refused {
            server: self.server.clone(),
            code: 0,
            message: "it does not say who you are".to_owned(),
        })
    }

    /// Creates an object; the server only checks it unless this is `real`. Returns it as it is stored.
    pub(crate) async fn create(
        &self,
        target: &Target,
        object: &Value,
        real: bool,
    ) -> Result<Value, Problem> {
        let params = PostParams { dry_run: !real, field_manager: Some(MANAGER.to_owned()) };
        let request = target.requests().create(&params, object.to_string().into_bytes());
        self.send("create", target, request).await
    }

    /// Merges a patch into an object; the server only checks it unless this is `real`. Returns it as it is stored.
    pub(crate) async fn patch(
        &self,
        target: &Target,
        patch: &Value,
        real: bool,
    ) -> Result<Value, Problem> {
        let manager = Some(MANAGER.to_owned());
        let params =
            PatchParams { dry_run: !real, field_manager: manager, ..PatchParams::default() };
        let request = target.requests().patch(&target.name, &params, &Patch::Merge(patch));
        self.send("patch", target, request).await
    }

    /// Deletes this version of an object; the server only checks it unless this is `real`.
    pub(crate) async fn delete(
        &self,
        target: &Target,
        version: &str,
        real: bool,
    ) -> Result<(), Problem> {
        let only = Preconditions { resource_version: Some(version.to_owned()), uid: None };
        let params =
            DeleteParams { dry_run: !real, preconditions: Some(only), ..DeleteParams::default() };
        let request = target.requests().delete(&target.name, &params);
        self.send("delete", target, request).await.map(drop)
    }

    async fn send(
        &self,
        verb: &'static str,
        target: &Target,
        request: Result<http::Request<Vec<u8>>, request::Error>,
    ) -> Result<Value, Problem> {
        let asked = self.asked(verb, target.resource, Some(&target.namespace));
        let call = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            self.client.request::<Value>(request).await
        };
        self.call(&asked, call).await
    }
}

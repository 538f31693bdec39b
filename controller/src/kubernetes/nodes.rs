//! The calls that are made for nodes that are being taken away: their taint, and their pods. Deadlines and errors are
//! those of [`super::Kubernetes`]; nothing is decided here.

use super::{CallError, FIELD_MANAGER, Kubernetes};
use crate::caches::Key;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions, Status};
use kube::api::{
    self, Api, ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch,
    PatchParams, PostParams,
};
use serde_json::Value;

impl Kubernetes {
    /// Asks for one node, to see whether the operator may.
    pub async fn may_list_nodes(&self) -> Result<(), CallError> {
        let api = Api::<Node>::all(self.client.clone());
        self.call("list nodes", api.list_metadata(&ListParams::default().limit(1))).await.map(drop)
    }

    /// Reads a node, past every cache, as it is: what we do not know of it stays in it.
    pub async fn get_node(&self, name: &str) -> Result<DynamicObject, CallError> {
        self.call("read a node", self.nodes().get(name)).await
    }

    /// Reads a node, past every cache, for what it is good for.
    pub async fn read_node(&self, name: &str) -> Result<Node, CallError> {
        self.call("read a node", Api::<Node>::all(self.client.clone()).get(name)).await
    }

    /// Writes a node by a JSON merge patch.
    pub async fn patch_node(&self, name: &str, patch: &Value) -> Result<(), CallError> {
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.call("taint a node", self.nodes().patch(name, &params, &Patch::Merge(patch)))
            .await
            .map(drop)
    }

    /// Evicts a pod, if it is still the one of this uid. Refused with 429 where a disruption budget does not allow it
    /// now.
    pub async fn evict(&self, pod: &Key, uid: &str) -> Result<(), CallError> {
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let eviction = Eviction {
            metadata: ObjectMeta {
                name: Some(pod.name.to_string()),
                namespace: Some(pod.namespace.to_string()),
                ..ObjectMeta::default()
            },
            delete_options: Some(DeleteOptions {
                preconditions: Some(preconditions),
                ..DeleteOptions::default()
            }),
        };
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.namespace);
        // Not `Api::evict`: kube misspells the options in it, and the precondition would be lost.
        let params = PostParams::default();
        let call = api.create_subresource::<_, Status>("eviction", &pod.name, &params, &eviction);
        self.call("evict a pod", call).await.map(drop)
    }

    /// Deletes a pod, if it is still the one of this uid; `now` without waiting for its node.
    pub async fn delete_pod(&self, pod: &Key, uid: &str, now: bool) -> Result<(), CallError> {
        let params = DeleteParams {
            grace_period_seconds: now.then_some(0),
            preconditions: Some(api::Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.namespace);
        self.call("delete a pod", api.delete(&pod.name, &params)).await.map(drop)
    }

    fn nodes(&self) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &ApiResource::erase::<Node>(&()))
    }
}

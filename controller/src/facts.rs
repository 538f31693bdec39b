//! What is kept of each kind of object: the few fields that decisions need. Pure.
//!
//! Filled into [`crate::caches`]; read by [`crate::observe`] and [`crate::conflicts`].

use crate::caches::{Fact, Key};
use apifleet_core::Replicas;
use apifleet_crds::{ApiFleet, ApiFleetSpec, FleetIntent, SpecError};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::core::DeserializeGuard;
use kube::{CustomResource, Resource as _, ResourceExt as _};
use serde::{Deserialize, Serialize};

/// What is kept of an `ApiFleet`. Its status is read afresh when a copy of the operator begins to act.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetFact {
    /// Tells this fleet from an earlier one of the same name.
    pub uid: String,
    /// Changes with every edit of the spec.
    pub generation: Option<i64>,
    /// The older of two fleets that name the same Deployment has it.
    pub created: Option<Timestamp>,
    /// The Deployments that it names, valid or not: a mistake in the spec gives no Deployment to another fleet.
    pub claims: Vec<String>,
    /// What it means, or why it means nothing. Parsed once, here.
    pub intent: Result<FleetIntent, Meaningless>,
}

/// Why a fleet means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Meaningless {
    /// Its spec contradicts itself.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It is not what an `ApiFleet` looks like: an object from before a rule of the schema, or after a newer one.
    #[error("the ApiFleet cannot be read: {0}; correct it, or delete it and create it anew")]
    Unreadable(String),
}

/// What is kept of a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentFact {
    /// Tells this Deployment from an earlier one of the same name.
    pub uid: String,
    /// The version that a write must still meet.
    pub resource_version: String,
    /// `spec.replicas`; absent is unknown, not one.
    pub replicas: Option<Replicas>,
    /// Whether pods of an older revision are still to be replaced, and the rollout has not been given up.
    pub rolling_out: bool,
    /// The field manager that last wrote `spec.replicas`.
    pub replicas_writer: Option<String>,
}

/// What is kept of a pod that is not finished and not going away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFact {
    /// Since when it has been Ready.
    pub ready_since: Option<Timestamp>,
    /// Whether it waits for a node.
    pub unscheduled: bool,
}

/// Another autoscaler that owns a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoscalerFact {
    /// Its name.
    pub name: String,
}

/// What the operator reads of KEDA's `ScaledObject`.
#[derive(CustomResource, Debug, Clone, Serialize, Deserialize)]
#[kube(
    group = "keda.sh",
    version = "v1alpha1",
    kind = "ScaledObject",
    namespaced,
    schema = "disabled"
)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObjectSpec {
    /// What it scales.
    #[serde(default)]
    pub scale_target_ref: ScaledObjectTarget,
}

/// What a `ScaledObject` scales.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaledObjectTarget {
    /// `Deployment` where absent.
    #[serde(default)]
    pub kind: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: String,
}

/// A `HorizontalPodAutoscaler` on a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HpaFact(pub AutoscalerFact);

/// A `ScaledObject` on a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaledObjectFact(pub AutoscalerFact);

// === impl FleetFact ===

impl Fact for FleetFact {
    /// Guarded: one that cannot be read would hide all others.
    type Object = DeserializeGuard<ApiFleet>;

    fn of(object: &DeserializeGuard<ApiFleet>) -> Option<(Key, Self)> {
        let metadata = object.meta();
        // A fleet that is being deleted is managed no more; its Deployments keep their size.
        if metadata.deletion_timestamp.is_some() {
            return None;
        }
        let (claims, intent) = match &object.0 {
            Ok(fleet) => {
                (claims(&fleet.spec), FleetIntent::try_from(&fleet.spec).map_err(Meaningless::from))
            }
            Err(unreadable) => (Vec::new(), Err(Meaningless::Unreadable(unreadable.error.clone()))),
        };
        let fact = Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation,
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            claims,
            intent,
        };
        Some((Key::of(object), fact))
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        before != after
    }
}

fn claims(spec: &ApiFleetSpec) -> Vec<String> {
    let on_demand = std::iter::once(&spec.targets.on_demand);
    on_demand.chain(&spec.targets.spot).map(|target| target.deployment_name.clone()).collect()
}

// === impl DeploymentFact ===

impl Fact for DeploymentFact {
    type Object = Deployment;

    fn of(deployment: &Deployment) -> Option<(Key, Self)> {
        Self::read(deployment).map(|fact| (Key::of(deployment), fact))
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        let essence = |fact: Option<&Self>| fact.map(|fact| (fact.uid.clone(), fact.replicas));
        essence(before) != essence(after)
    }
}

impl DeploymentFact {
    /// What is kept of a Deployment; `None` where it is being deleted.
    #[must_use]
    pub fn read(deployment: &Deployment) -> Option<Self> {
        if deployment.metadata.deletion_timestamp.is_some() {
            return None;
        }
        Some(Self {
            uid: deployment.uid().unwrap_or_default(),
            resource_version: deployment.resource_version().unwrap_or_default(),
            replicas: replicas(deployment.spec.replicas),
            rolling_out: is_rolling_out(deployment),
            replicas_writer: replicas_writer(deployment.managed_fields()),
        })
    }
}

fn replicas(count: Option<i32>) -> Option<Replicas> {
    count.and_then(|count| u32::try_from(count).ok()).map(Replicas::new)
}

fn is_rolling_out(deployment: &Deployment) -> bool {
    let Some(status) = &deployment.status else { return false };
    let given_up = status.conditions.iter().flatten().any(|it| {
        it.type_.as_deref() == Some("Progressing") && it.status.as_deref() == Some("False")
    });
    let updated = status.updated_replicas.unwrap_or_default();
    let wanted = deployment.spec.replicas.unwrap_or_default();
    !given_up && updated < wanted.max(status.replicas.unwrap_or_default())
}

/// The newest entry that owns `spec.replicas`.
fn replicas_writer(entries: &[ManagedFieldsEntry]) -> Option<String> {
    let owns = |entry: &&ManagedFieldsEntry| {
        entry
            .fields_v1
            .as_ref()
            .is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
    };
    entries
        .iter()
        .filter(owns)
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
        .and_then(|entry| entry.manager.clone())
}

// === impl PodFact ===

impl Fact for PodFact {
    type Object = Pod;

    fn of(pod: &Pod) -> Option<(Key, Self)> {
        let status = pod.status.as_ref()?;
        let finished = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        if finished || pod.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let condition = |kind: &str, is: &str| -> Option<&PodCondition> {
            status
                .conditions
                .iter()
                .flatten()
                .find(|found| found.type_ == kind && found.status == is)
        };
        let ready = condition("Ready", "True");
        let ready_since = ready.map(|ready| {
            ready.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
        });
        let unscheduled = condition("PodScheduled", "True").is_none() && ready.is_none();
        let deployment = deployment_of(pod)?;
        Some((Key::new(pod.namespace()?, deployment), Self { ready_since, unscheduled }))
    }

    fn is_urgent(_: Option<&Self>, _: Option<&Self>) -> bool {
        // Pods come and go with every change of size; the next regular pass is soon enough.
        false
    }
}

/// The Deployment behind a pod: its ReplicaSet is named `<deployment>-<template hash>`.
fn deployment_of(pod: &Pod) -> Option<String> {
    let owner = pod.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    let hash = pod.labels().get("pod-template-hash")?;
    let name = owner.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
    (owner.kind == "ReplicaSet").then(|| name.to_owned())
}

// === impl HpaFact ===

impl Fact for HpaFact {
    type Object = HorizontalPodAutoscaler;

    fn of(hpa: &HorizontalPodAutoscaler) -> Option<(Key, Self)> {
        let target = &hpa.spec.scale_target_ref;
        (target.kind == "Deployment").then(|| {
            let fact = Self(AutoscalerFact { name: hpa.name_any() });
            (Key::new(hpa.namespace().unwrap_or_default(), target.name.clone()), fact)
        })
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        before != after
    }
}

// === impl ScaledObjectFact ===

impl Fact for ScaledObjectFact {
    type Object = ScaledObject;

    fn of(scaled: &ScaledObject) -> Option<(Key, Self)> {
        let target = &scaled.spec.scale_target_ref;
        target.kind.as_deref().is_none_or(|kind| kind == "Deployment").then(|| {
            let fact = Self(AutoscalerFact { name: scaled.name_any() });
            (Key::new(scaled.namespace().unwrap_or_default(), target.name.clone()), fact)
        })
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        before != after
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    /// A fleet of namespace `shop` with these Deployments.
    pub(crate) fn fleet(name: &str, created: &str, deployments: &[&str]) -> (Key, Arc<FleetFact>) {
        let mut targets = json!({"onDemand": {"deploymentName": deployments[0]}});
        if let Some(spot) = deployments.get(1) {
            targets["spot"] = json!({"deploymentName": spot});
        }
        let object = json!({
            "apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": name, "namespace": "shop", "uid": name, "generation": 1,
                "creationTimestamp": created},
            "spec": {"minReplicas": 10, "maxReplicas": 30, "targets": targets},
        });
        let (key, fact) = FleetFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        (key, Arc::new(fact))
    }

    #[test]
    fn a_fleet_that_cannot_be_read_is_a_fleet_that_means_nothing() {
        let object = json!({
            "apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": "api", "namespace": "shop", "uid": "u", "generation": 3},
            "spec": {"minReplicas": "ten"},
        });
        let (key, fact) = FleetFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        assert_eq!((key, fact.uid.as_str()), (Key::new("shop", "api"), "u"));
        assert_eq!(fact.generation, Some(3));
        assert!(matches!(fact.intent, Err(Meaningless::Unreadable(_))), "{fact:?}");
    }

    fn deployment(spec: &Value, status: &Value) -> DeploymentFact {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "api", "namespace": "shop", "uid": "u1", "resourceVersion": "7",
                "managedFields": [
                    {"manager": "helm", "time": "2026-12-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:template": {}}}},
                    {"manager": "apifleet-controller", "time": "2026-12-01T00:00:00Z",
                        "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                    {"manager": "kubectl", "time": "2026-12-01T00:00:05Z",
                        "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                ]},
            "spec": spec, "status": status,
        });
        DeploymentFact::read(&serde_json::from_value(object).unwrap()).unwrap()
    }

    fn spec(replicas: &Value) -> Value {
        json!({"replicas": replicas, "selector": {}, "template": {}})
    }

    #[test]
    fn absent_replicas_are_unknown_and_neither_zero_nor_one() {
        assert_eq!(deployment(&spec(&Value::Null), &json!({})).replicas, None);
        assert_eq!(deployment(&spec(&json!(0)), &json!({})).replicas, Some(Replicas::ZERO));
    }

    #[test]
    fn the_newest_owner_of_replicas_is_their_writer() {
        assert_eq!(
            deployment(&spec(&json!(3)), &json!({})).replicas_writer.as_deref(),
            Some("kubectl")
        );
    }

    #[test]
    fn a_rollout_lasts_until_every_pod_is_new_or_it_is_given_up() {
        let status = json!({"replicas": 12, "updatedReplicas": 4});
        assert!(deployment(&spec(&json!(10)), &status).rolling_out);
        assert!(
            !deployment(&spec(&json!(10)), &json!({"replicas": 10, "updatedReplicas": 10}))
                .rolling_out
        );
        let given_up = json!({"replicas": 12, "updatedReplicas": 4,
            "conditions": [{"type": "Progressing", "status": "False"}]});
        assert!(!deployment(&spec(&json!(10)), &given_up).rolling_out);
    }

    fn pod(change: impl FnOnce(&mut Value)) -> Option<(Key, PodFact)> {
        let mut object = json!({
            "metadata": {"name": "api-6f7-x", "namespace": "shop", "labels": {"pod-template-hash": "6f7"},
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-6f7", "uid": "r", "controller": true}]},
            "status": {"phase": "Running", "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-12-01T00:00:00Z"}]},
        });
        change(&mut object);
        PodFact::of(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_pod_is_found_under_its_deployment_with_the_time_it_became_ready() {
        let (key, fact) = pod(|_| ()).unwrap();
        assert_eq!(key, Key::new("shop", "api"));
        assert_eq!(fact.ready_since, "2026-12-01T00:00:00Z".parse().ok());
        assert!(!fact.unscheduled);
    }

    #[test]
    fn pods_that_are_finished_or_going_away_are_not_kept() {
        assert!(pod(|pod| pod["status"]["phase"] = json!("Failed")).is_none());
        assert!(
            pod(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-12-01T00:00:00Z"))
                .is_none()
        );
        assert!(pod(|pod| pod["metadata"]["ownerReferences"] = json!([])).is_none());
    }

    #[test]
    fn a_pod_without_a_node_is_unscheduled() {
        let (_, fact) = pod(|pod| {
            pod["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]});
        })
        .unwrap();
        assert_eq!(fact, PodFact { ready_since: None, unscheduled: true });
    }

    #[test]
    fn a_scaled_object_without_kind_scales_a_deployment() {
        let scaled = |target: Value| {
            let object = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
                "metadata": {"name": "so", "namespace": "shop"}, "spec": {"scaleTargetRef": target}});
            ScaledObjectFact::of(&serde_json::from_value(object).unwrap()).map(|(key, _)| key)
        };
        assert_eq!(scaled(json!({"name": "api"})), Some(Key::new("shop", "api")));
        assert_eq!(scaled(json!({"name": "api", "kind": "StatefulSet"})), None);
    }
}

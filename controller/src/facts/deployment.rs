//! What is kept of a Deployment: its size, who last wrote it, and what it is for. Pure.
//!
//! Filled into [`crate::caches`]; read by [`crate::observe`].

use crate::caches::{Fact, Key};
use apifleet_core::Replicas;
use apifleet_core::observation::Surge;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;

/// On pods that hold nodes: the fleet for whose pods.
const PLACEHOLDER_FOR: &str = "apifleet.dev/placeholder-for";
/// What Kubernetes takes an absent `maxSurge` for.
const DEFAULT_SURGE: Surge = Surge::Percent(25);

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
    /// How many pods a rollout may add.
    pub surge: Surge,
    /// The field manager that last wrote `spec.replicas`.
    pub replicas_writer: Option<String>,
    /// The fleet for whose pods to come its pods hold nodes; `None` where they serve.
    pub placeholder_for: Option<String>,
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
            surge: surge(deployment),
            replicas_writer: replicas_writer(deployment.managed_fields()),
            placeholder_for: placeholder_for(deployment),
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

fn surge(deployment: &Deployment) -> Surge {
    let Some(strategy) = &deployment.spec.strategy else { return DEFAULT_SURGE };
    if strategy.type_.as_deref() == Some("Recreate") {
        return Surge::Pods(Replicas::ZERO);
    }
    let given = strategy.rolling_update.as_ref().and_then(|update| update.max_surge.as_ref());
    let read = match given {
        Some(IntOrString::Int(pods)) => replicas(Some(*pods)).map(Surge::Pods),
        Some(IntOrString::String(text)) => {
            text.strip_suffix('%').and_then(|share| share.parse().ok()).map(Surge::Percent)
        }
        None => None,
    };
    read.unwrap_or(DEFAULT_SURGE)
}

/// Read from the pods' labels, which nobody can put on a Deployment that serves.
fn placeholder_for(deployment: &Deployment) -> Option<String> {
    let template = &deployment.spec.template;
    template.metadata.as_ref()?.labels.as_ref()?.get(PLACEHOLDER_FOR).cloned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
    fn a_deployment_is_a_placeholder_only_if_its_pods_say_so() {
        let labels = json!({"metadata": {"labels": {PLACEHOLDER_FOR: "api"}}});
        let spec = json!({"replicas": 1, "selector": {}, "template": labels});
        assert_eq!(deployment(&spec, &json!({})).placeholder_for.as_deref(), Some("api"));
        assert_eq!(deployment(&self::spec(&json!(1)), &json!({})).placeholder_for, None);
    }

    #[test]
    fn the_surge_of_a_rollout_is_read_as_kubernetes_reads_it() {
        let surge = |strategy: Value| {
            let spec =
                json!({"replicas": 10, "selector": {}, "template": {}, "strategy": strategy});
            deployment(&spec, &json!({})).surge
        };
        let rolling = |max_surge: Value| surge(json!({"rollingUpdate": {"maxSurge": max_surge}}));
        assert_eq!(rolling(json!(2)), Surge::Pods(Replicas::new(2)));
        assert_eq!(rolling(json!(0)), Surge::Pods(Replicas::ZERO));
        assert_eq!(rolling(json!("10%")), Surge::Percent(10));
        assert_eq!(surge(json!({"type": "Recreate"})), Surge::Pods(Replicas::ZERO));
        for unknown in [Value::Null, json!({}), json!({"type": "RollingUpdate"})] {
            assert_eq!(surge(unknown), Surge::Percent(25), "the default");
        }
        assert_eq!(rolling(json!("many")), Surge::Percent(25));
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
}

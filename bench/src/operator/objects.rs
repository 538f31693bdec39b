//! The objects of a measured cluster, as they are written: fleets, and what controllers and kubelets would make of their
//! Deployments. Pure.

use super::scale::{HASH, NAMESPACE, SYSTEM};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The operator's name: its service account, its lease.
pub(crate) const OPERATOR: &str = "apifleet-controller";
/// No fleet is ever so large here.
const MAX: u32 = 30;
/// What one replica carries, in requests per second.
pub(crate) const TARGET_PER_REPLICA: u32 = 50;
/// The node of all pods. No kubelet runs, so it needs no object of its own.
const NODE: &str = "bench";

/// What is there before the first fleet: namespaces, and the operator's identity. As a service account it meets the API
/// server's priority and fairness, which an administrator does not; its rights are not what is measured.
pub(crate) fn first() -> Value {
    let namespace =
        |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let account = |namespace: &str, name: &str| {
        let metadata = json!({"name": name, "namespace": namespace});
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    };
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": {"name": OPERATOR},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": SYSTEM}],
    });
    let items = json!([
        namespace(SYSTEM),
        namespace(NAMESPACE),
        account(SYSTEM, OPERATOR),
        // Pods are admitted only where their service account exists.
        account(NAMESPACE, "default"),
        binding,
    ]);
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// A fleet that never wants to be larger than it is.
pub(crate) fn fleet(name: &str, pods: u32) -> Value {
    json!({
        "apiVersion": "apifleet.dev/v1alpha1",
        "kind": "ApiFleet",
        "metadata": {"name": name},
        "spec": {
            "minReplicas": pods,
            "maxReplicas": MAX,
            "targets": {"onDemand": {"deploymentName": name}},
            "signals": {
                "requestRate": {"targetPerReplica": TARGET_PER_REPLICA},
                "latency": {"percentile": 95, "targetMilliseconds": 200},
            },
        },
    })
}

/// Its Deployment.
pub(crate) fn deployment(name: &str, pods: u32) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": pods,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec()},
        },
    })
}

/// What the controller of Deployments would write of it.
pub(crate) fn deployment_status(pods: u32) -> Value {
    json!({"status": {
        "observedGeneration": 1,
        "replicas": pods,
        "updatedReplicas": pods,
        "readyReplicas": pods,
        "availableReplicas": pods,
    }})
}

/// One of its pods, bound to a node.
pub(crate) fn pod(fleet: &str, name: &str) -> Value {
    let mut spec = pod_spec();
    if let Some(spec) = spec.as_object_mut() {
        spec.insert("nodeName".into(), NODE.into());
        spec.insert("automountServiceAccountToken".into(), false.into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": fleet, "pod-template-hash": HASH},
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": format!("{fleet}-{HASH}"),
                "uid": format!("{fleet}-{HASH}"),
                "controller": true,
            }],
        },
        "spec": spec,
    })
}

/// What a kubelet would write of a pod that is Ready.
pub(crate) fn pod_status(since: Timestamp) -> Value {
    // Kubernetes takes whole seconds here.
    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": since});
    json!({"status": {
        "phase": "Running",
        "conditions": [condition("PodScheduled"), condition("Ready")],
    }})
}

fn pod_spec() -> Value {
    json!({"containers": [{"name": "api", "image": "localhost/none:none"}]})
}

#[cfg(test)]
mod tests {
    use super::super::scale;
    use super::*;

    #[test]
    fn a_pod_is_found_under_its_deployment_by_its_replica_set_and_hash() {
        let fleet = scale::fleet(1);
        let pod = pod(&fleet, &scale::pod(&fleet, 0));
        let owner = &pod["metadata"]["ownerReferences"][0];
        let hash = pod["metadata"]["labels"]["pod-template-hash"].as_str().expect("a hash");
        assert_eq!(owner["name"], format!("{fleet}-{hash}"));
        assert_eq!((&owner["kind"], &owner["controller"]), (&json!("ReplicaSet"), &json!(true)));
        assert_eq!(pod["spec"]["nodeName"], NODE);
        assert!(deployment(&fleet, 1)["spec"]["template"]["spec"]["nodeName"].is_null());
    }

    #[test]
    fn a_deployment_has_no_rollout_under_way_and_its_fleet_names_it() {
        let (fleet, name) = (fleet("a", 10), deployment("a", 10));
        assert_eq!(
            fleet["spec"]["targets"]["onDemand"]["deploymentName"],
            name["metadata"]["name"]
        );
        assert_eq!(fleet["spec"]["minReplicas"], name["spec"]["replicas"]);
        assert_eq!(deployment_status(10)["status"]["updatedReplicas"], name["spec"]["replicas"]);
    }

    #[test]
    fn times_are_whole_seconds_as_kubernetes_takes_them() {
        let since = Timestamp::from_millisecond(1_500).expect("a time");
        let status = pod_status(since);
        assert_eq!(status["status"]["conditions"][1]["lastTransitionTime"], "1970-01-01T00:00:01Z");
    }

    #[test]
    fn namespaces_come_before_what_is_in_them() {
        let first = first();
        let kinds: Vec<_> =
            first["items"].as_array().expect("items").iter().map(|item| &item["kind"]).collect();
        assert_eq!(kinds[..2], [&json!("Namespace"), &json!("Namespace")]);
    }
}

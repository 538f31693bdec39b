//! KEDA's own manifests with images that need no registry, and the object by which it scales a fleet. Pure.

use crate::reaction::Size;
use crate::{Error, Result};
use apifleet_local::Cluster;
use serde_json::{Value, json};

/// The image of one of its programs.
pub(crate) fn image(program: &str) -> String {
    format!("localhost/keda/{program}:bench")
}

/// The manifests as they came, but that pods run the images which this cluster has. An image starts its only program
/// itself, so the command goes; the arguments stay.
pub(crate) fn for_this_cluster(text: &str) -> Result<String> {
    let refuse = |problem: String| Error::Manifests { peer: "KEDA", problem };
    let mut objects: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| refuse(error.to_string()))?;
    let deployments = objects.iter_mut().filter(|object| object["kind"] == "Deployment");
    let mut changed = 0;
    for container in deployments.filter_map(container_of) {
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        let program = match name {
            "keda-operator" => "operator",
            "keda-metrics-apiserver" => "adapter",
            other => {
                return Err(refuse(format!("no program is built for its container {other:?}")));
            }
        };
        container.insert("image".into(), image(program).into());
        container.insert("imagePullPolicy".into(), "Never".into());
        container.remove("command");
        changed += 1;
    }
    if changed != 2 {
        return Err(refuse(format!("they have {changed} Deployments of one container, not 2")));
    }
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())
}

/// The only container of a Deployment.
fn container_of(deployment: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    let containers = deployment.pointer_mut("/spec/template/spec/containers")?.as_array_mut()?;
    match containers.as_mut_slice() {
        [only] => only.as_object_mut(),
        _ => None,
    }
}

/// What has KEDA scale a fleet's Deployment by its requests per second over a window: the same target per replica and
/// the same bounds as the fleet's own, all else KEDA's and the HPA's default.
pub(crate) fn scaled_object(namespace: &str, fleet: &str, window: &str, size: Size) -> Value {
    let selector = format!("namespace=\"{namespace}\",fleet=\"{fleet}\"");
    json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": fleet, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"name": fleet},
            "minReplicaCount": size.min,
            "maxReplicaCount": size.max,
            "pollingInterval": 5,
            "triggers": [{
                "type": "prometheus",
                "metadata": {
                    "serverAddress": format!("http://{}", Cluster::prometheus_address()),
                    "query": format!("sum(rate(http_requests_total{{{selector}}}[{window}]))"),
                    "threshold": size.per_replica.to_string(),
                },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(name: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    \
             spec:\n      containers:\n      - {{name: {name}, image: \"elsewhere/x:1\", command: [/x], \
             args: [--flag], imagePullPolicy: Always}}\n"
        )
    }

    #[test]
    fn pods_run_our_images_with_the_arguments_that_keda_gives_them() {
        let service = "kind: Service\nmetadata: {name: keda-operator}\n".to_owned();
        let parts = [service, deployment("keda-operator"), deployment("keda-metrics-apiserver")];
        let list = for_this_cluster(&parts.join("---\n")).expect("usable");
        let list: Value = serde_json::from_str(&list).expect("JSON");
        assert_eq!(list["items"][0]["kind"], "Service");
        let container = &list["items"][2]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(
            *container,
            json!({
                "name": "keda-metrics-apiserver", "image": "localhost/keda/adapter:bench",
                "args": ["--flag"], "imagePullPolicy": "Never",
            })
        );
    }

    #[test]
    fn manifests_of_another_shape_are_refused_and_not_applied_half() {
        let error = |text: &str| for_this_cluster(text).expect_err("refused").to_string();
        assert!(error(&deployment("keda-operator")).contains("1 Deployments"));
        assert!(error(&deployment("something-new")).contains("something-new"));
        assert!(error("a: [").contains("manifests of KEDA"));
    }

    #[test]
    fn a_scaled_object_has_the_fleets_bounds_and_target() {
        let size = Size { min: 10, max: 30, per_replica: 50 };
        let object = scaled_object("shop", "keda-1m-1", "1m", size);
        assert_eq!(object["spec"]["minReplicaCount"], 10);
        assert_eq!(object["spec"]["maxReplicaCount"], 30);
        let trigger = &object["spec"]["triggers"][0]["metadata"];
        assert_eq!(trigger["threshold"], "50");
        assert_eq!(
            trigger["query"],
            "sum(rate(http_requests_total{namespace=\"shop\",fleet=\"keda-1m-1\"}[1m]))"
        );
    }
}

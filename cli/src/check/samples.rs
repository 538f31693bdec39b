//! A fleet as it should be, for the tests of the judges: each spoils one thing of it.

use super::facts::{Around, FleetFacts, Signals};
use apifleet_crds::ApiFleetSpec;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;
use std::sync::Arc;

/// A Deployment with pods of 100m CPU and the label `app` of its name.
pub(super) fn deployment(name: &str, replicas: i32) -> Deployment {
    let deployment = json!({
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "api", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]},
            },
        },
        "status": {"replicas": replicas},
    });
    serde_json::from_value(deployment).unwrap()
}

/// A namespace with these Deployments and nothing else.
pub(super) fn around(deployments: Vec<Deployment>) -> Around {
    let named = deployments.into_iter().map(|it| (it.metadata.name.clone().unwrap(), it));
    Around {
        deployments: Ok(named.collect()),
        autoscalers: Ok(Vec::new()),
        budgets: Ok(Vec::new()),
        quotas: Ok(Vec::new()),
    }
}

/// A fleet of 10 to 30 replicas with both targets, measured every 5 s.
pub(super) fn fleet(around: Around) -> FleetFacts {
    let spec: ApiFleetSpec = serde_json::from_value(json!({
        "minReplicas": 10, "maxReplicas": 30,
        "targets": {"onDemand": {"deploymentName": "shop-api"}, "spot": {"deploymentName": "shop-api-spot"}},
        "signals": {"latency": {}},
    }))
    .unwrap();
    FleetFacts {
        name: "shop/shop-api".to_owned(),
        spec: Ok(spec),
        conflict: None,
        reported: true,
        around: Arc::new(around),
        signals: Some(Signals {
            rate: Ok(Some(1_500.0)),
            age: Ok(Some(2.0)),
            samples: Ok(Some(12.0)),
            edges: Some(Ok(vec![0.1, 0.2, 0.5])),
        }),
    }
}

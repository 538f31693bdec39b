//! Finds the operator by the labels of its Deployment, and reads its lease.

use super::super::facts::{Lease, Operator, Server};
use super::super::finding::{Known, Unknown};
use super::unknown;
use crate::cluster::{Cluster, Problem};
use crate::names::Namespace;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease as LeaseObject;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};

/// The label by which the chart marks it.
const LABEL: &str = "app.kubernetes.io/name=apifleet-controller";
/// What the operator calls its lease unless it is told otherwise.
const LEASE: &str = "apifleet-controller";

/// The operator; the first by namespace where there are several. `None` where there is none.
pub(super) async fn find(
    cluster: &Cluster,
    namespace: Option<&Namespace>,
) -> Known<Option<Operator>> {
    let namespace = namespace.map(Namespace::as_str);
    let api = match namespace {
        Some(namespace) => Api::<Deployment>::namespaced(cluster.client(), namespace),
        None => Api::all(cluster.client()),
    };
    let params = ListParams::default().labels(LABEL);
    let keep = |deployment: Deployment| Some(read(&deployment));
    match cluster.every("deployments.apps", namespace, (&api, params), keep).await {
        Ok(mut found) => {
            found.sort_by(|one, other| one.namespace.cmp(&other.namespace));
            Ok(found.into_iter().next())
        }
        Err(problem @ Problem::Forbidden { .. }) if namespace.is_none() => {
            let Unknown(why) = unknown(problem);
            Err(Unknown(format!("{why}; name the operator's namespace with --operator-namespace")))
        }
        Err(problem) => Err(unknown(problem)),
    }
}

fn read(deployment: &Deployment) -> Operator {
    let pod = deployment.spec.template.spec.as_ref();
    let variables =
        || pod.into_iter().flat_map(|pod| &pod.containers).flat_map(|it| it.env.iter().flatten());
    let variable = |name: &str| {
        let found = variables().find(|variable| variable.name == name);
        found.and_then(|it| it.value.clone()).filter(|value| !value.is_empty())
    };
    let status = deployment.status.as_ref();
    Operator {
        namespace: deployment.namespace().unwrap_or_default(),
        name: deployment.name_any(),
        replicas: deployment.spec.replicas.unwrap_or(1),
        ready: status.and_then(|status| status.ready_replicas).unwrap_or_default(),
        prometheus_url: variable("PROMETHEUS_URL"),
        scrape_interval: variable("SCRAPE_INTERVAL_SECONDS").and_then(|text| text.parse().ok()),
        lease_name: variable("LEASE_NAME").unwrap_or_else(|| LEASE.to_owned()),
        watch_namespace: variable("WATCH_NAMESPACE"),
        account: pod
            .and_then(|pod| pod.service_account_name.clone())
            .unwrap_or_else(|| "default".to_owned()),
    }
}

/// The operator's lease; `None` where there is none.
pub(super) async fn lease(
    cluster: &Cluster,
    operator: &Known<Option<Operator>>,
    server: &Server,
) -> Known<Option<Lease>> {
    let operator = match operator {
        Ok(Some(operator)) => operator,
        Ok(None) => return Ok(None),
        Err(why) => return Err(why.clone()),
    };
    let namespace = operator.namespace.as_str();
    let api = Api::<LeaseObject>::namespaced(cluster.client(), namespace);
    let call = api.get_opt(&operator.lease_name);
    let read = cluster.ask("get", "leases.coordination.k8s.io", Some(namespace), call).await;
    let spec = read.map_err(unknown)?.and_then(|lease| lease.spec);
    Ok(spec.map(|spec| Lease {
        holder: spec.holder_identity,
        renewed: spec.renew_time.map(|time| time.0),
        now: now_there(server),
    }))
}

/// Now, by the API server's clock where it is known: what it said when it answered, and what has passed since.
fn now_there(server: &Server) -> Timestamp {
    let now = Timestamp::now();
    let (_, answered) = server.asked;
    let passed = now.duration_since(answered).max(SignedDuration::ZERO);
    let there = server.clock.and_then(|clock| clock.checked_add(passed).ok());
    there.unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_operator_is_what_its_deployment_says() {
        let deployment = json!({
            "metadata": {"name": "apifleet-controller", "namespace": "apifleet-system"},
            "spec": {"replicas": 2, "selector": {}, "template": {"spec": {
                "serviceAccountName": "apifleet-controller",
                "containers": [{"name": "controller", "env": [
                    {"name": "PROMETHEUS_URL", "value": "http://prometheus.monitoring:9090"},
                    {"name": "SCRAPE_INTERVAL_SECONDS", "value": "5"},
                    {"name": "WATCH_NAMESPACE", "value": ""},
                ]}],
            }}},
            "status": {"readyReplicas": 1},
        });
        let operator = read(&serde_json::from_value(deployment).unwrap());
        assert_eq!((operator.replicas, operator.ready), (2, 1));
        assert_eq!(operator.scrape_interval, Some(5));
        assert_eq!(operator.lease_name, "apifleet-controller");
        assert_eq!(operator.watch_namespace, None, "an empty name means all");
        assert_eq!(operator.account, "apifleet-controller");
    }
}

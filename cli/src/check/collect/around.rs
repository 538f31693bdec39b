//! Reads what is around fleets: what their namespaces hold, once for each namespace, and the nodes with what is taken of
//! them.

use super::super::amount::Amount;
use super::super::facts::{Around, Autoscaler, FleetFacts, NodeFact};
use super::super::finding::Known;
use super::super::prometheus::Way;
use super::super::selector::takes_pods;
use super::fleets::Subject;
use super::{AT_ONCE, signals, unknown};
use crate::cluster::{Cluster, Problem};
use futures::{StreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Node, Pod, ResourceQuota};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

/// What is known of each fleet.
pub(super) async fn fleets(
    cluster: &Cluster,
    subjects: Vec<Subject>,
    way: Option<&Way<'_>>,
) -> Vec<FleetFacts> {
    let places: BTreeSet<String> = subjects.iter().map(|it| it.namespace.clone()).collect();
    let read = |place: String| async move {
        // Boxed: five lists at once make a large future.
        let around = Arc::new(Box::pin(around(cluster, &place)).await);
        (place, around)
    };
    let around: BTreeMap<String, Arc<Around>> =
        stream::iter(places).map(read).buffered(AT_ONCE).collect().await;
    let around = &around;
    let fleet = |subject: Subject| async move {
        let signals = signals::of_fleet(way, &subject).await;
        let Subject { namespace, name, spec, conflict, reported } = subject;
        let around = Arc::clone(around.get(&namespace)?);
        Some(FleetFacts {
            name: format!("{namespace}/{name}"),
            spec,
            conflict,
            reported,
            around,
            signals,
        })
    };
    let facts: Vec<Option<FleetFacts>> =
        stream::iter(subjects).map(fleet).buffered(AT_ONCE).collect().await;
    facts.into_iter().flatten().collect()
}

async fn around(cluster: &Cluster, place: &str) -> Around {
    let (deployments, hpas, scaled, budgets, quotas) = tokio::join!(
        all::<Deployment>(cluster, "deployments.apps", place),
        all::<HorizontalPodAutoscaler>(cluster, "horizontalpodautoscalers.autoscaling", place),
        scaled_objects(cluster, place),
        all::<PodDisruptionBudget>(cluster, "poddisruptionbudgets.policy", place),
        all::<ResourceQuota>(cluster, "resourcequotas", place),
    );
    let autoscalers = hpas.and_then(|hpas| {
        let hpas = hpas.iter().filter_map(of_hpa);
        Ok(hpas.chain(scaled?).collect())
    });
    let deployments =
        deployments.map(|all| all.into_iter().map(|it| (it.name_any(), it)).collect());
    Around { deployments, autoscalers, budgets, quotas }
}

/// All objects of a kind of one namespace.
async fn all<K>(cluster: &Cluster, resource: &'static str, place: &str) -> Known<Vec<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug,
{
    let api = Api::<K>::namespaced(cluster.client(), place);
    let list = (&api, ListParams::default());
    cluster.every(resource, Some(place), list, Some).await.map_err(unknown)
}

fn of_hpa(hpa: &HorizontalPodAutoscaler) -> Option<Autoscaler> {
    let target = &hpa.spec.scale_target_ref;
    // KEDA's own is told as the ScaledObject that made it.
    let by_keda =
        hpa.labels().get("app.kubernetes.io/managed-by").is_some_and(|it| it == "keda-operator");
    (target.kind == "Deployment" && !by_keda).then(|| Autoscaler {
        kind: "HorizontalPodAutoscaler",
        resource: "hpa",
        name: hpa.name_any(),
        target: target.name.clone(),
    })
}

/// KEDA's; none where it is not installed.
async fn scaled_objects(cluster: &Cluster, place: &str) -> Known<Vec<Autoscaler>> {
    let resource = scaled_object();
    let api = Api::<DynamicObject>::namespaced_with(cluster.client(), place, &resource);
    let list = (&api, ListParams::default());
    let keep = |object: DynamicObject| {
        let target = object.data.pointer("/spec/scaleTargetRef")?;
        let text = |field: &str| target.get(field).and_then(serde_json::Value::as_str);
        (text("kind").unwrap_or("Deployment") == "Deployment").then(|| Autoscaler {
            kind: "ScaledObject",
            resource: "scaledobject",
            name: object.name_any(),
            target: text("name").unwrap_or_default().to_owned(),
        })
    };
    match cluster.every("scaledobjects.keda.sh", Some(place), list, keep).await {
        Err(Problem::Refused { code: 404, .. }) => Ok(Vec::new()),
        read => read.map_err(unknown),
    }
}

/// The kind that KEDA's operator reads.
fn scaled_object() -> ApiResource {
    ApiResource {
        group: "keda.sh".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "keda.sh/v1alpha1".to_owned(),
        kind: "ScaledObject".to_owned(),
        plural: "scaledobjects".to_owned(),
    }
}

/// The nodes that take pods, with what the pods on them have asked for.
pub(super) async fn nodes(cluster: &Cluster) -> Known<Vec<NodeFact>> {
    let nodes = Api::<Node>::all(cluster.client());
    let pods = Api::<Pod>::all(cluster.client());
    let running = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
    let (nodes, pods) = tokio::join!(
        cluster.every("nodes", None, (&nodes, ListParams::default()), Some),
        cluster.every("pods", None, (&pods, running), asked),
    );
    let mut taken: BTreeMap<String, Amount> = BTreeMap::new();
    for (node, amount) in pods.map_err(unknown)? {
        let sum = taken.entry(node).or_default();
        *sum = sum.plus(amount);
    }
    let fact = |node: Node| {
        let taken = taken.get(&node.name_any()).copied().unwrap_or_default();
        NodeFact { node, taken }
    };
    Ok(nodes.map_err(unknown)?.into_iter().filter(takes_pods).map(fact).collect())
}

/// What a pod asks of its node. One of a priority below zero gives way, as placeholders do.
fn asked(pod: Pod) -> Option<(String, Amount)> {
    let spec = pod.spec?;
    let gives_way = spec.priority.is_some_and(|priority| priority < 0);
    let amount = Amount::of_pod(&spec);
    spec.node_name.filter(|_| !gives_way).map(|node| (node, amount))
}

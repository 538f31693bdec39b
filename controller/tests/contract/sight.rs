//! Whether nodes are looked at: only where a fleet needs it and the operator may, and never in a hot loop. And for how
//! long nothing is decided because it is not known what KEDA scales.

use crate::fixtures::{WITH_SPOT, guarded, kubernetes, list, node, status};
use crate::in_process::{self, Answer};
use apifleet_controller::caches::Key;
use apifleet_controller::cluster::Cluster;
use futures::stream;
use http::{Request as Call, Uri};
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// Nodes are looked at for a while.
async fn looking(server: &MockServer, manifest: &str) -> (Arc<Cluster>, JoinHandle<()>) {
    let cluster = Arc::new(Cluster::new(&Arc::new(Notify::new())));
    list(&cluster.fleets, vec![guarded(manifest)]).await;
    let (seeing, kubernetes) = (Arc::clone(&cluster), kubernetes(server));
    let task = tokio::spawn(async move { seeing.fill_nodes(&kubernetes).await });
    (cluster, task)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), wait).await.expect(what);
}

#[tokio::test]
async fn without_a_fleet_that_needs_them_nodes_are_not_asked_for() {
    let server = MockServer::start().await;
    let (cluster, task) = looking(&server, crate::fixtures::ON_DEMAND).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
    assert!(!cluster.knows_nodes());
    task.abort();
}

#[tokio::test]
async fn where_nodes_may_not_be_read_it_is_asked_once_and_fleets_do_not_wait() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(status(403, "Forbidden")).mount(&server).await;
    let (cluster, task) = looking(&server, WITH_SPOT).await;
    until("fleets wait for ever", || cluster.knows_nodes()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "no hot loop");
    assert_eq!(cluster.nodes.filter(|_| true).len(), 0);
    task.abort();
}

#[tokio::test]
async fn nodes_are_known_once_they_were_listed() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/api/v1/nodes"))
        .respond_with(|request: &Request| {
            let query = request.url.query().unwrap_or_default().to_owned();
            let items: Vec<Value> = if query.contains("limit=1&") || query.ends_with("limit=1") {
                Vec::new()
            } else {
                vec![node("spot-1", &[]), node("spot-2", &[])]
            };
            let list = json!({"kind": "NodeList", "apiVersion": "v1",
                "metadata": {"resourceVersion": "7"}, "items": items});
            let delay = Duration::from_secs(if query.contains("watch=") { 60 } else { 0 });
            ResponseTemplate::new(200).set_body_json(list).set_delay(delay)
        })
        .mount(&server)
        .await;
    let (cluster, task) = looking(&server, WITH_SPOT).await;
    until("they are never known", || cluster.knows_nodes()).await;
    assert_eq!(cluster.nodes.filter(|_| true).len(), 2);
    task.abort();
}

/// Where an API server tells what it serves of KEDA.
const KEDA: &str = "/apis/keda.sh/v1alpha1";

/// An API server on which KEDA scales `api`. Of all else there is nothing.
fn with_keda(asked: &Uri) -> Answer {
    if asked.query().is_some_and(|query| query.contains("watch=true")) {
        return in_process::lines(stream::pending());
    }
    let kinds = json!([{"kind": "ScaledObject", "name": "scaledobjects", "singularName": "scaledobject",
        "namespaced": true, "verbs": ["list", "watch"]}]);
    let scaled = json!([{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": {"name": "old", "namespace": "shop"}, "spec": {"scaleTargetRef": {"name": "api"}}}]);
    let list = |items: Value| json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items});
    let body = match asked.path() {
        KEDA => {
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "keda.sh/v1alpha1",
            "resources": kinds})
        }
        path if path.ends_with("/scaledobjects") => list(scaled),
        _ => list(json!([])),
    };
    in_process::json(200, &body)
}

/// How long it takes until all is known that is waited for, where the server cannot tell so often what it serves; and
/// whether it is known then what KEDA scales.
async fn filled(failures: u32) -> (Duration, bool) {
    let asked = AtomicU32::new(0);
    let kubernetes = in_process::kubernetes(move |call: Call<Body>| {
        let fails = call.uri().path() == KEDA && asked.fetch_add(1, Ordering::Relaxed) < failures;
        let busy = || in_process::text(503, "busy".to_owned());
        std::future::ready(if fails { busy() } else { with_keda(call.uri()) })
    });
    let (began, cluster) = (Instant::now(), Arc::new(Cluster::new(&Arc::new(Notify::new()))));
    let filling = Arc::clone(&cluster);
    let task = tokio::spawn(async move { Box::pin(filling.fill(&kubernetes, None)).await });
    let known = async {
        while !cluster.is_filled() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(5), known).await.expect("it is never filled");
    task.abort();
    (began.elapsed(), cluster.autoscaler_of(&Key::new("shop", "api")).is_some())
}

#[tokio::test(start_paused = true)]
async fn what_keda_scales_is_known_first_also_where_looking_for_it_fails_a_few_times() {
    assert!(filled(0).await.1);
    let (took, known) = filled(2).await;
    assert!(known && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_of_keda_is_not_waited_for_for_ever() {
    let (took, known) = filled(u32::MAX).await;
    assert!(!known, "it cannot be");
    assert!((29..32).contains(&took.as_secs()), "{took:?}");
}

//! Whether nodes are looked at: only where a fleet needs it and the operator may, and never in a hot loop.

use crate::fixtures::{WITH_SPOT, guarded, kubernetes, list, node, status};
use apifleet_controller::cluster::Cluster;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
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

//! Definitions that are older, newer, missing or hidden: what a copy that starts makes of them, and that an upgrade of
//! them is all it needs. And the look at the lease by which `--check` tells whether a copy leads.

use crate::fixtures::{kubernetes, status};
use apifleet_controller::check::await_leader;
use apifleet_controller::definitions::{Obstacle, Standing, await_good, examine};
use apifleet_controller::health::Health;
use apifleet_crds::Kind;
use apifleet_crds::revision::{ANNOTATION, REVISION};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The definitions of a cluster, all of one revision; none, if there is none.
#[derive(Clone)]
struct Definitions(Arc<Mutex<Option<u32>>>);

impl Definitions {
    async fn serve(revision: Option<u32>) -> (MockServer, Self) {
        let definitions = Self(Arc::new(Mutex::new(revision)));
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path_regex("^/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"))
            .respond_with(definitions.clone())
            .mount(&server)
            .await;
        (server, definitions)
    }

    fn upgrade(&self, revision: u32) {
        *self.0.lock().unwrap() = Some(revision);
    }
}

impl Respond for Definitions {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let Some(revision) = *self.0.lock().unwrap() else { return status(404, "NotFound") };
        let name = request.url.path().rsplit('/').next().unwrap();
        let kind = Kind::ALL.into_iter().find(|kind| kind.definition() == name).unwrap();
        let mut definition = json!(apifleet_crds::crd(kind).unwrap());
        definition["metadata"]["annotations"] = json!({
            ANNOTATION: revision.to_string(),
            "meta.helm.sh/release-name": "apifleet",
            "meta.helm.sh/release-namespace": "apifleet-system",
        });
        definition["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
        ResponseTemplate::new(200).set_body_json(definition)
    }
}

/// Waits until the health page says this.
async fn told(health: &Health, what: &str) -> String {
    let told = async {
        loop {
            let awaited = health.awaited();
            if awaited.contains(what) {
                return awaited;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("it does not say so")
}

#[tokio::test]
async fn an_older_definition_stops_a_copy_until_it_is_upgraded_and_no_restart_is_needed() {
    let (server, definitions) = Definitions::serve(Some(REVISION - 1)).await;
    let (kubernetes, health) = (kubernetes(&server), Arc::new(Health::default()));
    let waiting = tokio::spawn({
        let health = Arc::clone(&health);
        async move { await_good(&kubernetes, &health).await }
    });
    let why = told(&health, "older than this operator").await;
    assert!(why.contains("helm upgrade apifleet charts/apifleet -n apifleet-system"), "{why}");
    assert!(health.is_live() && !health.is_ready(), "alive, so that it is not restarted");
    definitions.upgrade(REVISION);
    tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it goes on").unwrap();
    told(&health, "caches").await;
}

#[tokio::test]
async fn a_newer_definition_is_taken_and_each_kind_is_asked_for_once() {
    let (server, _) = Definitions::serve(Some(REVISION + 1)).await;
    let standings = examine(&kubernetes(&server)).await.unwrap();
    assert_eq!(standings, Kind::ALL.map(|kind| (kind, Standing::Newer(REVISION + 1))));
    assert_eq!(server.received_requests().await.unwrap().len(), Kind::ALL.len());
}

#[tokio::test]
async fn a_cluster_without_definitions_is_told_how_it_gets_them() {
    let (server, _) = Definitions::serve(None).await;
    let obstacle = examine(&kubernetes(&server)).await.unwrap_err();
    assert!(matches!(obstacle, Obstacle::Missing(Kind::ApiFleet)), "{obstacle}");
    assert!(obstacle.to_string().contains("charts/apifleet-crds"), "{obstacle}");
}

#[tokio::test]
async fn definitions_that_may_not_be_read_are_looked_up_where_everybody_may_look() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path_regex("/customresourcedefinitions/"))
        .respond_with(status(403, "Forbidden"))
        .mount(&server)
        .await;
    let list = |kinds: &[Kind]| {
        let resource = |kind: &Kind| json!({"name": kind.plural(), "kind": kind.as_str(), "namespaced": true, "singularName": "", "verbs": []});
        let resources: Vec<_> = kinds.iter().map(resource).collect();
        let body = json!({"kind": "APIResourceList", "groupVersion": "apifleet.dev/v1alpha1", "resources": resources});
        ResponseTemplate::new(200).set_body_json(body)
    };
    let group = || Mock::given(method("GET")).and(path_regex("^/apis/apifleet.dev/v1alpha1$"));
    group().respond_with(list(&Kind::ALL)).up_to_n_times(3).mount(&server).await;
    group().respond_with(list(&[])).with_priority(9).mount(&server).await;
    let kubernetes = kubernetes(&server);
    let standings = examine(&kubernetes).await.unwrap();
    assert_eq!(standings, Kind::ALL.map(|kind| (kind, Standing::Untold)));
    let obstacle = examine(&kubernetes).await.unwrap_err();
    assert!(matches!(obstacle, Obstacle::Missing(Kind::ApiFleet)), "{obstacle}");
}

#[tokio::test]
async fn a_definition_that_is_not_served_yet_is_waited_for() {
    let server = MockServer::start().await;
    let fresh = json!(apifleet_crds::crd(Kind::ApiFleet).unwrap());
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(fresh))
        .mount(&server)
        .await;
    let obstacle = examine(&kubernetes(&server)).await.unwrap_err();
    assert!(matches!(obstacle, Obstacle::Unserved(Kind::ApiFleet)), "{obstacle}");
}

#[tokio::test]
async fn an_api_server_that_answers_with_an_error_is_asked_again() {
    let (server, _) = Definitions::serve(Some(REVISION)).await;
    Mock::given(method("GET"))
        .respond_with(status(503, "Busy"))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    let health = Health::default();
    let kubernetes = kubernetes(&server);
    let waiting = await_good(&kubernetes, &health);
    tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it goes on");
    assert_eq!(server.received_requests().await.unwrap().len(), 1 + Kind::ALL.len());
}

/// A lease that somebody renews, or not.
async fn lease(renewed: bool) -> MockServer {
    let (server, looks) = (MockServer::start().await, AtomicU32::new(0));
    let respond = move |_: &Request| {
        let look = if renewed { looks.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let renewed = format!("2026-12-08T08:00:{:02}.000000Z", look % 60);
        ResponseTemplate::new(200).set_body_json(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "apifleet-controller", "namespace": "ops"},
            "spec": {"holderIdentity": "pod-a_1", "renewTime": renewed},
        }))
    };
    Mock::given(method("GET"))
        .and(path_regex("/leases/apifleet-controller$"))
        .respond_with(respond)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_lease_that_is_renewed_is_led_by_a_copy_and_one_that_only_names_a_copy_is_not() {
    let look = async |renewed: bool| {
        let server = lease(renewed).await;
        let patience = Duration::from_millis(2500);
        await_leader(&kubernetes(&server), "ops", "apifleet-controller", patience).await
    };
    assert_eq!(look(true).await.unwrap(), "pod-a_1");
    let error = look(false).await.unwrap_err().to_string();
    assert!(error.contains("ops/apifleet-controller") && error.contains("kubectl logs"), "{error}");
}

//! An API server for tests: answers of Kubernetes, put together by hand.

use crate::fixture::fleet;
use apifleet_crds::ApiFleet;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

const IN_SHOP: &str = "/apis/apifleet.dev/v1alpha1/namespaces/shop/apifleets";
const IN_ALL: &str = "/apis/apifleet.dev/v1alpha1/apifleets";

/// A server that knows these fleets of namespace `shop`.
pub(crate) async fn knowing(fleets: &[&str]) -> MockServer {
    knowing_these(&fleets.iter().map(|name| fleet(name)).collect::<Vec<_>>()).await
}

/// The same with fleets that are in no fixture.
pub(crate) async fn knowing_these(fleets: &[ApiFleet]) -> MockServer {
    let server = MockServer::start().await;
    for fleet in fleets {
        let name = fleet.metadata.name.as_deref().unwrap();
        Mock::given(method("GET"))
            .and(path(format!("{IN_SHOP}/{name}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(fleet))
            .mount(&server)
            .await;
    }
    let items: Vec<Value> = fleets.iter().map(|fleet| json!(fleet)).collect();
    for list in [IN_SHOP, IN_ALL] {
        listing(&server, list, &items, None).await;
    }
    listing(&server, &in_shop("fleetoverrides"), &[], None).await;
    refusing_rest(
        &server,
        404,
        json!({"name": "nobody", "group": "apifleet.dev", "kind": "apifleets"}),
    )
    .await;
    server
}

/// A server that refuses everything.
pub(crate) async fn refusing(code: u16) -> MockServer {
    let server = MockServer::start().await;
    refusing_rest(&server, code, json!({})).await;
    server
}

/// The path of something else of namespace `shop`.
pub(crate) fn in_shop(rest: &str) -> String {
    format!("/apis/apifleet.dev/v1alpha1/namespaces/shop/{rest}")
}

/// A server that knows something more, before all that it knows already.
pub(crate) async fn knowing_more(server: &MockServer, at: &str, code: u16, body: Value) {
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(ResponseTemplate::new(code).set_body_json(body))
        .with_priority(1)
        .mount(server)
        .await;
}

/// A server that knows as well who asks: alice.
pub(crate) async fn knowing_alice(server: &MockServer) {
    let review = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "status": {"userInfo": {"username": "alice"}}});
    Mock::given(method("POST"))
        .and(path("/apis/authentication.k8s.io/v1/selfsubjectreviews"))
        .respond_with(ResponseTemplate::new(201).set_body_json(review))
        .mount(server)
        .await;
}

async fn refusing_rest(server: &MockServer, code: u16, details: Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": "Whatever", "message": "the server says no", "details": details,
    });
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(code).set_body_json(status))
        .with_priority(9)
        .mount(server)
        .await;
}

/// A server with so many fleets in all namespaces, five hundred a page. Where `forgets`, the second page is gone once.
pub(crate) async fn crowded(count: usize, forgets: bool) -> MockServer {
    let server = MockServer::start().await;
    let silent = json!(fleet("silent"));
    let fleets: Vec<Value> =
        (0..count).map(|number| named(&silent, &format!("fleet-{number:04}"))).collect();
    if forgets {
        let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired",
            "message": "the provided continue parameter is too old"});
        Mock::given(method("GET"))
            .and(query_param("continue", "page-1"))
            .respond_with(ResponseTemplate::new(410).set_body_json(gone))
            .up_to_n_times(1)
            .with_priority(1)
            .mount(&server)
            .await;
    }
    let pages: Vec<&[Value]> = fleets.chunks(500).collect();
    for (number, page) in pages.iter().enumerate() {
        let next = (number + 1 < pages.len()).then(|| format!("page-{}", number + 1));
        let body = list(page, next.as_deref());
        let mock = Mock::given(method("GET")).and(path(IN_ALL)).and(query_param("limit", "500"));
        let mock = match number {
            0 => mock.and(query_param_is_missing("continue")),
            number => mock.and(query_param("continue", format!("page-{number}"))),
        };
        mock.respond_with(ResponseTemplate::new(200).set_body_json(body))
            .with_priority(2)
            .mount(&server)
            .await;
    }
    server
}

/// A server on which a fleet is watched: first it is as in one fixture, then these events come, then nothing.
pub(crate) async fn watched(first: &ApiFleet, events: &[(&str, Value)]) -> MockServer {
    let server = MockServer::start().await;
    let name = first.metadata.name.clone().unwrap();
    Mock::given(path(format!("{IN_SHOP}/{name}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(first))
        .mount(&server)
        .await;
    let lines: String = events
        .iter()
        .map(|(kind, object)| json!({"type": kind, "object": object}).to_string() + "\n")
        .collect();
    Mock::given(path(IN_SHOP))
        .and(query_param("watch", "true"))
        .respond_with(ResponseTemplate::new(200).set_body_string(lines))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    // Afterwards a watch stays open and says nothing.
    Mock::given(path(IN_SHOP))
        .and(query_param("watch", "true"))
        .respond_with(ResponseTemplate::new(200).set_delay(std::time::Duration::from_hours(1)))
        .with_priority(2)
        .mount(&server)
        .await;
    listing(&server, IN_SHOP, &[json!(first)], None).await;
    server
}

pub(crate) async fn listing(server: &MockServer, at: &str, items: &[Value], next: Option<&str>) {
    Mock::given(method("GET"))
        .and(path(at))
        .and(query_param_is_missing("watch"))
        .respond_with(ResponseTemplate::new(200).set_body_json(list(items, next)))
        .with_priority(3)
        .mount(server)
        .await;
}

fn list(items: &[Value], next: Option<&str>) -> Value {
    json!({
        "kind": "ApiFleetList", "apiVersion": "apifleet.dev/v1alpha1",
        "metadata": {"resourceVersion": "100", "continue": next.unwrap_or_default()},
        "items": items,
    })
}

pub(crate) fn named(fleet: &Value, name: &str) -> Value {
    let mut fleet = fleet.clone();
    fleet["metadata"]["name"] = json!(name);
    fleet
}

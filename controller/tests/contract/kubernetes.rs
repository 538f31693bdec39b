//! A Kubernetes API that is overloaded, broken or silent: every call ends in time, with the right class.

use crate::fixtures::{DEADLINE, kubernetes, status};
use apifleet_controller::caches::Key;
use apifleet_controller::error::Class;
use apifleet_controller::kubernetes::{CallError, Kubernetes};
use apifleet_controller::metrics::Metrics;
use kube::core::GroupVersionKind;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wiremock::matchers::{any, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn reading(response: ResponseTemplate) -> CallError {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    let error = kubernetes(&server).get_deployment("shop", "api").await.unwrap_err();
    let asked = server.received_requests().await.unwrap().len();
    assert_eq!(asked, 1, "nothing is tried again behind our back");
    error
}

#[tokio::test]
async fn every_status_has_its_class() {
    for (code, class) in [
        (401, Class::Forbidden),
        (403, Class::Forbidden),
        (400, Class::Invalid),
        (422, Class::Invalid),
        (404, Class::Transient),
        (409, Class::Transient),
        (410, Class::Transient),
        (429, Class::Transient),
        (500, Class::Transient),
        (503, Class::Transient),
        (504, Class::Transient),
    ] {
        let error = reading(status(code, "AsTold")).await;
        assert_eq!(error.class(), class, "{code}: {error}");
        assert_eq!(error.code(), Some(code));
    }
}

#[tokio::test]
async fn a_call_that_is_not_answered_ends_at_its_deadline() {
    let started = Instant::now();
    let error = reading(ResponseTemplate::new(200).set_delay(DEADLINE * 10)).await;
    assert!(matches!(error, CallError::Deadline { .. }), "{error}");
    assert_eq!(error.class(), Class::Transient);
    assert!(started.elapsed() < DEADLINE * 3, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_truncated_answer_and_an_error_page_are_transient() {
    let truncated = ResponseTemplate::new(200).set_body_string(r#"{"apiVersion":"apps/v1","ki"#);
    assert_eq!(reading(truncated).await.class(), Class::Transient);
    let page = ResponseTemplate::new(502).set_body_string("<html>".repeat(10_000));
    let error = reading(page).await;
    assert_eq!(error.class(), Class::Transient);
    assert!(error.to_string().len() < 500, "a whole page does not get into status and logs");
}

#[tokio::test]
async fn a_server_that_is_gone_is_transient() {
    let server = MockServer::start().await;
    let kubernetes = kubernetes(&server);
    drop(server);
    let error = kubernetes.get_deployment("shop", "api").await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_no_error() {
    let kind = GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject");
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(status(404, "NotFound")).mount(&server).await;
    assert!(!kubernetes(&server).serves(&kind).await.unwrap());
    let server = MockServer::start().await;
    let list = json!({"kind": "APIResourceList", "groupVersion": "keda.sh/v1alpha1", "resources": [
        {"name": "scaledobjects", "kind": "ScaledObject", "namespaced": true, "singularName": "", "verbs": []}]});
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(list))
        .mount(&server)
        .await;
    assert!(kubernetes(&server).serves(&kind).await.unwrap());
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(status(503, "Busy")).mount(&server).await;
    assert!(
        kubernetes(&server).serves(&kind).await.is_err(),
        "not knowing is not the same as not there"
    );
}

/// A client that hears what the server asks for, as the operator's own.
fn hearing(server: &MockServer) -> Kubernetes {
    let config = kube::Config::new(server.uri().parse().unwrap());
    Kubernetes::with_config(config, Arc::new(Metrics::default())).unwrap()
}

fn busy(seconds: &str) -> ResponseTemplate {
    // As the API server's flow control says it: no Status, but a line of text.
    ResponseTemplate::new(429)
        .set_body_string("Too many requests, please try again later.")
        .insert_header("retry-after", seconds)
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is_left_alone_for_as_long() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(busy("1")).mount(&server).await;
    let kubernetes = hearing(&server);
    let began = Instant::now();
    let error = kubernetes.get_deployment("shop", "api").await.unwrap_err();
    assert_eq!((error.code(), error.class()), (Some(429), Class::Transient));
    let error = kubernetes.get_deployment("shop", "api").await.unwrap_err();
    assert!(matches!(error, CallError::Paused { .. }) && !error.is_uncertain(), "{error}");
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    kubernetes.pause().over().await;
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    let error = kubernetes.get_deployment("shop", "api").await.unwrap_err();
    assert_eq!(error.code(), Some(429));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_lease_is_asked_for_though_the_server_asks_for_a_pause() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(busy("20")).mount(&server).await;
    let kubernetes = hearing(&server);
    kubernetes.get_deployment("shop", "api").await.unwrap_err();
    let regardless = kubernetes.clone().regardless();
    let error = regardless.get_deployment("shop", "api").await.unwrap_err();
    assert_eq!(error.code(), Some(429), "it was asked");
    assert!(kubernetes.pause().left().is_some(), "all others wait on");
}

#[tokio::test]
async fn a_disruption_budget_that_refuses_one_pod_stops_nothing_else() {
    let server = MockServer::start().await;
    Mock::given(path_regex("/eviction$")).respond_with(busy("10")).mount(&server).await;
    let kubernetes = hearing(&server);
    let error = kubernetes.evict(&Key::new("shop", "api-0"), "uid").await.unwrap_err();
    assert_eq!(error.code(), Some(429));
    assert_eq!(kubernetes.pause().left(), None);
}

#[tokio::test]
async fn what_the_server_refused_was_not_done_and_what_broke_may_have_been() {
    for (code, uncertain) in [(403, false), (409, false), (422, false), (429, false), (500, true)] {
        assert_eq!(reading(status(code, "AsTold")).await.is_uncertain(), uncertain, "{code}");
    }
    let late = ResponseTemplate::new(200).set_delay(DEADLINE * 10);
    assert!(reading(late).await.is_uncertain());
    let torn = ResponseTemplate::new(200).set_body_string("{");
    assert!(reading(torn).await.is_uncertain());
}

//! A Kubernetes API that is overloaded, broken or silent: every call ends in time, with the right class.

use crate::fixtures::{DEADLINE, kubernetes, status};
use apifleet_controller::error::Class;
use apifleet_controller::kubernetes::CallError;
use kube::core::GroupVersionKind;
use serde_json::json;
use std::time::Instant;
use wiremock::matchers::any;
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

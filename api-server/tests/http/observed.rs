//! What Prometheus and a log collector see.

use nix::sys::signal::Signal;

use super::client::{Client, get, value};
use super::server::Server;

/// What the requests of the first test leave behind.
const EXPECTED: [(&str, f64); 20] = [
    (
        r#"http_requests_total{method="GET",route="/v1/users/{id}/home",code="200",class="critical"}"#,
        4.0,
    ),
    (
        r#"http_requests_total{method="GET",route="/v1/users/{id}/home",code="400",class="critical"}"#,
        1.0,
    ),
    (
        r#"http_requests_total{method="GET",route="/v1/campaign",code="200",class="non-critical"}"#,
        1.0,
    ),
    (
        r#"http_requests_total{method="POST",route="/v1/users/{id}/claims",code="201",class="critical"}"#,
        1.0,
    ),
    (
        r#"http_requests_total{method="POST",route="/v1/users/{id}/claims",code="409",class="critical"}"#,
        1.0,
    ),
    (r#"http_requests_total{method="GET",route="unmatched",code="404",class="non-critical"}"#, 1.0),
    (r#"http_request_duration_seconds_bucket{le="0.2",route="/v1/campaign"}"#, 1.0),
    (r#"http_request_duration_seconds_count{route="/v1/users/{id}/home"}"#, 5.0),
    ("http_requests_in_flight", 0.0),
    ("http_concurrency_limit", 256.0),
    ("http_concurrency_in_use", 0.0),
    (r#"http_requests_shed_total{class="critical"}"#, 0.0),
    (r#"events_dropped_total{reason="full"}"#, 0.0),
    (r#"cache_requests_total{layer="memory",result="hit"}"#, 1.0),
    (r#"cache_requests_total{layer="memory",result="miss"}"#, 3.0),
    (r#"store_pool_size{pool="write"}"#, 1.0),
    (r#"store_pool_connections{pool="write",state="in_use"}"#, 0.0),
    (r#"store_pool_connections{pool="write",state="idle"}"#, 1.0),
    (r#"store_pool_exhausted_total{pool="write"}"#, 0.0),
    (r#"store_duration_seconds_count{operation="claim",result="ok"}"#, 2.0),
];

#[tokio::test]
async fn requests_are_counted_under_their_route_and_probes_are_not() {
    let server = Server::embedded(&[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    for user in 1..=3 {
        client.get(&format!("/v1/users/{user}/home")).await.unwrap();
    }
    client.get("/v1/users/1/home").await.unwrap();
    client.get("/v1/campaign").await.unwrap();
    client.claim(1, "k", 8).await.unwrap();
    client.claim(1, "l", 8).await.unwrap();
    for path in ["/livez", "/readyz", "/startupz", "/metrics", "/v1/users/abc/home", "/secret/1"] {
        client.get(path).await.unwrap();
    }
    let scrape = get(server.address, "/metrics").await;
    let media = scrape.header("content-type").unwrap();
    assert_eq!(media, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let metrics = scrape.text();
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    for (series, expected) in EXPECTED {
        assert_eq!(value(&metrics, series), Some(expected), "{series} in\n{metrics}");
    }
    for never in
        ["livez", "readyz", "/metrics", "probe", "secret", "/users/1", "abc", "total_total"]
    {
        assert!(!metrics.contains(never), "{never} in\n{metrics}");
    }
}

#[tokio::test]
async fn nobody_can_grow_the_metrics_by_inventing_paths_and_methods() {
    let server = Server::embedded(&[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    client.get("/0").await.unwrap();
    client.send(b"BREW /0 HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    client.answer().await.unwrap();
    let before = get(server.address, "/metrics").await.text().lines().count();
    for number in 1..=300 {
        client.get(&format!("/{number}")).await.unwrap();
        client.send(format!("M{number} /x HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes()).await.unwrap();
        assert_eq!(client.answer().await.unwrap().status, 404);
    }
    let after = get(server.address, "/metrics").await.text().lines().count();
    assert_eq!(before, after);
}

#[tokio::test]
async fn logs_are_json_on_standard_output_and_no_request_adds_a_line() {
    let mut server = Server::embedded(&[("DRAIN_DELAY_SECONDS", "0")]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    for _ in 0..50 {
        client.get("/v1/users/1/home").await.unwrap();
    }
    server.signal(Signal::SIGTERM);
    let (status, stderr) = server.ended().await;
    assert!(status.success());
    assert_eq!(stderr, "");
    let lines = server.logged();
    assert!(lines.len() <= 5, "{lines:?}");
    for line in &lines {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string() && line["timestamp"].is_string(), "{line}");
    }
}

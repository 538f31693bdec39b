//! Prometheus that refuses, stalls, lies or floods: a reading is then failed or empty, never a number, and never
//! late.

use crate::fixtures::api;
use apifleet_controller::caches::Key;
use apifleet_controller::metrics::Metrics;
use apifleet_controller::observe::prometheus::{BRIEFLY, LARGEST_ANSWER, Prometheus, QueryError};
use apifleet_controller::observe::signals::{Asked, observe_signals};
use apifleet_core::observation::{Reading, Readings};
use apifleet_crds::{ApiFleetSpec, FleetIntent};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wiremock::matchers::{any, body_string_contains, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const DEADLINE: Duration = Duration::from_millis(300);

fn client(url: &str) -> Prometheus {
    Prometheus::new(url, Arc::new(Metrics::default())).unwrap().with_deadline(DEADLINE)
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

fn vector(rows: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(
        json!({"status": "success", "data": {"resultType": "vector", "result": rows}}),
    )
}

fn row(labels: &Value, value: &str) -> Value {
    json!({"metric": labels, "value": [1.0, value]})
}

fn fleet(name: &str, signals: &Value) -> Asked {
    let spec = json!({"minReplicas": 1, "maxReplicas": 9, "signals": signals,
        "targets": {"onDemand": {"deploymentName": name}}});
    let spec: ApiFleetSpec = serde_json::from_value(spec).unwrap();
    Asked { fleet: Key::new("shop", name), source: FleetIntent::try_from(&spec).unwrap().source }
}

async fn read(server: &MockServer, asked: &[Asked]) -> HashMap<Key, Readings> {
    observe_signals(&client(&server.uri()), None, asked).await
}

async fn queries(server: &MockServer) -> Vec<String> {
    let decoded = |request: &Request| {
        let form: Vec<(String, String)> =
            reqwest::Url::parse(&format!("http://x/?{}", String::from_utf8_lossy(&request.body)))
                .unwrap()
                .query_pairs()
                .into_owned()
                .collect();
        form.into_iter().find(|(key, _)| key == "query").unwrap().1
    };
    server.received_requests().await.unwrap().iter().map(decoded).collect()
}

#[tokio::test]
async fn a_refused_connection_is_an_error_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn a_slow_answer_is_given_up_at_the_deadline() {
    let server = answering(vector(&[]).set_delay(DEADLINE * 10)).await;
    let started = Instant::now();
    let error = client(&server.uri()).query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::Deadline(_)), "{error}");
    assert!(started.elapsed() < DEADLINE * 3, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_at_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();
    let error = client(&url).query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::Deadline(_)), "{error}");
    assert!(started.elapsed() < DEADLINE * 3);
}

#[tokio::test]
async fn error_pages_and_refused_queries_are_told_apart() {
    let refused = json!({"status": "error", "errorType": "bad_data", "error": "parse error"});
    let server = answering(ResponseTemplate::new(400).set_body_json(refused)).await;
    let error = client(&server.uri()).query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::Refused { status: 400, .. }), "{error}");
    let server =
        answering(ResponseTemplate::new(502).set_body_string("<html>bad gateway</html>")).await;
    let error = client(&server.uri()).query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::Status(502)), "{error}");
}

#[tokio::test]
async fn a_truncated_answer_is_an_error() {
    let server =
        answering(ResponseTemplate::new(200).set_body_string(r#"{"status":"success","da"#)).await;
    let error = client(&server.uri()).query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::Malformed(_)), "{error}");
}

#[tokio::test]
async fn a_flood_is_refused() {
    let server =
        answering(ResponseTemplate::new(200).set_body_bytes(vec![b' '; LARGEST_ANSWER + 1])).await;
    let client = client(&server.uri()).with_deadline(Duration::from_secs(10));
    let error = client.query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::TooLarge), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = answering(vector(&[])).await;
    let redirect = ResponseTemplate::new(307).insert_header("Location", elsewhere.uri().as_str());
    let server = answering(redirect).await;
    let error = client(&server.uri()).query("up").await.unwrap_err();
    assert!(matches!(error, QueryError::Status(307)), "{error}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_address_with_a_password_does_not_show_up_in_errors() {
    let error = client("http://user:hunter2@127.0.0.1:1").query("up").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn recorded_series_are_read_in_eight_queries_for_all_fleets() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(|request: &Request| {
            let sampled = String::from_utf8_lossy(&request.body).contains("sampled");
            let value =
                if sampled { Timestamp::now().as_second().to_string() } else { "700".to_owned() };
            let row = |name: &str| row(&json!({"namespace": "shop", "fleet": name}), &value);
            vector(&[row("a"), row("b"), row("somebody-elses")])
        })
        .mount(&server)
        .await;
    let found = read(&server, &[fleet("a", &json!({})), fleet("b", &json!({"latency": {}}))]).await;
    assert_eq!(queries(&server).await.len(), 8);
    assert_eq!(found.len(), 2);
    for readings in found.values() {
        assert!(
            matches!(readings.request_rate, Reading::Value { value, .. } if (value - 700.0).abs() < 1e-9)
        );
    }
}

#[tokio::test]
async fn without_recorded_series_the_series_themselves_are_asked_in_batches() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(body_string_contains("apifleet_row"))
        .respond_with(|request: &Request| {
            let sampled = String::from_utf8_lossy(&request.body).contains("timestamp");
            let value =
                if sampled { Timestamp::now().as_second().to_string() } else { "700".to_owned() };
            vector(&[row(&json!({"apifleet_row": "0"}), &value)])
        })
        .mount(&server)
        .await;
    Mock::given(method("POST")).respond_with(vector(&[])).with_priority(9).mount(&server).await;
    let found = read(&server, &[fleet("a", &json!({})), fleet("b", &json!({}))]).await;
    assert!(matches!(found[&Key::new("shop", "a")].request_rate, Reading::Value { .. }));
    assert_eq!(found[&Key::new("shop", "b")].request_rate, Reading::Empty);
    // Six questions: neither fleet guards latency or errors.
    let batched =
        queries(&server).await.iter().filter(|query| query.contains("apifleet_row")).count();
    assert_eq!(batched, 6);
}

#[tokio::test]
async fn when_scraping_stops_no_fleet_is_asked_about_a_second_time() {
    let server =
        answering(vector(&[row(&json!({"namespace": "shop", "fleet": "a"}), "1000")])).await;
    let found = read(&server, &[fleet("a", &json!({}))]).await;
    assert_eq!(queries(&server).await.len(), 8);
    let sampled_at = Timestamp::from_second(1000).unwrap();
    let rate = found[&Key::new("shop", "a")].request_rate;
    assert_eq!(rate, Reading::Value { value: 1000.0, sampled_at }, "old, and said to be");
}

#[tokio::test]
async fn a_prometheus_that_is_overloaded_is_asked_once_and_not_for_each_fleet() {
    for code in [429, 500, 503] {
        let busy = json!({"status": "error", "errorType": "unavailable", "error": "too busy"});
        let server = answering(ResponseTemplate::new(code).set_body_json(busy)).await;
        let window = json!({"windowSeconds": 30});
        let asked: Vec<Asked> = (0..50).map(|n| fleet(&format!("fleet-{n}"), &window)).collect();
        let found = read(&server, &asked).await;
        // Six questions: these fleets guard neither latency nor errors.
        assert_eq!(queries(&server).await.len(), 6, "{code}");
        assert!(found.values().all(|readings| readings.request_rate == Reading::Failed));
    }
}

#[tokio::test]
async fn other_windows_are_never_answered_from_recorded_series() {
    let server = answering(vector(&[])).await;
    read(&server, &[fleet("a", &json!({"windowSeconds": 120, "staleAfterSeconds": 120}))]).await;
    let queries = queries(&server).await;
    assert!(queries.iter().all(|query| query.contains("apifleet_row")), "{queries:?}");
    assert!(queries.iter().any(|query| query.contains("[120s]")));
}

#[tokio::test]
async fn one_fleet_that_spoils_a_batch_is_found_and_left_alone() {
    let server = MockServer::start().await;
    let refused = json!({"status": "error", "errorType": "execution", "error": "too many samples"});
    Mock::given(body_string_contains("poison"))
        .respond_with(ResponseTemplate::new(422).set_body_json(refused))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(|request: &Request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let value = if body.contains("timestamp") {
                Timestamp::now().as_second().to_string()
            } else {
                "1".to_owned()
            };
            let rows = body.matches("label_replace").count();
            let rows: Vec<Value> =
                (0..rows).map(|n| row(&json!({"apifleet_row": n.to_string()}), &value)).collect();
            vector(&rows)
        })
        .mount(&server)
        .await;
    let window = json!({"windowSeconds": 30});
    let asked: Vec<Asked> =
        ["a", "b", "poison", "d", "e"].iter().map(|name| fleet(name, &window)).collect();
    let found = read(&server, &asked).await;
    for (key, readings) in &found {
        if &*key.name == "poison" {
            assert_eq!(readings.request_rate, Reading::Failed);
        } else {
            assert!(matches!(readings.request_rate, Reading::Value { .. }), "{key}");
        }
    }
}

#[tokio::test]
async fn answers_without_meaning_reach_the_core_as_they_are() {
    for (value, rows, expected) in [("NaN", 1, "value"), ("1", 2, "several"), ("-3", 1, "value")] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(move |request: &Request| {
                let labels = json!({"namespace": "shop", "fleet": "api"});
                if String::from_utf8_lossy(&request.body).contains("sampled") {
                    return vector(&[row(&labels, &Timestamp::now().as_second().to_string())]);
                }
                vector(&vec![row(&labels, value); rows])
            })
            .mount(&server)
            .await;
        let reading = read(&server, &[fleet("api", &json!({}))]).await[&api()].request_rate;
        match expected {
            "several" => assert_eq!(reading, Reading::Several),
            _ => assert!(matches!(reading, Reading::Value { .. }), "{value}: {reading:?}"),
        }
    }
}

#[tokio::test]
async fn a_dead_prometheus_fails_every_reading_within_the_deadline_of_one_query() {
    let server = answering(vector(&[]).set_delay(DEADLINE * 20)).await;
    let asked: Vec<Asked> = (0..200).map(|n| fleet(&format!("fleet-{n}"), &json!({}))).collect();
    let started = Instant::now();
    let found = read(&server, &asked).await;
    assert!(started.elapsed() < DEADLINE * 4, "{:?}", started.elapsed());
    assert_eq!(found.len(), 200);
    assert!(found.values().all(|readings| readings.request_rate == Reading::Failed));
}

#[tokio::test]
async fn for_a_few_fleets_no_others_are_read() {
    for (fleets, by_name) in [(2, true), (251, false)] {
        let server = answering(vector(&[])).await;
        let asked: Vec<Asked> =
            (0..fleets).map(|n| fleet(&format!("fleet-{n}"), &json!({}))).collect();
        read(&server, &asked).await;
        let queries = queries(&server).await;
        let recorded = queries.iter().filter(|query| query.contains("(apifleet:"));
        let named: Vec<bool> =
            recorded.map(|query| query.contains(r#"{fleet=~"fleet-0|fleet-1"}"#)).collect();
        assert_eq!(named, [by_name; 8], "{fleets}");
    }
}

#[tokio::test]
async fn a_prometheus_that_says_nothing_is_waited_for_only_briefly_until_it_answers() {
    let server = answering(vector(&[]).set_delay(DEADLINE * 40)).await;
    let client = client(&server.uri()).with_deadline(BRIEFLY * 4);
    let asked = [fleet("a", &json!({}))];
    let read = async || {
        let started = Instant::now();
        let found = observe_signals(&client, None, &asked).await;
        (found[&Key::new("shop", "a")].request_rate, started.elapsed())
    };
    let (rate, took) = read().await;
    assert!(rate == Reading::Failed && took >= BRIEFLY * 4, "{rate:?} after {took:?}");
    let (rate, took) = read().await;
    assert!(rate == Reading::Failed && took < BRIEFLY * 3, "{rate:?} after {took:?}");
    // Then it answers, and takes longer for it than it is waited for.
    server.reset().await;
    let rows = vector(&[row(&json!({"namespace": "shop", "fleet": "a"}), "1000")]);
    Mock::given(any()).respond_with(rows.set_delay(BRIEFLY * 2)).mount(&server).await;
    let answered = async { while read().await.0 == Reading::Failed {} };
    tokio::time::timeout(Duration::from_secs(10), answered).await.expect("it stays unheard");
}

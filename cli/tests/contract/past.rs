//! `explain --at`: what was decided at an instant of the past, reported or replayed.

use crate::fixture::{clock, fleet, plain};
use crate::program::{Home, Ran, finish};
use crate::server::{in_shop, knowing_more, knowing_these};
use apifleet_cli::explain::past::{Recorded, Then, reports};
use apifleet_crds::ApiFleet;
use apifleet_crds::spec::Mode;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// What Prometheus is asked for.
const QUERY: &str = "apifleet:requests:rate1m{namespace=\"shop\",fleet=\"shop-api\"}";
/// Fourteen replicas carry it at 50 each.
const RATE: f64 = 675.0;
/// The first line of a replay, up to the instant.
const REPLAYED: &str =
    "replayed from Prometheus: what the fleet's present manifest would have decided at ";

/// So many minutes ago, to the second.
fn ago(now: Timestamp, minutes: i64) -> Timestamp {
    let second = now.as_second() - minutes * 60;
    Timestamp::from_second(second).unwrap()
}

/// The fleet of the peak as if it were now: decided last three minutes ago, 30 replicas, and 20 since fifty minutes
/// ago; without the schedule, which is one of December.
fn recent(now: Timestamp) -> ApiFleet {
    let mut fleet = fleet("peak");
    fleet.spec.schedules = None;
    let status = fleet.status.as_mut().unwrap();
    let at = |minutes| Time(ago(now, minutes));
    status.last_decision.as_mut().unwrap().time = at(3);
    status.recent_decisions[0].time = at(3);
    status.recent_decisions[1].time = at(50);
    fleet
}

/// An answer with so many requests a second, a sample a minute.
fn matrix(samples: impl Iterator<Item = i64>) -> Value {
    let values: Vec<Value> = samples.map(|at| json!([at, RATE.to_string()])).collect();
    let series = json!({"metric": {"fleet": "shop-api"}, "values": values});
    let result = if values.is_empty() { json!([]) } else { json!([series]) };
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
}

/// A Prometheus that has samples of these instants.
async fn seeing(has: impl Fn(i64) -> bool + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    let answer = move |request: &Request| {
        let (start, end) = asked(request);
        let samples = (start..=end).step_by(60).filter(|at| has(*at));
        ResponseTemplate::new(200).set_body_json(matrix(samples))
    };
    Mock::given(method("GET"))
        .and(path("/api/v1/query_range"))
        .and(query_param("query", QUERY))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

/// From when on, and until when.
fn asked(request: &Request) -> (i64, i64) {
    let second = |name: &str| {
        let (_, value) = request.url.query_pairs().find(|(key, _)| key == name).unwrap();
        value.parse::<i64>().unwrap()
    };
    (second("start"), second("end"))
}

/// The program about an instant, with the fleet of now and this Prometheus.
async fn explain(now: Timestamp, prometheus: &MockServer, more: &[&str]) -> Ran {
    let server = knowing_these(&[recent(now)]).await;
    let url = prometheus.uri();
    let fixed = ["explain", "shop-api", "--prometheus-url", &url];
    Home::of(&server.uri()).run(&[&fixed[..], more].concat()).await
}

fn document(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["kind"], "FleetExplanation");
    document
}

#[test]
fn the_status_remembers_the_last_decision_and_the_sizes_before() {
    let mut peak = fleet("peak");
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert!(reports(&peak, at("2026-12-08T07:00:15Z")), "from its second on");
    assert!(!reports(&peak, at("2026-12-08T07:00:14Z")));
    assert!(!reports(&fleet("silent"), at("2026-12-08T07:00:15Z")));
    let known = |fleet: &ApiFleet, text: &str| {
        let recorded = Recorded::at(fleet, at(text))?;
        Some((recorded.replicas, recorded.change.map(|change| change.reason)))
    };
    let reason = |reason: &str| Some(reason.to_owned());
    assert_eq!(known(&peak, "2026-12-08T07:00:15Z"), Some((30, reason("AtMax"))));
    assert_eq!(known(&peak, "2026-12-08T06:59:00Z"), Some((20, reason("PreWarm"))));
    assert_eq!(known(&peak, "2026-12-08T06:00:00Z"), Some((18, None)));
    assert_eq!(known(&fleet("silent"), "2026-12-08T06:00:00Z"), None);
    peak.spec.mode = Mode::Observe;
    assert_eq!(known(&peak, "2026-12-08T06:59:00Z"), Some((18, reason("PreWarm"))));
    peak.status.as_mut().unwrap().recent_decisions.clear();
    assert_eq!(known(&peak, "2026-12-08T06:59:00Z"), Some((20, None)), "it was never changed");
}

#[test]
fn what_is_made_again_says_what_it_is_worth() {
    let clock = clock("Europe/Paris");
    let fleet = fleet("peak");
    let at: Timestamp = "2026-12-08T06:58:00Z".parse().unwrap();
    let then = Then::new(&fleet, Vec::new(), at, &clock).unwrap();
    assert_eq!(at.duration_since(then.start()), SignedDuration::from_hours(1));
    let samples = (then.start().as_second()..=at.as_second()).step_by(60);
    let rebuilt = then.replay(QUERY, &matrix(samples).to_string()).unwrap();
    // The schedule opens at 07:00, five minutes after its floor is asked for.
    assert_eq!((rebuilt.began_with, rebuilt.explanation.desired), (Some(18), 20));
    insta::assert_snapshot!("explain_replayed", plain(&rebuilt.render(&clock, Some(120))));
}

#[test]
fn three_long_windows_are_more_than_an_hour() {
    let clock = clock("UTC");
    let mut fleet = fleet("peak");
    fleet.spec.behavior =
        serde_json::from_value(json!({"scaleDown": {"stabilizationWindowSeconds": 1800}})).unwrap();
    let then = Then::new(&fleet, Vec::new(), clock.now, &clock).unwrap();
    assert_eq!(clock.now.duration_since(then.start()), SignedDuration::from_mins(90));
}

#[tokio::test]
async fn the_last_decision_is_shown_as_it_was_reported() {
    let now = Timestamp::now();
    let prometheus = seeing(|_| true).await;
    let decided = ago(now, 3).to_string();
    // When it was decided is another instant in every run.
    let is_settled = |line: &&str| !line.starts_with("decided ");
    let mut texts = Vec::new();
    for at in ["1m", &decided] {
        let ran = explain(now, &prometheus, &["--at", at]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.starts_with("shop/shop-api: 20 -> 30 replicas, AtMax"), "{}", ran.out);
        assert!(ran.out.contains("12 on demand, 18 on spot"), "{}", ran.out);
        texts.push(ran.out.lines().filter(is_settled).collect::<Vec<_>>().join("\n"));
        assert!(ran.err.contains("docs/runbooks/AtMax.md"), "{}", ran.err);
        let ran = explain(now, &prometheus, &["--at", at, "-o", "json"]).await;
        assert_eq!(document(&ran)["replayed"], false);
    }
    assert_eq!(texts[0], texts[1]);
    insta::assert_snapshot!("explain_reported", texts[0]);
    assert!(prometheus.received_requests().await.unwrap().is_empty(), "nobody has to be asked");
}

#[tokio::test]
async fn an_older_decision_is_replayed_from_prometheus() {
    let now = Timestamp::now();
    let prometheus = seeing(|_| true).await;
    let ran = explain(now, &prometheus, &["--at", "30m"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let first = ran.out.lines().next().unwrap();
    assert!(first.starts_with(REPLAYED), "{first}");
    assert!(first.ends_with("; latency, errors and spot are not replayed"), "{first}");
    assert!(ran.out.contains("! on record it had 20 replicas since "), "{}", ran.out);
    assert!(ran.out.contains(", with 18 replicas; "), "{}", ran.out);
    assert!(ran.err.contains("docs/runbooks/"), "{}", ran.err);
    let requests = prometheus.received_requests().await.unwrap();
    let (start, end) = asked(&requests[0]);
    assert_eq!((requests.len(), end - start), (1, 3600));
    assert!((end - ago(now, 30).as_second()).abs() < 30, "until the instant: {end}");
}

#[tokio::test]
async fn a_document_tells_what_is_replayed_from_what_is_reported() {
    let now = Timestamp::now();
    let prometheus = seeing(|_| true).await;
    let at = ago(now, 30).to_string();
    let document = document(&explain(now, &prometheus, &["--at", &at, "-o", "json"]).await);
    assert_eq!((&document["replayed"], &document["askedAt"]), (&json!(true), &json!(at)));
    assert_eq!(
        (&document["beganWith"], &document["recorded"]["replicas"]),
        (&18.into(), &20.into())
    );
    assert_eq!(document["recorded"]["change"]["reason"], "PreWarm");
    let desired = document["desired"].as_i64().unwrap();
    assert!((13..=15).contains(&desired), "675 requests/s at 50 each: {document:#}");
    let stages = document["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 7, "all but the split: {document:#}");
    let decided: Timestamp = document["at"].as_str().unwrap().parse().unwrap();
    let before = ago(now, 30).duration_since(decided);
    assert!(!before.is_negative() && before < SignedDuration::from_secs(10), "{document:#}");
}

#[tokio::test]
async fn what_was_ordered_then_counts() {
    let now = Timestamp::now();
    let server = knowing_these(&[recent(now)]).await;
    let (from, until) = (ago(now, 60).to_string(), ago(now, 20).to_string());
    let order = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": "floor-25-x7k2p", "namespace": "shop", "creationTimestamp": from},
        "spec": {"fleetRef": {"name": "shop-api"}, "action": "Floor", "replicas": 25, "notBefore": from,
            "expiresAt": until, "reason": "INC-412 checkout slow", "requestedBy": "alice"},
    });
    let list = json!({"kind": "FleetOverrideList", "apiVersion": "apifleet.dev/v1alpha1", "metadata": {},
        "items": [order]});
    knowing_more(&server, &in_shop("fleetoverrides"), 200, list).await;
    let prometheus = seeing(|_| true).await;
    let url = prometheus.uri();
    let typed = ["explain", "shop-api", "--at", "30m", "--prometheus-url", &url, "-o", "json"];
    let document = document(&Home::of(&server.uri()).run(&typed).await);
    assert_eq!((&document["desired"], &document["reason"]), (&25.into(), &json!("OverrideFloor")));
}

#[tokio::test]
async fn what_is_yet_to_come_asks_nobody() {
    let now = Timestamp::now();
    let prometheus = seeing(|_| true).await;
    let server = knowing_these(&[recent(now)]).await;
    let url = prometheus.uri();
    let future = ["explain", "shop-api", "--prometheus-url", &url, "--at", "2999-01-01T00:00:00Z"];
    let ran = Home::of(&server.uri()).run(&future).await;
    assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (2, "", 1), "{ran:?}");
    assert!(ran.err.contains("is yet to come") && ran.err.contains("calendar"), "{}", ran.err);
    for server in [server, prometheus] {
        assert!(server.received_requests().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_prometheus_does_not_have_is_one_clear_line() {
    let now = Timestamp::now();
    let end = ago(now, 45).as_second();
    for (prometheus, words) in [
        (seeing(|_| false).await, "it keeps nothing that old"),
        (seeing(move |at| at <= end).await, "what it has ends at"),
        (seeing(move |at| at < end || at > end + 300).await, "seconds after the sample before"),
        (MockServer::start().await, "status 404"),
    ] {
        let ran = explain(now, &prometheus, &["--at", "30m"]).await;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (1, "", 1), "{ran:?}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
        assert!(ran.err.contains("--prometheus-url"), "{words}: {}", ran.err);
    }
}

#[tokio::test]
async fn a_prometheus_that_began_late_is_replayed_from_then_on_and_this_is_said() {
    let now = Timestamp::now();
    let begin = ago(now, 48).as_second();
    let prometheus = seeing(move |at| at >= begin).await;
    let document = document(&explain(now, &prometheus, &["--at", "30m", "-o", "json"]).await);
    assert_eq!(document["beganWith"], 20, "the size when it began: {document:#}");
    let notices = document["notices"].to_string();
    assert!(notices.contains("on only: what was before is left out"), "{notices}");
}

#[tokio::test]
async fn without_a_prometheus_an_older_decision_has_a_next_step() {
    let now = Timestamp::now();
    let server = knowing_these(&[recent(now)]).await;
    let ran = Home::of(&server.uri()).run(&["explain", "shop-api", "--at", "30m"]).await;
    assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (2, "", 1), "{ran:?}");
    for words in [
        "its status holds the last one alone, of ",
        "on record it had 20 replicas since ",
        "--prometheus-url URL",
        "apifleet history shop-api -n shop",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

#[tokio::test]
async fn an_address_in_the_environment_is_used_and_changes_nothing_else() {
    let now = Timestamp::now();
    let server = knowing_these(&[recent(now)]).await;
    let home = Home::of(&server.uri());
    let prometheus = seeing(|_| true).await;
    let with = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("PROMETHEUS_URL", prometheus.uri());
        finish(command)
    };
    let replayed = with(&["explain", "shop-api", "--at", "30m"]).await;
    assert!(replayed.code == 0 && replayed.out.starts_with(REPLAYED), "{replayed:?}");
    for arguments in [&["explain", "shop-api"][..], &["explain", "shop-api", "--effective"]] {
        assert_eq!(with(arguments).await.code, 0, "{arguments:?}");
    }
}

#[tokio::test]
async fn what_is_typed_wrong_says_so() {
    let home = Home::of("http://127.0.0.1:1");
    for (more, words) in [
        (&["--at", "soon"][..], "08:03"),
        (&["--at", "15"], "15m"),
        (&["--at"], "--at <TIME>"),
        (&["--at", "15m", "--effective"], "--effective"),
        (&["--at", "15m", "--why-not", "25"], "--why-not"),
        (&["--at", "15m", "--what-if", "rps=1"], "--what-if"),
        (&["--at", "15m", "--prometheus-url", "localhost:9090"], "http://localhost:9090"),
        (&["--at", "15m", "-o", "name"], "another -o"),
        (&["--at", "15m", "-A"], "-n"),
    ] {
        let ran = home.run(&[&["explain", "shop-api"], more].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{more:?}: {ran:?}");
        assert!(ran.err.contains(words), "{more:?}: {}", ran.err);
    }
}

//! What somebody orders for a while: in force at once, told, and over by itself, also over a restart; and how long its
//! record is kept.

use crate::fixtures::{ON_DEMAND, World, deployment, kubernetes, list, order, pod, status};
use apifleet_controller::caches::Fact as _;
use apifleet_controller::cluster::Cluster;
use apifleet_controller::facts::OrderFact;
use apifleet_controller::lease::Leadership;
use apifleet_controller::records::remove_old;
use apifleet_controller::report::retry::Retry;
use apifleet_controller::state::FleetState;
use futures::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A calm fleet of ten that has been taken over. Boxed: it is large.
fn calm() -> LocalBoxFuture<'static, World> {
    Box::pin(async {
        let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
        world.demand = Some(300.0);
        ready(&world, 10).await;
        world.take_writes().await;
        world.reconcile().await.unwrap();
        assert_eq!(world.scaled().await, []);
        world
    })
}

async fn ready(world: &World, count: i32) {
    let pods: Vec<Value> = (0..count).map(|n| pod("api", &format!("api-{n}"), "base")).collect();
    world.pods(&pods).await;
}

/// The fleet has this size, and so many pods.
async fn has(world: &World, replicas: i32) {
    let api = deployment("api", Some(replicas), "1000");
    Mock::given(method("GET"))
        .and(path_regex("/deployments/api$"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&api))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.cache(&[api]).await;
    ready(world, replicas).await;
}

fn pin(name: &str, replicas: i32, from: i64, to: i64) -> Value {
    let mut pin = order(name, "Pin", from, to);
    pin["spec"]["replicas"] = json!(replicas);
    pin
}

async fn reasons(world: &World) -> Vec<String> {
    world.events().await.into_iter().map(|(reason, _)| reason).collect()
}

#[tokio::test]
async fn an_order_is_measured_while_it_counts() {
    let series = [
        r#"apifleet_fleet_override_begin_timestamp_seconds{namespace="shop",fleet="api",action="Pin"} "#,
        r#"apifleet_fleet_override_end_timestamp_seconds{namespace="shop",fleet="api",action="Pin"} "#,
        r#"apifleet_fleet_limit{namespace="shop",fleet="api",reason="Pinned"} 1"#,
    ];
    let mut world = calm().await;
    world.orders(&[pin("inc-412", 14, -1, 3600)]).await;
    world.reconcile().await.unwrap();
    let metrics = world.context.metrics.encode().unwrap();
    let always = [
        r#"apifleet_fleet_size_replicas{namespace="shop",fleet="api"} 14"#,
        r#"apifleet_fleet_mode{namespace="shop",fleet="api",mode="Enforce"} 1"#,
        "apifleet_decision_to_write_seconds_count 1",
    ];
    for series in series.iter().chain(&always) {
        assert!(metrics.contains(series), "{series} is missing in\n{metrics}");
    }
    has(&world, 14).await;
    world.orders(&[]).await;
    world.reconcile().await.unwrap();
    let metrics = world.context.metrics.encode().unwrap();
    for series in series {
        assert!(!metrics.contains(series), "{series} is still in\n{metrics}");
    }
}

#[tokio::test]
async fn a_pin_is_carried_out_at_once_told_with_its_author_and_leaves_no_cliff() {
    let mut world = calm().await;
    assert_eq!(world.condition("Overridden").await.0, "False");
    world.orders(&[pin("inc-412", 14, -1, 3600)]).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 14)]);
    let status = world.status().await;
    let told = &status["activeOverrides"][0];
    assert_eq!((&told["name"], &told["requestedBy"]), (&json!("inc-412"), &json!("alice")));
    assert!(told["summary"].as_str().unwrap().starts_with("Pin 14 until "), "{told}");
    assert_eq!(world.condition("Overridden").await.0, "True");
    let events = world.events().await;
    let started = events.iter().find(|(reason, _)| reason == "OverrideStarted").unwrap();
    assert!(started.1.contains("by alice: a test"), "{started:?}");

    has(&world, 14).await;
    world.orders(&[]).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.status().await["activeOverrides"], Value::Null);
    assert_eq!(world.condition("Overridden").await.0, "False");
    assert!(reasons(&world).await.contains(&"OverrideEnded".to_owned()));
    assert_eq!(world.scaled().await.len(), 1, "a whole window of the larger size comes first");
}

#[tokio::test]
async fn an_override_that_is_to_come_wakes_the_fleet_when_it_begins() {
    let mut world = calm().await;
    let coming = pin("drill", 12, 60, 3600);
    let begins: Timestamp = coming["spec"]["notBefore"].as_str().unwrap().parse().unwrap();
    world.orders(&[coming]).await;
    let pace = world.reconcile().await.unwrap();
    assert_eq!(pace.at, Some(begins));
    assert_eq!(world.scaled().await, [], "not before its time");
    world.reconcile_at(begins).await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 12)]);
}

#[tokio::test]
async fn an_override_that_ended_while_nobody_looked_is_over_and_leaves_no_cliff() {
    let mut world = calm().await;
    world.orders(&[pin("inc-412", 14, -1, 60)]).await;
    world.reconcile().await.unwrap();
    let stored = world.status().await;
    has(&world, 14).await;
    world.state =
        FleetState::resumed("fleet-uid".to_owned(), serde_json::from_value(stored).unwrap());
    let later = Timestamp::now() + SignedDuration::from_mins(3);
    world.reconcile_at(later).await.unwrap();
    assert_eq!(world.condition("Overridden").await.0, "False");
    assert!(reasons(&world).await.contains(&"OverrideEnded".to_owned()));
    assert_eq!(world.scaled().await.len(), 1, "only the pin itself");
}

#[tokio::test]
async fn an_override_that_gives_way_says_to_which() {
    let mut world = calm().await;
    let mut floor = order("keep-up", "Floor", -60, 3600);
    floor["spec"]["replicas"] = json!(20);
    world.orders(&[floor, pin("inc-412", 14, -1, 3600)]).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 14)]);
    let status = world.status().await;
    assert_eq!(status["activeOverrides"][0]["name"], "inc-412");
    assert_eq!(status["activeOverrides"][1]["supersededBy"], "inc-412");
    let events = world.events().await;
    let superseded = events.iter().find(|(reason, _)| reason == "Superseded").unwrap();
    assert!(superseded.1.contains("keep-up") && superseded.1.contains("gives way to inc-412"));
}

#[tokio::test]
async fn each_override_is_told_once_whether_it_counts_and_that_it_is_over() {
    let told = |name: &str, status: &str, reason: &str| {
        (name.to_owned(), status.to_owned(), reason.to_owned())
    };
    let mut world = calm().await;
    let mut floor = order("keep-up", "Floor", -60, 3600);
    floor["spec"]["replicas"] = json!(20);
    let mut orders = vec![floor, pin("inc-412", 14, -1, 60), order("later", "Hold", 7200, 7300)];
    world.orders(&orders).await;
    for _ in 0..3 {
        world.reconcile().await.unwrap();
        has(&world, 14).await;
    }
    let mut first = world.told().await;
    first.sort();
    let expected = [told("inc-412", "True", "Pinned"), told("keep-up", "False", "Superseded")];
    assert_eq!(first, expected, "the one that is to come is told nothing");

    // Another copy takes over; the cache shows what was told.
    orders[1]["status"] = json!({"conditions": [{"type": "InForce", "status": "True", "reason": "Pinned",
        "message": "as told", "lastTransitionTime": "2026-12-10T10:05:00Z"}]});
    world.orders(&orders).await;
    let stored = serde_json::from_value(world.status().await).unwrap();
    world.state = FleetState::resumed("fleet-uid".to_owned(), stored);
    world.reconcile().await.unwrap();
    let again = world.told().await;
    assert_eq!(again[2..], [told("keep-up", "False", "Superseded")], "what nothing shows is told");
    let later = Timestamp::now() + SignedDuration::from_mins(2);
    world.reconcile_at(later).await.unwrap();
    let mut over = world.told().await.split_off(3);
    over.sort();
    let expected =
        [told("inc-412", "False", "OverrideEnded"), told("keep-up", "True", "OverrideFloor")];
    assert_eq!(over, expected);
}

#[tokio::test]
async fn an_override_that_cannot_be_told_waits_and_keeps_nothing_from_the_others() {
    let mut world = calm().await;
    Mock::given(method("PATCH"))
        .and(path_regex("/fleetoverrides/inc-412/status$"))
        .respond_with(status(403, "Forbidden"))
        .with_priority(1)
        .mount(&world.server)
        .await;
    let mut floor = order("keep-up", "Floor", -60, 3600);
    floor["spec"]["replicas"] = json!(20);
    world.orders(&[floor, pin("inc-412", 14, -1, 3600)]).await;
    for _ in 0..3 {
        world.reconcile().await.unwrap();
        has(&world, 14).await;
    }
    let names = |told: Vec<(String, String, String)>| {
        let mut names: Vec<String> = told.into_iter().map(|(name, _, _)| name).collect();
        names.sort();
        names
    };
    assert_eq!(names(world.told().await), ["inc-412", "keep-up"], "not with every decision");
    world.state.tell_retry = Retry::default();
    world.reconcile().await.unwrap();
    assert_eq!(names(world.told().await), ["inc-412", "inc-412", "keep-up"]);
}

#[tokio::test]
async fn an_override_of_another_fleet_changes_nothing() {
    let mut world = calm().await;
    let mut other = pin("inc-412", 14, -1, 3600);
    other["spec"]["fleetRef"]["name"] = json!("another");
    world.orders(&[other]).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, []);
}

#[tokio::test]
async fn nothing_is_decided_before_overrides_policies_and_what_keda_scales_are_known() {
    let cluster = Cluster::new(&Arc::new(Notify::new()));
    list(&cluster.fleets, Vec::new()).await;
    list(&cluster.deployments, Vec::new()).await;
    list(&cluster.pods, Vec::new()).await;
    list(&cluster.hpas, Vec::new()).await;
    assert!(!cluster.is_filled());
    list(&cluster.policies, Vec::new()).await;
    assert!(!cluster.is_filled(), "an order to hold may stand");
    list(&cluster.orders, Vec::new()).await;
    assert!(!cluster.is_filled(), "a target may be another's");
    list(&cluster.scaled_objects, Vec::new()).await;
    assert!(cluster.is_filled());
}

/// An API server that takes deletions, and a cluster with these overrides.
async fn recorded(orders: &[Value]) -> (MockServer, Cluster) {
    let server = MockServer::start().await;
    let success =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    Mock::given(method("DELETE"))
        .and(path_regex("^/apis/apifleet.dev/v1alpha1/namespaces/shop/fleetoverrides/"))
        .respond_with(ResponseTemplate::new(200).set_body_json(success))
        .mount(&server)
        .await;
    let cluster = Cluster::new(&Arc::new(Notify::new()));
    let objects = orders.iter().map(|order| serde_json::from_value(order.clone()).unwrap());
    list(&cluster.orders, objects.collect()).await;
    (server, cluster)
}

/// Ended so many days and seconds ago.
fn ended(name: &str, days: i64, seconds: i64) -> Value {
    let ago = days * 86_400 + seconds;
    order(name, "Hold", -ago - 3600, -ago)
}

#[tokio::test]
async fn the_record_of_an_override_is_removed_seven_days_after_its_end() {
    let orders = [ended("old", 7, 1), ended("young", 6, 86_000), order("due", "Hold", -1, 3600)];
    let (server, cluster) = recorded(&orders).await;
    let kubernetes = kubernetes(&server);
    remove_old(&kubernetes, &Leadership::fixed(false), &cluster, Timestamp::now()).await;
    assert!(server.received_requests().await.unwrap().is_empty(), "only the copy that leads");
    remove_old(&kubernetes, &Leadership::fixed(true), &cluster, Timestamp::now()).await;
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].url.path().ends_with("/fleetoverrides/old"), "{}", asked[0].url);
    let body: Value = asked[0].body_json().unwrap();
    let seen = json!({"uid": "old-uid", "resourceVersion": "7"});
    assert_eq!(body["preconditions"], seen, "one that was prolonged meanwhile stays");
}

#[tokio::test]
async fn records_are_removed_a_few_at_a_time_the_oldest_first() {
    let orders: Vec<Value> = (0..25).map(|n| ended(&format!("old-{n}"), 8, n)).collect();
    let (server, cluster) = recorded(&orders).await;
    let now = Timestamp::now();
    remove_old(&kubernetes(&server), &Leadership::fixed(true), &cluster, now).await;
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 20);
    assert!(asked[0].url.path().ends_with("/old-24"), "{}", asked[0].url);
}

#[tokio::test]
async fn a_record_that_cannot_be_removed_holds_the_others_back_only_where_they_would_fail_too() {
    for (code, reason, asked) in [(403, "Forbidden", 2), (503, "ServiceUnavailable", 1)] {
        let (server, cluster) = recorded(&[ended("old", 8, 1), ended("older", 8, 2)]).await;
        Mock::given(method("DELETE"))
            .and(path_regex("/fleetoverrides/older$"))
            .respond_with(status(code, reason))
            .with_priority(1)
            .mount(&server)
            .await;
        let now = Timestamp::now();
        remove_old(&kubernetes(&server), &Leadership::fixed(true), &cluster, now).await;
        assert_eq!(server.received_requests().await.unwrap().len(), asked, "{reason}");
    }
}

#[test]
fn the_order_of_a_manifest_is_kept_with_its_version() {
    let object = serde_json::from_value(pin("inc-412", 14, 0, 60)).unwrap();
    let (_, fact) = OrderFact::of(&object).unwrap();
    assert_eq!((fact.uid.as_str(), fact.resource_version.as_str()), ("inc-412-uid", "7"));
}

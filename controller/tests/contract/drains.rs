//! Spot nodes that are being taken away, against a Kubernetes API: cover first, then the taint, then the pods; and
//! what a failure on the way never does.

use crate::fixtures::{DEADLINE, WITH_SPOT, World, deployment, node, notice, pod, status};
use apifleet_controller::error::Class;
use apifleet_controller::facts::interruption::OURS;
use apifleet_controller::lease::Leadership;
use apifleet_controller::state::FleetState;
use futures::future::LocalBoxFuture;
use futures::stream;
use jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, ResponseTemplate};

/// Five on demand, five on two spot nodes of different pools; nothing is wrong yet.
async fn calm() -> World {
    calm_as(WITH_SPOT).await
}

/// Boxed: it is large.
fn calm_as(manifest: &str) -> LocalBoxFuture<'_, World> {
    Box::pin(async move {
        let mut world = World::new(
            manifest,
            &[deployment("api", Some(5), "7"), deployment("api-spot", Some(5), "7")],
        )
        .await;
        world.demand = Some(300.0);
        world.nodes(&[node("spot-1", &[]), node("spot-2", &[])]).await;
        world.pods(&pods(5, &[("spot-1", 2), ("spot-2", 3)])).await;
        world.take_writes().await;
        world.take_drains().await;
        world.reconcile().await.unwrap();
        assert_eq!(world.scaled().await, [], "nothing is to be done");
        world
    })
}

/// So many on demand, and so many on each spot node.
fn pods(on_demand: usize, spot: &[(&str, usize)]) -> Vec<Value> {
    let base = (0..on_demand).map(|n| pod("api", &format!("base-{n}"), "base"));
    let spot = spot.iter().flat_map(|(node, count)| {
        (0..*count).map(move |n| pod("api-spot", &format!("{node}-{n}"), node))
    });
    base.chain(spot).collect()
}

fn unready(mut pod: Value) -> Value {
    pod["status"]["conditions"][1]["status"] = json!("False");
    pod
}

/// `spot-1` was announced to go and has not answered since then.
fn dead(since: Timestamp) -> Value {
    let mut node = node("spot-1", &[notice()]);
    node["status"]["conditions"][0] =
        json!({"type": "Ready", "status": "Unknown", "lastTransitionTime": since});
    node
}

/// The API server answers a call of this kind so, whatever else it was told.
async fn answer(world: &World, verb: &str, pattern: &str, code: u16) {
    Mock::given(method(verb))
        .and(path_regex(pattern))
        .respond_with(status(code, "Refused"))
        .with_priority(1)
        .mount(&world.server)
        .await;
}

/// `spot-1` is announced to go.
async fn announce(world: &World) {
    let other = json!({"key": "gpu", "effect": "NoExecute", "value": "x"});
    world.nodes(&[node("spot-1", &[other, notice()]), node("spot-2", &[])]).await;
}

/// Two replicas more are on demand and Ready.
async fn cover(world: &World) {
    world.cache(&[deployment("api", Some(7), "1000"), deployment("api-spot", Some(5), "7")]).await;
    world.pods(&pods(7, &[("spot-1", 2), ("spot-2", 3)])).await;
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn cover_is_raised_and_the_node_tainted_before_any_pod_goes() {
    let mut world = calm().await;
    announce(&world).await;
    let pace = world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 7)]);
    assert_eq!(world.removed().await, [""; 0], "their cover is not Ready");
    let tainted = world.tainted().await;
    let [(name, patch)] = tainted.as_slice() else { panic!("{tainted:?}") };
    assert_eq!(name, "spot-1");
    let keys: Vec<&str> = patch["spec"]["taints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|taint| taint["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["gpu", "aws-node-termination-handler/spot-itn", OURS], "others' stay");
    assert_eq!(patch["metadata"], json!({"uid": "spot-1-uid", "resourceVersion": "7"}));
    assert_eq!(pace.within, Duration::from_secs(2));
    let status = world.status().await;
    assert_eq!(status["spot"]["state"], "Covering");
    assert_eq!(status["spot"]["cover"], 2);
    let metrics = world.context.metrics.encode().unwrap();
    assert!(
        metrics.contains(r#"spot_interruptions_total{namespace="shop",fleet="api"} 1"#),
        "{metrics}"
    );
    assert!(metrics.contains(r#"state="Covering"} 1"#), "{metrics}");
    let asked = world.asked().await;
    let position = |wanted: &dyn Fn(&str, &str) -> bool| {
        asked.iter().position(|(verb, path, _)| wanted(verb, path)).unwrap()
    };
    let raised = position(&|verb, path| verb == "PUT" && path.ends_with("/api/scale"));
    let patched = position(&|verb, path| verb == "PATCH" && path.contains("/nodes/"));
    assert!(raised < patched, "cover comes first");
}

#[tokio::test]
async fn pods_go_one_by_one_when_their_cover_is_ready_and_those_not_ready_first() {
    let mut world = calm().await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    cover(&world).await;
    let mut there = pods(7, &[("spot-1", 2), ("spot-2", 3)]);
    there[8] = unready(there[8].clone());
    world.pods(&there).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await[0], "POST spot-1-1/eviction", "the one that does not serve");
    let asked = world.asked().await;
    let (_, _, eviction) = asked.iter().find(|(_, path, _)| path.ends_with("/eviction")).unwrap();
    assert_eq!(eviction["apiVersion"], "policy/v1");
    assert_eq!(eviction["deleteOptions"]["preconditions"]["uid"], "spot-1-1-uid");
    let events = world.events().await;
    let evicted = |(reason, note): &(String, String)| {
        reason == "SpotInterrupted" && note.contains("spot-1") && note.contains("evicted")
    };
    assert!(events.iter().any(evicted), "{events:?}");
}

#[tokio::test]
async fn an_eviction_that_a_budget_refuses_is_asked_for_again_with_the_next_decision() {
    let mut world = calm().await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    cover(&world).await;
    Mock::given(method("POST"))
        .and(path_regex("/eviction$"))
        .respond_with(status(429, "TooManyRequests"))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await.len(), 1, "the others are under the same budget");
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await[1..], ["POST spot-1-0/eviction", "POST spot-1-1/eviction"]);
    assert_eq!(world.condition("Ready").await.0, "True", "a budget is no failure");
}

#[tokio::test]
async fn when_the_notice_runs_out_pods_are_deleted_past_every_budget() {
    let mut world = calm().await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    world.reconcile_at(in_seconds(76)).await.unwrap();
    let evicted = world.removed().await;
    assert_eq!(evicted, ["POST spot-1-0/eviction", "POST spot-1-1/eviction"], "asked for at first");
    world.reconcile_at(in_seconds(80)).await.unwrap();
    assert_eq!(world.removed().await[2..], ["DELETE spot-1-0", "DELETE spot-1-1"]);
    let asked = world.asked().await;
    let (_, _, options) = asked.iter().find(|(verb, _, _)| verb == "DELETE").unwrap();
    assert_eq!(options["preconditions"]["uid"], "spot-1-0-uid");
    assert!(options.get("gracePeriodSeconds").is_none(), "the server ends its requests: {options}");
}

#[tokio::test]
async fn a_dead_node_s_pods_are_forgotten_by_force_those_that_are_leaving_included() {
    let mut world = calm().await;
    let since = Timestamp::now() - SignedDuration::from_secs(30);
    world.nodes(&[dead(since), node("spot-2", &[])]).await;
    let mut there = pods(5, &[("spot-1", 2), ("spot-2", 3)]);
    there[5]["metadata"]["deletionTimestamp"] = json!(since);
    world.pods(&there).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await, ["DELETE spot-1-0", "DELETE spot-1-1"]);
    let asked = world.asked().await;
    for (_, path, options) in asked.iter().filter(|(verb, _, _)| verb == "DELETE") {
        assert_eq!(options["gracePeriodSeconds"], 0, "{path}");
        assert!(options["preconditions"]["uid"].is_string(), "{path}: {options}");
    }
}

#[tokio::test]
async fn a_node_that_is_deleted_takes_its_pods_along() {
    let mut world = calm().await;
    let gone = serde_json::from_value(node("spot-1", &[])).unwrap();
    world.context.cluster.nodes.follow(stream::iter([Ok(Event::Delete(gone))])).await;
    answer(&world, "GET", "^/api/v1/nodes/spot-1$", 404).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 7)], "they are covered at once");
    assert_eq!(world.tainted().await.len(), 0, "there is nothing to taint");
    world.reconcile_at(in_seconds(21)).await.unwrap();
    assert_eq!(world.removed().await, ["DELETE spot-1-0", "DELETE spot-1-1"]);
}

#[tokio::test]
async fn a_node_without_pods_of_the_fleet_is_neither_tainted_nor_counted_nor_a_hurry() {
    let mut world = calm().await;
    let mut silent = node("spot-9", &[notice()]);
    silent["status"]["conditions"][0] =
        json!({"type": "Ready", "status": "Unknown", "lastTransitionTime": in_seconds(-30)});
    for (second, other) in [(0, node("spot-9", &[notice()])), (100, silent)] {
        world.nodes(&[node("spot-1", &[]), node("spot-2", &[]), other]).await;
        world.reconcile_at(in_seconds(second)).await.unwrap();
        world.reconcile_at(in_seconds(second + 80)).await.unwrap();
        assert_eq!((world.tainted().await.len(), world.removed().await.len()), (0, 0));
        assert_eq!((world.scaled().await, world.state.urgent), (Vec::new(), None));
    }
    let metrics = world.context.metrics.encode().unwrap();
    let counted = r#"spot_interruptions_total{namespace="shop",fleet="api"} 1"#;
    assert!(!metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn a_node_that_recovered_behind_a_dead_watch_keeps_its_pods() {
    let mut world = calm().await;
    let well = [node("spot-1", &[]), node("spot-2", &[])];
    world.nodes(&[dead(in_seconds(-30)), node("spot-2", &[])]).await;
    world.serve_nodes(&well).await;
    world.reconcile().await.unwrap();
    assert_eq!((world.removed().await.len(), world.tainted().await.len()), (0, 0));
    let events = world.events().await;
    let spared = |(_, note): &(String, String)| note.contains("spot-1: it answers again");
    assert!(events.iter().any(spared), "{events:?}");

    let mut world = calm().await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    world.serve_nodes(&well).await;
    world.reconcile_at(in_seconds(80)).await.unwrap();
    assert_eq!(world.removed().await, [""; 0], "nor are they deleted when a notice runs out");
}

#[tokio::test]
async fn a_dead_node_is_gone_when_another_has_its_name_and_waits_when_it_cannot_be_read() {
    let mut world = calm().await;
    world.nodes(&[dead(in_seconds(-30)), node("spot-2", &[])]).await;
    let mut other = node("spot-1", &[]);
    other["metadata"]["uid"] = json!("another");
    world.serve_nodes(&[other]).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await, ["DELETE spot-1-0", "DELETE spot-1-1"]);

    let mut world = calm().await;
    world.nodes(&[dead(in_seconds(-30)), node("spot-2", &[])]).await;
    answer(&world, "GET", "^/api/v1/nodes/spot-1$", 500).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await, [""; 0]);
}

#[tokio::test]
async fn a_taint_that_is_refused_holds_back_no_pod_and_no_other_node() {
    let mut world = calm().await;
    world.nodes(&[node("spot-1", &[notice()]), node("spot-2", &[notice()])]).await;
    answer(&world, "PATCH", "^/api/v1/nodes/", 403).await;
    world.reconcile().await.unwrap();
    let tainted: BTreeSet<String> =
        world.tainted().await.into_iter().map(|(node, _)| node).collect();
    assert_eq!(tainted.len(), 2, "the other is tried, too: {tainted:?}");
    world.reconcile_at(in_seconds(80)).await.unwrap();
    let removed = world.removed().await;
    let deleted = removed.iter().filter(|pod| pod.starts_with("DELETE")).count();
    assert_eq!(deleted, 5, "{removed:?}");
    let events = world.events().await;
    let told = |(_, note): &(String, String)| note.contains("cannot taint a node");
    assert!(events.iter().any(told), "{events:?}");
}

#[tokio::test]
async fn a_cover_that_is_refused_is_asked_for_again_before_the_notice_runs_out() {
    let mut world = calm().await;
    announce(&world).await;
    answer(&world, "PUT", "/scale$", 422).await;
    let error = world.reconcile().await.unwrap_err();
    assert_eq!(error.class(), Class::Invalid, "it is a failure all the same");
    let urgent = world.state.urgent.map(|pace| pace.within);
    assert_eq!(urgent, Some(Duration::from_secs(2)));
    world.nodes(&[node("spot-1", &[]), node("spot-2", &[])]).await;
    let _ = world.reconcile_at(in_seconds(700)).await;
    assert_eq!(world.state.urgent, None, "nothing is being taken away any more");
}

#[tokio::test]
async fn what_is_gone_already_is_no_failure() {
    let mut world = calm().await;
    announce(&world).await;
    for (verb, pattern, code) in [
        ("GET", "^/api/v1/nodes/spot-1$", 404),
        ("POST", "/spot-1-0/eviction$", 404),
        ("POST", "/spot-1-1/eviction$", 409),
    ] {
        Mock::given(method(verb))
            .and(path_regex(pattern))
            .respond_with(status(code, "Gone"))
            .with_priority(1)
            .mount(&world.server)
            .await;
    }
    world.reconcile().await.unwrap();
    cover(&world).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await.len(), 2, "each was asked for once");
    let metrics = world.context.metrics.encode().unwrap();
    let gone = r#"spot_pod_removals_total{how="evict",result="gone"} 2"#;
    assert!(metrics.contains(gone), "{metrics}");
    assert_eq!(world.condition("Ready").await.0, "True");
}

#[tokio::test]
async fn a_taint_that_meets_a_newer_node_is_made_on_that() {
    let mut world = calm().await;
    announce(&world).await;
    Mock::given(method("PATCH"))
        .and(path("/api/v1/nodes/spot-1"))
        .respond_with(status(409, "Conflict"))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile().await.unwrap();
    assert_eq!(world.tainted().await.len(), 2);
    let reads = world.asked().await.into_iter();
    let reads = reads.filter(|(verb, path, _)| verb == "GET" && path.contains("/nodes/")).count();
    assert_eq!(reads, 2, "read again before it is written again");
}

#[tokio::test]
async fn a_drain_that_fails_keeps_nothing_else_from_being_done() {
    let mut world = calm().await;
    announce(&world).await;
    for verb in ["PATCH", "POST", "DELETE"] {
        Mock::given(method(verb))
            .and(path_regex("^/api/v1/"))
            .respond_with(ResponseTemplate::new(200).set_delay(DEADLINE * 20))
            .with_priority(1)
            .mount(&world.server)
            .await;
    }
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 7)], "cover does not wait for it");
    assert_eq!(world.state.memory.size, Some(apifleet_core::Replicas::new(10)));
    cover(&world).await;
    let started = std::time::Instant::now();
    world.reconcile().await.unwrap();
    assert!(started.elapsed() < DEADLINE * 4, "one failure ends it: {:?}", started.elapsed());
    assert_eq!(world.status().await["spot"]["state"], "Covering");
}

#[tokio::test]
async fn nothing_is_evicted_while_the_cover_cannot_be_raised() {
    let mut world = calm().await;
    announce(&world).await;
    Mock::given(method("PUT"))
        .and(path_regex("/scale$"))
        .respond_with(status(500, "Broken"))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile().await.unwrap_err();
    world.reconcile_at(in_seconds(76)).await.unwrap_err();
    assert_eq!(world.removed().await, [""; 0]);
    world.reconcile_at(in_seconds(80)).await.unwrap_err();
    assert_eq!(world.removed().await.len(), 2, "the node dies anyway");
}

#[tokio::test]
async fn observe_and_a_copy_that_does_not_lead_touch_no_node_and_no_pod() {
    let manifest = WITH_SPOT.replace("spec:", "spec:\n  mode: Observe");
    let mut world = calm_as(&manifest).await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    world.reconcile_at(in_seconds(80)).await.unwrap();
    assert_eq!((world.removed().await.len(), world.tainted().await.len()), (0, 0));
    assert_eq!(world.status().await["spot"]["state"], "Covering", "it says what it would do");

    let mut world = calm().await;
    announce(&world).await;
    world.context.leadership = Leadership::fixed(false);
    world.reconcile_at(in_seconds(80)).await.unwrap();
    assert_eq!((world.removed().await.len(), world.tainted().await.len()), (0, 0));
}

#[tokio::test]
async fn scale_out_only_covers_and_drains_a_dying_node() {
    let manifest = WITH_SPOT.replace("spec:", "spec:\n  mode: ScaleOutOnly");
    let mut world = calm_as(&manifest).await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 7)]);
    cover(&world).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.removed().await.len(), 2);
}

#[tokio::test]
async fn a_copy_that_takes_over_inside_a_covering_goes_on_and_covers_nothing_twice() {
    let mut world = calm().await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    let status = serde_json::from_value(world.status().await).unwrap();
    let ours = world.tainted().await[0].1["spec"]["taints"][2].clone();

    let covered = [deployment("api", Some(7), "1000"), deployment("api-spot", Some(5), "7")];
    let mut next = World::new(WITH_SPOT, &covered).await;
    next.demand = Some(300.0);
    next.nodes(&[node("spot-1", &[notice(), ours]), node("spot-2", &[])]).await;
    next.pods(&pods(7, &[("spot-1", 2), ("spot-2", 3)])).await;
    next.take_writes().await;
    next.take_drains().await;
    next.state = FleetState::resumed("fleet-uid".to_owned(), status);
    next.reconcile().await.unwrap();
    assert_eq!(next.scaled().await, [], "the cover is there");
    assert_eq!(next.tainted().await.len(), 0, "so is the taint");
    assert_eq!(next.removed().await.len(), 2, "and Ready");
    assert_eq!(next.status().await["spot"]["state"], "Covering");
}

#[tokio::test]
async fn a_notice_that_is_taken_back_takes_our_taint_along_and_no_other() {
    let mut world = calm().await;
    announce(&world).await;
    world.reconcile().await.unwrap();
    let ours = json!({"key": OURS, "effect": "NoSchedule", "timeAdded": "2026-12-10T14:00:00Z"});
    let other = json!({"key": "gpu", "effect": "NoExecute", "value": "x"});
    world.nodes(&[node("spot-1", &[other.clone(), ours.clone()]), node("spot-2", &[])]).await;
    Mock::given(method("GET"))
        .and(path("/api/v1/nodes/spot-1"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(node("spot-1", &[other.clone(), ours])),
        )
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile().await.unwrap();
    assert_eq!(world.tainted().await.len(), 1, "it may come again");
    world.reconcile_at(in_seconds(601)).await.unwrap();
    let tainted = world.tainted().await;
    assert_eq!(tainted.last().unwrap().1["spec"]["taints"], json!([other]));
}

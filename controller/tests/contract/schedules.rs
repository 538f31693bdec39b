//! A window that comes near, against a Kubernetes API: nodes first, then replicas, and the word about it; over a
//! restart, too.

use crate::fixtures::{ON_DEMAND, WITH_SPOT, World, deployment, pod};
use apifleet_controller::state::FleetState;
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Every day from 08:00, 20 replicas, asked for by 07:55 in a line from 07:50 on.
const SCHEDULES: &str = "
  schedules:
  - {name: day, start: \"08:00\", end: \"20:00\", timeZone: Etc/UTC, floor: {replicas: 20}, leadSeconds: 300, rampSeconds: 300}
";

fn at(time: &str) -> Timestamp {
    format!("2026-12-10T{time}Z").parse().unwrap()
}

/// The fleet with its schedule, and so many replicas on demand, all of them Ready. Boxed: it is large.
fn scheduled(replicas: i32) -> LocalBoxFuture<'static, World> {
    Box::pin(async move {
        let manifest = format!("{ON_DEMAND}{SCHEDULES}");
        let mut world = World::new(&manifest, &[deployment("api", Some(replicas), "7")]).await;
        world.demand = Some(400.0);
        world.pods(&ready(replicas)).await;
        world.take_writes().await;
        world
    })
}

fn ready(count: i32) -> Vec<Value> {
    (0..count).map(|n| pod("api", &format!("api-{n}"), "base")).collect()
}

#[tokio::test]
async fn a_copy_that_takes_over_inside_a_ramp_goes_on_where_it_was() {
    let mut world = scheduled(10).await;
    world.reconcile_at(at("07:49:58")).await.unwrap();
    assert_eq!(world.scaled().await, []);
    let pace = world.reconcile_at(at("07:49:59")).await.unwrap();
    assert!(pace.at.is_some_and(|next| next <= at("07:50:01")), "woken for the ramp: {pace:?}");
    world.reconcile_at(at("07:50:00")).await.unwrap();
    world.reconcile_at(at("07:52:30")).await.unwrap();
    assert_eq!(world.scaled().await.last(), Some(&("api".to_owned(), 15)));
    let status = world.status().await;
    assert_eq!(status["activeSchedule"]["phase"], "Ramp");
    assert_eq!(status["activeSchedule"]["floor"], 15);
    let metrics = world.context.metrics.encode().unwrap();
    let floor = r#"schedule_floor_replicas{namespace="shop",fleet="api"} 15"#;
    assert!(metrics.contains(floor), "{metrics}");

    let mut next = scheduled(15).await;
    next.state =
        FleetState::resumed("fleet-uid".to_owned(), serde_json::from_value(status).unwrap());
    next.reconcile_at(at("07:52:32")).await.unwrap();
    assert!(
        next.scaled().await.iter().all(|(_, to)| (15..=16).contains(to)),
        "neither back nor a jump"
    );
    next.cache(&[deployment("api", Some(16), "1000")]).await;
    next.reconcile_at(at("07:55:00")).await.unwrap();
    assert_eq!(next.scaled().await.last(), Some(&("api".to_owned(), 20)), "in full at its time");
}

#[tokio::test]
async fn a_window_that_opens_ready_is_told_once_and_is_not_late() {
    let mut world = scheduled(10).await;
    world.reconcile_at(at("07:56:00")).await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 20)]);
    world.cache(&[deployment("api", Some(20), "1000")]).await;
    world.pods(&ready(20)).await;
    for time in ["07:59:00", "08:00:00", "08:00:02", "08:00:04"] {
        world.reconcile_at(at(time)).await.unwrap();
    }
    let events = world.events().await;
    let told = events.iter().filter(|(reason, _)| reason == "PreWarmed").count();
    assert_eq!(told, 1, "{events:?}");
    assert_eq!(world.condition("PreWarmed").await, ("True".to_owned(), "PreWarmed".to_owned()));
    let metrics = world.context.metrics.encode().unwrap();
    assert!(
        metrics.contains(r#"prewarm_lateness_seconds{namespace="shop",fleet="api"} 0.0"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_window_that_opens_too_small_is_told_with_its_lateness() {
    let mut world = scheduled(20).await;
    world.pods(&ready(17)).await;
    for time in ["07:59:00", "08:00:00", "08:00:08"] {
        world.reconcile_at(at(time)).await.unwrap();
    }
    assert_eq!(world.condition("PreWarmed").await, ("False".to_owned(), "PreWarmLate".to_owned()));
    let late = r#"prewarm_lateness_seconds{namespace="shop",fleet="api"} 8.0"#;
    let metrics = world.context.metrics.encode().unwrap();
    assert!(metrics.contains(late), "{metrics}");
    let mut all = ready(20);
    for pod in &mut all[17..] {
        pod["status"]["conditions"][1]["lastTransitionTime"] = json!(at("08:00:09"));
    }
    world.pods(&all).await;
    world.reconcile_at(at("08:00:10")).await.unwrap();
    assert_eq!(world.condition("PreWarmed").await, ("True".to_owned(), "OpenedLate".to_owned()));
    let reasons: Vec<String> = world.events().await.into_iter().map(|(reason, _)| reason).collect();
    let place = |wanted: &str| reasons.iter().position(|reason| reason == wanted);
    assert!(place("PreWarmLate") < place("OpenedLate"), "{reasons:?}");
    assert!(place("PreWarmLate").is_some(), "{reasons:?}");
}

/// A Deployment whose pods hold nodes for a fleet.
fn placeholder(name: &str, fleet: &str, replicas: i32) -> Value {
    let mut object = deployment(name, Some(replicas), "7");
    object["spec"]["template"] =
        json!({"metadata": {"labels": {"apifleet.dev/placeholder-for": fleet}}});
    object
}

/// The fleet on both kinds of node with its schedule, and these Deployments beside its own.
fn with_placeholders<'a>(manifest: &'a str, others: &'a [Value]) -> LocalBoxFuture<'a, World> {
    Box::pin(async move {
        let mut deployments =
            vec![deployment("api", Some(5), "7"), deployment("api-spot", Some(5), "7")];
        deployments.extend_from_slice(others);
        let mut world = World::new(&format!("{manifest}{SCHEDULES}"), &deployments).await;
        world.demand = Some(300.0);
        let spot = (0..5).map(|n| pod("api-spot", &format!("spot-{n}"), "spot-1"));
        world.nodes(&[crate::fixtures::node("spot-1", &[])]).await;
        world.pods(&ready(5).into_iter().chain(spot).collect::<Vec<_>>()).await;
        world.take_writes().await;
        world
    })
}

#[tokio::test]
async fn placeholders_hold_nothing_outside_a_pre_warm_and_nodes_come_before_replicas() {
    let both =
        [placeholder("api-placeholder", "api", 1), placeholder("api-spot-placeholder", "api", 1)];
    let mut world = with_placeholders(WITH_SPOT, &both).await;
    world.reconcile_at(at("03:00:00")).await.unwrap();
    let gone = [("api-placeholder".to_owned(), 0), ("api-spot-placeholder".to_owned(), 0)];
    assert_eq!(world.scaled().await, gone);

    let both =
        [placeholder("api-placeholder", "api", 0), placeholder("api-spot-placeholder", "api", 0)];
    let mut world = with_placeholders(WITH_SPOT, &both).await;
    world.reconcile_at(at("07:41:00")).await.unwrap();
    let scaled = world.scaled().await;
    assert!(scaled.iter().all(|(name, _)| name.ends_with("-placeholder")), "{scaled:?}");
    assert_eq!(
        scaled.iter().map(|(_, to)| to).sum::<i64>(),
        10,
        "as many as are to come: {scaled:?}"
    );
    assert_eq!(world.status().await["activeSchedule"]["phase"], "Nodes");
}

#[tokio::test]
async fn a_placeholder_that_cannot_be_scaled_is_no_failure_of_the_fleet() {
    let one = [placeholder("api-placeholder", "api", 1)];
    let mut world = with_placeholders(WITH_SPOT, &one).await;
    wiremock::Mock::given(wiremock::matchers::path_regex("/api-placeholder/scale$"))
        .respond_with(crate::fixtures::status(500, "Broken"))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile_at(at("03:00:00")).await.unwrap();
    assert_eq!(world.state.memory.size, Some(apifleet_core::Replicas::new(10)));
    assert!(world.events().await.iter().all(|(reason, _)| reason != "ScaleFailed"));
    world.reconcile_at(at("03:00:02")).await.unwrap();
    assert_eq!(world.scaled().await.len(), 2, "it is tried again");
}

#[tokio::test]
async fn a_deployment_that_only_has_the_name_is_nobodys_placeholder() {
    let others = [
        deployment("api-placeholder", Some(3), "7"),
        placeholder("api-spot-placeholder", "another", 3),
    ];
    let mut world = with_placeholders(WITH_SPOT, &others).await;
    world.reconcile_at(at("03:00:00")).await.unwrap();
    world.reconcile_at(at("07:41:00")).await.unwrap();
    assert_eq!(world.scaled().await, [], "it may serve");
}

#[tokio::test]
async fn placeholders_that_do_not_exist_are_not_asked_for() {
    let mut world = with_placeholders(WITH_SPOT, &[]).await;
    world.reconcile_at(at("07:41:00")).await.unwrap();
    let asked = world.asked().await;
    assert!(asked.iter().all(|(_, path, _)| !path.contains("placeholder")), "{asked:?}");
}

#[tokio::test]
async fn observe_scales_no_placeholder() {
    let both =
        [placeholder("api-placeholder", "api", 1), placeholder("api-spot-placeholder", "api", 1)];
    let manifest = WITH_SPOT.replace("spec:", "spec:\n  mode: Observe");
    let mut world = with_placeholders(&manifest, &both).await;
    world.reconcile_at(at("07:41:00")).await.unwrap();
    assert_eq!(world.scaled().await, []);
}

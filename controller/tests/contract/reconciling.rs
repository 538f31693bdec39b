//! One fleet's reconcile against a Kubernetes API: what is written, in which order, and what never is.

use crate::fixtures::{DEADLINE, ON_DEMAND, WITH_SPOT, World, deployment, list, status};
use apifleet_controller::error::Class;
use apifleet_controller::lease::Leadership;
use apifleet_controller::report::retry::Retry;
use apifleet_controller::state::{FleetState, Written};
use futures::stream;
use kube::runtime::watcher::Event;
use serde_json::json;
use std::time::Instant;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, ResponseTemplate};

const SCALE: &str = "/apis/apps/v1/namespaces/shop/deployments/api/scale";
const STATUS: &str = "/apis/apifleet.dev/v1alpha1/namespaces/shop/apifleets/api/status";

#[tokio::test]
async fn a_new_fleet_is_adopted_at_its_smallest_size_at_once() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 10)]);
    let asked = world.asked().await;
    let (_, _, scale) = asked.iter().find(|(verb, _, _)| verb == "PUT").unwrap();
    assert_eq!(scale["metadata"]["uid"], "api-uid");
    assert_eq!(scale["metadata"]["resourceVersion"], "7");
    let requests = world.server.received_requests().await.unwrap();
    let put = requests.iter().find(|request| request.method.as_str() == "PUT").unwrap();
    assert!(put.url.query().unwrap().contains("fieldManager=apifleet-controller"));
    let status = world.status().await;
    assert_eq!(status["replicas"], 10);
    assert_eq!(status["lastDecision"]["desired"], 10);
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(world.condition("Reconciling").await.0, "True", "it is being taken over");
    assert!(world.events().await.iter().any(|(reason, _)| reason == "ScaledOut"));
}

#[tokio::test]
async fn what_is_right_already_is_not_written_again() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    world.take_writes().await;
    for _ in 0..5 {
        world.reconcile().await.unwrap();
    }
    assert!(world.scaled().await.is_empty());
    let statuses = world.asked().await.iter().filter(|(verb, _, _)| verb == "PATCH").count();
    assert_eq!(statuses, 1, "nothing changed after the first report");
}

#[tokio::test]
async fn observe_writes_no_replicas() {
    let manifest = ON_DEMAND.replace("spec:", "spec:\n  mode: Observe");
    let mut world = World::new(&manifest, &[deployment("api", Some(3), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert!(world.scaled().await.is_empty());
    assert!(world.status().await["lastDecision"]["desired"].is_i64(), "it decides all the same");
    assert!(world.events().await.iter().all(|(reason, _)| reason != "ScaledOut"));
}

#[tokio::test]
async fn unknown_replicas_are_left_alone() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", None, "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert!(world.scaled().await.is_empty());
}

#[tokio::test]
async fn a_copy_that_does_not_lead_writes_nothing_at_all() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    world.context.leadership = Leadership::fixed(false);
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert!(
        world.asked().await.iter().all(|(verb, _, _)| verb == "GET"),
        "{:?}",
        world.asked().await
    );
}

#[tokio::test]
async fn a_conflict_is_read_again_and_written_on_the_version_that_is_there() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "8")]).await;
    world.state.targets.on_demand.written = Written::Seen;
    world.cache(&[deployment("api", Some(3), "7")]).await;
    Mock::given(method("PUT"))
        .and(path(SCALE))
        .respond_with(status(409, "Conflict"))
        .up_to_n_times(1)
        .mount(&world.server)
        .await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    let versions: Vec<_> =
        world.asked().await.into_iter().filter(|(verb, _, _)| verb == "PUT").collect();
    assert_eq!(versions[0].2["metadata"]["resourceVersion"], "7");
    assert_eq!(versions[1].2["metadata"]["resourceVersion"], "8");
    assert_eq!(versions.len(), 2);
}

#[tokio::test]
async fn a_conflict_with_somebody_elses_size_is_decided_again_and_not_overwritten() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(12), "8")]).await;
    world.state.targets.on_demand.written = Written::Seen;
    world.cache(&[deployment("api", Some(3), "7")]).await;
    Mock::given(method("PUT"))
        .and(path(SCALE))
        .respond_with(status(409, "Conflict"))
        .mount(&world.server)
        .await;
    world.take_reports().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await.len(), 1, "the decision was made on 3, and there are 12");
    assert_eq!(
        world.state.targets.on_demand.written,
        Written::Unknown,
        "the next look reads afresh"
    );
}

#[tokio::test]
async fn a_cache_older_than_our_own_write_is_never_acted_on() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 10)]);
    // The cache still shows 3 at version 7; the server shows what was written.
    Mock::given(method("GET"))
        .and(path("/apis/apps/v1/namespaces/shop/deployments/api"))
        .respond_with(ResponseTemplate::new(200).set_body_json(deployment("api", Some(10), "1000")))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await.len(), 1, "the old cache must not cause a second write");
    assert!(world.events().await.iter().all(|(reason, _)| reason != "ForeignWrite"));
}

#[tokio::test]
async fn a_cache_that_falls_back_into_the_past_is_read_past() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "20")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    world.cache(&[deployment("api", Some(3), "7")]).await;
    world.reconcile().await.unwrap();
    world.cache(&[]).await;
    world.reconcile().await.unwrap();
    assert!(world.scaled().await.is_empty(), "ten are there, whatever the cache says");
    assert_eq!(world.condition("Stalled").await.0, "False");
}

#[tokio::test]
async fn a_late_scale_write_is_refused_by_its_version_and_not_tried_again_without_the_lease() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "8")]).await;
    world.state.targets.on_demand.written = Written::Seen;
    world.cache(&[deployment("api", Some(3), "7")]).await;
    // As a process finds it that is stopped in the middle of its call, until the next copy leads.
    world.context.leadership = Leadership::for_the_next(DEADLINE / 2);
    Mock::given(method("PUT"))
        .and(path(SCALE))
        .respond_with(status(409, "Conflict").set_delay(DEADLINE * 2 / 3))
        .mount(&world.server)
        .await;
    world.take_reports().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await.len(), 1, "one late write at most");
    let told = world.asked().await.into_iter().filter(|(verb, _, _)| verb != "GET").count();
    assert_eq!(told, 1, "nor is anything reported");
}

#[tokio::test]
async fn a_report_names_the_version_that_was_seen_and_follows_an_edit() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    Mock::given(method("PATCH"))
        .and(path(STATUS))
        .respond_with(status(409, "Conflict"))
        .up_to_n_times(1)
        .mount(&world.server)
        .await;
    let mut edited: serde_json::Value = serde_saphyr::from_str(ON_DEMAND).unwrap();
    edited["metadata"]["resourceVersion"] = json!("9");
    Mock::given(method("GET"))
        .and(path(STATUS.trim_end_matches("/status")))
        .respond_with(ResponseTemplate::new(200).set_body_json(edited))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.reported_on().await, ["1", "9"]);
}

#[tokio::test]
async fn a_late_report_is_refused_by_its_version_and_what_the_next_copy_wrote_stays() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    world.context.leadership = Leadership::for_the_next(DEADLINE / 2);
    Mock::given(method("PATCH"))
        .and(path(STATUS))
        .respond_with(status(409, "Conflict").set_delay(DEADLINE * 2 / 3))
        .mount(&world.server)
        .await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.reported_on().await, ["1"], "one late write at most");
    assert!(world.events().await.is_empty(), "and nothing is told afterwards");
}

#[tokio::test]
async fn after_a_report_whose_answer_was_lost_the_version_is_read_again() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    Mock::given(method("PATCH"))
        .and(path(STATUS))
        .respond_with(status(500, "Broken"))
        .up_to_n_times(1)
        .mount(&world.server)
        .await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.state.version, None);
    world.state.report_retry = Retry::default();
    world.reconcile().await.unwrap();
    assert_eq!(world.reported_on().await.len(), 2);
    assert_eq!(world.state.version.as_deref(), Some("1"));
}

#[tokio::test]
async fn replicas_are_added_before_any_are_removed() {
    let deployments = [deployment("api", Some(10), "7"), deployment("api-spot", Some(0), "7")];
    let mut world = World::new(WITH_SPOT, &deployments).await;
    world.demand = Some(300.0);
    ready_pods(&world, "api", 10).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(
        world.scaled().await,
        [("api-spot".to_owned(), 5)],
        "spot first; on demand stays until it is Ready"
    );
    ready_pods_of(&world, &[("api", 10), ("api-spot", 5)]).await;
    world
        .cache(&[deployment("api", Some(10), "1000"), deployment("api-spot", Some(5), "1000")])
        .await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await[1..], [("api".to_owned(), 5)]);
}

#[tokio::test]
async fn a_failed_raise_does_not_keep_the_other_target_from_being_raised() {
    let deployments = [deployment("api", Some(1), "7"), deployment("api-spot", Some(1), "7")];
    let mut world = World::new(WITH_SPOT, &deployments).await;
    world.demand = Some(300.0);
    Mock::given(method("PUT"))
        .and(path(SCALE))
        .respond_with(status(500, "Broken"))
        .mount(&world.server)
        .await;
    world.take_writes().await;
    let error = world.reconcile().await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(world.scaled().await, [("api".to_owned(), 5), ("api-spot".to_owned(), 5)]);
    assert_eq!(world.condition("Ready").await, ("False".to_owned(), "ScaleFailed".to_owned()));
    assert!(world.events().await.iter().any(|(reason, _)| reason == "ScaleFailed"));
}

#[tokio::test]
async fn a_refused_write_is_forbidden_and_says_what_is_missing() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    Mock::given(method("PUT"))
        .and(path(SCALE))
        .respond_with(status(403, "Forbidden"))
        .mount(&world.server)
        .await;
    world.take_reports().await;
    let error = world.reconcile().await.unwrap_err();
    assert_eq!(error.class(), Class::Forbidden);
    assert!(error.to_string().contains("grant"), "{error}");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_looked_at_afresh() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    let lost = ResponseTemplate::new(200).set_body_json(json!({})).set_delay(DEADLINE * 3);
    Mock::given(method("PUT")).and(path(SCALE)).respond_with(lost).mount(&world.server).await;
    world.take_reports().await;
    let started = Instant::now();
    assert_eq!(world.reconcile().await.unwrap_err().class(), Class::Transient);
    assert!(started.elapsed() < DEADLINE * 3, "{:?}", started.elapsed());
    assert_eq!(world.state.targets.on_demand.written, Written::Unknown);
}

#[tokio::test]
async fn an_invalid_spec_stalls_the_fleet_and_nothing_is_scaled() {
    let manifest = ON_DEMAND.replace("maxReplicas: 30", "maxReplicas: 3");
    let mut world = World::new(&manifest, &[deployment("api", Some(40), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert!(world.scaled().await.is_empty());
    assert_eq!(world.condition("Stalled").await, ("True".to_owned(), "InvalidSpec".to_owned()));
    assert_eq!(world.condition("Ready").await.0, "False");
    assert_eq!(world.condition("Reconciling").await.0, "False", "nothing is under way");
}

#[tokio::test]
async fn an_hpa_on_the_target_stalls_the_fleet_and_is_named_with_the_command() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    world.take_writes().await;
    autoscale(&world, "api").await;
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    assert!(world.scaled().await.is_empty());
    assert_eq!(
        world.condition("Stalled").await,
        ("True".to_owned(), "ConflictingAutoscaler".to_owned())
    );
    let events = world.events().await;
    assert_eq!(events.len(), 1, "said once: {events:?}");
    assert!(events[0].1.contains("kubectl delete hpa old-hpa -n shop"), "{events:?}");
}

#[tokio::test]
async fn the_end_of_a_stall_keeps_what_the_other_autoscaler_added() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    autoscale(&world, "api").await;
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Stalled").await.0, "True");
    let mut scaled = deployment("api", Some(25), "20");
    scaled["metadata"]["managedFields"][0]["manager"] = json!("kube-controller-manager");
    world.cache(&[scaled]).await;
    list(&world.context.cluster.hpas, Vec::new()).await;
    world.reconcile().await.unwrap();
    world.reconcile().await.unwrap();
    assert!(world.scaled().await.is_empty(), "{:?}", world.scaled().await);
    assert_eq!(world.status().await["replicas"], 25);
    assert_eq!(world.condition("Stalled").await.0, "False");
    assert!(world.events().await.iter().all(|(reason, _)| reason != "ForeignWrite"));
}

#[tokio::test]
async fn scale_out_only_never_lowers_what_somebody_raised() {
    let manifest = ON_DEMAND.replace("spec:", "spec:\n  mode: ScaleOutOnly");
    let mut world = World::new(&manifest, &[deployment("api", Some(10), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    let mut raised = deployment("api", Some(25), "20");
    raised["metadata"]["managedFields"][0]["manager"] = json!("kubectl-scale");
    world.cache(&[raised]).await;
    for _ in 0..3 {
        world.reconcile().await.unwrap();
    }
    assert!(world.scaled().await.is_empty(), "{:?}", world.scaled().await);
    assert_eq!(world.status().await["lastDecision"]["desired"], 25);
    assert!(world.events().await.iter().all(|(reason, _)| reason != "ForeignWrite"));
}

#[tokio::test]
async fn a_scale_out_whose_answer_was_lost_is_kept() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    world.take_reports().await;
    world.reconcile().await.unwrap();
    world.edit(&ON_DEMAND.replace("minReplicas: 10", "minReplicas: 14"));
    let lost = ResponseTemplate::new(200).set_body_json(json!({})).set_delay(DEADLINE * 3);
    Mock::given(method("PUT")).and(path(SCALE)).respond_with(lost).mount(&world.server).await;
    world.reconcile().await.unwrap_err();
    assert_eq!(world.scaled().await, [("api".to_owned(), 14)]);
    // It was made all the same, and the edit is taken back.
    world.edit(ON_DEMAND);
    Mock::given(method("GET"))
        .and(path("/apis/apps/v1/namespaces/shop/deployments/api"))
        .respond_with(ResponseTemplate::new(200).set_body_json(deployment("api", Some(14), "1000")))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await.len(), 1, "nothing is removed at once");
    assert_eq!(world.state.memory.size, Some(apifleet_core::Replicas::new(14)));
}

#[tokio::test]
async fn events_come_after_the_status_and_take_two_seconds_at_most() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    world.context.kubernetes = world.context.kubernetes.clone().with_deadline(DEADLINE * 100);
    Mock::given(method("POST"))
        .and(path_regex("/events$"))
        .respond_with(ResponseTemplate::new(201).set_delay(DEADLINE * 100))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.take_writes().await;
    let started = Instant::now();
    world.reconcile().await.unwrap();
    assert!(started.elapsed() < DEADLINE * 10, "{:?}", started.elapsed());
    let verbs: Vec<String> = world.asked().await.into_iter().map(|(verb, _, _)| verb).collect();
    let first = |wanted: &str| verbs.iter().position(|verb| verb == wanted);
    assert!(first("PATCH").is_some() && first("PATCH") < first("POST"), "{verbs:?}");
}

#[tokio::test]
async fn a_conflicted_spot_target_is_lost_capacity_and_on_demand_takes_all() {
    let deployments = [deployment("api", Some(5), "7"), deployment("api-spot", Some(5), "7")];
    let mut world = World::new(WITH_SPOT, &deployments).await;
    world.take_writes().await;
    autoscale(&world, "api-spot").await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 10)]);
    assert_eq!(world.condition("Stalled").await.0, "False");
    assert_eq!(
        world.condition("Ready").await,
        ("False".to_owned(), "ConflictingAutoscaler".to_owned())
    );
    assert_eq!(world.condition("SpotHealthy").await.0, "False");
}

#[tokio::test]
async fn a_missing_spot_target_is_lost_capacity_and_a_missing_on_demand_target_a_stop() {
    let mut world = World::new(WITH_SPOT, &[deployment("api", Some(3), "7")]).await;
    missing(&world, "api-spot").await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 10)]);
    assert_eq!(
        world.condition("Ready").await,
        ("False".to_owned(), "SpotTargetMissing".to_owned())
    );

    let mut world = World::new(ON_DEMAND, &[]).await;
    missing(&world, "api").await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(
        world.condition("Stalled").await,
        ("True".to_owned(), "OnDemandTargetMissing".to_owned())
    );
}

#[tokio::test]
async fn a_foreign_write_is_undone_at_once_and_its_writer_named() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    let mut foreign = deployment("api", Some(4), "20");
    foreign["metadata"]["managedFields"][0]["manager"] = json!("kubectl-scale");
    world.cache(&[foreign]).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 10)]);
    let events = world.events().await;
    let (_, note) = events.iter().find(|(reason, _)| reason == "ForeignWrite").unwrap();
    assert!(note.contains("kubectl-scale") && note.contains("10 -> 4"), "{note}");
}

#[tokio::test]
async fn a_status_that_cannot_be_written_does_not_hold_scaling_up() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    world.take_writes().await;
    Mock::given(method("PATCH"))
        .respond_with(status(500, "Broken"))
        .with_priority(1)
        .mount(&world.server)
        .await;
    Mock::given(method("POST"))
        .and(path_regex("/events$"))
        .respond_with(status(403, "Forbidden"))
        .with_priority(1)
        .mount(&world.server)
        .await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 10)]);
    assert!(!world.state.report_retry.is_due(Instant::now()), "it is tried again later");
}

#[tokio::test]
async fn ordinary_scaling_makes_neither_ready_nor_reconciling_flap() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Reconciling").await, ("True".to_owned(), "Adopting".to_owned()));
    assert_eq!(world.condition("Ready").await, ("False".to_owned(), "BelowDesired".to_owned()));
    ready_pods(&world, "api", 10).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Ready").await, ("True".to_owned(), "Available".to_owned()));
    assert_eq!(world.condition("Reconciling").await.0, "False");
    // Four more are wanted, and start.
    world.edit(
        &ON_DEMAND
            .replace("minReplicas: 10", "minReplicas: 14")
            .replace("generation: 1", "generation: 2"),
    );
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 14)]);
    assert_eq!(world.status().await["observedGeneration"], 2);
    assert_eq!(world.condition("Ready").await.0, "True");
    assert_eq!(world.condition("Reconciling").await.0, "False");
    // They do not become Ready for three minutes: now it is a finding.
    world.state.below_since = Some(jiff::Timestamp::now() - jiff::SignedDuration::from_mins(3));
    world.cache(&[deployment("api", Some(14), "1000")]).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.condition("Ready").await, ("False".to_owned(), "BelowDesired".to_owned()));
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_make_a_fleet_ready_for_as_long_as_it_was_ahead() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    world.demand = Some(300.0);
    ready_pods(&world, "api", 10).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    world.edit(
        &ON_DEMAND
            .replace("minReplicas: 10", "minReplicas: 14")
            .replace("generation: 1", "generation: 2"),
    );
    let now = jiff::Timestamp::now();
    world.reconcile_at(now + jiff::SignedDuration::from_hours(1)).await.unwrap();
    world.cache(&[deployment("api", Some(14), "1000")]).await;
    world.reconcile_at(now).await.unwrap();
    assert_eq!(world.condition("Ready").await.0, "True", "four are starting");
    world.reconcile_at(now + jiff::SignedDuration::from_mins(2)).await.unwrap();
    assert_eq!(world.condition("Ready").await, ("False".to_owned(), "BelowDesired".to_owned()));
}

#[tokio::test]
async fn three_foreign_writes_in_ten_minutes_are_a_condition_too() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(10), "7")]).await;
    ready_pods(&world, "api", 10).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    for version in ["2000", "2001", "2002"] {
        assert_eq!(world.condition("Ready").await.0, "True", "{version}");
        let mut foreign = deployment("api", Some(4), version);
        foreign["metadata"]["managedFields"][0]["manager"] = json!("argocd");
        world.cache(&[foreign]).await;
        world.reconcile().await.unwrap();
    }
    assert_eq!(world.scaled().await, vec![("api".to_owned(), 10); 3]);
    assert_eq!(world.condition("Ready").await, ("False".to_owned(), "ForeignWrite".to_owned()));
}

#[tokio::test]
async fn a_restarted_copy_resumes_from_the_status_and_adopts_nothing() {
    let mut world = World::new(ON_DEMAND, &[deployment("api", Some(3), "7")]).await;
    ready_pods(&world, "api", 10).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    let status = serde_json::from_value(world.status().await).unwrap();
    let fresh = [deployment("api", Some(10), "1000")];
    let mut after = World::new(ON_DEMAND, &fresh).await;
    ready_pods(&after, "api", 10).await;
    after.take_writes().await;
    after.state = FleetState::resumed("fleet-uid".to_owned(), status);
    assert!(!after.state.adopting);
    after.reconcile().await.unwrap();
    assert!(after.scaled().await.is_empty());
    assert_ne!(after.status().await["lastDecision"]["reason"], "Adopted");
}

/// Pods of a Deployment that have been Ready for an hour.
async fn ready_pods(world: &World, name: &str, count: usize) {
    ready_pods_of(world, &[(name, count)]).await;
}

async fn ready_pods_of(world: &World, counts: &[(&str, usize)]) {
    let since = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let pods = counts.iter().flat_map(|(name, count)| {
        (0..*count).map(move |n| {
            let pod = json!({
                "metadata": {"name": format!("{name}-{n}"), "namespace": "shop",
                    "labels": {"pod-template-hash": "6f7"},
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "uid": "r",
                        "name": format!("{name}-6f7"), "controller": true}]},
                "status": {"phase": "Running", "conditions": [
                    {"type": "PodScheduled", "status": "True"},
                    {"type": "Ready", "status": "True", "lastTransitionTime": since}]},
            });
            serde_json::from_value(pod).unwrap()
        })
    });
    list(&world.context.cluster.pods, pods.collect()).await;
}

/// An HPA on a Deployment.
async fn autoscale(world: &World, name: &str) {
    let hpa = json!({
        "metadata": {"name": "old-hpa", "namespace": "shop"},
        "spec": {"maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}},
    });
    let event = Ok(Event::Apply(serde_json::from_value(hpa).unwrap()));
    world.context.cluster.hpas.follow(stream::iter([event])).await;
}

async fn missing(world: &World, name: &str) {
    Mock::given(method("GET"))
        .and(path(format!("/apis/apps/v1/namespaces/shop/deployments/{name}")))
        .respond_with(status(404, "NotFound"))
        .mount(&world.server)
        .await;
}

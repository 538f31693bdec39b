//! A fleet that shares a policy, while the policy is there, gone, or was never seen; and what stands behind a fleet and
//! takes only so much.

use crate::fixtures::{ON_DEMAND, World, deployment, pod};
use apifleet_controller::facts::PolicyFact;
use serde_json::{Value, json};

const SHARES: &str = "  policyRef: {name: steady}\n";

/// A policy by which a replica carries 80 requests per second.
fn steady(gone: bool) -> PolicyFact {
    let spec = json!({"signals": {"requestRate": {"targetPerReplica": 80}}});
    PolicyFact {
        uid: "policy-uid".to_owned(),
        generation: Some(1),
        spec: Ok(serde_json::from_value(spec).unwrap()),
        gone,
    }
}

async fn ready(world: &World, counts: &[(&str, i32)]) {
    let pods = counts.iter().flat_map(|(name, count)| {
        (0..*count).map(move |n| pod(name, &format!("{name}-{n}"), &format!("{name}-node")))
    });
    world.pods(&pods.collect::<Vec<Value>>()).await;
}

#[tokio::test]
async fn a_fleet_is_scaled_by_the_policy_that_it_shares() {
    let manifest = format!("{ON_DEMAND}{SHARES}");
    let mut world = World::new(&manifest, &[deployment("api", Some(10), "7")]).await;
    world.share(&steady(false));
    world.demand = Some(1200.0);
    ready(&world, &[("api", 10)]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 15)], "1200 / 80");
    assert_eq!(world.condition("Stalled").await.0, "False");
}

#[tokio::test]
async fn a_policy_that_is_gone_still_counts_and_is_told() {
    let manifest = format!("{ON_DEMAND}{SHARES}");
    let mut world = World::new(&manifest, &[deployment("api", Some(10), "7")]).await;
    world.share(&steady(true));
    world.demand = Some(1200.0);
    ready(&world, &[("api", 10)]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 15)]);
    assert_eq!(world.condition("Stalled").await.0, "False", "it is decided");
    assert_eq!(world.condition("Ready").await, ("False".to_owned(), "PolicyMissing".to_owned()));
    world.cache(&[deployment("api", Some(15), "1000")]).await;
    world.reconcile().await.unwrap();
    let told = world.events().await;
    let told = told.iter().filter(|(reason, _)| reason == "PolicyMissing").count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_fleet_whose_policy_was_never_seen_is_kept_as_it_is_until_the_policy_is_there() {
    let manifest = format!("{ON_DEMAND}{SHARES}");
    let mut world = World::new(&manifest, &[deployment("api", Some(12), "7")]).await;
    ready(&world, &[("api", 12)]).await;
    world.take_writes().await;
    for _ in 0..3 {
        world.reconcile().await.unwrap();
    }
    assert_eq!(world.scaled().await, []);
    let missing = ("True".to_owned(), "PolicyMissing".to_owned());
    assert_eq!(world.condition("Stalled").await, missing);
    assert_eq!(world.condition("SignalsFresh").await.1, "PolicyMissing");
    assert!(world.events().await.iter().any(|(reason, _)| reason == "PolicyMissing"));

    world.share(&steady(false));
    world.demand = Some(1600.0);
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 20)]);
    assert_eq!(world.condition("Stalled").await.0, "False");
}

#[tokio::test]
async fn a_fleet_whose_policy_was_never_seen_is_raised_to_its_minimum() {
    let manifest = format!("{ON_DEMAND}{SHARES}");
    let mut world = World::new(&manifest, &[deployment("api", Some(3), "7")]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 10)]);
}

const BOTH: &str = "
apiVersion: apifleet.dev/v1alpha1
kind: ApiFleet
metadata: {name: api, namespace: shop, uid: fleet-uid, generation: 1, creationTimestamp: 2026-12-01T00:00:00Z}
spec:
  policyRef: {name: steady}
  minReplicas: 10
  maxReplicas: 30
  targets: {onDemand: {deploymentName: api}, spot: {deploymentName: api-spot}}
";

/// A fleet on both kinds of node whose policy was never seen.
async fn split(on_demand: i32, spot: i32) -> World {
    let deployments =
        [deployment("api", Some(on_demand), "7"), deployment("api-spot", Some(spot), "7")];
    let world = World::new(BOTH, &deployments).await;
    ready(&world, &[("api", on_demand), ("api-spot", spot)]).await;
    world.take_writes().await;
    world
}

#[tokio::test]
async fn a_split_whose_policy_was_never_seen_is_kept_and_what_is_added_is_on_demand() {
    for (on_demand, spot) in [(10, 2), (2, 10), (12, 0)] {
        let mut world = Box::pin(split(on_demand, spot)).await;
        for _ in 0..3 {
            world.reconcile().await.unwrap();
        }
        assert_eq!(world.scaled().await, [], "{on_demand} + {spot}");
    }
    let mut world = Box::pin(split(4, 4)).await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [("api".to_owned(), 6)]);
}

#[tokio::test]
async fn what_was_measured_for_another_meaning_raises_nothing() {
    let manifest = format!("{ON_DEMAND}{SHARES}");
    let mut world = World::new(&manifest, &[deployment("api", Some(10), "7")]).await;
    world.share(&steady(false));
    world.demand = Some(800.0);
    ready(&world, &[("api", 10)]).await;
    world.take_writes().await;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, []);
    let stored = serde_json::from_value(world.status().await).unwrap();
    world.state = apifleet_controller::state::FleetState::resumed("fleet-uid".to_owned(), stored);
    world.edit(&manifest);
    world.demand = None;
    world.reconcile().await.unwrap();
    assert_eq!(world.scaled().await, [], "800 / 50 is 16, but who says that it is 50?");
}

#[tokio::test]
async fn a_dependency_caps_the_fleet_with_room_for_a_rollout() {
    let manifest = format!(
        "{ON_DEMAND}  dependencies: [{{name: mysql, limit: 300, reserved: 60, perReplica: 16}}]\n"
    );
    // Fifteen pods fit, those that a rollout adds included.
    for (strategy, most) in [
        (json!({"rollingUpdate": {"maxSurge": 2}}), 13),
        (json!({"rollingUpdate": {"maxSurge": "25%"}}), 12),
        (json!({"type": "Recreate"}), 15),
    ] {
        let mut api = deployment("api", Some(10), "7");
        api["spec"]["strategy"] = strategy;
        let mut world = World::new(&manifest, &[api]).await;
        world.demand = Some(1500.0);
        ready(&world, &[("api", 10)]).await;
        world.take_writes().await;
        world.reconcile().await.unwrap();
        assert_eq!(world.scaled().await, [("api".to_owned(), most)]);
        let limited = ("True".to_owned(), "DependencyCap".to_owned());
        assert_eq!(world.condition("ScalingLimited").await, limited);
    }
}

//! What a fleet takes from its policy: whole blocks, and only those that it does not set itself.

use apifleet_core::policy::FleetPolicy;
use apifleet_core::quantity::Rps;
use apifleet_crds::{
    ApiFleet, ApiFleetSpec, FleetIntent, ScalingPolicy, ScalingPolicySpec, effective, policy_for,
};
use serde_json::{Value, json};

const STEADY: &str = include_str!("../../fixtures/policies/steady.yaml");
const SHARES: &str = include_str!("../../fixtures/good/shares-a-policy.yaml");

fn steady() -> ScalingPolicySpec {
    serde_saphyr::from_str::<ScalingPolicy>(STEADY).unwrap().spec
}

/// The fleet that shares the policy, with these blocks of its own; `null` takes one away.
fn sharing(own: &Value) -> ApiFleetSpec {
    let mut fleet: Value = serde_saphyr::from_str(SHARES).unwrap();
    for (name, block) in own.as_object().unwrap() {
        fleet["spec"][name] = block.clone();
    }
    serde_json::from_value::<ApiFleet>(fleet).unwrap().spec
}

fn decided(own: &Value) -> FleetPolicy {
    FleetIntent::try_from(&effective(&sharing(own), Some(&steady()))).unwrap().policy
}

#[test]
fn a_block_that_the_fleet_does_not_set_is_the_policys() {
    let decided = decided(&json!({"schedules": null}));
    assert_eq!(decided.signals.target_per_replica, Rps::new(80.0).unwrap());
    assert_eq!(decided.behavior.down.stabilization_window.as_secs(), 600);
    assert_eq!(decided.schedules.len(), 1);
    assert_eq!(decided.spot.unwrap().max_percent, 40);
    assert_eq!(decided.dependencies.len(), 1);
}

#[test]
fn a_block_that_the_fleet_sets_replaces_the_policys_whole() {
    let own = json!({
        "signals": {"windowSeconds": 30},
        "behavior": {},
        "spot": {"maxPercent": 10},
        "dependencies": [],
    });
    let decided = decided(&own);
    assert_eq!(decided.signals.window.as_secs(), 30);
    assert_eq!(decided.signals.target_per_replica, Rps::new(50.0).unwrap(), "the default");
    assert_eq!(decided.signals.latency, None, "nothing inside a block is merged");
    assert_eq!(decided.behavior.down.stabilization_window.as_secs(), 300);
    let spot = decided.spot.unwrap();
    assert_eq!((spot.max_percent, spot.min_on_demand.get()), (10, 4));
    assert!(decided.dependencies.is_empty(), "an empty list is set");
    assert!(decided.schedules.is_empty(), "as the manifest says");
}

#[test]
fn without_its_policy_a_fleet_has_what_it_says_itself() {
    let fleet = sharing(&json!({"schedules": null}));
    assert_eq!(effective(&fleet, None), fleet);
    let alone = FleetIntent::try_from(&fleet).unwrap().policy;
    assert_eq!(alone.signals.target_per_replica, Rps::new(50.0).unwrap());
    assert!(alone.schedules.is_empty());
}

#[test]
fn a_fleet_without_a_spot_target_does_not_take_the_policys_split() {
    let decided = decided(&json!({"targets": {"onDemand": {"deploymentName": "shop-api"}}}));
    assert_eq!(decided.spot, None);
}

#[test]
fn a_policy_that_does_not_fit_the_bounds_of_a_fleet_names_the_field() {
    let small = sharing(&json!({"minReplicas": 41, "maxReplicas": 60}));
    let error = FleetIntent::try_from(&effective(&small, Some(&steady()))).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("spec.dependencies[0] does not hold for minReplicas"), "{message}");
}

#[test]
fn a_policy_alone_means_what_it_means_for_a_fleet_that_sets_nothing() {
    let alone = policy_for(&steady(), 10, 30).unwrap();
    assert_eq!(alone, decided(&json!({"schedules": null})));
    let none = policy_for(&ScalingPolicySpec::default(), 10, 30).unwrap();
    assert_eq!(none.spot, None);
    let crossed = policy_for(&steady(), 30, 10).unwrap_err().to_string();
    assert!(crossed.contains("spec.maxReplicas 10 is below spec.minReplicas 30"), "{crossed}");
}

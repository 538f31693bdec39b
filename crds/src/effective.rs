//! Which blocks a fleet is decided by: its own, or those of the [`ScalingPolicySpec`] that it shares. Whole blocks, no
//! deep merge: whoever sets a block says all of it.
//!
//! The operator and the command line call [`effective`] and give the result its meaning by
//! [`FleetIntent`](crate::FleetIntent); the simulator asks a policy alone for its meaning by [`policy_for`].

use crate::error::SpecError;
use crate::intent::FleetIntent;
use crate::scaling_policy::ScalingPolicySpec;
use crate::spec::{ApiFleetSpec, Mode, Target, Targets};
use apifleet_core::policy::FleetPolicy;

/// The spec that a fleet is decided by: each block that the fleet does not set is the policy's, where there is one.
///
/// An empty list or block is set: `schedules: []` means that the fleet has none, whatever its policy says. A policy's
/// `spot` concerns only fleets with a spot target.
#[must_use]
pub fn effective(fleet: &ApiFleetSpec, policy: Option<&ScalingPolicySpec>) -> ApiFleetSpec {
    let fleet = fleet.clone();
    // Without `..`: a new block cannot be forgotten.
    let Some(ScalingPolicySpec {
        description: _,
        signals,
        behavior,
        schedules,
        spot,
        dependencies,
    }) = policy.cloned()
    else {
        return fleet;
    };
    let spot = spot.filter(|_| fleet.targets.spot.is_some());
    ApiFleetSpec {
        signals: fleet.signals.or(signals),
        behavior: fleet.behavior.or(behavior),
        schedules: fleet.schedules.or(schedules),
        spot: fleet.spot.or(spot),
        dependencies: fleet.dependencies.or(dependencies),
        ..fleet
    }
}

/// What a policy means for a fleet of these bounds that sets no block itself: what `apifleet simulate -f policy.yaml
/// --min 10 --max 30` replays. The fleet is enforced; it has a spot target if the policy has a `spot` block.
///
/// # Errors
/// Where the policy, or the bounds, mean nothing, or where they do not fit each other. Fields are named as in a
/// manifest: the bounds are `spec.minReplicas` and `spec.maxReplicas`.
pub fn policy_for(
    policy: &ScalingPolicySpec,
    min_replicas: i32,
    max_replicas: i32,
) -> Result<FleetPolicy, SpecError> {
    let target = |name: &str| Target { deployment_name: name.to_owned() };
    let fleet = ApiFleetSpec {
        mode: Mode::Enforce,
        policy_ref: None,
        min_replicas,
        max_replicas,
        targets: Targets {
            on_demand: target("on-demand"),
            spot: policy.spot.is_some().then(|| target("spot")),
        },
        signals: None,
        behavior: None,
        schedules: None,
        spot: None,
        dependencies: None,
    };
    FleetIntent::try_from(&effective(&fleet, Some(policy))).map(|intent| intent.policy)
}

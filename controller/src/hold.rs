//! Deciding a fleet whose policy is not there and was never seen, as after a restart: what its signals mean is unknown.
//! So its size is kept, out only to `minReplicas`, to floors and to what overrides order, and its split is kept, too.
//! Pure.
//!
//! The core decides it as ever, from what the fleet says itself: without signals it holds by itself. Called by
//! [`crate::reconcile`].

use crate::validate::Valid;
use apifleet_core::memory::LastValues;
use apifleet_core::observation::SpotTarget;
use apifleet_core::policy::{FleetPolicy, SpotPolicy, SurviveLossOf};
use apifleet_core::{Decision, Memory, Replicas, decide};
use jiff::Timestamp;

/// Decides it. The signals of the observation are those of nobody: none was asked for.
#[must_use]
pub fn hold(valid: &Valid, memory: &Memory, now: Timestamp) -> (Decision, Memory) {
    let mut memory = memory.clone();
    // What was measured before was measured for another meaning.
    memory.last = LastValues::default();
    let decided =
        |growth| decide(&keeping_its_split(valid, growth), &valid.observation, &memory, now);
    let (decision, after) = decided(Replicas::ZERO);
    let growth = decision.desired.minus(decision.previous);
    // What has to be added is added on demand: how much may be on spot is unknown.
    if growth == Replicas::ZERO { (decision, after) } else { decided(growth) }
}

/// The fleet's own policy, with the split that is there and this growth on demand.
fn keeping_its_split(valid: &Valid, growth: Replicas) -> FleetPolicy {
    let policy = valid.intent.policy.clone();
    let kept = match valid.observation.spot {
        SpotTarget::Present(_) => valid.observation.on_demand.wanted,
        SpotTarget::None | SpotTarget::Lost(_) => None,
    };
    let spot = policy.spot.map(|spot| match kept {
        Some(on_demand) => SpotPolicy {
            max_percent: 100,
            min_on_demand: on_demand.plus(growth),
            survive_loss_of: SurviveLossOf::None,
            ..spot
        },
        None => spot,
    });
    FleetPolicy { spot, ..policy }
}

//! Stage 8: the split between the on-demand and the spot target. The size is fixed here.
//!
//! Replicas move between the targets by make before break: a target falls only onto Ready replicas of the other.
//! Until that is so, the sum may exceed the size, and `maxReplicas`, by the move in progress.

use crate::decision::{Finding, Placement};
use crate::observation::{Observation, SpotLoss, SpotTarget, TargetObservation};
use crate::policy::SpotPolicy;
use crate::quantity::Replicas;
use crate::why::Why;

/// The split, and what is to be said about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// `spec.replicas` of the targets.
    pub placement: Placement,
    /// The sum of both.
    pub sum: Replicas,
    /// Why it is split so.
    pub why: Why,
    /// Condition `SpotHealthy`; `None` where the fleet has no spot target.
    pub spot_healthy: Option<Finding>,
}

/// Splits `size` replicas.
#[must_use]
pub fn place(policy: Option<SpotPolicy>, seen: &Observation, size: Replicas) -> Placed {
    let (Some(policy), SpotTarget::Present(spot)) = (policy, seen.spot) else {
        return on_demand_only(lost(policy, seen.spot), size);
    };
    let want_spot = spot_share(policy, size);
    let want_base = size.minus(want_spot);
    let base = keep_until_ready(want_base, seen.on_demand, size.minus(spot.ready));
    let spot = keep_until_ready(want_spot, spot, size.minus(seen.on_demand.ready));
    let sum = base.plus(spot);
    let why = if sum > size {
        Why::MoveInProgress { on_demand: base, spot, size }
    } else {
        Why::Placed { on_demand: base, spot }
    };
    Placed {
        placement: Placement { on_demand: Some(base), spot: Some(spot) },
        sum,
        why,
        spot_healthy: Some(Finding { holds: true, why }),
    }
}

/// The replicas that may run on spot.
fn spot_share(policy: SpotPolicy, size: Replicas) -> Replicas {
    let share = u64::from(size.get()) * u64::from(policy.max_percent.min(100)) / 100;
    let cap = Replicas::new(u32::try_from(share).unwrap_or(u32::MAX));
    cap.min(size.minus(policy.min_on_demand))
}

/// What a target gets: what is wanted of it, or what it has as far as the other target's Ready replicas do not yet
/// carry the rest.
fn keep_until_ready(want: Replicas, target: TargetObservation, needed: Replicas) -> Replicas {
    want.max(target.wanted.unwrap_or(want).min(needed))
}

/// Why a spot target that is wanted cannot be used, if so.
fn lost(policy: Option<SpotPolicy>, spot: SpotTarget) -> Option<Why> {
    match (policy, spot) {
        (Some(_), SpotTarget::Lost(SpotLoss::Missing)) => Some(Why::SpotTargetMissing),
        (Some(_), SpotTarget::Lost(SpotLoss::Conflicted)) => Some(Why::ConflictingAutoscaler),
        (Some(_), SpotTarget::None | SpotTarget::Present(_)) | (None, _) => None,
    }
}

/// All on demand. A lost spot target is lost capacity, not a stop.
fn on_demand_only(lost: Option<Why>, size: Replicas) -> Placed {
    Placed {
        placement: Placement { on_demand: Some(size), spot: None },
        sum: size,
        why: lost.unwrap_or(Why::Placed { on_demand: size, spot: Replicas::ZERO }),
        spot_healthy: lost.map(|why| Finding { holds: false, why }),
    }
}

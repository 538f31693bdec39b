//! What a fleet's replicas share, a database as a rule: it carries only so many of them, and the fleet stays below that
//! whatever else is asked for, `minReplicas` included.
//!
//! What counts are pods, not the size alone: a rollout runs more of them for a while, at once and without asking, so
//! room for its surge is kept at all times. A fleet on two targets keeps room for one pod more, so that replicas can
//! move between the targets even at the cap: the new one must be Ready before the old one goes.

use crate::name::Name;
use crate::observation::{Observation, SpotTarget, Surge};
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use std::num::NonZeroU32;

/// Something that the replicas share, counted in what each of them takes: connections, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency {
    /// What people call it.
    pub name: Name,
    /// How many it has.
    pub limit: u32,
    /// How many of them are for others.
    pub reserved: u32,
    /// How many a replica takes.
    pub per_replica: NonZeroU32,
}

/// The most replicas that dependencies carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The dependency that carries the fewest.
    pub by: Name,
    /// The pods that it carries, those of a rollout's surge included.
    pub pods: Replicas,
    /// The most that both targets together may be asked for, moves and cover included; at least one.
    pub sum: Replicas,
    /// The most that the fleet's size may be; at least one.
    pub size: Replicas,
}

impl Dependency {
    /// The pods that it carries at once.
    #[must_use]
    pub fn pods(&self) -> Replicas {
        Replicas::new(self.limit.saturating_sub(self.reserved) / self.per_replica)
    }
}

impl Cap {
    /// The cap of the dependency that carries the fewest; `None` where there is no dependency.
    #[must_use]
    pub fn of(policy: &FleetPolicy, seen: &Observation) -> Option<Self> {
        let tightest = policy.dependencies.iter().min_by_key(|other| (other.pods(), other.name))?;
        let spot = match seen.spot {
            SpotTarget::Present(target) if policy.spot.is_some() => Some(target.surge),
            SpotTarget::None | SpotTarget::Lost(_) | SpotTarget::Present(_) => None,
        };
        let one = Replicas::new(1);
        let pods = tightest.pods();
        let sum = wanted_within(pods, seen.on_demand.surge, spot).max(one);
        let size = if spot.is_some() { sum.minus(one).max(one) } else { sum };
        Some(Self { by: tightest.name, pods, sum, size })
    }
}

/// The largest size that a fleet may have: `maxReplicas`, or what its dependencies carry.
#[must_use]
pub(crate) fn largest(policy: &FleetPolicy, seen: &Observation) -> Replicas {
    let max = policy.bounds.max();
    Cap::of(policy, seen).map_or(max, |cap| max.min(cap.size))
}

/// The most replicas that may be wanted of the targets together, so that they and the surge of rollouts of both are
/// no more than these pods.
fn wanted_within(pods: Replicas, on_demand: Surge, spot: Option<Surge>) -> Replicas {
    let (mut fixed, mut percent, mut roundings) = (Replicas::ZERO, 0, 0);
    for surge in [Some(on_demand), spot].into_iter().flatten() {
        match surge {
            Surge::Pods(pods) => fixed = fixed.plus(pods),
            Surge::Percent(0) => {}
            Surge::Percent(share) => {
                percent = share.max(percent);
                roundings += 1;
            }
        }
    }
    // Each target rounds its part up by less than one pod: of two, one more than their sum at most.
    let extra = Replicas::new(u32::saturating_sub(roundings, 1));
    let room = u64::from(pods.minus(fixed).minus(extra).get());
    let wanted = room * 100 / (100 + u64::from(percent));
    Replicas::new(u32::try_from(wanted).unwrap_or(u32::MAX))
}

//! Spot capacity: what its nodes say, how much of the fleet may stand on it, and what happens while it is taken away.
//!
//! The rule: critical traffic never depends on spot; leaving spot is fast, going back is slow; cover before drain.
//!
//! * [`sight`] counts once what was seen of nodes and pods;
//! * [`loss`] says what a loss of nodes would leave, and how many on-demand replicas that asks for;
//! * [`state`] is the machine `Normal`, `Covering`, `Fallback`, `Returning`, kept in [`memory`];
//! * [`leave`] takes a fleet off spot where somebody ordered it;
//! * [`drain`] says what is to be done with each node that is being taken away;
//! * [`wake`] says when any of this will change by itself.
//!
//! The split itself is stage [`crate::rules::place`]. Nothing here knows a platform: the operator translates taints
//! and conditions into [`crate::observation::SpotNode`].

pub mod drain;
pub mod leave;
pub mod loss;
pub mod memory;
pub mod sight;
pub mod state;
pub mod wake;

use crate::dependencies::Cap;
use crate::observation::Observation;
use crate::overrides::Override;
use crate::policy::SpotPolicy;
use crate::quantity::{Replicas, Rps};
use crate::schedule::agenda::SpotSlots;
use jiff::Timestamp;
use loss::Needs;
use memory::{SpotMemory, Stance};
use sight::Sight;

/// What the parts of this module look at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The policy.
    pub policy: SpotPolicy,
    /// What was seen.
    pub seen: &'a Observation,
    /// The same of spot, counted.
    pub sight: Sight,
    /// What the fleet has to carry.
    pub needs: Needs,
    /// The fleet's size.
    pub size: Replicas,
    /// What dependencies carry.
    pub cap: Option<Cap>,
    /// Whether replicas may move back to spot now.
    pub may_return: bool,
    /// How the nodes for spot replicas of a pre-warm come.
    pub slots: SpotSlots,
    /// The override that takes every replica off spot, if one is in force.
    pub no_spot: Option<&'a Override>,
    /// The time.
    pub now: Timestamp,
}

impl View<'_> {
    /// The replicas that may be on spot when all of its share can be had.
    #[must_use]
    pub fn full(&self) -> Replicas {
        self.allowed(self.policy.max_percent)
    }

    /// The replicas that this share of the fleet allows on spot, as far as the on-demand replicas left are enough.
    #[must_use]
    pub fn allowed(&self, share_percent: u8) -> Replicas {
        share(self.size, share_percent).min(self.size.minus(self.base_needed()))
    }

    /// The replicas that the state wants on spot, as far as they find nodes there.
    #[must_use]
    pub(crate) fn wanted_on_spot(&self, memory: &SpotMemory) -> Replicas {
        if let Some(remaining) = leave::remaining(memory, self) {
            return self.allowed(self.policy.max_percent).min(self.sight.healthy).min(remaining);
        }
        let slots = self.sight.healthy.plus(self.sight.young).plus(state::growth(memory, self));
        self.allowed(self.share_percent(memory)).min(slots)
    }

    /// The on-demand replicas that are needed whatever spot offers.
    fn base_needed(&self) -> Replicas {
        let critical = self.needs.critical_replicas();
        self.policy.min_on_demand.max(critical).max(loss::survivors(self))
    }

    /// The share of the fleet that stands on spot nodes which stay, in percent, rounded up.
    #[must_use]
    pub fn healthy_percent(&self) -> u8 {
        let parts = u64::from(self.sight.healthy.get()) * 100;
        let percent = parts.div_ceil(u64::from(self.size.get()).max(1));
        u8::try_from(percent).unwrap_or(100).min(self.policy.max_percent.min(100))
    }

    /// The state's share, in percent.
    #[must_use]
    pub fn share_percent(&self, memory: &SpotMemory) -> u8 {
        if self.no_spot.is_some() {
            return 0;
        }
        match memory.stance {
            Stance::Normal => self.policy.max_percent.min(100),
            Stance::Covering | Stance::Fallback { .. } => self.healthy_percent(),
            Stance::Returning { share_percent, .. } => share_percent.min(self.policy.max_percent),
        }
    }
}

/// What a fleet has on spot that has come to rest: every share can be had, nothing of its demand is critical, and spot
/// nodes go in one of so many parts.
#[must_use]
pub fn at_rest(
    policy: SpotPolicy,
    size: Replicas,
    (demand, per_replica): (Rps, Rps),
    domains: u32,
) -> Replicas {
    let left = loss::left_by(demand, per_replica, policy);
    let survivors = size.minus(loss::survivable(size, left, domains));
    share(size, policy.max_percent).min(size.minus(policy.min_on_demand.max(survivors)))
}

/// A share of a fleet, rounded down.
pub(crate) fn share(size: Replicas, percent: u8) -> Replicas {
    let share = u64::from(size.get()) * u64::from(percent.min(100)) / 100;
    Replicas::new(u32::try_from(share).unwrap_or(u32::MAX))
}

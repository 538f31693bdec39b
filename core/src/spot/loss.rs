//! What a loss of spot nodes would leave: the replicas that survive must carry the demand, each perhaps a little more
//! than it carries well.
//!
//! Demand is the highest of the scale-down window, so that a dip moves nothing to spot that has to come back at once.

use super::View;
use super::share;
use super::sight::Sight;
use crate::memory::{Memory, Sample};
use crate::policy::{FleetPolicy, SpotPolicy, SurviveLossOf};
use crate::quantity::{Replicas, Rps};
use crate::rules::Outcome;
use crate::rules::trust::Trust;
use crate::signal::Signal;
use crate::why::Why;
use crate::window::{self, Keep, extremum};
use jiff::Timestamp;
use std::time::Duration;

/// At least this part of a fleet may always be on spot: below it nothing is gained by looking for more headroom.
const SMALLEST_SHARE: u32 = 5;

/// What the fleet has to carry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needs {
    /// The highest demand of the scale-down window; `None` where nothing is known of it.
    pub demand: Option<Rps>,
    /// The highest critical demand of that window; `None` where series carry no class.
    pub critical: Option<Rps>,
    /// What a replica carries well.
    pub per_replica: Rps,
}

impl Needs {
    /// Remembers what is known of demand now, and says what has to be carried. While signals cannot be trusted the
    /// highest known demand does not grow old.
    #[must_use]
    pub fn note(policy: &FleetPolicy, trust: &Trust, memory: &mut Memory, now: Timestamp) -> Self {
        let window = memory.patience.window(&policy.behavior);
        let signals = &trust.signals;
        let note = |signal, list| note(signal, list, trust.trusted, (window, now));
        Self {
            demand: note(&signals.request_rate, &mut memory.spot.demand),
            critical: note(&signals.critical_rate, &mut memory.spot.critical),
            per_replica: policy.signals.target_per_replica,
        }
    }

    /// The replicas that carry the critical demand alone.
    #[must_use]
    pub fn critical_replicas(&self) -> Replicas {
        self.critical.map_or(Replicas::ZERO, |rate| rate.carried_by(self.per_replica))
    }
}

fn note(
    signal: &Signal<Rps>,
    list: &mut Vec<Sample>,
    trusted: bool,
    (window, now): (Duration, Timestamp),
) -> Option<Rps> {
    let known = match signal {
        Signal::Idle => Some(Rps::ZERO),
        other => other.value(),
    };
    let sample = known.map(|rate| Sample::new(rate.get(), now));
    let before = extremum(list, now, window).map(|high| Sample { at: now, ..high });
    for high in sample.into_iter().chain(before.filter(|_| !trusted)) {
        window::record(list, Keep::Highest, high, window);
    }
    let highest = extremum(list, now, window).and_then(|high| Rps::new(high.value()));
    [known, highest].into_iter().flatten().reduce(|a, b| if b > a { b } else { a })
}

/// The smallest on-demand part with which a loss is survived; where there is none, all but a fifth of the fleet.
#[must_use]
pub fn survivors(view: &View) -> Replicas {
    let Some(domains) = view.sight.domains.filter(|_| is_wanted(view.policy)) else {
        return Replicas::ZERO;
    };
    view.size.minus(survivable(view.size, least_left(view), domains))
}

/// The replicas that may be on spot for so many to be left after a loss; a fifth of the fleet always may.
pub(super) fn survivable(size: Replicas, left: Replicas, domains: u32) -> Replicas {
    let survivable = Replicas::new(size.minus(left).get().saturating_mul(domains));
    survivable.max(fifth(size))
}

/// Whether a loss is survived with so many replicas on spot.
#[must_use]
pub fn is_survived(view: &View, spot: Replicas) -> bool {
    let Some(domains) = view.sight.domains.filter(|_| is_wanted(view.policy)) else { return true };
    lost(spot, domains) <= view.size.minus(least_left(view))
}

/// The replicas that must be left. Where nothing is known of demand, the size itself is taken for needed.
fn least_left(view: &View) -> Replicas {
    let Needs { demand, per_replica, .. } = view.needs;
    demand.map_or_else(
        || {
            let percent = u64::from(view.policy.survivors_percent.max(1));
            let left = (u64::from(view.size.get()) * 100).div_ceil(percent);
            Replicas::new(u32::try_from(left).unwrap_or(u32::MAX))
        },
        |demand| left_by(demand, per_replica, view.policy),
    )
}

/// The replicas that carry a demand when each carries as much as a survivor may.
pub(super) fn left_by(demand: Rps, per_replica: Rps, policy: SpotPolicy) -> Replicas {
    let carried = per_replica.get() * f64::from(policy.survivors_percent) / 100.0;
    Rps::new(carried).map_or(Replicas::LIMIT, |carried| demand.carried_by(carried))
}

fn is_wanted(policy: SpotPolicy) -> bool {
    policy.survive_loss_of != SurviveLossOf::None
}

/// The largest part of `spot` replicas that goes at once.
fn lost(spot: Replicas, domains: u32) -> Replicas {
    Replicas::new(spot.get().div_ceil(domains.max(1)))
}

fn fifth(size: Replicas) -> Replicas {
    Replicas::new(size.get().div_ceil(SMALLEST_SHARE))
}

/// What spot asks of the fleet's size, for stage `Demand`: that the on-demand replicas can carry the critical demand,
/// and that a loss is survived with a fifth of the fleet on spot.
#[must_use]
pub fn proposals(
    policy: &FleetPolicy,
    sight: Option<&Sight>,
    trust: &Trust,
) -> [Option<Outcome>; 2] {
    let per_replica = policy.signals.target_per_replica;
    let critical = policy.spot.and(trust.signals.critical_rate.value()).map(|rate| {
        let asks = rate.carried_by(per_replica);
        Outcome { replicas: asks, why: Why::CriticalDemand { rate, per_replica, asks } }
    });
    let survivable =
        policy.spot.filter(|spot| is_wanted(*spot)).zip(sight).and_then(|(spot, sight)| {
            let rate = trust.signals.request_rate.value()?;
            let asks = smallest(spot, sight.domains?, left_by(rate, per_replica, spot));
            Some(Outcome { replicas: asks, why: Why::SurvivableLoss { rate, asks } })
        });
    [critical, survivable]
}

/// The smallest fleet of which so many are left after a loss, with a fifth of it on spot.
fn smallest(policy: SpotPolicy, domains: u32, left: Replicas) -> Replicas {
    let is_enough = |size: u32| {
        let size = Replicas::new(size);
        let spot =
            fifth(size).min(share(size, policy.max_percent)).min(size.minus(policy.min_on_demand));
        size.minus(lost(spot, domains)) >= left
    };
    // With each replica more, at most one more is lost: what is enough stays enough.
    let (mut low, mut high) = (left.get(), Replicas::LIMIT.get());
    while low < high {
        let middle = low.midpoint(high);
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Replicas::new(low)
}

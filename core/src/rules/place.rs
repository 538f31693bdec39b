//! Stage 8: the split between the on-demand and the spot target. The size is fixed here.
//!
//! Spot gets what its share, its nodes and the needs of the on-demand part leave it ([`crate::spot`]). Replicas move
//! between the targets by make before break: a target falls only onto Ready replicas of the other, and while spot
//! nodes are being taken away the spot target falls only by pods that are gone, because nobody can say which of them
//! a ReplicaSet would remove. Until that is so the sum may exceed the size, and `maxReplicas`, by the move in progress
//! and by the replicas that are being lost: `maxReplicas` counts those that stay. It never exceeds what dependencies
//! carry: where they have no room, a replica is made only once another is gone.

use crate::decision::{Finding, Placement, SpotDecision, SpotState};
use crate::observation::{Observation, SpotLoss, SpotTarget};
use crate::overrides::Override;
use crate::policy::SpotPolicy;
use crate::quantity::Replicas;
use crate::spot::View;
use crate::spot::loss::is_survived;
use crate::spot::memory::{SpotMemory, Stance};
use crate::spot::state::{STRIKE_HOLDS, is_struck};
use crate::why::{DependencyWhy, OverrideWhy, Why};

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
    /// The state of the spot capacity; `None` where the fleet has no spot target that can be used.
    pub spot: Option<SpotDecision>,
}

/// What is wanted of each target once all moves are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Of the on-demand target.
    pub on_demand: Replicas,
    /// Of the spot target.
    pub spot: Replicas,
}

/// The split that is wanted.
#[must_use]
pub fn split(view: &View, memory: &SpotMemory) -> Split {
    let spot = view.wanted_on_spot(memory);
    Split { on_demand: view.size.minus(spot), spot }
}

/// Splits a fleet over both of its targets, which are there.
#[must_use]
pub fn place(view: &View, memory: &SpotMemory) -> Placed {
    let (size, sight, on_demand) = (view.size, view.sight, view.seen.on_demand);
    let want = split(view, memory);
    let spot_now = sight.target.wanted.unwrap_or(want.spot);
    let base_now = on_demand.wanted.unwrap_or(want.on_demand);
    // While nodes go, cover stays: a replica that becomes Ready on spot meanwhile is no place to fall back onto.
    let (base_keeps, spot_keeps) = if sight.doomed > Replicas::ZERO {
        (size, sight.kept)
    } else {
        (size.minus(sight.healthy.min(spot_now)), size.minus(on_demand.ready.min(base_now)))
    };
    let goal = Split {
        on_demand: want.on_demand.max(base_now.min(base_keeps)),
        spot: want.spot.max(spot_now.min(spot_keeps)),
    };
    let there = Split { on_demand: base_now, spot: spot_now };
    let Split { on_demand: base, spot } = within_cap(view, there, goal);
    let finding = finding(view, memory, want, (base, spot));
    let waiting = goal.sum().minus(base.plus(spot));
    let no_room = view.cap.filter(|_| waiting > Replicas::ZERO).map(|cap| {
        let (dependency, pods) = (cap.by, cap.pods);
        DependencyWhy::NoRoom { dependency, pods, waiting, on_demand: base, spot }.into()
    });
    Placed {
        placement: Placement { on_demand: Some(base), spot: Some(spot) },
        sum: base.plus(spot),
        why: no_room.unwrap_or(finding.why),
        spot_healthy: Some(finding),
        spot: Some(SpotDecision {
            state: memory.stance.state(),
            since: memory.since.unwrap_or(view.now),
            share_percent: view.share_percent(memory),
            cover: base.plus(spot).minus(size).min(sight.doomed),
        }),
    }
}

/// What of a goal dependencies carry: a target grows only into the room that both leave, the on-demand target first.
/// What is there stays.
fn within_cap(view: &View, there: Split, goal: Split) -> Split {
    let Some(cap) = view.cap.filter(|cap| goal.sum() > cap.sum) else { return goal };
    let kept =
        Split { on_demand: goal.on_demand.min(there.on_demand), spot: goal.spot.min(there.spot) };
    let room = cap.sum.minus(kept.sum());
    let base_grows = goal.on_demand.minus(kept.on_demand).min(room);
    let spot_grows = goal.spot.minus(kept.spot).min(room.minus(base_grows));
    Split { on_demand: kept.on_demand.plus(base_grows), spot: kept.spot.plus(spot_grows) }
}

impl Split {
    fn sum(self) -> Replicas {
        self.on_demand.plus(self.spot)
    }
}

/// All on demand: there is no spot target, or it cannot be used, which is lost capacity and not a stop.
#[must_use]
pub fn on_demand_only(policy: Option<SpotPolicy>, seen: &Observation, size: Replicas) -> Placed {
    let lost = policy.and(match seen.spot {
        SpotTarget::Lost(SpotLoss::Missing) => Some(Why::SpotTargetMissing),
        SpotTarget::Lost(SpotLoss::Conflicted) => Some(Why::ConflictingAutoscaler),
        SpotTarget::None | SpotTarget::Present(_) => None,
    });
    Placed {
        placement: Placement { on_demand: Some(size), spot: None },
        sum: size,
        why: lost.unwrap_or(Why::Placed { on_demand: size, spot: Replicas::ZERO }),
        spot_healthy: lost.map(|why| Finding { holds: false, why }),
        spot: None,
    }
}

/// What is to be said about it: the worst first.
fn finding(
    view: &View,
    memory: &SpotMemory,
    want: Split,
    (on_demand, spot): (Replicas, Replicas),
) -> Finding {
    let (size, sight) = (view.size, view.sight);
    let bad = |why| Finding { holds: false, why };
    let good = |why| Finding { holds: true, why };
    let full_percent = view.policy.max_percent;
    let interrupted = || Why::SpotInterrupted {
        nodes: sight.doomed_nodes,
        pods: sight.doomed,
        on_demand,
        ready: view.seen.on_demand.ready.plus(sight.healthy),
        size,
    };
    if let Some(&Override { name, expires_at: until, .. }) = view.no_spot {
        if sight.doomed > Replicas::ZERO {
            return bad(interrupted());
        }
        return good(OverrideWhy::NoSpot { name, until, on_demand, spot }.into());
    }
    match memory.stance {
        Stance::Covering => return bad(interrupted()),
        Stance::Fallback { until } => return bad(Why::SpotFallback { until, on_demand, spot }),
        Stance::Normal | Stance::Returning { .. } => {}
    }
    if is_struck(memory, view.now) {
        let last = memory.strikes.last().copied().unwrap_or(view.now);
        let until = last.saturating_add(STRIKE_HOLDS).unwrap_or(last);
        return bad(Why::SpotUnschedulable { until, on_demand, spot });
    }
    if sight.domains.is_none() {
        return bad(Why::SpotNodesUnknown { on_demand, spot });
    }
    if !is_survived(view, want.spot) {
        return bad(Why::NoLossHeadroom { on_demand, spot, size });
    }
    if memory.stance.state() == SpotState::Returning {
        let percent = view.share_percent(memory);
        let waits = !view.may_return;
        return good(Why::SpotReturning { percent, full_percent, waits, on_demand, spot });
    }
    if on_demand.plus(spot) > size {
        return good(Why::MoveInProgress { on_demand, spot, size });
    }
    good(Why::Placed { on_demand, spot })
}

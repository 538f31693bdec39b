//! Where a decision starts from: the fleet's current size, and what a restart or a gap does to the memory.
//!
//! The current size is the one that was decided last, without replicas that are only there for a move between
//! targets. What is there counts where nothing else does: when a fleet is taken over, when it is only observed; and if
//! it is more than what is remembered, after a restart, after a write whose answer was lost, when a spot target comes
//! back, and in `ScaleOutOnly`, which removes nothing that others added.

use crate::changes::Change;
use crate::decision::Placement;
use crate::memory::Memory;
use crate::observation::{Observation, SpotTarget};
use crate::policy::{FleetPolicy, Mode};
use crate::quantity::Replicas;
use crate::spot::sight::is_doomed;
use crate::window::signed;
use jiff::{SignedDuration, Timestamp};

/// Between decisions that are further apart nobody knows what would have been recommended.
const GAP: SignedDuration = SignedDuration::from_secs(30);

/// Where a decision starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// The size before.
    pub(crate) current: Replicas,
    /// What is there.
    pub(crate) found: Replicas,
    /// Whether the fleet is taken over.
    pub(crate) adopts: bool,
    /// Since when a state that is first seen now has held, as far as scale-out goes: after a restart, since the
    /// memory was written.
    pub(crate) since: Timestamp,
}

impl Start {
    /// Finds it and makes up in `after` for what was not seen; `None` where a target's size is unknown.
    pub(crate) fn find(
        policy: &FleetPolicy,
        seen: &Observation,
        after: &mut Memory,
        now: Timestamp,
    ) -> Option<Self> {
        let found = found(policy, seen)?;
        let adopts = after.adopts(policy.mode);
        let remembered = after.size.filter(|_| !adopts).unwrap_or(found);
        // What comes from a status may have been edited: a size that is neither there nor allowed is none.
        let credible = if after.resumed { found.max(policy.bounds.max()) } else { remembered };
        after.note_change(
            &policy.behavior,
            Change::between(remembered, remembered.min(credible), now),
        );
        let remembered = remembered.min(credible);
        let stays = found.minus(doomed(policy, seen));
        let current = match policy.mode {
            Mode::Observe => found,
            Mode::ScaleOutOnly => with_growth(after, remembered, stays),
            Mode::Enforce if after.may_have_written_more() || spot_returns(policy, seen, after) => {
                with_growth(after, remembered, stays)
            }
            Mode::Enforce => remembered,
        };
        let grown = current > remembered;
        let since = after.at.filter(|_| after.resumed).unwrap_or(now);
        if after.may_have_written_more() {
            keep_climbing(policy, after, grown, now);
        }
        if policy.mode == Mode::Observe {
            after.note_change(&policy.behavior, Change::between(remembered, found, now));
        } else if let Some(write) = after.foreign_write(seen)
            && !(policy.mode == Mode::ScaleOutOnly && write.is_raise())
        {
            after.note_foreign_write(now);
        }
        let gap = after.at.is_none_or(|at| now.duration_since(at) > GAP);
        if adopts || after.resumed || gap || grown {
            after.recommend_high(&policy.behavior, current, now);
            after.trusted_since = after.trusted_since.map(|_| now);
        }
        Some(Self { current, found, adopts, since })
    }
}

/// The replicas that the targets are asked for now; `None` where one is unknown.
fn found(policy: &FleetPolicy, seen: &Observation) -> Option<Replicas> {
    let spot = match seen.spot {
        SpotTarget::Present(target) if policy.spot.is_some() => target.wanted?,
        SpotTarget::None | SpotTarget::Lost(_) | SpotTarget::Present(_) => Replicas::ZERO,
    };
    Some(seen.on_demand.wanted?.plus(spot))
}

/// The pods that are being lost with their nodes: what covers them is no growth.
fn doomed(policy: &FleetPolicy, seen: &Observation) -> Replicas {
    let nodes = seen.spot_nodes.iter().filter(|node| policy.spot.is_some() && is_doomed(node));
    nodes.fold(Replicas::ZERO, |sum, node| sum.plus(node.pods))
}

/// The size where growth that is not remembered is kept: what is there counts if it is more than what we remember to
/// have asked for. A move in progress that is remembered is no growth, nor is one whose answer was lost: of what we have
/// perhaps made ourselves only the size that was decided counts.
fn with_growth(memory: &Memory, remembered: Replicas, found: Replicas) -> Replicas {
    let asked = memory.placement.map_or(remembered, Placement::sum);
    let grown = match memory.perhaps {
        Some(ours) if found <= ours.sum => found.min(ours.size),
        Some(_) | None => found,
    };
    if found > asked { remembered.max(grown) } else { remembered }
}

/// Whether a spot target that could not be used can be again. What is there was made by others and is taken over.
fn spot_returns(policy: &FleetPolicy, seen: &Observation, memory: &Memory) -> bool {
    let was_lost = memory.placement.is_some_and(|placement| placement.spot.is_none());
    policy.spot.is_some() && was_lost && matches!(seen.spot, SpotTarget::Present(_))
}

/// A scale-out that may have been running when memory was lost runs on.
fn keep_climbing(policy: &FleetPolicy, after: &mut Memory, grown: bool, now: Timestamp) {
    let was_climbing = after.climbing_until.zip(after.at).is_some_and(|(until, at)| until > at);
    if was_climbing || grown {
        after.climbing_until = now.checked_add(signed(policy.signals.window)).ok();
    }
}

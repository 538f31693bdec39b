//! When something about spot will change by the clock alone: a notice runs out, a hold-down ends, a step is due, a pod
//! has waited long enough.

use super::drain::{ASKING, DEAD_AFTER, latest};
use super::memory::{SpotMemory, Stance};
use super::sight::PENDING_FOR;
use super::state::{STEP_EVERY, STORM, STRIKE_HOLDS};
use super::{View, leave};
use crate::observation::{NodeHealth, SpotNode};
use crate::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};

/// The first such instant after now.
#[must_use]
pub fn wake(view: &View, memory: &SpotMemory) -> Option<Timestamp> {
    let after = |at: Timestamp, length: SignedDuration| at.checked_add(length).ok();
    let stance = match memory.stance {
        Stance::Normal | Stance::Covering => None,
        Stance::Fallback { until } => Some(until),
        Stance::Returning { stepped_at, .. } => after(stepped_at, STEP_EVERY),
    };
    let strike = memory.strikes.last().and_then(|at| after(*at, STRIKE_HOLDS));
    let pending = view.seen.spot_pending_since.iter().filter_map(|at| after(*at, PENDING_FOR));
    let remembered = memory.interruptions.iter().filter_map(|node| after(node.last, STORM));
    let nodes = view.seen.spot_nodes.iter().flat_map(edges);
    let left = leave::next(memory, view);
    let all =
        [stance, strike, left].into_iter().flatten().chain(pending).chain(remembered).chain(nodes);
    all.filter(|at| *at > view.now).min()
}

/// The instants at which a node's orders change.
fn edges(node: &SpotNode) -> impl Iterator<Item = Timestamp> {
    let evict = node.interruption.filter(|_| node.pods > Replicas::ZERO).map(latest);
    let delete = evict.and_then(|at| at.checked_add(ASKING).ok());
    let dead = match node.health {
        NodeHealth::Unreachable { since } => since.checked_add(DEAD_AFTER).ok(),
        NodeHealth::Ready | NodeHealth::Unschedulable | NodeHealth::NotReady => None,
    };
    [evict, delete, dead].into_iter().flatten()
}

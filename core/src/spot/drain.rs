//! What is to be done with the nodes that are being taken away: orders as data, which the operator carries out.
//!
//! Cover before drain: a pod goes when as many replicas are Ready elsewhere as are wanted, or when the notice leaves
//! just enough time for it to end well. Later than that it is deleted past every disruption budget, because its node
//! dies anyway. A node that does not answer keeps its pods in the Services until they are deleted by force (73 s were
//! seen without it).

use super::View;
use super::memory::SpotMemory;
use super::sight::is_taken;
use super::state::is_well;
use crate::decision::{Drain, DrainOrder};
use crate::observation::{Interruption, NodeHealth, SpotNode};
use crate::quantity::Replicas;
use crate::window::signed;
use jiff::{SignedDuration, Timestamp};

/// What a pod needs to end well: 20 s until load balancers know, 10 s for its requests, 15 s of margin.
const ENDING: SignedDuration = SignedDuration::from_secs(45);
/// Cover gets so long even where the notice is short.
const SHORTEST: SignedDuration = SignedDuration::from_secs(8);
/// Disruption budgets are asked for so long, once the time has come.
pub const ASKING: SignedDuration = SignedDuration::from_secs(2);
/// A node that has not answered for so long is taken for dead.
pub const DEAD_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// The orders, by how little time their nodes have left.
#[must_use]
pub fn drains(view: &View, memory: &SpotMemory) -> Vec<Drain> {
    let mut nodes: Vec<&SpotNode> = view.seen.spot_nodes.iter().collect();
    nodes.sort_by_key(|node| (node.interruption.map(latest), node.id));
    let mut spare = view.seen.ready().minus(view.size);
    let order = |node: &SpotNode| {
        let order = order(node, view, memory, &mut spare)?;
        Some(Drain { node: node.id, order })
    };
    nodes.into_iter().filter_map(order).collect()
}

/// When a node's pods have to begin to end.
#[must_use]
pub fn latest(interruption: Interruption) -> Timestamp {
    let left = (signed(interruption.notice).saturating_sub(ENDING)).max(SHORTEST);
    interruption.at.saturating_add(left).unwrap_or(Timestamp::MAX)
}

/// What is to be done with one node. `spare` are the Ready replicas beyond those that are wanted.
fn order(
    node: &SpotNode,
    view: &View,
    memory: &SpotMemory,
    spare: &mut Replicas,
) -> Option<DrainOrder> {
    // The Ready pods of every node that goes are lost, however it goes: one cover pays for one node.
    let covered = if is_taken(node) { node.ready.min(*spare) } else { Replicas::ZERO };
    *spare = spare.minus(covered);
    if let NodeHealth::Unreachable { since } = node.health
        && view.now.duration_since(since) >= DEAD_AFTER
    {
        return Some(DrainOrder::ForceDelete);
    }
    let Some(interruption) = node.interruption else {
        // For ten minutes; one whose taint could not be taken away is remembered for ten more.
        let remembered = memory.interruptions.iter().any(|other| other.node == node.id);
        let is_over = node.tainted_by_us && !is_taken(node) && is_well(node) && !remembered;
        return is_over.then_some(DrainOrder::Undo);
    };
    // Whoever has pods there taints it: not every fleet that could have some.
    if node.pods == Replicas::ZERO {
        return None;
    }
    let late = view.now.duration_since(latest(interruption));
    if late >= ASKING {
        return Some(DrainOrder::Delete);
    }
    if late >= SignedDuration::ZERO {
        return Some(DrainOrder::Evict(node.pods));
    }
    Some(if covered == Replicas::ZERO { DrainOrder::Taint } else { DrainOrder::Evict(covered) })
}

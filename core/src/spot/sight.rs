//! What was seen of the spot nodes and pods, counted once for all who ask.
//!
//! A node is *doomed* while it is being taken away, or does not run its pods: those are covered. Pods on it that are
//! Ready still serve. An unschedulable node keeps its pods, and only takes no new ones.

use crate::observation::{
    NodeHealth, Observation, PoolId, SpotNode, SpotTarget, TargetObservation,
};
use crate::policy::{FleetPolicy, SurviveLossOf};
use crate::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// A pod that has waited for a node for so long does not find one.
pub const PENDING_FOR: SignedDuration = SignedDuration::from_secs(90);

/// The counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// The spot target.
    pub target: TargetObservation,
    /// What is lost at once, and how many of it there are; `None` where nodes are not watched.
    pub domains: Option<u32>,
    /// Ready pods of the spot target that are not on doomed nodes.
    pub healthy: Replicas,
    /// Pods on doomed nodes.
    pub doomed: Replicas,
    /// Doomed nodes with pods.
    pub doomed_nodes: u32,
    /// Pods of the spot target that are left alone while some are doomed: those, and the Ready ones that stay. Others
    /// may be what a `ReplicaSet` made for one that was evicted, and go first.
    pub kept: Replicas,
    /// Pods of the spot target that may still get a node.
    pub young: Replicas,
}

impl Sight {
    /// Counts; `None` where there is no spot target that can be used.
    #[must_use]
    pub fn of(policy: &FleetPolicy, seen: &Observation, now: Timestamp) -> Option<Self> {
        let survive = policy.spot?.survive_loss_of;
        let target = match seen.spot {
            SpotTarget::Present(target) => target,
            SpotTarget::None | SpotTarget::Lost(_) => return None,
        };
        let nodes = &seen.spot_nodes;
        // Nodes of others say nothing of those that run our pods.
        let watched = target.ready == Replicas::ZERO || nodes.iter().any(has_pods);
        let doomed = || nodes.iter().filter(|node| is_doomed(node));
        let lost = sum(doomed().map(|node| node.pods));
        // After an eviction the ReplicaSet makes another pod at once: while pods are doomed, those that wait for a
        // node are perhaps such, and are not counted on.
        let young = if lost == Replicas::ZERO {
            let young = |since: &&Timestamp| now.duration_since(**since) < PENDING_FOR;
            let count = seen.spot_pending_since.iter().filter(young).count();
            Replicas::new(u32::try_from(count).unwrap_or(u32::MAX))
        } else {
            Replicas::ZERO
        };
        let healthy = target.ready.minus(sum(doomed().map(|node| node.ready)));
        Some(Self {
            target,
            domains: watched.then(|| domains(nodes, survive)),
            healthy,
            doomed: lost,
            doomed_nodes: u32::try_from(doomed().filter(|node| has_pods(node)).count())
                .unwrap_or(u32::MAX),
            kept: healthy.plus(lost),
            young,
        })
    }
}

/// Whether a node's pods have to be covered.
#[must_use]
pub fn is_doomed(node: &SpotNode) -> bool {
    is_taken(node) || node.health == NodeHealth::NotReady
}

/// Whether a node is being taken away, or gone without a word.
#[must_use]
pub fn is_taken(node: &SpotNode) -> bool {
    node.interruption.is_some() || matches!(node.health, NodeHealth::Unreachable { .. })
}

fn has_pods(node: &SpotNode) -> bool {
    node.pods > Replicas::ZERO
}

/// What can be lost at once, counted; at least one.
fn domains(nodes: &[SpotNode], loss: SurviveLossOf) -> u32 {
    let well = nodes.iter().filter(|node| node.health == NodeHealth::Ready && !is_taken(node));
    let count = match loss {
        SurviveLossOf::Node => well.count(),
        SurviveLossOf::CapacityPool | SurviveLossOf::None => {
            well.map(|node| node.pool).collect::<BTreeSet<PoolId>>().len()
        }
    };
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}

pub(crate) fn sum(counts: impl Iterator<Item = Replicas>) -> Replicas {
    counts.fold(Replicas::ZERO, Replicas::plus)
}

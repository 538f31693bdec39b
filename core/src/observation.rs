//! What was seen of a fleet at one instant, as it was read: nothing here has been judged yet.
//!
//! The operator fills it from Kubernetes and Prometheus, the simulator from its plant. [`crate::rules::trust`]
//! judges it.

use crate::quantity::Replicas;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One look at a fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The on-demand target.
    pub on_demand: TargetObservation,
    /// The spot target.
    pub spot: SpotTarget,
    /// The nodes of spot capacity that carry pods of the fleet, or could; in any order. Empty where nodes are not
    /// watched.
    pub spot_nodes: Vec<SpotNode>,
    /// Since when each pod of the spot target that has no node has waited for one, in any order.
    pub spot_pending_since: Vec<Timestamp>,
    /// The placeholder Deployments.
    pub placeholders: Placeholders,
    /// Pods of the fleet that became Ready lately; what was told before may be told again.
    pub pods_started: Vec<Startup>,
    /// Nodes that became Ready lately; what was told before may be told again.
    pub nodes_started: Vec<Startup>,
    /// Since when each Ready pod of the fleet has been Ready, in any order.
    pub ready_since: Vec<Timestamp>,
    /// How often Prometheus scrapes the fleet's pods.
    pub scrape_interval: Duration,
    /// What Prometheus answered.
    pub readings: Readings,
}

/// One Deployment of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TargetObservation {
    /// `spec.replicas`; `None` where it is unknown, which is never taken for a number.
    pub wanted: Option<Replicas>,
    /// Ready pods.
    pub ready: Replicas,
    /// Pods that exist and have not been scheduled.
    pub pending: Replicas,
    /// Whether a new revision is being rolled out, and since when.
    pub rollout: Rollout,
    /// How many pods a rollout may add to those that are wanted.
    pub surge: Surge,
}

/// How many pods a rollout may add: `maxSurge` of a Deployment, and none where it recreates its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surge {
    /// So many.
    Pods(Replicas),
    /// So many percent of those that are wanted, rounded up.
    Percent(u32),
}

/// Whether a new revision is being rolled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rollout {
    /// All pods are of the current revision, or the rollout has been given up (`Progressing=False`).
    #[default]
    Settled,
    /// Under way since then.
    InProgress {
        /// When it was first seen.
        since: Timestamp,
    },
}

/// The spot target of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpotTarget {
    /// The fleet has none.
    #[default]
    None,
    /// It is named but cannot be used: lost capacity, never a stop.
    Lost(SpotLoss),
    /// It is there.
    Present(TargetObservation),
}

/// Why a named spot target cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotLoss {
    /// The Deployment does not exist.
    Missing,
    /// Another autoscaler owns it.
    Conflicted,
}

/// A node of spot capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotNode {
    /// Which.
    pub id: NodeId,
    /// The instance type and zone that it shares its fate with.
    pub pool: PoolId,
    /// What it is good for.
    pub health: NodeHealth,
    /// Whether and since when it is being taken away.
    pub interruption: Option<Interruption>,
    /// Whether it carries the operator's own taint.
    pub tainted_by_us: bool,
    /// Pods of the fleet's spot target that are bound to it, not finished and not being deleted.
    pub pods: Replicas,
    /// Those of them that are Ready.
    pub ready: Replicas,
}

/// Tells a node from every other, also from an earlier one of its name. Stored as text: JSON knows no integers of
/// this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(pub u64);

/// Tells a pool of spot capacity (instance type and zone) from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u64);

/// What a node is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeHealth {
    /// It takes and runs pods.
    Ready,
    /// It runs its pods; new ones go elsewhere.
    Unschedulable,
    /// It says itself that it cannot run pods.
    NotReady,
    /// It does not answer (`node.kubernetes.io/unreachable`): dead, or cut off.
    Unreachable {
        /// Since when.
        since: Timestamp,
    },
}

/// The notice that a node is being taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// When the notice was given, or first seen.
    pub at: Timestamp,
    /// How long the node lives from then on.
    pub notice: Duration,
}

/// The placeholder Deployments of a fleet: they hold nodes for pods that are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placeholders {
    /// On on-demand nodes; `None` where there is none.
    pub on_demand: Option<TargetObservation>,
    /// On spot nodes; `None` where there is none.
    pub spot: Option<TargetObservation>,
}

/// How long something took to become Ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Startup {
    /// When it became Ready.
    pub at: Timestamp,
    /// From its creation.
    pub took: Duration,
}

/// What Prometheus answered, one reading per question.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Readings {
    /// Requests per second of the whole fleet over the policy's window.
    pub request_rate: Reading,
    /// The same over 15 seconds.
    pub burst_rate: Reading,
    /// The guarded percentile of latency, in milliseconds. NaN where there were no requests.
    pub latency: Reading,
    /// Failed requests per second.
    pub error_rate: Reading,
    /// Requests per second that must never be lost. Empty where series carry no class.
    pub critical_rate: Reading,
    /// The same percentile as [`Self::latency`] of what a request spends waiting for what is behind the server, in
    /// milliseconds. Empty where the server does not measure it.
    pub dependency_latency: Reading,
    /// Pods with a fresh sample. Absent where series carry no pod identity.
    pub scraped_pods: Reading,
    /// The largest number of samples that any pod has within the window.
    pub window_samples: Reading,
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Reading {
    /// One row. The value may still be NaN, infinite, negative or old.
    Value {
        /// As Prometheus gave it.
        value: f64,
        /// When the newest sample that it is made of was scraped.
        sampled_at: Timestamp,
    },
    /// No row.
    #[default]
    Empty,
    /// More rows than the one asked for.
    Several,
    /// No answer within the deadline, or an error.
    Failed,
}

impl Default for Surge {
    /// No pod more than is wanted.
    fn default() -> Self {
        Self::Pods(Replicas::ZERO)
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        format!("{:016x}", id.0)
    }
}

impl TryFrom<String> for NodeId {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

impl Observation {
    /// The Ready pods of both targets.
    #[must_use]
    pub fn ready(&self) -> Replicas {
        match self.spot {
            SpotTarget::Present(spot) => self.on_demand.ready.plus(spot.ready),
            SpotTarget::None | SpotTarget::Lost(_) => self.on_demand.ready,
        }
    }
}

//! What was seen of a fleet at one instant, as it was read: nothing here has been judged yet.
//!
//! The operator fills it from Kubernetes and Prometheus, the simulator from its plant. [`crate::rules::trust`]
//! judges it.

use crate::quantity::Replicas;
use jiff::Timestamp;
use std::time::Duration;

/// One look at a fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The on-demand target.
    pub on_demand: TargetObservation,
    /// The spot target.
    pub spot: SpotTarget,
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

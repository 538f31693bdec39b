//! What the fleet's dependencies make of its size.

use super::Why;
use crate::name::Name;
use crate::quantity::{Millis, Replicas};
use crate::reason::Reason;
use std::fmt;

/// The sentences about dependencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DependencyWhy {
    /// A dependency carries no more replicas.
    Cap {
        /// Which.
        dependency: Name,
        /// The pods that it carries, those of a rollout included.
        pods: Replicas,
        /// The size that leaves room for a rollout.
        cap: Replicas,
        /// What was asked for.
        asks: Replicas,
        /// What is kept now: the cap, or more while the size falls to it by the scale-down policies.
        keeps: Replicas,
    },
    /// A dependency carries fewer replicas than the fleet's minimum.
    BelowMin {
        /// Which.
        dependency: Name,
        /// The pods that it carries, those of a rollout included.
        pods: Replicas,
        /// The size that leaves room for a rollout.
        cap: Replicas,
        /// `minReplicas`.
        min: Replicas,
        /// What is kept now.
        keeps: Replicas,
    },
    /// Replicas that would cover for others, or replace them, have to wait for these to be gone.
    NoRoom {
        /// Which.
        dependency: Name,
        /// The pods that it carries, those of a rollout included.
        pods: Replicas,
        /// Replicas that have to wait.
        waiting: Replicas,
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
    },
    /// Latency is above its target because of what is behind the server.
    Slow {
        /// Which percentile.
        percentile: u8,
        /// Of requests.
        latency: Millis,
        /// Of what they spend waiting.
        dependency: Millis,
        /// The target.
        target: Millis,
    },
}

impl DependencyWhy {
    /// The one word for it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Cap { .. } | Self::NoRoom { .. } => Reason::DependencyCap,
            Self::BelowMin { .. } => Reason::DependencyBelowMin,
            Self::Slow { .. } => Reason::DatabaseOrDependencyBound,
        }
    }
}

impl From<DependencyWhy> for Why {
    fn from(why: DependencyWhy) -> Self {
        Self::Dependency(why)
    }
}

impl fmt::Display for DependencyWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cap { dependency, pods, cap, asks, keeps } if keeps > cap => write!(
                f,
                "{dependency} carries {pods} pods, {cap} replicas with room for a rollout: the size falls to that by the \
                 scale-down policies, {keeps} now, {asks} is asked for"
            ),
            Self::Cap { dependency, pods, cap, asks, .. } => write!(
                f,
                "{dependency} carries {pods} pods, {cap} replicas with room for a rollout, {asks} is asked for"
            ),
            Self::BelowMin { dependency, pods, cap, min, keeps } => write!(
                f,
                "{dependency} carries {pods} pods, {cap} replicas with room for a rollout, fewer than minReplicas {min}: \
                 {keeps} now"
            ),
            Self::NoRoom { dependency, pods, waiting, on_demand, spot } => write!(
                f,
                "{dependency} carries {pods} pods: {waiting} replicas have to wait until others are gone; {on_demand} \
                 on demand, {spot} on spot"
            ),
            Self::Slow { percentile, latency, dependency, target } => write!(
                f,
                "p{percentile} {latency} is above its target {target} because requests wait {dependency} for what is \
                 behind the server: more replicas do not help"
            ),
        }
    }
}

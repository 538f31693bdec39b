//! What the owner of a fleet asked for, already validated and with every default applied.
//!
//! A value of these types is meaningful by construction; the typed manifest in the `crds` crate becomes one by
//! `TryFrom`, once, and nothing later checks again.

use crate::behavior::Behavior;
use crate::quantity::{Millis, Percent, Replicas, Rps};
use std::time::Duration;

/// Everything that a decision needs to know about a fleet's intent.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetPolicy {
    /// Whether decisions are carried out, and in which direction.
    pub mode: Mode,
    /// The fleet's size, both targets together.
    pub bounds: Bounds,
    /// Which signals are read and what they mean.
    pub signals: SignalPolicy,
    /// How fast the size may change.
    pub behavior: Behavior,
    /// How the fleet is split; `None` where it has no spot target.
    pub spot: Option<SpotPolicy>,
}

/// Whether decisions are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Decisions are carried out.
    #[default]
    Enforce,
    /// Only decisions that add replicas are carried out.
    ScaleOutOnly,
    /// Decisions are made and explained; nothing is written.
    Observe,
}

/// A fleet's smallest and largest size: `1 <= min <= max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    min: Replicas,
    max: Replicas,
}

impl Bounds {
    /// The bounds, if `1 <= min <= max`.
    #[must_use]
    pub fn new(min: Replicas, max: Replicas) -> Option<Self> {
        (min >= Replicas::new(1) && min <= max).then_some(Self { min, max })
    }

    /// The fleet is never smaller.
    #[must_use]
    pub const fn min(self) -> Replicas {
        self.min
    }

    /// The fleet is never larger, but for the move of a replica from one target to the other.
    #[must_use]
    pub const fn max(self) -> Replicas {
        self.max
    }
}

/// Which signals are read and what they mean.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalPolicy {
    /// The window over which rates and percentiles are taken.
    pub window: Duration,
    /// A sample older than this is stale; at least `window`.
    pub stale_after: Duration,
    /// What missing signals mean. Neither choice ever removes a replica.
    pub on_missing: OnMissing,
    /// The fleet is taken over at this size at least: `fallbackReplicas`, zero where it is not given.
    pub adoption: Replicas,
    /// What one Ready replica carries well; above zero.
    pub target_per_replica: Rps,
    /// The latency guard, if wanted.
    pub latency: Option<LatencyPolicy>,
    /// The share of failed requests above which nothing is scaled in, if wanted.
    pub max_errors: Option<Percent>,
}

/// What missing signals mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMissing {
    /// Keep the size.
    Hold,
    /// Keep the size, and be at least this large.
    Fallback(Replicas),
}

/// The latency that must not be passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyPolicy {
    /// Which percentile is guarded: 50, 90, 95 or 99, say.
    pub percentile: u8,
    /// The guarded value; above zero.
    pub target: Millis,
    /// How far above the target counts as noise.
    pub tolerance: Percent,
}

/// How a fleet is split between its on-demand and its spot target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotPolicy {
    /// At most this share of the fleet runs on spot, 0..=100.
    pub max_percent: u8,
    /// At least so many replicas run on demand.
    pub min_on_demand: Replicas,
}

//! What the owner of a fleet asked for, already validated and with every default applied.
//!
//! A value of these types is meaningful by construction; the typed manifest in the `crds` crate becomes one by
//! `TryFrom`, once, and nothing later checks again.

use crate::behavior::Behavior;
use crate::dependencies::Dependency;
use crate::overrides::Override;
use crate::quantity::{Millis, Percent, Replicas, Rps};
use crate::schedule::Schedule;
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
    /// What is known beforehand; at most 16.
    pub schedules: Vec<Schedule>,
    /// How the fleet is split; `None` where it has no spot target.
    pub spot: Option<SpotPolicy>,
    /// What the replicas share and only so many of them can use; at most 16.
    pub dependencies: Vec<Dependency>,
    /// What people have ordered for a while, past and to come, in any order; at most [`crate::overrides::LIMIT`].
    pub overrides: Vec<Override>,
}

impl FleetPolicy {
    /// These bounds, so much per replica, and otherwise what a manifest means that says no more.
    #[must_use]
    pub fn new(bounds: Bounds, target_per_replica: Rps) -> Self {
        Self {
            mode: Mode::default(),
            bounds,
            signals: SignalPolicy::new(target_per_replica),
            behavior: Behavior::default(),
            schedules: Vec::new(),
            spot: None,
            dependencies: Vec::new(),
            overrides: Vec::new(),
        }
    }

    /// Whether nodes for what is to come are asked for by placeholder pods: unless the spot block says otherwise.
    #[must_use]
    pub fn asks_for_nodes(&self) -> bool {
        self.spot.is_none_or(|spot| spot.capacity == CapacityMode::Placeholders)
    }
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

impl SignalPolicy {
    /// So much per replica, and otherwise what a manifest means that says no more: rates over a minute, stale after 90 s,
    /// held where they are missing, and no guard.
    #[must_use]
    pub fn new(target_per_replica: Rps) -> Self {
        Self {
            window: Duration::from_mins(1),
            stale_after: Duration::from_secs(90),
            on_missing: OnMissing::Hold,
            adoption: Replicas::ZERO,
            target_per_replica,
            latency: None,
            max_errors: None,
        }
    }
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

impl Default for LatencyPolicy {
    /// What a guard means that says no more: p95 above 200 ms, by more than 10 %.
    fn default() -> Self {
        Self {
            percentile: 95,
            target: Millis::new(200.0).unwrap_or_default(),
            tolerance: Percent::new(10.0).unwrap_or_default(),
        }
    }
}

/// How a fleet is split between its on-demand and its spot target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotPolicy {
    /// At most this share of the fleet runs on spot, 0..=100.
    pub max_percent: u8,
    /// At least so many replicas run on demand.
    pub min_on_demand: Replicas,
    /// What may be lost at once without a failed request.
    pub survive_loss_of: SurviveLossOf,
    /// How much of its target a replica may briefly carry after such a loss, in percent; at least 100.
    pub survivors_percent: u32,
    /// Who makes nodes for what is to come.
    pub capacity: CapacityMode,
}

impl SpotPolicy {
    /// What a replica may carry after a loss, in percent of its target, unless the policy says otherwise.
    pub const SURVIVORS_PERCENT: u32 = 140;

    /// At most this share on spot, at least so many replicas on demand, and otherwise what a manifest means that says
    /// no more.
    #[must_use]
    pub fn new(max_percent: u8, min_on_demand: Replicas) -> Self {
        Self {
            max_percent,
            min_on_demand,
            survive_loss_of: SurviveLossOf::default(),
            survivors_percent: Self::SURVIVORS_PERCENT,
            capacity: CapacityMode::default(),
        }
    }
}

/// What of the spot capacity may be lost at once without a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SurviveLossOf {
    /// Any one node.
    Node,
    /// All nodes of one instance type in one zone: what a reclaim usually takes.
    #[default]
    CapacityPool,
    /// Nothing is held back for it.
    None,
}

/// Who makes nodes for what is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CapacityMode {
    /// The cluster's own autoscaler, asked by placeholder pods.
    #[default]
    Placeholders,
    /// Whoever does; nothing is asked for.
    None,
}

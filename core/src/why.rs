//! The sentence behind a reason, with its numbers.
//!
//! A [`Why`] is plain data, so that a decision costs no formatting; the sentence is made when somebody reads it.
//! It is written for people under stress: what is, then what follows from it.

use crate::quantity::{Millis, Percent, Replicas, Rps};
use crate::reason::Reason;
use jiff::Timestamp;
use std::time::Duration;

mod dependency;
mod overrides;
mod schedule;
mod sentences;
mod signal_name;

pub use dependency::DependencyWhy;
pub use overrides::OverrideWhy;
pub use schedule::ScheduleWhy;
pub use signal_name::SignalName;

/// Why a stage made of its input what it made of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Why {
    /// A condition's calm side.
    AsExpected,
    /// All signals are complete and recent.
    Fresh {
        /// The age of the newest sample of the request rate.
        age: Duration,
    },
    /// Pods are scraped and there are no requests.
    Idle,
    /// Less than one window of samples.
    Warming {
        /// The samples that there are; unknown where Prometheus did not say.
        samples: Option<u32>,
        /// The samples of a full window.
        needed: u32,
    },
    /// The newest sample is too old, or from the future.
    Stale {
        /// Which signal.
        signal: SignalName,
        /// How old.
        age: Duration,
    },
    /// Too few pods are scraped.
    PartialScrape {
        /// Pods with a fresh sample.
        scraped: Replicas,
        /// Pods that have been Ready long enough to have one.
        ready: Replicas,
    },
    /// No such series.
    Absent {
        /// Which signal.
        signal: SignalName,
    },
    /// An answer without meaning.
    Invalid {
        /// Which signal.
        signal: SignalName,
    },
    /// No answer.
    PrometheusUnreachable {
        /// Which signal.
        signal: SignalName,
    },
    /// The request rate asks for this.
    RequestRate {
        /// Requests per second.
        rate: Rps,
        /// What one replica carries.
        per_replica: Rps,
        /// The size that follows.
        asks: Replicas,
    },
    /// The request rate of the last 15 seconds asks for this.
    Burst {
        /// Requests per second.
        rate: Rps,
        /// What one replica carries.
        per_replica: Rps,
        /// The size that follows.
        asks: Replicas,
    },
    /// Latency asks for a step out.
    LatencyGuard {
        /// Which percentile.
        percentile: u8,
        /// Its value.
        latency: Millis,
        /// Its target.
        target: Millis,
        /// The size that follows.
        asks: Replicas,
    },
    /// Critical demand asks for this.
    CriticalDemand {
        /// Requests per second that must never be lost.
        rate: Rps,
        /// What one replica carries.
        per_replica: Rps,
        /// The size that follows.
        asks: Replicas,
    },
    /// The loss of spot nodes must be survived.
    SurvivableLoss {
        /// Requests per second.
        rate: Rps,
        /// The size that follows.
        asks: Replicas,
    },
    /// Demand is near enough to the current size.
    WithinTolerance {
        /// Requests per second.
        rate: Rps,
        /// What one replica carries.
        per_replica: Rps,
    },
    /// A signal cannot be trusted.
    Hold {
        /// What is known of demand would ask for this.
        asks: Replicas,
    },
    /// Latency is too close to its target.
    LatencyAboveLimit {
        /// Which percentile.
        percentile: u8,
        /// Its value.
        latency: Millis,
        /// Nothing is removed above this.
        limit: Millis,
    },
    /// Too many requests fail.
    ErrorsAboveLimit {
        /// Failed requests.
        errors: Percent,
        /// Nothing is removed above this.
        limit: Percent,
    },
    /// A new revision is being rolled out.
    RolloutInProgress {
        /// Since when.
        since: Timestamp,
    },
    /// A target's `spec.replicas` is unknown.
    ReplicasUnknown,
    /// A recommendation inside a stabilisation window keeps the size.
    Stabilized {
        /// What was asked for.
        asks: Replicas,
        /// What the window makes of it.
        keeps: Replicas,
        /// How long the window is.
        window: Duration,
        /// When that recommendation leaves the window.
        until: Timestamp,
    },
    /// The scale-up policies limit the step.
    ScaleUpLimit {
        /// What was asked for.
        asks: Replicas,
        /// What is allowed now.
        limit: Replicas,
    },
    /// The scale-down policies limit the step.
    ScaleDownLimit {
        /// What was asked for.
        asks: Replicas,
        /// What is allowed now.
        limit: Replicas,
    },
    /// `minReplicas` holds the size up.
    AtMin {
        /// What was asked for.
        asks: Replicas,
        /// `minReplicas`.
        min: Replicas,
    },
    /// `maxReplicas` holds the size down.
    AtMax {
        /// What was asked for.
        asks: Replicas,
        /// `maxReplicas`.
        max: Replicas,
        /// What is kept now: `max`, or more while the size falls to it by the scale-down policies.
        keeps: Replicas,
    },
    /// What a schedule says.
    Schedule(ScheduleWhy),
    /// What people ordered.
    Override(OverrideWhy),
    /// What a dependency carries.
    Dependency(DependencyWhy),
    /// Signals are missing and the fallback is the floor.
    Fallback {
        /// `fallbackReplicas`.
        replicas: Replicas,
    },
    /// The fleet is taken over at this size.
    Adopted {
        /// What was there.
        found: Replicas,
        /// The size at which it is taken over, at least.
        floor: Replicas,
    },
    /// The mode keeps replicas that would be removed.
    ScaleOutOnly {
        /// What was asked for.
        asks: Replicas,
        /// What is kept.
        keeps: Replicas,
    },
    /// Nothing is written.
    ObserveOnly,
    /// The stage changed nothing.
    NotLimited,
    /// The split between the targets.
    Placed {
        /// Replicas on demand.
        on_demand: Replicas,
        /// Replicas on spot.
        spot: Replicas,
    },
    /// A move between the targets is under way.
    MoveInProgress {
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
        /// The replicas of both that are wanted once it is done.
        size: Replicas,
    },
    /// The spot target does not exist.
    SpotTargetMissing,
    /// Another autoscaler owns the spot target.
    ConflictingAutoscaler,
    /// Spot nodes are being taken away.
    SpotInterrupted {
        /// How many nodes with replicas of the fleet.
        nodes: u32,
        /// The replicas on them.
        pods: Replicas,
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Ready replicas that stay.
        ready: Replicas,
        /// The replicas that are wanted.
        size: Replicas,
    },
    /// Nothing new is placed on spot.
    SpotFallback {
        /// The end of the hold-down.
        until: Timestamp,
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
    },
    /// The share of spot rises again.
    SpotReturning {
        /// The share now.
        percent: u8,
        /// The share in the end.
        full_percent: u8,
        /// Whether it waits for the end of a schedule's window.
        waits: bool,
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
    },
    /// Replicas found no spot node.
    SpotUnschedulable {
        /// When spot is tried again.
        until: Timestamp,
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
    },
    /// A loss of spot nodes would not be survived.
    NoLossHeadroom {
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
        /// The replicas that are wanted.
        size: Replicas,
    },
    /// No spot node is seen although replicas run on spot.
    SpotNodesUnknown {
        /// Replicas on demand now.
        on_demand: Replicas,
        /// Replicas on spot now.
        spot: Replicas,
    },
    /// More replicas did not improve latency.
    DatabaseOrDependencyBound {
        /// Which percentile.
        percentile: u8,
        /// Its value before the first step; zero if forgotten.
        before: Millis,
        /// Its target.
        target: Millis,
        /// The size that did not help.
        replicas: Replicas,
    },
}

impl Why {
    /// The one word for it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::AsExpected => Reason::AsExpected,
            Self::Fresh { .. } => Reason::Fresh,
            Self::Idle => Reason::Idle,
            Self::Warming { .. } => Reason::Warming,
            Self::Stale { .. } => Reason::Stale,
            Self::PartialScrape { .. } => Reason::PartialScrape,
            Self::Absent { .. } => Reason::Absent,
            Self::Invalid { .. } => Reason::Invalid,
            Self::PrometheusUnreachable { .. } => Reason::PrometheusUnreachable,
            Self::RequestRate { .. } => Reason::RequestRate,
            Self::Burst { .. } => Reason::Burst,
            Self::LatencyGuard { .. } => Reason::LatencyGuard,
            Self::CriticalDemand { .. } => Reason::CriticalDemand,
            Self::SurvivableLoss { .. } => Reason::SurvivableLoss,
            Self::WithinTolerance { .. } => Reason::WithinTolerance,
            Self::Hold { .. } => Reason::Hold,
            Self::LatencyAboveLimit { .. } => Reason::LatencyAboveLimit,
            Self::ErrorsAboveLimit { .. } => Reason::ErrorsAboveLimit,
            Self::RolloutInProgress { .. } => Reason::RolloutInProgress,
            Self::ReplicasUnknown => Reason::ReplicasUnknown,
            Self::Stabilized { .. } => Reason::Stabilized,
            Self::ScaleUpLimit { .. } => Reason::ScaleUpLimit,
            Self::ScaleDownLimit { .. } => Reason::ScaleDownLimit,
            Self::AtMin { .. } => Reason::AtMin,
            Self::AtMax { .. } => Reason::AtMax,
            Self::Schedule(why) => why.reason(),
            Self::Override(why) => why.reason(),
            Self::Dependency(why) => why.reason(),
            Self::Fallback { .. } => Reason::Fallback,
            Self::Adopted { .. } => Reason::Adopted,
            Self::ScaleOutOnly { .. } => Reason::ScaleOutOnly,
            Self::ObserveOnly => Reason::ObserveOnly,
            Self::NotLimited => Reason::NotLimited,
            Self::Placed { .. } => Reason::Placed,
            Self::MoveInProgress { .. } => Reason::MoveInProgress,
            Self::SpotTargetMissing => Reason::SpotTargetMissing,
            Self::ConflictingAutoscaler => Reason::ConflictingAutoscaler,
            Self::SpotInterrupted { .. } => Reason::SpotInterrupted,
            Self::SpotFallback { .. } => Reason::SpotFallback,
            Self::SpotReturning { .. } => Reason::SpotReturning,
            Self::SpotUnschedulable { .. } => Reason::SpotUnschedulable,
            Self::NoLossHeadroom { .. } => Reason::NoLossHeadroom,
            Self::SpotNodesUnknown { .. } => Reason::SpotNodesUnknown,
            Self::DatabaseOrDependencyBound { .. } => Reason::DatabaseOrDependencyBound,
        }
    }

    /// By how much a window's replicas are or were late; see [`ScheduleWhy::lateness`].
    #[must_use]
    pub const fn lateness(&self) -> Option<Duration> {
        if let Self::Schedule(why) = self { why.lateness() } else { None }
    }
}

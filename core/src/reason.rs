//! The closed list of reasons: one CamelCase word each, as the Kubernetes API conventions ask.
//!
//! One enum feeds conditions, events, metric labels, the command line and the names of the runbooks. The decision
//! uses those of its stages through [`crate::Why`]; the operator uses the rest, as the comments say.

use std::fmt;

/// Defines the enum, its words and the list of all, so that none can be forgotten.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Why something is as it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What it means, in a sentence or two.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

reasons! {
    /// Nothing is wrong: the calm side of every condition that has no better word.
    AsExpected,

    // Condition `Ready`.
    /// As many replicas are Ready as are wanted.
    Available,
    /// Fewer replicas are Ready than are wanted.
    BelowDesired,

    // Condition `Reconciling`.
    /// The fleet is being taken over; until then nobody's size is assumed.
    Adopting,

    // Condition `Stalled`: nothing is written until somebody acts.
    /// The spec means nothing that can be carried out.
    InvalidSpec,
    /// The on-demand Deployment does not exist.
    OnDemandTargetMissing,
    /// Another autoscaler owns a target. For the spot target a reason of `SpotHealthy`, too.
    ConflictingAutoscaler,
    /// Another fleet names the same Deployment.
    TargetTakenByAnotherFleet,
    /// The `ScalingPolicy` that the fleet refers to does not exist: only `minReplicas` and floors still add replicas.
    PolicyMissing,

    // Condition `SignalsFresh`.
    /// Every configured signal is complete and recent.
    Fresh,
    /// Pods are scraped and there are no requests.
    Idle,
    /// Prometheus has less than one full window of samples.
    Warming,
    /// The newest sample is too old.
    Stale,
    /// Too few of the fleet's pods are scraped.
    PartialScrape,
    /// Prometheus has no such series.
    Absent,
    /// An answer that means nothing: NaN, infinite, negative, several rows.
    Invalid,
    /// Prometheus did not answer in time, or with an error.
    PrometheusUnreachable,

    // Stage `Demand`.
    /// The request rate asks for this size.
    RequestRate,
    /// The request rate of the last seconds asks for this size.
    Burst,
    /// Latency is above its target: a step out.
    LatencyGuard,
    /// The requests that must never be lost ask for this size.
    CriticalDemand,
    /// The loss of spot nodes must be survived, and asks for this size.
    SurvivableLoss,
    /// Demand is within the tolerance of the current size.
    WithinTolerance,
    /// A signal cannot be trusted: the size is kept.
    Hold,
    /// Latency is too close to its target to remove replicas.
    LatencyAboveLimit,
    /// Too many requests fail to remove replicas.
    ErrorsAboveLimit,
    /// A new revision is being rolled out: nothing is removed.
    RolloutInProgress,
    /// A target's `spec.replicas` is unknown: nothing is written.
    ReplicasUnknown,

    // Stages after it, and condition `ScalingLimited`.
    /// Recent recommendations keep the size.
    Stabilized,
    /// The size rises as fast as the scale-up policies allow.
    ScaleUpLimit,
    /// The size falls as fast as the scale-down policies allow.
    ScaleDownLimit,
    /// The size is held up by `minReplicas`.
    AtMin,
    /// The size is held down by `maxReplicas`.
    AtMax,
    /// A schedule's window is open and holds the size up.
    ScheduleFloor,
    /// A schedule's window is open and holds the size down.
    ScheduleCeiling,
    /// A schedule's floor is above another's ceiling: the floor wins.
    ScheduleConflict,
    /// A dependency carries no more replicas.
    DependencyCap,
    /// A dependency carries fewer replicas than `minReplicas`.
    DependencyBelowMin,
    /// Signals are missing and `fallbackReplicas` is the floor.
    Fallback,
    /// The fleet was taken over at this size; also an event.
    Adopted,
    /// The mode `ScaleOutOnly` keeps replicas that would be removed.
    ScaleOutOnly,
    /// The mode `Observe`: decided and explained, not written.
    ObserveOnly,
    /// A stage that changed nothing.
    NotLimited,

    // Overrides, and condition `Overridden`.
    /// An override holds the size up.
    OverrideFloor,
    /// An override holds the size down.
    OverrideCeiling,
    /// An override sets the size.
    Pinned,
    /// An override stops what demand would move.
    OverrideHold,
    /// An override takes every replica off spot; of `SpotHealthy`, too.
    NoSpot,
    /// Another override goes before this one.
    Superseded,
    /// An override has come into force; also what `status.lastDecision.next` says of its beginning.
    OverrideStarted,
    /// An override has ended; also what `status.lastDecision.next` says of its end.
    OverrideEnded,

    // Stage `Place`, and condition `SpotHealthy`.
    /// The replicas are split as the policy wants.
    Placed,
    /// Replicas are added on one target before they are removed from the other.
    MoveInProgress,
    /// The spot Deployment does not exist; on-demand replicas take its part.
    SpotTargetMissing,
    /// Spot nodes are being taken away: on-demand replicas are added before theirs go.
    SpotInterrupted,
    /// Too much spot capacity was lost: nothing new is placed there for a while.
    SpotFallback,
    /// The share of spot rises again, step by step.
    SpotReturning,
    /// Replicas found no spot node in time; on-demand replicas take their part.
    SpotUnschedulable,
    /// The fleet is too small for its demand to survive a loss of spot nodes.
    NoLossHeadroom,
    /// Spot nodes are not seen: their loss is neither foreseen nor covered before it happens.
    SpotNodesUnknown,

    // Condition `PreWarmed`.
    /// A window comes near: nodes or replicas for it are asked for; also a reason of `ScalingLimited`.
    PreWarming,
    /// Every replica was Ready when the window opened.
    PreWarmed,
    /// The window opened with fewer Ready replicas than it wants.
    PreWarmLate,
    /// Nodes for a window did not come in time.
    CapacityLate,
    /// Every replica of an open window is Ready, but not all were when it opened.
    OpenedLate,
    /// A schedule's window has closed: what `status.lastDecision.next` says of its end.
    WindowClosed,

    // Condition `ReplicasEffective`.
    /// More replicas did not improve latency: something behind them is the limit.
    DatabaseOrDependencyBound,

    // Events of the operator.
    /// Replicas were added.
    ScaledOut,
    /// Replicas were removed.
    ScaledIn,
    /// The API server did not take the new size.
    ScaleFailed,
    /// Somebody else wrote `spec.replicas`; repeated, a reason of `Ready`, too.
    ForeignWrite,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_is_camel_case_and_used_once() {
        let words: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        for word in words {
            assert!(word.starts_with(|first: char| first.is_ascii_uppercase()), "{word}");
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
            assert!(word.len() >= 4 && word.len() <= 32, "{word}");
        }
    }

    #[test]
    fn every_reason_means_something_in_whole_sentences() {
        for reason in Reason::ALL {
            let meaning = reason.meaning();
            assert!(meaning.len() > 10 && meaning.ends_with('.'), "{reason}: {meaning:?}");
            assert!(meaning.starts_with(|first: char| first.is_ascii_uppercase()), "{meaning:?}");
        }
    }
}

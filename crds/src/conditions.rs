//! Conditions of a fleet: a closed list of types, and the rule that `lastTransitionTime` moves only when the status
//! flips. The controller builds one [`Conditions`] per report.

use crate::convert::{LONGEST_MESSAGE, bounded, instant};
use apifleet_core::Reason;
use apifleet_core::decision::{Finding, Findings};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The types of condition that a fleet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The fleet is served as its owner asked.
    Ready,
    /// An edit has not been taken up yet, or the fleet is being taken over. Ordinary scaling is not this.
    Reconciling,
    /// Nothing is written until a person has changed something.
    Stalled,
    /// Every configured signal is fresh, or the fleet is idle.
    SignalsFresh,
    /// A bound or a limit holds the size away from what demand asks for.
    ScalingLimited,
    /// An override is in force.
    Overridden,
    /// No window opens, or has opened, with less than its floor Ready, and its nodes come in time.
    PreWarmed,
    /// Spot capacity can be used.
    SpotHealthy,
    /// More replicas help.
    ReplicasEffective,
}

/// The conditions of one report, built from those of the last one.
#[derive(Debug, Clone)]
pub struct Conditions {
    previous: Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
    built: Vec<Condition>,
}

// === impl ConditionType ===

impl ConditionType {
    /// Every type, in the order of a report.
    pub const ALL: [Self; 9] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::SignalsFresh,
        Self::ScalingLimited,
        Self::Overridden,
        Self::PreWarmed,
        Self::SpotHealthy,
        Self::ReplicasEffective,
    ];

    /// The word in status, events and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::SignalsFresh => "SignalsFresh",
            Self::ScalingLimited => "ScalingLimited",
            Self::Overridden => "Overridden",
            Self::PreWarmed => "PreWarmed",
            Self::SpotHealthy => "SpotHealthy",
            Self::ReplicasEffective => "ReplicasEffective",
        }
    }
}

// === impl Conditions ===

impl Conditions {
    /// Begins a report on `generation` of the fleet, after one that had `previous`.
    #[must_use]
    pub fn since(previous: &[Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self { previous: previous.to_vec(), generation, now, built: Vec::new() }
    }

    /// Says one condition. Saying a type again replaces what was said.
    #[must_use]
    pub fn with(mut self, kind: ConditionType, holds: bool, reason: Reason, message: &str) -> Self {
        let status = if holds { "True" } else { "False" };
        let same = |old: &&Condition| old.type_ == kind.as_str() && old.status == status;
        let since = self
            .previous
            .iter()
            .find(same)
            .map_or(instant(self.now), |old| old.last_transition_time.clone());
        self.built.retain(|condition| condition.type_ != kind.as_str());
        self.built.push(Condition {
            type_: kind.as_str().to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: bounded(message, LONGEST_MESSAGE),
            last_transition_time: since,
            observed_generation: self.generation,
        });
        self
    }

    /// Says a condition as a decision found it.
    #[must_use]
    pub fn with_finding(self, kind: ConditionType, finding: &Finding) -> Self {
        self.with(kind, finding.holds, finding.why.reason(), &finding.why.to_string())
    }

    /// Says everything that a decision found.
    #[must_use]
    pub fn with_findings(self, findings: &Findings) -> Self {
        let Findings {
            signals_fresh,
            scaling_limited,
            overridden,
            replicas_effective,
            spot_healthy,
            pre_warmed,
        } = findings;
        let said = [
            (ConditionType::SignalsFresh, Some(signals_fresh)),
            (ConditionType::ScalingLimited, Some(scaling_limited)),
            (ConditionType::Overridden, Some(overridden)),
            (ConditionType::PreWarmed, pre_warmed.as_ref()),
            (ConditionType::SpotHealthy, spot_healthy.as_ref()),
            (ConditionType::ReplicasEffective, Some(replicas_effective)),
        ];
        let found = said.into_iter().filter_map(|(kind, finding)| Some((kind, finding?)));
        found.fold(self, |conditions, (kind, finding)| conditions.with_finding(kind, finding))
    }

    /// The report, in the order of [`ConditionType::ALL`]; types that were not said are gone.
    #[must_use]
    pub fn finish(mut self) -> Vec<Condition> {
        let order = |condition: &Condition| {
            ConditionType::ALL.iter().position(|kind| kind.as_str() == condition.type_)
        };
        self.built.sort_by_key(order);
        self.built
    }
}

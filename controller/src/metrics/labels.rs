//! The labels of the series that show a fleet: its namespace and name, and at most two words of closed lists beside them.
//! Nothing that a client or a manifest may invent becomes a label, but for the names themselves.
//!
//! Used by [`super::fleets`].

use prometheus_client::encoding::EncodeLabelSet;
use std::sync::Arc;

/// A fleet. Its names are shared by all of its series: with thousands of fleets, copies of them would be most of what the
/// operator keeps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FleetLabel {
    pub(super) namespace: Arc<str>,
    pub(super) fleet: Arc<str>,
}

impl FleetLabel {
    pub(super) fn new(namespace: &str, fleet: &str) -> Self {
        Self { namespace: namespace.into(), fleet: fleet.into() }
    }
}

/// One of its targets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TargetLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) target: &'static str,
}

/// One of its signals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SignalLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) signal: &'static str,
}

/// What one of its signals is worth.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VerdictLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) signal: &'static str,
    pub(super) verdict: &'static str,
}

/// One of its conditions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConditionLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) condition: &'static str,
}

/// The state of its spot capacity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) state: &'static str,
}

/// What holds its size away from what demand asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LimitLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) reason: &'static str,
}

/// Its mode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ModeLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) mode: &'static str,
}

/// An override of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ActionLabel {
    #[prometheus(flatten)]
    pub(super) fleet: FleetLabel,
    pub(super) action: &'static str,
}

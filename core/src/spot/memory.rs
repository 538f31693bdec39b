//! What is remembered of spot capacity: the state, and the little that its next step depends on. Goes through the
//! resource's status with the rest of [`crate::Memory`]; everything is bounded.

use crate::decision::SpotState;
use crate::memory::Sample;
use crate::observation::NodeId;
use crate::quantity::Replicas;
use crate::window::{self, Keep};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The most interruptions that are remembered: far more than make a storm.
pub(crate) const INTERRUPTIONS: usize = 16;
/// The strikes that are remembered: as many as lead to a fallback.
pub(crate) const STRIKES: usize = 2;
/// The longest hold-down.
pub(crate) const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(4);

/// What is remembered of spot capacity. The default is the calm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpotMemory {
    /// The state.
    #[serde(default)]
    pub stance: Stance,
    /// Since when it has been so; absent where it has always been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Nodes that were taken away, or that we tainted, lately; those that carried pods last, and of
    /// them the latest; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interruptions: Vec<Interrupted>,
    /// When pods found no spot node in time; at most 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strikes: Vec<Timestamp>,
    /// Fallbacks since the last long calm; each doubles the next hold-down.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fallbacks: i32,
    /// When spot was last in trouble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub troubled_at: Option<Timestamp>,
    /// How the fleet leaves spot; absent where nobody ordered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Leaving>,
    /// Demand of the scale-down window that no later one tops: falling, at most 32; in thousandths of requests per
    /// second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demand: Vec<Sample>,
    /// The same of the critical demand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<Sample>,
}

/// The state, with what belongs to it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all_fields = "camelCase")]
pub enum Stance {
    /// See [`SpotState::Normal`].
    #[default]
    Normal,
    /// See [`SpotState::Covering`].
    Covering,
    /// See [`SpotState::Fallback`].
    Fallback {
        /// The end of the hold-down.
        until: Timestamp,
    },
    /// See [`SpotState::Returning`].
    Returning {
        /// The share that may be on spot again, in percent of the fleet.
        share_percent: u8,
        /// When it last rose.
        stepped_at: Timestamp,
    },
}

/// A node that was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interrupted {
    /// Which.
    pub node: NodeId,
    /// When that was first seen.
    pub at: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
    /// The most pods of the fleet that were on it.
    pub pods: Replicas,
}

/// A fleet that leaves spot step by step because somebody ordered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaving {
    /// When it began.
    pub since: Timestamp,
    /// How many replicas were Ready on spot then.
    pub from: Replicas,
}

impl Stance {
    /// The state alone.
    #[must_use]
    pub const fn state(self) -> SpotState {
        match self {
            Self::Normal => SpotState::Normal,
            Self::Covering => SpotState::Covering,
            Self::Fallback { .. } => SpotState::Fallback,
            Self::Returning { .. } => SpotState::Returning,
        }
    }
}

impl SpotMemory {
    /// Takes another state.
    pub(crate) fn become_(&mut self, stance: Stance, now: Timestamp) {
        self.stance = stance;
        self.since = Some(now);
    }

    /// Nobody looked since `last`: what was known then has not grown old.
    pub(crate) fn resume(&mut self, last: Timestamp, now: Timestamp, down: Duration) {
        for node in &mut self.interruptions {
            node.last = node.last.max(now);
        }
        for list in [&mut self.demand, &mut self.critical] {
            if let Some(high) = window::extremum(list, last, down) {
                window::record(list, Keep::Highest, Sample { at: now, ..high }, down);
            }
        }
    }

    /// What was read back keeps its bounds, whoever edited it.
    pub(crate) fn limit(&mut self) {
        self.interruptions.truncate(INTERRUPTIONS);
        self.strikes.truncate(STRIKES);
        self.demand.truncate(window::LIMIT);
        self.critical.truncate(window::LIMIT);
    }

    /// Where the clock was set back, instants that are to come are taken for now.
    pub(crate) fn clamp(&mut self, now: Timestamp) {
        let seen = self.interruptions.iter_mut().flat_map(|node| [&mut node.at, &mut node.last]);
        let samples = self.demand.iter_mut().chain(&mut self.critical).map(|sample| &mut sample.at);
        let singles = [&mut self.since, &mut self.troubled_at].into_iter().flatten();
        let singles = singles.chain(self.leaving.iter_mut().map(|leaving| &mut leaving.since));
        for at in seen.chain(samples).chain(singles).chain(&mut self.strikes) {
            *at = (*at).min(now);
        }
        match &mut self.stance {
            Stance::Normal | Stance::Covering => {}
            Stance::Fallback { until } => {
                *until = (*until).min(now.saturating_add(LONGEST_HOLD).unwrap_or(now));
            }
            Stance::Returning { stepped_at, .. } => *stepped_at = (*stepped_at).min(now),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &i32) -> bool {
    *count == 0
}

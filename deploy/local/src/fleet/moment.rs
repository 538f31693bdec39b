//! A fleet at one instant, put together from the objects that were seen last. Pure; [`super::Watch`] feeds it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A fleet at one instant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moment {
    /// Since the watch began.
    pub at: Duration,
    /// The on-demand target.
    pub on_demand: Target,
    /// The spot target; zeros where there is none.
    pub spot: Target,
    /// Placeholders on on-demand nodes; zeros where there are none.
    pub placeholders: Target,
    /// Placeholders on spot nodes; zeros where there are none.
    pub spot_placeholders: Target,
    /// Requests per second, as the operator sees them.
    pub seen_rps: Option<f64>,
    /// The guarded percentile of latency in milliseconds, as the operator sees it.
    pub latency_ms: Option<f64>,
    /// The size that the last decision wants, without replicas that only move or cover; zero before the first.
    pub desired: u32,
    /// The one word of the last decision.
    pub reason: String,
    /// The last decision in a sentence.
    pub summary: String,
    /// Where the fleet stands between on-demand and spot: `Normal`, `Covering`, ...; empty without spot.
    pub spot_state: String,
    /// The schedule that is in force or being prepared; empty where there is none.
    pub active_schedule: String,
    /// How far that schedule is: `Nodes`, `Ramp`, `Lead`, `Window`; empty where there is none.
    pub phase: String,
    /// The floor that it sets, in replicas; zero where there is none.
    pub floor: u32,
    /// On-demand replicas that are there only because spot is being lost.
    pub cover: u32,
    /// Conditions by type.
    pub conditions: BTreeMap<String, Condition>,
}

/// Which of a fleet's Deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    OnDemand,
    Spot,
    Placeholders,
    SpotPlaceholders,
}

/// One Deployment of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Target {
    /// `spec.replicas`.
    pub wanted: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
}

/// One condition of a fleet's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One CamelCase word.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

/// A change of one of the watched objects.
pub(super) enum Change {
    Target(Part, Target),
    Status(Value),
}

// === impl Moment ===

impl Moment {
    /// Replicas of both targets that are wanted.
    #[must_use]
    pub fn wanted(&self) -> u32 {
        self.on_demand.wanted + self.spot.wanted
    }

    /// Replicas of both targets that are Ready.
    #[must_use]
    pub fn ready(&self) -> u32 {
        self.on_demand.ready + self.spot.ready
    }

    /// Whether a condition has this status and reason.
    #[must_use]
    pub fn has(&self, condition: &str, status: &str, reason: &str) -> bool {
        self.conditions.get(condition).is_some_and(|c| c.status == status && c.reason == reason)
    }

    /// What a condition says; empty where it is not there.
    #[must_use]
    pub fn message(&self, condition: &str) -> &str {
        self.conditions.get(condition).map_or("", |condition| &condition.message)
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Target(Part::OnDemand, target) => self.on_demand = target,
            Change::Target(Part::Spot, target) => self.spot = target,
            Change::Target(Part::Placeholders, target) => self.placeholders = target,
            Change::Target(Part::SpotPlaceholders, target) => self.spot_placeholders = target,
            Change::Status(status) => self.read_status(&status),
        }
    }

    fn read_status(&mut self, status: &Value) {
        let text = |path: &str| {
            status.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        self.seen_rps = number(status.pointer("/observed/requestsPerSecond"));
        self.latency_ms = number(status.pointer("/observed/latencyMilliseconds"));
        self.reason = text("/lastDecision/reason");
        self.summary = text("/lastDecision/summary");
        self.spot_state = text("/spot/state");
        self.active_schedule = text("/activeSchedule/name");
        self.phase = text("/activeSchedule/phase");
        let count = |path: &str| {
            let count = status.pointer(path).and_then(Value::as_u64).unwrap_or_default();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        self.desired = count("/lastDecision/desired");
        (self.floor, self.cover) = (count("/activeSchedule/floor"), count("/spot/cover"));
        let conditions = status.get("conditions").and_then(Value::as_array);
        self.conditions = conditions.into_iter().flatten().filter_map(read_condition).collect();
    }
}

/// A number, or a quantity without a suffix: the API has no floats.
fn number(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn read_condition(value: &Value) -> Option<(String, Condition)> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let condition =
        Condition { status: text("status")?, reason: text("reason")?, message: text("message")? };
    Some((text("type")?, condition))
}

// === impl Watch ===

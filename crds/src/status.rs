//! `status` of an `ApiFleet`: what was decided and why, what was seen, and what a restarted operator must remember.
//!
//! Written by the operator alone. Every list and text is bounded; [`crate::convert`] cuts what is longer, so that no
//! status is ever refused for its size.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are what `kubectl explain` prints, which knows no Markdown"
)]

use apifleet_core::Memory;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator reports.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct ApiFleetStatus {
    /// The metadata.generation that this status was computed from. While it lags, the latest edit has not been seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Replicas that both targets together ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,

    /// Ready replicas of both targets together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,

    /// The fleet's Deployments, one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetsStatus>,

    /// What was measured. Values are missing while their signal is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,

    /// The schedule that is in force or pre-warms; of several the one with the highest floor. Absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_schedule: Option<ActiveScheduleStatus>,

    /// The overrides that are due, at most 16: first those that count, then those that give way to them. Absent where
    /// none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub active_overrides: Vec<ActiveOverrideStatus>,

    /// How long pods and nodes take to become Ready; pre-warms begin so much earlier. Absent before it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learned: Option<LearnedStatus>,

    /// How the fleet is split. Absent without a spot target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot: Option<SpotStatus>,

    /// The last decision, with its ledger: read it from top to bottom to see why the fleet has its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_decision: Option<LastDecision>,

    /// The last changes of the size, newest first; at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub recent_decisions: Vec<DecisionRecord>,

    /// What the operator must remember over a restart. Not meant for people; losing it is safe, and one that is not
    /// understood is discarded.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::memory::read")]
    #[schemars(schema_with = "crate::memory::schema")]
    pub memory: Option<Memory>,

    /// Conditions: Ready, Reconciling, Stalled, SignalsFresh, ScalingLimited, Overridden, PreWarmed, SpotHealthy,
    /// ReplicasEffective. Each has a reason with a runbook of that name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// The fleet's Deployments, one by one.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct TargetsStatus {
    /// The Deployment on on-demand nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_demand: Option<TargetStatus>,

    /// The Deployment on spot nodes. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot: Option<TargetStatus>,
}

/// One Deployment of the fleet.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct TargetStatus {
    /// Replicas that it is meant to have. Absent while its size is unknown, and left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<i32>,

    /// Its Ready replicas.
    pub ready: i32,

    /// Its pods that have not been scheduled to a node.
    pub pending: i32,
}

/// What was measured.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct Observed {
    /// Requests per second of the whole fleet over the window, as a Quantity. Example: "1512".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub requests_per_second: Option<String>,

    /// The guarded percentile of request duration over the window, in milliseconds. Absent without latency guard or
    /// requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_milliseconds: Option<i64>,

    /// Failed requests in percent of all over the window, as a Quantity. Example: "0.02". Absent without error guard
    /// or requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub error_percent: Option<String>,

    /// When the newest sample behind requestsPerSecond was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_at: Option<Time>,
}

/// The schedule that is in force or pre-warms.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ActiveScheduleStatus {
    /// Which.
    #[schemars(length(max = 32))]
    pub name: String,

    /// How far it is. Nodes: nodes are asked for. Ramp: the floor climbs. Lead: the floor is asked for in full and
    /// must become Ready. Window: its window is open.
    #[schemars(length(max = 32))]
    pub phase: String,

    /// When its window opens or opened.
    pub start: Time,

    /// When it closes.
    pub end: Time,

    /// The floor that it sets now, in replicas: what the pre-warm has reached, or all of it.
    pub floor: i32,

    /// The floor with which its window opens, or that the open window has, in replicas.
    pub full_floor: i32,
}

/// An override that is due.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ActiveOverrideStatus {
    /// Which.
    #[schemars(length(max = 32))]
    pub name: String,

    /// In one line. Example: Floor 26 until 12:05Z.
    #[schemars(length(max = 64))]
    pub summary: String,

    /// What is ordered: Floor, Ceiling, Pin, Hold or NoSpot.
    #[schemars(length(max = 32))]
    pub action: String,

    /// The size that it names, in replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,

    /// When it ends.
    pub expires_at: Time,

    /// Why it was ordered.
    #[schemars(length(max = 256))]
    pub reason: String,

    /// Who ordered it.
    #[schemars(length(max = 256))]
    pub requested_by: String,

    /// The override to which it gives way. Absent where it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub superseded_by: Option<String>,
}

/// How long pods and nodes take to become Ready: what 95 of 100 took at most, of the latest.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct LearnedStatus {
    /// From the creation of a pod to its being Ready, in seconds. Absent before five were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_ready_seconds: Option<i32>,

    /// From the creation of a node to its being Ready, in seconds. Absent before five were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ready_seconds: Option<i32>,
}

/// How the fleet is split.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct SpotStatus {
    /// What the spot capacity is good for. Normal: its share. Covering: nodes are being taken away, and on-demand
    /// replicas are added before theirs go. Fallback: too much was taken; everything runs on demand for a while.
    /// Returning: the share rises again, step by step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub state: Option<String>,

    /// Since when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,

    /// Share of the fleet that is meant to run on spot, in percent, rounded down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_percent: Option<i32>,

    /// On-demand replicas that are there only because spot nodes are being taken away. They may exceed maxReplicas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover: Option<i32>,
}

/// The last decision, with its ledger.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct LastDecision {
    /// When it was made.
    pub time: Time,

    /// The size that is wanted, in replicas.
    pub desired: i32,

    /// The size before, in replicas.
    pub previous: i32,

    /// Why, in one word: the reason of the stage that had the last say.
    #[schemars(length(max = 64))]
    pub reason: String,

    /// Why, in one line.
    #[schemars(length(max = 512))]
    pub summary: String,

    /// How it came about: one entry per stage, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub stages: Vec<StageStatus>,

    /// When the answer will change for a known reason, if nothing else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStatus>,
}

/// One stage of a decision.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct StageStatus {
    /// Which stage: Trust, Demand, Stabilize, Rate, Floors, Ceilings, Mode or Place.
    #[schemars(length(max = 32))]
    pub stage: String,

    /// The size that it was given, in replicas.
    #[serde(rename = "in")]
    pub input: i32,

    /// The size that it made of it, in replicas.
    #[serde(rename = "out")]
    pub output: i32,

    /// Why, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,

    /// Why, with the numbers.
    #[schemars(length(max = 512))]
    pub message: String,
}

/// When the answer will change for a known reason.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct NextStatus {
    /// When.
    pub at: Time,

    /// What happens then, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,

    /// The size then, in replicas, if all else stays as it is.
    pub replicas: i32,
}

/// A change of the size.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct DecisionRecord {
    /// When it was decided.
    pub time: Time,

    /// The size after, in replicas.
    pub desired: i32,

    /// The size before, in replicas.
    pub previous: i32,

    /// Why, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,

    /// Why, in one line.
    #[schemars(length(max = 512))]
    pub summary: String,
}

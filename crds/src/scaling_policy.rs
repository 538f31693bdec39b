//! The kind `ScalingPolicy`: the blocks that fleets share, as they are typed. Which of them a fleet is decided by is
//! said in [`crate::effective`]; what they mean in [`crate::intent`].

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are what `kubectl explain` prints, which knows no Markdown"
)]
#![allow(
    unreachable_pub,
    reason = "the derive copies each struct, `pub` included, into a function"
)]
#![allow(clippy::duplicated_attributes, reason = "every printer column has a type")]

use crate::behavior::ScalingBehavior;
use crate::dependencies::Dependency;
use crate::schedules::Schedule;
use crate::signals::Signals;
use crate::spot::Spot;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// What fleets share.
///
/// A fleet that names the policy takes every block from it that it does not set itself. Blocks are taken whole:
/// nothing inside one is merged.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[kube(
    group = "apifleet.dev",
    version = "v1alpha1",
    kind = "ScalingPolicy",
    plural = "scalingpolicies",
    singular = "scalingpolicy",
    shortname = "sp",
    namespaced,
    derive = "PartialEq",
    doc = "ScalingPolicy holds what several ApiFleets of its namespace share: signals, behavior, schedules, spot and \
           dependencies. A fleet names it in spec.policyRef.",
    printcolumn(
        name = "Target",
        type_ = "integer",
        json_path = ".spec.signals.requestRate.targetPerReplica",
        description = "Requests per second that one replica carries well."
    ),
    printcolumn(
        name = "Latency",
        type_ = "integer",
        json_path = ".spec.signals.latency.targetMilliseconds",
        description = "The latency that is guarded, in milliseconds."
    ),
    printcolumn(
        name = "Spot%",
        type_ = "integer",
        json_path = ".spec.spot.maxPercent",
        description = "Largest share of a fleet that may run on spot, in percent."
    ),
    printcolumn(
        name = "Description",
        type_ = "string",
        json_path = ".spec.description",
        description = "What the policy is for."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the policy was created."
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicySpec {
    /// What the policy is for, for people. Example: Weekdays with a steady load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub description: Option<String>,

    /// What is measured, and what it means; as in an ApiFleet. Its fallbackReplicas must lie within the bounds of each
    /// fleet that takes it. Absent: a fleet without signals has the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<Signals>,

    /// How fast the size may change; as in an ApiFleet. Absent: a fleet without behavior has the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<ScalingBehavior>,

    /// What is known beforehand: windows of the calendar with a floor, at most 16; as in an ApiFleet. Floors and
    /// ceilings in replicas must lie within the bounds of each fleet that takes them; requestsPerSecond and curve fit
    /// every fleet. Example: [{name: opening, days: [Mon, Tue, Wed, Thu, Fri], start: "08:00", end: "20:00",
    /// timeZone: Europe/Paris, floor: {requestsPerSecond: 900}}].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub schedules: Option<Vec<Schedule>>,

    /// How a fleet is split between on-demand and spot nodes; as in an ApiFleet. A fleet without a spot target does
    /// not take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Spot>,

    /// What stands behind the fleets and takes only so much, at most 8; as in an ApiFleet. Of several fleets that take
    /// it each counts alone: give each a share of the limit. Example: [{name: mysql, limit: 700, reserved: 60,
    /// perReplica: 16}].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub dependencies: Option<Vec<Dependency>>,
}

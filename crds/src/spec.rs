//! `spec` of an `ApiFleet`, as it is typed. What it means is decided in [`crate::intent`], never here.

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
use crate::status::ApiFleetStatus;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// What a fleet is to be.
///
/// Blocks that are absent have their documented defaults, which the operator applies; the API server stores
/// nothing that was not written.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "apifleet.dev",
    version = "v1alpha1",
    kind = "ApiFleet",
    plural = "apifleets",
    singular = "apifleet",
    shortname = "af",
    category = "apifleet",
    namespaced,
    status = "ApiFleetStatus",
    derive = "PartialEq",
    doc = "ApiFleet keeps the Deployments of one API at the size that its traffic needs, between minReplicas and \
           maxReplicas. The Deployments stay yours: the operator only writes their replicas.",
    printcolumn(
        name = "Desired",
        type_ = "integer",
        json_path = ".status.lastDecision.desired",
        description = "The size that the last decision wants, in replicas."
    ),
    printcolumn(
        name = "Ready",
        type_ = "integer",
        json_path = ".status.readyReplicas",
        description = "Ready replicas of both targets."
    ),
    printcolumn(
        name = "Min",
        type_ = "integer",
        json_path = ".spec.minReplicas",
        description = "The fleet is never smaller."
    ),
    printcolumn(
        name = "Max",
        type_ = "integer",
        json_path = ".spec.maxReplicas",
        description = "The fleet is never larger."
    ),
    printcolumn(
        name = "RPS",
        type_ = "string",
        json_path = ".status.observed.requestsPerSecond",
        description = "Requests per second of the whole fleet."
    ),
    printcolumn(
        name = "Latency",
        type_ = "integer",
        json_path = ".status.observed.latencyMilliseconds",
        description = "The guarded percentile of latency, in milliseconds."
    ),
    printcolumn(
        name = "Why",
        type_ = "string",
        json_path = ".status.lastDecision.reason",
        description = "The reason of the last decision."
    ),
    printcolumn(
        name = "Override",
        type_ = "string",
        json_path = ".status.activeOverrides[0].summary",
        description = "The override that counts."
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "The reason of condition Ready."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the fleet was created."
    ),
    printcolumn(
        name = "Mode",
        type_ = "string",
        json_path = ".spec.mode",
        description = "Whether decisions are carried out.",
        priority = 1
    ),
    printcolumn(
        name = "Policy",
        type_ = "string",
        json_path = ".spec.policyRef.name",
        description = "The ScalingPolicy that the fleet shares.",
        priority = 1
    ),
    printcolumn(
        name = "Schedule",
        type_ = "string",
        json_path = ".status.activeSchedule.name",
        description = "The schedule that is in force or pre-warms.",
        priority = 1
    ),
    printcolumn(
        name = "Next",
        type_ = "string",
        json_path = ".status.lastDecision.next.at",
        description = "When the answer changes for a known reason.",
        priority = 1
    ),
    printcolumn(
        name = "Spot%",
        type_ = "integer",
        json_path = ".status.spot.sharePercent",
        description = "Share of the fleet that is meant to run on spot, in percent.",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.minReplicas <= self.maxReplicas")
        .message("maxReplicas must be at least minReplicas: raise maxReplicas or lower minReplicas")
        .field_path(".maxReplicas"),
    validation = Rule::new("!has(self.spot) || has(self.targets.spot)")
        .message("spot needs targets.spot: name the spot Deployment in targets.spot, or remove the spot block")
        .field_path(".spot"),
    validation = Rule::new(
        "!has(self.signals) || !has(self.signals.fallbackReplicas) || \
         (self.minReplicas <= self.signals.fallbackReplicas && self.signals.fallbackReplicas <= self.maxReplicas)"
    )
        .message("signals.fallbackReplicas must lie within minReplicas..maxReplicas: change it or the bounds")
        .field_path(".signals.fallbackReplicas"),
    validation = Rule::new(
        "!has(self.schedules) || self.schedules.all(s, !has(s.floor.replicas) || \
         (self.minReplicas <= s.floor.replicas && s.floor.replicas <= self.maxReplicas))"
    )
        .message("every floor.replicas must lie within minReplicas..maxReplicas: change it or the bounds")
        .field_path(".schedules"),
    validation = Rule::new(
        "!has(self.schedules) || self.schedules.all(s, !has(s.ceilingReplicas) || \
         (self.minReplicas <= s.ceilingReplicas && s.ceilingReplicas <= self.maxReplicas))"
    )
        .message("every ceilingReplicas must lie within minReplicas..maxReplicas: change it or the bounds")
        .field_path(".schedules"),
    validation = Rule::new(
        "!has(self.dependencies) || self.dependencies.all(d, \
         self.minReplicas * d.perReplica <= d.limit - (has(d.reserved) ? d.reserved : 0))"
    )
        .message(
            "every dependency must hold for minReplicas, even without the pods of a rollout: minReplicas x perReplica \
             may not be more than limit - reserved; raise limit, or lower minReplicas, perReplica or reserved"
        )
        .field_path(".dependencies"),
)]
pub struct ApiFleetSpec {
    /// Whether decisions are carried out. Enforce: they are. ScaleOutOnly: only those that add replicas are.
    /// Observe: they are made and explained in status, and nothing is written; start with it on an existing API.
    /// Example: Observe. Default: Enforce.
    #[serde(default)]
    pub mode: Mode,

    /// The ScalingPolicy that the fleet shares with others. A block (signals, behavior, schedules, spot,
    /// dependencies) that is set here replaces the policy's whole; one that is not set is the policy's. Absent: the
    /// fleet shares none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_ref: Option<PolicyRef>,

    /// Smallest size of the fleet, in replicas, both targets together. No signal, and no lack of one, takes the
    /// fleet below it. Example: 10.
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: i32,

    /// Largest size of the fleet, in replicas, both targets together; at least minReplicas. Only the move of a
    /// replica from one target to the other may exceed it, for as long as the move takes. Example: 30.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,

    /// The Deployments whose replicas the operator sets.
    pub targets: Targets,

    /// What is measured, and what it means. Absent: the series of the bundled API server, 50 requests/s per
    /// replica, no latency guard, no error guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<Signals>,

    /// How fast the size may change, in the shape of a HorizontalPodAutoscaler's behavior: paste yours. Absent: out
    /// at once by the larger of 100 % or 8 pods in 15 s; in after 300 s, longer where the traffic needs it, by the
    /// larger of 10 % or 2 pods in 60 s; tolerance 10 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<ScalingBehavior>,

    /// What is known beforehand: windows of the calendar with a floor, at most 16. The floor is Ready when its window
    /// opens. Example: [{name: opening, days: [Mon, Tue, Wed, Thu, Fri], start: "08:00", end: "20:00",
    /// timeZone: Europe/Paris, floor: {replicas: 20}}].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub schedules: Option<Vec<Schedule>>,

    /// How the fleet is split between on-demand and spot nodes. Needs targets.spot. Absent, with targets.spot
    /// given: at most 60 % on spot, at least 4 replicas on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Spot>,

    /// What stands behind the fleet and takes only so much, such as the connections of a database: replicas, with
    /// those that a rollout adds, times perReplica never exceed limit - reserved. At most 8. Example: [{name: mysql,
    /// limit: 700, reserved: 60, perReplica: 16}].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub dependencies: Option<Vec<Dependency>>,
}

/// The ScalingPolicy that a fleet shares with others.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// Name of a ScalingPolicy in the namespace of this fleet. While it does not exist, the fleet is decided by what
    /// the operator last knew of it, and after a restart only kept up: no replica is removed. Example: steady.
    #[schemars(length(min = 1, max = 253), regex(pattern = crate::names::OBJECT_NAME))]
    pub name: String,
}

/// Whether decisions are carried out.
#[derive(
    Serialize, Deserialize, schemars::JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default,
)]
#[schemars(inline, description = "")]
pub enum Mode {
    /// Decisions are carried out.
    #[default]
    Enforce,
    /// Only decisions that add replicas are carried out.
    ScaleOutOnly,
    /// Decisions are made and explained; nothing is written.
    Observe,
}

/// The Deployments whose replicas the operator sets.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.spot) || self.spot.deploymentName != self.onDemand.deploymentName")
        .message("targets.spot and targets.onDemand must be different Deployments: create a second one for spot")
        .field_path(".spot.deploymentName")
)]
pub struct Targets {
    /// The Deployment on on-demand nodes. It carries the whole fleet where there is no spot target, or where that
    /// is lost.
    pub on_demand: Target,

    /// The Deployment on spot nodes: the same pods with another node affinity. May be added and removed, not
    /// renamed. Absent: the fleet is on demand only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Target>,
}

/// One Deployment of the fleet's namespace.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Name of an apps/v1 Deployment in the namespace of this fleet. It may not be changed later. No
    /// HorizontalPodAutoscaler or other autoscaler may own it. Example: shop-api.
    #[schemars(length(min = 1, max = 253), regex(pattern = crate::names::DEPLOYMENT_NAME))]
    #[x_kube(
        validation = Rule::new("self == oldSelf")
            .message("deploymentName may not be changed: create another fleet for another Deployment")
    )]
    pub deployment_name: String,
}

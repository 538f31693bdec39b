//! `spec.behavior`: the shape of `autoscaling/v2 HorizontalPodAutoscalerBehavior`, bounded and documented. A pasted
//! HPA's works unchanged; only what is absent has our defaults instead of Kubernetes', which removes a whole surplus
//! in one step.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are what `kubectl explain` prints, which knows no Markdown"
)]
#![allow(
    unreachable_pub,
    reason = "the derive copies each struct, `pub` included, into a function"
)]

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How fast the size may change.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ScalingBehavior {
    /// Adding replicas. Absent: at once, by the larger of 100 % or 8 pods in 15 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<ScalingRules>,

    /// Removing replicas. Absent: after 300 s, longer where the traffic needs it, by the larger of 10 % or 2 pods in
    /// 60 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScalingRules>,
}

/// How fast the size may change in one direction.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct ScalingRules {
    /// How long past recommendations are looked back at, in seconds: the highest of them counts when removing, the
    /// lowest when adding. Example: 300. Default: 0 for scaleUp; for scaleDown 300, doubled (to 3600 at most) whenever
    /// demand takes back within 30 minutes what was removed, and halved after a day without that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub stabilization_window_seconds: Option<i32>,

    /// Which of several policies counts. Max: the one that allows the largest change. Min: the smallest. Disabled:
    /// no change in this direction. Example: Min. Default: Max.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<SelectPolicy>,

    /// Bounds on the change, each over its own sliding period; 1 to 8. Example:
    /// [{type: Percent, value: 10, periodSeconds: 60}]. Absent: those of the default behavior.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub policies: Option<Vec<ScalingPolicyRule>>,

    /// Demand that is within this share of the current size asks for no change. A Quantity from 0 to 1, not a
    /// percentage: "0.1" or 100m is 10 %. Example: "0.05". Default: "0.1".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::share_quantity")]
    pub tolerance: Option<IntOrString>,
}

/// Which of several policies counts.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A bound on the change over a sliding period.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicyRule {
    /// Unit of value. Pods: replicas. Percent: of the size at the start of the period. Example: Percent.
    #[serde(rename = "type")]
    pub kind: PolicyType,

    /// How much the size may change within the period, in the unit of type. Example: 10.
    #[schemars(range(min = 1, max = 100_000))]
    pub value: i32,

    /// Length of the sliding period, in seconds. Example: 60.
    #[schemars(range(min = 1, max = 1800))]
    pub period_seconds: i32,
}

/// Unit of a policy's value.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
#[schemars(inline, description = "")]
pub enum PolicyType {
    /// Replicas.
    Pods,
    /// Percent of the size at the start of the period.
    Percent,
}

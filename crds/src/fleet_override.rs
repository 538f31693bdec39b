//! The kind `FleetOverride`: what somebody orders for a while, apart from what Git owns; as it is typed. What it means
//! is decided in [`crate::intent`], what it does in core.

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

use crate::convert::{LONGEST_MESSAGE, bounded, instant};
use apifleet_core::Reason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is ordered for a while.
///
/// Of several at once Pin beats Hold beats the lowest Ceiling beats the highest Floor; of several Pins the newest
/// counts. None goes beyond minReplicas..maxReplicas of the fleet.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[kube(
    group = "apifleet.dev",
    version = "v1alpha1",
    kind = "FleetOverride",
    plural = "fleetoverrides",
    singular = "fleetoverride",
    shortname = "fo",
    namespaced,
    status = "FleetOverrideStatus",
    derive = "PartialEq",
    doc = "FleetOverride orders something of one ApiFleet of its namespace for a while: a floor, a ceiling, a fixed \
           size, a hold, no spot. It ends by itself, and is kept for 7 days as a record.",
    validation = Rule::new("size(self.metadata.name) <= 32")
        .message("the name of a FleetOverride has at most 32 characters: choose a shorter one"),
    printcolumn(
        name = "Fleet",
        type_ = "string",
        json_path = ".spec.fleetRef.name",
        description = "The fleet."
    ),
    printcolumn(
        name = "Action",
        type_ = "string",
        json_path = ".spec.action",
        description = "What is ordered."
    ),
    printcolumn(
        name = "Replicas",
        type_ = "integer",
        json_path = ".spec.replicas",
        description = "The size that the order names."
    ),
    printcolumn(
        name = "From",
        type_ = "string",
        json_path = ".spec.notBefore",
        description = "When it begins to count."
    ),
    printcolumn(
        name = "Until",
        type_ = "string",
        json_path = ".spec.expiresAt",
        description = "When it ends."
    ),
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="InForce")].reason"#,
        description = "Whether it counts: its kind, or Superseded, or OverrideEnded. Empty before it begins."
    ),
    printcolumn(
        name = "By",
        type_ = "string",
        json_path = ".spec.requestedBy",
        description = "Who ordered it."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".spec.reason",
        description = "Why it was ordered."
    ),
    printcolumn(
        name = "Pace",
        type_ = "string",
        json_path = ".spec.pace",
        description = "How fast the size falls to it.",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.action in ['Floor', 'Ceiling', 'Pin']) == has(self.replicas)")
        .message(
            "Floor, Ceiling and Pin need replicas, Hold and NoSpot have none: set or remove replicas, or choose \
             another action"
        )
        .field_path(".replicas"),
    validation = Rule::new("self.expiresAt > self.notBefore")
        .message("expiresAt must be after notBefore: choose a later end, or an earlier beginning")
        .field_path(".expiresAt"),
    validation = Rule::new("self.expiresAt - self.notBefore <= duration('24h')")
        .message("an override lasts 24 h at most: choose an earlier expiresAt, and order another one when it ends")
        .field_path(".expiresAt"),
    validation = Rule::new(
        "self.fleetRef == oldSelf.fleetRef && self.action == oldSelf.action && \
         has(self.replicas) == has(oldSelf.replicas) && \
         (!has(self.replicas) || self.replicas == oldSelf.replicas) && \
         has(self.pace) == has(oldSelf.pace) && (!has(self.pace) || self.pace == oldSelf.pace) && \
         self.notBefore == oldSelf.notBefore && self.requestedBy == oldSelf.requestedBy"
    )
        .message("only expiresAt and reason may be edited: end this override, and order another one"),
)]
pub struct FleetOverrideSpec {
    /// The fleet that it is about. It may not be changed later.
    pub fleet_ref: FleetRef,

    /// What is ordered. Floor: the fleet is not smaller than replicas. Ceiling: it is not larger. Pin: it has this
    /// size. Hold: demand moves nothing; minReplicas, the floors of schedules and the cover for lost spot nodes still
    /// do. NoSpot: every replica leaves spot, and none goes there. Example: Floor.
    pub action: OverrideAction,

    /// The size that Floor, Ceiling and Pin name, in replicas of both targets together. Outside of
    /// minReplicas..maxReplicas the nearest of them counts. Absent for Hold and NoSpot. Example: 26.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<i32>,

    /// How fast the size falls to what is ordered; it rises at once. Gradual: by the limits of behavior.scaleDown.
    /// Immediate: at once. Example: Immediate. Default: Gradual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<OverridePace>,

    /// From when on it counts. It may not be changed later. Example: "2026-12-10T10:05:00Z".
    #[schemars(schema_with = "crate::schema::instant")]
    pub not_before: Time,

    /// When it ends: after notBefore, by 24 h at most. May be edited: an earlier end ends it, a later one prolongs it.
    /// It ends whether the operator runs or not. Example: "2026-12-10T12:05:00Z".
    #[schemars(schema_with = "crate::schema::instant")]
    pub expires_at: Time,

    /// Why, for people; may be edited. 3 to 256 characters. Example: INC-412 checkout slow.
    #[schemars(length(min = 3, max = 256))]
    pub reason: String,

    /// Who orders it: the name by which the API server knows them. It may not be changed later. Example: alice.
    #[schemars(length(min = 1, max = 256))]
    pub requested_by: String,
}

/// What became of it.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct FleetOverrideStatus {
    /// The metadata.generation that this status was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// One condition, InForce: True while it counts; False where another one goes before it (Superseded), and once it
    /// has ended (OverrideEnded). Absent before it begins, and while nothing is decided for its fleet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// The fleet that an override is about.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FleetRef {
    /// Name of an ApiFleet in the namespace of this override. Example: shop-api.
    #[schemars(length(min = 1, max = 253), regex(pattern = crate::names::OBJECT_NAME))]
    pub name: String,
}

/// What is ordered.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
#[schemars(inline, description = "")]
pub enum OverrideAction {
    /// The fleet is not smaller.
    Floor,
    /// The fleet is not larger.
    Ceiling,
    /// The fleet has this size.
    Pin,
    /// Demand moves nothing.
    Hold,
    /// Every replica leaves spot.
    NoSpot,
}

/// How fast the size falls to what is ordered.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum OverridePace {
    /// By the limits of `behavior.scaleDown`.
    #[default]
    Gradual,
    /// At once.
    Immediate,
}

// === impl FleetOverrideStatus ===

impl FleetOverrideStatus {
    /// The type of its one condition.
    pub const IN_FORCE: &'static str = "InForce";

    /// The status after one that said `before`.
    #[must_use]
    pub fn new(
        before: Option<&Condition>,
        generation: Option<i64>,
        (holds, reason, message): (bool, Reason, &str),
        now: Timestamp,
    ) -> Self {
        let status = if holds { "True" } else { "False" };
        let same = before.filter(|before| before.status == status);
        let condition = Condition {
            type_: Self::IN_FORCE.to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: bounded(message, LONGEST_MESSAGE),
            last_transition_time: same
                .map_or_else(|| instant(now), |before| before.last_transition_time.clone()),
            observed_generation: generation,
        };
        Self { observed_generation: generation, conditions: vec![condition] }
    }

    /// Its one condition, if it was said.
    #[must_use]
    pub fn in_force(&self) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == Self::IN_FORCE)
    }
}

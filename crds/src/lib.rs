//! The custom resources of ApiFleet: what people write, and what the operator reports back.
//!
//! Start at [`ApiFleetSpec`] in [`spec`]: the manifest as typed. Its field comments are what `kubectl explain`
//! shows. [`effective()`] lays its blocks over those of the [`ScalingPolicy`] that it names; [`intent`] turns the
//! result, once, into what it means ([`FleetIntent`]), with every default applied; a manifest that means nothing
//! becomes a [`SpecError`] that says which field, why, and what to do. [`status`] is the other direction: a decision as
//! people and a restarted operator read it.
//!
//! `fixtures/good` holds manifests to start from: `smallest.yaml`, `december-campaign.yaml`, and `full.yaml` with every
//! field; `fixtures/policies` and `fixtures/overrides` those of the other kinds.
//!
//! The schema and its CEL rules refuse at `kubectl apply` what [`FleetIntent`] would refuse; a property test holds
//! the two together. [`yaml`] writes the definition that is installed in a cluster.
//!
//! The schema is closed. An API server drops a field that it does not know, with a warning, and refuses it where the
//! client asks for strict validation, which `kubectl apply` does: a misspelt field never means nothing silently.
//! Types here ignore unknown fields, so that an operator can read what a newer one has written.
//!
//! This crate never talks to a cluster, reads no clock, and knows no query language.

pub mod behavior;
pub mod clock;
pub mod conditions;
pub mod convert;
pub mod dependencies;
pub mod effective;
pub mod error;
pub mod fleet_override;
pub mod intent;
mod memory;
pub mod names;
pub mod nodes;
pub mod revision;
pub mod scaling_policy;
pub mod schedules;
pub mod schema;
pub mod signals;
pub mod source;
pub mod spec;
pub mod spot;
pub mod status;
mod yaml;

pub use conditions::{ConditionType, Conditions};
pub use effective::{effective, policy_for};
pub use error::SpecError;
pub use fleet_override::{FleetOverride, FleetOverrideSpec, FleetOverrideStatus};
pub use intent::{FleetIntent, OverrideIntent, TargetNames};
pub use nodes::{NodeKind, NodeLabels};
pub use scaling_policy::{ScalingPolicy, ScalingPolicySpec};
pub use source::{CustomSeries, ErrorSelector, Series, SignalSource};
pub use spec::{ApiFleet, ApiFleetSpec};
pub use status::ApiFleetStatus;
pub use yaml::{DefinitionError, Kind, crd, yaml};

//! From a manifest as typed to what it means, once: every default is applied here and nothing later checks again.
//!
//! The controller calls [`FleetIntent::try_from`], for a fleet with a policy after [`crate::effective()`], and
//! [`OverrideIntent::try_from`]; a manifest that means nothing is a [`SpecError`]. The schema and
//! its CEL rules refuse the same manifests earlier, so that an error here means an object from before a rule.

mod behavior;
mod dependencies;
mod overrides;
mod quantity;
mod schedules;
mod signals;
mod spot;

pub use overrides::OverrideIntent;

use crate::error::SpecError;
use crate::names::{DeploymentName, ObjectName};
use crate::nodes::NodeLabels;
use crate::source::SignalSource;
use crate::spec::{ApiFleetSpec, Mode, PolicyRef, Targets};
use apifleet_core::policy::{self, Bounds, FleetPolicy};
use apifleet_core::quantity::Replicas;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Everything that a manifest means.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetIntent {
    /// What a decision needs to know.
    pub policy: FleetPolicy,
    /// Where its signals are read.
    pub source: SignalSource,
    /// Whose replicas are written.
    pub targets: TargetNames,
    /// Which nodes are spot.
    pub node_labels: NodeLabels,
}

/// The Deployments of a fleet; different ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetNames {
    /// On on-demand nodes.
    pub on_demand: DeploymentName,
    /// On spot nodes.
    pub spot: Option<DeploymentName>,
}

// === impl FleetIntent ===

impl TryFrom<&ApiFleetSpec> for FleetIntent {
    type Error = SpecError;

    fn try_from(spec: &ApiFleetSpec) -> Result<Self, SpecError> {
        // Without `..`: a new field cannot be forgotten.
        let ApiFleetSpec {
            mode,
            policy_ref,
            min_replicas,
            max_replicas,
            targets,
            signals,
            behavior,
            schedules,
            spot,
            dependencies,
        } = spec;
        policy_name(policy_ref.as_ref())?;
        let bounds = bounds(*min_replicas, *max_replicas)?;
        let targets = target_names(targets)?;
        let signals = signals::meaning(&signals.clone().unwrap_or_default())?;
        fallback_within(signals.policy.adoption, bounds)?;
        let spot = spot::meaning(spot.as_ref(), &targets)?;
        let policy = FleetPolicy {
            mode: mode_meaning(*mode),
            bounds,
            signals: signals.policy,
            behavior: behavior::meaning(&behavior.clone().unwrap_or_default())?,
            schedules: schedules::meaning(schedules.as_deref().unwrap_or_default(), bounds)?,
            spot: spot.policy,
            dependencies: dependencies::meaning(
                dependencies.as_deref().unwrap_or_default(),
                bounds,
            )?,
            // Objects of their own: whoever decides adds those that are due.
            overrides: Vec::new(),
        };
        Ok(Self { policy, source: signals.source, targets, node_labels: spot.node_labels })
    }
}

impl TryFrom<&ApiFleetSpec> for FleetPolicy {
    type Error = SpecError;

    fn try_from(spec: &ApiFleetSpec) -> Result<Self, SpecError> {
        FleetIntent::try_from(spec).map(|intent| intent.policy)
    }
}

fn mode_meaning(mode: Mode) -> policy::Mode {
    match mode {
        Mode::Enforce => policy::Mode::Enforce,
        Mode::ScaleOutOnly => policy::Mode::ScaleOutOnly,
        Mode::Observe => policy::Mode::Observe,
    }
}

/// Which blocks are the policy's is decided by [`crate::effective`], before; here only its name is held against its
/// form.
fn policy_name(policy: Option<&PolicyRef>) -> Result<(), SpecError> {
    let Some(PolicyRef { name }) = policy else { return Ok(()) };
    let expected = "the name of a ScalingPolicy (lower case letters, digits, - and .)";
    let parsed = ObjectName::parse(name).map(drop);
    parsed.ok_or_else(|| malformed("spec.policyRef.name", name, expected))
}

fn bounds(min: i32, max: i32) -> Result<Bounds, SpecError> {
    let min = within("spec.minReplicas", min, 1..=1000)?;
    let max = within("spec.maxReplicas", max, 1..=1000)?;
    Bounds::new(Replicas::new(min), Replicas::new(max)).ok_or(SpecError::BoundsCross { min, max })
}

fn target_names(targets: &Targets) -> Result<TargetNames, SpecError> {
    let parse = |field: &str, name: &str| {
        let expected = "the name of a Deployment (lower case letters, digits, - and .)";
        DeploymentName::parse(name).ok_or_else(|| malformed(field, name, expected))
    };
    let on_demand =
        parse("spec.targets.onDemand.deploymentName", &targets.on_demand.deployment_name)?;
    let spot = match &targets.spot {
        Some(spot) => Some(parse("spec.targets.spot.deploymentName", &spot.deployment_name)?),
        None => None,
    };
    if spot.as_ref() == Some(&on_demand) {
        return Err(SpecError::SameTargets { name: on_demand.to_string() });
    }
    Ok(TargetNames { on_demand, spot })
}

/// `fallbackReplicas` is zero where it is not given.
fn fallback_within(fallback: Replicas, bounds: Bounds) -> Result<(), SpecError> {
    if fallback == Replicas::ZERO {
        return Ok(());
    }
    replicas_within("spec.signals.fallbackReplicas", fallback, bounds)
}

/// Whether a size lies within the fleet's bounds.
fn replicas_within(field: &str, size: Replicas, bounds: Bounds) -> Result<(), SpecError> {
    let (min, max) = (bounds.min(), bounds.max());
    if (min..=max).contains(&size) {
        return Ok(());
    }
    Err(SpecError::OutsideBounds {
        field: field.to_owned(),
        value: size.get(),
        min: min.get(),
        max: max.get(),
    })
}

/// The value, if it lies within a range of counts.
fn within(field: &str, value: i32, range: RangeInclusive<i32>) -> Result<u32, SpecError> {
    u32::try_from(value).ok().filter(|_| range.contains(&value)).ok_or_else(|| {
        SpecError::OutOfRange {
            field: field.to_owned(),
            value: value.into(),
            min: (*range.start()).into(),
            max: (*range.end()).into(),
        }
    })
}

/// The count of a list or map, if it is allowed.
fn counted(field: &str, count: usize, range: RangeInclusive<usize>) -> Result<(), SpecError> {
    if range.contains(&count) {
        return Ok(());
    }
    Err(SpecError::WrongCount {
        field: field.to_owned(),
        count,
        min: *range.start(),
        max: *range.end(),
    })
}

/// Whether each value of a list is there once.
fn each_once<'a>(field: &str, values: impl Iterator<Item = &'a str>) -> Result<(), SpecError> {
    let mut seen = BTreeSet::new();
    for (index, value) in values.enumerate() {
        if !seen.insert(value) {
            let field = format!("{field}[{index}]");
            return Err(SpecError::Twice { field, value: value.to_owned() });
        }
    }
    Ok(())
}

fn seconds_within(
    field: &str,
    value: i32,
    range: RangeInclusive<i32>,
) -> Result<Duration, SpecError> {
    within(field, value, range).map(|seconds| Duration::from_secs(seconds.into()))
}

fn malformed(field: &str, value: &str, expected: &'static str) -> SpecError {
    SpecError::Malformed { field: field.to_owned(), value: value.to_owned(), expected }
}

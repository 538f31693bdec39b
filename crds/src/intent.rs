//! From a manifest as typed to what it means, once: every default is applied here and nothing later checks again.
//!
//! The controller calls [`FleetIntent::try_from`]; a manifest that means nothing is a [`SpecError`]. The schema and
//! its CEL rules refuse the same manifests earlier, so that an error here means an object from before a rule.

mod behavior;
mod quantity;
mod signals;

use crate::error::SpecError;
use crate::names::DeploymentName;
use crate::source::SignalSource;
use crate::spec::{ApiFleetSpec, Mode, Spot, Targets};
use apifleet_core::policy::{self, Bounds, FleetPolicy, SpotPolicy};
use apifleet_core::quantity::Replicas;
use std::ops::RangeInclusive;

/// Everything that a manifest means.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetIntent {
    /// What a decision needs to know.
    pub policy: FleetPolicy,
    /// Where its signals are read.
    pub source: SignalSource,
    /// Whose replicas are written.
    pub targets: TargetNames,
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
        let ApiFleetSpec { mode, min_replicas, max_replicas, targets, signals, behavior, spot } =
            spec;
        let bounds = bounds(*min_replicas, *max_replicas)?;
        let targets = target_names(targets)?;
        let signals = signals::meaning(&signals.clone().unwrap_or_default())?;
        fallback_within(signals.policy.adoption, bounds)?;
        let policy = FleetPolicy {
            mode: mode_meaning(*mode),
            bounds,
            signals: signals.policy,
            behavior: behavior::meaning(&behavior.clone().unwrap_or_default())?,
            spot: spot_policy(spot.as_ref(), &targets)?,
        };
        Ok(Self { policy, source: signals.source, targets })
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

fn bounds(min: i32, max: i32) -> Result<Bounds, SpecError> {
    let min = within("spec.minReplicas", min, 1..=1000)?;
    let max = within("spec.maxReplicas", max, 1..=1000)?;
    Bounds::new(Replicas::new(min), Replicas::new(max)).ok_or(SpecError::BoundsCross { min, max })
}

fn target_names(targets: &Targets) -> Result<TargetNames, SpecError> {
    let parse = |field: &str, name: &str| {
        DeploymentName::parse(name).ok_or_else(|| SpecError::Malformed {
            field: field.to_owned(),
            value: name.to_owned(),
            expected: "the name of a Deployment (lower case letters, digits, - and .)",
        })
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
    let (min, max) = (bounds.min(), bounds.max());
    if fallback == Replicas::ZERO || (min..=max).contains(&fallback) {
        return Ok(());
    }
    Err(SpecError::FallbackOutsideBounds {
        fallback: fallback.get(),
        min: min.get(),
        max: max.get(),
    })
}

/// At most 60 % on spot and at least 4 replicas on demand, unless the manifest says otherwise.
fn spot_policy(
    spot: Option<&Spot>,
    targets: &TargetNames,
) -> Result<Option<SpotPolicy>, SpecError> {
    if targets.spot.is_none() {
        return if spot.is_some() { Err(SpecError::SpotWithoutTarget) } else { Ok(None) };
    }
    let spot = spot.cloned().unwrap_or_default();
    let max_percent = within("spec.spot.maxPercent", spot.max_percent.unwrap_or(60), 0..=100)?;
    let min_on_demand = within(
        "spec.spot.minOnDemandReplicas",
        spot.min_on_demand_replicas.unwrap_or(4),
        0..=1000,
    )?;
    Ok(Some(SpotPolicy {
        max_percent: u8::try_from(max_percent).unwrap_or(100),
        min_on_demand: Replicas::new(min_on_demand),
    }))
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

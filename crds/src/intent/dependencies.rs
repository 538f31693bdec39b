//! The meaning of `spec.dependencies`: each leaves room for `minReplicas` at least.

use super::{counted, each_once, malformed, within};
use crate::dependencies::Dependency;
use crate::error::SpecError;
use crate::names;
use apifleet_core::dependencies;
use apifleet_core::name::Name;
use apifleet_core::policy::Bounds;
use std::num::NonZeroU32;

pub(super) fn meaning(
    dependencies: &[Dependency],
    bounds: Bounds,
) -> Result<Vec<dependencies::Dependency>, SpecError> {
    let field = "spec.dependencies";
    counted(field, dependencies.len(), 0..=8)?;
    each_once(field, dependencies.iter().map(|dependency| dependency.name.as_str()))?;
    let numbered = dependencies.iter().enumerate();
    numbered.map(|(index, typed)| one(&format!("{field}[{index}]"), typed, bounds)).collect()
}

fn one(
    field: &str,
    typed: &Dependency,
    bounds: Bounds,
) -> Result<dependencies::Dependency, SpecError> {
    // Without `..`: a new field cannot be forgotten.
    let Dependency { name, limit, reserved, per_replica } = typed;
    let expected = "a name (lower case letters, digits and -, 1 to 32)";
    let parsed = Name::parse(name).filter(|_| names::is_schedule_name(name));
    let name = parsed.ok_or_else(|| malformed(&format!("{field}.name"), name, expected))?;
    let amount = |part: &str, value, range| within(&format!("{field}.{part}"), value, range);
    let limit = amount("limit", *limit, 1..=10_000_000)?;
    let reserved = amount("reserved", reserved.unwrap_or(0), 0..=10_000_000)?;
    let per_replica = amount("perReplica", *per_replica, 1..=1_000_000)?;
    let min = bounds.min().get();
    let asked = u64::from(min) * u64::from(per_replica);
    // Without the pods of a rollout: with them the size gives way, never the dependency.
    if asked > u64::from(limit.saturating_sub(reserved)) {
        let field = field.to_owned();
        return Err(SpecError::DependencyTooSmall { field, limit, reserved, per_replica, min });
    }
    let per_replica = NonZeroU32::new(per_replica).unwrap_or(NonZeroU32::MIN);
    Ok(dependencies::Dependency { name, limit, reserved, per_replica })
}

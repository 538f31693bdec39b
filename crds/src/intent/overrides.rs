//! The meaning of a `FleetOverride`: which fleet it is about, and the order as core carries it out.

use super::{malformed, within};
use crate::error::SpecError;
use crate::fleet_override::{
    FleetOverride, FleetOverrideSpec, FleetRef, OverrideAction, OverridePace,
};
use crate::names::ObjectName;
use apifleet_core::name::Name;
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use std::ops::RangeInclusive;

/// No override lasts longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// Everything that a `FleetOverride` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideIntent {
    /// The fleet of the same namespace that it is about.
    pub fleet: ObjectName,
    /// What is ordered, and for how long.
    pub order: Override,
    /// Why, for people.
    pub reason: String,
    /// Who ordered it.
    pub requested_by: String,
}

impl TryFrom<&FleetOverride> for OverrideIntent {
    type Error = SpecError;

    fn try_from(typed: &FleetOverride) -> Result<Self, SpecError> {
        // Without `..`: a new field cannot be forgotten.
        let FleetOverrideSpec {
            fleet_ref: FleetRef { name: fleet },
            action,
            replicas,
            pace,
            not_before,
            expires_at,
            reason,
            requested_by,
        } = &typed.spec;
        let name = typed.name_any();
        let expected = "a name of at most 32 characters";
        let parsed = ObjectName::parse(&name).and_then(|name| Name::parse(name.as_str()));
        let name = parsed.ok_or_else(|| malformed("metadata.name", &name, expected))?;
        let expected = "the name of an ApiFleet (lower case letters, digits, - and .)";
        let parsed = ObjectName::parse(fleet);
        let fleet = parsed.ok_or_else(|| malformed("spec.fleetRef.name", fleet, expected))?;
        let (not_before, expires_at) = (not_before.0, expires_at.0);
        lasts(not_before, expires_at)?;
        let order = Override {
            name,
            action: meaning(*action, *replicas)?,
            pace: match pace.unwrap_or_default() {
                OverridePace::Gradual => Pace::Gradual,
                OverridePace::Immediate => Pace::Immediate,
            },
            not_before,
            expires_at,
            created: typed.creation_timestamp().map_or(not_before, |time| time.0),
        };
        Ok(Self {
            fleet,
            order,
            reason: text("spec.reason", reason, 3..=256, "a text of 3 to 256 characters")?,
            requested_by: text(
                "spec.requestedBy",
                requested_by,
                1..=256,
                "a name of 1 to 256 characters",
            )?,
        })
    }
}

fn meaning(action: OverrideAction, replicas: Option<i32>) -> Result<Action, SpecError> {
    let size = match replicas {
        Some(size) => Some(Replicas::new(within("spec.replicas", size, 1..=1000)?)),
        None => None,
    };
    match (action, size) {
        (OverrideAction::Floor, Some(size)) => Ok(Action::Floor(size)),
        (OverrideAction::Ceiling, Some(size)) => Ok(Action::Ceiling(size)),
        (OverrideAction::Pin, Some(size)) => Ok(Action::Pin(size)),
        (OverrideAction::Hold, None) => Ok(Action::Hold),
        (OverrideAction::NoSpot, None) => Ok(Action::NoSpot),
        (OverrideAction::Floor | OverrideAction::Ceiling | OverrideAction::Pin, None) => {
            Err(SpecError::OverrideWithoutReplicas)
        }
        (OverrideAction::Hold | OverrideAction::NoSpot, Some(_)) => {
            Err(SpecError::OverrideWithReplicas)
        }
    }
}

fn lasts(not_before: Timestamp, expires_at: Timestamp) -> Result<(), SpecError> {
    let length = expires_at.duration_since(not_before);
    if length > SignedDuration::ZERO && length <= LONGEST {
        return Ok(());
    }
    let (from, to) = (not_before.to_string(), expires_at.to_string());
    Err(if length > LONGEST {
        SpecError::OverrideTooLong { from, to }
    } else {
        SpecError::OverrideNeverCounts { from, to }
    })
}

/// The text, if it has so many characters.
fn text(
    field: &str,
    text: &str,
    range: RangeInclusive<usize>,
    expected: &'static str,
) -> Result<String, SpecError> {
    let fits = range.contains(&text.chars().count());
    if fits { Ok(text.to_owned()) } else { Err(malformed(field, text, expected)) }
}

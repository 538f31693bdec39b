//! Which override is meant: the named one, or the only one that has not ended. Pure.

use crate::args::Program;
use crate::failure::Failure;
use crate::names::{FleetName, OverrideName};
use crate::near::{hint, nearest};
use crate::time::Clock;
use apifleet_crds::FleetOverride;
use kube::ResourceExt as _;

/// Whose overrides they are, and how the program is called.
pub(super) struct Asked<'a> {
    pub(super) program: Program,
    pub(super) fleet: &'a FleetName,
    pub(super) namespace: &'a str,
}

/// The override that is meant.
///
/// # Errors
/// Where there is none that has not ended, or there are several and none is named.
pub(super) fn pick<'a>(
    theirs: &'a [FleetOverride],
    name: Option<&OverrideName>,
    asked: &Asked<'_>,
    clock: &Clock,
) -> Result<&'a FleetOverride, Failure> {
    let is_open = |order: &&FleetOverride| order.spec.expires_at.0 > clock.now;
    let open: Vec<&FleetOverride> = theirs.iter().filter(is_open).collect();
    let Some(name) = name else { return only(&open, asked) };
    match theirs.iter().find(|order| order.name_any() == name.as_str()) {
        Some(order) if is_open(&order) => Ok(order),
        Some(order) => Err(Failure::NotKnown(format!(
            "override {name} has ended already, at {}",
            clock.instant_with_utc(order.spec.expires_at.0)
        ))),
        None => {
            let known: Vec<String> = open.iter().map(|order| order.name_any()).collect();
            let near = nearest(name.as_str(), known.iter().map(String::as_str));
            Err(Failure::NotKnown(format!(
                "fleet {} has no override {name}{}; list them with: {} override {} -n {} --list",
                asked.fleet,
                hint(&near),
                asked.program.words(),
                asked.fleet,
                asked.namespace
            )))
        }
    }
}

fn only<'a>(open: &[&'a FleetOverride], asked: &Asked<'_>) -> Result<&'a FleetOverride, Failure> {
    let Asked { program, fleet, namespace } = asked;
    match open {
        &[one] => Ok(one),
        [] => Err(Failure::NotKnown(format!("nothing is ordered of fleet {fleet}"))),
        several => {
            let names: Vec<String> = several.iter().map(|order| order.name_any()).collect();
            Err(Failure::Usage(format!(
                "fleet {fleet} has several overrides: name one of {}, as in: {} override {fleet} {} -n {namespace} --end",
                names.join(", "),
                program.words(),
                names.first().map(String::as_str).unwrap_or_default()
            )))
        }
    }
}

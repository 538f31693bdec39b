//! Waits until the operator acts on an order, or no longer does: the fleet's status says which ones it looks at.

use crate::failure::Failure;
use crate::find::Found;
use crate::names::FleetName;
use crate::pages;
use crate::settings::Settings;
use crate::status::follow::{Late, until};
use apifleet_crds::ApiFleet;
use apifleet_crds::status::ActiveOverrideStatus;
use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited<'a> {
    /// This override is acted on.
    InForce(&'a str),
    /// None of these is acted on.
    Over(&'a [String]),
}

/// Waits, and returns what the last decision said then.
pub(super) async fn wait(
    settings: &Settings,
    (found, name): (&Found, &FleetName),
    awaited: Awaited<'_>,
    limit: Duration,
) -> Result<String, Failure> {
    let Found { cluster, namespace, .. } = found;
    let late = Late {
        what: awaited.missed(),
        next: format!("{} status {name} -n {namespace}", settings.program.words()),
    };
    until(cluster, (namespace, name), limit, late, async |read| match read {
        Ok(fleet) if awaited.is_seen(&fleet)? => Ok(Break(summary(&fleet))),
        Ok(fleet) => Ok(Continue(summary(&fleet))),
        Err(invalid) => Ok(Continue(invalid.error)),
    })
    .await
}

// === impl Awaited ===

impl Awaited<'_> {
    /// Whether the fleet's status says so.
    fn is_seen(self, fleet: &ApiFleet) -> Result<bool, Failure> {
        let mut active = fleet.status.iter().flat_map(|status| &status.active_overrides);
        match self {
            Self::Over(names) => Ok(!active.any(|order| names.contains(&order.name))),
            Self::InForce(name) => match active.find(|order| order.name == name) {
                None => Ok(false),
                Some(ActiveOverrideStatus { superseded_by: None, .. }) => Ok(true),
                Some(ActiveOverrideStatus { superseded_by: Some(by), .. }) => {
                    Err(Failure::Limit(format!(
                        "{name} gives way to {by}, so it does not count; see {}",
                        pages::runbook("Superseded")
                    )))
                }
            },
        }
    }

    fn missed(self) -> String {
        match self {
            Self::InForce(name) => {
                format!("{name} is written, and the operator does not act on it")
            }
            Self::Over(names) => {
                format!(
                    "the end of {} is written, and the operator acts on it still",
                    names.join(", ")
                )
            }
        }
    }
}

/// What the last decision said.
fn summary(fleet: &ApiFleet) -> String {
    let decision = fleet.status.as_ref().and_then(|status| status.last_decision.as_ref());
    decision.map_or_else(
        || "the operator has not reported on the fleet".to_owned(),
        |decision| decision.summary.clone(),
    )
}

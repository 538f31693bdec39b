//! What a reader has to be told about the report itself before believing it: that there is none, that it is old, that
//! the latest edit is not in it.

use super::condition;
use crate::time::short;
use apifleet_crds::{ApiFleet, ConditionType, SpecError};
use jiff::{SignedDuration, Timestamp};

/// The operator writes the status once in six minutes at least; a minute more is not yet silence.
const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(7);
/// How people see whether it runs.
const LOOK: &str =
    "is it running? look with: kubectl get pods -A -l app.kubernetes.io/name=apifleet-controller";

/// The notices, the most important first.
pub(super) fn of(fleet: &ApiFleet, error: Option<&SpecError>, now: Timestamp) -> Vec<String> {
    let deleting = fleet
        .metadata
        .deletion_timestamp
        .is_some()
        .then(|| "the fleet is being deleted".to_owned());
    let invalid = error.map(|error| format!("the spec means nothing to this program: {error}"));
    [deleting, report(fleet, now), edit(fleet), invalid].into_iter().flatten().collect()
}

/// Whether there is a report, and whether it is of now.
fn report(fleet: &ApiFleet, now: Timestamp) -> Option<String> {
    let reported = fleet.status.as_ref().filter(|status| !status.conditions.is_empty());
    let Some(status) = reported else {
        return Some(format!("the operator has not reported on this fleet yet: {LOOK}"));
    };
    let stalled =
        condition(&status.conditions, ConditionType::Stalled).is_some_and(|it| it.status == "True");
    let age = now.duration_since(status.last_decision.as_ref()?.time.0);
    if stalled {
        return Some(format!("not decided for {}: what is shown is of then", short(age)));
    }
    (age > SILENT_AFTER)
        .then(|| format!("the operator has not reported for {}: {LOOK}", short(age)))
}

/// Whether the latest edit is in it.
fn edit(fleet: &ApiFleet) -> Option<String> {
    let seen = fleet.status.as_ref()?.observed_generation?;
    let latest = fleet.metadata.generation?;
    (seen < latest).then(|| {
        format!(
            "the latest edit (generation {latest}) is not taken up yet; what is shown is of {seen}"
        )
    })
}

//! What would be decided with other signals, now and in the next half hour.

use super::Assumption;
use super::ledger::{StageView, stages as table};
use super::replay::{Coming, Replay, changes, stages};
use crate::failure::Failure;
use crate::page::Page;
use crate::table::{Grid, Tone, plain, toned};
use crate::time::Clock;
use apifleet_core::overrides::Override;
use apifleet_crds::ApiFleet;
use jiff::Timestamp;
use serde::Serialize;

/// What would be decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// The fleet's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// The size now.
    pub previous: i32,
    /// The size that would be wanted at once.
    pub desired: i32,
    /// How that comes about.
    pub stages: Vec<StageView>,
    /// The changes of the size in the next half hour, this one included.
    pub changes: Vec<Coming>,
    /// The size at its end.
    pub settles_at: i32,
    /// What was taken for granted.
    pub assumed: &'static str,
}

// === impl Replayed ===

impl Replayed {
    /// What would be decided.
    ///
    /// # Errors
    /// Where the fleet's status does not hold enough, or the fleet does not look at an assumed signal.
    pub fn new(
        fleet: &ApiFleet,
        overrides: &[Override],
        assumption: &Assumption,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut replay = Replay::new(fleet, overrides, now)?;
        replay.assume(assumption)?;
        let first = replay.decision();
        let decisions: Vec<_> = replay.ahead().collect();
        let settles_at = decisions.last().unwrap_or(&first).desired;
        let count = apifleet_crds::convert::count;
        Ok(Self {
            namespace: fleet.metadata.namespace.clone().unwrap_or_default(),
            name: fleet.metadata.name.clone().unwrap_or_default(),
            at: first.at,
            previous: count(first.previous),
            desired: count(first.desired),
            stages: stages(&first),
            changes: changes(&decisions),
            settles_at: count(settles_at),
            assumed: Replay::ASSUMED,
        })
    }

    /// The answer for people.
    #[must_use]
    pub fn render(&self, clock: &Clock, width: Option<u16>) -> String {
        let (key, desired) = (format!("{}/{}", self.namespace, self.name), self.desired);
        let title = if self.previous == desired {
            format!("{key} would stay at {desired} replicas")
        } else {
            format!("{key} would go from {} to {desired} replicas", self.previous)
        };
        let end = format!("{} replicas half an hour from now", self.settles_at);
        Page::new(width)
            .line([toned(Tone::Strong, title)])
            .section(&table(&self.stages))
            .section(&timeline(&self.changes, clock))
            .gap()
            .words(Tone::Plain, end)
            .words(Tone::Dim, self.assumed)
            .finish()
    }
}

/// Changes with their instants.
fn timeline(changes: &[Coming], clock: &Clock) -> Grid {
    let mut grid = Grid::titled(vec!["AT", "IN", "SIZE", "REASON"]);
    for change in changes {
        grid.push(vec![
            plain(clock.instant(change.at)),
            plain(clock.until(change.at)),
            toned(Tone::Strong, format!("{} -> {}", change.previous, change.desired)),
            plain(&change.reason),
        ]);
    }
    grid
}

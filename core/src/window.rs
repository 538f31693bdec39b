//! The recommendations inside a stabilisation window, kept as the few that can still matter.
//!
//! When removing, the highest of the window counts; a recommendation that a later one reaches can never be that
//! again, so only a falling staircase is kept. When adding it is the lowest, and a rising staircase.

use crate::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The most entries of a staircase.
pub(crate) const LIMIT: usize = 32;

/// A full staircase is thinned to one entry in this share of its window.
const THINNED: i64 = 16;

/// What demand asked for at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub replicas: Replicas,
}

/// Which extremum a staircase keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The highest, for removing.
    Highest,
    /// The lowest, for adding.
    Lowest,
}

/// Records a recommendation and forgets what has left the window.
pub(crate) fn record(
    list: &mut Vec<Recommendation>,
    keep: Keep,
    new: Recommendation,
    window: Duration,
) {
    list.retain(|old| inside(old.at, new.at, window));
    let beaten = |old: &Recommendation| match keep {
        Keep::Highest => old.replicas <= new.replicas,
        Keep::Lowest => old.replicas >= new.replicas,
    };
    while list.last().is_some_and(beaten) {
        list.pop();
    }
    if inside(new.at, new.at, window) {
        list.push(new);
    }
    if list.len() > LIMIT {
        thin(list, keep, window);
    }
}

/// The recommendation that counts: the extremum, and the last instant at which it was recommended.
pub(crate) fn extremum(
    list: &[Recommendation],
    now: Timestamp,
    window: Duration,
) -> Option<Recommendation> {
    list.iter().find(|entry| inside(entry.at, now, window)).copied()
}

/// Whether an instant still counts: as with the HPA, not at the window's far edge.
pub(crate) fn inside(at: Timestamp, now: Timestamp, window: Duration) -> bool {
    now.duration_since(at) < signed(window)
}

/// The same length with a sign; far more than any window where it does not fit.
pub(crate) fn signed(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}

/// Merges entries of the same sixteenth of the window in the direction that is safe: a high counts longer, a low
/// is forgotten sooner.
fn thin(list: &mut Vec<Recommendation>, keep: Keep, window: Duration) {
    let bucket = (signed(window).as_secs() / THINNED).max(1);
    list.dedup_by(|later, kept| {
        let same = later.at.as_second() / bucket == kept.at.as_second() / bucket;
        if same && keep == Keep::Highest {
            kept.at = later.at;
        }
        same
    });
    list.truncate(LIMIT);
}

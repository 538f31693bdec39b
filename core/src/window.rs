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

/// What a staircase is made of.
pub(crate) trait Entry: Copy {
    /// What is compared.
    type Height: Ord;

    /// When it was seen.
    fn at(&self) -> Timestamp;
    /// How high it is.
    fn height(&self) -> Self::Height;
    /// The same, seen at another time.
    fn seen_at(self, at: Timestamp) -> Self;
}

impl Entry for Recommendation {
    type Height = Replicas;

    fn at(&self) -> Timestamp {
        self.at
    }

    fn height(&self) -> Replicas {
        self.replicas
    }

    fn seen_at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }
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
pub(crate) fn record<E: Entry>(list: &mut Vec<E>, keep: Keep, new: E, window: Duration) {
    list.retain(|old| inside(old.at(), new.at(), window));
    let beaten = |old: &E| match keep {
        Keep::Highest => old.height() <= new.height(),
        Keep::Lowest => old.height() >= new.height(),
    };
    while list.last().is_some_and(beaten) {
        list.pop();
    }
    if inside(new.at(), new.at(), window) {
        list.push(new);
    }
    if list.len() > LIMIT {
        thin(list, keep, window);
    }
}

/// The recommendation that counts: the extremum, and the last instant at which it was recommended.
pub(crate) fn extremum<E: Entry>(list: &[E], now: Timestamp, window: Duration) -> Option<E> {
    list.iter().find(|entry| inside(entry.at(), now, window)).copied()
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
fn thin<E: Entry>(list: &mut Vec<E>, keep: Keep, window: Duration) {
    let bucket = (signed(window).as_secs() / THINNED).max(1);
    list.dedup_by(|later, kept| {
        let same = later.at().as_second() / bucket == kept.at().as_second() / bucket;
        if same && keep == Keep::Highest {
            *kept = kept.seen_at(later.at());
        }
        same
    });
    list.truncate(LIMIT);
}

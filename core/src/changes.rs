//! The changes of a fleet's size that still count in a rate period.

use crate::quantity::Replicas;
use crate::window::inside;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The most changes that are remembered.
pub(crate) const LIMIT: usize = 64;

/// A change of the fleet's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When it was applied.
    pub at: Timestamp,
    /// The size before.
    pub from: Replicas,
    /// The size after.
    pub to: Replicas,
}

impl Change {
    /// The change from one size to another; `None` where they are the same.
    #[must_use]
    pub fn between(from: Replicas, to: Replicas, at: Timestamp) -> Option<Self> {
        (from != to).then_some(Self { at, from, to })
    }
}

/// The sizes that a rate policy measures from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// The size at the start of the period.
    pub(crate) start: Replicas,
    /// The largest size inside it, start and end included.
    pub(crate) peak: Replicas,
}

/// Walks back from the current size through the changes of a period.
pub(crate) fn span(
    changes: &[Change],
    current: Replicas,
    now: Timestamp,
    period: Duration,
) -> Span {
    let in_period = changes.iter().rev().take_while(|change| inside(change.at, now, period));
    in_period.fold(Span { start: current, peak: current }, |span, change| {
        let start = span.start.plus(change.from).minus(change.to);
        Span { start, peak: span.peak.max(start) }
    })
}

/// Records a change and forgets what has left the longest period.
pub(crate) fn record(changes: &mut Vec<Change>, new: Change, longest: Duration) {
    changes.retain(|old| inside(old.at, new.at, longest));
    changes.push(new);
    while changes.len() > LIMIT {
        merge_oldest(changes);
    }
}

/// Makes one of the two oldest, in the direction that is safe: what was removed counts longer, what was added is
/// forgotten sooner, and a peak between them is kept.
fn merge_oldest(changes: &mut Vec<Change>) {
    let [first, second, ..] = changes.as_slice() else { return };
    let peaked = first.to > first.from && second.to < second.from;
    let from = if peaked { first.to } else { first.from };
    let at = if second.to < from { second.at } else { first.at };
    let merged = Change { at, from, to: second.to };
    changes.drain(..2);
    changes.insert(0, merged);
}

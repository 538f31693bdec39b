//! Leaving spot because somebody ordered it: no capacity is being lost, so every replica is made on demand before it
//! goes from spot. One every 30 seconds, or all at once where the override says so.

use super::View;
use super::memory::{Leaving, SpotMemory};
use crate::overrides::Pace;
use crate::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};

/// One replica leaves in so long.
const EVERY: SignedDuration = SignedDuration::from_secs(30);

/// Notes when the fleet began to leave, and with how many replicas.
pub(crate) fn note(memory: &mut SpotMemory, view: &View) {
    let begins = || Leaving { since: view.now, from: view.sight.healthy };
    memory.leaving = view.no_spot.map(|_| memory.leaving.unwrap_or_else(begins));
}

/// The replicas that may still be on spot; `None` where nobody ordered to leave.
pub(crate) fn remaining(memory: &SpotMemory, view: &View) -> Option<Replicas> {
    let order = view.no_spot?;
    let leaving = memory.leaving.filter(|_| order.pace == Pace::Gradual);
    Some(leaving.map_or(Replicas::ZERO, |Leaving { since, from }| {
        let steps = view.now.duration_since(since).as_secs() / EVERY.as_secs() + 1;
        from.minus(Replicas::new(u32::try_from(steps).unwrap_or(u32::MAX)))
    }))
}

/// When the next one leaves.
pub(crate) fn next(memory: &SpotMemory, view: &View) -> Option<Timestamp> {
    let left = remaining(memory, view).filter(|left| *left > Replicas::ZERO)?;
    let Leaving { since, from } = memory.leaving?;
    let steps = i32::try_from(from.minus(left).get()).ok()?;
    since.checked_add(EVERY.checked_mul(steps)?).ok()
}

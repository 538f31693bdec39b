//! What the fleet looks like as windows begin.

use super::opening::Missing;
use crate::memory::Memory;
use crate::observation::{Observation, TargetObservation};
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use jiff::Timestamp;

/// One look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) policy: &'a FleetPolicy,
    pub(crate) seen: &'a Observation,
    /// The fleet's size.
    pub(crate) current: Replicas,
    pub(crate) now: Timestamp,
}

impl Look<'_> {
    /// When something that began at `at` is taken to have been seen: then, if the last decision was before it. After
    /// a restart, which must delay nothing, at the latest when the memory was written. Else now.
    pub(super) fn first_seen(&self, at: Timestamp, memory: &Memory) -> Timestamp {
        let before = memory.at.filter(|last| *last < at || memory.is_resumed());
        before.map_or(self.now, |last| last.max(at))
    }

    /// The placeholders that have no node.
    pub(super) fn missing(&self) -> Missing {
        let placeholders = self.seen.placeholders;
        let pending = |target: Option<TargetObservation>| {
            target.map_or(Replicas::ZERO, |target| target.pending)
        };
        Missing { on_demand: pending(placeholders.on_demand), spot: pending(placeholders.spot) }
    }

    /// Since when so many pods have been Ready.
    pub(super) fn ready_at(&self, wanted: Replicas) -> Timestamp {
        let mut since = self.seen.ready_since.clone();
        since.sort_unstable();
        let last =
            wanted.get().checked_sub(1).and_then(|index| since.get(usize::try_from(index).ok()?));
        last.copied().unwrap_or(self.now).min(self.now)
    }
}

//! What is remembered of a window from the beginning of its pre-warm to its end, so that a pre-warm that has begun
//! goes on as it began and that it is known later whether the window opened in time.

use super::lead::Leads;
use crate::name::Name;
use crate::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The most windows that are remembered: two of each of 16 schedules.
pub(crate) const LIMIT: usize = 32;

/// A window that is open or pre-warms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// Of which schedule.
    pub schedule: Name,
    /// When it opens.
    pub start: Timestamp,
    /// The leads as they were when the pre-warm began, in seconds: what is measured later does not move it.
    pub(crate) pod_lead: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node_lead: Option<i32>,
    /// From where the floor climbs; absent before it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
    /// Placeholders that had no node when the floor began to climb.
    #[serde(default, skip_serializing_if = "Missing::is_none")]
    pub(crate) missing: Missing,
    /// The floor that it set at the last decision; of an open curve its highest point. Less of it is an edit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) promised: Replicas,
    /// Whether its replicas were Ready in time; absent before it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opened: Option<Opened>,
}

/// Where a ramp begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Origin {
    /// When.
    pub(crate) at: Timestamp,
    /// At which size.
    pub(crate) replicas: Replicas,
}

/// Placeholders without a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Missing {
    /// On on-demand nodes.
    pub(crate) on_demand: Replicas,
    /// On spot nodes.
    pub(crate) spot: Replicas,
}

/// Whether the replicas of an open window were Ready in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Opened {
    /// When they had to be: as the window opened, or when it was first seen.
    pub(crate) due: Timestamp,
    /// When all were; absent before they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ready_at: Option<Timestamp>,
}

impl Opening {
    /// A window whose pre-warm begins.
    pub(crate) fn new(schedule: Name, start: Timestamp, leads: Leads) -> Self {
        let seconds = |lead: Duration| i32::try_from(lead.as_secs()).unwrap_or(i32::MAX);
        Self {
            schedule,
            start,
            pod_lead: seconds(leads.pods),
            node_lead: leads.nodes.map(seconds),
            origin: None,
            missing: Missing::default(),
            promised: Replicas::ZERO,
            opened: None,
        }
    }

    /// The leads that it began with.
    pub(crate) fn leads(&self) -> Leads {
        let lead = |seconds: i32| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        Leads { pods: lead(self.pod_lead), nodes: self.node_lead.map(lead) }
    }

    /// The instants in it.
    pub(crate) fn instants(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let origin = self.origin.iter_mut().map(|origin| &mut origin.at);
        let opened = self.opened.iter_mut();
        origin.chain(
            opened.flat_map(|opened| std::iter::once(&mut opened.due).chain(&mut opened.ready_at)),
        )
    }
}

impl Origin {
    /// The floor at an instant on the line from here to `full` at `complete`, rounded up.
    pub(crate) fn climbed(&self, full: Replicas, complete: Timestamp, at: Timestamp) -> Replicas {
        if at >= complete {
            return full;
        }
        let total = complete.duration_since(self.at).as_nanos().max(0);
        let gone = at.duration_since(self.at).as_nanos().clamp(0, total);
        let more = i128::from(full.minus(self.replicas).get());
        // Rounded up. `total` is zero only where an edit or the clock has moved the end before the beginning.
        let climbed = (more * gone + total - 1).checked_div(total).unwrap_or_default();
        self.replicas.plus(Replicas::new(u32::try_from(climbed).unwrap_or(u32::MAX)))
    }

    /// The first instant at which the floor on that line is above `size`; `None` where the line does not pass it.
    pub(crate) fn passes(
        &self,
        size: Replicas,
        full: Replicas,
        complete: Timestamp,
    ) -> Option<Timestamp> {
        let total = complete.duration_since(self.at).as_nanos().max(0);
        let more = i128::from(full.minus(self.replicas).get());
        let needed = i128::from(size.minus(self.replicas).get());
        let gone = (needed * total).checked_div(more).filter(|_| needed < more)? + 1;
        self.at.checked_add(SignedDuration::try_from_nanos_i128(gone)?).ok()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(replicas: &Replicas) -> bool {
    *replicas == Replicas::ZERO
}

impl Missing {
    /// How many in all.
    pub(crate) fn sum(self) -> Replicas {
        self.on_demand.plus(self.spot)
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_ramp_of_ten_in_five_minutes_takes_a_step_every_thirty_seconds() {
        let (full, complete) = (Replicas::new(20), at(300));
        let origin = Origin { at: at(0), replicas: Replicas::new(10) };
        let floor = |second| origin.climbed(full, complete, at(second)).get();
        assert_eq!(
            [0, 1, 30, 60, 120, 180, 240, 299, 300, 900].map(floor),
            [10, 11, 11, 12, 14, 16, 18, 20, 20, 20]
        );
        for size in 10..20 {
            let passes = origin.passes(Replicas::new(size), full, complete).unwrap();
            let before = passes - SignedDuration::from_nanos(1);
            assert_eq!(origin.climbed(full, complete, before), Replicas::new(size));
            assert_eq!(origin.climbed(full, complete, passes), Replicas::new(size + 1));
        }
        assert_eq!(origin.passes(full, full, complete), None);
    }

    #[test]
    fn a_ramp_without_length_or_height_is_there_at_once() {
        let full = Replicas::new(20);
        let late = Origin { at: at(10), replicas: Replicas::new(3) };
        assert_eq!(late.climbed(full, at(10), at(10)), full);
        assert_eq!(late.climbed(full, at(20), at(0)), Replicas::new(3), "a clock set back");
        assert_eq!(late.climbed(full, at(5), at(0)), Replicas::new(3), "and an end before it");
        let level = Origin { at: at(0), replicas: full };
        assert_eq!(level.climbed(full, at(10), at(1)), full);
        assert_eq!(level.passes(full, full, at(10)), None);
    }
}

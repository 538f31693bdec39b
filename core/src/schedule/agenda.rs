//! What the schedules say around one instant: which windows are open or pre-warm, the floors and ceilings that they
//! set now and shortly after, and when that changes.
//!
//! A decision looks the windows up once, with `Agenda::find`, and notes in its memory what has begun, with
//! `Agenda::begin`; from then on everything is arithmetic on instants.

use super::lead::Leads;
use super::look::Look;
use super::opening::Opening;
use super::slot::Slot;
use super::window::Moment;
use super::{SpotReturn, steps};
use crate::decision::{ActiveSchedule, Phase};
use crate::memory::Memory;
use crate::name::Name;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use crate::reason::Reason;
use jiff::Timestamp;
use std::cmp::Reverse;

/// The windows that are open, pre-warm, or come next.
#[derive(Debug, Clone, Default)]
pub struct Agenda<'a> {
    slots: Vec<Slot<'a>>,
}

/// A bound that a schedule sets at an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'s> {
    pub(crate) slot: &'s Slot<'s>,
    pub(crate) replicas: Replicas,
}

/// How the nodes for spot replicas of a pre-warm come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SpotSlots {
    /// Nothing is being pre-warmed.
    #[default]
    Usual,
    /// Placeholders have asked for them and they are on their way: a replica that waits for one says nothing against
    /// spot.
    Coming,
    /// They did not come in time: on demand instead, until the window opens, and until it ends where it forbids a
    /// return to spot.
    Missing,
}

impl<'a> Agenda<'a> {
    /// Looks up, for each schedule, the windows that have not ended, up to the first whose pre-warm has not begun.
    pub(crate) fn find(policy: &'a FleetPolicy, memory: &Memory, now: Timestamp) -> Self {
        let mut slots = Vec::new();
        for schedule in &policy.schedules {
            let mut leads = None;
            for window in schedule.calendar.windows_from(now).take(SEARCHED) {
                let leads =
                    leads.get_or_insert_with(|| Leads::of(schedule, policy, &memory.learned));
                let slot =
                    Slot::new(schedule, window, *leads, memory, policy.signals.target_per_replica);
                let is_far = slot.warm.nodes_from > now;
                slots.push(slot);
                if is_far {
                    break;
                }
            }
        }
        Self { slots }
    }

    /// Notes in `memory` what has begun; whether a floor that was set at the last decision has ended, or was lowered by
    /// an edit.
    pub(crate) fn begin(&mut self, memory: &mut Memory, look: &Look) -> bool {
        let goes_on = |opening: &Opening| {
            let stands = |slot: &Slot| slot.promise(look) >= opening.promised;
            let is_same = |slot: &&Slot| slot.is(opening) && slot.phase(look.now).is_some();
            self.slots.iter().find(is_same).is_some_and(stands)
        };
        let ended = memory.openings.iter().any(|old| old.origin.is_some() && !goes_on(old));
        for slot in &mut self.slots {
            slot.begin(memory, look);
        }
        memory.openings.clear();
        let noted = |slot: &Slot| Some(Opening { promised: slot.promise(look), ..slot.opening? });
        memory.openings.extend(self.slots.iter().filter_map(noted));
        ended
    }

    /// The windows that are open or pre-warm at an instant.
    pub(crate) fn under_way(&self, at: Timestamp) -> impl Iterator<Item = (&Slot<'a>, Phase)> {
        self.slots.iter().filter_map(move |slot| Some((slot, slot.phase(at)?)))
    }

    /// The highest floor at an instant, a ramp's included, for a fleet of this size.
    pub(crate) fn floor(&self, at: Timestamp, current: Replicas) -> Option<Bound<'_>> {
        let floors = self.under_way(at).filter(|(_, phase)| *phase != Phase::Nodes);
        let floors = floors.map(|(slot, _)| Bound { slot, replicas: slot.floor(at, current) });
        floors.max_by_key(|bound| bound.slot.weight(bound.replicas, at))
    }

    /// The highest floor of the windows that are open at an instant.
    pub(crate) fn open_floor(&self, at: Timestamp) -> Option<Bound<'_>> {
        let floors = self.open(at).map(|slot| Bound { slot, replicas: slot.floor_inside(at) });
        floors.max_by_key(|bound| bound.slot.weight(bound.replicas, at))
    }

    /// The lowest ceiling of the windows that are open at an instant.
    pub(crate) fn ceiling(&self, at: Timestamp) -> Option<Bound<'_>> {
        let ceilings =
            self.open(at).filter_map(|slot| Some(Bound { slot, replicas: slot.schedule.ceiling? }));
        ceilings.min_by_key(|bound| bound.replicas)
    }

    /// The schedule that is said to be active.
    pub(crate) fn active(&self, at: Timestamp, current: Replicas) -> Option<ActiveSchedule> {
        let all = self.under_way(at).map(|(slot, phase)| ActiveSchedule {
            name: slot.schedule.name,
            phase,
            start: slot.window.start.at,
            end: slot.window.end.at,
            floor: slot.floor(at, current),
            full: slot.full,
        });
        all.max_by_key(|active| {
            (active.floor, active.phase == Phase::Window, Reverse(active.start))
        })
    }

    /// The window that opens next, if one does in the next days.
    pub(crate) fn upcoming(&self, now: Timestamp) -> Option<(Name, Moment)> {
        let later = self.slots.iter().filter(|slot| slot.window.start.at > now);
        let first = later.min_by_key(|slot| slot.window.start.at)?;
        Some((first.schedule.name, first.window.start))
    }

    /// The floor that is being pre-warmed: what replicas are still to be asked for.
    pub(crate) fn coming_floor(&self, now: Timestamp) -> Option<Replicas> {
        let coming =
            self.under_way(now).filter(|(_, phase)| matches!(phase, Phase::Nodes | Phase::Ramp));
        coming.map(|(slot, _)| slot.full).max()
    }

    /// How the nodes for spot replicas come.
    #[must_use]
    pub fn spot_slots(&self, policy: &FleetPolicy, now: Timestamp) -> SpotSlots {
        let asked = policy.asks_for_nodes();
        let slots = self.under_way(now).map(|(slot, phase)| slot.spot_slots(phase, asked));
        slots.max().unwrap_or_default()
    }

    /// Whether replicas may move back to spot: one open window that forbids it is enough.
    #[must_use]
    pub fn spot_return(&self, now: Timestamp) -> SpotReturn {
        let forbidden =
            self.open(now).any(|slot| slot.schedule.spot_return == SpotReturn::Forbidden);
        if forbidden { SpotReturn::Forbidden } else { SpotReturn::Allowed }
    }

    /// The next instant at which a window or a part of a pre-warm begins or ends.
    pub(crate) fn next_edge(&self, now: Timestamp) -> Option<Timestamp> {
        self.slots.iter().flat_map(Slot::edges).filter(|edge| *edge > now).min()
    }

    /// What happens at an edge, and whether a floor ends there.
    pub(crate) fn at_edge(&self, edge: Timestamp) -> (Reason, bool) {
        let ends = self.slots.iter().any(|slot| slot.window.end.at == edge);
        let opens = self.slots.iter().any(|slot| slot.window.start.at == edge);
        let reason = match (opens, ends) {
            (true, _) => Reason::ScheduleFloor,
            (false, true) => Reason::WindowClosed,
            (false, false) => Reason::PreWarming,
        };
        (reason, ends)
    }

    /// The instants after `now` and before `until`, between which no edge lies, at which a floor first passes this
    /// size, or one that holds it up first falls.
    pub(crate) fn steps(
        &self,
        now: Timestamp,
        until: Timestamp,
        size: Replicas,
    ) -> impl Iterator<Item = Timestamp> {
        self.under_way(now)
            .flat_map(move |(slot, phase)| match phase {
                Phase::Ramp => {
                    let origin = slot.origin(size);
                    [origin.passes(size, slot.full, slot.warm.ramp_complete), None]
                }
                Phase::Window => steps::of_curve(slot, now, until, size),
                Phase::Nodes | Phase::Lead => [None, None],
            })
            .flatten()
            .filter(move |at| now < *at && *at < until)
    }

    fn open(&self, at: Timestamp) -> impl Iterator<Item = &Slot<'a>> {
        self.slots.iter().filter(move |slot| slot.window.contains(at))
    }
}

/// The most windows of a schedule that may be open, pre-warm or come next at a time: each is at most a day, and no
/// pre-warm is longer than two.
const SEARCHED: usize = 5;

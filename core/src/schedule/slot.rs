//! One window of a schedule from the beginning of its pre-warm to its end: how far it is at an instant, the floor that it
//! sets then, and what is noted of it as it begins. [`super::agenda`] looks the windows up and puts them together.

use super::agenda::SpotSlots;
use super::lead::{Leads, PreWarm};
use super::look::Look;
use super::opening::{Missing, Opened, Opening, Origin};
use super::window::Window;
use super::{Floor, Schedule, SpotReturn};
use crate::decision::Phase;
use crate::memory::Memory;
use crate::overrides::orders::most;
use crate::quantity::{Replicas, Rps};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;

/// A look so soon after a window's opening saw the opening.
const SOON: SignedDuration = SignedDuration::from_secs(30);

/// One window, with what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Slot<'a> {
    pub(crate) schedule: &'a Schedule,
    pub(crate) window: Window,
    pub(crate) warm: PreWarm,
    /// The floor at the opening: what the pre-warm climbs to.
    pub(crate) full: Replicas,
    /// What is remembered; `None` before its pre-warm.
    pub(crate) opening: Option<Opening>,
    pub(super) per_replica: Rps,
}

impl<'a> Slot<'a> {
    pub(super) fn new(
        schedule: &'a Schedule,
        window: Window,
        leads: Leads,
        memory: &Memory,
        per_replica: Rps,
    ) -> Self {
        let start = window.start.at;
        let opening = memory
            .openings
            .iter()
            .find(|opening| opening.schedule == schedule.name && opening.start == start);
        let begun = opening.map_or(leads, Opening::leads);
        let leads = Leads { pods: schedule.lead.unwrap_or(begun.pods), ..begun };
        let mut slot = Self {
            schedule,
            window,
            warm: PreWarm::before(start, leads, schedule.ramp),
            full: Replicas::ZERO,
            opening: opening.copied(),
            per_replica,
        };
        slot.full = slot.floor_inside(start);
        slot
    }

    pub(super) fn is(&self, opening: &Opening) -> bool {
        self.schedule.name == opening.schedule && self.window.start.at == opening.start
    }

    /// How far it is at an instant; `None` before its pre-warm and after its end.
    pub(crate) fn phase(&self, at: Timestamp) -> Option<Phase> {
        let Window { start, end, .. } = self.window;
        let PreWarm { nodes_from, ramp_from, ramp_complete } = self.warm;
        [
            (end.at, None),
            (start.at, Some(Phase::Window)),
            (ramp_complete, Some(Phase::Lead)),
            (ramp_from, Some(Phase::Ramp)),
            (nodes_from, Some(Phase::Nodes)),
        ]
        .into_iter()
        .find_map(|(from, phase)| (at >= from).then_some(phase))
        .flatten()
    }

    pub(super) fn edges(&self) -> [Timestamp; 5] {
        let PreWarm { nodes_from, ramp_from, ramp_complete } = self.warm;
        [nodes_from, ramp_from, ramp_complete, self.window.start.at, self.window.end.at]
    }

    /// The floor that it sets at an instant, for a fleet that had this size when its ramp began.
    pub(crate) fn floor(&self, at: Timestamp, current: Replicas) -> Replicas {
        match self.phase(at) {
            None | Some(Phase::Nodes) => Replicas::ZERO,
            Some(Phase::Ramp) => {
                self.origin(current).climbed(self.full, self.warm.ramp_complete, at)
            }
            Some(Phase::Lead) => self.full,
            Some(Phase::Window) => self.floor_inside(at),
        }
    }

    /// What it sets now, and will not set less of while nobody edits it: of a curve, which falls by itself, the highest
    /// point.
    pub(super) fn promise(&self, look: &Look) -> Replicas {
        match (&self.schedule.floor, self.phase(look.now)) {
            (Floor::Curve(_), Some(Phase::Window)) => self.schedule.floor.highest(self.per_replica),
            _ => self.floor(look.now, look.current),
        }
    }

    /// How the nodes for its spot replicas come.
    pub(super) fn spot_slots(&self, phase: Phase, asked: bool) -> SpotSlots {
        let missing = self.opening.is_some_and(|opening| opening.missing.spot > Replicas::ZERO);
        match phase {
            Phase::Ramp | Phase::Lead if missing => SpotSlots::Missing,
            Phase::Window if missing && self.schedule.spot_return == SpotReturn::Forbidden => {
                SpotSlots::Missing
            }
            Phase::Ramp if asked => SpotSlots::Coming,
            Phase::Nodes | Phase::Ramp | Phase::Lead | Phase::Window => SpotSlots::Usual,
        }
    }

    pub(super) fn floor_inside(&self, at: Timestamp) -> Replicas {
        let after = match self.schedule.floor {
            // Only a curve asks where in the window we are, and the wall clock is dear.
            Floor::Replicas(_) | Floor::Demand(_) => SignedDuration::ZERO,
            Floor::Curve(_) => self.schedule.calendar.position(&self.window, at),
        };
        self.schedule.floor.replicas(after, self.per_replica)
    }

    /// Where its ramp began, or will for a fleet of this size.
    pub(super) fn origin(&self, current: Replicas) -> Origin {
        let begins = Origin { at: self.warm.ramp_from, replicas: current.min(self.full) };
        self.opening.and_then(|opening| opening.origin).unwrap_or(begins)
    }

    /// Of equal floors that of an open window says more, then the one that opens first.
    pub(super) fn weight(
        &self,
        floor: Replicas,
        at: Timestamp,
    ) -> (Replicas, bool, Reverse<Timestamp>) {
        (floor, self.window.contains(at), Reverse(self.window.start.at))
    }

    /// Notes what has begun.
    pub(super) fn begin(&mut self, memory: &Memory, look: &Look) {
        let Some(phase) = self.phase(look.now) else {
            self.opening = None;
            return;
        };
        let asked_before = self.opening.is_some();
        let mut opening = self.opening.unwrap_or_else(|| {
            let leads = Leads::of(self.schedule, look.policy, &memory.learned);
            Opening::new(self.schedule.name, self.window.start.at, leads)
        });
        if phase == Phase::Nodes {
            // An edit may have moved a ramp that had begun.
            (opening.origin, opening.missing) = (None, Missing::default());
        } else if opening.origin.is_none() {
            let at = look.first_seen(self.warm.ramp_from, memory);
            opening.origin = Some(Origin { at, replicas: look.current.min(self.full) });
            // Without a ramp the nodes have to be there as the lead begins.
            if phase == Phase::Ramp || (phase == Phase::Lead && asked_before) {
                opening.missing = look.missing();
            }
        }
        if phase == Phase::Window {
            let due = opening
                .opened
                .map_or_else(|| look.first_seen(self.window.start.at, memory), |opened| opened.due);
            let is_new = opening.opened.is_none();
            let opened = opening.opened.get_or_insert(Opened { due, ready_at: None });
            let wanted = self.full.min(most(look.policy, look.seen, look.now));
            if opened.ready_at.is_none() && look.seen.ready() >= wanted {
                let saw_it_open = is_new && look.now.duration_since(due) <= SOON;
                opened.ready_at =
                    Some(if saw_it_open { due } else { look.ready_at(wanted).max(due) });
            }
        }
        self.opening = Some(opening);
    }
}

//! Stage 5: what the size must not be below. Floors raise at once, past the limits of stages 3 and 4: those of
//! schedules have ramps of their own, and an override was ordered by somebody who has looked.

use super::Outcome;
use crate::overrides::orders::Order;
use crate::overrides::{Action, Override};
use crate::policy::{Bounds, FleetPolicy, OnMissing};
use crate::quantity::Replicas;
use crate::schedule::agenda::Bound;
use crate::why::{OverrideWhy, ScheduleWhy, Why};
use jiff::Timestamp;

/// The floors that do not depend on the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floors {
    bounds: Bounds,
    fallback: Option<Replicas>,
    adoption: Option<Adoption>,
}

/// A fleet that is being taken over.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Adoption {
    found: Replicas,
    floor: Replicas,
}

/// The floors that do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timed<'a> {
    /// The highest of schedules, that of a ramp included.
    pub(crate) schedule: Option<Bound<'a>>,
    /// That of an override.
    pub(crate) order: Option<Order<'a>>,
    pub(crate) now: Timestamp,
}

impl Floors {
    /// The floors of a policy: the fallback's while signals are missing, and that of a fleet which is taken over
    /// with the `found` replicas.
    #[must_use]
    pub fn in_force(policy: &FleetPolicy, missing: bool, found: Option<Replicas>) -> Self {
        let fallback = match policy.signals.on_missing {
            OnMissing::Fallback(replicas) => missing.then_some(replicas),
            OnMissing::Hold => None,
        };
        let bounds = policy.bounds;
        let adoption = found.map(|found| Adoption {
            found,
            floor: found.max(policy.signals.adoption).max(bounds.min()),
        });
        Self { bounds, fallback, adoption }
    }

    /// Raises to the highest floor.
    #[must_use]
    pub(crate) fn raise(&self, asks: Replicas, timed: &Timed) -> Outcome {
        let floor = self.bounds.min();
        let min = Outcome { replicas: floor, why: Why::AtMin { asks, min: floor } };
        let fallback =
            self.fallback.map(|replicas| Outcome { replicas, why: Why::Fallback { replicas } });
        let adoption = self.adoption.map(|Adoption { found, floor }| Outcome {
            replicas: floor,
            why: Why::Adopted { found, floor },
        });
        let schedule = timed.schedule.map(|bound| of_schedule(bound, asks, timed.now));
        let order = timed.order.map(|order| self.of_override(order, asks));
        // Of equal floors the later one is named: it says more.
        let highest = [fallback, adoption, schedule, order]
            .into_iter()
            .flatten()
            .fold(min, |best, other| if other.replicas >= best.replicas { other } else { best });
        if highest.replicas > asks { highest } else { Outcome::unchanged(asks) }
    }

    fn of_override(&self, Order { by, replicas }: Order, asks: Replicas) -> Outcome {
        let floor = replicas.clamp(self.bounds.min(), self.bounds.max());
        let Override { name, action, expires_at: until, .. } = *by;
        let why = match action {
            Action::Pin(_) => OverrideWhy::Pin { name, size: floor, asks, keeps: floor, until },
            Action::Floor(_) | Action::Ceiling(_) | Action::Hold | Action::NoSpot => {
                OverrideWhy::Floor { name, floor, asks, until }
            }
        };
        Outcome { replicas: floor, why: why.into() }
    }
}

fn of_schedule(Bound { slot, replicas: floor }: Bound, asks: Replicas, now: Timestamp) -> Outcome {
    let schedule = slot.schedule.name;
    let why = if slot.window.contains(now) {
        ScheduleWhy::Floor { schedule, floor, asks, until: slot.window.end }
    } else {
        ScheduleWhy::PreWarmFloor { schedule, floor, full: slot.full, start: slot.window.start }
    };
    Outcome { replicas: floor, why: why.into() }
}

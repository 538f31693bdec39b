//! Which overrides count at an instant. A function of that instant and the list alone, whatever its order.

use super::{Action, Override, Pace};
use crate::decision::{ActiveOverride, Finding, Standing};
use crate::dependencies::largest;
use crate::observation::Observation;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use crate::why::{OverrideWhy, Why};
use jiff::Timestamp;
use std::cmp::Reverse;

/// What overrides order at an instant. A pin is both a floor and a ceiling; under a hold there is neither. A floor above
/// the ceiling raises to the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orders<'a> {
    /// The size is not below this.
    pub floor: Option<Order<'a>>,
    /// The size is not above this.
    pub ceiling: Option<Order<'a>>,
    /// Demand moves nothing.
    pub hold: Option<&'a Override>,
    /// Every replica leaves spot.
    pub no_spot: Option<&'a Override>,
}

/// A bound of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<'a> {
    /// Whose.
    pub by: &'a Override,
    /// The bound, as it was ordered: perhaps outside the fleet's own.
    pub replicas: Replicas,
}

impl<'a> Orders<'a> {
    /// What counts at an instant.
    #[must_use]
    pub fn at(overrides: &'a [Override], at: Timestamp) -> Self {
        if overrides.is_empty() {
            return Self::default();
        }
        let due = || overrides.iter().filter(move |order| order.is_due(at));
        let no_spot = due()
            .filter(|order| order.action == Action::NoSpot)
            .max_by_key(|order| (order.pace == Pace::Immediate, order.expires_at, order.name));
        let pins = due().filter_map(|by| match by.action {
            Action::Pin(replicas) => Some(Order { by, replicas }),
            Action::Floor(_) | Action::Ceiling(_) | Action::Hold | Action::NoSpot => None,
        });
        if let Some(pin) = pins.max_by_key(|pin| (pin.by.created, pin.by.name)) {
            return Self { floor: Some(pin), ceiling: Some(pin), hold: None, no_spot };
        }
        let holds = due().filter(|order| order.action == Action::Hold);
        if let Some(hold) = holds.max_by_key(|hold| (hold.expires_at, hold.name)) {
            return Self { floor: None, ceiling: None, hold: Some(hold), no_spot };
        }
        Self { floor: highest_floor(due()), ceiling: lowest_ceiling(due()), hold: None, no_spot }
    }

    /// The overrides that count for the size; each once.
    pub(crate) fn of_size(&self) -> impl Iterator<Item = &'a Override> {
        let ceiling = self.ceiling.map(|order| order.by);
        let floor = self.floor.map(|order| order.by).filter(|by| Some(*by) != ceiling);
        [ceiling, self.hold, floor].into_iter().flatten()
    }

    /// The override that one which is due has to give way to, if it does not count as it was ordered.
    fn superseding(&self, order: &Override) -> Option<&'a Override> {
        let ceiling = self.ceiling.map(|order| order.by);
        let floor = self.floor.map(|order| order.by);
        let below = self.ceiling.filter(|ceiling| order.action.replicas() > Some(ceiling.replicas));
        let others = match order.action {
            Action::NoSpot => [self.no_spot, None, None],
            Action::Pin(_) => [ceiling, None, None],
            Action::Hold | Action::Ceiling(_) => [self.hold, ceiling, None],
            Action::Floor(_) => [self.hold, floor, below.map(|ceiling| ceiling.by)],
        };
        others.into_iter().flatten().find(|other| other.name != order.name)
    }

    /// Condition `Overridden`.
    #[must_use]
    pub fn finding(&self) -> Finding {
        match self.of_size().chain(self.no_spot).next() {
            Some(&Override { name, action, expires_at: until, .. }) => {
                Finding { holds: true, why: OverrideWhy::InForce { name, action, until }.into() }
            }
            None => Finding { holds: false, why: Why::AsExpected },
        }
    }
}

/// The largest size that a window of a schedule can have now: what an override withholds nobody waits for.
#[must_use]
pub(crate) fn most(policy: &FleetPolicy, seen: &Observation, now: Timestamp) -> Replicas {
    let ceiling = Orders::at(&policy.overrides, now).ceiling.map(|order| order.replicas);
    let ordered = ceiling.map(|ceiling| ceiling.max(policy.bounds.min()));
    ordered.unwrap_or(Replicas::LIMIT).min(largest(policy, seen))
}

/// Of several ceilings the lowest; of equal ones the one that is reached soonest and stands longest.
fn lowest_ceiling<'a>(due: impl Iterator<Item = &'a Override>) -> Option<Order<'a>> {
    let ceilings = due.filter_map(|by| match by.action {
        Action::Ceiling(replicas) => Some(Order { by, replicas }),
        Action::Floor(_) | Action::Pin(_) | Action::Hold | Action::NoSpot => None,
    });
    ceilings.min_by_key(|Order { by, replicas }| {
        (*replicas, by.pace == Pace::Gradual, Reverse(by.expires_at), by.name)
    })
}

/// Of several floors the highest; of equal ones the one that stands longest.
fn highest_floor<'a>(due: impl Iterator<Item = &'a Override>) -> Option<Order<'a>> {
    let floors = due.filter_map(|by| match by.action {
        Action::Floor(replicas) => Some(Order { by, replicas }),
        Action::Ceiling(_) | Action::Pin(_) | Action::Hold | Action::NoSpot => None,
    });
    floors.max_by_key(|Order { by, replicas }| (*replicas, by.expires_at, by.name))
}

/// The overrides that are due at an instant, and which of them count; the oldest first.
#[must_use]
pub fn standings(overrides: &[Override], at: Timestamp) -> Vec<ActiveOverride> {
    let orders = Orders::at(overrides, at);
    let mut due: Vec<_> = overrides.iter().filter(|order| order.is_due(at)).collect();
    due.sort_by_key(|order| (order.created, order.name));
    let standing = |order: &Override| {
        let winner = orders.superseding(order);
        winner.map_or(Standing::InForce, |winner| Standing::Superseded { by: winner.name })
    };
    let active = |order: &Override| ActiveOverride {
        name: order.name,
        action: order.action,
        standing: standing(order),
        until: order.expires_at,
    };
    due.into_iter().map(active).collect()
}

/// The next instant at which an override begins or ends.
#[must_use]
pub fn next_edge(overrides: &[Override], now: Timestamp) -> Option<Timestamp> {
    let real = overrides.iter().filter(|order| order.not_before < order.expires_at);
    let edges = real.flat_map(|order| [order.not_before, order.expires_at]);
    edges.filter(|edge| *edge > now).min()
}

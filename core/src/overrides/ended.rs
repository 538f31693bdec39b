//! What an override leaves behind: the size that it held is kept for one scale-down window, as if it had been
//! recommended, and for one window of signals demand is followed without tolerance, where it may have been held back.
//!
//! An override may end while nobody decides, or be deleted: so what counted is remembered.

use super::orders::Orders;
use super::{Action, Override};
use crate::memory::Memory;
use crate::name::Name;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use crate::window::signed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most that count for the size at a time: a floor and a ceiling.
pub(crate) const LIMIT: usize = 2;

/// An override that counted for the size at the last decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imposed {
    /// Which.
    pub name: Name,
    /// What it ordered.
    #[serde(flatten)]
    pub action: Action,
}

/// Notes in `after`, the memory of the last decision, what has ended since then and what counts now. `current` is the
/// size.
pub(crate) fn note(policy: &FleetPolicy, after: &mut Memory, current: Replicas, now: Timestamp) {
    let overrides = &policy.overrides;
    if overrides.is_empty() && after.overrides.is_empty() {
        return;
    }
    let (mut ended, mut resumes) = (false, false);
    for action in over(overrides, after, now) {
        ended = true;
        resumes |= action.holds_down();
    }
    if ended {
        after.recommend_high(&policy.behavior, current, now);
    }
    if resumes {
        after.climbing_until = now.checked_add(signed(policy.signals.window)).ok();
    }
    let counts = Orders::at(overrides, now);
    after.overrides.clear();
    after
        .overrides
        .extend(counts.of_size().map(|order| Imposed { name: order.name, action: order.action }));
}

/// What the overrides that have ended since the last decision had ordered: those that counted then and are not due any
/// more, and those whose end lies between, which after a restart may not be remembered.
fn over(overrides: &[Override], after: &Memory, now: Timestamp) -> impl Iterator<Item = Action> {
    let last = after.at;
    let is_due = move |imposed: &Imposed| {
        overrides.iter().any(|order| {
            order.name == imposed.name && order.action == imposed.action && order.is_due(now)
        })
    };
    let remembered = after.overrides.iter().filter(move |imposed| !is_due(imposed));
    let missed = overrides.iter().filter(move |order| {
        let since_last = last.is_none_or(|last| order.expires_at > last);
        order.not_before < order.expires_at && order.expires_at <= now && since_last
    });
    let missed = missed.map(|order| order.action).filter(|action| *action != Action::NoSpot);
    remembered.map(|imposed| imposed.action).chain(missed)
}

/// What ends at an instant, if anything does.
pub(crate) fn ends_at(overrides: &[Override], at: Timestamp) -> Option<Ending> {
    let over = overrides.iter().filter(|order| order.expires_at == at && order.not_before < at);
    over.map(|order| Ending {
        of_size: order.action != Action::NoSpot,
        resumes: order.action.holds_down(),
    })
    .reduce(|one, other| Ending {
        of_size: one.of_size || other.of_size,
        resumes: one.resumes || other.resumes,
    })
}

/// What ends at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ending {
    /// Whether it may have counted for the size.
    pub(crate) of_size: bool,
    /// Whether it may have held demand back.
    pub(crate) resumes: bool,
}

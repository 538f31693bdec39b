//! Stage 6: what the size must not be above: `maxReplicas`, the ceilings of schedules and of overrides, and what
//! dependencies carry. Each says what it would keep, and the lowest is kept.
//!
//! A fleet that is above its ceiling, because `maxReplicas` was lowered, a window opened or an override began, falls to
//! it by the scale-down policies; an override alone may order that it falls at once. Unless an override lowers it, it
//! does not fall before one full window of trusted signals: neither an edit nor a window is a cliff.
//!
//! Where a schedule's floor, or that of an override, is above a schedule's ceiling the floor wins: too many replicas
//! cost money, too few cost requests. A dependency is different: what it does not carry it refuses to all, so its cap
//! goes before every floor, and before `minReplicas`.

use super::Outcome;
use super::limits::Limits;
use super::rate::lowest;
use crate::overrides::orders::{Order, Orders};
use crate::overrides::{Action, Override, Pace};
use crate::quantity::Replicas;
use crate::schedule::agenda::Bound;
use crate::why::{DependencyWhy, OverrideWhy, ScheduleWhy, Why};
use crate::window::signed;

/// What one ceiling has to say.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Verdict {
    ceiling: Replicas,
    outcome: Outcome,
}

/// Lowers to the lowest ceiling.
#[must_use]
pub fn ceilings(limits: &Limits, orders: &Orders, asks: Replicas) -> Outcome {
    let verdicts = [
        of_schedules(limits, orders, asks),
        orders.ceiling.and_then(|order| of_override(limits, order, asks)),
        of_dependencies(limits, asks),
        of_max(limits, asks),
    ];
    // Of equal ones the first is named.
    let lowest = verdicts
        .into_iter()
        .flatten()
        .min_by_key(|verdict| (verdict.outcome.replicas, verdict.ceiling));
    lowest.map_or(Outcome::unchanged(asks), |verdict| verdict.outcome)
}

fn of_max(limits: &Limits, asks: Replicas) -> Option<Verdict> {
    let max = limits.policy.bounds.max();
    let keeps = lowered(limits, max, asks);
    let why = Why::AtMax { asks, max, keeps };
    (asks > max).then_some(Verdict { ceiling: max, outcome: Outcome { replicas: keeps, why } })
}

/// The lowest ceiling of schedules, but never below a floor, also not below that of a pre-warm or of an override.
fn of_schedules(limits: &Limits, orders: &Orders, asks: Replicas) -> Option<Verdict> {
    let bounds = limits.policy.bounds;
    let lowest = limits.agenda.ceiling(limits.now)?;
    if lowest.replicas >= asks.min(bounds.max()) {
        return None;
    }
    let highest = limits.agenda.floor(limits.now, limits.current);
    let ordered = orders.floor.map_or(Replicas::ZERO, |order| order.replicas);
    let floor = highest.map_or(Replicas::ZERO, |floor| floor.replicas).max(ordered);
    let ceiling = lowest.replicas.max(floor).max(bounds.min()).min(bounds.max());
    let keeps = lowered(limits, ceiling, asks);
    let schedule = lowest.slot.schedule.name;
    let why = crossed(limits, orders, lowest, keeps).or_else(|| {
        let until = lowest.slot.window.end;
        let why = ScheduleWhy::Ceiling { schedule, asks, ceiling, keeps, until };
        (asks > ceiling).then_some(why)
    })?;
    Some(Verdict { ceiling, outcome: Outcome { replicas: keeps, why: why.into() } })
}

/// The floor that is above the lowest ceiling of schedules, if one is.
fn crossed(
    limits: &Limits,
    orders: &Orders,
    lowest: Bound,
    keeps: Replicas,
) -> Option<ScheduleWhy> {
    let (ceiling_of, ceiling) = (lowest.slot.schedule.name, lowest.replicas);
    let ordered = orders.floor.filter(|order| order.replicas > ceiling).map(|order| {
        let (by, floor) = (order.by.name, order.replicas);
        ScheduleWhy::Overridden { by, floor, ceiling_of, ceiling, keeps }
    });
    let open = limits.agenda.open_floor(limits.now).filter(|open| open.replicas > ceiling);
    ordered.or_else(|| {
        let Bound { slot, replicas: floor } = open?;
        let floor_of = slot.schedule.name;
        Some(ScheduleWhy::Conflict { floor_of, floor, ceiling_of, ceiling, keeps })
    })
}

/// An override's ceiling, or its pin. It lowers whatever signals say: somebody has looked.
fn of_override(limits: &Limits, order: Order, asks: Replicas) -> Option<Verdict> {
    let ceiling = order.replicas.clamp(limits.policy.bounds.min(), limits.policy.bounds.max());
    if asks <= ceiling {
        return None;
    }
    let keeps = match order.by.pace {
        Pace::Gradual if limits.current > ceiling => ceiling.max(slowest(limits)).min(asks),
        Pace::Gradual | Pace::Immediate => ceiling,
    };
    let Override { name, action, expires_at: until, .. } = *order.by;
    let why = match action {
        Action::Pin(_) => OverrideWhy::Pin { name, size: ceiling, asks, keeps, until },
        Action::Floor(_) | Action::Ceiling(_) | Action::Hold | Action::NoSpot => {
            OverrideWhy::Ceiling { name, ceiling, asks, keeps, until }
        }
    };
    Some(Verdict { ceiling, outcome: Outcome { replicas: keeps, why: why.into() } })
}

fn of_dependencies(limits: &Limits, asks: Replicas) -> Option<Verdict> {
    let cap = limits.cap.filter(|cap| asks > cap.size)?;
    let keeps = lowered(limits, cap.size, asks);
    let min = limits.policy.bounds.min();
    let (dependency, pods, ceiling) = (cap.by, cap.pods, cap.size);
    let why = if ceiling < min {
        DependencyWhy::BelowMin { dependency, pods, cap: ceiling, min, keeps }
    } else {
        DependencyWhy::Cap { dependency, pods, cap: ceiling, asks, keeps }
    };
    Some(Verdict { ceiling, outcome: Outcome { replicas: keeps, why: why.into() } })
}

/// What is kept of what is asked for.
fn lowered(limits: &Limits, ceiling: Replicas, asks: Replicas) -> Replicas {
    let keeps = if limits.current > ceiling { falling(limits, ceiling) } else { ceiling };
    keeps.min(asks)
}

/// How far a fleet above its ceiling may fall now.
fn falling(limits: &Limits, ceiling: Replicas) -> Replicas {
    let window = signed(limits.policy.signals.window);
    let trusted =
        limits.memory.trusted_since.is_some_and(|since| limits.now.duration_since(since) >= window);
    if trusted { ceiling.max(slowest(limits)) } else { limits.current }
}

/// The smallest size that the scale-down policies allow now.
fn slowest(limits: &Limits) -> Replicas {
    lowest(&limits.policy.behavior.down, &limits.memory.changes, limits.current, limits.now)
}

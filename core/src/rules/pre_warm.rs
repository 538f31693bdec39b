//! Whether the replicas of a window are Ready when it opens, and the placeholders that hold nodes for them until they
//! are asked for.
//!
//! Condition `PreWarmed` says what is wrong with an opening, so it is True while none is near, and while a pre-warm
//! runs as it should: then its message says what is coming. It turns False when nodes did not come in time, and when
//! a window opens with fewer Ready replicas than its floor, until they are there.

use super::place::Split;
use crate::decision::{Finding, Phase, Placement};
use crate::dependencies::largest;
use crate::observation::{Observation, SpotTarget, TargetObservation};
use crate::overrides::orders::most;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use crate::schedule::agenda::Agenda;
use crate::schedule::slot::Slot;
use crate::why::ScheduleWhy;
use jiff::Timestamp;
use std::time::Duration;

/// What the finding looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) policy: &'a FleetPolicy,
    pub(crate) seen: &'a Observation,
    /// The fleet's size.
    pub(crate) size: Replicas,
    pub(crate) now: Timestamp,
}

/// Condition `PreWarmed`: of several windows what is worst; `None` where the fleet has no schedules.
#[must_use]
pub(crate) fn pre_warmed(agenda: &Agenda, view: &View) -> Option<Finding> {
    if view.policy.schedules.is_empty() {
        return None;
    }
    let findings =
        agenda.under_way(view.now).map(|(slot, phase)| (of_window(slot, phase, view), slot));
    let worst = findings.min_by_key(|((rank, _), slot)| (*rank, slot.window.start.at));
    let calm = || {
        agenda.upcoming(view.now).map_or(ScheduleWhy::NoWindow, |(schedule, start)| {
            ScheduleWhy::NextWindow { schedule, start }
        })
    };
    Some(worst.map_or_else(
        || Finding { holds: true, why: calm().into() },
        |((rank, why), _)| Finding { holds: rank > Rank::NodesLate, why: why.into() },
    ))
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Late,
    NodesLate,
    Coming,
    OpenedLate,
    Opened,
}

fn of_window(slot: &Slot, phase: Phase, view: &View) -> (Rank, ScheduleWhy) {
    let (schedule, start) = (slot.schedule.name, slot.window.start);
    let full = slot.full.min(most(view.policy, view.seen, view.now));
    let ready = view.seen.ready();
    let opening = slot.opening;
    if let Some(opened) =
        opening.and_then(|opening| opening.opened).filter(|_| phase == Phase::Window)
    {
        let late =
            Duration::try_from(opened.ready_at.unwrap_or(view.now).duration_since(opened.due))
                .unwrap_or_default();
        if opened.ready_at.is_none() {
            let waiting = waiting(view.seen);
            let why = if waiting > Replicas::ZERO {
                ScheduleWhy::CapacityLate {
                    schedule,
                    start,
                    full,
                    ready,
                    waiting,
                    late: Some(late),
                }
            } else {
                ScheduleWhy::PreWarmLate { schedule, start, full, ready, late }
            };
            return (Rank::Late, why);
        }
        return if late > Duration::ZERO {
            (Rank::OpenedLate, ScheduleWhy::OpenedLate { schedule, start, full, late })
        } else {
            (Rank::Opened, ScheduleWhy::PreWarmed { schedule, start, full })
        };
    }
    let waiting = opening.map_or(Replicas::ZERO, |opening| opening.missing.sum());
    if waiting > Replicas::ZERO && ready < full {
        return (
            Rank::NodesLate,
            ScheduleWhy::CapacityLate { schedule, start, full, ready, waiting, late: None },
        );
    }
    let asked = slot.floor(view.now, view.size).min(full);
    (Rank::Coming, ScheduleWhy::PreWarming { schedule, start, full, asked, ready })
}

/// Pods and placeholders that have no node.
fn waiting(seen: &Observation) -> Replicas {
    let spot = match seen.spot {
        SpotTarget::Present(target) => Some(target),
        SpotTarget::None | SpotTarget::Lost(_) => None,
    };
    let targets = [Some(seen.on_demand), spot, seen.placeholders.on_demand, seen.placeholders.spot];
    targets.into_iter().flatten().fold(Replicas::ZERO, |sum, target| sum.plus(target.pending))
}

/// The size that is being pre-warmed, as far as the fleet may be so large; `None` outside a pre-warm, and once all of its
/// replicas have been asked for.
#[must_use]
pub(crate) fn coming(agenda: &Agenda, view: &View) -> Option<Replicas> {
    agenda.coming_floor(view.now).map(|floor| floor.min(largest(view.policy, view.seen)))
}

/// The placeholders that are wanted: room for the replicas that each target still has to get. Each replica that is
/// asked for takes the room of one.
#[must_use]
pub(crate) fn placeholders(view: &View, coming: Option<Split>, asked: Placement) -> Placement {
    if !view.policy.asks_for_nodes() {
        return Placement::default();
    }
    let room =
        |there: Option<TargetObservation>, part: Option<Replicas>, asked: Option<Replicas>| {
            there.map(|_| part.unwrap_or_default().minus(asked.unwrap_or_default()))
        };
    let there = view.seen.placeholders;
    Placement {
        on_demand: room(there.on_demand, coming.map(|split| split.on_demand), asked.on_demand),
        spot: room(there.spot, coming.map(|split| split.spot), asked.spot),
    }
}

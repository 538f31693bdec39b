//! When the answer will change for a known reason, so that the caller wakes exactly then: the end of a
//! stabilisation, of a rate period, of the wait before a lowered ceiling; a step of a ramp or a curve; the beginning
//! and the end of a window or of an override.

use super::Outcome;
use super::limits::{Limits, decisive, limit};
use crate::decision::Next;
use crate::overrides;
use crate::overrides::ended::{Ending, ends_at};
use crate::overrides::orders::Orders;
use crate::reason::Reason;
use crate::window::signed;
use jiff::Timestamp;
use std::time::Duration;

/// What demand asks for, if all else stays as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// From now on.
    pub on: Outcome,
    /// Once an override that may hold it back has ended.
    pub resumed: Outcome,
}

/// The first instant at which the recommendation leads to another size, if all else stays as it is, or at which
/// something begins or ends in the calendar or by an override. `limits` is that of the decision just made, with its
/// size as the current one. Signals that are not trusted remove nothing, so then only the calendar and overrides count.
#[must_use]
pub fn next(limits: &Limits, asked: Asked, trusted: bool) -> Option<Next> {
    let calendar = limits.agenda.next_edge(limits.now);
    let order = overrides::orders::next_edge(&limits.policy.overrides, limits.now);
    let edge = [calendar, order].into_iter().flatten().min();
    // At the edge the caller decides again: what comes after it is known then.
    let until = edge.unwrap_or(Timestamp::MAX);
    let steps = limits.agenda.steps(limits.now, until, limits.current);
    // An override lowers a fleet whatever signals say.
    let bounds = limits.policy.bounds;
    let ceiling = Orders::at(&limits.policy.overrides, limits.now).ceiling;
    let ceiling = ceiling.map(|order| order.replicas.clamp(bounds.min(), bounds.max()));
    let lowers = ceiling.is_some_and(|ceiling| ceiling < limits.current);
    let ends = ends(limits).filter(|_| trusted || lowers);
    let changes = ends.chain(steps).filter(|at| *at > limits.now && *at < until);
    let first = changes.fold(None, |first: Option<Next>, at| {
        if first.is_some_and(|first| first.at <= at) {
            return first;
        }
        change_at(limits, asked.on, at).or(first)
    });
    first.or_else(|| edge.map(|edge| at_edge(limits, asked, edge)))
}

/// The change of the size at an instant, if there is one.
fn change_at(limits: &Limits, asked: Outcome, at: Timestamp) -> Option<Next> {
    let lines = limit(&Limits { now: at, ..*limits }, asked.replicas);
    let replicas = lines.last().map_or(limits.current, |line| line.output);
    let reason = decisive(&lines).map_or(asked.why.reason(), |line| line.why.reason());
    (replicas != limits.current).then_some(Next { at, reason, replicas })
}

/// What happens where something begins or ends, and what it makes of the size.
fn at_edge(limits: &Limits, asked: Asked, at: Timestamp) -> Next {
    let overrides = &limits.policy.overrides;
    let ending = ends_at(overrides, at);
    let starts = overrides.iter().any(|order| order.not_before == at && order.is_due(at));
    let (of_calendar, window_ends) = limits.agenda.at_edge(at);
    let reason = match (ending, starts) {
        (_, true) => Reason::OverrideStarted,
        (Some(_), false) => Reason::OverrideEnded,
        (None, false) => of_calendar,
    };
    let unchanged = Next { at, reason, replicas: limits.current };
    let Ending { of_size, resumes } = ending.unwrap_or_default();
    let asked = if resumes { asked.resumed } else { asked.on };
    if !(window_ends || of_size) {
        return change_at(limits, asked, at).unwrap_or(unchanged);
    }
    // As the decision at that instant will: the size is kept as if it had been recommended then.
    let mut memory = limits.memory.clone();
    memory.recommend_high(&limits.policy.behavior, limits.current, at);
    change_at(&Limits { memory: &memory, ..*limits }, asked, at).unwrap_or(unchanged)
}

/// When what is remembered stops counting.
fn ends(limits: &Limits) -> impl Iterator<Item = Timestamp> {
    let (behavior, memory, size) = (&limits.policy.behavior, limits.memory, limits.current);
    let high = memory.highs.iter().rev().find(|high| high.replicas >= size);
    let high = high.and_then(|high| end(high.at, memory.patience.window(behavior)));
    let low = memory.lows.iter().rev().find(|low| low.replicas <= size);
    let low = low.and_then(|low| end(low.at, behavior.up.stabilization_window));
    let trusted = memory.trusted_since.and_then(|since| end(since, limits.policy.signals.window));
    let policies = behavior.up.policies.iter().chain(&behavior.down.policies);
    let periods = policies.flat_map(|policy| {
        memory.changes.iter().filter_map(|change| end(change.at, policy.period))
    });
    [high, low, trusted].into_iter().flatten().chain(periods)
}

fn end(start: Timestamp, length: Duration) -> Option<Timestamp> {
    start.checked_add(signed(length)).ok()
}

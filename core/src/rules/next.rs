//! When the answer will change for a known reason, so that the caller wakes exactly then: the end of a
//! stabilisation, of a rate period, of the wait before a lowered ceiling.

use super::Outcome;
use super::limits::{Limits, decisive, limit};
use crate::decision::Next;
use crate::window::signed;
use jiff::Timestamp;
use std::time::Duration;

/// The first instant at which the recommendation leads to another size, if all else stays as it is. `limits` is
/// that of the decision just made, with its size as the current one.
#[must_use]
pub fn next(limits: &Limits, asked: Outcome) -> Option<Next> {
    let size = limits.current;
    let changes_at = |at: Timestamp| {
        let lines = limit(&Limits { now: at, ..*limits }, asked.replicas);
        let replicas = lines.last().map_or(size, |line| line.output);
        let reason = decisive(&lines).map_or(asked.why.reason(), |line| line.why.reason());
        (replicas != size).then_some(Next { at, reason, replicas })
    };
    let behavior = &limits.policy.behavior;
    let memory = limits.memory;
    let high = memory.highs.iter().rev().find(|high| high.replicas >= size);
    let high = high.and_then(|high| end(high.at, behavior.down.stabilization_window));
    let low = memory.lows.iter().rev().find(|low| low.replicas <= size);
    let low = low.and_then(|low| end(low.at, behavior.up.stabilization_window));
    let trusted = memory.trusted_since.and_then(|since| end(since, limits.policy.signals.window));
    let policies = behavior.up.policies.iter().chain(&behavior.down.policies);
    let periods = policies.flat_map(|policy| {
        memory.changes.iter().filter_map(|change| end(change.at, policy.period))
    });
    let edges = [high, low, trusted].into_iter().flatten().chain(periods);
    edges.filter(|at| *at > limits.now).fold(None, |first: Option<Next>, at| {
        if first.is_some_and(|first| first.at <= at) {
            return first;
        }
        changes_at(at).or(first)
    })
}

fn end(start: Timestamp, length: Duration) -> Option<Timestamp> {
    start.checked_add(signed(length)).ok()
}

//! The latency guard: latency above its target asks for a step out, in one direction and bounded.
//!
//! A step is a tenth of the fleet. The next one waits until the pods of the last one have been Ready for a window,
//! so that each is judged on what it did. Where two steps have not improved latency by a tenth while each replica
//! has less to do than it can carry, more replicas do not help: the guard stops asking and says so. Latency is
//! never used as a ratio: it does not grow in proportion to load, and ratio control on it runs away.
//!
//! Where the server measures what its requests wait for behind it, no step is needed to know: it explains the excess
//! where it is half of the latency at least and the rest would be within the target. Then replicas, which only shorten
//! the rest, do not help, and none is asked for. Percentiles do not add up exactly, hence the half: a fast database that
//! happens to bridge a small excess explains nothing.

use super::Outcome;
use crate::decision::Finding;
use crate::memory::{Guard, Sample};
use crate::policy::LatencyPolicy;
use crate::quantity::{Millis, Replicas};
use crate::signal::Signal;
use crate::why::{DependencyWhy, Why};
use crate::window::signed;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Latency must have been above its target for so long.
const ABOVE_FOR: SignedDuration = SignedDuration::from_secs(30);
/// After so long a calm everything is forgotten.
const CALM_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Above this share of the target nothing is removed.
const CALM_SHARE: f64 = 0.8;
/// An improvement below this is none.
const IMPROVED_SHARE: f64 = 0.9;
/// So many steps have to show an effect.
const STEPS_TO_JUDGE: i32 = 2;
/// A step is this part of the fleet.
const STEP: u32 = 10;
/// What requests wait for behind the server explains their latency only if it is this share of it.
const EXPLAINED_SHARE: f64 = 0.5;

/// What the guard looks at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The policy of the guarded latency.
    pub policy: &'a LatencyPolicy,
    /// The latency.
    pub latency: &'a Signal<Millis>,
    /// The same percentile of what requests wait for behind the server, where that is measured.
    pub dependency: Signal<Millis>,
    /// The time over which latency is taken.
    pub window: Duration,
    /// The fleet's size.
    pub current: Replicas,
    /// Its largest size.
    pub max: Replicas,
    /// Its Ready pods.
    pub ready: Replicas,
    /// Whether each replica has more to do than it can carry.
    pub overloaded: bool,
    /// The time.
    pub now: Timestamp,
    /// Since when a state that is first seen now has held: `now`, and after a restart the instant of the memory,
    /// so that the restart delays no step.
    pub since: Timestamp,
}

/// What the guard says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Guarded {
    /// The step that it asks for.
    pub step: Option<Outcome>,
    /// What explains the latency, where replicas do not.
    pub explained: Option<DependencyWhy>,
}

/// The limit above which latency forbids scale-in.
#[must_use]
pub fn calm_limit(policy: &LatencyPolicy) -> Millis {
    Millis::new(policy.target.get() * CALM_SHARE).unwrap_or_default()
}

/// What the guard says; its state is carried on in `state`.
#[must_use]
pub fn guard(view: &View, state: &mut Guard) -> Guarded {
    let Some(latency) = lasting_excess(view, state) else { return Guarded::default() };
    let explained = explained(view, latency);
    if state.exhausted || explained.is_some() {
        return Guarded { step: None, explained };
    }
    let (percentile, target) = (view.policy.percentile, view.policy.target);
    let step = step(view, state, latency).map(|asks| Outcome {
        replicas: asks,
        why: Why::LatencyGuard { percentile, latency, target, asks },
    });
    Guarded { step, explained: None }
}

/// Condition `ReplicasEffective`, for a fleet of this size.
#[must_use]
pub(crate) fn effective(
    policy: Option<LatencyPolicy>,
    guard: &Guard,
    explained: Option<DependencyWhy>,
    replicas: Replicas,
) -> Finding {
    if let Some(why) = explained {
        return Finding { holds: false, why: why.into() };
    }
    match policy {
        Some(LatencyPolicy { percentile, target, .. }) if guard.exhausted => {
            let before = guard.baseline.unwrap_or_default();
            let before = Sample { at: Timestamp::UNIX_EPOCH, thousandths: before }.value();
            let before = Millis::new(before).unwrap_or_default();
            let why = Why::DatabaseOrDependencyBound { percentile, before, target, replicas };
            Finding { holds: false, why }
        }
        Some(_) | None => Finding { holds: true, why: Why::AsExpected },
    }
}

/// The latency, if it has been above its target for long enough; notes in `state` since when it has been so, or calm.
fn lasting_excess(view: &View, state: &mut Guard) -> Option<Millis> {
    let Some(latency) = view.latency.live() else {
        state.above_since = None;
        if matches!(view.latency, Signal::Idle) {
            be_calm(view, state);
        } else {
            state.calm_since = None;
        }
        return None;
    };
    if latency <= calm_limit(view.policy) {
        state.above_since = None;
        be_calm(view, state);
        return None;
    }
    state.calm_since = None;
    let noise = 1.0 + view.policy.tolerance.get() / 100.0;
    if latency.get() <= view.policy.target.get() * noise {
        state.above_since = None;
        return None;
    }
    let above_since = *state.above_since.get_or_insert(view.since);
    (view.now.duration_since(above_since) >= ABOVE_FOR).then_some(latency)
}

/// Whether what requests wait for behind the server explains that they take so long.
fn explained(view: &View, latency: Millis) -> Option<DependencyWhy> {
    let dependency = view.dependency.live()?;
    let LatencyPolicy { percentile, target, .. } = *view.policy;
    let is_much = dependency.get() >= latency.get() * EXPLAINED_SHARE;
    let rest_is_fine = latency.get() - dependency.get() <= target.get();
    let why = DependencyWhy::Slow { percentile, latency, dependency, target };
    (is_much && rest_is_fine).then_some(why)
}

/// Counts calm time and forgets everything after enough of it.
fn be_calm(view: &View, state: &mut Guard) {
    let calm_since = *state.calm_since.get_or_insert(view.since);
    if view.now.duration_since(calm_since) >= CALM_FOR {
        *state = Guard { calm_since: Some(calm_since), ..Guard::default() };
    }
}

/// The size to ask for: the last step's until its pods are there, then one step more unless steps do not help.
fn step(view: &View, state: &mut Guard, latency: Millis) -> Option<Replicas> {
    let one_more = view.current.plus(Replicas::new(view.current.get().div_ceil(STEP).max(1)));
    if let Some(asked) = state.asked.map(|asked| asked.min(one_more)) {
        state.asked = Some(asked);
        if view.ready < asked {
            state.ready_since = None;
        } else if state.ready_since.is_none() {
            state.ready_since = Some(view.since);
            if view.since < view.now {
                // After a restart nobody knows for how long the step has had its effect: it is not judged.
                state.baseline = None;
                state.steps = 0;
            }
        }
        let done = state
            .ready_since
            .is_some_and(|since| view.now.duration_since(since) >= signed(view.window));
        if !done {
            return (asked > view.current).then_some(asked);
        }
        judge(view, state, latency);
    }
    if state.exhausted || view.current >= view.max {
        return None;
    }
    let asks = one_more.min(view.max);
    state.baseline.get_or_insert(Sample::new(latency.get(), view.now).thousandths);
    state.steps = (state.steps + 1).clamp(0, STEPS_TO_JUDGE);
    state.asked = Some(asks);
    state.ready_since = None;
    Some(asks)
}

/// Whether the steps so far have helped.
fn judge(view: &View, state: &mut Guard, latency: Millis) {
    let Some(baseline) = state.baseline else { return };
    let now = Sample::new(latency.get(), view.now);
    let before = Sample { at: view.now, thousandths: baseline };
    if now.value() <= before.value() * IMPROVED_SHARE {
        state.baseline = Some(now.thousandths);
        state.steps = 0;
    } else if state.steps >= STEPS_TO_JUDGE && !view.overloaded {
        state.exhausted = true;
    }
}

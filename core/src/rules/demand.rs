//! Stage 2: what demand asks for. Each rule asks for a count and the largest wins; anything that makes removing
//! replicas unwise keeps the current count. The result is the recommendation that the windows remember.
//!
//! The request rate is that of the whole fleet, not an average over pods, so rollouts, unready and pending pods
//! cannot distort it (kubernetes #72775, #127193, #130130).

use super::Outcome;
use super::guard::calm_limit;
use super::trust::Trust;
use crate::behavior::Behavior;
use crate::observation::{Observation, Rollout, SpotTarget};
use crate::policy::{FleetPolicy, SignalPolicy};
use crate::quantity::{Percent, Replicas, Rps};
use crate::signal::Signal;
use crate::why::Why;
use jiff::{SignedDuration, Timestamp};

/// A rollout holds a fleet for so long; a stuck image must not hold it large for ever.
const ROLLOUT_HOLDS_FOR: SignedDuration = SignedDuration::from_mins(30);

/// What demand asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// The recommendation.
    pub outcome: Outcome,
    /// Whether the request rate asks for more than there is.
    pub outgrown: bool,
}

/// What the stage looks at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The policy.
    pub policy: &'a FleetPolicy,
    /// What was seen.
    pub seen: &'a Observation,
    /// The signals, judged.
    pub trust: &'a Trust,
    /// The fleet's size.
    pub current: Replicas,
    /// Whether a scale-out is running on to what demand asks for.
    pub climbing: bool,
    /// The time.
    pub now: Timestamp,
}

/// The largest proposal, or the current count where nothing may be removed. `others` are those of the latency guard and
/// of spot.
#[must_use]
pub fn demand(view: &View, others: [Option<Outcome>; 3]) -> Demand {
    let rate = request_rate(view);
    let burst = burst(view);
    let outgrown = rate.is_some_and(|rate| rate.replicas > view.current) || burst.is_some();
    let largest = [rate, burst]
        .into_iter()
        .chain(others)
        .flatten()
        .reduce(|best, other| if other.replicas > best.replicas { other } else { best });
    let asked = largest.unwrap_or(Outcome::unchanged(view.current));
    let asked = still_bursting(view, asked).unwrap_or(asked);
    let outcome = hold(view, asked)
        .map_or(asked, |why| Outcome { replicas: asked.replicas.max(view.current), why });
    Demand { outcome, outgrown }
}

/// The size at which each replica has its target: the current one within the tolerance. A scale-out that has begun
/// runs on without tolerance, else fleets stop for good at 28 of 30, as the HPA's do.
fn request_rate(view: &View) -> Option<Outcome> {
    let per_replica = view.policy.signals.target_per_replica;
    let rate = known_rate(&view.trust.signals.request_rate)?;
    let Behavior { up, down, .. } = &view.policy.behavior;
    let up = if view.climbing { Percent::ZERO } else { up.tolerance };
    let load = rate.get() / (per_replica.get() * f64::from(view.current.get()));
    let within = load >= 1.0 - down.tolerance.get() / 100.0 && load <= 1.0 + up.get() / 100.0;
    Some(if within {
        Outcome { replicas: view.current, why: Why::WithinTolerance { rate, per_replica } }
    } else {
        let asks = rate.carried_by(per_replica);
        Outcome { replicas: asks, why: Why::RequestRate { rate, per_replica, asks } }
    })
}

/// A rise that the longer window has not seen yet: counts only above the tolerance, and only to raise.
fn burst(view: &View) -> Option<Outcome> {
    let SignalPolicy { target_per_replica: per_replica, .. } = view.policy.signals;
    let rate = view.trust.signals.burst_rate.value()?;
    let load = rate.get() / (per_replica.get() * f64::from(view.current.get()));
    let asks = rate.carried_by(per_replica);
    let above = load > 1.0 + view.policy.behavior.up.tolerance.get() / 100.0;
    (above && asks > view.current)
        .then_some(Outcome { replicas: asks, why: Why::Burst { rate, per_replica, asks } })
}

/// While a scale-out climbs the longer window has not seen all of the rise: what the last seconds ask for is kept. A
/// burst rate that is not fresh forbids nothing.
fn still_bursting(view: &View, asked: Outcome) -> Option<Outcome> {
    let per_replica = view.policy.signals.target_per_replica;
    let Signal::Fresh { value: rate, .. } = view.trust.signals.burst_rate else { return None };
    let asks = rate.carried_by(per_replica);
    let replicas = asks.min(view.current);
    (view.climbing && asked.replicas < replicas)
        .then_some(Outcome { replicas, why: Why::Burst { rate, per_replica, asks } })
}

/// Why nothing may be removed, if so.
fn hold(view: &View, asked: Outcome) -> Option<Why> {
    if asked.replicas > view.current {
        return None;
    }
    if !view.trust.trusted {
        return Some(Why::Hold { asks: asked.replicas });
    }
    if asked.replicas == view.current {
        return None;
    }
    latency(view).or_else(|| errors(view)).or_else(|| rollout(view))
}

fn latency(view: &View) -> Option<Why> {
    let policy = view.policy.signals.latency.as_ref()?;
    let latency = view.trust.signals.latency?.value()?;
    let limit = calm_limit(policy);
    let percentile = policy.percentile;
    (latency > limit).then_some(Why::LatencyAboveLimit { percentile, latency, limit })
}

fn errors(view: &View) -> Option<Why> {
    let limit = view.policy.signals.max_errors?;
    let errors = view.trust.signals.errors?.value()?;
    (errors > limit).then_some(Why::ErrorsAboveLimit { errors, limit })
}

fn rollout(view: &View) -> Option<Why> {
    let spot = match view.seen.spot {
        SpotTarget::Present(target) => target.rollout,
        SpotTarget::None | SpotTarget::Lost(_) => Rollout::Settled,
    };
    [view.seen.on_demand.rollout, spot].into_iter().find_map(|rollout| match rollout {
        Rollout::InProgress { since } if view.now.duration_since(since) < ROLLOUT_HOLDS_FOR => {
            Some(Why::RolloutInProgress { since })
        }
        Rollout::InProgress { .. } | Rollout::Settled => None,
    })
}

/// Whether each replica has more to do than it can carry.
#[must_use]
pub fn is_overloaded(signals: &SignalPolicy, trust: &Trust, current: Replicas) -> bool {
    known_rate(&trust.signals.request_rate)
        .is_some_and(|rate| rate.carried_by(signals.target_per_replica) > current)
}

/// The rate, or what is known of it; no requests are zero.
fn known_rate(signal: &Signal<Rps>) -> Option<Rps> {
    match signal {
        Signal::Idle => Some(Rps::ZERO),
        known => known.value(),
    }
}

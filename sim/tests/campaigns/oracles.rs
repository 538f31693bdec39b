//! What must hold at every single decision, whatever goes wrong: computed here from the plan, the policy and the sizes
//! that were in force, and from nothing that the decision says of itself.

use crate::policies::Window;
use apifleet_core::dependencies::Dependency;
use apifleet_core::observation::{Observation, Reading, SpotTarget};
use apifleet_core::policy::FleetPolicy;
use apifleet_core::{Decision, Replicas};
use apifleet_sim::plan::Order;
use std::collections::VecDeque;
use std::fmt;

/// So long a fall is remembered: the period of the default scale-down policies.
const PERIOD: i64 = 60;
/// Every fleet is decided at least this often.
const AT_LEAST_EVERY: i64 = 30;

/// A promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Breach {
    /// When, in seconds after the start.
    pub(crate) second: i64,
    /// Which promise, in the words of the table in `docs/robustness.md`.
    pub(crate) oracle: &'static str,
    /// What was seen.
    pub(crate) seen: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { second, oracle, seen } = self;
        let (day, of_day) = (second / 86_400 + 1, second % 86_400);
        let (hour, minute, second) = (of_day / 3600, of_day % 3600 / 60, of_day % 60);
        write!(f, "day {day}, {hour:02}:{minute:02}:{second:02}: {oracle}: {seen}")
    }
}

/// One decision, with all that is needed to judge it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Seconds after the start.
    pub(crate) second: i64,
    /// The policy in force, edits included.
    pub(crate) policy: &'a FleetPolicy,
    /// The window of its schedule, if it has one.
    pub(crate) window: Option<Window>,
    /// The override in force, if there is one.
    pub(crate) orders: &'a [Order],
    /// What was seen.
    pub(crate) observation: &'a Observation,
    /// What was decided.
    pub(crate) decision: &'a Decision,
    /// The size in force before.
    pub(crate) before: u32,
    /// The size in force after: that of the decision, unless it was not carried out.
    pub(crate) after: u32,
}

/// The sizes that were in force lately.
#[derive(Debug, Default)]
pub(crate) struct Oracles {
    /// Each with the second at which it began; the oldest began before the period.
    sizes: VecDeque<(i64, u32)>,
    last: Option<i64>,
    /// The first breach of each promise that was broken.
    pub(crate) breaches: Vec<Breach>,
}

impl Oracles {
    /// Judges one decision.
    pub(crate) fn judge(&mut self, look: &Look<'_>) {
        let checks = [
            within_bounds(look),
            floor_of_a_window(look),
            blind_fall(look),
            self.fall(look),
            fewer_than_decided(look),
            beyond_a_dependency(look),
            self.silence(look),
        ];
        for breach in checks.into_iter().flatten() {
            self.note(breach);
        }
        self.last = Some(look.second);
        self.remember(look.second, look.after);
    }

    /// The operator was away: nobody could decide.
    pub(crate) fn was_away(&mut self, second: i64) {
        self.last = Some(second);
    }

    /// Keeps the first breach of each promise: more say nothing new.
    pub(crate) fn note(&mut self, breach: Breach) {
        if self.breaches.iter().all(|known| known.oracle != breach.oracle) {
            self.breaches.push(breach);
        }
    }

    fn remember(&mut self, second: i64, size: u32) {
        if self.sizes.back().is_none_or(|(_, last)| *last != size) {
            self.sizes.push_back((second, size));
        }
        while self.sizes.get(1).is_some_and(|(began, _)| *began <= second - PERIOD) {
            self.sizes.pop_front();
        }
    }

    /// S1: no fall is faster than a tenth or two replicas in any minute; an override that says so may be.
    fn fall(&self, look: &Look<'_>) -> Option<Breach> {
        let immediate = look.orders.iter().any(|order| matches!(order, Order::CeilingNow(_)));
        let since = look.second - PERIOD;
        let recent = self.sizes.iter().enumerate().filter(|(index, _)| {
            // A size counts as long as it was in force: until the next one began.
            self.sizes.get(index + 1).is_none_or(|(ended, _)| *ended > since)
        });
        let peak = recent.map(|(_, (_, size))| *size).max()?.max(look.before);
        let lowest = (peak * 9 / 10).min(peak.saturating_sub(2));
        (look.after < lowest && look.after < look.before && !immediate).then(|| {
            let seen = format!("{} -> {}, {peak} within a minute", look.before, look.after);
            breach(look, "S1 no fall faster than the limits", &seen)
        })
    }

    /// S7: somebody decides, at least every half minute.
    fn silence(&self, look: &Look<'_>) -> Option<Breach> {
        let gap = look.second - self.last?;
        (gap > AT_LEAST_EVERY)
            .then(|| breach(look, "S7 decided at least every 30 s", &format!("not for {gap} s")))
    }
}

fn breach(look: &Look<'_>, oracle: &'static str, seen: &str) -> Breach {
    let summary = look.decision.summary();
    Breach { second: look.second, oracle, seen: format!("{seen} ({summary})") }
}

/// S1: never below the smallest size, and above the largest only on the way down to it.
fn within_bounds(look: &Look<'_>) -> Option<Breach> {
    let (bounds, size) = (look.policy.bounds, look.decision.desired);
    let falls = size.get() <= look.before;
    (size < bounds.min() || (size > bounds.max() && !falls)).then(|| {
        let seen = format!("{size} outside {}..{}", bounds.min(), bounds.max());
        breach(look, "S1 within the bounds", &seen)
    })
}

/// S1: the floor of a schedule holds from one lead before its window to its end.
fn floor_of_a_window(look: &Look<'_>) -> Option<Breach> {
    let floor = look.window?.floor_at(look.second)?.min(look.policy.bounds.max().get());
    let ordered = look.orders.iter().copied().any(lowers);
    (look.decision.desired.get() < floor && !ordered).then(|| {
        let seen = format!("{} below the floor of {floor}", look.decision.desired);
        breach(look, "S1 the floor of a window holds", &seen)
    })
}

/// S1: nothing is removed while nobody can see; an override may order it.
fn blind_fall(look: &Look<'_>) -> Option<Breach> {
    let ordered = look.orders.iter().copied().any(lowers);
    (is_blind(look) && look.after < look.before && !ordered).then(|| {
        let seen = format!("{} -> {}", look.before, look.after);
        breach(look, "S1 nothing removed without signals", &seen)
    })
}

/// S1: the targets together are never asked for fewer than were decided.
fn fewer_than_decided(look: &Look<'_>) -> Option<Breach> {
    let asked = look.decision.placement.sum();
    (asked < look.decision.desired && asked > Replicas::ZERO).then(|| {
        let seen = format!("{asked} asked for, {} decided", look.decision.desired);
        breach(look, "S1 the targets carry the size", &seen)
    })
}

/// S1: the targets together never grow beyond what a dependency carries, cover and moves included.
fn beyond_a_dependency(look: &Look<'_>) -> Option<Breach> {
    let carries = |it: &Dependency| it.limit.saturating_sub(it.reserved) / it.per_replica;
    let cap = look.policy.dependencies.iter().map(carries).min()?;
    let asked = look.decision.placement.sum().get();
    let there = asked_of(look.observation);
    (asked > cap.max(1) && asked > there).then(|| {
        breach(
            look,
            "S1 no more than a dependency carries",
            &format!("{there} -> {asked} of {cap}"),
        )
    })
}

/// What the targets are asked for before.
fn asked_of(seen: &Observation) -> u32 {
    let spot = match seen.spot {
        SpotTarget::Present(target) => target.wanted,
        SpotTarget::None | SpotTarget::Lost(_) => None,
    };
    [seen.on_demand.wanted, spot].into_iter().flatten().map(Replicas::get).sum()
}

/// Whether an override may make the fleet smaller than anything else would.
fn lowers(order: Order) -> bool {
    match order {
        Order::Ceiling(_) | Order::CeilingNow(_) | Order::Pin(_) => true,
        Order::Floor(_) | Order::Hold | Order::NoSpot => false,
    }
}

/// Whether what Prometheus says of requests is no number, or too old, of too few pods, or of less than a
/// window: judged on the answers alone.
fn is_blind(look: &Look<'_>) -> bool {
    let Observation { readings, ready_since, scrape_interval, .. } = look.observation;
    let now = look.decision.at;
    let seconds = |since: jiff::Timestamp| now.duration_since(since).as_secs();
    let stale = i64::try_from(look.policy.signals.stale_after.as_secs()).unwrap();
    let known = |reading: Reading| match reading {
        Reading::Value { value, sampled_at } => {
            (value.is_finite() && seconds(sampled_at) <= stale).then_some(value)
        }
        Reading::Empty | Reading::Several | Reading::Failed => None,
    };
    let grace = look.policy.signals.window + 2 * *scrape_interval;
    let grace = i64::try_from(grace.as_secs()).unwrap();
    let expected = ready_since.iter().filter(|since| seconds(**since) > grace).count();
    let (Some(_), Some(scraped), Some(samples)) = (
        known(readings.request_rate),
        known(readings.scraped_pods),
        known(readings.window_samples),
    ) else {
        return true;
    };
    let full = look.policy.signals.window.as_secs_f64() / scrape_interval.as_secs_f64();
    if samples < full - 1.0 {
        return true;
    }
    scraped * 10.0 < f64::from(u32::try_from(expected).unwrap()) * 9.0
}

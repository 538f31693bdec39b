//! [`decide`]: folds the stages of [`crate::rules`] in their documented order.
//!
//! What is here ties the stages together and no more: where a decision starts from is [`crate::start`], what it
//! leaves for the next one is at the end.

use crate::changes::Change;
use crate::decision::{Decision, Finding, Findings, Line, Next, Placement, Stage};
use crate::memory::{Guard, Memory, Sample};
use crate::observation::Observation;
use crate::policy::{FleetPolicy, Mode};
use crate::quantity::{Millis, Replicas};
use crate::rules::demand::{Demand, demand, is_overloaded};
use crate::rules::floors::Floors;
use crate::rules::limits::{Limits, decisive, limit};
use crate::rules::next::next;
use crate::rules::place::{Placed, place};
use crate::rules::trust::{Trust, trust};
use crate::rules::{Outcome, demand as demands, guard};
use crate::start::Start;
use crate::why::Why;
use crate::window::signed;
use jiff::{SignedDuration, Timestamp};

/// The lines of a ledger.
const STAGES: usize = 8;

/// What is known once the signals are judged and the starting point is found.
struct Pass<'a> {
    policy: &'a FleetPolicy,
    seen: &'a Observation,
    trust: Trust,
    start: Start,
    now: Timestamp,
}

/// What the stages made of it.
struct Made {
    demand: Demand,
    limited: [Line; 5],
    size: Replicas,
    placed: Placed,
}

/// Decides a fleet's size and split at `now`.
///
/// The caller carries out [`Decision::placement`] (not in [`Mode::Observe`]) and hands the returned memory to the
/// next call; where it could not carry it out, it hands on [`Memory::not_applied`] instead, and where it stops deciding
/// for a while, [`Memory::released`].
#[must_use]
pub fn decide(
    policy: &FleetPolicy,
    seen: &Observation,
    memory: &Memory,
    now: Timestamp,
) -> (Decision, Memory) {
    let mut after = memory.seen_at(now);
    let trust = trust(&policy.signals, seen, &mut after.last, now);
    after.trusted_since = trust.trusted.then(|| after.trusted_since.unwrap_or(now));
    let Some(start) = Start::find(policy, seen, &mut after, now) else {
        return unknown(policy, seen, &trust, (after, now));
    };
    let pass = Pass { policy, seen, trust, start, now };

    let demand = pass.ask(&mut after);
    let asks = demand.outcome.replicas;
    after.recommend(&policy.behavior, asks, now);
    let floors = Floors::in_force(policy, trust.missing, start.adopts.then_some(start.found));
    let limits = Limits { policy, memory: &after, floors, current: start.current, now };
    let limited = limit(&limits, asks);
    let size = limited.last().map_or(start.current, |line| line.output);
    let made = Made { demand, limited, size, placed: place(policy.spot, seen, size) };
    pass.remember(&mut after, &made);

    let next = if trust.trusted { pass.next(&after, floors, &made) } else { None };
    let decision = Decision {
        at: now,
        previous: start.current,
        desired: size,
        placement: made.placed.placement,
        reason: decisive(&limited).map_or(demand.outcome.why, |line| line.why).reason(),
        ledger: pass.ledger(&made),
        signals: trust.signals,
        findings: pass.findings(&made, &after.guard),
        next,
    };
    (decision, after)
}

impl Pass<'_> {
    /// Stage 2, with the latency guard.
    fn ask(&self, after: &mut Memory) -> Demand {
        let &Self { policy, seen, ref trust, start, now } = self;
        let current = start.current;
        let signals = &policy.signals;
        let step = if let (Some(policy_of_latency), Some(latency)) =
            (&signals.latency, &trust.signals.latency)
        {
            let view = guard::View {
                policy: policy_of_latency,
                latency,
                window: signals.window,
                current,
                max: policy.bounds.max(),
                ready: seen.ready(),
                overloaded: is_overloaded(signals, trust, current),
                now,
                since: start.since,
            };
            guard::guard(&view, &mut after.guard)
        } else {
            after.guard = Guard::default();
            None
        };
        demand(&self.view(after, current), step)
    }

    /// What demand looks at, for a fleet of this size.
    fn view<'a>(&'a self, after: &Memory, current: Replicas) -> demands::View<'a> {
        let &Self { policy, seen, ref trust, now, .. } = self;
        demands::View { policy, seen, trust, current, climbing: self.is_climbing(after), now }
    }

    /// When the answer will change, for the size that was just decided.
    fn next(&self, after: &Memory, floors: Floors, made: &Made) -> Option<Next> {
        let &Self { policy, now, .. } = self;
        let current = made.size;
        let asked = if current == self.start.current {
            made.demand.outcome
        } else {
            demand(&self.view(after, current), None).outcome
        };
        next(&Limits { policy, memory: after, floors, current, now }, asked)
    }

    /// Whether a scale-out is running on to what demand asks for. An end that is further away than one window was
    /// set by a clock that has been corrected since.
    fn is_climbing(&self, after: &Memory) -> bool {
        let window = signed(self.policy.signals.window);
        let left = after.climbing_until.map(|until| until.duration_since(self.now));
        left.is_some_and(|left| left > SignedDuration::ZERO && left <= window)
    }

    /// Leaves for the next decision what it needs.
    fn remember(&self, after: &mut Memory, made: &Made) {
        let (current, now) = (self.start.current, self.now);
        after.at = Some(now);
        (after.resumed, after.half_written) = (false, false);
        // A size that no recommendation stands for is kept for a window, as if it had been recommended.
        if self.start.adopts || !self.trust.trusted {
            after.recommend_high(&self.policy.behavior, made.size, now);
        }
        let climbing = self.is_climbing(after);
        if made.demand.outgrown && (climbing || made.size > current) {
            after.climbing_until = now.checked_add(signed(self.policy.signals.window)).ok();
        } else if !climbing {
            after.climbing_until = None;
        }
        match self.policy.mode {
            Mode::Observe => {
                after.size = Some(current);
                after.placement = None;
            }
            Mode::Enforce | Mode::ScaleOutOnly => {
                after.size = Some(made.size);
                after.placement = Some(made.placed.placement);
                after.note_change(&self.policy.behavior, Change::between(current, made.size, now));
            }
        }
    }

    fn ledger(&self, made: &Made) -> Vec<Line> {
        let current = self.start.current;
        let Outcome { replicas: asks, why } = made.demand.outcome;
        let mut ledger = Vec::with_capacity(STAGES);
        ledger.push(Line {
            stage: Stage::Trust,
            input: current,
            output: current,
            why: self.trust.why,
        });
        ledger.push(Line { stage: Stage::Demand, input: current, output: asks, why });
        ledger.extend(made.limited);
        let Placed { sum, why, .. } = made.placed;
        ledger.push(Line { stage: Stage::Place, input: made.size, output: sum, why });
        ledger
    }

    fn findings(&self, made: &Made, guard: &Guard) -> Findings {
        let limited = decisive(&made.limited);
        Findings {
            signals_fresh: Finding { holds: self.trust.trusted, why: self.trust.why },
            scaling_limited: Finding {
                holds: limited.is_some(),
                why: limited.map_or(Why::NotLimited, |line| line.why),
            },
            replicas_effective: effective(self.policy, guard, self.start.current),
            spot_healthy: made.placed.spot_healthy,
        }
    }
}

/// The decision where a size is unknown: nothing is written and nothing is taken for a number.
fn unknown(
    policy: &FleetPolicy,
    seen: &Observation,
    trust: &Trust,
    (after, now): (Memory, Timestamp),
) -> (Decision, Memory) {
    let size = after.size.unwrap_or(policy.bounds.min());
    let why = Why::ReplicasUnknown;
    let line = |stage, why| Line { stage, input: size, output: size, why };
    let mut ledger = Vec::with_capacity(STAGES);
    ledger.extend([line(Stage::Trust, trust.why), line(Stage::Demand, why)]);
    let decision = Decision {
        at: now,
        previous: size,
        desired: size,
        placement: Placement { on_demand: None, spot: None },
        reason: why.reason(),
        ledger,
        signals: trust.signals,
        findings: Findings {
            signals_fresh: Finding { holds: trust.trusted, why: trust.why },
            scaling_limited: Finding { holds: false, why },
            replicas_effective: effective(policy, &after.guard, size),
            spot_healthy: place(policy.spot, seen, size).spot_healthy,
        },
        next: None,
    };
    (decision, after)
}

/// Condition `ReplicasEffective`.
fn effective(policy: &FleetPolicy, guard: &Guard, replicas: Replicas) -> Finding {
    match policy.signals.latency {
        Some(latency) if guard.exhausted => {
            let before = guard.baseline.unwrap_or_default();
            let before = Sample { at: Timestamp::UNIX_EPOCH, thousandths: before }.value();
            let why = Why::DatabaseOrDependencyBound {
                percentile: latency.percentile,
                before: Millis::new(before).unwrap_or_default(),
                target: latency.target,
                replicas,
            };
            Finding { holds: false, why }
        }
        Some(_) | None => Finding { holds: true, why: Why::AsExpected },
    }
}

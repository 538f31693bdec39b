//! [`decide`]: folds the stages of [`crate::rules`] in their documented order.
//!
//! What is here ties the stages together and no more: where a decision starts from is [`crate::start`], what it
//! leaves for the next one is at the end.

use crate::changes::Change;
use crate::decision::{Decision, Finding, Findings, Line, Next, Placement, Stage};
use crate::dependencies::{self, Cap};
use crate::memory::{Guard, Memory};
use crate::observation::Observation;
use crate::overrides;
use crate::overrides::orders::{Orders, standings};
use crate::policy::{FleetPolicy, Mode};
use crate::quantity::Replicas;
use crate::rules::demand::{Demand, demand, is_overloaded};
use crate::rules::floors::Floors;
use crate::rules::guard::{Guarded, effective};
use crate::rules::limits::{Limits, decisive, limit};
use crate::rules::next::{Asked, next};
use crate::rules::place::{Placed, Split, on_demand_only, place, split};
use crate::rules::pre_warm::{self, placeholders, pre_warmed};
use crate::rules::trust::{Trust, trust};
use crate::rules::{Outcome, demand as demands, guard};
use crate::schedule::SpotReturn;
use crate::schedule::agenda::Agenda;
use crate::schedule::look::Look;
use crate::spot;
use crate::spot::drain::drains;
use crate::spot::loss::{Needs, proposals};
use crate::spot::memory::SpotMemory;
use crate::spot::sight::Sight;
use crate::spot::state::advance;
use crate::spot::wake::wake;
use crate::start::Start;
use crate::unknown::unknown;
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
    agenda: Agenda<'a>,
    needs: Needs,
    /// What dependencies carry.
    cap: Option<Cap>,
    /// What was seen of spot; `None` where there is no spot target that can be used.
    sight: Option<Sight>,
    now: Timestamp,
}

/// What the stages made of it.
struct Made<'a> {
    demand: Demand,
    guarded: Guarded,
    limited: [Line; 5],
    size: Replicas,
    spot: Option<spot::View<'a>>,
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
    let agenda = keep_calendar(&Look { policy, seen, current: start.current, now }, &mut after);
    overrides::ended::note(policy, &mut after, start.current, now);
    if let Some(last) = memory.at.filter(|_| memory.is_resumed()) {
        after.spot.resume(last, now, after.patience.window(&policy.behavior));
    }
    let needs = Needs::note(policy, &trust, &mut after, now);
    let sight = Sight::of(policy, seen, now);
    let cap = Cap::of(policy, seen);
    let pass = Pass { policy, seen, trust, start, agenda, needs, cap, sight, now };

    let (guarded, demand) = pass.ask(&mut after);
    let asks = demand.outcome.replicas;
    after.recommend(&policy.behavior, asks, now);
    let floors = Floors::in_force(policy, trust.missing, start.adopts.then_some(start.found));
    let limits = pass.limits(&after, floors, start.current);
    let limited = limit(&limits, asks);
    let size = limited.last().map_or(start.current, |line| line.output);
    let (spot, placed) = pass.place(size, &mut after.spot);
    let made = Made { demand, guarded, limited, size, spot, placed };
    pass.remember(&mut after, &made);

    let next = pass.next(&after, floors, &made);
    let decision = Decision {
        at: now,
        previous: start.current,
        desired: size,
        placement: made.placed.placement,
        reason: decisive(&limited).map_or(demand.outcome.why, |line| line.why).reason(),
        ledger: pass.ledger(&made),
        signals: trust.signals,
        findings: pass.findings(&made, &after.guard),
        schedule: pass.agenda.active(now, size),
        overrides: standings(&policy.overrides, now),
        spot: made.placed.spot,
        placeholders: pass.placeholders(&made, &after.spot),
        drains: made.spot.map_or_else(Vec::new, |view| drains(&view, &after.spot)),
        next,
    };
    (decision, after)
}

impl Pass<'_> {
    /// Stage 2, with the latency guard.
    fn ask(&self, after: &mut Memory) -> (Guarded, Demand) {
        let &Self { policy, seen, ref trust, start, now, .. } = self;
        let current = start.current;
        let signals = &policy.signals;
        let guarded = if let (Some(policy_of_latency), Some(latency)) =
            (&signals.latency, &trust.signals.latency)
        {
            let view = guard::View {
                policy: policy_of_latency,
                latency,
                dependency: trust.dependency_latency,
                window: signals.window,
                current,
                max: dependencies::largest(policy, seen),
                ready: seen.ready(),
                overloaded: is_overloaded(signals, trust, current),
                now,
                since: start.since,
            };
            guard::guard(&view, &mut after.guard)
        } else {
            after.guard = Guard::default();
            Guarded::default()
        };
        let [_, critical, survivable] = self.spot_asks();
        let view = self.view(current, self.is_climbing(after));
        (guarded, demand(&view, [guarded.step, critical, survivable]))
    }

    /// What spot asks for, without a step of the latency guard.
    fn spot_asks(&self) -> [Option<Outcome>; 3] {
        let [critical, survivable] = proposals(self.policy, self.sight.as_ref(), &self.trust);
        [None, critical, survivable]
    }

    /// Stage 8, after the state of the spot capacity has followed what was seen.
    fn place(&self, size: Replicas, memory: &mut SpotMemory) -> (Option<spot::View<'_>>, Placed) {
        let &Self { policy, seen, needs, cap, sight, now, .. } = self;
        let (Some(spot), Some(sight)) = (policy.spot, sight) else {
            return (None, on_demand_only(policy.spot, seen, size));
        };
        let may_return = self.agenda.spot_return(now) == SpotReturn::Allowed;
        let slots = self.agenda.spot_slots(policy, now);
        let no_spot = Orders::at(&policy.overrides, now).no_spot;
        let view = spot::View {
            policy: spot,
            seen,
            sight,
            needs,
            size,
            cap,
            may_return,
            slots,
            no_spot,
            now,
        };
        advance(memory, &view);
        (Some(view), place(&view, memory))
    }

    /// What demand looks at, for a fleet of this size.
    fn view(&self, current: Replicas, climbing: bool) -> demands::View<'_> {
        let &Self { policy, seen, ref trust, now, .. } = self;
        demands::View { policy, seen, trust, current, climbing, now }
    }

    /// What stages 3 to 7 look at, for a fleet of this size.
    fn limits<'a>(&'a self, memory: &'a Memory, floors: Floors, current: Replicas) -> Limits<'a> {
        let &Self { policy, ref agenda, cap, now, .. } = self;
        Limits { policy, memory, floors, agenda, cap, current, now }
    }

    /// When the answer will change, for the size that was just decided.
    fn next(&self, after: &Memory, floors: Floors, made: &Made) -> Option<Next> {
        let current = made.size;
        let spot = made.spot.and_then(|view| wake(&view, &after.spot));
        let spot = spot.map(|at| Next { at, reason: made.placed.why.reason(), replicas: current });
        let ask = |climbing| demand(&self.view(current, climbing), self.spot_asks()).outcome;
        let climbing = self.is_climbing(after);
        let on = if current == self.start.current { made.demand.outcome } else { ask(climbing) };
        let resumed = if self.policy.overrides.is_empty() { on } else { ask(true) };
        let asked = Asked { on, resumed };
        let next = next(&self.limits(after, floors, current), asked, self.trust.trusted);
        [next, spot].into_iter().flatten().min_by_key(|next| next.at)
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
        if self.policy.spot.is_none() {
            after.spot = SpotMemory::default();
        }
        after.at = Some(now);
        (after.resumed, after.perhaps) = (false, None);
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
                let behavior = &self.policy.behavior;
                let change = Change::between(current, made.size, now);
                after.patience.learn(behavior, &made.demand, change, now);
                after.note_change(behavior, change);
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
            replicas_effective: effective(
                self.policy.signals.latency,
                guard,
                made.guarded.explained,
                self.start.current,
            ),
            overridden: Orders::at(&self.policy.overrides, self.now).finding(),
            spot_healthy: made.placed.spot_healthy,
            pre_warmed: pre_warmed(&self.agenda, &self.pre_warm(made.size)),
        }
    }

    /// What is looked at to say whether windows open in time.
    fn pre_warm(&self, size: Replicas) -> pre_warm::View<'_> {
        pre_warm::View { policy: self.policy, seen: self.seen, size, now: self.now }
    }

    /// The placeholders: room for the part of each target in the size that is being pre-warmed.
    fn placeholders(&self, made: &Made, spot: &SpotMemory) -> Placement {
        let coming = pre_warm::coming(&self.agenda, &self.pre_warm(made.size)).map(|size| {
            let alone = Split { on_demand: size, spot: Replicas::ZERO };
            made.spot.map_or(alone, |view| split(&spot::View { size, ..view }, spot))
        });
        placeholders(&self.pre_warm(made.size), coming, made.placed.placement)
    }
}

/// Looks up what schedules say and notes in `after` what has begun and what was learned. The size that a floor leaves
/// behind when it ends is kept for a window, as if it had been recommended.
fn keep_calendar<'a>(look: &Look<'a>, after: &mut Memory) -> Agenda<'a> {
    let &Look { policy, seen, current, now } = look;
    after.learned.learn(&seen.pods_started, &seen.nodes_started, now);
    let mut agenda = Agenda::find(policy, after, now);
    if agenda.begin(after, look) {
        after.recommend_high(&policy.behavior, current, now);
    }
    agenda
}

//! The operator as a campaign plays it: it looks, decides, writes and reports as the real one does around the same
//! decision, while its plan refuses writes, loses answers, edits the spec and orders overrides. Every decision is judged.
//!
//! A [`Bug`] can be put in front of it, so that tests can show that the judges see what they are there for.

use crate::bugs::Bug;
use crate::oracles::{Breach, Look, Oracles};
use crate::policies::{Fleet, bounds};
use crate::status::{Because, Status};
use apifleet_core::decision::{Placement, SpotState};
use apifleet_core::memory::Attempt;
use apifleet_core::name::Name;
use apifleet_core::observation::{Observation, SpotTarget};
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::policy::FleetPolicy;
use apifleet_core::{Decision, Memory, Reason, Replicas, Rps, decide};
use apifleet_sim::ours::sight::observe;
use apifleet_sim::plan::{Answer, Edit, Mishap, Order, Plan, What};
use apifleet_sim::{Scaler, View};
use jiff::{SignedDuration, Timestamp};

/// Overrides that have ended are kept as a record for so long, in seconds.
const RECORD: u32 = 7 * 86_400;

/// The operator of one fleet.
pub(crate) struct Operator<'a> {
    fleet: &'a Fleet,
    plan: &'a Plan,
    bug: Option<Bug>,
    start: Timestamp,
    memory: Memory,
    status: Status,
    ruling: Ruling,
    /// The size in force: what was decided last and carried out.
    size: Option<u32>,
    spot: Option<u32>,
    wait: u32,
    /// What was broken.
    pub(crate) oracles: Oracles,
    /// What it did.
    pub(crate) diary: Diary,
}

/// What the owner's policy, edits and overrides make together.
#[derive(Debug, Clone)]
struct Ruling {
    /// What of the plan is under way.
    under_way: Vec<usize>,
    policy: FleetPolicy,
    orders: Vec<Order>,
    has_schedules: bool,
}

/// What an operator did, for the comparison with one to which nothing happened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Diary {
    /// The size in force at the end of each minute.
    pub(crate) sizes: Vec<u32>,
    /// Writes of `spec.replicas`, by the hour.
    pub(crate) writes: Vec<u32>,
    /// Writes of the status because five minutes had passed, by the hour.
    pub(crate) reports: Vec<u32>,
    /// Those that gave another reason for the same.
    pub(crate) reasons: Vec<u32>,
    /// Those that said something else.
    pub(crate) news: Vec<u32>,
    /// Decisions while the split over the targets was on its way somewhere, by the hour.
    pub(crate) moves: Vec<u32>,
    /// What was there at the end.
    pub(crate) end: Option<End>,
    /// Decisions.
    pub(crate) decisions: u64,
}

/// What is compared at the end of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct End {
    size: u32,
    placement: Placement,
    reason: Reason,
    is_fresh: bool,
    is_overridden: bool,
    spot: Option<(SpotState, u8)>,
}

impl<'a> Operator<'a> {
    pub(crate) fn new(
        fleet: &'a Fleet,
        plan: &'a Plan,
        start: Timestamp,
        bug: Option<Bug>,
    ) -> Self {
        let policy = bug.map_or_else(|| fleet.policy.clone(), |bug| bug.of_policy(&fleet.policy));
        Self {
            fleet,
            plan,
            bug,
            start,
            memory: Memory::default(),
            status: Status::default(),
            ruling: Ruling {
                under_way: Vec::new(),
                policy,
                orders: Vec::new(),
                has_schedules: true,
            },
            size: None,
            spot: None,
            wait: 1,
            oracles: Oracles::default(),
            diary: Diary::default(),
        }
    }

    fn second(&self, now: Timestamp) -> u32 {
        u32::try_from(now.duration_since(self.start).as_secs()).unwrap()
    }

    /// Follows edits and overrides.
    fn follow(&mut self, second: u32) {
        let by_people = |mishap: &Mishap| matches!(mishap.what, What::Edit(_) | What::Order(_));
        let ordered = self.plan.under_way(second).filter(|(_, mishap)| by_people(mishap));
        if ordered.map(|(index, _)| index).eq(self.ruling.under_way.iter().copied()) {
            return;
        }
        if self.bug == Some(Bug::EditStays) && !self.ruling.under_way.is_empty() {
            return;
        }
        if self.bug == Some(Bug::EditStartsAtMin) {
            self.memory = from_the_minimum(&self.memory, &self.fleet.policy);
        }
        self.ruling = self.rule(second);
    }

    fn rule(&self, second: u32) -> Ruling {
        let base = &self.fleet.policy;
        let mut policy = self.bug.map_or_else(|| base.clone(), |bug| bug.of_policy(base));
        let (mut orders, mut under_way) = (Vec::new(), Vec::new());
        for (index, mishap) in self.plan.under_way(second) {
            match mishap.what {
                What::Edit(edit) => apply(edit, &mut policy, base),
                What::Order(order) => orders.push(order),
                What::World(_) | What::Writes(_) => continue,
            }
            under_way.push(index);
        }
        policy.overrides = self.overrides(second);
        let has_schedules = !policy.schedules.is_empty();
        Ruling { under_way, policy, orders, has_schedules }
    }

    /// The overrides that were ever made and are still on record, the latest first, at most as many as are looked at.
    fn overrides(&self, second: u32) -> Vec<Override> {
        let base = self.fleet.policy.bounds;
        let begun = self.plan.mishaps.iter().enumerate().filter(|(_, it)| it.at <= second);
        let kept = begun.rev().filter(|(_, it)| it.end().saturating_add(RECORD) > second);
        let one = |(index, mishap): (usize, &Mishap)| {
            let What::Order(order) = mishap.what else { return None };
            let at = |second: u32| self.start + SignedDuration::from_secs(second.into());
            let size = |percent: u8| {
                let (min, max) = (base.min().get(), base.max().get());
                Replicas::new(min + (max - min) * u32::from(percent) / 100)
            };
            let (action, pace) = match order {
                Order::Floor(percent) => (Action::Floor(size(percent)), Pace::Gradual),
                Order::Ceiling(percent) => (Action::Ceiling(size(percent)), Pace::Gradual),
                Order::CeilingNow(percent) => (Action::Ceiling(size(percent)), Pace::Immediate),
                Order::Pin(percent) => (Action::Pin(size(percent)), Pace::Gradual),
                Order::Hold => (Action::Hold, Pace::Gradual),
                Order::NoSpot => (Action::NoSpot, Pace::Gradual),
            };
            Some(Override {
                name: Name::parse(&format!("order-{index}")).unwrap(),
                action,
                pace,
                not_before: at(mishap.at),
                expires_at: at(mishap.end()),
                created: at(mishap.at),
            })
        };
        kept.filter_map(one).take(apifleet_core::overrides::LIMIT).collect()
    }

    /// What becomes of writes in this second.
    fn answer(&self, second: u32) -> Option<Answer> {
        self.plan.under_way(second).find_map(|(_, mishap)| match mishap.what {
            What::Writes(answer) => Some(answer),
            What::World(_) | What::Edit(_) | What::Order(_) => None,
        })
    }

    /// Carries a decision out, as far as the plan lets it; the size in force afterwards.
    fn carry_out(
        &mut self,
        second: u32,
        (seen, decision): (&Observation, &Decision),
        after: Memory,
    ) -> Option<u32> {
        let is_write = differs(seen, decision.placement) || self.bug == Some(Bug::Restless);
        let answer = self.answer(second).filter(|_| is_write);
        let before = self.size.unwrap_or_else(|| decision.previous.get());
        let unknown = answer == Some(Answer::Lost);
        let attempt = Attempt { written: Placement::default(), unknown };
        let (made, memory) = match answer {
            None => (true, after),
            Some(Answer::Refused) if self.bug == Some(Bug::RefusedIsMade) => (false, after),
            Some(Answer::Refused) => (false, after.not_applied(&self.memory, attempt)),
            Some(Answer::Lost) => (true, after.not_applied(&self.memory, attempt)),
        };
        self.memory = memory;
        let size = if made { decision.desired.get() } else { before };
        self.size = Some(size);
        if !is_write {
            return None;
        }
        tally(&mut self.diary.writes, second);
        if !made {
            return None;
        }
        self.spot = decision.placement.spot.map(Replicas::get);
        Some(decision.placement.sum().get())
    }

    fn judge(&mut self, second: u32, seen: &Observation, decision: &Decision, before: u32) {
        let window = self.fleet.window.filter(|_| self.ruling.has_schedules);
        let look = Look {
            second: second.into(),
            policy: &self.ruling.policy,
            window,
            orders: &self.ruling.orders,
            observation: seen,
            decision,
            before,
            after: self.size.unwrap_or(before),
        };
        self.oracles.judge(&look);
        let opens = window.filter(|window| window.opens_at(second.into()));
        if let Some(window) = opens.filter(|_| self.was_calm(second)) {
            let ready = seen.ready().get();
            if ready < window.floor {
                let seen = format!("{ready} of {} Ready", window.floor);
                let oracle = "S1 every replica of a floor is Ready when its window opens";
                self.oracles.note(Breach { second: second.into(), oracle, seen });
            }
        }
    }

    /// Whether nothing went wrong in the hour before this second.
    fn was_calm(&self, second: u32) -> bool {
        let hour_ago = second.saturating_sub(3600);
        self.plan.mishaps.iter().all(|it| it.end() <= hour_ago || it.at > second)
    }

    fn write_diary(&mut self, second: u32, decision: &Decision) {
        let diary = &mut self.diary;
        diary.decisions += 1;
        let minute = usize::try_from(second / 60).unwrap();
        let size = self.size.unwrap_or_default();
        let last = diary.sizes.last().copied().unwrap_or(size);
        diary.sizes.resize(minute, last);
        diary.sizes.push(size);
        let hours = match self.status.report(decision, &self.memory) {
            Some(Because::Time) => Some(&mut diary.reports),
            Some(Because::Reason) => Some(&mut diary.reasons),
            Some(Because::News) => Some(&mut diary.news),
            None => None,
        };
        if let Some(hours) = hours {
            tally(hours, second);
        }
        if decision.spot.is_some_and(|spot| spot.state != SpotState::Normal) {
            tally(&mut diary.moves, second);
        }
        diary.end = Some(End {
            size,
            placement: decision.placement,
            reason: decision.reason,
            is_fresh: decision.findings.signals_fresh.holds,
            is_overridden: decision.findings.overridden.holds,
            spot: decision.spot.map(|spot| (spot.state, spot.share_percent)),
        });
    }
}

impl Scaler for Operator<'_> {
    fn name(&self) -> String {
        "operator".to_owned()
    }

    fn period(&self) -> u32 {
        self.wait
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let second = self.second(view.now);
        self.follow(second);
        let seen = observe(&self.ruling.policy, view);
        let spoilt = self.bug.map(|bug| bug.of_sight(seen.clone(), view.now));
        if self.bug == Some(Bug::WaitsForPrometheus) && crate::bugs::is_silent(&seen) {
            return None;
        }
        let sight = spoilt.as_ref().unwrap_or(&seen);
        let (decision, after) = decide(&self.ruling.policy, sight, &self.memory, view.now);
        let (decision, after) = match self.bug {
            Some(bug) => bug.of_decision(&self.ruling.policy, (decision, after)),
            None => (decision, after),
        };
        let before = self.size.unwrap_or_else(|| decision.previous.get());
        let asks = self.carry_out(second, (&seen, &decision), after);
        self.judge(second, &seen, &decision, before);
        self.write_diary(second, &decision);
        self.wait = wait(&decision, self.fleet.period);
        asks
    }

    fn spot(&self) -> Option<u32> {
        self.spot
    }

    fn restart(&mut self, view: &View<'_>) {
        self.memory = Memory::resumed(self.status.read());
        if self.bug == Some(Bug::RestartStartsAtMin) {
            self.memory = from_the_minimum(&self.memory, &self.fleet.policy);
        }
        self.oracles.was_away(self.second(view.now).into());
    }
}

/// Until the next look, in seconds: the instant for which another answer is foreseen, or the fleet's own pace.
fn wait(decision: &Decision, period: u32) -> u32 {
    let left = decision.next.map(|next| next.at.duration_since(decision.at));
    // A second that has begun counts.
    let left = left.map(|left| left.as_secs() + i64::from(left.subsec_nanos() > 0));
    let left = left.and_then(|left| u32::try_from(left).ok()).unwrap_or(period);
    left.clamp(1, period)
}

/// Whether the targets ask for something else than what is there.
fn differs(seen: &Observation, placement: Placement) -> bool {
    let spot = match seen.spot {
        SpotTarget::Present(target) => target.wanted,
        SpotTarget::None | SpotTarget::Lost(_) => None,
    };
    let other =
        |asked: Option<Replicas>, there: Option<Replicas>| asked.is_some() && asked != there;
    other(placement.on_demand, seen.on_demand.wanted) || other(placement.spot, spot)
}

fn apply(edit: Edit, policy: &mut FleetPolicy, base: &FleetPolicy) {
    let part = |value: u32, percent: u8| value * u32::from(percent) / 100;
    match edit {
        Edit::Bounds { min_percent, max_percent } => {
            let (min, max) = (base.bounds.min().get(), base.bounds.max().get());
            policy.bounds = bounds(part(min, min_percent), part(max, max_percent));
        }
        Edit::PerReplica(percent) => {
            let per_replica = base.signals.target_per_replica.get() * f64::from(percent) / 100.0;
            policy.signals.target_per_replica = Rps::new(per_replica).unwrap();
        }
        Edit::NoSchedules => policy.schedules.clear(),
    }
}

/// What an operator remembers that takes a fleet to have its smallest size.
fn from_the_minimum(memory: &Memory, policy: &FleetPolicy) -> Memory {
    let min = policy.bounds.min();
    let mut forgetful = Memory::default();
    forgetful.size = Some(min);
    forgetful.placement = memory.placement;
    forgetful
}

/// Counts one more in the hour of this second.
fn tally(hours: &mut Vec<u32>, second: u32) {
    let hour = usize::try_from(second / 3600).unwrap();
    if hours.len() <= hour {
        hours.resize(hour + 1, 0);
    }
    hours[hour] += 1;
}

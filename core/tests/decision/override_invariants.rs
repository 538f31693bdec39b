//! The invariants with overrides and dependencies, ten thousand cases each. What must come of several overrides is found
//! here once more, in the plainest way.

use crate::calendars::{later, scheduled, window_at};
use crate::fleet::{Fleet, Prometheus, at, policy, replicas};
use crate::invariants::{AT_THIRTY, down_bound, up_bound};
use crate::scripts::{
    Beat, any_dependencies, any_overrides, any_policy, beginning, day, default_policy, dependent,
    order, overridden, ten_thousand, untrusted, wakes_miss_nothing,
};
use apifleet_core::behavior::Behavior;
use apifleet_core::decision::{Decision, Line, Stage, Standing};
use apifleet_core::dependencies::Dependency;
use apifleet_core::name::Name;
use apifleet_core::observation::Surge;
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::policy::{FleetPolicy, Mode};
use apifleet_core::{Memory, Observation, Reason, Replicas, Why, decide};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

/// A policy with everything.
fn any_full_policy() -> impl Strategy<Value = FleetPolicy> {
    overridden(dependent(scheduled(any_policy())))
}

fn any_surge() -> impl Strategy<Value = Surge> {
    let pods = (0..4_u32).prop_map(|pods| Surge::Pods(replicas(pods)));
    prop_oneof![pods, (0..120_u32).prop_map(Surge::Percent)]
}

/// A fleet in the middle of a random day with everything.
fn any_fleet() -> impl Strategy<Value = Fleet> {
    (any_full_policy(), any_surge(), 1..70_u32, day(6)).prop_map(|(policy, surge, size, beats)| {
        let mut fleet = Fleet { surge, ..Fleet::new(policy, size) };
        for beat in &beats {
            beat.play(&mut fleet);
        }
        fleet
    })
}

/// What overrides say at an instant: at least, at most, and whether demand moves nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Said {
    floor: Option<u32>,
    ceiling: Option<(u32, Pace)>,
    holds: bool,
}

fn said(fleet: &Fleet) -> Said {
    let now = fleet.now;
    let mut due: Vec<_> = fleet.policy.overrides.iter().collect();
    due.retain(|order| order.not_before <= now && now < order.expires_at);
    due.sort_by_key(|order| (order.created, order.name));
    let newest_pin = due.iter().rev().find_map(|order| match order.action {
        Action::Pin(count) => Some((count.get(), order.pace)),
        _ => None,
    });
    if let Some(pin) = newest_pin {
        return Said { floor: Some(pin.0), ceiling: Some(pin), holds: false };
    }
    if due.iter().any(|order| order.action == Action::Hold) {
        return Said { floor: None, ceiling: None, holds: true };
    }
    let floors = due.iter().filter_map(|order| match order.action {
        Action::Floor(count) => Some(count.get()),
        _ => None,
    });
    let ceilings = due.iter().filter_map(|order| match order.action {
        Action::Ceiling(count) => Some((count.get(), order.pace)),
        _ => None,
    });
    let lowest = ceilings.min_by_key(|(count, pace)| (*count, *pace == Pace::Gradual));
    Said { floor: floors.max(), ceiling: lowest, holds: false }
}

/// What dependencies carry, counted up one by one.
fn cap(fleet: &Fleet) -> u32 {
    let surge = |size: u32| match fleet.surge {
        Surge::Pods(pods) => pods.get(),
        Surge::Percent(percent) => (size * percent).div_ceil(100),
    };
    let fits = |size: &u32| {
        fleet.policy.dependencies.iter().all(|other| {
            let Dependency { limit, reserved, per_replica, .. } = other;
            (size + surge(*size)) * per_replica.get() <= limit.saturating_sub(*reserved)
        })
    };
    if fleet.policy.dependencies.is_empty() {
        return u32::MAX;
    }
    (1..2000).take_while(fits).last().unwrap_or(1)
}

/// The floor of the windows that are open.
fn calendar_floor(fleet: &Fleet) -> u32 {
    let per_replica = fleet.policy.signals.target_per_replica;
    let floors = fleet.policy.schedules.iter().filter_map(|schedule| {
        let window = window_at(&schedule.calendar, fleet.now)?;
        let opened = window.day.to_datetime(schedule.calendar.start);
        let after = schedule.calendar.zone.to_datetime(fleet.now).duration_since(opened);
        Some(schedule.floor.replicas(after, per_replica).get())
    });
    floors.max().unwrap_or(0)
}

/// One step of a day, with what must come of it.
struct Step<'a> {
    fleet: &'a Fleet,
    decision: &'a Decision,
    /// The sizes so far.
    sizes: &'a [(Timestamp, u32)],
    said: Said,
    cap: u32,
}

impl<'a> Step<'a> {
    fn new(fleet: &'a Fleet, decision: &'a Decision, sizes: &'a [(Timestamp, u32)]) -> Self {
        Self { fleet, decision, sizes, said: said(fleet), cap: cap(fleet) }
    }

    fn told(&self) -> String {
        let Self { fleet, decision, sizes, said, cap } = self;
        format!("{said:?} {:?} cap {cap}, after {sizes:?}: {decision:?}", fleet.policy.bounds)
    }

    fn sizes(&self) -> (u32, u32) {
        (self.decision.previous.get(), self.decision.desired.get())
    }

    /// A count within the fleet's bounds.
    fn bounded(&self, count: u32) -> u32 {
        let bounds = self.fleet.policy.bounds;
        count.clamp(bounds.min().get(), bounds.max().get())
    }

    /// The ordered ceiling within the fleet's bounds.
    fn ordered(&self) -> u32 {
        self.said.ceiling.map_or(u32::MAX, |(count, _)| self.bounded(count))
    }

    /// D1, D2, D5.
    fn check_bounds(&self) {
        let (before, new) = self.sizes();
        let (least, most) = (self.bounded(0).min(self.cap), self.bounded(u32::MAX).min(self.cap));
        assert!(new >= least, "D1 {}", self.told());
        assert!(new <= most || new <= before, "D1 {}", self.told());
        let is_trusted = self.decision.findings.signals_fresh.holds;
        assert!(is_trusted || new >= before || self.said.ceiling.is_some(), "D2 {}", self.told());
        let floor = calendar_floor(self.fleet).min(most).min(self.ordered());
        assert!(new >= floor, "D5 {floor} {}", self.told());
    }

    /// D4, D16.
    fn check_speed(&self) {
        let (before, new) = self.sizes();
        let Behavior { up, down, .. } = &self.fleet.policy.behavior;
        let at_once = match self.said.ceiling {
            Some((count, Pace::Immediate)) => self.bounded(count),
            Some((_, Pace::Gradual)) | None => u32::MAX,
        };
        let lowest = down_bound(down, self.sizes, self.fleet.now).min(at_once);
        assert!(new >= lowest.min(before), "D4 {lowest} {}", self.told());
        let is_floor = |line: &Line| {
            let raises = [
                Reason::Adopted,
                Reason::AtMin,
                Reason::Fallback,
                Reason::OverrideFloor,
                Reason::Pinned,
                Reason::PreWarming,
                Reason::ScheduleFloor,
            ];
            line.stage == Stage::Floors && raises.contains(&line.why.reason())
        };
        if !self.decision.ledger.iter().any(is_floor) {
            let highest = up_bound(up, self.sizes, self.fleet.now);
            assert!(new <= highest.max(before), "D4 {highest} {}", self.told());
        }
    }

    /// D17: each override does what it says.
    fn check_orders(&self) {
        let (before, new) = self.sizes();
        let Self { fleet, decision, said, cap, .. } = self;
        if let Some(floor) = said.floor {
            let floor = self.bounded(floor).min(*cap).min(self.ordered());
            assert!(new >= floor, "D17 {floor} {}", self.told());
        }
        if let Some((_, pace)) = said.ceiling {
            let is_reached = before <= self.ordered() || pace == Pace::Immediate;
            let most = if is_reached { self.ordered() } else { before };
            assert!(new <= most, "D17 {most} {}", self.told());
        }
        let rated = decision.ledger.iter().find(|line| line.stage == Stage::Rate).unwrap();
        assert!(!said.holds || rated.output == decision.previous, "D17 {}", self.told());
        let due = fleet.policy.overrides.iter().filter(|order| order.is_due(fleet.now)).count();
        assert_eq!(decision.overrides.len(), due);
        assert_eq!(decision.findings.overridden.holds, due > 0);
        let mut standings = decision.overrides.iter().map(|active| active.standing);
        let counts = standings.any(|standing| standing == Standing::InForce);
        assert!(due == 0 || counts, "D17 {}", self.told());
    }
}

/// The sizes that the end of overrides keeps, each until an instant: nothing but a bound that comes later lowers them.
#[derive(Debug, Default)]
struct Kept {
    last: Option<Said>,
    sizes: Vec<(Timestamp, u32)>,
}

impl Kept {
    /// D17, the way back: for a scale-down window after an end the size is not below what it was.
    fn check(&mut self, fleet: &Fleet, decision: &Decision) {
        let now = said(fleet);
        let window = fleet.policy.behavior.down.stabilization_window;
        let until = fleet.now + SignedDuration::try_from(window).unwrap();
        let is_free = now.floor.is_none() && now.ceiling.is_none() && !now.holds;
        let most = fleet.policy.bounds.max().get().min(cap(fleet));
        if !is_free || decision.previous.get() > most {
            self.sizes.clear();
        } else if self.last.is_some_and(|last| last != now) {
            self.sizes.push((until, decision.previous.get()));
        }
        self.last = Some(now);
        for (until, size) in &self.sizes {
            let (new, now) = (decision.desired.get(), fleet.now);
            assert!(now >= *until || new >= *size, "{size} until {until}: {decision:?}");
        }
    }
}

proptest! {
    #![proptest_config(ten_thousand())]

    /// A day with all there is: overrides that come, go and are deleted, dependencies that are added, restarts.
    #[test]
    fn d1_d2_d4_d5_d16_d17_a_day_with_overrides_and_dependencies_keeps_every_bound(
        policy in any_full_policy(),
        surge in any_surge(),
        size in 1..70_u32,
        beats in day(36),
        edits in (0..60_usize, 0..60_usize, any_dependencies(), any_overrides()),
        restart in 0..60_usize,
    ) {
        let mut fleet = Fleet { surge, ..Fleet::new(policy, size) };
        fleet.policy.schedules.iter_mut().for_each(|schedule| schedule.ceiling = None);
        let mut sizes = vec![(at(-10_000), size)];
        let mut kept = Kept::default();
        let (deletes, adds, dependencies, overrides) = edits;
        for (index, beat) in beats.iter().enumerate() {
            if index == deletes {
                fleet.policy.overrides = overrides.clone();
            }
            if index == adds {
                fleet.policy.dependencies = dependencies.clone();
            }
            if index == restart {
                let stored = serde_json::to_string(&fleet.memory).unwrap();
                fleet.memory = Memory::resumed(serde_json::from_str(&stored).ok());
            }
            let decision = beat.play(&mut fleet);
            let step = Step::new(&fleet, &decision, &sizes);
            step.check_bounds();
            step.check_speed();
            step.check_orders();
            kept.check(&fleet, &decision);
            sizes.push((fleet.now, decision.desired.get()));
        }
    }

    /// D6: from its first instant to the last before its end, and two that meet leave no gap.
    #[test]
    fn d6_overrides_are_half_open_and_those_that_meet_leave_no_gap(begins in -900..900_i64, first in 1..900_i64, second in 1..900_i64, beside in -1..2_i64) {
        let edges = [begins, begins + first, begins + first + second].map(at);
        let one = order("one", Action::Pin(replicas(20)), edges[0], edges[1]);
        let two = order("two", Action::Pin(replicas(25)), edges[1], edges[2]);
        let expected = |now: Timestamp| match now {
            now if now < edges[0] || now >= edges[2] => None,
            now if now < edges[1] => Some(20),
            _ => Some(25),
        };
        for edge in edges {
            let mut fleet = Fleet::new(FleetPolicy { overrides: vec![one, two], ..policy() }, 10);
            fleet.now = edge + SignedDuration::from_nanos(beside);
            let decision = fleet.decide();
            let pinned = expected(fleet.now);
            prop_assert_eq!(decision.desired, replicas(pinned.unwrap_or(10)), "{:?}", decision);
            prop_assert_eq!(decision.overrides.len(), usize::from(pinned.is_some()));
        }
    }

    /// D7
    #[test]
    fn d7_more_demand_or_a_higher_order_or_cap_never_gives_fewer(fleet in any_fleet(), low in 1..4000_u32, more in 0..2000_u32, higher in 0..40_u32) {
        let later = |change: &dyn Fn(&mut Fleet)| {
            let mut other = fleet.clone();
            other.now = later(other.now, 7);
            (other.prometheus, other.rps) = (Prometheus::Good, f64::from(low));
            change(&mut other);
            other.decide().desired
        };
        let plain = later(&|_| ());
        prop_assert!(later(&|other| other.rps += f64::from(more)) >= plain);
        let raise = |order: &mut Override| match &mut order.action {
            Action::Floor(count) | Action::Ceiling(count) | Action::Pin(count) => *count = count.plus(replicas(higher)),
            Action::Hold | Action::NoSpot => {}
        };
        prop_assert!(later(&|other| other.policy.overrides.iter_mut().for_each(raise)) >= plain);
        let widen = |other: &mut Dependency| other.limit += more;
        prop_assert!(later(&|other| other.policy.dependencies.iter_mut().for_each(widen)) >= plain);
        prop_assert!(later(&|other| other.policy.dependencies.clear()) >= plain);
    }

    /// D8, D11, D21: and the order in which overrides and dependencies are listed says nothing.
    #[test]
    fn d8_d11_d21_the_same_orders_give_the_same_bytes_in_any_order_and_to_an_observer(fleet in any_fleet(), beat in day(1)) {
        let (mut one, mut other, mut observing) = (fleet.clone(), fleet.clone(), fleet);
        other.policy.overrides.reverse();
        other.policy.dependencies.reverse();
        let (first, same) = (beat[0].play(&mut one), beat[0].play(&mut other));
        prop_assert_eq!(format!("{first:?}"), format!("{same:?}"));
        let stored = serde_json::to_string(&one.memory).unwrap();
        prop_assert_eq!(&stored, &serde_json::to_string(&other.memory).unwrap());
        let read: Memory = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), stored);
        let again = one.decide();
        prop_assert_eq!(again.placement, first.placement, "{:?} then {:?}", first, again);
        prop_assert_eq!((again.desired, &again.overrides), (first.desired, &first.overrides));
        prop_assert_eq!(again.findings.overridden, first.findings.overridden);

        beat[0].play(&mut observing);
        observing.policy.mode = Mode::Observe;
        let observed = observing.decide();
        prop_assert_eq!((observed.desired, observed.reason), (again.desired, again.reason));
        prop_assert_eq!(observed.overrides, again.overrides);
    }

    /// D9, D17: constant load settles once every override has ended; and where one held demand back, at what it asks for.
    #[test]
    fn d9_d17_constant_load_settles_after_the_last_override(policy in overridden(dependent(default_policy())), size in 1..70_u32, rps in 0..4000_u32) {
        let mut fleet = Fleet::new(policy, size);
        let beat = Beat { seconds: 28, rps, p95: 20, prometheus: Prometheus::Good };
        let ends: Vec<_> = fleet.policy.overrides.iter().filter(|order| order.action != Action::NoSpot).collect();
        let last = ends.iter().map(|order| order.expires_at).max();
        let resumes = ends.iter().any(|order| Some(order.expires_at) == last && !matches!(order.action, Action::Floor(_)));
        let resumes = resumes && last > Some(at(28));
        let load = f64::from(rps) / fleet.policy.signals.target_per_replica.get();
        let most = fleet.policy.bounds.max().get().min(cap(&fleet));
        let exact = Replicas::ceil(load * (1.0 - 1e-9)).get().clamp(fleet.policy.bounds.min().get().min(most), most);
        for _ in 0..130 {
            beat.play(&mut fleet);
        }
        let (settled, changes) = (fleet.size(), fleet.sizes.len());
        for _ in 0..20 {
            beat.play(&mut fleet);
        }
        prop_assert_eq!(fleet.sizes.len(), changes, "{:?}", fleet.sizes);
        let within = (0.9 - 1e-9..=1.1 + 1e-9).contains(&(load / f64::from(settled)));
        prop_assert!(settled == exact || within, "{settled} for {load}: {:?}", fleet.sizes);
        prop_assert!(!resumes || settled >= exact, "{settled} for {load}: {:?}", fleet.sizes);
    }

    /// D2, D13: while signals are gone, and for a window and a stabilisation after, an override alone lowers.
    #[test]
    fn d2_d13_without_signals_an_override_alone_lowers(
        gone in 5..300_i64,
        kind in untrusted(),
        action in select(vec![Action::Ceiling(replicas(25)), Action::Pin(replicas(25)), Action::Hold, Action::Floor(replicas(30))]),
        begins in 0..200_i64,
    ) {
        let mut fleet = AT_THIRTY.clone();
        (fleet.prometheus, fleet.rps) = (kind, 100.0);
        fleet.policy.overrides = vec![order("one", action, at(begins), at(begins + 60))];
        let lowers = matches!(action, Action::Ceiling(_) | Action::Pin(_));
        while fleet.seconds() < gone {
            fleet.now = later(fleet.now, 20);
            let decision = fleet.decide();
            let due = !decision.overrides.is_empty();
            prop_assert!(decision.desired >= decision.previous || (due && lowers), "{decision:?}");
        }
        fleet.prometheus = Prometheus::Good;
        let until = fleet.seconds() + 299;
        while fleet.seconds() < until {
            fleet.now = later(fleet.now, 15);
            let decision = fleet.decide();
            let due = !decision.overrides.is_empty();
            prop_assert!(decision.desired >= decision.previous || (due && lowers) || fleet.seconds() >= until, "{decision:?}");
        }
    }

    /// D22: a ledger leads from the size before to the decision, line by line, and says why; and what was seen, put in
    /// once more, gives the same ledgers.
    #[test]
    fn d22_a_ledger_that_is_replayed_gives_its_decision(policy in any_full_policy(), size in 1..70_u32, beats in day(8)) {
        let mut fleet = Fleet::new(policy, size);
        let mut recorded: Vec<(Observation, Timestamp)> = Vec::new();
        let mut decisions = Vec::new();
        for beat in &beats {
            let decision = beat.play(&mut fleet);
            let mut reason = None;
            let mut at_hand = decision.previous;
            let mut size = None;
            for line in &decision.ledger {
                prop_assert_eq!(line.input, at_hand, "{:?}", decision);
                at_hand = line.output;
                let speaks = !matches!(line.why, Why::NotLimited | Why::ObserveOnly);
                if line.stage == Stage::Demand || (line.stage > Stage::Demand && line.stage < Stage::Place && speaks) {
                    reason = Some(line.why.reason());
                }
                if line.stage == Stage::Mode {
                    size = Some(line.output);
                }
            }
            prop_assert_eq!(size, Some(decision.desired));
            prop_assert_eq!(at_hand, decision.placement.sum());
            prop_assert_eq!(reason, Some(decision.reason), "{:?}", decision);
            decisions.push(decision);
        }
        // The same day again, recorded by a bystander.
        let mut again = Fleet::new(fleet.policy.clone(), size);
        for beat in &beats {
            let mut looks = again.clone();
            looks.now = later(looks.now, beat.seconds);
            (looks.rps, looks.p95, looks.prometheus) = (f64::from(beat.rps), f64::from(beat.p95), beat.prometheus);
            recorded.push((looks.observe(), looks.now));
            beat.play(&mut again);
        }
        let mut memory = Memory::default();
        for ((seen, now), decision) in recorded.iter().zip(&decisions) {
            let (replayed, after) = decide(&fleet.policy, seen, &memory, *now);
            prop_assert_eq!(&replayed, decision);
            memory = after;
        }
    }

    /// The wake-up is honest, also about what begins and ends: a fleet that is decided at wake-ups, and rarely besides,
    /// has at every instant the size of one that is decided every second, too.
    #[test]
    fn next_misses_no_beginning_and_no_end_of_an_override(
        overrides in any_overrides(),
        beginning in beginning(-300..700_i64),
    ) {
        let often = beginning.fleet(FleetPolicy { overrides, ..policy() });
        wakes_miss_nothing(often, |rarely, decision| {
            if let Some(next) = decision.next.filter(|next| next.at == rarely.now) {
                prop_assert_eq!(rarely.clone().decide().desired, next.replicas, "{:?}", decision);
            }
            Ok(())
        })?;
    }
}

#[test]
fn two_pins_of_one_instant_are_told_apart_by_their_names() {
    let mut fleet = Fleet::new(policy(), 10);
    let pin = |name: &str, count| Override {
        name: Name::parse(name).unwrap(),
        ..order(name, Action::Pin(replicas(count)), at(0), at(900))
    };
    fleet.policy.overrides = vec![pin("b", 25), pin("a", 20), pin("c", 15)];
    assert_eq!(said(&fleet).floor, Some(15));
    assert_eq!(fleet.decide().desired, replicas(15));
}

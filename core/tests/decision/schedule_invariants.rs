//! The invariants of schedules, ten thousand cases each.

use crate::calendars::{
    any_floor, any_schedule, any_schedules, daily, every_day, later, scheduled, window_at,
    window_on, zone,
};
use crate::fleet::{Fleet, Prometheus, at, policy, replicas};
use crate::scripts::{
    Beat, any_policy, beginning, day, default_policy, ten_thousand, wakes_miss_nothing,
};
use apifleet_core::decision::{Decision, Phase};
use apifleet_core::policy::{FleetPolicy, Mode};
use apifleet_core::schedule::window::Window;
use apifleet_core::schedule::{Calendar, Days, End, Floor, Schedule};
use apifleet_core::{Memory, Reason, Replicas};
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

/// A fleet in the middle of a random day with schedules.
fn any_fleet() -> impl Strategy<Value = Fleet> {
    (scheduled(any_policy()), 1..70_u32, day(6)).prop_map(|(policy, size, beats)| {
        let mut fleet = Fleet::new(policy, size);
        for beat in &beats {
            beat.play(&mut fleet);
        }
        fleet
    })
}

/// The windows of a policy that are open at an instant.
fn open(policy: &FleetPolicy, now: Timestamp) -> Vec<(&Schedule, Window)> {
    let window = |schedule: &Schedule| window_at(&schedule.calendar, now);
    let schedules = policy.schedules.iter();
    schedules.filter_map(|schedule| Some((schedule, window(schedule)?))).collect()
}

/// The floor that open windows set, by the wall clock.
fn floor(policy: &FleetPolicy, now: Timestamp) -> Replicas {
    let per_replica = policy.signals.target_per_replica;
    let floors = open(policy, now).into_iter().map(|(schedule, window)| {
        let opened = window.day.to_datetime(schedule.calendar.start);
        let after = schedule.calendar.zone.to_datetime(now).duration_since(opened);
        schedule.floor.replicas(after, per_replica)
    });
    floors.max().unwrap_or_default()
}

fn is_open(decision: &Decision) -> bool {
    decision.schedule.is_some_and(|active| active.phase == Phase::Window)
}

proptest! {
    #![proptest_config(ten_thousand())]

    /// D1, D5: inside a window its floor holds, whatever signals say.
    #[test]
    fn d1_d5_the_floor_holds_inside_a_window_and_the_goal_is_within_bounds(policy in scheduled(any_policy()), size in 1..70_u32, beats in day(40)) {
        let mut fleet = Fleet::new(policy, size);
        for beat in &beats {
            let decision = beat.play(&mut fleet);
            let max = fleet.policy.bounds.max();
            let floor = floor(&fleet.policy, fleet.now).min(max);
            prop_assert!(decision.desired >= floor, "{floor} {decision:?}");
            prop_assert!(decision.desired >= fleet.policy.bounds.min(), "{decision:?}");
            prop_assert!(decision.desired <= max || decision.desired <= decision.previous, "{decision:?}");
            prop_assert_eq!(decision.findings.pre_warmed.is_some(), !fleet.policy.schedules.is_empty());
            prop_assert!(!is_open(&decision) || !open(&fleet.policy, fleet.now).is_empty());
        }
    }

    /// D5: a ceiling holds inside its window, but for floors, the minimum, and the way down to it.
    #[test]
    fn d5_the_lowest_ceiling_holds_but_for_floors(policy in scheduled(any_policy()), size in 1..70_u32, beats in day(40)) {
        let mut fleet = Fleet::new(policy, size);
        for beat in &beats {
            let decision = beat.play(&mut fleet);
            let ceilings = open(&fleet.policy, fleet.now).into_iter().filter_map(|(schedule, _)| schedule.ceiling);
            let Some(ceiling) = ceilings.min() else { continue };
            let ramp = decision.schedule.map_or(Replicas::ZERO, |active| active.floor);
            let lifted = ceiling.max(ramp).max(floor(&fleet.policy, fleet.now)).max(fleet.policy.bounds.min());
            prop_assert!(decision.desired <= lifted || decision.desired <= decision.previous, "{lifted} {decision:?}");
        }
    }

    /// D5: before a window the floor is on or just above the line from where it was to where it must be, and there a
    /// lead before it.
    #[test]
    fn d5_a_ramp_climbs_in_a_line_and_is_there_a_lead_before_its_window(schedule in any_schedule(), policy in any_policy(), size in 1..70_u32, beats in day(60)) {
        let mut fleet = Fleet::new(FleetPolicy { schedules: vec![schedule.clone()], ..policy }, size);
        let lead = schedule.lead.unwrap_or(std::time::Duration::from_mins(5));
        let (lead, ramp) = (SignedDuration::try_from(lead).unwrap(), SignedDuration::try_from(schedule.ramp).unwrap());
        let Some(window) = schedule.calendar.windows_from(at(0)).find(|window| window.start.at > at(0)) else { return Ok(()) };
        let (complete, max) = (window.start.at - lead, fleet.policy.bounds.max());
        let full = {
            let opened = window.start.reading().duration_since(window.day.to_datetime(schedule.calendar.start));
            schedule.floor.replicas(opened, fleet.policy.signals.target_per_replica)
        };
        let mut origin: Option<(Timestamp, Replicas)> = None;
        let mut last = None;
        for beat in &beats {
            let decision = beat.play(&mut fleet);
            let now = fleet.now;
            let ramps = decision.schedule.filter(|active| active.phase == Phase::Ramp && active.start == window.start.at);
            if let Some(active) = ramps {
                let before = last.filter(|last: &Decision| last.at < complete - ramp);
                let begins = before.map_or(now, |_| complete - ramp);
                let (from, low) = *origin.get_or_insert((begins, decision.previous.min(full)));
                let total = complete.duration_since(from).as_nanos();
                let gone = now.duration_since(from).as_nanos();
                let more = i128::from(full.get() - low.get());
                let scaled = i128::from(active.floor.minus(low).get()) * total;
                prop_assert!(scaled >= more * gone, "below the line: {decision:?}");
                prop_assert!(scaled < more * gone + total, "above the line: {decision:?}");
                prop_assert!(decision.desired >= active.floor.min(max), "{decision:?}");
            }
            if now >= complete && now < window.start.at {
                prop_assert!(decision.desired >= full.min(max), "{full} {decision:?}");
            }
            last = Some(decision);
        }
    }

    /// D6
    #[test]
    fn d6_windows_are_half_open_and_those_that_meet_leave_no_gap(
        zone_of in select(&["UTC", "Europe/Paris", "Pacific/Apia", "America/Sao_Paulo", "Asia/Amman", "Australia/Lord_Howe"][..]),
        day in 0..20_000_i64,
        times in (0..1440_i16, 1..1440_i16, 1..1440_i16),
        beside in 0..3_i64,
    ) {
        let zone = zone(zone_of);
        let (start, first, second) = times;
        let time = |minutes: i16| Time::midnight() + SignedDuration::from_mins(i64::from(minutes));
        let (middle, end) = (start + first % (1440 - start).max(1), start + first % (1440 - start).max(1) + second);
        let ends = |at: i16, open: i16| {
            let time = time(at % 1440);
            if at / 1440 > open / 1440 { End::NextDay(time) } else { End::SameDay(time) }
        };
        let calendar = |from: i16, to: i16| Calendar {
            days: every_day(),
            start: time(from),
            end: ends(to, from),
            zone: zone.clone(),
        };
        prop_assume!(middle > start && end > middle && end - middle < 1440);
        let (before, after) = (calendar(start, middle), calendar(middle, end));
        let date = zone.to_datetime(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)).date();
        let nano = SignedDuration::from_nanos(1);
        if let Some(window) = window_on(&before, date) {
            let is_in = |at| window_at(&before, at).is_some_and(|other| other.contains(at));
            prop_assert!(is_in(window.start.at) && is_in(window.end.at - nano));
            prop_assert!(window.contains(window.start.at) && !window.contains(window.end.at));
            prop_assert!(!window.contains(window.start.at - nano));
            if let Some(next) = window_on(&after, date) {
                let edge = window.end.at + SignedDuration::from_nanos(beside - 1);
                prop_assert!(next.start.at <= window.end.at);
                prop_assert!(window.contains(edge) || next.contains(edge));
            }
        }
    }

    /// D7
    #[test]
    fn d7_more_demand_or_a_higher_floor_of_a_schedule_never_gives_fewer(fleet in any_fleet(), low in 1..4000_u32, more in 0..2000_u32, floor in 0..60_u32) {
        let later = |change: &dyn Fn(&mut Fleet)| {
            let mut other = fleet.clone();
            other.now = later(other.now, 7);
            other.prometheus = Prometheus::Good;
            other.rps = f64::from(low);
            change(&mut other);
            other.decide().desired
        };
        let plain = later(&|_| ());
        prop_assert!(later(&|other| other.rps += f64::from(more)) >= plain);
        let raise = |schedule: &mut Schedule| match &mut schedule.floor {
            Floor::Replicas(count) => *count = count.plus(replicas(floor)),
            Floor::Demand(demand) => *demand = crate::calendars::rps(demand.get() + f64::from(more)),
            Floor::Curve(points) => for point in points {
                point.demand = crate::calendars::rps(point.demand.get() + f64::from(more));
            },
        };
        prop_assert!(later(&|other| other.policy.schedules.iter_mut().for_each(raise)) >= plain);
    }

    /// D8, D11
    #[test]
    fn d8_d11_the_same_calendar_gives_the_same_bytes_and_a_second_decision_changes_nothing(fleet in any_fleet(), beat in day(1)) {
        let (mut one, mut other) = (fleet.clone(), fleet);
        let (first, same) = (beat[0].play(&mut one), beat[0].play(&mut other));
        prop_assert_eq!(format!("{first:?}"), format!("{same:?}"));
        let stored = serde_json::to_string(&one.memory).unwrap();
        prop_assert_eq!(&stored, &serde_json::to_string(&other.memory).unwrap());
        let read: Memory = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), stored);
        let again = one.decide();
        prop_assert_eq!(again.desired, first.desired, "{:?} then {:?}", first, again);
        let holds = |decision: &Decision| decision.findings.pre_warmed.map(|finding| finding.holds);
        prop_assert_eq!((again.schedule, holds(&again)), (first.schedule, holds(&first)));
    }

    /// D21
    #[test]
    fn d21_observe_decides_the_same_with_schedules(fleet in any_fleet(), beat in day(1)) {
        let (mut enforced, mut observed) = (fleet.clone(), fleet);
        beat[0].play(&mut enforced);
        beat[0].play(&mut observed);
        observed.policy.mode = Mode::Observe;
        let (enforced, observed) = (enforced.decide(), observed.decide());
        prop_assert_eq!((observed.desired, observed.reason), (enforced.desired, enforced.reason));
        prop_assert_eq!(observed.schedule, enforced.schedule);
    }

    /// The wake-up is honest: what is announced comes then, and nothing of the calendar comes before it. A fleet that
    /// is decided at wake-ups, and rarely besides, has at every instant the size of one that is decided every second,
    /// too.
    #[test]
    fn next_misses_no_change_of_the_calendar(
        schedules in any_schedules(),
        beginning in beginning(-900..900_i64),
    ) {
        let often = beginning.fleet(FleetPolicy { schedules, ..policy() });
        wakes_miss_nothing(often, |_, _| Ok(()))?;
    }

    /// Inside a ramp of constant load every step is announced.
    #[test]
    fn the_next_step_of_a_ramp_or_a_curve_comes_when_it_was_announced(floor in any_floor(), begins in -900..900_i64, size in 1..30_u32) {
        let mut schedule = daily("any", ("08:00", "10:00"), 0);
        schedule.floor = floor;
        let mut fleet = Fleet::new(FleetPolicy { schedules: vec![schedule], ..policy() }, size);
        fleet.now = at(begins);
        let decision = fleet.decide();
        let Some(next) = decision.next else { return Ok(()) };
        let mut before = fleet.clone();
        before.now = (next.at - SignedDuration::from_nanos(1)).min(later(fleet.now, 29));
        if before.now > fleet.now {
            prop_assert_eq!(before.decide().desired, decision.desired, "{:?}", decision);
        }
        if next.at <= later(fleet.now, 29) {
            fleet.now = next.at;
            prop_assert_eq!(fleet.decide().desired, next.replicas, "{:?}", decision);
        }
    }

    /// D4, with floors that end and ceilings that begin.
    #[test]
    fn d4_nothing_of_a_calendar_removes_more_than_the_limits_allow(policy in scheduled(default_policy()), size in 1..70_u32, beats in day(60), edit in 0..60_usize) {
        let mut fleet = Fleet::new(policy, size);
        let mut sizes: Vec<(Timestamp, u32)> = vec![(at(-10_000), size)];
        for (index, beat) in beats.iter().enumerate() {
            if index == edit {
                fleet.policy.schedules.clear();
            }
            let new = beat.play(&mut fleet).desired.get();
            let minute_ago = later(fleet.now, -60);
            let start = sizes.iter().rposition(|(at, _)| *at <= minute_ago).unwrap_or(0);
            let peak = sizes[start..].iter().map(|(_, size)| *size).max().unwrap();
            let lowest = peak.saturating_sub(2).min(peak * 9 / 10);
            prop_assert!(new >= lowest.min(sizes.last().unwrap().1), "{sizes:?} {new}");
            sizes.push((fleet.now, new));
        }
    }

    /// D12: no date, zone or length stops a decision.
    #[test]
    fn d12_every_calendar_has_an_answer(
        schedules in any_schedules(),
        now in select(&[Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH][..]),
        long in any::<bool>(),
        from in proptest::option::of(select(&[jiff::civil::Date::MIN, jiff::civil::Date::MAX, jiff::civil::Date::ZERO][..])),
        yearly in any::<bool>(),
    ) {
        let mut fleet = Fleet::new(FleetPolicy { schedules, ..policy() }, 10);
        for schedule in &mut fleet.policy.schedules {
            schedule.calendar.days = Days { from, yearly, ..every_day() };
            if long {
                (schedule.lead, schedule.ramp) = (Some(std::time::Duration::MAX), std::time::Duration::MAX);
            }
        }
        let seen = Fleet { now: at(0), ..fleet.clone() }.observe();
        let (decision, memory) = apifleet_core::decide(&fleet.policy, &seen, &Memory::default(), now);
        prop_assert!(decision.desired >= replicas(10));
        let (again, _) = apifleet_core::decide(&fleet.policy, &seen, &Memory::resumed(Some(memory)), now);
        prop_assert!(again.next.is_none_or(|next| next.at > now));
    }
}

#[test]
fn constant_load_with_a_window_settles_after_it() {
    let mut fleet = Fleet::new(
        FleetPolicy { schedules: vec![daily("short", ("08:00", "08:20"), 25)], ..policy() },
        10,
    );
    let beat = Beat { seconds: 10, rps: 500, p95: 20, prometheus: Prometheus::Good };
    fleet.now = at(-1200);
    while fleet.now < at(4000) {
        let decision = beat.play(&mut fleet);
        assert!(decision.reason != Reason::AtMax);
    }
    assert_eq!(fleet.size(), 11, "within the tolerance of ten");
    let last = fleet.sizes.last().unwrap().0;
    assert!(last < 1200 + 300 + 7 * 60, "{:?}", fleet.sizes);
}

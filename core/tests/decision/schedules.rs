//! The worked cases of schedules and pre-warm, played in the closed loop. Time zero is 08:00 in UTC.

use crate::calendars::{curve, daily, date, in_zone, instant, later, rps, window_at, zone};
use crate::fleet::{Fleet, Prometheus, at, policy, replicas};
use apifleet_core::decision::Phase;
use apifleet_core::observation::{
    Placeholders, Reading, SpotLoss, SpotTarget, Startup, TargetObservation,
};
use apifleet_core::policy::{FleetPolicy, SpotPolicy};
use apifleet_core::schedule::coming::coming;
use apifleet_core::schedule::lead::Learned;
use apifleet_core::schedule::{Floor, Schedule};
use apifleet_core::{Decision, Memory, Reason, Replicas, decide};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Minutes after 08:00 in seconds.
const fn min(minutes: i64) -> i64 {
    minutes * 60
}

fn with(schedules: &[Schedule]) -> FleetPolicy {
    FleetPolicy { schedules: schedules.to_vec(), ..policy() }
}

/// A fleet that has run for twenty minutes until this instant.
fn fleet(policy: FleetPolicy, size: u32, rps: f64, until: i64) -> Fleet {
    let mut fleet = Fleet::new(policy, size);
    fleet.rps = rps;
    fleet.now = at(until - 1200);
    fleet.run_until(until);
    fleet.sizes.clear();
    fleet
}

fn december(floor: u32) -> Schedule {
    daily("december", ("08:00", "20:00"), floor)
}

/// What condition `PreWarmed` says.
fn pre_warmed(decision: &Decision) -> (bool, Reason, String) {
    let finding = decision.findings.pre_warmed.unwrap();
    (finding.holds, finding.why.reason(), finding.why.to_string())
}

#[test]
fn twenty_are_ready_at_the_opening_and_the_ramp_starts_on_time() {
    let mut fleet = fleet(with(&[december(20)]), 12, 600.0, min(-20));
    fleet.rps = 500.0;
    fleet.run_until(min(-10));
    assert_eq!(fleet.sizes, [(min(-20), 12), (min(-15), 10)]);
    let mut probe = fleet.clone();
    probe.now = at(min(-10)) + SignedDuration::from_nanos(1);
    assert_eq!(probe.decide().desired, replicas(11), "just after 07:50");
    for (minute, size) in [(-9, 12), (-8, 14), (-7, 16), (-6, 18), (-5, 20)] {
        let decision = fleet.run_until(min(minute));
        assert_eq!((decision.desired, decision.reason), (replicas(size), Reason::PreWarming));
    }
    let steps: Vec<_> = fleet.sizes[2..].iter().map(|(second, _)| *second - min(-10)).collect();
    assert_eq!(steps, [0, 30, 60, 90, 120, 150, 180, 210, 240, 270]);

    let opening = fleet.run_until(0);
    assert_eq!(pre_warmed(&opening).1, Reason::PreWarmed);
    assert_eq!(fleet.observe().ready(), replicas(20));
    fleet.rps = 1250.0;
    assert_eq!(fleet.decide().desired, replicas(25), "demand wins at once");
}

#[test]
fn exactly_what_is_written_is_asked_for_a_lead_before_the_opening() {
    let mut schedule = december(25);
    schedule.lead = Some(Duration::from_mins(7));
    let mut fleet = fleet(with(&[schedule]), 10, 300.0, min(-30));
    let full = fleet.run_until(min(-7));
    assert_eq!(full.desired, replicas(25), "not the 23 that a tolerance of 10 % would accept");
    assert_eq!(full.schedule.unwrap().phase, Phase::Lead);
    let before = fleet.sizes.iter().rev().nth(1).unwrap();
    assert_eq!(before.1, 24);
    let open = fleet.run_until(600);
    assert_eq!((open.desired, open.reason), (replicas(25), Reason::ScheduleFloor));
    let summary = open.summary();
    assert!(
        summary.starts_with(
            "25 replicas: schedule december holds 25 at least until 2029-12-14T20:00:00+00:00, "
        ),
        "{summary}"
    );
}

#[test]
fn a_larger_fleet_is_not_scaled_in_below_the_floor_while_it_ramps() {
    let mut fleet = fleet(with(&[december(20)]), 30, 1500.0, min(-14));
    fleet.rps = 500.0;
    fleet.run_until(0);
    assert!(fleet.sizes.iter().all(|(_, size)| *size >= 20), "{:?}", fleet.sizes);
}

#[test]
fn a_pre_warm_needs_no_signal_and_a_window_holds_without_any() {
    let mut fleet = fleet(with(&[december(20)]), 10, 500.0, min(-12));
    fleet.prometheus = Prometheus::Unreachable;
    let opening = fleet.run_until(0);
    assert_eq!((opening.desired, opening.reason), (replicas(20), Reason::Hold));
    assert_eq!(pre_warmed(&opening).1, Reason::PreWarmed);
    let steps = fleet.sizes.iter().filter(|(second, _)| *second >= min(-10)).count();
    assert_eq!(steps, 10, "{:?}", fleet.sizes);
    let inside = fleet.run_until(min(10));
    assert_eq!(inside.desired, replicas(20));
    assert!(!inside.findings.signals_fresh.holds);
}

#[test]
fn a_spot_target_that_is_lost_before_the_opening_is_made_up_for_on_demand() {
    let mut policy = with(&[december(20)]);
    policy.spot = Some(SpotPolicy::new(50, replicas(4)));
    let mut fleet = Fleet::new(policy, 10);
    fleet.rps = 500.0;
    fleet.now = at(min(-30));
    let mut last = None;
    while fleet.now <= at(0) {
        let mut seen = fleet.observe();
        seen.spot = SpotTarget::Lost(SpotLoss::Missing);
        let (decision, memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        fleet.memory = memory;
        fleet.on_demand.scale(decision.placement.on_demand.unwrap(), fleet.now);
        fleet.now = later(fleet.now, 2);
        last = Some(decision);
    }
    let last = last.unwrap();
    assert_eq!(last.placement.on_demand, Some(replicas(20)));
    assert_eq!(last.findings.spot_healthy.unwrap().why.reason(), Reason::SpotTargetMissing);
    assert!(last.findings.pre_warmed.unwrap().holds);
}

#[test]
fn of_a_floor_and_a_ceiling_that_cross_the_floor_wins() {
    let mut cheap = daily("cheap", ("07:00", "21:00"), 0);
    cheap.ceiling = Some(replicas(20));
    let mut fleet = Fleet::new(with(&[december(25), cheap]), 10);
    fleet.rps = 1500.0;
    fleet.now = at(min(5));
    let decision = fleet.run_until(min(10));
    assert_eq!((decision.desired, decision.reason), (replicas(25), Reason::ScheduleConflict));
    let limited = decision.findings.scaling_limited;
    assert!(limited.holds);
    assert_eq!(
        limited.why.to_string(),
        "schedule december wants 25 at least and schedule cheap 20 at most: the floor wins, 25 now"
    );
    fleet.rps = 100.0;
    let calm = fleet.decide();
    assert_eq!((calm.desired, calm.reason), (replicas(25), Reason::ScheduleConflict));
}

/// The first and the last instant of the only window, and how often a pre-warm ran.
fn night_of_december_22(zone: TimeZone) -> (Timestamp, Timestamp, u32) {
    let mut schedule = daily("night", ("02:30", "06:00"), 20);
    schedule.calendar.zone = zone;
    schedule.calendar.days.from = Some(date("2030-12-22"));
    schedule.calendar.days.to = Some(date("2030-12-22"));
    let policy = with(&[schedule.clone()]);
    let (from, until) = (instant("2030-12-21T12:00:00Z"), instant("2030-12-23T12:00:00Z"));
    let listed = coming(&policy, &Learned::default(), from, until);
    assert_eq!(listed.len(), 1);
    let window = listed[0].window;

    let mut fleet = Fleet::new(policy, 10);
    fleet.rps = 300.0;
    fleet.now = later(window.start.at, -1200);
    let (mut ramps, mut ramped) = (0, false);
    while fleet.now < later(window.end.at, 1200) {
        let decision = fleet.decide();
        let ramping = decision.schedule.is_some_and(|active| active.phase == Phase::Ramp);
        ramps += u32::from(ramping && !ramped);
        ramped = ramping;
        let is_open = window_at(&schedule.calendar, fleet.now).is_some();
        assert_eq!(is_open, window.contains(fleet.now));
        assert!(!is_open || decision.desired == replicas(20), "{decision:?}");
        fleet.now = later(fleet.now, 15);
    }
    assert!(fleet.size() < 20, "{:?}", fleet.sizes);
    (window.start.at, window.end.at, ramps)
}

#[test]
fn casablanca_has_one_window_and_one_pre_warm_on_december_22() {
    // Until release 2026e of the zone data the clock was to be set back that night, from 03:00 to 02:00 and from an
    // hour ahead of UTC to UTC: 02:30 would have come twice.
    let foreseen = TimeZone::posix("<+01>-1<+00>0,M12.4.0/3,M1.4.0/2").unwrap();
    let (half_past_one, half_past_two) =
        (instant("2030-12-22T01:30:00Z"), instant("2030-12-22T02:30:00Z"));
    let six = instant("2030-12-22T06:00:00Z");
    assert_eq!(night_of_december_22(foreseen), (half_past_one, six, 1));
    assert_eq!(night_of_december_22(zone("Africa/Casablanca")), (half_past_two, six, 1));
}

#[test]
fn a_window_that_ends_under_load_changes_nothing_and_without_it_there_is_no_cliff() {
    let schedule = daily("morning", ("07:00", "08:00"), 25);
    for (rps, after) in
        [(1250.0, &[][..]), (500.0, &[(300, 22), (360, 19), (420, 17), (480, 15)][..])]
    {
        let mut fleet = fleet(with(std::slice::from_ref(&schedule)), 25, rps, min(-5));
        let end = fleet.run_until(min(9));
        let changes: Vec<_> =
            fleet.sizes.iter().copied().filter(|(second, _)| *second > 0).collect();
        assert_eq!(&changes[..after.len().min(changes.len())], after, "{rps}: {:?}", fleet.sizes);
        assert!(rps < 1000.0 || end.desired == replicas(25));
    }
}

#[test]
fn a_schedule_that_is_removed_inside_its_window_leaves_no_cliff() {
    let mut fleet = fleet(with(&[december(25)]), 25, 500.0, min(30));
    fleet.run_until(min(40));
    fleet.policy.schedules.clear();
    fleet.run_until(min(46));
    assert_eq!(fleet.sizes, [(min(30), 25), (min(45), 22), (min(46), 19)]);
}

#[test]
fn an_edit_that_lowers_a_floor_or_moves_a_ramp_leaves_no_cliff() {
    let lower_in_the_window =
        |schedule: &mut Schedule| schedule.floor = Floor::Replicas(replicas(12));
    let lower_the_curve = |schedule: &mut Schedule| schedule.floor = curve(&[(0, 600.0)]);
    let no_ramp = |schedule: &mut Schedule| {
        (schedule.ramp, schedule.lead) = (Duration::ZERO, Some(Duration::from_secs(30)));
    };
    let flat = december(25);
    let curved = Schedule { floor: curve(&[(0, 1250.0)]), ..flat.clone() };
    let edits: [(_, _, fn(&mut Schedule)); 3] =
        [(&flat, 40, lower_in_the_window), (&curved, 40, lower_the_curve), (&flat, -3, no_ramp)];
    for (schedule, minute, edit) in edits {
        let mut fleet = fleet(with(std::slice::from_ref(schedule)), 25, 500.0, min(minute - 1));
        fleet.run_until(min(minute));
        assert_eq!(fleet.size(), 25);
        edit(&mut fleet.policy.schedules[0]);
        if minute < 0 {
            // The nodes phase again, so that the fleet would be free to fall.
            fleet.run_until(min(minute) + 100);
            assert_eq!(fleet.size(), 25, "{:?}", fleet.sizes);
        } else {
            fleet.run_until(min(minute + 6));
            let began = min(minute) + 300;
            assert_eq!(fleet.sizes[1..], [(began, 22), (began + 60, 19)], "{:?}", fleet.sizes);
        }
    }
}

#[test]
fn windows_that_meet_leave_no_dip_between_them() {
    let night = daily("night", ("20:00", "08:00"), 18);
    let mut fleet = fleet(with(&[night, december(20)]), 18, 100.0, min(-30));
    fleet.run_until(min(30));
    assert!(fleet.sizes.iter().all(|(_, size)| *size >= 18), "{:?}", fleet.sizes);
    assert!(fleet.sizes.iter().filter(|(second, _)| *second >= 0).all(|(_, size)| *size == 20));
}

#[test]
fn a_window_to_midnight_and_one_from_it_are_one_night() {
    let late = daily("late", ("22:00", "24:00"), 20);
    let early = daily("early", ("00:00", "02:00"), 20);
    let midnight = 16 * 3600;
    let mut fleet = fleet(with(&[late, early]), 20, 100.0, midnight - 1800);
    fleet.run_until(midnight + 1800);
    assert_eq!(fleet.sizes.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [20]);
}

#[test]
fn a_fleet_that_is_taken_over_inside_a_window_has_its_floor_at_once() {
    let mut fleet = Fleet::new(with(&[december(20)]), 4);
    fleet.now = at(min(90));
    let first = fleet.decide();
    assert_eq!((first.desired, first.reason), (replicas(20), Reason::ScheduleFloor));
    assert_eq!(pre_warmed(&first).1, Reason::PreWarmLate);
    let ready = fleet.run_until(min(91));
    assert_eq!(pre_warmed(&ready).1, Reason::OpenedLate);
}

#[test]
fn a_fleet_that_is_taken_over_inside_a_ramp_climbs_from_what_is_there() {
    let mut fleet = Fleet::new(with(&[december(20)]), 10);
    fleet.now = at(min(-7));
    assert_eq!(fleet.decide().desired, replicas(10));
    assert_eq!(fleet.run_until(min(-6)).desired, replicas(15));
    assert_eq!(fleet.run_until(min(-5)).desired, replicas(20));
}

#[test]
fn a_ceiling_is_reached_by_the_scale_down_limits_and_lifted_at_once() {
    let mut cheap = daily("cheap", ("08:00", "08:10"), 0);
    cheap.ceiling = Some(replicas(20));
    let mut fleet = fleet(with(&[cheap]), 30, 1500.0, min(-5));
    let first = fleet.run_until(0);
    assert_eq!((first.desired, first.reason), (replicas(27), Reason::ScheduleCeiling));
    assert!(
        first
            .summary()
            .contains("schedule cheap allows 20 at most until 2029-12-14T08:10:00+00:00")
    );
    assert_eq!(first.next.map(|next| (next.at, next.replicas)), Some((at(60), replicas(24))));
    fleet.run_until(min(11));
    assert_eq!(fleet.sizes, [(min(-5), 30), (0, 27), (60, 24), (120, 21), (180, 20), (600, 30)]);
}

#[test]
fn a_ceiling_never_goes_below_the_minimum_and_yields_to_a_pre_warm() {
    let mut night = daily("night", ("20:00", "08:00"), 0);
    night.ceiling = Some(replicas(2));
    let mut fleet = fleet(with(&[night, december(20)]), 10, 300.0, min(-20));
    assert_eq!(fleet.size(), 10);
    let ramp = fleet.run_until(min(-5));
    assert_eq!((ramp.desired, ramp.reason), (replicas(20), Reason::PreWarming));
}

#[test]
fn a_floor_above_the_maximum_is_cut_to_it_and_counts_as_pre_warmed() {
    let mut fleet = fleet(with(&[december(40)]), 10, 300.0, min(-20));
    let opening = fleet.run_until(10);
    assert_eq!((opening.desired, opening.reason), (replicas(30), Reason::AtMax));
    assert_eq!(pre_warmed(&opening).1, Reason::PreWarmed);
}

#[test]
fn a_curve_is_followed_and_the_ramp_climbs_to_where_it_begins() {
    let mut schedule = december(0);
    schedule.floor = curve(&[(0, 800.0), (30, 1200.0), (60, 600.0)]);
    let mut fleet = fleet(with(&[schedule]), 10, 100.0, min(-20));
    let full = fleet.run_until(min(-5));
    assert_eq!((full.desired, full.schedule.unwrap().full), (replicas(16), replicas(16)));
    fleet.run_until(min(15));
    assert_eq!(fleet.size(), 20, "on the line");
    fleet.run_until(min(30));
    assert_eq!(fleet.size(), 24, "at the top");
    let falling = fleet.run_until(min(45));
    assert_eq!(falling.desired, replicas(18));
    assert_eq!(fleet.run_until(min(120)).desired, replicas(12), "after the last point");
}

#[test]
fn a_demand_becomes_replicas_by_what_one_carries() {
    let mut schedule = december(0);
    schedule.floor = Floor::Demand(rps(1001.0));
    let mut fleet = fleet(with(&[schedule]), 10, 100.0, min(-20));
    assert_eq!(fleet.run_until(0).desired, replicas(21));
}

#[test]
fn several_pre_warms_run_at_once_and_the_highest_floor_counts() {
    let mut slow = daily("slow", ("08:10", "12:00"), 24);
    slow.ramp = Duration::from_mins(20);
    let mut fleet = fleet(with(&[december(16), slow]), 10, 100.0, min(-20));
    let both = fleet.run_until(min(-5));
    // `slow` began at 07:45 and climbs 14 in 20 minutes; `december` is complete.
    assert_eq!((both.desired, both.schedule.unwrap().name.as_str()), (replicas(17), "slow"));
    assert_eq!(fleet.run_until(min(5)).desired, replicas(24));
}

#[test]
fn an_opening_in_time_is_told_step_by_step() {
    let mut policy = with(&[december(20)]);
    policy.spot = Some(SpotPolicy::new(0, Replicas::ZERO));
    let mut fleet = fleet(policy, 10, 500.0, min(-40));
    let told = |decision: &Decision| pre_warmed(decision);
    let far = fleet.decide();
    assert_eq!(
        told(&far),
        (
            true,
            Reason::AsExpected,
            "no window is open; schedule december opens next, at 2029-12-14T08:00:00+00:00"
                .to_owned()
        )
    );
    let nodes = fleet.run_until(min(-15));
    assert_eq!(nodes.schedule.unwrap().phase, Phase::Nodes);
    assert_eq!(told(&nodes), (true, Reason::PreWarming, "schedule december opens at 2029-12-14T08:00:00+00:00 with 20: nodes are asked for, 10 replicas are Ready".to_owned()));
    let ramp = fleet.run_until(min(-8) + 5);
    assert_eq!(
        told(&ramp),
        (
            true,
            Reason::PreWarming,
            "schedule december opens at 2029-12-14T08:00:00+00:00 with 20: 15 by now, 14 are Ready"
                .to_owned()
        )
    );
    let open = fleet.run_until(600);
    assert_eq!(told(&open), (true, Reason::PreWarmed, "all 20 replicas for schedule december, open since 2029-12-14T08:00:00+00:00, were Ready in time".to_owned()));
    let evening = fleet.run_until(12 * 3600);
    assert_eq!(told(&evening).1, Reason::AsExpected);
}

#[test]
fn an_opening_that_is_late_is_said_until_the_last_replica_is_ready_and_remembered() {
    let mut schedule = december(20);
    (schedule.lead, schedule.ramp) = (Some(Duration::ZERO), Duration::ZERO);
    let mut fleet = fleet(with(&[schedule]), 10, 500.0, min(-20));
    let open = fleet.run_until(0);
    assert_eq!(open.desired, replicas(20));
    assert_eq!((pre_warmed(&open).0, pre_warmed(&open).1), (false, Reason::PreWarmLate));
    let (holds, reason, sentence) = pre_warmed(&fleet.run_until(18));
    assert_eq!((holds, reason), (false, Reason::PreWarmLate));
    assert_eq!(
        sentence,
        "schedule december, open since 2029-12-14T08:00:00+00:00, has 10 of 20 replicas Ready, 18 s late by now"
    );
    fleet.run_until(20);
    let later = fleet.run_until(min(30));
    let (holds, reason, sentence) = pre_warmed(&later);
    assert_eq!((holds, reason), (true, Reason::OpenedLate));
    assert_eq!(
        sentence,
        "all 20 replicas for schedule december, open since 2029-12-14T08:00:00+00:00, are Ready, the last 20 s late"
    );
    let lateness = later.findings.pre_warmed.unwrap().why.lateness();
    assert_eq!(lateness, Some(Duration::from_secs(20)));
}

#[test]
fn replicas_that_are_lost_after_an_opening_in_time_do_not_make_it_late() {
    let mut fleet = fleet(with(&[december(20)]), 10, 500.0, min(-20));
    fleet.run_until(30);
    fleet.on_demand.pods[3] = at(10_000);
    assert_eq!(pre_warmed(&fleet.run_until(60)).1, Reason::PreWarmed);
}

#[test]
fn an_operator_that_was_away_at_the_opening_sees_by_its_pods_that_it_was_in_time() {
    let mut fleet = fleet(with(&[december(20)]), 10, 500.0, min(-20));
    fleet.run_until(min(-1));
    fleet.memory = Memory::resumed(Some(fleet.memory.clone()));
    fleet.now = at(min(45));
    assert_eq!(pre_warmed(&fleet.decide()).1, Reason::PreWarmed);
}

/// A fleet with a quarter of its replicas on spot, and placeholders for both targets.
fn on_nodes(seen: &mut apifleet_core::Observation, pending: u32, placeholders_pending: u32) {
    let there = |pending| {
        Some(TargetObservation {
            wanted: Some(replicas(5)),
            pending: replicas(pending),
            ..TargetObservation::default()
        })
    };
    seen.on_demand.pending = replicas(pending);
    seen.placeholders = Placeholders { on_demand: there(0), spot: there(placeholders_pending) };
}

#[test]
fn placeholders_hold_room_from_the_nodes_phase_until_the_replicas_are_asked_for() {
    let mut policy = with(&[december(20)]);
    policy.spot = Some(SpotPolicy::new(25, replicas(4)));
    let mut fleet = fleet(policy, 10, 500.0, min(-40));
    let mut wanted = Vec::new();
    while fleet.now <= at(min(1)) {
        let mut seen = fleet.observe();
        on_nodes(&mut seen, 0, 0);
        let (decision, memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        fleet.memory = memory;
        fleet.on_demand.scale(decision.placement.on_demand.unwrap(), fleet.now);
        let (placeholders, asked) = (decision.placeholders, decision.placement.sum());
        let phase = decision.schedule.map(|active| active.phase);
        let room = placeholders.on_demand.unwrap().plus(placeholders.spot.unwrap());
        match phase {
            None | Some(Phase::Lead | Phase::Window) => assert_eq!(room, Replicas::ZERO),
            Some(Phase::Nodes | Phase::Ramp) => {
                assert_eq!(room.plus(asked), replicas(20), "{decision:?}");
            }
        }
        if wanted.last() != Some(&phase) {
            wanted.push(phase);
        }
        fleet.now = later(fleet.now, 5);
    }
    let phases =
        [None, Some(Phase::Nodes), Some(Phase::Ramp), Some(Phase::Lead), Some(Phase::Window)];
    assert_eq!(wanted, phases);
}

#[test]
fn nodes_that_do_not_come_are_said_before_the_opening_and_pods_that_wait_after_it() {
    let mut policy = with(&[december(20)]);
    policy.spot = Some(SpotPolicy::new(25, replicas(4)));
    let mut fleet = fleet(policy, 10, 500.0, min(-40));
    let mut told: Vec<(i64, bool, Reason)> = Vec::new();
    while fleet.now <= at(120) {
        let mut seen = fleet.observe();
        // Placeholders wait until two minutes of the ramp are over, four pods until a minute after the opening.
        let pods_wait = (at(0)..at(60)).contains(&fleet.now);
        on_nodes(&mut seen, u32::from(pods_wait) * 4, u32::from(fleet.now < at(min(-8))) * 5);
        let late = if fleet.now < at(60) { 0 } else { 4 };
        let since = std::iter::repeat_n(at(min(-60)), 16).chain(std::iter::repeat_n(at(58), late));
        seen.ready_since = since.collect();
        seen.on_demand.ready = replicas(u32::try_from(seen.ready_since.len()).unwrap());
        let (decision, memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        fleet.memory = memory;
        fleet.on_demand.scale(decision.placement.on_demand.unwrap(), fleet.now);
        let (holds, reason, sentence) = pre_warmed(&decision);
        if told.last().is_none_or(|(_, was, last)| (*was, *last) != (holds, reason)) {
            told.push((fleet.seconds(), holds, reason));
            if reason == Reason::CapacityLate {
                assert!(
                    sentence.contains("found no node in time")
                        || sentence.contains("wait for a node"),
                    "{sentence}"
                );
            }
        }
        fleet.now = later(fleet.now, 5);
    }
    assert_eq!(
        told,
        [
            (min(-40), true, Reason::AsExpected),
            (min(-20), true, Reason::PreWarming),
            (min(-10), false, Reason::CapacityLate),
            (60, true, Reason::OpenedLate),
        ]
    );
}

#[test]
fn nodes_that_do_not_come_are_said_without_a_ramp_too() {
    let mut policy = with(&[Schedule { ramp: Duration::ZERO, ..december(20) }]);
    policy.spot = Some(SpotPolicy::new(25, replicas(4)));
    let mut fleet = fleet(policy, 10, 500.0, min(-40));
    let mut told = Vec::new();
    while fleet.now < at(0) {
        let mut seen = fleet.observe();
        on_nodes(&mut seen, 0, u32::from(fleet.now < at(min(-4))) * 5);
        seen.on_demand.ready = replicas(10);
        let (decision, memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        fleet.memory = memory;
        fleet.on_demand.scale(decision.placement.on_demand.unwrap(), fleet.now);
        let reason = pre_warmed(&decision).1;
        if told.last().is_none_or(|(_, last)| *last != reason) {
            told.push((fleet.seconds(), reason));
        }
        fleet.now = later(fleet.now, 5);
    }
    let late = (min(-5), Reason::CapacityLate);
    assert_eq!(told, [(min(-40), Reason::AsExpected), (min(-10), Reason::PreWarming), late]);
}

#[test]
fn measured_pods_and_nodes_move_the_pre_warm_until_it_has_begun() {
    let mut policy = with(&[december(20)]);
    policy.spot = Some(SpotPolicy::new(0, Replicas::ZERO));
    let mut fleet = fleet(policy, 10, 500.0, min(-120));
    let started =
        |second: i64, seconds: u64| Startup { at: at(second), took: Duration::from_secs(seconds) };
    let mut seen = fleet.observe();
    seen.pods_started = (0..6).map(|index| started(min(-121) - index, 120)).collect();
    seen.nodes_started = (0..6).map(|index| started(min(-121) - index, 240)).collect();
    (_, fleet.memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
    let ahead = coming(&fleet.policy, &fleet.memory.learned, fleet.now, at(60));
    // Pods take 2 minutes and get one more; the ramp takes 5; nodes take 4 and get 5 more.
    assert_eq!(ahead[0].pre_warm.ramp_complete, at(min(-3)));
    assert_eq!(ahead[0].pre_warm.ramp_from, at(min(-8)));
    assert_eq!(ahead[0].pre_warm.nodes_from, at(min(-17)));
    assert_eq!(fleet.memory.learned.pods.p95(), Some(Duration::from_mins(2)));
    fleet.run_until(min(-6));
    let mut seen = fleet.observe();
    seen.pods_started = (0..20).map(|index| started(min(-7) + index, 1000)).collect();
    let (_, memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
    fleet.memory = memory;
    assert_eq!(fleet.run_until(min(-3)).desired, replicas(20));
    let ramp: Vec<_> = fleet.sizes.iter().filter(|(second, _)| *second >= min(-8)).collect();
    assert_eq!(ramp.len(), 10, "{:?}", fleet.sizes);
}

#[test]
fn a_ramp_begun_without_us_is_joined_where_it_would_be() {
    let mut fleet = fleet(with(&[december(20)]), 10, 500.0, min(-20));
    fleet.run_until(min(-11));
    fleet.memory = Memory::resumed(Some(fleet.memory.clone()));
    fleet.now = at(min(-7));
    assert_eq!(fleet.decide().desired, replicas(16), "as if the operator had never been away");
}

#[test]
fn a_schedule_added_inside_its_ramp_climbs_from_now_and_after_it_at_once() {
    let mut fleet = fleet(policy(), 10, 500.0, min(-20));
    fleet.run_until(min(-7));
    fleet.policy.schedules = vec![december(20)];
    assert_eq!(fleet.decide().desired, replicas(10));
    assert_eq!(fleet.run_until(min(-6)).desired, replicas(15));
    fleet.policy.schedules = vec![daily("other", ("08:00", "20:00"), 28)];
    fleet.run_until(min(-4));
    assert_eq!(fleet.size(), 28);
}

#[test]
fn schedules_that_never_open_cost_and_change_nothing() {
    let mut past = december(30);
    past.calendar.days.to = Some(date("2020-01-01"));
    let mut never = daily("never", ("08:00", "20:00"), 30);
    never.calendar.days.weekdays = [false; 7];
    let mut fleet = fleet(with(&[past, never]), 10, 100.0, min(-5));
    let decision = fleet.run_until(min(5));
    assert_eq!(decision.desired, replicas(10));
    assert_eq!(
        pre_warmed(&decision),
        (true, Reason::AsExpected, "no window of a schedule is open or near".to_owned())
    );
    assert!(decision.schedule.is_none());
    assert!(coming(&fleet.policy, &Learned::default(), fleet.now, Timestamp::MAX).is_empty());
}

#[test]
fn an_unknown_size_says_nothing_good_of_a_window_that_is_open() {
    let mut fleet = fleet(with(&[december(20)]), 20, 500.0, min(5));
    let mut seen = fleet.observe();
    seen.on_demand.wanted = None;
    let (decision, _) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
    assert_eq!(pre_warmed(&decision).1, Reason::ReplicasUnknown);
    fleet.now = at(13 * 3600);
    let (decision, _) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
    assert_eq!(pre_warmed(&decision), (true, Reason::AsExpected, "as expected".to_owned()));
}

#[test]
fn what_is_coming_is_listed_by_its_opening_with_its_pre_warm_and_clock_changes() {
    let paris = in_zone(daily("paris", ("01:30", "06:00"), 20), "Europe/Paris");
    let utc = daily("utc", ("08:00", "24:00"), 12);
    let policy = with(&[utc, paris]);
    let now = instant("2026-03-28T12:00:00Z");
    let listed = coming(&policy, &Learned::default(), now, later(now, 2 * 86_400));
    let lines: Vec<_> = listed
        .iter()
        .map(|coming| {
            format!(
                "{} {} {} {}",
                coming.schedule.name, coming.window.start, coming.window.end, coming.clock_changes
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "utc 2026-03-28T08:00:00+00:00 2026-03-29T00:00:00+00:00 false",
            "paris 2026-03-29T01:30:00+01:00 2026-03-29T06:00:00+02:00 true",
            "utc 2026-03-29T08:00:00+00:00 2026-03-30T00:00:00+00:00 false",
            "paris 2026-03-30T01:30:00+02:00 2026-03-30T06:00:00+02:00 false",
            "utc 2026-03-30T08:00:00+00:00 2026-03-31T00:00:00+00:00 false",
        ]
    );
    assert_eq!(listed[1].pre_warm.ramp_from, later(listed[1].window.start.at, -600));
    assert_eq!(listed[1].floor, replicas(20));
}

/// Whether a fleet of ten is ever made smaller after a step from 300 to 1,500 requests/s at time zero, where burst rates
/// are there for so many seconds. Each rate has seen the step for as long as its window, at most.
fn takes_back(seconds: i64) -> bool {
    let mut policy = policy();
    policy.behavior.down.stabilization_window = Duration::from_secs(30);
    let mut fleet = Fleet::settled(policy, 10, 300.0);
    let rate = |window: i64, second: i64| 300.0 + 1200.0 * fraction(second.min(window), window);
    for second in (0..180).step_by(2) {
        fleet.now = at(second);
        fleet.rps = rate(60, second);
        let mut seen = fleet.observe();
        let burst = Reading::Value { value: rate(15, second), sampled_at: fleet.now };
        seen.readings.burst_rate = if second < seconds { burst } else { Reading::Empty };
        (_, fleet.memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        fleet.sizes.push((second, fleet.size()));
    }
    assert_eq!(fleet.size(), 30);
    fleet.sizes.windows(2).any(|pair| pair[1].1 < pair[0].1)
}

#[test]
fn a_burst_keeps_what_it_added_until_the_longer_window_has_seen_it() {
    assert!(!takes_back(180));
    assert!(takes_back(20), "a burst rate that is absent forbids nothing");
}

#[allow(clippy::cast_precision_loss, reason = "seconds of a minute")]
fn fraction(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

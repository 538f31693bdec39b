//! What people order for a while, played in the closed loop: each kind, several at once, their end. Time zero is 08:00
//! in UTC.

use crate::calendars::daily;
use crate::fleet::{Fleet, Prometheus, at, policy, replicas};
use crate::scripts::order;
use apifleet_core::decision::{Decision, Stage, Standing};
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::policy::FleetPolicy;
use apifleet_core::{Memory, Reason};
use jiff::SignedDuration;
use std::time::Duration;

const MINUTE: i64 = 60;

fn floor(count: u32) -> Action {
    Action::Floor(replicas(count))
}

fn ceiling(count: u32) -> Action {
    Action::Ceiling(replicas(count))
}

fn pin(count: u32) -> Action {
    Action::Pin(replicas(count))
}

/// One override, in force from one second to another.
fn ordered(action: Action, from: i64, to: i64) -> FleetPolicy {
    FleetPolicy { overrides: vec![order("one", action, at(from), at(to))], ..policy() }
}

fn immediately(mut policy: FleetPolicy) -> FleetPolicy {
    policy.overrides.iter_mut().for_each(|order| order.pace = Pace::Immediate);
    policy
}

/// A settled fleet that is then given orders.
fn given(size: u32, rps: f64, orders: Vec<Override>) -> Fleet {
    let mut fleet = Fleet::settled(policy(), size, rps);
    fleet.policy.overrides = orders;
    fleet
}

fn overridden(decision: &Decision) -> (bool, Reason) {
    let finding = decision.findings.overridden;
    (finding.holds, finding.why.reason())
}

#[test]
fn a_pin_that_ends_below_demand_is_followed_up_at_once_and_to_the_end() {
    let mut fleet = Fleet::settled(ordered(pin(14), -2000, 100), 14, 1500.0);
    let pinned = fleet.run_until(98);
    assert_eq!((pinned.reason, overridden(&pinned)), (Reason::Pinned, (true, Reason::Pinned)));
    let next = pinned.next.unwrap();
    assert_eq!((next.at, next.replicas), (at(100), replicas(28)));
    let over = fleet.run_until(100);
    assert_eq!(
        (over.reason, overridden(&over)),
        (Reason::ScaleUpLimit, (false, Reason::AsExpected))
    );
    fleet.run_until(600);
    assert_eq!(fleet.sizes, [(0, 14), (100, 28), (115, 30)]);
}

#[test]
fn a_pin_that_ends_just_below_demand_leaves_no_fleet_inside_the_tolerance() {
    let mut fleet = Fleet::settled(ordered(pin(28), -2000, 100), 28, 1500.0);
    let next = fleet.decide().next.unwrap();
    assert_eq!((next.at, next.replicas, next.reason), (at(100), replicas(30), Reason::RequestRate));
    fleet.run_until(600);
    assert_eq!(fleet.sizes, [(0, 28), (100, 30)]);
}

#[test]
fn a_pin_that_ends_above_demand_is_kept_for_a_window_and_left_by_the_limits() {
    let mut fleet = Fleet::settled(ordered(pin(30), -2000, 100), 30, 600.0);
    let next = fleet.decide().next.unwrap();
    assert_eq!(
        (next.at, next.reason, next.replicas),
        (at(100), Reason::OverrideEnded, replicas(30))
    );
    let over = fleet.run_until(100);
    assert_eq!(over.next.map(|next| (next.at, next.replicas)), Some((at(400), replicas(27))));
    fleet.run_until(1200);
    let steps =
        [(0, 30), (400, 27), (460, 24), (520, 21), (580, 18), (640, 16), (700, 14), (760, 12)];
    assert_eq!(fleet.sizes, steps);
}

#[test]
fn a_pin_below_the_size_is_reached_one_step_a_minute_or_at_once_as_it_says() {
    let mut fleet = given(30, 1500.0, vec![order("one", pin(12), at(0), at(1800))]);
    let first = fleet.decide();
    assert_eq!(first.reason, Reason::Pinned);
    assert_eq!(first.next.map(|next| (next.at, next.replicas)), Some((at(60), replicas(24))));
    fleet.run_until(1000);
    let steps = [(0, 27), (60, 24), (120, 21), (180, 18), (240, 16), (300, 14), (360, 12)];
    assert_eq!(fleet.sizes, steps);

    let mut fleet = given(30, 1500.0, vec![order("one", pin(12), at(0), at(1800))]);
    fleet.policy = immediately(fleet.policy);
    fleet.run_until(1000);
    assert_eq!(fleet.sizes, [(0, 12)]);
}

#[test]
fn a_hold_lets_the_floor_of_a_schedule_pass() {
    let mut policy = ordered(Action::Hold, -20 * MINUTE, 10 * MINUTE);
    policy.schedules = vec![daily("december", ("08:00", "20:00"), 20)];
    let mut fleet = Fleet::new(policy, 10);
    (fleet.rps, fleet.now) = (500.0, at(-2400));
    fleet.run_until(-20 * MINUTE);
    fleet.rps = 1500.0;
    let held = fleet.run_until(-11 * MINUTE);
    assert_eq!((held.desired, held.reason), (replicas(10), Reason::OverrideHold));
    assert_eq!(overridden(&held), (true, Reason::OverrideHold));
    let line = held.ledger.iter().find(|line| line.stage == Stage::Stabilize).unwrap();
    assert_eq!((line.input, line.output), (replicas(30), replicas(10)));
    let open = fleet.run_until(0);
    assert_eq!((open.desired, fleet.observe().ready()), (replicas(20), replicas(20)));
    assert!(open.findings.pre_warmed.unwrap().holds);
    fleet.run_until(9 * MINUTE);
    assert_eq!(fleet.size(), 20);
    fleet.run_until(11 * MINUTE);
    assert_eq!(fleet.sizes.last(), Some(&(10 * MINUTE, 30)));
}

#[test]
fn what_was_asked_for_all_through_a_hold_need_not_wait_again() {
    let mut fleet = given(10, 500.0, vec![order("one", Action::Hold, at(0), at(300))]);
    fleet.policy.behavior.up.stabilization_window = Duration::from_mins(1);
    fleet.rps = 1000.0;
    fleet.run_until(400);
    assert_eq!(fleet.sizes, [(0, 10), (300, 20)]);
}

#[test]
fn a_hold_keeps_a_fleet_that_demand_would_leave_and_for_a_window_after() {
    let mut fleet = given(30, 1500.0, vec![order("one", Action::Hold, at(0), at(1000))]);
    fleet.rps = 500.0;
    let held = fleet.run_until(900);
    assert_eq!((held.desired, held.reason), (replicas(30), Reason::OverrideHold));
    fleet.run_until(1400);
    assert_eq!(fleet.sizes, [(0, 30), (1300, 27), (1360, 24)]);
}

#[test]
fn a_floor_is_there_at_once_and_left_by_the_limits() {
    let mut fleet = given(10, 500.0, vec![order("one", floor(26), at(100), at(400))]);
    let before = fleet.decide().next.unwrap();
    assert_eq!(
        (before.at, before.reason, before.replicas),
        (at(100), Reason::OverrideFloor, replicas(26))
    );
    let raised = fleet.run_until(100);
    assert_eq!((raised.desired, raised.reason), (replicas(26), Reason::OverrideFloor));
    fleet.run_until(1000);
    assert_eq!(fleet.sizes[..4], [(0, 10), (100, 26), (700, 23), (760, 20)]);
}

#[test]
fn a_ceiling_lowers_a_fleet_that_nobody_can_see() {
    let mut fleet = given(30, 1500.0, vec![order("one", ceiling(15), at(10), at(900))]);
    fleet.prometheus = Prometheus::Unreachable;
    let lowered = fleet.run_until(10);
    assert_eq!((lowered.desired, lowered.reason), (replicas(27), Reason::OverrideCeiling));
    assert!(!lowered.findings.signals_fresh.holds);
    assert_eq!(lowered.next.map(|next| (next.at, next.replicas)), Some((at(70), replicas(24))));
    fleet.run_until(800);
    assert_eq!(fleet.size(), 15);
}

#[test]
fn an_order_outside_the_bounds_counts_as_the_nearest() {
    for (action, size) in [
        (pin(40), 30),
        (pin(3), 10),
        (ceiling(2), 10),
        (ceiling(90), 20),
        (floor(1), 20),
        (floor(77), 30),
    ] {
        let mut fleet = given(20, 1000.0, vec![order("one", action, at(0), at(900))]);
        fleet.policy = immediately(fleet.policy);
        assert_eq!(fleet.decide().desired, replicas(size), "{action:?}");
    }
}

/// Orders by name, action, and the second at which they were given; what comes of them at 20; which one another goes
/// before.
type Several<'a> = (&'a [(&'a str, Action, i64)], u32, &'a [(&'a str, &'a str)]);

#[test]
fn of_several_one_goes_before_the_other() {
    let at_most = Action::Ceiling;
    let [r15, r18, r24, r26, r28] = [15, 18, 24, 26, 28].map(replicas);
    let cases: &[Several] = &[
        (&[("old", Action::Pin(r24), 0), ("new", Action::Pin(r28), 1)], 28, &[("old", "new")]),
        (&[("new", Action::Pin(r28), 1), ("old", Action::Pin(r24), 0)], 28, &[("old", "new")]),
        (&[("a", Action::Pin(r24), 0), ("b", Action::Pin(r28), 0)], 28, &[("a", "b")]),
        (&[("pin", Action::Pin(r24), 0), ("hold", Action::Hold, 1)], 24, &[("hold", "pin")]),
        (&[("pin", Action::Pin(r24), 0), ("top", at_most(r18), 1)], 24, &[("top", "pin")]),
        (&[("pin", Action::Pin(r24), 0), ("low", Action::Floor(r28), 1)], 24, &[("low", "pin")]),
        (&[("hold", Action::Hold, 0), ("top", at_most(r15), 1)], 20, &[("top", "hold")]),
        (&[("hold", Action::Hold, 0), ("low", Action::Floor(r28), 1)], 20, &[("low", "hold")]),
        (&[("x", at_most(r18), 0), ("y", at_most(r15), 1)], 15, &[("x", "y")]),
        (&[("top", at_most(r24), 0), ("low", Action::Floor(r28), 1)], 24, &[("low", "top")]),
        (&[("top", at_most(r26), 0), ("low", Action::Floor(r24), 1)], 24, &[]),
        (&[("x", Action::Floor(r24), 0), ("y", Action::Floor(r28), 1)], 28, &[("x", "y")]),
        (&[("pin", Action::Pin(r24), 0), ("off", Action::NoSpot, 1)], 24, &[]),
        (&[("off", Action::NoSpot, 0), ("too", Action::NoSpot, 0)], 20, &[("off", "too")]),
    ];
    for (orders, size, superseded) in cases {
        let made = orders.iter().map(|(name, action, created)| Override {
            created: at(*created),
            pace: Pace::Immediate,
            ..order(name, *action, at(0), at(900))
        });
        let mut fleet = given(20, 1000.0, made.collect());
        let decision = fleet.decide();
        assert_eq!(decision.desired, replicas(*size), "{orders:?}");
        assert_eq!(decision.overrides.len(), orders.len());
        for active in &decision.overrides {
            let beaten = superseded.iter().find(|(loser, _)| *loser == active.name.as_str());
            match active.standing {
                Standing::InForce => assert_eq!(beaten, None, "{orders:?}"),
                Standing::Superseded { by } => {
                    assert_eq!(beaten.map(|beaten| beaten.1), Some(by.as_str()), "{orders:?}");
                }
            }
            assert_eq!(active.until, at(900));
        }
    }
}

#[test]
fn one_that_was_superseded_counts_again_once_the_other_has_ended() {
    let orders = vec![
        order("floor", floor(24), at(0), at(900)),
        Override { created: at(1), ..order("pin", pin(28), at(0), at(300)) },
    ];
    let mut fleet = given(10, 500.0, orders);
    let both = fleet.decide();
    let names: Vec<_> = both.overrides.iter().map(|active| active.name.to_string()).collect();
    assert_eq!(names, ["floor", "pin"], "the oldest first");
    let alone = fleet.run_until(310);
    assert_eq!(alone.overrides.len(), 1);
    assert_eq!(alone.overrides[0].standing, Standing::InForce);
    fleet.run_until(890);
    assert_eq!(fleet.sizes, [(0, 28), (600, 25), (660, 24)]);
}

#[test]
fn an_order_goes_before_the_calendar_and_says_so() {
    let mut schedule = daily("december", ("07:00", "20:00"), 20);
    let mut fleet = given(20, 1000.0, vec![order("one", ceiling(12), at(0), at(900))]);
    fleet.policy.schedules = vec![schedule.clone()];
    fleet.policy = immediately(fleet.policy);
    let lowered = fleet.decide();
    assert_eq!((lowered.desired, lowered.reason), (replicas(12), Reason::OverrideCeiling));

    schedule.ceiling = Some(replicas(20));
    schedule.floor = apifleet_core::schedule::Floor::Replicas(replicas(15));
    let mut fleet = given(20, 1000.0, vec![order("one", floor(25), at(0), at(900))]);
    fleet.policy.schedules = vec![schedule];
    let raised = fleet.decide();
    assert_eq!((raised.desired, raised.reason), (replicas(25), Reason::ScheduleConflict));
    assert!(raised.summary().contains("override one wants 25"), "{}", raised.summary());
}

#[test]
fn an_end_counts_also_where_nobody_was_there_to_see_it() {
    for (size, rps, sizes) in
        [(30, 600.0, vec![(0, 30), (700, 27), (760, 24)]), (28, 1500.0, vec![(0, 28), (400, 30)])]
    {
        let mut fleet = Fleet::settled(ordered(pin(size), -2000, 100), size, rps);
        fleet.run_until(50);
        let stored = serde_json::to_string(&fleet.memory).unwrap();
        assert!(
            stored.contains(r#""overrides":[{"name":"one","action":"Pin","replicas":"#),
            "{stored}"
        );
        fleet.memory = Memory::resumed(serde_json::from_str(&stored).ok());
        fleet.now = at(400);
        fleet.run_until(800);
        assert_eq!(fleet.sizes, sizes, "{rps}");
    }
}

#[test]
fn an_end_counts_also_where_its_beginning_was_not_stored() {
    // The size did not change as it began, so that nothing was written, and the operator died.
    let mut fleet = Fleet::settled(policy(), 28, 1400.0);
    let stored = fleet.memory.clone();
    fleet.policy.overrides = vec![order("one", pin(28), at(10), at(100))];
    fleet.rps = 1500.0;
    fleet.memory = Memory::resumed(Some(stored));
    fleet.now = at(110);
    fleet.run_until(200);
    assert_eq!(fleet.sizes, [(110, 30)]);
}

#[test]
fn what_an_order_withholds_from_a_window_is_not_late() {
    let mut policy = ordered(ceiling(12), -3600, 600);
    policy.schedules = vec![daily("december", ("08:00", "20:00"), 20)];
    let mut fleet = Fleet::new(policy, 10);
    (fleet.rps, fleet.now) = (500.0, at(-1800));
    for second in [0, 300] {
        let open = fleet.run_until(second);
        assert_eq!((open.desired, open.reason), (replicas(12), Reason::OverrideCeiling));
        let finding = open.findings.pre_warmed.unwrap();
        assert_eq!((finding.holds, finding.why.reason()), (true, Reason::PreWarmed));
        assert!(finding.why.to_string().starts_with("all 12 replicas"), "{}", finding.why);
    }
    assert_eq!(fleet.run_until(600).desired, replicas(20));
}

#[test]
fn an_order_that_is_deleted_or_cut_short_ends_like_any_other() {
    for cut in [false, true] {
        let mut fleet = Fleet::settled(ordered(floor(30), -2000, 9000), 30, 600.0);
        fleet.run_until(100);
        if cut {
            fleet.policy.overrides[0].expires_at = at(101);
        } else {
            fleet.policy.overrides.clear();
        }
        fleet.run_until(102);
        fleet.run_until(500);
        let kept_until = fleet.sizes[1].0;
        assert!((400..=402).contains(&kept_until), "{:?}", fleet.sizes);
        assert_eq!(fleet.sizes[1].1, 27);
        assert!(fleet.memory.overrides.is_empty());
    }
}

#[test]
fn an_order_that_never_began_ends_without_a_trace() {
    let mut fleet = given(20, 1000.0, vec![order("one", pin(30), at(300), at(900))]);
    let waiting = fleet.run_until(100);
    assert!(waiting.overrides.is_empty());
    assert_eq!(overridden(&waiting), (false, Reason::AsExpected));
    fleet.policy.overrides.clear();
    fleet.rps = 500.0;
    fleet.run_until(500);
    assert_eq!(fleet.sizes[1], (400, 18), "a window after demand has gone");
}

#[test]
fn a_name_that_is_used_again_for_less_is_another_order() {
    let mut fleet = Fleet::settled(ordered(floor(30), -2000, 9000), 30, 600.0);
    fleet.policy.overrides[0].action = floor(20);
    fleet.run_until(299);
    assert_eq!(fleet.sizes, [(0, 30)]);
    fleet.run_until(700);
    assert_eq!(fleet.size(), 20);
}

#[test]
fn what_is_remembered_is_two_at_most_whoever_edited_it() {
    let mut fleet = given(20, 1000.0, vec![order("one", pin(20), at(0), at(900))]);
    fleet.decide();
    let mut memory = fleet.memory.clone();
    memory.overrides = vec![memory.overrides[0]; 500];
    assert_eq!(Memory::resumed(Some(memory)).overrides.len(), 2);
}

#[test]
fn every_order_has_a_sentence_with_its_end() {
    let actions = [floor(26), ceiling(12), pin(14), Action::Hold, Action::NoSpot];
    let said = [
        "override one: at least 26 replicas until 2029-12-14T09:00:00Z",
        "override one: at most 12 replicas until 2029-12-14T09:00:00Z",
        "override one: exactly 14 replicas until 2029-12-14T09:00:00Z",
        "override one: demand moves nothing until 2029-12-14T09:00:00Z",
        "override one: no replica on spot until 2029-12-14T09:00:00Z",
    ];
    for (action, said) in actions.into_iter().zip(said) {
        let mut fleet = given(20, 1000.0, vec![order("one", action, at(0), at(3600))]);
        fleet.rps = 1500.0;
        let decision = fleet.decide();
        assert!(decision.findings.overridden.holds);
        assert_eq!(decision.findings.overridden.why.to_string(), said);
        for line in &decision.ledger {
            assert!(!line.why.to_string().is_empty());
        }
    }
    let mut fleet = given(30, 1500.0, vec![order("one", pin(12), at(0), at(3600))]);
    assert_eq!(
        fleet.decide().summary(),
        "30 -> 27 replicas: override one pins the size to 12 until 2029-12-14T09:00:00Z: the size falls to it by the \
         scale-down policies, 27 now, 30 is asked for"
    );
}

#[test]
fn a_clock_that_jumps_over_an_end_leaves_no_cliff() {
    for back in [false, true] {
        let mut fleet = Fleet::settled(ordered(floor(30), -2000, 100), 30, 600.0);
        fleet.now = at(0) + SignedDuration::from_hours(if back { -24 } else { 24 });
        let from = fleet.seconds();
        fleet.run_until(from + 298);
        assert_eq!(fleet.size(), 30, "{back}");
    }
}

//! Spot nodes are taken away, in the closed loop. That nothing we do lowers the serving capacity before its cover is
//! Ready is checked by the fleet itself, at every step.

use crate::fleet::at;
use crate::spot_fleet::{NOTICED_AFTER, SpotFleet, spot_policy};
use apifleet_core::decision::{DrainOrder, SpotState};
use apifleet_core::schedule::{Calendar, Days, End, Floor, Schedule, SpotReturn};
use apifleet_core::{Decision, Memory, Reason};
use jiff::SignedDuration;
use jiff::civil::time;
use jiff::tz::TimeZone;
use std::time::Duration;

const MINUTE: i64 = 60;

/// 30 replicas, 12 on demand and 18 on six spot nodes that are a pool each.
fn at_the_peak() -> SpotFleet {
    let fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 6);
    assert_eq!(fleet.split(), (12, 18));
    fleet
}

fn states(fleet: &SpotFleet) -> Vec<SpotState> {
    fleet.states.iter().map(|(_, state)| *state).collect()
}

fn spot_reason(decision: &Decision) -> Reason {
    decision.findings.spot_healthy.unwrap().why.reason()
}

/// The bases that were asked for never fell before this.
fn assert_base_never_falls(fleet: &SpotFleet, until: i64) {
    let bases: Vec<_> =
        fleet.targets.iter().filter(|target| target.0 < until).map(|target| target.1).collect();
    assert!(bases.is_sorted(), "{:?}", fleet.targets);
}

#[test]
fn one_node_with_two_minutes_notice_costs_no_capacity() {
    let mut fleet = at_the_peak();
    fleet.interrupt(0, 120);
    let first = fleet.decide();
    assert_eq!(fleet.split(), (15, 18), "covered at once, nothing taken away");
    assert_eq!(spot_reason(&first), Reason::SpotInterrupted);
    assert!(!first.findings.spot_healthy.unwrap().holds);
    assert_eq!(
        first.drains.iter().map(|drain| drain.order).collect::<Vec<_>>(),
        [DrainOrder::Taint]
    );
    assert_eq!(
        (first.previous, first.desired),
        (first.desired, first.previous),
        "cover is no change of the size"
    );
    fleet.run_until(18);
    assert_eq!(fleet.pods_on(0), 3, "they serve until their cover is Ready");
    fleet.run_until(24);
    assert_eq!(fleet.pods_on(0), 0);
    assert_eq!((fleet.split(), fleet.serving()), ((15, 15), 30));
    assert_eq!(states(&fleet), [SpotState::Covering, SpotState::Returning]);

    // A new node; the share rises once, and all is as before.
    fleet.add_node(6);
    fleet.run_until(22 + 5 * MINUTE);
    assert_eq!(fleet.split(), (15, 18), "made before it is broken");
    let done = fleet.run_until(8 * MINUTE);
    assert_eq!(fleet.split(), (12, 18));
    assert_eq!(
        (states(&fleet).last(), spot_reason(&done)),
        (Some(&SpotState::Normal), Reason::Placed)
    );
    assert_eq!(fleet.fleet.sizes.last(), Some(&(-1800, 30)));
}

#[test]
fn one_node_with_half_a_minute_goes_in_time() {
    let mut fleet = at_the_peak();
    fleet.interrupt(3, 30);
    fleet.run_until(7);
    assert_eq!(fleet.pods_on(3), 3);
    fleet.run_until(8);
    assert_eq!(fleet.pods_on(3), 0, "at the last moment, covered or not");
    assert_eq!(fleet.serving(), 27);
    fleet.run_until(30);
    assert_eq!((fleet.split(), fleet.serving()), ((15, 15), 30));
    assert_base_never_falls(&fleet, 300);
}

#[test]
fn a_disruption_budget_delays_an_eviction_and_never_beyond_its_time() {
    let mut fleet = at_the_peak();
    fleet.budget = 0;
    fleet.interrupt(3, 120);
    fleet.run_until(76);
    assert_eq!(fleet.pods_on(3), 3);
    fleet.run_until(77);
    assert_eq!(fleet.pods_on(3), 0);
    fleet.run_until(90);
    assert_eq!((fleet.split(), fleet.serving()), ((15, 15), 30));
}

#[test]
fn two_of_six_nodes_are_a_storm_and_are_covered_all_the_same() {
    for notice in [120, 30] {
        let mut fleet = at_the_peak();
        fleet.interrupt(1, notice);
        fleet.interrupt(2, notice);
        let first = fleet.decide();
        assert_eq!(fleet.split(), (18, 18), "{notice}");
        assert_eq!(spot_reason(&first), Reason::SpotFallback);
        fleet.run_until(60);
        assert_eq!((fleet.split(), fleet.serving()), ((18, 12), 30), "{notice}");
        assert_eq!(fleet.pods_on(1) + fleet.pods_on(2), 0);
        assert_eq!(states(&fleet), [SpotState::Fallback]);
        fleet.run_until(29 * MINUTE);
        assert_eq!(fleet.targets.len(), 2, "covered once: {:?}", fleet.targets);
        fleet.run_until(31 * MINUTE);
        assert_eq!(states(&fleet), [SpotState::Fallback, SpotState::Returning]);
    }
}

#[test]
fn a_node_that_dies_without_a_word_is_covered_when_it_is_missed() {
    let mut fleet = at_the_peak();
    fleet.kill(5);
    fleet.run_until(2);
    assert_eq!((fleet.serving(), fleet.split()), (27, (12, 18)));
    let noticed = NOTICED_AFTER.as_secs();
    let missed = fleet.run_until(noticed);
    assert_eq!((fleet.split(), spot_reason(&missed)), ((15, 18), Reason::SpotInterrupted));
    assert!(missed.drains.is_empty());
    fleet.run_until(noticed + 19);
    assert_eq!(fleet.pods_on(5), 3);
    fleet.run_until(noticed + 20);
    assert_eq!((fleet.pods_on(5), fleet.serving()), (0, 30));
    fleet.run_until(noticed + 22);
    assert_eq!(fleet.split(), (15, 15));
    assert_base_never_falls(&fleet, 300);
}

#[test]
fn all_spot_gone_at_once_is_covered_once() {
    for killed in [false, true] {
        let mut fleet = at_the_peak();
        for node in 0..6 {
            if killed { fleet.kill(node) } else { fleet.interrupt(node, 30) }
        }
        fleet.run_until(120);
        assert_eq!((fleet.split(), fleet.serving()), ((30, 0), 30), "{:?}", fleet.targets);
        assert_base_never_falls(&fleet, 1800);
        let bases: Vec<_> = fleet.targets.iter().map(|target| target.1).collect();
        assert!(
            bases.iter().filter(|base| **base > 12).all(|base| *base == 30),
            "covered once: {bases:?}"
        );
        assert_eq!(fleet.states.last().unwrap().1, SpotState::Fallback);
        fleet.run_until(29 * MINUTE);
        assert_eq!(fleet.split(), (30, 0));
    }
}

#[test]
fn cover_that_finds_no_node_takes_nothing_away_before_its_time() {
    let mut fleet = at_the_peak();
    fleet.base_room = 13;
    fleet.interrupt(0, 120);
    fleet.run_until(74);
    assert_eq!(
        (fleet.pods_on(0), fleet.serving()),
        (2, 30),
        "one replica is covered, so one may go"
    );
    fleet.run_until(77);
    assert_eq!(fleet.pods_on(0), 0);
    fleet.run_until(200);
    assert_eq!((fleet.split(), fleet.serving()), ((15, 17), 30), "the others found room on spot");
}

#[test]
fn cover_may_exceed_the_maximum_and_does_not_raise_it() {
    let mut fleet = at_the_peak();
    fleet.interrupt(0, 120);
    let decision = fleet.decide();
    let sum = decision.placement.sum().get();
    assert_eq!((sum, decision.desired.get()), (33, 30));
    fleet.run_until(40);
    assert_eq!(fleet.split(), (15, 15));
}

#[test]
fn hold_downs_double_to_four_hours_and_are_forgotten_after_six_calm_ones() {
    let mut fleet = at_the_peak();
    let mut holds = Vec::new();
    for _ in 0..5 {
        let doomed: Vec<u64> = fleet.nodes.iter().map(|node| node.id).take(3).collect();
        for node in doomed {
            fleet.interrupt(node, 120);
            let pool = node % 6;
            fleet.add_node(pool);
        }
        let start = fleet.fleet.seconds();
        fleet.run_until(start + 200);
        assert_eq!(fleet.states.last().unwrap().1, SpotState::Fallback);
        let since = fleet.states.last().unwrap().0;
        while fleet.states.last().unwrap().1 == SpotState::Fallback {
            fleet.run_until(fleet.fleet.seconds() + 30);
        }
        holds.push((fleet.states.last().unwrap().0 - since) / MINUTE);
        fleet.run_until(fleet.fleet.seconds() + 40 * MINUTE);
        assert_eq!(fleet.states.last().unwrap().1, SpotState::Normal);
        assert_eq!(fleet.split(), (12, 18));
    }
    assert_eq!(holds, [30, 60, 120, 240, 240]);
    fleet.fleet.now += SignedDuration::from_hours(6);
    fleet.run_until(fleet.fleet.seconds() + 10);
    assert_eq!(fleet.fleet.memory.spot.fallbacks, 0);
}

#[test]
fn returning_rises_by_steps_and_only_when_the_last_is_ready() {
    let mut fleet = at_the_peak();
    for node in 0..6 {
        fleet.interrupt(node, 120);
    }
    fleet.run_until(20 * MINUTE);
    assert_eq!(fleet.split(), (30, 0));
    for pool in 0..6 {
        fleet.add_node(pool);
    }
    fleet.targets.clear();
    fleet.run_until(31 * MINUTE);
    let since = fleet.states.last().unwrap().0;
    assert_eq!(fleet.states.last().unwrap().1, SpotState::Returning);
    fleet.run_until(since + 60 * MINUTE);
    let spots: Vec<_> = fleet.targets.iter().map(|target| target.2).collect();
    assert_eq!(fleet.split(), (12, 18));
    assert!(spots.is_sorted(), "{:?}", fleet.targets);
    let mut steps = spots.clone();
    steps.dedup();
    assert_eq!(steps, [0, 3, 7, 10, 14, 18]);
    let times: Vec<_> = steps
        .iter()
        .map(|step| fleet.targets.iter().find(|target| target.2 == *step).unwrap().0)
        .collect();
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= 5 * MINUTE, "{times:?}");
    }
    assert_eq!(fleet.states.last().unwrap().1, SpotState::Normal);
}

#[test]
fn any_interruption_ends_a_return() {
    let mut fleet = at_the_peak();
    fleet.interrupt(0, 120);
    fleet.run_until(3 * MINUTE);
    assert_eq!(states(&fleet), [SpotState::Covering, SpotState::Returning]);
    fleet.run_until(15 * MINUTE);
    fleet.interrupt(1, 120);
    fleet.run_until(15 * MINUTE + 2);
    let covering =
        fleet.states.iter().rev().find(|(_, state)| *state == SpotState::Covering).unwrap().0;
    assert!(covering >= 15 * MINUTE, "{:?}", fleet.states);
    fleet.run_until(20 * MINUTE);
    assert_eq!(fleet.serving(), 30);
}

#[test]
fn inside_a_window_that_forbids_it_nothing_moves_back_to_spot() {
    for (spot_return, base) in [(SpotReturn::Forbidden, 15), (SpotReturn::Allowed, 12)] {
        let mut fleet = at_the_peak();
        let start = at(-MINUTE).to_zoned(TimeZone::UTC).time();
        fleet.fleet.policy.schedules.push(Schedule {
            name: apifleet_core::name::Name::parse("peak").unwrap(),
            calendar: Calendar {
                days: Days {
                    from: None,
                    to: None,
                    yearly: false,
                    exclude: Vec::new(),
                    weekdays: [true; 7],
                },
                start,
                end: End::NextDay(time(0, 0, 0, 0)),
                zone: TimeZone::UTC,
            },
            floor: Floor::Replicas(crate::fleet::replicas(12)),
            ceiling: None,
            lead: None,
            ramp: Duration::ZERO,
            spot_return,
        });
        fleet.interrupt(0, 120);
        fleet.add_node(6);
        let later = fleet.run_until(60 * MINUTE);
        assert_eq!(fleet.split().0, base, "{spot_return:?}");
        let returning = later.spot.unwrap().state == SpotState::Returning;
        assert_eq!(returning, spot_return == SpotReturn::Forbidden);
    }
}

#[test]
fn demand_that_rises_while_nodes_go_is_met_on_demand() {
    let mut fleet = SpotFleet::settled(spot_policy(), 20, 1000.0, 6);
    fleet.interrupt(0, 120);
    fleet.fleet.rps = 1500.0;
    fleet.run_until(60);
    let (base, spot) = fleet.split();
    assert_eq!((base + spot, fleet.serving(), fleet.fleet.size()), (30, 30, 30));
    assert!(spot <= 12, "nothing new on spot: {spot}");
}

#[test]
fn demand_that_falls_while_nodes_go_kills_no_replica_that_stays() {
    let mut fleet = at_the_peak();
    fleet.fleet.rps = 500.0;
    fleet.run_until(290);
    for node in 0..2 {
        fleet.interrupt(node, 120);
    }
    fleet.run_until(1500);
    let (base, spot) = fleet.split();
    assert_eq!((base + spot, fleet.serving()), (10, 10));
}

#[test]
fn a_node_that_is_not_ready_for_a_while_is_covered_and_comes_back() {
    let mut fleet = at_the_peak();
    fleet.node(2).not_ready = true;
    fleet.run_until(60);
    assert_eq!((fleet.split(), fleet.pods_on(2)), ((15, 18), 3));
    fleet.node(2).not_ready = false;
    fleet.run_until(120);
    assert_eq!(fleet.split(), (12, 18));
    assert_eq!(states(&fleet), [SpotState::Covering, SpotState::Normal]);
    assert!(!fleet.node(2).tainted);
}

/// A restarted run is never smaller in what it asks for than an uninterrupted one, and covers no later. With the last
/// write lost it may have forgotten that a node went, and so where replicas may be, but not how many there are.
#[test]
fn a_restart_at_any_step_of_a_loss_changes_nothing() {
    let play = |kill: Option<i64>, lost: bool| {
        let mut fleet = at_the_peak();
        let mut stored = serde_json::to_string(&fleet.fleet.memory).unwrap();
        let mut before = stored.clone();
        let mut said = None;
        let mut splits = Vec::new();
        for second in (0..900).step_by(2) {
            match second {
                10 => fleet.interrupt(0, 120),
                40 => fleet.interrupt(1, 30),
                60 => {
                    fleet.add_node(0);
                }
                _ => {}
            }
            if kill == Some(second) {
                let stored = if lost { &before } else { &stored };
                fleet.fleet.memory = Memory::resumed(serde_json::from_str(stored).ok());
            }
            fleet.fleet.now = at(second);
            let decision = fleet.decide();
            let now = Some((decision.desired, spot_reason(&decision)));
            if said != now {
                said = now;
                let memory = serde_json::to_string(&fleet.fleet.memory).unwrap();
                before = std::mem::replace(&mut stored, memory);
            }
            // Only where the write that told of the cover was lost may what is left of it be taken for growth.
            let most = if lost { 33 } else { 30 };
            assert!((30..=most).contains(&decision.desired.get()), "{decision:?}");
            splits.push((fleet.split(), fleet.serving()));
        }
        splits
    };
    let steady = play(None, false);
    for (kill, lost) in (0..200).step_by(2).flat_map(|kill| [(kill, false), (kill, true)]) {
        let restarted = play(Some(kill), lost);
        for (second, (a, b)) in steady.iter().zip(&restarted).enumerate() {
            let ((base, spot), serving) = *a;
            let ((base_too, spot_too), serving_too) = *b;
            assert!(
                (lost || base_too >= base)
                    && base_too + spot_too >= base + spot
                    && serving_too >= serving,
                "killed at {kill} ({lost}), at {}: {a:?} {b:?}",
                second * 2
            );
        }
    }
}

//! The scale-down window that is learned: removals that demand takes back make it longer, calm makes it shorter.

use crate::fleet::{Fleet, policy};
use apifleet_core::Memory;
use apifleet_core::patience::Patience;
use std::time::Duration;

const MINUTE: i64 = 60;

/// The window of the fleet now, in seconds.
fn window(fleet: &Fleet) -> u64 {
    fleet.memory.patience.window(&fleet.policy.behavior).as_secs()
}

/// Demand for this size until the instant, in minutes.
fn ask(fleet: &mut Fleet, size: u32, until: i64) {
    fleet.rps = f64::from(size * 50);
    fleet.run_until(until * MINUTE);
}

/// Demand for 20 replicas that falls to 15 for six minutes and comes back for six, again and again.
fn jumping(rounds: i64) -> Fleet {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    for round in 0..rounds {
        ask(&mut fleet, 15, round * 12 + 6);
        ask(&mut fleet, 20, round * 12 + 12);
    }
    fleet
}

#[test]
fn a_removal_that_demand_takes_back_doubles_the_window() {
    assert_eq!(window(&jumping(0)), 300);
    let once = jumping(1);
    assert!(once.sizes.iter().any(|(_, size)| *size < 20), "nothing was removed: {:?}", once.sizes);
    assert_eq!(window(&once), 600);
}

#[test]
fn traffic_that_jumps_about_is_left_alone_after_the_first_removal() {
    let fleet = jumping(10);
    assert_eq!(window(&fleet), 600, "{:?}", fleet.sizes);
    let removals = fleet.sizes.windows(2).filter(|pair| pair[1].1 < pair[0].1).count();
    assert!(removals <= 3, "{:?}", fleet.sizes);
    assert_eq!(fleet.size(), 20);
}

#[test]
fn the_window_has_an_end() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    let mut minute = 0;
    // Each fall lasts a little longer than the window, each time anew.
    for _ in 0..6 {
        minute += i64::try_from(window(&fleet)).unwrap() / MINUTE + 5;
        ask(&mut fleet, 12, minute);
        minute += 5;
        ask(&mut fleet, 20, minute);
    }
    assert_eq!(window(&fleet), 3600);
    // It is a window still: what stays away longer is removed.
    ask(&mut fleet, 12, minute + 61 + 10);
    assert_eq!(fleet.size(), 12);
}

#[test]
fn a_day_without_a_removal_that_is_taken_back_halves_the_window() {
    let mut fleet = jumping(1);
    ask(&mut fleet, 20, 23 * 60);
    assert_eq!(window(&fleet), 600);
    ask(&mut fleet, 20, 25 * 60);
    assert_eq!(window(&fleet), 300);
    assert_eq!(fleet.memory.patience.since, None, "nothing is left to forgive");
}

#[test]
fn a_removal_that_is_asked_for_again_much_later_was_right() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    ask(&mut fleet, 10, 120);
    ask(&mut fleet, 20, 125);
    assert_eq!((fleet.size(), window(&fleet)), (20, 300));
}

#[test]
fn a_window_that_is_given_stays_as_it_is() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    fleet.policy.behavior.longest_down_window = Duration::from_mins(5);
    ask(&mut fleet, 15, 6);
    ask(&mut fleet, 20, 12);
    assert_eq!((window(&fleet), fleet.memory.patience.since), (300, None));
}

#[test]
fn what_a_lowered_maximum_takes_away_says_nothing_of_the_traffic() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    fleet.policy.bounds = crate::fleet::bounds(10, 15);
    fleet.run_until(5 * MINUTE);
    assert_eq!(fleet.size(), 15);
    fleet.policy.bounds = crate::fleet::bounds(10, 30);
    fleet.run_until(6 * MINUTE);
    assert_eq!((fleet.size(), window(&fleet)), (20, 300));
}

#[test]
fn what_was_learned_outlives_a_restart() {
    let mut fleet = jumping(1);
    let stored = serde_json::to_string(&fleet.memory).unwrap();
    fleet.memory = Memory::resumed(Some(serde_json::from_str(&stored).unwrap()));
    assert_eq!(window(&fleet), 600);
    ask(&mut fleet, 15, 12 + 9);
    assert_eq!(fleet.size(), 20, "nothing was removed within the longer window");
}

#[test]
fn whatever_is_stored_the_window_has_its_bounds() {
    let mut behavior = policy().behavior;
    for doublings in [0, 1, 4, 5, 200, u8::MAX] {
        let window = Patience { doublings, ..Patience::default() }.window(&behavior);
        assert!((300..=3600).contains(&window.as_secs()), "{doublings}: {window:?}");
    }
    behavior.down.stabilization_window = Duration::MAX;
    let long = Patience { doublings: u8::MAX, ..Patience::default() };
    assert_eq!(long.window(&behavior), Duration::MAX);
}

//! Fleets that come, change, fail and go, and whose turn it is.

use super::*;
use crate::facts::tests::fleet;
use apifleet_crds::ApiFleetStatus;
use std::slice;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn member(surroundings: u64) -> Member {
    let (key, fact) = fleet("api", "2026-12-01T00:00:00Z", &["api"]);
    Member { key, fact, surroundings }
}

fn state() -> Box<FleetState> {
    Box::new(FleetState::resumed("api".to_owned(), ApiFleetStatus::default()))
}

/// The end of the `nth` reconcile.
fn done(nth: u64, ended: Ended) -> Done {
    Done { key: member(0).key, ticket: Ticket(nth), ended }
}

fn steady() -> Pace {
    Pace { within: Duration::from_secs(4), at: None }
}

#[test]
fn a_new_fleet_is_due_at_once_and_never_twice_at_the_same_time() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    assert_eq!(roster.due(now), slice::from_ref(&key));
    assert!(roster.hand_out(&key, now).unwrap().1.is_none(), "its state has to be read");
    assert!(roster.due(now + Duration::from_mins(1)).is_empty(), "it is with a reconcile");
    assert!(roster.hand_out(&key, now).is_none());
    roster.take_back(done(1, Ended::With(state(), Ok(steady()))), now, NOW);
    assert!(roster.due(now).is_empty());
    assert_eq!(roster.due(now + Duration::from_secs(4)), [key]);
}

#[test]
fn a_change_makes_a_fleet_due_at_once_even_while_it_is_reconciled() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    let _ = roster.hand_out(&key, now);
    roster.update(vec![member(1)], now);
    roster.take_back(done(1, Ended::With(state(), Ok(steady()))), now, NOW);
    assert_eq!(
        roster.due(now),
        slice::from_ref(&key),
        "the reconcile may not have seen the change"
    );
    let _ = roster.hand_out(&key, now);
    roster.take_back(done(2, Ended::With(state(), Ok(steady()))), now, NOW);
    assert!(roster.due(now).is_empty());
}

#[test]
fn what_something_has_happened_to_goes_before_those_whose_turn_it_is() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    let seen = |surroundings: [u64; 3]| -> Vec<Member> {
        let named = |(name, it)| Member { key: Key::new("shop", name), ..member(it) };
        ["a", "b", "c"].into_iter().zip(surroundings).map(named).collect()
    };
    roster.update(seen([0, 0, 0]), now);
    roster.update(seen([0, 0, 1]), now + Duration::from_secs(1));
    let later = now + Duration::from_secs(2);
    let names = |due: Vec<Key>| due.into_iter().map(|key| key.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(roster.due(later)), ["c", "a", "b"]);
    assert_eq!(roster.next_alarm(), None, "it waits for a slot, not for another pass");
    assert_eq!(names(roster.due(later)), ["c", "a", "b"], "it stays the first while it waits");
    let key = Key::new("shop", "c");
    let _ = roster.hand_out(&key, later);
    let done = Done { key, ..done(1, Ended::With(state(), Ok(steady()))) };
    roster.take_back(done, later, NOW);
    let again = later + steady().within;
    assert_eq!(names(roster.due(again)), ["a", "b", "c"], "once is enough");
}

#[test]
fn a_fleet_is_not_taken_up_as_it_was_seen_before_it_changed() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    let before = roster.fact(&key).unwrap();
    assert!(roster.is_due(&key, &before, now));
    roster.update(vec![member(1)], now);
    assert!(!roster.is_due(&key, &before, now));
    let after = roster.fact(&key).unwrap();
    assert!(roster.is_due(&key, &after, now));
    let _ = roster.hand_out(&key, now);
    assert!(!roster.is_due(&key, &after, now), "it is with a reconcile");
}

#[test]
fn a_fleet_that_panicked_comes_back_without_state_and_later() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    let _ = roster.hand_out(&key, now);
    roster.take_back(done(1, Ended::Without(Class::Bug)), now, NOW);
    assert!(roster.due(now + Duration::from_secs(1)).is_empty());
    assert_eq!(roster.due(now + backoff::LONGEST), slice::from_ref(&key));
    assert!(roster.hand_out(&key, now).unwrap().1.is_none());
}

#[test]
fn a_fleet_is_not_reconciled_twice_at_once_when_the_lease_was_lost_and_regained() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    let _ = roster.hand_out(&key, now);
    roster.clear();
    roster.update(vec![member(0)], now);
    roster.update(vec![member(1)], now);
    assert!(roster.due(now).is_empty(), "the reconcile from before is still under way");
    assert!(roster.hand_out(&key, now).is_none());
    assert_eq!(roster.next_alarm(), None, "waiting for it does not run hot");
    roster.take_back(done(7, Ended::Without(Class::Bug)), now, NOW);
    assert!(roster.due(now).is_empty(), "another number ends nothing");
    roster.take_back(done(1, Ended::With(state(), Ok(steady()))), now, NOW);
    assert_eq!(roster.due(now), slice::from_ref(&key));
    let (ticket, state) = roster.hand_out(&key, now).unwrap();
    assert_eq!(ticket, Ticket(2));
    assert!(state.is_none(), "what it knew is older than the lease");
}

#[test]
fn failures_wait_longer_each_time_and_never_past_the_bound() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    for nth in 1..=40 {
        let _ = roster.hand_out(&key, now);
        roster.take_back(done(nth, Ended::With(state(), Err(Class::Transient))), now, NOW);
    }
    assert!(roster.due(now + Duration::from_secs(9)).is_empty());
    assert_eq!(roster.due(now + backoff::LONGEST), [key]);
}

#[test]
fn while_nodes_are_taken_away_a_failure_puts_nothing_off() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    let moving = Duration::from_secs(2);
    let mut fail = |nth, urgent: Option<Pace>| {
        roster.update(vec![member(0)], now);
        let _ = roster.hand_out(&key, now);
        let mut state = state();
        state.urgent = urgent;
        let ended = Ended::With(state, Err(Class::Invalid));
        roster.take_back(done(nth, ended), now, NOW);
        let failures = roster.entries.get(&key).unwrap().failures;
        let alarm = roster.next_alarm();
        (roster.due(now + moving).len(), alarm, failures)
    };
    assert_eq!(fail(1, Some(Pace { within: moving, at: None })), (1, None, 1));
    let at = Timestamp::from_millisecond(1_500).ok();
    let alarm = Some(now + Duration::from_millis(1_500));
    assert_eq!(fail(2, Some(Pace { within: moving, at })), (1, alarm, 2));
    assert_eq!(fail(3, None), (0, None, 3), "when they are gone, it waits");
}

#[test]
fn another_fleet_of_the_same_name_does_not_inherit_the_state() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    let _ = roster.hand_out(&key, now);
    let mut other = member(0);
    other.fact = Arc::new(FleetFact { uid: "other".to_owned(), ..other.fact.as_ref().clone() });
    roster.update(vec![other], now);
    roster.take_back(done(1, Ended::With(state(), Ok(steady()))), now, NOW);
    assert!(
        roster.hand_out(&key, now).unwrap().1.is_none(),
        "the old one's state is not the new one's"
    );
}

#[test]
fn fleets_that_are_gone_are_named() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    roster.update(vec![member(0)], now);
    assert_eq!(roster.update(Vec::new(), now), [member(0).key]);
    assert!(roster.is_empty());
}

#[test]
fn a_foreseen_change_has_a_pass_of_its_own_and_a_past_one_has_none() {
    let now = Instant::now();
    let at = |millis| Pace {
        within: Duration::from_secs(4),
        at: Timestamp::from_millisecond(millis).ok(),
    };
    assert_eq!(alarm(at(1_500), now, NOW), Some(now + Duration::from_millis(1_500)));
    assert_eq!(alarm(at(60_000), now, NOW), None, "the regular look comes first");
    assert_eq!(alarm(at(-5_000), now, NOW), None);
    assert_eq!(alarm(steady(), now, NOW), None);
}

#[test]
fn a_fleet_keeps_its_pace_however_long_its_reconcile_takes() {
    let (mut roster, now, key) = (Roster::default(), Instant::now(), member(0).key);
    roster.update(vec![member(0)], now);
    let _ = roster.hand_out(&key, now);
    let ended = now + Duration::from_secs(1);
    roster.take_back(done(1, Ended::With(state(), Ok(steady()))), ended, NOW);
    assert_eq!(roster.next_alarm(), None);
    assert!(roster.due(now + Duration::from_secs(3)).is_empty());
    assert_eq!(
        roster.due(now + Duration::from_millis(3_900)),
        [key],
        "a pass takes it along a little early"
    );
}

//! Which fleets there are, which are due, and what is kept of each between its reconciles: no client, no clock.
//!
//! A fleet's state is handed out to its reconcile and taken back afterwards, so that a fleet is never reconciled
//! twice at once, and a slow or broken one occupies nothing but itself. Kept by [`crate::engine`].

use crate::backoff;
use crate::caches::Key;
use crate::error::Class;
use crate::facts::FleetFact;
use crate::schedule::Pace;
use crate::state::FleetState;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Passes come at a regular pace; a fleet is taken along that would be due this soon after one.
const EARLY: Duration = Duration::from_millis(250);

/// All fleets of the acting copy.
#[derive(Debug, Default)]
pub struct Roster {
    entries: HashMap<Key, Entry>,
    /// The reconciles under way. Outlives its fleet's entry: a fleet that comes back, as all do when the lease was
    /// lost and regained, waits for the reconcile that began before.
    away: HashMap<Key, Ticket>,
    last: Ticket,
}

/// The number of one reconcile; what ends under another number is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Entry {
    fact: Arc<FleetFact>,
    /// Changes when anything that a decision must follow at once does.
    surroundings: u64,
    due: Instant,
    /// A pass is wanted at this very instant, not only at the regular ones.
    alarm: Option<Instant>,
    /// When the last reconcile began.
    started: Instant,
    /// Something changed while the state was with a reconcile that may not have seen it.
    missed: bool,
    failures: u32,
    state: Presence,
}

/// Where a fleet's state is.
#[derive(Debug)]
enum Presence {
    /// Not read yet.
    Unknown,
    /// Here.
    Idle(Box<FleetState>),
    /// With the reconcile of this number.
    Away(Ticket),
}

/// A fleet as a pass finds it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its namespace and name.
    pub key: Key,
    /// What is known of it.
    pub fact: Arc<FleetFact>,
    /// A digest of its targets and their owners.
    pub surroundings: u64,
}

/// A reconcile that ended.
#[derive(Debug)]
pub struct Done {
    /// Whose.
    pub key: Key,
    /// The number that it was given.
    pub ticket: Ticket,
    /// How.
    pub ended: Ended,
}

/// How a reconcile ended.
#[derive(Debug)]
pub enum Ended {
    /// As it should; or it failed and has its state all the same.
    With(Box<FleetState>, Result<Pace, Class>),
    /// It lost its state: it panicked, took too long, or could not read it.
    Without(Class),
}

impl Roster {
    /// Takes in the fleets that there are; returns those that are gone.
    pub fn update(&mut self, members: Vec<Member>, now: Instant) -> Vec<Key> {
        let mut before = std::mem::take(&mut self.entries);
        for Member { key, fact, surroundings } in members {
            let entry = match before.remove(&key) {
                Some(entry) if entry.fact.uid == fact.uid => entry.changed(fact, surroundings, now),
                // New, or another fleet of the same name.
                _ => Entry {
                    fact,
                    surroundings,
                    due: now,
                    alarm: Some(now),
                    started: now,
                    missed: false,
                    failures: 0,
                    state: Presence::Unknown,
                },
            };
            self.entries.insert(key, entry);
        }
        before.into_keys().collect()
    }

    /// Forgets every fleet, and not what is under way: this copy acts no more.
    pub fn clear(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.entries).into_keys().collect()
    }

    /// The fleets that are due and not with a reconcile.
    #[must_use]
    pub fn due(&self, now: Instant) -> Vec<Key> {
        let due = |(key, entry): &(&Key, &Entry)| {
            entry.due <= now + EARLY && !self.away.contains_key(*key)
        };
        self.entries.iter().filter(due).map(|(key, _)| key.clone()).collect()
    }

    /// The next instant at which a fleet wants a pass of its own. All others are met by the regular ones: passes for
    /// each fleet's own time would ask Prometheus without end.
    #[must_use]
    pub fn next_alarm(&self) -> Option<Instant> {
        let here = |(key, _): &(&Key, &Entry)| !self.away.contains_key(*key);
        self.entries.iter().filter(here).filter_map(|(_, entry)| entry.alarm).min()
    }

    /// When one fleet wants a pass of its own. Asked whenever a reconcile ends: looking through all of them each time
    /// would take a time that grows with their square.
    #[must_use]
    pub fn alarm_of(&self, key: &Key) -> Option<Instant> {
        self.entries.get(key).filter(|_| !self.away.contains_key(key))?.alarm
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a fleet is still there.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        self.entries.contains_key(key)
    }

    /// What is known of a fleet.
    #[must_use]
    pub fn fact(&self, key: &Key) -> Option<Arc<FleetFact>> {
        self.entries.get(key).map(|entry| Arc::clone(&entry.fact))
    }

    /// Hands out the state of a fleet, unless it is with a reconcile; `None` within where it has to be read first.
    pub fn hand_out(
        &mut self,
        key: &Key,
        now: Instant,
    ) -> Option<(Ticket, Option<Box<FleetState>>)> {
        if self.away.contains_key(key) {
            return None;
        }
        let entry = self.entries.get_mut(key)?;
        self.last = Ticket(self.last.0.wrapping_add(1));
        self.away.insert(key.clone(), self.last);
        entry.started = now;
        entry.alarm = None;
        let state = match std::mem::replace(&mut entry.state, Presence::Away(self.last)) {
            Presence::Idle(state) => Some(state),
            Presence::Unknown | Presence::Away(_) => None,
        };
        Some((self.last, state))
    }

    /// Takes a fleet back after its reconcile. One that is gone, or was handed out anew since, is ignored.
    pub fn take_back(&mut self, done: Done, now: Instant, wall: Timestamp) {
        let Done { key, ticket, ended } = done;
        if self.away.get(&key) != Some(&ticket) {
            return;
        }
        self.away.remove(&key);
        let waits = |entry: &&mut Entry| matches!(entry.state, Presence::Away(it) if it == ticket);
        let Some(entry) = self.entries.get_mut(&key).filter(waits) else { return };
        let (state, result) = match ended {
            Ended::With(state, result) => (Presence::Idle(state), result),
            Ended::Without(class) => (Presence::Unknown, Err(class)),
        };
        entry.state = state;
        match result {
            Ok(pace) => {
                entry.failures = 0;
                entry.due = entry.started + pace.within;
                entry.alarm = alarm(pace, now, wall);
            }
            Err(class) => {
                entry.failures = entry.failures.saturating_add(1);
                entry.due = now + backoff::wait(class, entry.failures, backoff::spread());
                if let Presence::Idle(state) = &entry.state
                    && let Some(pace) = state.urgent
                {
                    entry.due = entry.due.min(entry.started + pace.within);
                    entry.alarm = alarm(pace, now, wall);
                }
            }
        }
        if std::mem::take(&mut entry.missed) {
            entry.alarm = Some(now);
        }
        entry.due = entry.alarm.map_or(entry.due, |alarm| alarm.min(entry.due));
    }
}

impl Entry {
    fn changed(mut self, fact: Arc<FleetFact>, surroundings: u64, now: Instant) -> Self {
        let same = self.fact.generation == fact.generation && self.surroundings == surroundings;
        if !same {
            self.due = now;
            self.alarm = Some(now);
            self.failures = 0;
            self.missed = matches!(self.state, Presence::Away(_));
        }
        self.fact = fact;
        self.surroundings = surroundings;
        self
    }
}

/// The instant of a foreseen change, where it comes before the regular look.
fn alarm(pace: Pace, now: Instant, wall: Timestamp) -> Option<Instant> {
    let until = Duration::try_from(pace.at?.duration_since(wall)).unwrap_or(Duration::ZERO);
    // One that has come already is no reason to run hot: the regular look is soon enough.
    (!until.is_zero() && until < pace.within).then(|| now + until)
}

#[cfg(test)]
mod tests {
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
            (roster.due(now + moving).len(), roster.next_alarm(), failures)
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
}

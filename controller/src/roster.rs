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
    /// A pass has come for its alarm: it goes before those whose turn it is by time.
    urgent: bool,
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
                // New, or another fleet of the same name. Due in this very pass, and no more urgent than the others: when
                // a copy begins to act, all are new.
                _ => Entry {
                    fact,
                    surroundings,
                    due: now,
                    alarm: None,
                    urgent: false,
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

    /// The fleets that are due and not with a reconcile, in the order in which they are to be taken up: first those that
    /// something has happened to, then those whose turn it is by time. Their alarms have been heard with that.
    pub fn due(&mut self, now: Instant) -> Vec<Key> {
        let mut due = Vec::new();
        for (key, entry) in &mut self.entries {
            if entry.is_due(now) && !self.away.contains_key(key) {
                entry.urgent |= entry.alarm.take().is_some();
                due.push((!entry.urgent, entry.due, key.clone()));
            }
        }
        due.sort_unstable();
        due.into_iter().map(|(_, _, key)| key).collect()
    }

    /// Whether a fleet is due and not with a reconcile, and still the one that was seen.
    #[must_use]
    pub fn is_due(&self, key: &Key, seen: &Arc<FleetFact>, now: Instant) -> bool {
        let due = |entry: &Entry| entry.is_due(now) && Arc::ptr_eq(&entry.fact, seen);
        self.entries.get(key).is_some_and(due) && !self.away.contains_key(key)
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
        entry.urgent = false;
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
    fn is_due(&self, now: Instant) -> bool {
        self.due <= now + EARLY
    }

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
mod tests;

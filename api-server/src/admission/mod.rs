//! Decides at once whether a request may begin, so that those that begin end in time.
//!
//! * [`share`]: who is refused first.
//! * [`limit`]: how many may be worked on at once, learned from latency.
//! * [`lag`]: how late worker threads get to their work.
//!
//! Nobody waits here: a queue in front of a full server only makes every answer later. Whoever gets a [`Slot`]
//! holds it while the store may be asked; reading a body holds none, or slow clients could fill the server. Probes
//! and metrics never ask. Called by [`crate::http`] and, for what it has promised to store, by [`crate::events`].

pub mod lag;
pub mod limit;
pub mod share;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::{Class, Metrics};
use limit::{Bounds, Limit};
use share::Load;

/// When the server counts as overloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overload {
    /// Between which numbers the limit may move.
    pub bounds: Bounds,
    /// The latency that the limit keeps to. Worker threads may lag by twice as much.
    pub target: Duration,
}

/// The door to the server, shared by all worker threads.
#[derive(Debug)]
pub struct Admission {
    in_use: AtomicU32,
    /// What `learned` says, readable without its lock.
    limit: AtomicU32,
    lag_limit: Duration,
    learned: Mutex<Limit>,
}

/// The right to work on a request; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Slot<'a> {
    admission: &'a Admission,
    since: Instant,
}

impl Admission {
    /// An open door.
    #[must_use]
    pub fn new(overload: Overload) -> Self {
        let learned = Limit::new(overload.bounds, overload.target, Instant::now());
        Self {
            in_use: AtomicU32::new(0),
            limit: AtomicU32::new(learned.value()),
            lag_limit: overload.target * 2,
            learned: Mutex::new(learned),
        }
    }

    /// Whether one more request of `class` would be let in now.
    #[must_use]
    pub fn is_open(&self, class: Class, lag: Duration) -> bool {
        self.load(self.in_use.load(Ordering::Acquire), lag).admits(class)
    }

    /// A slot, if one is free for this class.
    pub fn slot(&self, class: Class, lag: Duration) -> Option<Slot<'_>> {
        self.in_use
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |in_use| {
                self.load(in_use, lag).admits(class).then(|| in_use.saturating_add(1))
            })
            .ok()?;
        Some(Slot { admission: self, since: Instant::now() })
    }

    /// Tells the metrics how the door stands.
    pub fn observe(&self, metrics: &Metrics) {
        let (limit, in_use) = (&self.limit, &self.in_use);
        metrics.concurrency(limit.load(Ordering::Relaxed), in_use.load(Ordering::Relaxed));
    }

    fn load(&self, in_use: u32, lag: Duration) -> Load {
        let limit = self.limit.load(Ordering::Relaxed);
        Load { in_use, limit, lag, lag_limit: self.lag_limit }
    }

    fn ended(&self, since: Instant) {
        let in_use = self.in_use.fetch_sub(1, Ordering::AcqRel);
        let now = Instant::now();
        // Numbers are whole at every moment, whoever panicked while holding them.
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.learn(now, now.duration_since(since), in_use);
        self.limit.store(learned.value(), Ordering::Relaxed);
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.admission.ended(self.since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(limit: u32) -> Admission {
        let bounds = Bounds::new(limit, limit).unwrap();
        Admission::new(Overload { bounds, target: Duration::from_millis(100) })
    }

    #[test]
    fn a_full_server_refuses_at_once_and_takes_the_next_when_one_has_ended() {
        let door = door(10);
        let mut slots: Vec<_> =
            (0..10).map(|_| door.slot(Class::Critical, Duration::ZERO).unwrap()).collect();
        assert!(door.slot(Class::Critical, Duration::ZERO).is_none());
        assert!(!door.is_open(Class::Critical, Duration::ZERO));
        slots.pop();
        assert!(door.is_open(Class::Critical, Duration::ZERO));
        assert!(door.slot(Class::Critical, Duration::ZERO).is_some());
    }

    #[test]
    fn the_metrics_see_how_many_are_worked_on_and_may_be() {
        let (door, metrics) = (door(7), Metrics::default());
        let slots = [(); 3].map(|()| door.slot(Class::Background, Duration::ZERO).unwrap());
        door.observe(&metrics);
        drop(slots);
        let text = metrics.render().unwrap();
        for line in ["http_concurrency_limit 7", "http_concurrency_in_use 3"] {
            assert!(text.lines().any(|found| found == line), "no {line} in {text}");
        }
    }

    #[test]
    fn a_worker_that_lags_refuses_by_class_however_few_are_worked_on() {
        let door = door(100);
        let open = |ms| Class::ALL.map(|class| door.is_open(class, Duration::from_millis(ms)));
        assert_eq!(open(100), [true, true, true]);
        assert_eq!(open(150), [false, true, true]);
        assert_eq!(open(190), [false, false, true]);
        assert_eq!(open(200), [false, false, false]);
    }

    #[test]
    fn no_more_than_the_limit_begin_however_many_ask_at_once() {
        let door = door(8);
        let most = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let slots = [(); 3].map(|()| door.slot(Class::Critical, Duration::ZERO));
                        most.fetch_max(door.in_use.load(Ordering::Acquire), Ordering::AcqRel);
                        drop(slots);
                    }
                });
            }
        });
        assert_eq!(door.in_use.load(Ordering::Acquire), 0, "a slot was lost");
        assert!(most.load(Ordering::Acquire) <= 8);
    }
}

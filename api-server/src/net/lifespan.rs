//! The times of one connection: when it began, what it waits for, when it must go.
//!
//! Shared, within one worker thread, between the socket ([`super::connection`]), which sees bytes, and
//! the middleware ([`crate::http::measure`]), which sees requests. It only decides; the socket acts.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// How long the parts of a connection's life may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Age at which the next answer closes the connection, give or take a fifth.
    pub max_age: Duration,
    /// Longest silence between two requests.
    pub idle: Duration,
    /// Longest time from a request's first byte to its answer's last; also to the end of its head.
    pub request: Duration,
}

/// How long a new connection that has sent nothing is kept once idle connections close: its request is
/// probably on the way.
const GRACE_OF_NEW: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For a request, since then.
    Idle(Instant),
    /// For the rest of a request's head, since its first byte.
    Head(Instant),
    /// For us to answer.
    Answer,
}

/// The times of one connection.
#[derive(Debug)]
pub struct Lifespan {
    limits: Limits,
    accepted: Instant,
    expires: Instant,
    waiting: Cell<Waiting>,
    request_began: Cell<Instant>,
    answered: Cell<bool>,
}

impl Lifespan {
    /// A connection accepted at `now`.
    #[must_use]
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            accepted: now,
            expires: now + jitter(limits.max_age, random()),
            waiting: Cell::new(Waiting::Idle(now)),
            request_began: Cell::new(now),
            answered: Cell::new(false),
        }
    }

    /// Bytes arrived.
    pub fn received(&self, now: Instant) {
        if let Waiting::Idle(_) = self.waiting.get() {
            self.waiting.set(Waiting::Head(now));
        }
    }

    /// A request's head is complete: returns when its first byte arrived.
    pub fn request_began(&self, now: Instant) -> Instant {
        let began = match self.waiting.get() {
            Waiting::Head(first_byte) => first_byte,
            // A pipelined request came together with its predecessor: it begins when its turn comes.
            Waiting::Idle(_) | Waiting::Answer => now,
        };
        self.waiting.set(Waiting::Answer);
        self.request_began.set(began);
        began
    }

    /// When the request now being answered began.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.request_began.get()
    }

    /// The request was answered.
    pub fn request_answered(&self, now: Instant) {
        self.waiting.set(Waiting::Idle(now));
        self.answered.set(true);
    }

    /// Whether the connection has lived long enough that its next answer must close it.
    ///
    /// A Service balances connections, not requests: without an end to them, new replicas stay idle
    /// while old ones burn.
    #[must_use]
    pub fn is_old(&self, now: Instant) -> bool {
        now >= self.expires
    }

    /// Until when the socket may wait for bytes; `None` while a request is being answered.
    #[must_use]
    pub fn read_until(&self, closing: bool) -> Option<Instant> {
        match self.waiting.get() {
            Waiting::Answer => None,
            Waiting::Head(first_byte) => Some(first_byte + self.limits.request),
            Waiting::Idle(since) if closing && self.answered.get() => Some(since),
            Waiting::Idle(_) if closing => Some(self.accepted + GRACE_OF_NEW),
            Waiting::Idle(since) => Some(since + self.limits.idle),
        }
    }

    /// Longest time that the other side may leave our bytes untaken.
    #[must_use]
    pub fn write_limit(&self) -> Duration {
        self.limits.request
    }
}

/// `age` moved by up to a fifth either way, so that connections opened together do not end together.
fn jitter(age: Duration, random: u64) -> Duration {
    let permille = u32::try_from(random % 401).unwrap_or(0);
    age * (800 + permille) / 1000
}

/// A random number that is good enough to spread timers, from the standard library's hash seeds.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_age: Duration::from_secs(30),
        idle: Duration::from_secs(75),
        request: Duration::from_millis(1500),
    };

    #[test]
    fn ages_spread_over_a_fifth_either_way() {
        assert_eq!(jitter(LIMITS.max_age, 0), Duration::from_secs(24));
        assert_eq!(jitter(LIMITS.max_age, 200), Duration::from_secs(30));
        assert_eq!(jitter(LIMITS.max_age, 400), Duration::from_secs(36));
        let ages: std::collections::BTreeSet<_> =
            (0..64).map(|_| jitter(LIMITS.max_age, random())).collect();
        assert!(ages.len() > 16, "64 connections share {} ages", ages.len());
    }

    #[test]
    fn an_idle_connection_waits_for_the_idle_timeout() {
        let now = Instant::now();
        let span = Lifespan::new(LIMITS, now);
        assert_eq!(span.read_until(false), Some(now + LIMITS.idle));
    }

    #[test]
    fn a_head_must_be_complete_within_the_deadline_on_every_request_of_a_connection() {
        let now = Instant::now();
        let span = Lifespan::new(LIMITS, now);
        for request in 1..=3_u32 {
            let later = now + Duration::from_secs(5) * request;
            span.received(later);
            span.received(later + Duration::from_secs(1));
            assert_eq!(span.read_until(false), Some(later + LIMITS.request));
            assert_eq!(span.request_began(later + Duration::from_secs(1)), later);
            assert_eq!(span.read_until(true), None);
            span.request_answered(later + Duration::from_secs(1));
        }
    }

    #[test]
    fn closing_ends_answered_connections_at_once_and_gives_new_ones_a_moment() {
        let now = Instant::now();
        let fresh = Lifespan::new(LIMITS, now);
        assert_eq!(fresh.read_until(true), Some(now + GRACE_OF_NEW));
        fresh.received(now);
        fresh.request_began(now);
        fresh.request_answered(now);
        assert_eq!(fresh.read_until(true), Some(now));
    }

    #[test]
    fn closing_lets_a_request_that_has_begun_arrive() {
        let now = Instant::now();
        let span = Lifespan::new(LIMITS, now);
        span.received(now);
        assert_eq!(span.read_until(true), Some(now + LIMITS.request));
    }

    #[test]
    fn a_pipelined_request_begins_when_its_turn_comes() {
        let now = Instant::now();
        let span = Lifespan::new(LIMITS, now);
        span.received(now);
        span.request_began(now);
        let later = now + Duration::from_secs(1);
        span.request_answered(later);
        assert_eq!(span.request_began(later), later);
    }
}

//! Decides how many requests may be worked on at once, from how long they take.
//!
//! Additive increase, multiplicative decrease: while requests end within the target the limit grows, and when they
//! do not, and many were worked on at once, it shrinks by as much as they were late. Pure: the present moment is an
//! argument. Fed by [`super::Admission`]; the reasons are in `docs/adr/`.
//!
//! What is judged is the latency that an occupied slot sees, not the one that a request sees: with four cached
//! answers for each that asks the store the mean request is always fast, and yet the slots are full of slow ones.

use std::time::Duration;

use tokio::time::Instant;

/// The smallest and the greatest limit; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    floor: u32,
    ceiling: u32,
}

impl Bounds {
    /// `floor` to `ceiling`, if the one is not above the other.
    #[must_use]
    pub fn new(floor: u32, ceiling: u32) -> Option<Self> {
        (1..=ceiling).contains(&floor).then_some(Self { floor, ceiling })
    }

    fn hold(self, limit: u32) -> u32 {
        limit.clamp(self.floor, self.ceiling)
    }
}

/// What is allowed while nothing is known: enough for a burst of users, as nobody is refused without evidence.
const UNKNOWN: u32 = 256;
/// Shortest time between two judgements, and the fewest requests for one.
const WINDOW: Duration = Duration::from_millis(100);
const FEWEST: u32 = 5;
/// Slow windows in a row before the limit shrinks: a burst that drains by itself is no overload.
const PATIENCE: u32 = 2;
/// Silence after which what was learned is forgotten.
const FORGET: Duration = Duration::from_secs(10);
/// Bounds of one step down, in percent of the limit.
const STEEPEST: u64 = 50;
const GENTLEST: u64 = 95;

/// The limit and what it is learned from.
#[derive(Debug)]
pub struct Limit {
    bounds: Bounds,
    target: Duration,
    value: u32,
    window: Window,
    slow: u32,
    /// Until then requests end that began under the limit before: they say nothing about this one.
    deaf_until: Instant,
}

/// The requests that ended since the last judgement.
#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    last: Instant,
    count: u32,
    /// Sum of the times that requests took, and of their squares, in microseconds.
    took: u64,
    squares: u64,
    most_in_use: u32,
}

impl Window {
    fn new(now: Instant) -> Self {
        Self { began: now, last: now, count: 0, took: 0, squares: 0, most_in_use: 0 }
    }

    fn add(&mut self, now: Instant, took: Duration, in_use: u32) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last = now;
        self.count = self.count.saturating_add(1);
        self.took = self.took.saturating_add(took);
        self.squares = self.squares.saturating_add(took.saturating_mul(took));
        self.most_in_use = self.most_in_use.max(in_use);
    }

    fn is_complete(&self, now: Instant) -> bool {
        now.duration_since(self.began) >= WINDOW && self.count >= FEWEST
    }

    /// The latency that an occupied slot saw: the mean over requests, each weighted by how long it held its slot.
    fn latency(&self) -> Duration {
        Duration::from_micros(self.squares / self.took.max(1))
    }
}

impl Limit {
    /// A limit within `bounds` that keeps latency at `target`.
    #[must_use]
    pub fn new(bounds: Bounds, target: Duration, now: Instant) -> Self {
        let value = bounds.hold(UNKNOWN);
        Self { bounds, target, value, window: Window::new(now), slow: 0, deaf_until: now }
    }

    /// How many requests may be worked on at once.
    #[must_use]
    pub fn value(&self) -> u32 {
        self.value
    }

    /// Learns from a request that ended: how long it took, and how many were worked on with it.
    pub fn learn(&mut self, now: Instant, took: Duration, in_use: u32) {
        if now.duration_since(self.window.last) >= FORGET {
            *self = Self::new(self.bounds, self.target, now);
        }
        if now < self.deaf_until {
            return;
        }
        self.window.add(now, took, in_use);
        if self.window.is_complete(now) {
            self.judge(now);
            self.window = Window::new(now);
        }
    }

    fn judge(&mut self, now: Instant) {
        let latency = self.window.latency();
        // Slow with few at once is a slow store, not too many requests: refusing some would help nobody.
        let crowded = self.window.most_in_use.saturating_mul(2) >= self.value;
        if latency <= self.target {
            self.slow = 0;
            self.grow(crowded, latency);
        } else if crowded {
            self.slow += 1;
            if self.slow >= PATIENCE {
                self.slow = 0;
                self.shrink(latency);
                self.deaf_until = now + latency;
            }
        } else {
            self.slow = 0;
        }
    }

    /// Above what is allowed without evidence only because many at once were fast. Far from the target in long steps, near it in short ones.
    fn grow(&mut self, crowded: bool, latency: Duration) {
        let most = if crowded { self.bounds.ceiling } else { self.bounds.hold(UNKNOWN) };
        if self.value < most {
            let near = latency * 2 > self.target;
            let step = if near { self.value.isqrt() } else { self.value / 2 };
            self.value = self.value.saturating_add(step.max(1)).min(most);
        }
    }

    fn shrink(&mut self, latency: Duration) {
        let percent = self.target.as_micros() * 100 / latency.as_micros().max(1);
        let percent = u64::try_from(percent).unwrap_or(GENTLEST).clamp(STEEPEST, GENTLEST);
        let lower = u64::from(self.value) * percent / 100;
        self.value = self.bounds.hold(u32::try_from(lower).unwrap_or(self.bounds.ceiling));
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;

//! How soon the operator looks again: every two seconds while something moves, else every four, and at the instant for
//! which the last decision foresees another answer. The same rule as the operator's own (`controller`, `schedule`).

use apifleet_core::decision::SpotState;
use apifleet_core::signal::Signal;
use apifleet_core::{Decision, Replicas, Rps};

/// While something moves, in seconds.
const MOVING: u32 = 2;
/// While nothing does.
const STEADY: u32 = 4;
/// A request rate that differs by this share from the last one moves.
const MOVED: f64 = 0.05;

/// How soon it looks again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    seconds: u32,
    last: Option<Rps>,
}

impl Pace {
    /// Seconds until the next look.
    pub(super) fn seconds(self) -> u32 {
        self.seconds.clamp(1, STEADY)
    }

    /// Takes a decision into account.
    pub(super) fn after(&mut self, decision: &Decision, ready: Replicas) {
        let rate = match decision.signals.request_rate {
            Signal::Fresh { value, .. } | Signal::Warming { value } => Some(value),
            Signal::Idle
            | Signal::Stale { .. }
            | Signal::Absent { .. }
            | Signal::Invalid { .. } => None,
        };
        let moved = match (self.last, rate) {
            (Some(before), Some(now)) => (now.get() - before.get()).abs() > MOVED * before.get(),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        self.last = rate;
        let covering = decision.spot.is_some_and(|spot| spot.state == SpotState::Covering);
        let busy = moved
            || covering
            || !decision.drains.is_empty()
            || decision.previous != decision.desired
            || decision.findings.scaling_limited.holds
            || ready < decision.desired;
        let within = if busy { MOVING } else { STEADY };
        // Whole seconds: one that has begun counts.
        let next = decision.next.map(|next| next.at.duration_since(decision.at));
        let next = next.map(|left| left.as_secs() + i64::from(left.subsec_nanos() > 0));
        let next = next.and_then(|left| u32::try_from(left).ok()).filter(|left| *left > 0);
        self.seconds = next.map_or(within, |next| next.min(within));
    }
}

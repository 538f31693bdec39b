//! Stage 6: what the size must not be above. A fleet that is above its ceiling, because `maxReplicas` was lowered,
//! falls to it by the scale-down policies, and not before one full window of trusted signals: an edit is no cliff.

use super::Outcome;
use super::limits::Limits;
use super::rate::lowest;
use crate::quantity::Replicas;
use crate::why::Why;
use crate::window::signed;

/// Lowers to the ceiling.
#[must_use]
pub fn ceilings(limits: &Limits, asks: Replicas) -> Outcome {
    let max = limits.policy.bounds.max();
    if asks <= max {
        return Outcome::unchanged(asks);
    }
    let keeps = if limits.current > max { falling(limits, max) } else { max };
    let keeps = keeps.min(asks);
    Outcome { replicas: keeps, why: Why::AtMax { asks, max, keeps } }
}

/// How far a fleet above its ceiling may fall now.
fn falling(limits: &Limits, max: Replicas) -> Replicas {
    let window = signed(limits.policy.signals.window);
    let trusted =
        limits.memory.trusted_since.is_some_and(|since| limits.now.duration_since(since) >= window);
    if !trusted {
        return limits.current;
    }
    let changes = &limits.memory.changes;
    max.max(lowest(&limits.policy.behavior.down, changes, limits.current, limits.now))
}

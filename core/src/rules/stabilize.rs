//! Stage 3: the HPA's stabilisation windows. When removing, the highest recommendation of the window counts; when
//! adding, the lowest. How long the window for removing is may be learned: [`crate::patience`].

use super::Outcome;
use super::limits::Limits;
use crate::quantity::Replicas;
use crate::why::Why;
use crate::window::{extremum, signed};

/// What the windows make of a recommendation.
#[must_use]
pub fn stabilize(limits: &Limits, asks: Replicas) -> Outcome {
    let behavior = &limits.policy.behavior;
    let (high, low, window) = if asks < limits.current {
        let window = limits.memory.patience.window(behavior);
        (extremum(&limits.memory.highs, limits.now, window), None, window)
    } else {
        let window = behavior.up.stabilization_window;
        (None, extremum(&limits.memory.lows, limits.now, window), window)
    };
    let keeps = match (high, low) {
        (Some(high), _) => asks.max(high.replicas.min(limits.current)),
        (None, Some(low)) => asks.min(low.replicas.max(limits.current)),
        (None, None) => asks,
    };
    let Some(decisive) = high.or(low).filter(|_| keeps != asks) else {
        return Outcome::unchanged(asks);
    };
    let until = decisive.at.saturating_add(signed(window)).unwrap_or(limits.now);
    Outcome { replicas: keeps, why: Why::Stabilized { asks, keeps, window, until } }
}

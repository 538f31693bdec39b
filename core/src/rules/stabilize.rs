//! Stage 3: the HPA's stabilisation windows. When removing, the highest recommendation of the window counts; when
//! adding, the lowest.

use super::Outcome;
use super::limits::Limits;
use crate::quantity::Replicas;
use crate::why::Why;
use crate::window::{extremum, signed};

/// What the windows make of a recommendation.
#[must_use]
pub fn stabilize(limits: &Limits, asks: Replicas) -> Outcome {
    let (up, down) = (&limits.policy.behavior.up, &limits.policy.behavior.down);
    let (high, low, window) = if asks < limits.current {
        let high = extremum(&limits.memory.highs, limits.now, down.stabilization_window);
        (high, None, down.stabilization_window)
    } else {
        let low = extremum(&limits.memory.lows, limits.now, up.stabilization_window);
        (None, low, up.stabilization_window)
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
    Outcome { replicas: keeps, why: Why::Stabilized { asks, keeps, until } }
}

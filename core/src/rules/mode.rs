//! Stage 7: what the fleet's mode allows. `Observe` decides the same as `Enforce`; that nothing is written is the
//! caller's part.

use super::Outcome;
use crate::policy::Mode;
use crate::quantity::Replicas;
use crate::why::Why;

/// Keeps what the mode does not allow to be removed.
#[must_use]
pub fn mode(mode: Mode, current: Replicas, asks: Replicas) -> Outcome {
    match mode {
        Mode::Observe => Outcome { replicas: asks, why: Why::ObserveOnly },
        Mode::ScaleOutOnly if asks < current => {
            Outcome { replicas: current, why: Why::ScaleOutOnly { asks, keeps: current } }
        }
        Mode::Enforce | Mode::ScaleOutOnly => Outcome::unchanged(asks),
    }
}

//! The stages of a decision, each a small pure function in a file of its own, in the order in which
//! [`crate::decide`] folds them:
//!
//! 1. [`trust`]: which signals can be believed.
//! 2. [`demand`]: what demand asks for, with the latency [`guard`]; the result is the recommendation.
//! 3. [`stabilize`]: the windows that keep a short dip from removing replicas.
//! 4. [`rate`]: how fast the size may change.
//! 5. [`floors`]: what the size must not be below.
//! 6. [`ceilings`]: what it must not be above.
//! 7. [`mode`]: what the fleet's mode allows.
//! 8. [`place`]: the split between the targets.
//!
//! [`limits`] folds 3 to 7, which depend on the clock alone, so that [`next`] can ask when the answer will change.
//! What people ordered for a while ([`crate::overrides`]) has no stage of its own: a hold takes the place of stage 3, a
//! floor is one of stage 5, a ceiling one of stage 6, a pin both, and a fleet without spot is stage 8's.

pub mod ceilings;
pub mod demand;
pub mod floors;
pub mod guard;
pub mod limits;
pub mod mode;
pub mod next;
pub mod place;
pub(crate) mod pre_warm;
pub mod rate;
pub mod stabilize;
pub mod trust;

use crate::quantity::Replicas;
use crate::why::Why;

/// What a stage made of its input, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The size.
    pub replicas: Replicas,
    /// Why.
    pub why: Why,
}

impl Outcome {
    /// What a stage says that changes nothing.
    #[must_use]
    pub const fn unchanged(replicas: Replicas) -> Self {
        Self { replicas, why: Why::NotLimited }
    }
}

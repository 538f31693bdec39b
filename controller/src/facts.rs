//! What is kept of each kind of object: the few fields that decisions need, one file a kind. Pure.
//!
//! Filled into [`crate::caches`]; read by [`crate::observe`] and [`crate::conflicts`].

mod autoscaler;
mod deployment;
mod fleet;
pub mod interruption;
mod node;
pub mod order;
mod pod;
mod policy;
mod startup;

pub use autoscaler::{AutoscalerFact, HpaFact, ScaledObject, ScaledObjectFact};
pub use deployment::DeploymentFact;
pub use fleet::{FleetFact, Meaningless, PolicyUse};
pub use node::NodeFact;
pub use order::OrderFact;
pub use pod::PodFact;
pub use policy::PolicyFact;
pub use startup::Birth;

#[cfg(test)]
pub(crate) use fleet::tests;

/// A number that stands for a text and stays the same over restarts (FNV-1a). 53 bits, as every reader of JSON keeps
/// whole; that two of some thousand nodes share one is a matter of one in a billion.
#[must_use]
pub fn fingerprint(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 11
}

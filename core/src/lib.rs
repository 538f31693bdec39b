//! The scaling decision of ApiFleet.
//!
//! [`decide`] takes what a fleet's owner asked for ([`FleetPolicy`]), what was seen ([`Observation`]), what is
//! remembered ([`Memory`]) and the time, and returns a [`Decision`] with the ledger of how it came about, and the
//! memory for the next call. It is pure, total and deterministic: no clock, no I/O, no randomness, no panic.
//! The operator, the command line and the simulator all call this one function.
//!
//! Where to start reading: [`decide`] folds the stages of [`rules`] in their documented order; each stage is a
//! small file of its own. [`policy`], [`observation`] and [`memory`] are its inputs, [`decision`] its output.
//!
//! This crate never talks to Kubernetes or Prometheus and never reads the time: whoever calls it does.

pub mod behavior;
pub mod changes;
mod decide;
pub mod decision;
pub mod dependencies;
pub mod memory;
pub mod name;
pub mod observation;
pub mod overrides;
pub mod patience;
pub mod policy;
pub mod quantity;
pub mod reason;
pub mod rules;
pub mod schedule;
pub mod signal;
pub mod spot;
mod start;
mod unknown;
pub mod why;
pub mod window;

pub use changes::Change;
pub use decide::decide;
pub use decision::Decision;
pub use memory::Memory;
pub use observation::Observation;
pub use policy::FleetPolicy;
pub use quantity::{Millis, Percent, Replicas, Rps};
pub use reason::Reason;
pub use why::Why;

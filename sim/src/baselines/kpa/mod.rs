//! Knative's Pod Autoscaler (KPA) on requests per second.
//!
//! After Knative serving 98e5ef9 (baselines.md 2.3). [`buckets`] averages what is scraped each second, [`decide`] is one
//! tick, [`scaler`] lets the simulator run it.

pub mod buckets;
pub mod decide;
pub mod scaler;

pub use scaler::{Kpa, Tuning};

//! Replays traffic through an autoscaler, second by second, and scores what became of it.
//!
//! Where to start reading: [`run::simulate`] runs a [`run::Scenario`] with a [`scaler::Scaler`]. Traffic comes from
//! [`trace`] and is drawn into whole requests by [`load`]; [`plant`] is the fleet (pods, nodes, queue, latency),
//! [`metrics`] is what a Prometheus in front of it would answer, [`faults`] is what goes wrong. [`ours`] runs the very
//! decision of the operator (`apifleet_core::decide`), [`baselines`] are the peers and [`oracle`] knows the future.
//! [`score`] and [`series`] are what a run leaves; [`report`] shows them.
//!
//! Everything here is a function of its inputs and a seed: no clock, no network, no file. The same seed gives the same
//! bytes.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "what is exact is compared exactly"))]

pub mod baselines;
pub mod confidence;
pub mod faults;
pub mod load;
pub mod metrics;
pub mod oracle;
pub mod ours;
pub mod plan;
pub mod plant;
pub mod report;
pub mod run;
pub mod scaler;
pub mod score;
pub mod series;
pub mod trace;

pub use faults::{Fault, FaultKind};
pub use load::Load;
pub use metrics::{Answer, Metrics};
pub use run::{Run, Scenario, simulate, simulate_load};
pub use scaler::{Pod, Scaler, View};
pub use score::Score;
pub use series::Series;
pub use trace::Trace;

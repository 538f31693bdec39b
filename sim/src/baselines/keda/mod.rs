//! KEDA: `prometheus` and `cron` triggers, served to the HPA as external metrics.
//!
//! After KEDA 8b4f083 (baselines.md 2.2). The parts: [`prometheus`] and [`super::calendar`] are the triggers,
//! [`fallback`] replaces one that fails, [`executor`] wakes a fleet and lets it sleep, [`scaler`] puts them before the
//! HPA's controller and lets the simulator run them. Not modelled: `scalingModifiers`, and pausing.

pub mod executor;
pub mod fallback;
pub mod prometheus;
pub mod scaler;

pub use scaler::{Keda, Tuning};

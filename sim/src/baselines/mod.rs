//! The peers: other autoscalers, modelled exactly enough to be compared with, and the list of them.
//!
//! Each file names what it follows; constants, order of steps and the test vectors come from the peers' own code and
//! documentation. Each peer is a pure step on plain inputs, and an adapter that lets the simulator run it as a
//! [`Scaler`]; a restart takes from it exactly what the peer keeps in memory only, and a metric that cannot be read does
//! to it what it does to the peer.
//!
//! Where to start reading: [`ALL`] lists them. [`named`] makes one with its defaults; [`Baseline::grid`] is what the
//! bench tries on the first days, and [`Tuning::build`] makes one of those. The oracles are in [`crate::oracle`].

pub mod aws;
pub mod calendar;
pub mod count;
pub mod fixed;
pub mod gcp;
pub mod hpa;
pub mod keda;
pub mod kpa;
pub mod phpa;
mod registry;
pub mod seasonal;
#[cfg(test)]
pub(crate) mod testing;
pub mod wpa;
pub mod zalando;

pub use calendar::{DailyWindow, busy_hours};
pub use registry::{ALL, Baseline, Tuning, by_name, named};

use calendar::Schedule;
use jiff::civil::time;
use jiff::tz::TimeZone;

/// A second of Unix time.
pub type Second = i64;

/// What all baselines are told of the service that they scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Requests per second that a replica is planned to carry.
    pub target_per_replica: f64,
    /// The clock that the windows are in.
    pub zone: TimeZone,
    /// The windows of those baselines that have schedules: KEDA's `cron`, AWS' scheduled actions, Zalando's.
    pub windows: Vec<DailyWindow>,
}

impl Default for Settings {
    /// The plan that everyone starts from: 50 requests per second, 20 replicas from 08:00 to 20:00 UTC.
    fn default() -> Self {
        let window = DailyWindow { start: time(8, 0, 0, 0), end: time(20, 0, 0, 0), replicas: 20 };
        Self { target_per_replica: 50.0, zone: TimeZone::UTC, windows: vec![window] }
    }
}

impl Settings {
    /// The windows as schedules that can be asked again and again.
    #[must_use]
    pub fn schedules(&self) -> Vec<Schedule> {
        let schedule = |window: &DailyWindow| Schedule::new(*window, self.zone.clone());
        self.windows.iter().map(schedule).collect()
    }
}

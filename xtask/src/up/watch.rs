//! The run as a series of samples: what was sent beside what the fleet had and said at each instant.

use apifleet_local::fleet::{self, Moment};
use serde::Serialize;
use std::time::Duration;

/// The fleet at one instant of the play.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(crate) struct Sample {
    /// Seconds since the play began.
    pub(crate) at_s: f64,
    /// Which part of the play.
    pub(crate) act: &'static str,
    /// Requests per second that are sent.
    pub(crate) offered: u32,
    /// Requests per second, as the operator sees them.
    pub(crate) seen_rps: Option<f64>,
    /// p95 in milliseconds, as the operator sees it.
    pub(crate) p95_ms: Option<f64>,
    pub(crate) on_demand: Target,
    pub(crate) spot: Target,
    /// The operator's last decision, in a sentence.
    pub(crate) why: String,
}

/// Replicas of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Target {
    pub(crate) wanted: u32,
    pub(crate) ready: u32,
}

impl Sample {
    /// What was seen at a moment, while an act was being played.
    pub(crate) fn of(moment: &Moment, began: Duration, act: &'static str, offered: u32) -> Self {
        let target = |t: fleet::Target| Target { wanted: t.wanted, ready: t.ready };
        Self {
            at_s: super::report::seconds(moment.at.saturating_sub(began)),
            act,
            offered,
            seen_rps: moment.seen_rps,
            p95_ms: moment.latency_ms,
            on_demand: target(moment.on_demand),
            spot: target(moment.spot),
            why: moment.summary.clone(),
        }
    }

    pub(crate) fn wanted(&self) -> u32 {
        self.on_demand.wanted + self.spot.wanted
    }

    pub(crate) fn ready(&self) -> u32 {
        self.on_demand.ready + self.spot.ready
    }
}

//! The run as a series of samples: what was sent beside what the fleet had and said at each instant.

use super::scene::Act;
use apifleet_local::fleet::{self, Moment};
use apifleet_local::stack::Demand;
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
    /// Requests per second, as Prometheus sees them over a minute.
    pub(crate) seen_rps: Option<f64>,
    /// p95 in milliseconds, as Prometheus sees it over a minute.
    pub(crate) p95_ms: Option<f64>,
    pub(crate) on_demand: Target,
    pub(crate) spot: Target,
    /// The floor that a schedule sets, in replicas; null where none does.
    pub(crate) floor: Option<u32>,
    /// How far that schedule is.
    pub(crate) phase: Option<String>,
    /// The state of the spot capacity.
    pub(crate) spot_state: String,
    /// On-demand replicas that are there only because spot is being lost.
    pub(crate) cover: u32,
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
    /// What was seen at a moment, beside the demand that was known then.
    pub(crate) fn of(moment: &Moment, began: Duration, act: Option<Act>, demand: Demand) -> Self {
        let target = |t: fleet::Target| Target { wanted: t.wanted, ready: t.ready };
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        Self {
            at_s: super::report::seconds(moment.at.saturating_sub(began)),
            act: act.map_or("", |act| act.name),
            offered: act.map_or(0, |act| act.rate),
            seen_rps: demand.rps.map(tenths),
            p95_ms: demand.p95_ms.map(tenths),
            on_demand: target(moment.on_demand),
            spot: target(moment.spot),
            floor: (moment.floor > 0).then_some(moment.floor),
            phase: Some(moment.phase.clone()).filter(|phase| !phase.is_empty()),
            spot_state: moment.spot_state.clone(),
            cover: moment.cover,
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

//! [`simulate`]: runs a scenario with an autoscaler, one second after the other, and scores it.

mod engine;

use crate::faults::Fault;
use crate::load::Load;
use crate::plant::spot::SpotPool;
use crate::scaler::Scaler;
use crate::score::{Day, Score};
use crate::series::Series;
use crate::trace::Trace;
use apifleet_core::Replicas;
use apifleet_core::policy::Bounds;
use engine::Engine;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A fleet that begins has so many requests per second a pod.
const SETTLED: f64 = 50.0;

/// All that a run depends on but for the autoscaler.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The traffic.
    pub trace: Arc<Trace>,
    /// The smallest and the largest size.
    pub bounds: Bounds,
    /// The size with which it begins, all Ready; `None` where nobody knows: then at 50 requests per second a pod.
    pub size: Option<Replicas>,
    /// How long a pod takes to become Ready.
    pub lag: Lag,
    /// Draws arrivals and phases.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Seconds between two scrapes.
    pub scrape_interval: u32,
    /// The spot nodes; `None` where all nodes are on demand.
    pub spot: Option<SpotPool>,
    /// Seconds at the beginning that are lived through and not scored: what policies were tuned on.
    pub unscored: u32,
}

/// How long a pod takes to become Ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lag {
    /// Seconds from its creation, or from when its node is Ready.
    pub pod: u32,
    /// Seconds until a new node is Ready, for a pod that finds no room: more pods than there were in the last ten
    /// minutes.
    pub node: u32,
}

/// What a run left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The autoscaler's name.
    pub policy: String,
    /// What arrivals and phases were drawn from.
    pub seed: u64,
    /// Minute by minute, from the start of the trace.
    pub series: Series,
    /// The score, of what is scored.
    pub score: Score,
    /// The same, day by day (24 hours each, from the first scored second; the last may be shorter).
    pub days: Vec<Day>,
}

impl Scenario {
    /// Without faults or spot, scored whole: pods are Ready after `lag` seconds, scrapes are 5 s apart.
    #[must_use]
    pub fn new(trace: Arc<Trace>, bounds: Bounds, lag: u32, seed: u64) -> Self {
        Self {
            trace,
            bounds,
            size: None,
            lag: Lag { pod: lag, node: 0 },
            seed,
            faults: Vec::new(),
            scrape_interval: 5,
            spot: None,
            unscored: 0,
        }
    }

    /// The smallest and the largest size, as plain numbers.
    #[must_use]
    pub fn sizes(&self) -> (u32, u32) {
        (self.bounds.min().get(), self.bounds.max().get())
    }
}

/// Runs a scenario with an autoscaler.
#[must_use]
pub fn simulate(scenario: &Scenario, scaler: &mut dyn Scaler) -> Run {
    simulate_load(scenario, &Load::draw(&scenario.trace, scenario.seed), scaler)
}

/// The same on requests that are drawn already: a [`Load`] of the scenario's trace and seed serves every autoscaler.
#[must_use]
pub fn simulate_load(scenario: &Scenario, load: &Load, scaler: &mut dyn Scaler) -> Run {
    let mut engine = Engine::new(scenario, load, scaler.period());
    for (second, arrivals) in (0..).zip(load.arrivals()) {
        engine.second(second, *arrivals, scaler);
    }
    engine.finish(scaler.name())
}

/// The size with which a run begins, all Ready: the known one, else at 50 requests per second a pod.
pub(crate) fn first_size(scenario: &Scenario) -> u32 {
    let (min, max) = (scenario.bounds.min(), scenario.bounds.max());
    let settled = || Replicas::ceil(scenario.trace.rate_at(0) / SETTLED).clamp(min, max);
    scenario.size.unwrap_or_else(settled).get()
}

#[cfg(test)]
mod tests;

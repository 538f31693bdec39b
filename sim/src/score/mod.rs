//! The scorecard of a run. Nothing is folded into one number.

mod changes;
pub(crate) mod keeper;
mod steps;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of the scored part of a run.
///
/// Under- and over-provisioning are the elasticity metrics of SPEC's research group (Herbst et al., "Ready for Rain?
/// A View from SPEC Research on the Future of Cloud Metrics", 2016): accuracy is by how much of the demanded size the
/// Ready size was wrong on average, time the share of time in which it was; both in percent. The demanded size is the
/// smallest within the bounds that carries the arrivals of the last ten seconds at 85 % of saturation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// Minutes that were scored.
    pub minutes: u32,
    /// Minutes whose p95 was above 200 ms, or of which a request was turned away.
    pub violating_minutes: u32,
    /// The worst of those: by requests turned away, then by p95.
    pub worst_minute: Option<Timestamp>,
    /// Hours of every pod that existed, Ready or not: the cost.
    pub replica_hours: f64,
    /// Requests that arrived.
    pub requests: f64,
    /// Requests that were turned away, of a million.
    pub unserved_ppm: f64,
    /// Fewer Ready pods than demanded.
    pub under: Provisioning,
    /// More Ready pods than demanded.
    pub over: Provisioning,
    /// How often the wanted size changed.
    pub changes: u32,
    /// Changes within 10 minutes after one in the other direction.
    pub reversals_10min: u32,
    /// Changes within 30 minutes after one in the other direction.
    pub reversals_30min: u32,
    /// Pods that were started.
    pub pods_started: u32,
    /// Days that were scored: what "a day" divides by.
    pub days: f64,
    /// Steps of demand by 100 % or more.
    pub steps: u32,
    /// Seconds from such a step until Ready pods carried it, of half of the steps; `None` without a step.
    pub reaction_p50_s: Option<f64>,
    /// Seconds from such a step until Ready pods carried it, of 95 % of the steps.
    pub reaction_p95_s: Option<f64>,
}

/// How wrong the Ready size was in one direction, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioning {
    /// By how much of the demanded size, on average over all time.
    pub accuracy: f64,
    /// For how much of the time.
    pub time: f64,
}

/// One day of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// When it begins.
    pub start: Timestamp,
    /// Its minutes.
    pub minutes: u32,
    /// See [`Score::violating_minutes`].
    pub violating_minutes: u32,
    /// See [`Score::replica_hours`].
    pub replica_hours: f64,
    /// Requests that arrived.
    pub requests: f64,
    /// Requests that were turned away.
    pub unserved: f64,
    /// See [`Score::changes`].
    pub changes: u32,
    /// See [`Score::reversals_10min`].
    pub reversals_10min: u32,
    /// See [`Score::reversals_30min`].
    pub reversals_30min: u32,
}

/// What a run cost, as a multiple of what an oracle's did on the same work.
#[must_use]
pub fn cost_ratio(score: &Score, oracle: &Score) -> f64 {
    score.replica_hours / oracle.replica_hours
}

impl Score {
    /// A count, per scored day; 0 where nothing was scored.
    #[must_use]
    pub fn per_day(&self, count: u32) -> f64 {
        if self.days > 0.0 { f64::from(count) / self.days } else { 0.0 }
    }
}

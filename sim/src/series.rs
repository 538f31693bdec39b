//! What a run looked like, minute by minute: for plots, and for scores that compare runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One value a minute of each; the last minute may be a shorter one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// When the first minute begins.
    pub start: Timestamp,
    /// The length of a step in seconds: 60.
    pub step_seconds: u32,
    /// Requests per second that arrived, on average.
    pub demand: Vec<f64>,
    /// `spec.replicas` at the end of the minute.
    pub wanted: Vec<u32>,
    /// Ready pods at the end of the minute.
    pub ready: Vec<u32>,
    /// The 95th percentile of latency in milliseconds; 0 where there were no requests.
    pub p95_millis: Vec<f64>,
    /// Requests of the minute that were turned away.
    pub unserved: Vec<f64>,
}

impl Series {
    /// Without a minute yet.
    #[must_use]
    pub fn new(start: Timestamp, minutes: usize) -> Self {
        Self {
            start,
            step_seconds: 60,
            demand: Vec::with_capacity(minutes),
            wanted: Vec::with_capacity(minutes),
            ready: Vec::with_capacity(minutes),
            p95_millis: Vec::with_capacity(minutes),
            unserved: Vec::with_capacity(minutes),
        }
    }

    /// The minutes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.demand.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.demand.is_empty()
    }
}

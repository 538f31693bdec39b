//! Where a fleet's signals are read: parsed names and windows, for whoever builds queries. No query language here.

use crate::names::{LabelName, LabelPattern, LabelValue, MetricName};
use std::time::Duration;

/// What has to be asked for to observe a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalSource {
    /// Which series hold the answers.
    pub series: Series,
    /// The window over which rates and percentiles are taken.
    pub window: Duration,
    /// The percentile of latency to ask for; `None` where none is guarded.
    pub percentile: Option<u8>,
    /// Whether failed requests are asked for.
    pub errors: bool,
}

/// Which series hold the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Series {
    /// Those of the bundled API server.
    ApiFleet,
    /// Those of another server, ingress or mesh.
    Custom(CustomSeries),
}

/// The series of another server, ingress or mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomSeries {
    /// Counter of all requests.
    pub requests_total: MetricName,
    /// Classic histogram of request durations in seconds, without `_bucket`; present wherever
    /// [`SignalSource::percentile`] is.
    pub duration_seconds: Option<MetricName>,
    /// Which requests have failed; present wherever [`SignalSource::errors`] is true.
    pub errors: Option<ErrorSelector>,
    /// What a series must be labelled with besides its namespace, in the order of the names.
    pub match_labels: Vec<(LabelName, LabelValue)>,
}

/// Which requests have failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSelector {
    /// The label that tells.
    pub label: LabelName,
    /// Any of these, each matching the whole value; at least one.
    pub matches: Vec<LabelPattern>,
}

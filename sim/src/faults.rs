//! What goes wrong during a run, and when: data. The metric path, the loop and the plant each carry out their own.

use serde::{Deserialize, Serialize};

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// When it begins, in seconds after the start of the trace.
    pub at: u32,
    /// For how many seconds.
    pub lasts: u32,
    /// What.
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Prometheus is down: every question fails and nothing is scraped.
    MetricsGone,
    /// Every answer stays what it was when this began, with the age that it has then.
    MetricsFrozen,
    /// Prometheus has lost its targets: every answer is empty and nothing is scraped.
    MetricsEmpty,
    /// Every answer is NaN; scraping goes on.
    MetricsNan,
    /// Only so many percent of the pods are scraped: the oldest.
    MetricsPartial(u8),
    /// The autoscaler is down and then starts again with what it had stored.
    Restart,
    /// So many percent of the spot nodes go at once, with their pods. No node comes in their place until this ends.
    SpotLost(u8),
}

impl Fault {
    /// Whether it goes on in this second after the start.
    #[must_use]
    pub const fn is_on(&self, second: u32) -> bool {
        second >= self.at && second - self.at < self.lasts
    }

    /// The first second after it.
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.at.saturating_add(self.lasts)
    }
}

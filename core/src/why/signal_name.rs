//! The names of signals for people.

use std::fmt;

/// A signal's name for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalName {
    /// Requests per second over the window.
    RequestRate,
    /// Requests per second over 15 seconds.
    BurstRate,
    /// The guarded percentile.
    Latency,
    /// The share of failed requests.
    Errors,
    /// The pods that are scraped.
    ScrapedPods,
}

impl SignalName {
    /// The word in status, metrics and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestRate => "request rate",
            Self::BurstRate => "burst rate",
            Self::Latency => "latency",
            Self::Errors => "error rate",
            Self::ScrapedPods => "scraped pods",
        }
    }
}

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

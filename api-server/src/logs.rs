//! Structured logs on standard output, and a gate for messages that a fault would repeat.
//!
//! One line per thing worth knowing; never one per request. Standard error stays empty while serving.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// For people.
    Text,
}

/// What is logged unless `RUST_LOG` says otherwise. actix-http reports each malformed request as an
/// error: a client's doing, and anyone could fill the disk with it.
const DEFAULT_FILTER: &str = "info,actix_http=off,actix_server=warn,sqlx=warn";

/// Installs the logger for the whole process; a second call changes nothing.
pub fn install(format: LogFormat) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_target(false);
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
}

/// Lets one message a second through and counts the rest.
#[derive(Debug)]
pub struct Seldom {
    origin: Instant,
    /// Second, counted from `origin` and 1, of the last message.
    last: AtomicU64,
    withheld: AtomicU64,
}

impl Default for Seldom {
    fn default() -> Self {
        Self { origin: Instant::now(), last: AtomicU64::new(0), withheld: AtomicU64::new(0) }
    }
}

impl Seldom {
    /// Logs a warning, unless one was logged within this second.
    pub fn warn(&self, message: &dyn Display) {
        if let Some(withheld) = self.passes() {
            tracing::warn!(withheld, "{message}");
        }
    }

    /// How many were withheld since the last that passed, if this one passes.
    fn passes(&self) -> Option<u64> {
        let second = self.origin.elapsed().as_secs() + 1;
        if self.last.swap(second, Ordering::Relaxed) == second {
            self.withheld.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.withheld.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_repeats_is_logged_once_a_second() {
        let log = Seldom::default();
        assert_eq!((0..1_000).filter_map(|_| log.passes()).count(), 1);
    }
}

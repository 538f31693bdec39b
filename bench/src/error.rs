//! Why a bench could not measure, each with what to do next.

use std::path::PathBuf;

/// A bench that could not measure. What it found, however bad, is never an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster failed.
    #[error(transparent)]
    Cluster(#[from] apifleet_local::Error),
    /// The load generator's results are none.
    #[error(transparent)]
    Load(#[from] apifleet_local::load::OutcomeError),
    /// A peer's own manifests are not what its version promises.
    #[error("the manifests of {peer} cannot be used: {problem}; is it the version of its go.mod?")]
    Manifests {
        /// Whose.
        peer: &'static str,
        /// What is wrong with them.
        problem: String,
    },
    /// Runs that say nothing, again and again.
    #[error(
        "{fleet} is void, as one run before it was: {flaw}; measure again while nothing else runs on this machine"
    )]
    Void {
        /// The run's fleet.
        fleet: String,
        /// Why it says nothing.
        flaw: String,
    },
    /// No setting to compare.
    #[error(
        "no setting's name holds {text:?}: see the names in docs/benchmarks.md, or leave `--only` out"
    )]
    NoSetting {
        /// What was looked for.
        text: String,
    },
    /// A report that cannot be written or read.
    #[error("cannot {what} {}", file.display())]
    File {
        /// The verb.
        what: &'static str,
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder without a trace that can be used.
    #[error(
        "no trace (*.csv) in {} can be used: name a folder with `--traces`, or none for the synthetic campaign; tuning needs one of 14 days",
        folder.display()
    )]
    NoTraces {
        /// The folder.
        folder: PathBuf,
    },
    /// The campaign cannot be made up.
    #[error(transparent)]
    Campaign(#[from] apifleet_sim::trace::TraceError),
    /// A file that is no trace.
    #[error("{} is no trace", file.display())]
    Trace {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: apifleet_sim::trace::csv::CsvError,
    },
    /// What a program printed is not what is read of it.
    #[error("cannot read {what}: {problem}; has its version changed?")]
    Unreadable {
        /// Whose output.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A page that cannot be written.
    #[error("cannot draw {what}: {problem}")]
    Page {
        /// Which part of it.
        what: String,
        /// Why.
        problem: String,
    },
    /// A call to what is measured, or to what it is measured by, failed.
    #[error("cannot {what}: {problem}; if the machine is too busy, measure fewer `--fleets`")]
    Api {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        problem: String,
    },
    /// A program ended while it was measured.
    #[error("{name} ended while it was measured ({how}): {log}")]
    Ended {
        /// Which.
        name: &'static str,
        /// How.
        how: String,
        /// The end of what it wrote.
        log: String,
    },
    /// A text that is no report.
    #[error("this is not the report of a bench: {0}; write it anew with `cargo xtask bench`")]
    Report(#[from] serde_json::Error),
}

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

//! End-to-end tests of the operator, its chart and the API server on a real Kubernetes.
//!
//! They run one after the other in the order of [`cases`]: all share one cluster and most share its fleet, and each
//! leaves the fleet as it found it.
#![allow(clippy::print_stderr, reason = "a test program")]

mod admission;
mod campaign;
mod chart;
mod conflicts;
mod modes;
mod reading;
mod rights;
mod rollout;

use apifleet_e2e::Platform;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;

/// A test: its name, a sentence, and what it does.
type Case = (&'static str, fn(&Platform) -> anyhow::Result<()>);

fn cases() -> Vec<Case> {
    [
        chart::CASES,
        admission::CASES,
        reading::CASES,
        modes::CASES,
        conflicts::CASES,
        campaign::CASES,
        rollout::CASES,
        rights::CASES,
    ]
    .concat()
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let platform = Arc::new(Platform::default());
    let trials = cases()
        .into_iter()
        .map(|(name, case)| {
            let platform = Arc::clone(&platform);
            Trial::test(name, move || {
                case(&platform).map_err(|error| Failed::from(format!("{error:#}")))
            })
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    match Arc::into_inner(platform).map(Platform::down) {
        Some(Ok(())) => conclusion.exit_code(),
        Some(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("error: a test still holds the cluster, which is left running");
            ExitCode::FAILURE
        }
    }
}

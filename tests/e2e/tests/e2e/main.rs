//! End-to-end tests of the operator, its chart and the API server on a real Kubernetes.
//!
//! They run one after the other in the order of [`cases`]: all share one cluster and most share its fleet, and each
//! leaves the fleet as it found it.
#![allow(clippy::print_stderr, reason = "a test program")]

mod admission;
mod authors;
mod campaign;
mod chart;
mod checks;
mod conflicts;
mod dashboards;
mod documented_commands;
mod faults;
mod install;
mod modes;
mod oncall;
mod orders;
mod plugin;
mod policies;
mod prewarm;
mod reading;
mod rights;
mod rollout;
mod spot;
mod two_operators;

use apifleet_e2e::Platform;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// A test: its name, a sentence, and what it does.
type Case = (&'static str, fn(&Platform) -> anyhow::Result<()>);

fn cases() -> Vec<Case> {
    [
        chart::CASES,
        admission::CASES,
        authors::CASES,
        reading::CASES,
        plugin::CASES,
        modes::CASES,
        orders::CASES,
        oncall::CASES,
        policies::CASES,
        checks::CASES,
        conflicts::CASES,
        campaign::CASES,
        dashboards::CASES,
        documented_commands::CASES,
        rollout::CASES,
        rollout::MORE,
        two_operators::CASES,
        faults::CASES,
        prewarm::CASES,
        spot::CASES,
        spot::MORE,
        install::CASES,
        install::MORE,
        rights::CASES,
    ]
    .concat()
}

/// Whether a case runs only where it is asked for.
fn on_demand(name: &str) -> bool {
    [spot::MORE, rollout::MORE, install::MORE].concat().iter().any(|(other, _)| *other == name)
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
                let began = Instant::now();
                let done = case(&platform);
                eprintln!("{:>6.1} s  {name}", began.elapsed().as_secs_f64());
                done.map_err(|error| Failed::from(format!("{error:#}")))
            })
            .with_ignored_flag(on_demand(name))
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

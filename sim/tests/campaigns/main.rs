//! Campaigns under random fault plans: 24 virtual days in a closed loop, closed by the simulator's plant, with metrics that
//! fail in every way, restarts, spot nodes that are taken, writes that are refused or whose answers are lost, edits and
//! overrides. What must hold is judged at every decision ([`oracles`]) and when all is over ([`aftermath`]).
//!
//! ```sh
//! cargo test -p apifleet-sim --test campaigns                                # a sample, as CI runs it
//! CAMPAIGNS=500 cargo test -p apifleet-sim --test campaigns sample           # a larger one
//! cargo test -p apifleet-sim --test campaigns -- --ignored                   # ten thousand
//! CAMPAIGN_SEED=17 cargo test -p apifleet-sim --test campaigns sample -- --nocapture     # one, with its plan
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "fixtures are test code, too: what is not there is a failed test; a campaign prints its plan"
)]

mod aftermath;
mod bugs;
mod campaign;
mod operator;
mod oracles;
mod policies;
mod status;

use campaign::Outcome;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A sample that takes less than two minutes on two cores.
const SAMPLE: u64 = 42;
/// Two of each fleet.
const LEARNING: u64 = 8;
/// On demand.
const ALL: u64 = 10_000;
/// More failures than these say nothing new.
const SHOWN: usize = 3;

#[test]
fn a_sample_of_campaigns_keeps_every_promise() {
    if let Some(seed) = number("CAMPAIGN_SEED") {
        let outcome = campaign::play(seed);
        println!("{}{} decisions", outcome.plan, outcome.diary.decisions);
        assert!(outcome.breaches.is_empty(), "{}", failure(seed, &outcome));
        return;
    }
    assert_kept(0..number("CAMPAIGNS").unwrap_or(SAMPLE));
}

#[test]
fn a_window_that_is_learned_breaks_no_promise_of_any_decision() {
    for seed in 0..LEARNING {
        let outcome = campaign::play_learning(seed);
        assert!(outcome.breaches.is_empty(), "{}", failure(seed, &outcome));
    }
}

#[test]
#[ignore = "hours: on demand"]
fn ten_thousand_campaigns_keep_every_promise() {
    assert_kept(0..ALL);
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Plays the campaigns of these seeds on all cores.
fn assert_kept(seeds: std::ops::Range<u64>) {
    let next = AtomicU64::new(seeds.start);
    let failures = Mutex::new(Vec::new());
    let decisions = AtomicU64::new(0);
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end || failures.lock().unwrap().len() >= SHOWN {
            return;
        }
        let outcome = campaign::play(seed);
        decisions.fetch_add(outcome.diary.decisions, Ordering::Relaxed);
        if !outcome.breaches.is_empty() {
            failures.lock().unwrap().push(failure(seed, &outcome));
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    println!("{} campaigns, {} decisions", seeds.end - seeds.start, decisions.into_inner());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What was broken, by which plan, and how to see it again.
fn failure(seed: u64, outcome: &Outcome) -> String {
    let breaches: Vec<_> = outcome.breaches.iter().map(|breach| format!("  {breach}")).collect();
    format!(
        "campaign {seed} broke promises:\n{}\n{}play it again: CAMPAIGN_SEED={seed} cargo test -p apifleet-sim --test \
         campaigns sample -- --nocapture\n",
        breaches.join("\n"),
        outcome.plan
    )
}

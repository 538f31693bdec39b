//! Plays runs on all processors, and tells how far it is. The only file here that knows of threads.

use super::contestants::Contestant;
use super::outcome::Outcome;
use apifleet_local::progress::{Event, Progress};
use apifleet_sim::{Load, Scenario, simulate_load};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// A run that is to be made.
#[derive(Debug, Clone)]
pub(crate) struct Job<'a, K> {
    /// What its outcome is filed under.
    pub(crate) key: K,
    pub(crate) contestant: &'a Contestant,
    pub(crate) scenario: Scenario,
}

/// Counts simulated days: runs differ too much to be counted themselves.
pub(crate) struct Counter<'a> {
    what: &'static str,
    progress: &'a dyn Progress,
    done: AtomicU64,
    total: u64,
}

impl<'a> Counter<'a> {
    /// Nothing done of so many seconds.
    pub(crate) fn new(what: &'static str, seconds: u64, progress: &'a dyn Progress) -> Self {
        Self { what, progress, done: AtomicU64::new(0), total: seconds }
    }

    fn add(&self, seconds: u32) {
        let seconds = u64::from(seconds);
        let done = self.done.fetch_add(seconds, Ordering::Relaxed) + seconds;
        let days = |seconds: u64| seconds.div_ceil(86_400);
        let what = format!("simulated days ({})", self.what);
        self.progress.report(Event::Count { what, done: days(done), total: days(self.total) });
    }
}

/// The outcomes of jobs that all play the same load, in the jobs' order.
pub(crate) fn play<K: Copy + Send + Sync>(
    load: &Load,
    jobs: &[Job<'_, K>],
    counter: &Counter<'_>,
) -> Vec<(K, Outcome)> {
    let one = |job: &Job<'_, K>| {
        let mut scaler = job.contestant.scaler(&job.scenario, load);
        let run = simulate_load(&job.scenario, load, scaler.as_mut());
        counter.add(job.scenario.trace.seconds());
        (job.key, Outcome::from(run))
    };
    // One at a time: some take twenty times as long as others.
    jobs.par_iter().with_max_len(1).map(one).collect()
}

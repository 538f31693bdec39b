//! What `up` saw, as figures: computed from the samples and the load's outcome, never assumed.

use super::watch::Sample;
use apifleet_local::load::Outcome;
use serde::Serialize;
use std::time::Duration;

/// The report that `--report FILE` writes.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) replicas: Sizes,
    pub(crate) reaction: Reaction,
    pub(crate) requests: Requests,
    pub(crate) claims: Claims,
    pub(crate) seconds: Seconds,
    pub(crate) machine: Machine,
    pub(crate) samples: Vec<Sample>,
}

/// Ready replicas: when the load began, the most that were seen at the peak, and at the end.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sizes {
    pub(crate) start: u32,
    pub(crate) peak: u32,
    pub(crate) end: u32,
}

/// Seconds from the load step; null if it was not seen.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Reaction {
    /// To the first decision for more replicas, seen in the targets.
    pub(crate) decision_s: Option<f64>,
    /// To the full size, all Ready.
    pub(crate) ready_s: Option<f64>,
}

/// The whole load, from the instant at which each request was due.
#[derive(Debug, Serialize)]
pub(crate) struct Requests {
    pub(crate) total: u64,
    pub(crate) failed: u64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    /// Requests per replica at the end of the peak, largest over smallest; null without data.
    pub(crate) per_replica_max_over_min: Option<f64>,
}

/// Claims that a client was told are stored, and rows in the database.
#[derive(Debug, Serialize)]
pub(crate) struct Claims {
    pub(crate) acknowledged: u64,
    pub(crate) stored: u64,
}

/// How long each part took.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Seconds {
    /// Programs and images, where they were not there yet.
    pub(crate) build: f64,
    /// From nothing to a fleet whose replicas are all Ready.
    pub(crate) cluster: f64,
    /// The load.
    pub(crate) play: f64,
}

/// Where the figures come from.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) commit: String,
}

impl Machine {
    /// This machine and this checkout.
    pub(crate) fn here() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cpu: model.map(|(_, name)| name.to_owned()).unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

/// The checkout's commit, if it is one of Git.
fn commit() -> Option<String> {
    let mut git = std::process::Command::new("git");
    git.args(["rev-parse", "--short=12", "HEAD"]).current_dir(crate::workspace::root());
    let output = git.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}

impl Sizes {
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let ready = |sample: Option<&Sample>| sample.map_or(0, Sample::ready);
        Self {
            start: ready(samples.first()),
            peak: samples.iter().map(Sample::ready).max().unwrap_or_default(),
            end: ready(samples.last()),
        }
    }
}

impl Reaction {
    /// From the step, in the samples' own seconds, to the first larger size wanted and to `full` replicas Ready.
    pub(crate) fn of(samples: &[Sample], step: f64, full: u32) -> Self {
        let before = samples.iter().rfind(|sample| sample.at_s <= step).map(Sample::wanted);
        let after = || samples.iter().filter(|sample| sample.at_s > step);
        let since = |found: Option<&Sample>| found.map(|sample| round(sample.at_s - step));
        Self {
            decision_s: since(after().find(|sample| Some(sample.wanted()) > before)),
            ready_s: since(after().find(|sample| sample.ready() >= full)),
        }
    }
}

impl Requests {
    pub(crate) fn of(outcome: &Outcome, per_replica: &[f64]) -> Self {
        let ms = |percentile| round(outcome.latency(percentile).as_secs_f64() * 1000.0);
        Self {
            total: outcome.total,
            failed: outcome.failed(),
            p95_ms: ms(95.0),
            p99_ms: ms(99.0),
            per_replica_max_over_min: max_over_min(per_replica).map(round),
        }
    }
}

/// Largest over smallest; `None` for no replica, or where one got nothing at all.
fn max_over_min(per_replica: &[f64]) -> Option<f64> {
    let min = per_replica.iter().copied().reduce(f64::min)?;
    let max = per_replica.iter().copied().reduce(f64::max)?;
    (min > 0.0).then_some(max / min)
}

/// Seconds and milliseconds to two digits: more would claim what was not measured.
pub(crate) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A duration in the report's seconds.
pub(crate) fn seconds(duration: Duration) -> f64 {
    round(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::watch::{Sample, Target};
    use super::*;

    fn sample(at_s: f64, wanted: u32, ready: u32) -> Sample {
        let on_demand = Target { wanted, ready };
        Sample { at_s, on_demand, ..Sample::default() }
    }

    #[test]
    fn the_reaction_counts_from_the_step_to_the_first_larger_wish_and_to_all_ready() {
        let samples = [
            sample(40.0, 10, 10),
            sample(45.0, 10, 10),
            sample(52.5, 20, 10),
            sample(67.0, 30, 22),
            sample(71.0, 30, 30),
        ];
        let reaction = Reaction::of(&samples, 45.0, 30);
        assert_eq!(reaction, Reaction { decision_s: Some(7.5), ready_s: Some(26.0) });
        assert_eq!(Sizes::of(&samples), Sizes { start: 10, peak: 30, end: 30 });
    }

    #[test]
    fn a_size_that_was_never_reached_is_null_and_not_a_number() {
        let reaction = Reaction::of(&[sample(1.0, 10, 10), sample(50.0, 10, 10)], 45.0, 30);
        assert_eq!(reaction, Reaction { decision_s: None, ready_s: None });
    }

    #[test]
    fn a_replica_without_requests_voids_the_balance() {
        assert_eq!(max_over_min(&[100.0, 150.0]), Some(1.5));
        assert_eq!(max_over_min(&[100.0, 0.0]), None);
        assert_eq!(max_over_min(&[]), None);
    }
}

//! What `up` saw, as figures: computed from the samples and the load's outcome, never assumed.

use super::loss::Loss;
use super::scene::NOTICE;
use super::watch::Sample;
use apifleet_bench::Machine;
use apifleet_local::load::Outcome;
use serde::Serialize;
use std::time::Duration;

/// The report that `--report FILE` writes.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) replicas: Sizes,
    pub(crate) prewarm: PreWarm,
    pub(crate) spot: Spot,
    pub(crate) requests: Requests,
    pub(crate) claims: Claims,
    pub(crate) seconds: Seconds,
    pub(crate) machine: Machine,
    pub(crate) commit: String,
    /// What happened when, for the picture.
    pub(crate) marks: Vec<Mark>,
    pub(crate) samples: Vec<Sample>,
}

/// Ready replicas over the day.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sizes {
    /// Before the pre-warm.
    pub(crate) night: u32,
    /// When the window opened.
    pub(crate) floor: u32,
    /// When the fleet had grown to the opening's load, just before a node was taken.
    pub(crate) opening: u32,
    /// At the end.
    pub(crate) evening: u32,
}

/// What the schedule had made ready when its window opened.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct PreWarm {
    /// The floor that was in force at the opening; null if none was.
    pub(crate) floor: Option<u32>,
    /// So long before the opening all of it was Ready, and stayed so; null if it was not.
    pub(crate) ready_before_window_s: Option<f64>,
}

/// The spot node that was taken at the peak.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Spot {
    /// Whether the node is gone.
    pub(crate) node_lost: bool,
    pub(crate) notice_s: f64,
    /// Replicas that it carried when the notice came.
    pub(crate) replicas: u32,
    /// Failed requests of the streams that ran meanwhile.
    pub(crate) failed: u64,
    /// From the notice until as many more were Ready on demand; null if that was not seen.
    pub(crate) cover_ready_s: Option<f64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Mark {
    pub(crate) at_s: f64,
    pub(crate) what: &'static str,
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

impl Sizes {
    /// At the last sample before the pre-warm, at the opening, at the notice, and at the end.
    pub(crate) fn of(samples: &[Sample], opening: f64, notice: f64) -> Self {
        let ready = |sample: Option<&Sample>| sample.map_or(0, Sample::ready);
        let until = |end: f64| samples.iter().rfind(|sample| sample.at_s <= end);
        let climbs = |sample: &&Sample| !matches!(sample.phase.as_deref(), None | Some("Nodes"));
        let pre_warm = samples.iter().find(climbs).map_or(opening, |first| first.at_s);
        let night = samples.iter().rfind(|sample| sample.at_s < pre_warm);
        Self {
            night: ready(night),
            floor: ready(until(opening)),
            opening: ready(until(notice)),
            evening: ready(samples.last()),
        }
    }
}

impl PreWarm {
    pub(crate) fn of(samples: &[Sample], opening: f64) -> Self {
        let night: Vec<_> = samples.iter().filter(|sample| sample.at_s <= opening).collect();
        let floor = night.iter().filter_map(|sample| sample.floor).max();
        let since = floor.and_then(|floor| {
            let lacking = night.iter().rposition(|sample| sample.ready() < floor);
            night.get(lacking.map_or(0, |last| last + 1)).map(|sample| sample.at_s)
        });
        Self { floor, ready_before_window_s: since.map(|since| round(opening - since)) }
    }
}

impl Spot {
    pub(crate) fn of(loss: &Loss) -> Self {
        Self {
            node_lost: loss.is_gone,
            notice_s: seconds(NOTICE.lasts()),
            replicas: loss.pods,
            failed: loss.failed,
            cover_ready_s: loss.covered.map(seconds),
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

    fn floored(at_s: f64, floor: u32, phase: &str, ready: u32) -> Sample {
        let (floor, phase) = (Some(floor), Some(phase.to_owned()));
        Sample { floor, phase, ..sample(at_s, ready, ready) }
    }

    #[test]
    fn the_sizes_are_those_before_the_pre_warm_at_the_opening_at_the_notice_and_at_the_end() {
        let day = [
            sample(0.0, 10, 10),
            floored(50.0, 10, "Nodes", 10),
            floored(60.0, 12, "Ramp", 11),
            floored(110.0, 20, "Lead", 20),
            floored(160.0, 20, "Window", 24),
            floored(180.0, 20, "Window", 30),
            floored(240.0, 20, "Window", 34),
            sample(700.0, 10, 10),
        ];
        let sizes = Sizes::of(&day, 150.0, 225.0);
        assert_eq!(sizes, Sizes { night: 10, floor: 20, opening: 30, evening: 10 });
        let pre_warm = PreWarm::of(&day, 150.0);
        assert_eq!(pre_warm, PreWarm { floor: Some(20), ready_before_window_s: Some(40.0) });
    }

    #[test]
    fn a_floor_that_was_late_or_lost_again_before_the_opening_was_not_ready_before_it() {
        let late = [floored(60.0, 20, "Lead", 12), floored(120.0, 20, "Lead", 19)];
        let late = PreWarm::of(&late, 150.0);
        assert_eq!(late, PreWarm { floor: Some(20), ready_before_window_s: None });
        let lost = [(60.0, 20), (90.0, 18), (140.0, 20)].map(|(at, n)| floored(at, 20, "Lead", n));
        assert_eq!(PreWarm::of(&lost, 150.0).ready_before_window_s, Some(10.0));
        let none = PreWarm::of(&[sample(1.0, 10, 10)], 150.0);
        assert_eq!(none, PreWarm { floor: None, ready_before_window_s: None });
    }

    #[test]
    fn a_replica_without_requests_voids_the_balance() {
        assert_eq!(max_over_min(&[100.0, 150.0]), Some(1.5));
        assert_eq!(max_over_min(&[100.0, 0.0]), None);
        assert_eq!(max_over_min(&[]), None);
    }
}

//! [`HpaScaler`]: the HPA as the simulator runs it, on one metric of the fleet.
//!
//! A metric that cannot be read, or is no number, is an error to the HPA: it changes nothing, and removes nothing while
//! another metric is valid. What it kept in memory is lost in a restart.

use super::behavior::{Amount, Policy, Rules, Select};
use super::metric::{self, Counts, Milli, Tolerance};
use super::{Behavior, Hpa, Invalid, Proposal, SYNC, Synced, pods};
use crate::baselines::{Settings, count};
use crate::metrics::Answer;
use crate::plant::SATURATION;
use crate::scaler::{Pod, Scaler, View};
use serde::Serialize;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// What is measured.
    pub metric: Metric,
    /// Seconds of `rate()`, or of metrics-server's average for CPU.
    pub window: u32,
    /// The target, as a share of the load that a replica is planned to carry.
    pub load: f64,
    /// `spec.behavior`.
    pub behavior: Option<Behavior>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Metric {
    /// External, `AverageValue`: the requests per second of the fleet, so many for each replica.
    AverageValue,
    /// External, `Value`: the mean requests per second of a Ready pod.
    Value,
    /// Pods, `AverageValue`: the requests per second of each pod.
    Pods,
    /// Resource `cpu`, `Utilization`. A pod requests what it takes at saturation, and takes it in proportion.
    Cpu,
}

/// Seconds that metrics-server averages over.
const CPU_WINDOW: u32 = 30;
/// Seconds after which `rate()` has two samples of a new pod.
const TWO_SCRAPES: i64 = 10;

impl Default for Tuning {
    /// As most people run it on requests: `rate()` over a minute, no `spec.behavior`.
    fn default() -> Self {
        Self { metric: Metric::AverageValue, window: 60, load: 1.0, behavior: None }
    }
}

impl Tuning {
    /// CPU, as most people run it.
    #[must_use]
    pub fn cpu() -> Self {
        Self { metric: Metric::Cpu, window: CPU_WINDOW, ..Self::default() }
    }

    /// What is tried: three windows, three targets, and scale-in as it is by default, by 10 % a minute, and by that
    /// after 10 minutes. 27 sets; CPU, whose window is not the HPA's to set, 9.
    #[must_use]
    pub fn grid(metric: Metric) -> Vec<Self> {
        let windows: &[u32] = if metric == Metric::Cpu { &[CPU_WINDOW] } else { &[30, 60, 120] };
        let behaviors = [None, Some(gentle(300)), Some(gentle(600))];
        let mut grid = Vec::new();
        for window in windows {
            for load in [0.8, 0.9, 1.0] {
                let with = |behavior| Self { metric, window: *window, load, behavior };
                grid.extend(behaviors.iter().cloned().map(with));
            }
        }
        grid
    }
}

/// Kubernetes' default for adding; 10 % a minute for removing, after a window.
#[must_use]
pub fn gentle(window: u32) -> Behavior {
    let ten = Policy { amount: Amount::Percent(10), period: 60 };
    let down = Rules { window, select: Select::Max, policies: vec![ten] };
    Behavior { down, ..Behavior::default() }
}

/// The HPA of one fleet.
#[derive(Debug, Clone)]
pub struct HpaScaler {
    name: String,
    tuning: Tuning,
    target: f64,
    hpa: Hpa,
}

impl HpaScaler {
    /// A controller that has just started.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        Self {
            name: name.into(),
            target: settings.target_per_replica * tuning.load,
            hpa: Hpa::new(tuning.behavior.clone()),
            tuning,
        }
    }

    /// One sync, with further metrics' proposals beside its own.
    pub fn sync(&mut self, view: &View<'_>, bounds: (u32, u32), further: &[Proposal]) -> Synced {
        let mut proposals = vec![self.propose(view)];
        proposals.extend_from_slice(further);
        self.hpa.sync(view.now.as_second(), view.wanted, bounds, &proposals)
    }

    /// The controller's process died.
    pub fn forget(&mut self) {
        self.hpa.restart();
    }

    fn propose(&self, view: &View<'_>) -> Proposal {
        let tolerance = Tolerance::default();
        let now = view.now.as_second();
        let rate = number(view.metrics.rate(self.tuning.window));
        let each = rate.map(|rate| rate / f64::from(view.ready.max(1)));
        match self.tuning.metric {
            Metric::AverageValue => {
                let target = metric::Target::Average(milli(Some(self.target), Invalid::External)?);
                metric::propose(milli(rate, Invalid::External)?, target, counts(view), tolerance)
            }
            Metric::Value => {
                let target = metric::Target::Total(milli(Some(self.target), Invalid::External)?);
                metric::propose(milli(each, Invalid::External)?, target, counts(view), tolerance)
            }
            Metric::Pods => {
                let target = pods::Target::Average(milli(Some(self.target), Invalid::Pods)?);
                let value = milli(each, Invalid::Pods)?;
                let pods = view.pods.iter().map(|pod| by_requests(pod, now, value));
                pods::propose(view.wanted, &pods.collect::<Vec<_>>(), target, now, tolerance)
            }
            Metric::Cpu => {
                let percent = (self.target / SATURATION * 100.0).round();
                let target = pods::Target::Utilisation(count::ceil(percent));
                let share = each.map(|each| (each / SATURATION).min(1.0));
                let value = milli(share, Invalid::Resource)?;
                let pods = view.pods.iter().map(|pod| by_cpu(pod, now, value));
                pods::propose(view.wanted, &pods.collect::<Vec<_>>(), target, now, tolerance)
            }
        }
    }
}

impl Scaler for HpaScaler {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        SYNC
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        Some(self.sync(view, view.bounds, &[]).replicas)
    }

    fn restart(&mut self, _view: &View<'_>) {
        self.forget();
    }
}

/// The counts of pods of a view.
#[must_use]
pub fn counts(view: &View<'_>) -> Counts {
    Counts { spec: view.wanted, status: view.existing, ready: view.ready }
}

/// An answer that is a number.
#[must_use]
pub fn number(answer: Answer) -> Option<f64> {
    match answer {
        Answer::Value { value, .. } if value.is_finite() => Some(value.max(0.0)),
        Answer::Value { .. } | Answer::Empty | Answer::Failed => None,
    }
}

fn milli(value: Option<f64>, invalid: Invalid) -> Result<Milli, Invalid> {
    value.and_then(Milli::of).ok_or(invalid)
}

/// A pod with its requests per second; one that has served too short a time has no metric.
fn by_requests(pod: &Pod, now: i64, value: Milli) -> pods::Pod {
    let serves = now.checked_sub(pod.ready).is_some_and(|age| age >= TWO_SCRAPES);
    let sample = pods::Sample { value, at: now, window: 0 };
    pods::Pod { sample: serves.then_some(sample), ..by_cpu(pod, now, value) }
}

/// A pod with its CPU: the Ready ones share the load, a starting one does nothing.
fn by_cpu(pod: &Pod, now: i64, value: Milli) -> pods::Pod {
    let is_ready = pod.ready <= now;
    let waits = pod.ready == i64::MAX;
    let value = if is_ready { value } else { Milli::ZERO };
    let since = if is_ready { pod.ready } else { pod.created };
    pods::Pod {
        phase: if waits { pods::Phase::Pending } else { pods::Phase::Running },
        started: Some(pod.created),
        ready: Some(pods::Ready { is: is_ready, since }),
        sample: Some(pods::Sample { value, at: now, window: CPU_WINDOW }),
        request: Milli::ONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled, starting};

    fn scaler(metric: Metric) -> HpaScaler {
        HpaScaler::new("hpa", Tuning { metric, ..Tuning::default() }, &Settings::default())
    }

    #[test]
    fn every_metric_asks_for_more_under_load_and_no_more_than_doubles() {
        for metric in [Metric::AverageValue, Metric::Value, Metric::Pods, Metric::Cpu] {
            let stage = Stage::new(settled(10), 900.0);
            let asked = scaler(metric).look(&stage.view());
            // CPU cannot see beyond saturation: 100 % of 71 %.
            let expected = if metric == Metric::Cpu { 15 } else { 18 };
            assert_eq!(asked, Some(expected), "{metric:?}");
        }
    }

    #[test]
    fn requests_count_pods_that_start_and_do_not_ask_for_them_again() {
        let mut pods = settled(10);
        pods.extend([starting(); 10]);
        for metric in [Metric::AverageValue, Metric::Pods, Metric::Cpu] {
            let stage = Stage::new(pods.clone(), 1000.0);
            assert_eq!(scaler(metric).look(&stage.view()), Some(20), "{metric:?}");
        }
    }

    #[test]
    fn what_is_no_number_changes_nothing() {
        assert_eq!(number(Answer::Empty), None);
        assert_eq!(number(Answer::Failed), None);
        let sampled_at = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(number(Answer::Value { value: f64::NAN, sampled_at }), None);
        assert_eq!(number(Answer::Value { value: -1.0, sampled_at }), Some(0.0));
    }

    #[test]
    fn the_grid_holds_the_default_once_and_nothing_twice() {
        for (metric, sets) in [(Metric::AverageValue, 27), (Metric::Cpu, 9)] {
            let grid = Tuning::grid(metric);
            let default = if metric == Metric::Cpu { Tuning::cpu() } else { Tuning::default() };
            assert_eq!(grid.len(), sets);
            assert_eq!(grid.iter().filter(|tuning| **tuning == default).count(), 1);
            let is_repeated = |index: usize| grid[..index].contains(&grid[index]);
            assert!(!(0..grid.len()).any(is_repeated));
        }
    }
}

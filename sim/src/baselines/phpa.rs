//! The Predictive Horizontal Pod Autoscaler: the HPA's proposal, or a line through its last ones where that leads higher.
//!
//! After PHPA c91d060 with its `Linear` model and the decision type `maximum` (baselines.md 2.4). Its copy of the HPA's
//! default behavior has periods of 60 s. Past proposals are in a `ConfigMap`: a restart loses only what the HPA loses. Not
//! modelled: Holt-Winters over stored seasons.

use super::hpa::behavior::{Amount, Behavior, Policy, Rules, Select};
use super::hpa::metric::{Milli, Target, Tolerance, propose};
use super::hpa::scaler::{counts, number};
use super::hpa::{Hpa, Invalid, Proposal, SYNC};
use super::{Second, Settings, count};
use crate::scaler::{Scaler, View};
use serde::Serialize;
use std::collections::VecDeque;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuning {
    /// Seconds of `rate()`.
    pub window: u32,
    /// The target, as a share of the load that a replica is planned to carry.
    pub load: f64,
    /// `lookAhead`, in seconds.
    pub look_ahead: u32,
    /// `historySize`: the line goes through so many proposals.
    pub history_size: usize,
}

impl Default for Tuning {
    /// As in PHPA's own example of the linear model.
    fn default() -> Self {
        Self { window: 60, load: 1.0, look_ahead: 10, history_size: 6 }
    }
}

impl Tuning {
    /// What is tried: three looks ahead, two histories, three targets. 18 sets.
    #[must_use]
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for look_ahead in [10, 60, 180] {
            for history_size in [6, 20] {
                for load in [0.8, 0.9, 1.0] {
                    grid.push(Self { load, look_ahead, history_size, ..Self::default() });
                }
            }
        }
        grid
    }
}

/// PHPA's copy of the HPA's default behavior.
#[must_use]
pub fn behavior() -> Behavior {
    let hundred = Policy { amount: Amount::Percent(100), period: 60 };
    let four = Policy { amount: Amount::Pods(4), period: 60 };
    Behavior {
        up: Rules { window: 0, select: Select::Max, policies: vec![hundred, four] },
        down: Rules { window: 300, select: Select::Max, policies: vec![hundred] },
    }
}

/// Where the line of least squares through these points is at an instant; `None` where they do not make a line.
#[must_use]
pub fn line(points: &VecDeque<(Second, u32)>, at: Second) -> Option<f64> {
    let newest = points.back()?.0;
    // Counted from the newest point, so that squares stay small.
    let since = |at: Second| f64::from(i32::try_from(at - newest).unwrap_or(i32::MAX));
    let number = f64::from(u32::try_from(points.len()).ok()?);
    let mean_x = points.iter().map(|(at, _)| since(*at)).sum::<f64>() / number;
    let mean_y = points.iter().map(|(_, size)| f64::from(*size)).sum::<f64>() / number;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (second, size) in points {
        let x = since(*second) - mean_x;
        covariance += x * (f64::from(*size) - mean_y);
        variance += x * x;
    }
    let slope = covariance / variance;
    let value = mean_y + slope * (since(at) - mean_x);
    value.is_finite().then_some(value)
}

/// One autoscaler as the simulator runs it.
#[derive(Debug, Clone)]
pub struct Phpa {
    name: String,
    tuning: Tuning,
    target: f64,
    hpa: Hpa,
    /// Past proposals, in a `ConfigMap`.
    history: VecDeque<(Second, u32)>,
}

impl Phpa {
    /// One that was just created.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let target = settings.target_per_replica * tuning.load;
        let hpa = Hpa::new(Some(behavior()));
        Self { name: name.into(), tuning, target, hpa, history: VecDeque::new() }
    }

    /// The larger of the HPA's proposal and of where its last ones lead.
    fn predict(&mut self, now: Second, reactive: u32) -> u32 {
        self.history.push_back((now, reactive));
        while self.history.len() > self.tuning.history_size.max(1) {
            self.history.pop_front();
        }
        let ahead = line(&self.history, now + Second::from(self.tuning.look_ahead));
        // A billionth above a whole replica is rounding.
        reactive.max(ahead.map_or(0, |size| count::ceil(size * (1.0 - 1e-9))))
    }

    fn react(&self, view: &View<'_>) -> Proposal {
        let usage = number(view.metrics.rate(self.tuning.window)).and_then(Milli::of);
        let target = Target::Average(Milli::of(self.target).ok_or(Invalid::External)?);
        propose(usage.ok_or(Invalid::External)?, target, counts(view), Tolerance::default())
    }
}

impl Scaler for Phpa {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        SYNC
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let now = view.now.as_second();
        let proposal = self.react(view).map(|reactive| self.predict(now, reactive));
        Some(self.hpa.sync(now, view.wanted, view.bounds, &[proposal]).replicas)
    }

    fn restart(&mut self, _view: &View<'_>) {
        self.hpa.restart();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled};

    fn points(sizes: &[u32]) -> VecDeque<(Second, u32)> {
        (0..).step_by(15).zip(sizes.iter().copied()).collect()
    }

    #[test]
    fn a_line_goes_on_as_it_went() {
        let ahead = line(&points(&[10, 11, 12, 13]), 60).unwrap();
        assert!((ahead - 14.0).abs() < 1e-9);
        let flat = line(&points(&[7, 7, 7]), 10_000).unwrap();
        assert!((flat - 7.0).abs() < 1e-9);
        let down = line(&points(&[30, 20, 10]), 105).unwrap();
        assert!(down < 0.0);
    }

    #[test]
    fn one_point_or_none_is_no_line() {
        assert_eq!(line(&points(&[]), 60), None);
        assert_eq!(line(&points(&[10]), 60), None);
    }

    #[test]
    fn it_raises_ahead_of_a_climb_and_never_asks_for_less_than_the_hpa() {
        let tuning = Tuning { look_ahead: 60, ..Tuning::default() };
        let mut phpa = Phpa::new("phpa", tuning, &Settings::default());
        let asked: Vec<u32> =
            (0..4).map(|step| phpa.predict(step * 15, 10 + u32::try_from(step).unwrap())).collect();
        assert_eq!(asked, [10, 15, 16, 17]);
        // The line still leads to 5.4.
        assert_eq!(phpa.predict(60, 5), 6);
        assert!(phpa.history.len() <= 6);
    }

    #[test]
    fn its_behavior_doubles_once_a_minute() {
        let mut phpa = Phpa::new("phpa", Tuning::default(), &Settings::default());
        let mut stage = Stage::new(settled(10), 1500.0);
        let mut sizes = Vec::new();
        for _ in 0..6 {
            let size = phpa.look(&stage.view()).unwrap();
            stage.resize(size);
            sizes.push(size);
            stage.advance(15);
        }
        assert_eq!(sizes, [20, 20, 20, 20, 30, 30]);
    }
}

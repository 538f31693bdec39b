//! [`Keda`]: a `ScaledObject` as the simulator runs it.
//!
//! Its HPA has the object's bounds (a minimum of 0 is 1 there), asks KEDA at each sync, and combines the triggers: the
//! largest wins. With `useCachedMetrics` it gets what the scale loop read last. A restart takes the HPA's memory and the
//! cache; failures and the last activity are in the object's status.

use super::executor::{Executor, POLLING};
use super::fallback::{Fallback, Health, Threshold};
use super::prometheus::{self, Unread};
use crate::baselines::calendar::Schedule;
use crate::baselines::hpa::metric::{self, Counts, Milli, Tolerance};
use crate::baselines::hpa::scaler::{counts, gentle};
use crate::baselines::hpa::{Behavior, Hpa, Invalid, Proposal, SYNC};
use crate::baselines::{Second, Settings};
use crate::scaler::{Scaler, View};
use serde::Serialize;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// Seconds of `rate()` in the query.
    pub window: u32,
    /// The threshold, as a share of the load that a replica is planned to carry.
    pub load: f64,
    /// `ignoreNullValues`.
    pub ignore_null_values: bool,
    /// `useCachedMetrics`.
    pub cached: bool,
    /// `activationThreshold`.
    pub activation: f64,
    /// `fallback`.
    pub fallback: Option<Fallback>,
    /// `advanced.horizontalPodAutoscalerConfig.behavior`.
    pub behavior: Option<Behavior>,
    /// Whether there are `cron` triggers: the windows of the [`Settings`].
    pub cron: bool,
}

impl Default for Tuning {
    /// KEDA's defaults, with a query over a minute and without `cron`.
    fn default() -> Self {
        Self {
            window: 60,
            load: 1.0,
            ignore_null_values: true,
            cached: false,
            activation: 0.0,
            fallback: None,
            behavior: None,
            cron: false,
        }
    }
}

impl Tuning {
    /// With `cron` triggers.
    #[must_use]
    pub fn with_cron() -> Self {
        Self { cron: true, ..Self::default() }
    }

    /// What is tried: three windows, three thresholds, and scale-in as it is by default, by 10 % a minute, and by that
    /// after 10 minutes: 27 sets. Silence counts as zero in all of them: tuning looks at healthy days.
    #[must_use]
    pub fn grid(cron: bool) -> Vec<Self> {
        let behaviors = [None, Some(gentle(300)), Some(gentle(600))];
        let mut grid = Vec::new();
        for window in [30, 60, 120] {
            for load in [0.8, 0.9, 1.0] {
                let with = |behavior| Self { window, load, behavior, cron, ..Self::default() };
                grid.extend(behaviors.iter().cloned().map(with));
            }
        }
        grid
    }
}

/// One `ScaledObject`.
#[derive(Debug, Clone)]
pub struct Keda {
    name: String,
    tuning: Tuning,
    threshold: f64,
    crons: Vec<Schedule>,
    hpa: Hpa,
    executor: Executor,
    health: Health,
    /// When the scale loop passed last, and what it read.
    polled: Option<(Second, Result<f64, Unread>)>,
}

impl Keda {
    /// An object that was just created.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let crons = if tuning.cron { settings.schedules() } else { Vec::new() };
        Self {
            name: name.into(),
            threshold: settings.target_per_replica * tuning.load,
            crons,
            hpa: Hpa::new(tuning.behavior.clone()),
            executor: Executor::default(),
            health: Health::default(),
            polled: None,
            tuning,
        }
    }

    /// What the `prometheus` trigger says now.
    fn read(&self, view: &View<'_>) -> Result<f64, Unread> {
        let answer = view.metrics.rate(self.tuning.window);
        prometheus::read(answer.into(), self.tuning.ignore_null_values)
    }

    /// A pass of the scale loop, where one is due: it fills the cache, and moves between nothing and one.
    fn poll(&mut self, view: &View<'_>) -> Option<u32> {
        let now = view.now.as_second();
        if self.polled.is_some_and(|(at, _)| now - at < Second::from(POLLING)) {
            return None;
        }
        let reading = self.read(view);
        self.polled = Some((now, reading));
        let is_loaded =
            reading.is_ok_and(|value| prometheus::is_active(value, self.tuning.activation));
        let is_active = is_loaded || self.crons.iter_mut().any(|cron| cron.at(view.now).active);
        self.executor.pass(now, view.wanted, (view.bounds.0, None), is_active)
    }

    fn propose(&mut self, view: &View<'_>) -> Proposal {
        let cached = self.polled.filter(|_| self.tuning.cached).map(|(_, reading)| reading);
        let reading = cached.unwrap_or_else(|| self.read(view));
        let threshold = Threshold::Average(self.threshold);
        let fallback = self.tuning.fallback.as_ref();
        let value = self.health.judge(reading, fallback, threshold, counts(view));
        average(value.map_err(|Unread| Invalid::External)?, self.threshold, counts(view))
    }
}

/// What an external metric with `AverageValue` proposes.
fn average(value: f64, each: f64, counts: Counts) -> Proposal {
    let value = Milli::of(value).ok_or(Invalid::External)?;
    let target = metric::Target::Average(Milli::of(each).ok_or(Invalid::External)?);
    metric::propose(value, target, counts, Tolerance::default())
}

/// A `cron` trigger: its metric is the size of the window, one for each replica.
fn by_cron(cron: &mut Schedule, view: &View<'_>) -> Proposal {
    let asked = if cron.at(view.now).active { cron.window().replicas } else { 0 };
    average(f64::from(asked), 1.0, counts(view))
}

impl Scaler for Keda {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        SYNC
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        if let Some(size) = self.poll(view) {
            return Some(size);
        }
        let mut proposals = vec![self.propose(view)];
        proposals.extend(self.crons.iter_mut().map(|cron| by_cron(cron, view)));
        let (min, max) = view.bounds;
        let sync = self.hpa.sync(view.now.as_second(), view.wanted, (min.max(1), max), &proposals);
        Some(sync.replicas)
    }

    fn restart(&mut self, _view: &View<'_>) {
        self.hpa.restart();
        self.polled = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled};

    fn keda(tuning: Tuning) -> Keda {
        Keda::new("keda", tuning, &Settings::default())
    }

    /// The size after a look every 15 seconds for so long, at so much load.
    fn after(keda: &mut Keda, stage: &mut Stage, seconds: i64) -> usize {
        for _ in 0..seconds / 15 {
            let size = keda.look(&stage.view()).unwrap();
            stage.resize(size);
            stage.advance(15);
        }
        stage.pods.len()
    }

    #[test]
    fn load_takes_it_to_what_the_tolerance_accepts() {
        let mut stage = Stage::new(settled(10), 1500.0);
        assert_eq!(after(&mut keda(Tuning::default()), &mut stage, 60), 30);
    }

    #[test]
    fn a_cron_floor_of_20_is_met_from_10_without_load() {
        let mut stage = Stage::at("2026-12-08T09:00:00Z", settled(10), 100.0);
        assert_eq!(after(&mut keda(Tuning::with_cron()), &mut stage, 60), 20);
        let mut night = Stage::at("2026-12-08T21:00:00Z", settled(10), 100.0);
        assert_eq!(after(&mut keda(Tuning::with_cron()), &mut night, 60), 10);
    }

    #[test]
    fn a_fleet_without_a_minimum_sleeps_after_the_cooldown_and_wakes_with_load() {
        let mut object = keda(Tuning::default());
        let mut stage = Stage::new(settled(3), 0.0);
        stage.bounds = (0, 30);
        assert_eq!(after(&mut object, &mut stage, 900), 0);
        stage.load(100.0);
        assert_eq!(after(&mut object, &mut stage, 60), 2);
    }

    #[test]
    fn the_grid_holds_the_default_once() {
        for (cron, default) in [(false, Tuning::default()), (true, Tuning::with_cron())] {
            let grid = Tuning::grid(cron);
            assert_eq!(grid.len(), 27);
            assert_eq!(grid.iter().filter(|tuning| **tuning == default).count(), 1);
        }
    }
}

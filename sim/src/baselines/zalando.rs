//! Zalando's scaling schedules: a metric that ramps up before a window and down after it, and a controller that writes
//! where the HPA's tolerance would swallow the last replicas.
//!
//! After kube-metrics-adapter 1079c7d (baselines.md 2.4). The ramp has 10 steps in 10 minutes by default. The rest is the
//! HPA, on requests beside it; schedules are objects, so a restart loses only what the HPA loses.

use super::calendar::Schedule;
use super::hpa::metric::{Milli, Target, Tolerance, propose};
use super::hpa::scaler::counts;
use super::hpa::{HpaScaler, Invalid, Proposal, SYNC, Tuning as HpaTuning};
use super::{Settings, count};
use crate::scaler::{Scaler, View};
use jiff::Timestamp;
use serde::Serialize;

/// `--scaling-schedule-default-scaling-window`, in seconds.
pub const WINDOW: u32 = 600;
/// `--scaling-schedule-default-ramp-steps`.
pub const STEPS: u32 = 10;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// How long the ramp is, in seconds.
    pub window: u32,
    /// In how many steps.
    pub steps: u32,
    /// The HPA's.
    pub hpa: HpaTuning,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { window: WINDOW, steps: STEPS, hpa: HpaTuning::default() }
    }
}

impl Tuning {
    /// What is tried: three ramps and three targets of the HPA. 9 sets.
    #[must_use]
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for window in [300, WINDOW, 1200] {
            for load in [0.8, 0.9, 1.0] {
                let hpa = HpaTuning { load, ..HpaTuning::default() };
                grid.push(Self { window, hpa, ..Self::default() });
            }
        }
        grid
    }
}

/// The value of a ramp to `value` when `passed` of its seconds are over.
#[must_use]
pub fn ramp(value: u32, passed: u32, window: u32, steps: u32) -> u32 {
    if window == 0 || steps == 0 {
        return 0;
    }
    let step = u64::from(passed.min(window)) * u64::from(steps) / u64::from(window);
    u32::try_from(step * u64::from(value) / u64::from(steps)).unwrap_or(value)
}

/// The size that the controller writes itself: more than there is, and so little more that the HPA holds.
#[must_use]
pub fn direct_write(current: u32, expected: u32, tolerance: Tolerance) -> Option<u32> {
    let ratio = f64::from(expected) / f64::from(current);
    (expected > current && tolerance.holds(ratio)).then_some(expected)
}

/// A schedule, with when it was last open.
#[derive(Debug, Clone)]
struct Ramped {
    schedule: Schedule,
    closed: Option<Timestamp>,
    was_open: Option<Timestamp>,
}

impl Ramped {
    /// The value of the metric.
    fn value(&mut self, now: Timestamp, tuning: &Tuning) -> u32 {
        let span = self.schedule.at(now);
        let replicas = self.schedule.window().replicas;
        if span.active {
            self.was_open = Some(span.until);
            return replicas;
        }
        self.closed = self.was_open.take().or(self.closed);
        let seconds = |from: Timestamp, to: Timestamp| {
            u32::try_from(to.as_second() - from.as_second()).unwrap_or(u32::MAX)
        };
        let to_start = seconds(now, span.next_start);
        let since_end = self.closed.map_or(u32::MAX, |closed| seconds(closed, now));
        // Before the start so much of the ramp has passed; after the end it is the same in a mirror.
        let passed = tuning.window.saturating_sub(to_start.min(since_end));
        ramp(replicas, passed, tuning.window, tuning.steps)
    }
}

/// The HPA on requests and schedules, and the controller beside it.
#[derive(Debug, Clone)]
pub struct Zalando {
    hpa: HpaScaler,
    tuning: Tuning,
    ramps: Vec<Ramped>,
}

impl Zalando {
    /// One that was just created.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let ramped = |schedule| Ramped { schedule, closed: None, was_open: None };
        Self {
            hpa: HpaScaler::new(name, tuning.hpa.clone(), settings),
            ramps: settings.schedules().into_iter().map(ramped).collect(),
            tuning,
        }
    }
}

/// What the schedules' metric proposes: so many, one for each replica.
fn by_value(value: u32, view: &View<'_>) -> Proposal {
    let value = Milli::of(f64::from(value)).ok_or(Invalid::Object)?;
    propose(value, Target::Average(Milli::ONE), counts(view), Tolerance::default())
}

impl Scaler for Zalando {
    fn name(&self) -> String {
        self.hpa.name()
    }

    fn period(&self) -> u32 {
        SYNC
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let values = self.ramps.iter_mut().map(|ramped| ramped.value(view.now, &self.tuning));
        let expected = values.max().unwrap_or(0);
        let size = self.hpa.sync(view, view.bounds, &[by_value(expected, view)]).replicas;
        let direct = direct_write(size, count::within(expected, view.bounds), Tolerance::default());
        Some(direct.unwrap_or(size))
    }

    fn restart(&mut self, _view: &View<'_>) {
        self.hpa.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::calendar::DailyWindow;
    use crate::baselines::testing::{Stage, settled};

    fn zalando() -> Zalando {
        let settings = Settings::default();
        let windows = settings.windows.iter().map(|window| DailyWindow { replicas: 25, ..*window });
        let windows = windows.collect();
        Zalando::new("zalando", Tuning::default(), &Settings { windows, ..settings })
    }

    #[test]
    fn a_ramp_to_25_takes_ten_steps() {
        let values: Vec<u32> = (0..=10).map(|tenth| ramp(25, tenth * 60, 600, 10)).collect();
        assert_eq!(values, [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25]);
        assert_eq!(ramp(25, 119, 600, 10), 2);
    }

    #[test]
    fn a_ramp_without_length_or_steps_is_nothing() {
        assert_eq!((ramp(25, 300, 0, 10), ramp(25, 300, 600, 0)), (0, 0));
        assert_eq!(ramp(u32::MAX, u32::MAX, u32::MAX, u32::MAX), u32::MAX);
    }

    #[test]
    fn the_ramp_leads_to_the_start_and_is_mirrored_after_the_end() {
        let mut ramped = zalando().ramps.remove(0);
        for (now, value) in [
            ("2026-12-08T07:49:59Z", 0),
            ("2026-12-08T07:51:00Z", 2),
            ("2026-12-08T07:55:00Z", 12),
            ("2026-12-08T07:59:59Z", 22),
            ("2026-12-08T08:00:00Z", 25),
            ("2026-12-08T19:59:59Z", 25),
            ("2026-12-08T20:00:00Z", 25),
            ("2026-12-08T20:05:00Z", 12),
            ("2026-12-08T20:09:01Z", 0),
            ("2026-12-09T07:55:00Z", 12),
        ] {
            assert_eq!(ramped.value(now.parse().unwrap(), &Tuning::default()), value, "{now}");
        }
    }

    #[test]
    fn the_last_replicas_are_written_past_the_tolerance() {
        let tolerance = Tolerance::default();
        assert_eq!(direct_write(23, 25, tolerance), Some(25));
        assert_eq!(direct_write(22, 25, tolerance), None);
        assert_eq!(direct_write(25, 25, tolerance), None);
        assert_eq!(direct_write(27, 25, tolerance), None);
        assert_eq!(direct_write(0, 25, tolerance), None);
    }

    #[test]
    fn the_floor_of_a_window_is_exact() {
        let mut stage = Stage::at("2026-12-08T09:00:00Z", settled(23), 100.0);
        assert_eq!(zalando().look(&stage.view()), Some(25));
        stage = Stage::at("2026-12-08T22:00:00Z", settled(10), 100.0);
        assert_eq!(zalando().look(&stage.view()), Some(10));
    }
}

//! [`Kpa`]: Knative's autoscaler of one revision as the simulator runs it.
//!
//! It scrapes every second and ticks every other. Seconds that could not be scraped are not written; a window without
//! any holds the size. A restart loses the windows and begins in panic over more than one Ready pod, as a start does.

use super::buckets::{Average, Buckets};
use super::decide::{Averages, Decider, Rules, TICK};
use crate::baselines::{Second, Settings, count};
use crate::scaler::{Scaler, View};
use serde::Serialize;

/// `scale-to-zero-grace-period`, in seconds.
const GRACE: Second = 30;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuning {
    /// The target, as a share of the load that a replica is planned to carry.
    pub load: f64,
    /// `stable-window`, in seconds: 6 to 3,600.
    pub stable_window: u32,
    /// `panic-window-percentage`.
    pub panic_window_percent: u32,
    /// `panic-threshold-percentage`.
    pub panic_threshold_percent: u32,
    /// `scale-down-delay`, in seconds.
    pub scale_down_delay: u32,
    /// How the windows are averaged.
    pub average: Average,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            load: 1.0,
            stable_window: 60,
            panic_window_percent: 10,
            panic_threshold_percent: 200,
            scale_down_delay: 0,
            average: Average::Plain,
        }
    }
}

impl Tuning {
    /// What is tried: three windows, three targets, and scaling in at once, after 5 and after 15 minutes. 27 sets.
    #[must_use]
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for stable_window in [60, 120, 300] {
            for load in [0.8, 0.9, 1.0] {
                for scale_down_delay in [0, 300, 900] {
                    grid.push(Self { load, stable_window, scale_down_delay, ..Self::default() });
                }
            }
        }
        grid
    }
}

/// The autoscaler of one revision.
#[derive(Debug, Clone)]
pub struct Kpa {
    name: String,
    tuning: Tuning,
    rules: Rules,
    memory: Option<Memory>,
}

/// What the process keeps.
#[derive(Debug, Clone)]
struct Memory {
    decider: Decider,
    stable: Buckets,
    panic: Buckets,
    scraped: Second,
    /// Since when nothing is wanted.
    idle_since: Option<Second>,
}

impl Kpa {
    /// An autoscaler that has not looked yet.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let rules = Rules {
            stable_window: tuning.stable_window,
            panic_threshold: f64::from(tuning.panic_threshold_percent) / 100.0,
            scale_down_delay: tuning.scale_down_delay,
            ..Rules::with_target(settings.target_per_replica * tuning.load)
        };
        Self { name: name.into(), tuning, rules, memory: None }
    }
}

impl Memory {
    fn new(tuning: &Tuning, now: Second, ready: u32) -> Self {
        let panic = tuning.stable_window.saturating_mul(tuning.panic_window_percent) / 100;
        Self {
            decider: Decider::new(now, ready),
            stable: Buckets::new(tuning.stable_window),
            panic: Buckets::new(panic),
            scraped: now - 1,
            idle_since: None,
        }
    }

    /// Writes the seconds since the last tick.
    fn scrape(&mut self, view: &View<'_>, window: u32) {
        let now = view.now.as_second();
        let new = (now - self.scraped).clamp(0, Second::from(window));
        self.scraped = now;
        for ago in (0..u32::try_from(new).unwrap_or(0)).rev() {
            let requests = view.metrics.second(ago).filter(|requests| requests.is_finite());
            if let Some(requests) = requests {
                self.stable.write(now - Second::from(ago), requests);
                self.panic.write(now - Second::from(ago), requests);
            }
        }
    }

    /// Whether nothing has been wanted for the grace period.
    fn may_sleep(&mut self, now: Second, desired: u32) -> bool {
        let since = if desired == 0 { *self.idle_since.get_or_insert(now) } else { now };
        if desired > 0 {
            self.idle_since = None;
        }
        now - since >= GRACE
    }
}

impl Scaler for Kpa {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        TICK
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let now = view.now.as_second();
        let begin = || Memory::new(&self.tuning, now, view.ready);
        let memory = self.memory.get_or_insert_with(begin);
        memory.scrape(view, self.tuning.stable_window);
        let stable = memory.stable.average(now, self.tuning.average)?;
        let panic = memory.panic.average(now, self.tuning.average).unwrap_or(0.0);
        let seen = Averages { stable, panic };
        let desired = memory.decider.tick(now, view.ready, seen, &self.rules).desired;
        let (min, max) = view.bounds;
        let awake = if memory.may_sleep(now, desired) { min } else { min.max(1) };
        Some(count::within(desired, (awake, max)))
    }

    fn restart(&mut self, view: &View<'_>) {
        self.memory = Some(Memory::new(&self.tuning, view.now.as_second(), view.ready));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled};

    fn kpa() -> Kpa {
        Kpa::new("kpa", Tuning::default(), &Settings::default())
    }

    /// The size after a tick every other second for so long.
    fn after(kpa: &mut Kpa, stage: &mut Stage, seconds: i64) -> usize {
        for _ in 0..seconds / 2 {
            if let Some(size) = kpa.look(&stage.view()) {
                stage.resize(size);
            }
            stage.advance(2);
        }
        stage.pods.len()
    }

    #[test]
    fn load_is_carried_within_seconds() {
        let mut stage = Stage::new(settled(10), 1500.0);
        assert_eq!(after(&mut kpa(), &mut stage, 8), 30);
    }

    #[test]
    fn a_start_holds_for_a_window_and_then_halves_down_to_the_minimum() {
        let mut stage = Stage::new(settled(30), 100.0);
        let mut kpa = kpa();
        assert_eq!(after(&mut kpa, &mut stage, 60), 30);
        assert_eq!(after(&mut kpa, &mut stage, 4), 15);
        assert_eq!(after(&mut kpa, &mut stage, 4), 10);
    }

    #[test]
    fn a_restart_is_a_start() {
        let mut stage = Stage::new(settled(10), 100.0);
        let mut kpa = kpa();
        after(&mut kpa, &mut stage, 120);
        stage.resize(30);
        kpa.restart(&stage.view());
        assert_eq!(after(&mut kpa, &mut stage, 58), 30);
    }

    #[test]
    fn a_fleet_without_a_minimum_sleeps_after_the_grace_period() {
        let mut stage = Stage::new(settled(1), 0.0);
        stage.bounds = (0, 30);
        let mut kpa = kpa();
        assert_eq!(after(&mut kpa, &mut stage, 30), 1);
        assert_eq!(after(&mut kpa, &mut stage, 4), 0);
    }

    #[test]
    fn the_grid_holds_the_default_once() {
        let grid = Tuning::grid();
        assert_eq!(grid.len(), 27);
        assert_eq!(grid.iter().filter(|tuning| **tuning == Tuning::default()).count(), 1);
    }
}

//! Google's autoscaler of instance groups: the highest that any signal asked for in the last ten minutes, and at most so
//! many instances removed in a window.
//!
//! After its documentation (baselines.md 2.4), which does not say how often it looks: every minute here. A signal that
//! cannot be read asks for what there is. It runs at Google: a restart of ours takes nothing from it. Not modelled:
//! predictive autoscaling, schedules.

use super::hpa::scaler::number;
use super::{Second, Settings, count};
use crate::scaler::{Scaler, View};
use serde::Serialize;
use std::collections::VecDeque;

/// Seconds between two looks.
const PERIOD: u32 = 60;
/// The stabilisation period, in seconds: what was asked for in it still counts.
const STABILISATION: Second = 600;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuning {
    /// Seconds of `rate()`.
    pub window: u32,
    /// The target, as a share of the load that a replica is planned to carry.
    pub load: f64,
    /// Scale-in control.
    pub scale_in: Option<ScaleInControl>,
}

/// At most so many instances removed in a trailing window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScaleInControl {
    /// `maxScaledInReplicas`.
    pub instances: u32,
    /// `timeWindowSec`.
    pub window: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { window: 60, load: 1.0, scale_in: None }
    }
}

impl Tuning {
    /// What is tried: five targets, without scale-in control and with 2 instances in 10 minutes. 10 sets.
    #[must_use]
    pub fn grid() -> Vec<Self> {
        let slow = ScaleInControl { instances: 2, window: 600 };
        let mut grid = Vec::new();
        for load in [0.6, 0.7, 0.8, 0.9, 1.0] {
            for scale_in in [None, Some(slow)] {
                grid.push(Self { load, scale_in, ..Self::default() });
            }
        }
        grid
    }
}

/// What was asked for and what there was, newest last.
#[derive(Debug, Clone, Default)]
pub struct Past {
    asked: VecDeque<(Second, u32)>,
    sizes: VecDeque<(Second, u32)>,
}

impl Past {
    /// The next size, within no bounds yet.
    pub fn next(
        &mut self,
        now: Second,
        current: u32,
        asked: u32,
        control: Option<ScaleInControl>,
    ) -> u32 {
        let stable = highest(&mut self.asked, now, STABILISATION, asked);
        let Some(control) = control else { return stable };
        let peak = highest(&mut self.sizes, now, Second::from(control.window), current);
        // Only what is being removed is held: an instance that is gone is not brought back by the control.
        let lowest = peak.saturating_sub(control.instances).min(current);
        stable.max(lowest)
    }
}

/// Adds a count; the highest of those that are younger than the window.
fn highest(counts: &mut VecDeque<(Second, u32)>, now: Second, window: Second, newest: u32) -> u32 {
    while counts.front().is_some_and(|(at, _)| *at <= now - window) {
        counts.pop_front();
    }
    counts.push_back((now, newest));
    counts.iter().map(|(_, count)| *count).max().unwrap_or(newest)
}

/// One autoscaler as the simulator runs it.
#[derive(Debug, Clone)]
pub struct Gcp {
    name: String,
    tuning: Tuning,
    target: f64,
    past: Past,
}

impl Gcp {
    /// One that was just created.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let target = settings.target_per_replica * tuning.load;
        Self { name: name.into(), tuning, target, past: Past::default() }
    }
}

impl Scaler for Gcp {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        PERIOD
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let rate = number(view.metrics.rate(self.tuning.window));
        let asked = rate.map_or(view.wanted, |rate| count::ceil(rate / self.target));
        let now = view.now.as_second();
        let size = self.past.next(now, view.wanted, asked, self.tuning.scale_in);
        Some(count::within(size, view.bounds))
    }

    fn restart(&mut self, _view: &View<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled};

    #[test]
    fn the_highest_of_ten_minutes_counts_and_no_longer() {
        let mut past = Past::default();
        let sizes: Vec<u32> = (0..12)
            .map(|minute| past.next(minute * 60, 0, if minute == 0 { 30 } else { 12 }, None))
            .collect();
        assert_eq!(sizes, [[30; 10].as_slice(), &[12, 12]].concat());
    }

    #[test]
    fn scale_in_control_bounds_what_goes_in_any_window() {
        let control = Some(ScaleInControl { instances: 2, window: 600 });
        let mut past = Past::default();
        let mut size = 20;
        let sizes = (0..40).map(|minute| {
            size = past.next(minute * 60, size, 10, control);
            size
        });
        let sizes: Vec<u32> = sizes.collect();
        assert_eq!((sizes[0], sizes[9], sizes[39]), (18, 18, 12));
        for start in 0..sizes.len() - 9 {
            let window = &sizes[start..start + 10];
            assert!(window[0] - window[9] <= 2, "{sizes:?}");
        }
    }

    #[test]
    fn it_grows_at_once() {
        let stage = Stage::new(settled(10), 1500.0);
        let mut gcp = Gcp::new("gcp", Tuning::default(), &Settings::default());
        assert_eq!(gcp.look(&stage.view()), Some(30));
    }
}

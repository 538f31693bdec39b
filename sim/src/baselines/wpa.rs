//! Datadog's Watermark Pod Autoscaler: acts above a high and below a low watermark, and rests between them and after
//! each change.
//!
//! After watermarkpodautoscaler 70e8425 (baselines.md 2.4), with the algorithm `absolute` on the mean load of a pod. When
//! it last scaled and since when a watermark is passed are in its object's status: a restart loses nothing. A metric that
//! cannot be read changes nothing. Not modelled: converging between the watermarks.

use super::hpa::scaler::number;
use super::{Second, Settings, count};
use crate::scaler::{Scaler, View};
use serde::Serialize;

/// Seconds between two looks.
const SYNC: u32 = 15;
/// Around each watermark.
const TOLERANCE: f64 = 0.1;
/// `scaleUpLimitFactor`: so many percent of the size at a time ...
const UP_LIMIT: u32 = 50;
/// ... and `scaleDownLimitFactor`.
const DOWN_LIMIT: u32 = 20;
/// `upscaleForbiddenWindowSeconds`: after any change.
const UP_FORBIDDEN: Second = 60;
/// `downscaleForbiddenWindowSeconds`: after any change.
const DOWN_FORBIDDEN: Second = 300;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuning {
    /// Seconds of `rate()`.
    pub window: u32,
    /// The high watermark, as a share of the load that a replica is planned to carry.
    pub high: f64,
    /// The low watermark.
    pub low: f64,
    /// `upscaleDelayAboveWatermarkSeconds`.
    pub delay_above: u32,
    /// `downscaleDelayBelowWatermarkSeconds`.
    pub delay_below: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { window: 60, high: 1.0, low: 0.7, delay_above: 0, delay_below: 0 }
    }
}

impl Tuning {
    /// What is tried: three high and three low watermarks, two waits before removing. 18 sets.
    #[must_use]
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for high in [0.8, 0.9, 1.0] {
            for low in [0.5, 0.6, 0.7] {
                for delay_below in [0, 300] {
                    grid.push(Self { high, low, delay_below, ..Self::default() });
                }
            }
        }
        grid
    }
}

/// Watermarks on the mean load of a pod.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watermarks {
    /// Above this, pods are added.
    pub high: f64,
    /// Below this, pods are removed.
    pub low: f64,
}

/// The size that a load asks for, before any limit; `None` between the watermarks.
#[must_use]
pub fn propose(current: u32, ready: u32, load: f64, marks: Watermarks) -> Option<u32> {
    let ready = f64::from(ready);
    if load > marks.high * (1.0 + TOLERANCE) {
        Some(count::ceil(ready * load / marks.high).max(current))
    } else if load < marks.low * (1.0 - TOLERANCE) {
        Some(count::floor(ready * load / marks.low).max(1).min(current))
    } else {
        None
    }
}

/// At most the limit factors away from the current size, but one pod always.
#[must_use]
pub fn cap(current: u32, asked: u32) -> u32 {
    let share = |percent: u32| (current.saturating_mul(percent) / 100).max(1);
    let (lowest, highest) =
        (current.saturating_sub(share(DOWN_LIMIT)), current.saturating_add(share(UP_LIMIT)));
    asked.clamp(lowest, highest)
}

/// What the object's status keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    scaled: Option<Second>,
    above_since: Option<Second>,
    below_since: Option<Second>,
}

impl Status {
    /// The size for what was asked, after the delays and the forbidden windows.
    pub fn settle(
        &mut self,
        now: Second,
        current: u32,
        asked: Option<u32>,
        (above, below): (u32, u32),
    ) -> u32 {
        let is_above = asked.is_some_and(|asked| asked > current);
        let is_below = asked.is_some_and(|asked| asked < current);
        self.above_since = if is_above { self.above_since.or(Some(now)) } else { None };
        self.below_since = if is_below { self.below_since.or(Some(now)) } else { None };
        let lasts = |since: Option<Second>, delay: u32| {
            since.is_some_and(|since| now - since >= Second::from(delay))
        };
        let rested = |rest: Second| self.scaled.is_none_or(|at| now - at >= rest);
        let may = (lasts(self.above_since, above) && rested(UP_FORBIDDEN))
            || (lasts(self.below_since, below) && rested(DOWN_FORBIDDEN));
        let size = asked.filter(|_| may).map_or(current, |asked| cap(current, asked));
        if size != current {
            self.scaled = Some(now);
        }
        size
    }
}

/// One autoscaler as the simulator runs it.
#[derive(Debug, Clone)]
pub struct Wpa {
    name: String,
    tuning: Tuning,
    marks: Watermarks,
    status: Status,
}

impl Wpa {
    /// One that was just created.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let marks = Watermarks {
            high: settings.target_per_replica * tuning.high,
            low: settings.target_per_replica * tuning.low,
        };
        Self { name: name.into(), tuning, marks, status: Status::default() }
    }
}

impl Scaler for Wpa {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        SYNC
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let load = number(view.metrics.rate(self.tuning.window))? / f64::from(view.ready.max(1));
        let asked = propose(view.wanted, view.ready, load, self.marks);
        let asked = asked.map(|asked| count::within(asked, view.bounds));
        let delays = (self.tuning.delay_above, self.tuning.delay_below);
        let size = self.status.settle(view.now.as_second(), view.wanted, asked, delays);
        Some(count::within(size, view.bounds))
    }

    fn restart(&mut self, _view: &View<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled};
    use proptest::prelude::*;

    const MARKS: Watermarks = Watermarks { high: 50.0, low: 35.0 };

    #[test]
    fn it_rests_between_the_watermarks_and_their_tolerance() {
        for (load, asked) in [
            (55.0, None),
            (55.1, Some(23)),
            (100.0, Some(40)),
            (31.5, None),
            (31.4, Some(17)),
            (0.0, Some(1)),
            (f64::NAN, None),
        ] {
            assert_eq!(propose(20, 20, load, MARKS), asked, "{load}");
        }
        // Ten of thirty are Ready: more is never fewer than there are, less never more.
        assert_eq!(propose(30, 10, 100.0, MARKS), Some(30));
        assert_eq!(propose(5, 10, 30.0, MARKS), Some(5));
    }

    #[test]
    fn a_change_is_at_most_half_up_and_a_fifth_down_but_one_pod_always() {
        for (current, asked, expected) in
            [(10, 30, 15), (10, 12, 12), (10, 2, 8), (10, 9, 9), (1, 30, 2), (2, 1, 1), (3, 1, 2)]
        {
            assert_eq!(cap(current, asked), expected, "{current} to {asked}");
        }
    }

    #[test]
    fn after_any_change_it_waits_a_minute_to_add_and_five_to_remove() {
        let mut status = Status::default();
        assert_eq!(status.settle(0, 10, Some(30), (0, 0)), 15);
        assert_eq!(status.settle(59, 15, Some(30), (0, 0)), 15);
        assert_eq!(status.settle(60, 15, Some(30), (0, 0)), 22);
        assert_eq!(status.settle(359, 22, Some(10), (0, 0)), 22);
        assert_eq!(status.settle(360, 22, Some(10), (0, 0)), 18);
    }

    #[test]
    fn a_delay_counts_from_when_the_watermark_was_passed() {
        let mut status = Status::default();
        assert_eq!(status.settle(0, 10, Some(12), (60, 0)), 10);
        assert_eq!(status.settle(30, 10, None, (60, 0)), 10);
        assert_eq!(status.settle(45, 10, Some(12), (60, 0)), 10);
        assert_eq!(status.settle(104, 10, Some(12), (60, 0)), 10);
        assert_eq!(status.settle(105, 10, Some(12), (60, 0)), 12);
    }

    #[test]
    fn a_fleet_under_load_grows_by_half_a_minute_apart() {
        let mut wpa = Wpa::new("wpa", Tuning::default(), &Settings::default());
        let mut stage = Stage::new(settled(10), 1500.0);
        let mut sizes = Vec::new();
        for _ in 0..9 {
            let size = wpa.look(&stage.view()).unwrap();
            stage.resize(size);
            sizes.push(size);
            stage.advance(15);
        }
        assert_eq!(sizes, [15, 15, 15, 15, 22, 22, 22, 22, 30]);
    }

    proptest! {
        #[test]
        fn a_step_is_never_larger_than_its_cap(
            current in 1_u32..300, ready in 0_u32..300, load in any::<f64>(),
        ) {
            if let Some(asked) = propose(current, ready, load, MARKS) {
                let size = cap(current, asked);
                prop_assert!(size <= current + (current / 2).max(1));
                prop_assert!(size + (current / 5).max(1) >= current);
            }
        }
    }
}

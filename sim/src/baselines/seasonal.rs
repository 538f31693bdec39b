//! Seasonal-naive and HPA: the HPA, on a floor of what the day before needed.
//!
//! The simplest forecast there is, "as yesterday": the highest demand of the day before between now and now plus a lead,
//! divided by the target, is the smallest size. A minute of the day before that nobody saw sets no floor. Demand is what
//! Prometheus has, so a restart loses only what the HPA loses.

use super::hpa::{HpaScaler, SYNC, Tuning as HpaTuning, scaler::number};
use super::{Settings, count};
use crate::scaler::{Scaler, View};
use serde::Serialize;

/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// Minutes that are kept: the day before, and the hour in which it is overwritten.
const KEPT: i64 = DAY + 60;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// How far ahead the day before is looked at, in minutes.
    pub lead_minutes: u32,
    /// The floor's target, as a share of the load that a replica is planned to carry.
    pub load: f64,
    /// The HPA's.
    pub hpa: HpaTuning,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { lead_minutes: 5, load: 1.0, hpa: HpaTuning::default() }
    }
}

impl Tuning {
    /// What is tried: three leads, three floors, and three targets of the HPA. 27 sets.
    #[must_use]
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for lead_minutes in [3, 5, 10] {
            for load in [0.8, 0.9, 1.0] {
                for reactive in [0.8, 0.9, 1.0] {
                    let hpa = HpaTuning { load: reactive, ..HpaTuning::default() };
                    grid.push(Self { lead_minutes, load, hpa });
                }
            }
        }
        grid
    }
}

/// Demand, minute by minute, of a little more than the last day.
#[derive(Debug, Clone)]
pub struct LastDay(Vec<Option<Minute>>);

/// One minute.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Minute {
    /// Minutes of Unix time.
    number: i64,
    rate: f64,
}

impl Default for LastDay {
    fn default() -> Self {
        Self(vec![None; usize::try_from(KEPT).unwrap_or_default()])
    }
}

impl LastDay {
    /// Notes what a minute had; the last note of a minute counts.
    pub fn note(&mut self, number: i64, rate: f64) {
        if let Some(place) = self.0.get_mut(place(number)) {
            *place = Some(Minute { number, rate });
        }
    }

    /// What a minute had; `None` where it was not seen, or is not of the last day.
    #[must_use]
    pub fn at(&self, number: i64) -> Option<f64> {
        let minute = (*self.0.get(place(number))?)?;
        (minute.number == number).then_some(minute.rate)
    }

    /// The highest demand of the day before, from the minute that it is now to so many later.
    #[must_use]
    pub fn highest_ahead(&self, now: i64, lead: u32) -> Option<f64> {
        let before = (0..=i64::from(lead)).filter_map(|ahead| self.at(now + ahead - DAY));
        before.reduce(f64::max)
    }
}

fn place(number: i64) -> usize {
    usize::try_from(number.rem_euclid(KEPT)).unwrap_or_default()
}

/// The floor, and the HPA on it.
#[derive(Debug, Clone)]
pub struct Seasonal {
    hpa: HpaScaler,
    lead: u32,
    per_replica: f64,
    demand: LastDay,
}

impl Seasonal {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(name: impl Into<String>, tuning: Tuning, settings: &Settings) -> Self {
        let lead = tuning.lead_minutes.min(60);
        let per_replica = settings.target_per_replica * tuning.load;
        let hpa = HpaScaler::new(name, tuning.hpa, settings);
        Self { hpa, lead, per_replica, demand: LastDay::default() }
    }
}

impl Scaler for Seasonal {
    fn name(&self) -> String {
        self.hpa.name()
    }

    fn period(&self) -> u32 {
        SYNC
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        let minute = view.now.as_second().div_euclid(60);
        let floor = self.demand.highest_ahead(minute, self.lead);
        if let Some(rate) = number(view.metrics.rate(60)) {
            // What was seen last of a minute is seen within a sync after its end.
            self.demand.note((view.now.as_second() - i64::from(SYNC)).div_euclid(60), rate);
        }
        let (min, max) = view.bounds;
        let floor = floor.map_or(min, |rate| count::ceil(rate / self.per_replica));
        let bounds = (count::within(floor, view.bounds), max);
        Some(self.hpa.sync(view, bounds, &[]).replicas)
    }

    fn restart(&mut self, _view: &View<'_>) {
        self.hpa.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled};

    #[test]
    fn the_day_before_is_a_day_before_and_no_other() {
        let mut day = LastDay::default();
        day.note(100, 700.0);
        assert_eq!(day.at(100), Some(700.0));
        assert_eq!(day.at(100 + DAY), None);
        day.note(100 + DAY, 500.0);
        assert_eq!((day.at(100), day.at(100 + DAY)), (Some(700.0), Some(500.0)));
        day.note(100 + KEPT, 300.0);
        assert_eq!((day.at(100), day.at(100 + KEPT)), (None, Some(300.0)));
    }

    #[test]
    fn the_highest_minute_from_now_to_the_lead_counts() {
        let mut day = LastDay::default();
        for (number, rate) in [(0, 100.0), (1, 900.0), (2, 200.0), (5, 1400.0)] {
            day.note(number, rate);
        }
        assert_eq!(day.highest_ahead(DAY, 4), Some(900.0));
        assert_eq!(day.highest_ahead(DAY, 5), Some(1400.0));
        assert_eq!(day.highest_ahead(DAY + 2, 2), Some(200.0));
        assert_eq!(day.highest_ahead(DAY + 6, 30), None);
    }

    #[test]
    fn it_is_the_hpa_on_the_first_day_and_raises_ahead_on_the_second() {
        let mut scaler = Seasonal::new("seasonal", Tuning::default(), &Settings::default());
        let mut stage = Stage::new(settled(10), 100.0);
        let peak = stage.now.as_second().div_euclid(60) + 4;
        assert_eq!(scaler.look(&stage.view()), Some(10));
        scaler.demand.note(peak - DAY, 1234.0);
        stage.advance(15);
        assert_eq!(scaler.look(&stage.view()), Some(25));
    }

    #[test]
    fn a_restart_keeps_the_day_before() {
        let mut scaler = Seasonal::new("seasonal", Tuning::default(), &Settings::default());
        let stage = Stage::new(settled(10), 100.0);
        scaler.demand.note(stage.now.as_second().div_euclid(60) - DAY, 1000.0);
        scaler.restart(&stage.view());
        assert_eq!(scaler.look(&stage.view()), Some(20));
    }
}

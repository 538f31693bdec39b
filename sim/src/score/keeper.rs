//! [`Keeper`]: keeps score while a run goes on, second by second.

use super::changes::{Change, Changes};
use super::steps::{Look, Steps};
use super::{Day, Provisioning, Score};
use crate::load::Load;
use crate::plant::latency::Sojourns;
use crate::plant::{SLO_MILLIS, Served, demanded};
use crate::series::Series;
use jiff::Timestamp;

/// Seconds of a day and of a minute.
const DAY: u32 = 86_400;
const MINUTE: u32 = 60;

/// The fleet in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fleet {
    /// `spec.replicas`.
    pub(crate) wanted: u32,
    /// Pods that exist.
    pub(crate) existing: u32,
    /// Ready pods.
    pub(crate) ready: u32,
    /// Pods that were started so far.
    pub(crate) started: u32,
    /// Arrivals of about the last ten seconds, in requests per second.
    pub(crate) felt: f64,
}

/// Keeps score.
#[derive(Debug)]
pub(crate) struct Keeper<'a> {
    load: &'a Load,
    bounds: (u32, u32),
    /// The first second that is scored.
    from: u32,
    second: u32,
    fleet: Fleet,
    series: Series,
    minute: Minute,
    worst: Option<Worst>,
    sums: Sums,
    changes: Changes,
    steps: Steps,
    started_before: u32,
    days: Vec<Day>,
}

/// A minute that goes on.
#[derive(Debug, Default)]
struct Minute {
    seconds: u32,
    arrived: f64,
    unserved: f64,
    sojourns: Sojourns,
}

/// The worst minute so far.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Worst {
    unserved: f64,
    p95: f64,
    begins: Timestamp,
}

/// What is summed over scored seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    seconds: f64,
    under: Provisioning,
    over: Provisioning,
}

impl<'a> Keeper<'a> {
    /// Of a run that is scored from a second on (from the next whole minute).
    pub(crate) fn new(load: &'a Load, bounds: (u32, u32), unscored: u32) -> Self {
        let nothing = Fleet { wanted: 0, existing: 0, ready: 0, started: 0, felt: 0.0 };
        let minutes = load.seconds().div_ceil(MINUTE) as usize;
        Self {
            load,
            bounds,
            from: unscored.div_ceil(MINUTE).saturating_mul(MINUTE),
            second: 0,
            fleet: nothing,
            series: Series::new(load.start(), minutes),
            minute: Minute::default(),
            worst: None,
            sums: Sums::default(),
            changes: Changes::default(),
            steps: Steps::default(),
            started_before: 0,
            days: Vec::new(),
        }
    }

    /// The wanted size changed in the second that is to come.
    pub(crate) fn change(&mut self, before: u32, after: u32) {
        let change = self.changes.change(self.second, after > before);
        if self.second < self.from {
            return;
        }
        self.open_day();
        let Change { reverses_10min, reverses_30min } = change;
        if let Some(day) = self.days.last_mut() {
            day.changes += 1;
            day.reversals_10min += u32::from(reverses_10min);
            day.reversals_30min += u32::from(reverses_30min);
        }
    }

    /// A second is over.
    pub(crate) fn second(&mut self, served: &Served, fleet: Fleet) {
        self.fleet = fleet;
        let minute = &mut self.minute;
        minute.seconds += 1;
        minute.arrived += served.arrived;
        minute.unserved += served.unserved;
        if served.answered > 0.0 {
            minute.sojourns.add(served.answered, served.mean_millis);
        }
        let demanded = demanded(fleet.felt, self.bounds);
        let counts = self.second >= self.from;
        if counts {
            self.score(served, demanded);
        } else {
            self.started_before = fleet.started;
        }
        let Fleet { ready, felt, .. } = fleet;
        let (second, min) = (self.second, self.bounds.0);
        let look = Look { second, felt, demanded, ready, min, counts };
        self.steps.second(self.load.arrivals(), look);
        self.second += 1;
        if self.minute.seconds == MINUTE {
            self.close_minute();
        }
    }

    /// What is scored of a second.
    fn score(&mut self, served: &Served, demanded: u32) {
        self.open_day();
        if let Some(day) = self.days.last_mut() {
            day.replica_hours += f64::from(self.fleet.existing);
            day.requests += served.arrived;
            day.unserved += served.unserved;
        }
        let ready = self.fleet.ready;
        let wrong = |by: u32, sum: &mut Provisioning| {
            sum.accuracy += f64::from(by) / f64::from(demanded);
            sum.time += f64::from(u8::from(by > 0));
        };
        wrong(demanded.saturating_sub(ready), &mut self.sums.under);
        wrong(ready.saturating_sub(demanded), &mut self.sums.over);
        self.sums.seconds += 1.0;
    }

    /// Begins a day if it is time.
    fn open_day(&mut self) {
        let index = (self.second - self.from) / DAY;
        if self.days.len() > index as usize {
            return;
        }
        let start = self.instant(self.second);
        self.days.push(Day {
            start,
            minutes: 0,
            violating_minutes: 0,
            replica_hours: 0.0,
            requests: 0.0,
            unserved: 0.0,
            changes: 0,
            reversals_10min: 0,
            reversals_30min: 0,
        });
    }

    fn close_minute(&mut self) {
        let Minute { seconds, arrived, unserved, sojourns } = std::mem::take(&mut self.minute);
        let p95 = sojourns.p95().unwrap_or(0.0);
        self.series.demand.push(arrived / f64::from(seconds));
        self.series.wanted.push(self.fleet.wanted);
        self.series.ready.push(self.fleet.ready);
        self.series.p95_millis.push(p95);
        self.series.unserved.push(unserved);
        let began = self.second - seconds;
        if began < self.from {
            return;
        }
        let violates = p95 > SLO_MILLIS || unserved > 0.0;
        if let Some(day) = self.days.last_mut() {
            day.minutes += 1;
            day.violating_minutes += u32::from(violates);
        }
        let this = Worst { unserved, p95, begins: self.instant(began) };
        let is_worse =
            self.worst.is_none_or(|worst| (this.unserved, this.p95) > (worst.unserved, worst.p95));
        if violates && is_worse {
            self.worst = Some(this);
        }
    }

    /// The run is over.
    pub(crate) fn finish(mut self) -> (Series, Score, Vec<Day>) {
        if self.minute.seconds > 0 {
            self.close_minute();
        }
        for day in &mut self.days {
            day.replica_hours /= 3600.0;
        }
        let score = self.total();
        (self.series, score, self.days)
    }

    fn total(&self) -> Score {
        let Sums { seconds, under, over } = self.sums;
        let days = &self.days;
        let count = |of: fn(&Day) -> u32| days.iter().map(of).sum::<u32>();
        let sum = |of: fn(&Day) -> f64| days.iter().map(of).sum::<f64>();
        let (requests, unserved) = (sum(|day| day.requests), sum(|day| day.unserved));
        let percent = |it: Provisioning| Provisioning {
            accuracy: share(it.accuracy, seconds) * 100.0,
            time: share(it.time, seconds) * 100.0,
        };
        Score {
            minutes: count(|day| day.minutes),
            violating_minutes: count(|day| day.violating_minutes),
            worst_minute: self.worst.map(|worst| worst.begins),
            replica_hours: sum(|day| day.replica_hours),
            requests,
            unserved_ppm: share(unserved, requests) * 1e6,
            under: percent(under),
            over: percent(over),
            changes: count(|day| day.changes),
            reversals_10min: count(|day| day.reversals_10min),
            reversals_30min: count(|day| day.reversals_30min),
            pods_started: self.fleet.started - self.started_before,
            days: seconds / f64::from(DAY),
            steps: self.steps.count(),
            reaction_p50_s: self.steps.percentile(50),
            reaction_p95_s: self.steps.percentile(95),
        }
    }

    fn instant(&self, second: u32) -> Timestamp {
        let start = self.load.start();
        start.checked_add(jiff::SignedDuration::from_secs(second.into())).unwrap_or(start)
    }
}

/// A part of a whole; none of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

//! [`Metrics`]: what a Prometheus in front of the fleet would answer, with its scrape phase, the semantics of `rate()`,
//! the delay of a question and whatever is wrong with it.
//!
//! Each pod has counters of its own, which begin when it becomes Ready and end when it goes; a question sums the rates
//! of all that have samples in its window. Scalers read it through [`crate::scaler::View`]; [`crate::run`] feeds it.

mod answers;
mod history;
mod outage;
pub mod rate;

use crate::plant::Served;
use crate::scaler::Pod;
use history::History;
use jiff::Timestamp;
use std::collections::VecDeque;

pub(crate) use outage::Outages;

/// The longest window of a question, in seconds.
pub const LONGEST_WINDOW: u32 = 3600;
/// A fleet has been scraped for so long when a run begins, in seconds.
const BEFORE: u32 = 600;

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// One row. The value may be NaN: a percentile of no requests, or a fault.
    Value {
        /// As Prometheus gave it.
        value: f64,
        /// When the newest sample that it is made of was scraped.
        sampled_at: Timestamp,
    },
    /// No row.
    Empty,
    /// No answer.
    Failed,
}

impl Answer {
    /// The value, NaN included; `None` where there is none.
    #[must_use]
    pub const fn value(self) -> Option<f64> {
        match self {
            Self::Value { value, .. } => Some(value),
            Self::Empty | Self::Failed => None,
        }
    }
}

/// How metrics reach a scaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Seconds between two scrapes; at least one.
    pub interval: u32,
    /// Scrapes are at Unix seconds that leave this when divided by the interval.
    pub phase: u32,
    /// An answer is so many seconds old when it is acted upon: recording rules, the query itself.
    pub delay: u32,
}

/// What can be asked.
#[derive(Debug, Clone)]
pub struct Metrics {
    now: i64,
    path: Path,
    outages: Outages,
    history: History,
    scrapes: VecDeque<Scrape>,
    /// When the last scrape was that did not reach all pods.
    last_partial: i64,
    /// The counters of pods that are there, by when they begin, oldest pod first.
    live: Vec<i64>,
    /// The counters of pods that went: begin and end, by their ends.
    gone: VecDeque<(i64, i64)>,
}

/// A scrape that took place.
#[derive(Debug, Clone, Copy)]
struct Scrape {
    at: i64,
    /// The share of the pods that it reached, in percent: the oldest.
    percent: u8,
}

impl Metrics {
    /// Of a fleet of so many pods that has got this rate for ten minutes when `now` comes.
    #[must_use]
    pub(crate) fn new(path: Path, outages: Outages, now: i64, pods: u32, rate: f64) -> Self {
        let first = now - i64::from(BEFORE);
        let mut metrics = Self {
            now: first,
            path: Path { interval: path.interval.max(1), ..path },
            outages: Outages::default(),
            history: History::new(first),
            scrapes: VecDeque::new(),
            last_partial: i64::MIN,
            live: vec![first - 86_400; pods as usize],
            gone: VecDeque::new(),
        };
        let load = f64::from(pods.max(1)) * crate::plant::SATURATION;
        let mean_millis = crate::plant::latency::mean_millis(rate / load, 0.0);
        let served =
            Served { arrived: rate, answered: rate, unserved: 0.0, queued: 0.0, mean_millis };
        for at in first..now {
            metrics.begin(at);
            metrics.record(&served, pods);
        }
        metrics.outages = outages;
        metrics
    }

    /// For tests of scalers: one pod that has got so many requests in each second of the last ten minutes, scraped
    /// every 5 s, without delay.
    #[must_use]
    pub fn constant(now: Timestamp, rate: f64) -> Self {
        let now = now.as_second();
        let path = Path { interval: 5, phase: 0, delay: 0 };
        let mut metrics = Self::new(path, Outages::default(), now, 1, rate);
        metrics.begin(now);
        metrics
    }

    /// Seconds between two scrapes.
    #[must_use]
    pub const fn scrape_interval(&self) -> u32 {
        self.path.interval
    }

    /// A second begins: pods are scraped if it is time.
    pub(crate) fn begin(&mut self, now: i64) {
        self.now = now;
        if now.rem_euclid(i64::from(self.path.interval)) != i64::from(self.path.phase) {
            return;
        }
        if let Some(percent) = self.outages.scraped(now) {
            self.scrapes.push_back(Scrape { at: now, percent });
            if percent < 100 {
                self.last_partial = now;
            }
        }
        let oldest = now - 2 * i64::from(LONGEST_WINDOW);
        while self.scrapes.front().is_some_and(|scrape| scrape.at < oldest) {
            self.scrapes.pop_front();
        }
        while self.gone.front().is_some_and(|gone| gone.1 < oldest) {
            self.gone.pop_front();
        }
    }

    /// A second is over.
    pub(crate) fn record(&mut self, served: &Served, ready: u32) {
        self.history.push(served, ready);
    }

    /// Pods came or went.
    pub(crate) fn follow(&mut self, pods: &[Pod], gone: &mut Vec<Pod>) {
        self.live.clear();
        self.live.extend(pods.iter().map(|pod| pod.ready));
        self.gone.extend(gone.drain(..).map(|pod| (pod.ready, self.now)));
    }
}

#[cfg(test)]
mod tests;

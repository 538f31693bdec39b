//! The questions that a scaler may ask, and their answers.

use super::outage::Sight;
use super::rate::{Samples, rate};
use super::{Answer, LONGEST_WINDOW, Metrics, Scrape};
use crate::plant::latency::Sojourns;
use jiff::Timestamp;

/// A series without a sample for so many seconds is gone: Prometheus' default.
const LOOKBACK: u32 = 300;
/// Counters that began so many seconds ago are all alike: where they began no longer matters.
const OLD: i64 = LONGEST_WINDOW as i64;

/// The scrapes that a question looks at: as with Prometheus, not at its window's far edge.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// When it ends.
    at: i64,
    /// How long it is, in seconds.
    length: i64,
    /// Its scrapes.
    scrapes: (usize, usize),
    /// Those of a pod that was there all the time and always reached; `None` where there was no scrape.
    all: Option<Seen>,
    /// Whether all pods were reached by each.
    is_whole: bool,
}

/// The samples of a counter in a window: when the first and the last were scraped, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    first: i64,
    last: i64,
    count: u32,
}

/// A pod's counter.
#[derive(Debug, Clone, Copy)]
struct Counter {
    begin: i64,
    end: i64,
    /// Its pod's place among those that are there, oldest first.
    place: usize,
}

impl Metrics {
    /// Requests per second of the whole fleet, those that were turned away included: `sum(rate())` over a window in
    /// seconds.
    #[must_use]
    pub fn rate(&self, window: u32) -> Answer {
        self.ask(window, |window| self.rate_in(window))
    }

    /// The 95th percentile of the latency of answered requests, in milliseconds; NaN where there were none.
    #[must_use]
    pub fn p95_millis(&self, window: u32) -> Answer {
        self.ask(window, |window| {
            let Seen { first, last, .. } = window.all.filter(|seen| seen.count >= 2)?;
            let mut sojourns = Sojourns::default();
            for second in (first..last).filter_map(|second| self.history.at(second)) {
                if second.answered > 0.0 {
                    sojourns.add(second.answered, second.mean_millis);
                }
            }
            Some((sojourns.p95().unwrap_or(f64::NAN), last))
        })
    }

    /// Requests per second that were turned away.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a window is short")]
    pub fn error_rate(&self, window: u32) -> Answer {
        self.ask(window, |window| {
            let Seen { first, last, .. } = window.all.filter(|seen| seen.count >= 2)?;
            let errors = self.history.errors(last)? - self.history.errors(first)?;
            Some((errors / (last - first) as f64, last))
        })
    }

    /// Pods with a sample in the last scrape.
    #[must_use]
    pub fn scraped_pods(&self) -> Answer {
        self.ask(LOOKBACK, |window| {
            let scrape = self.scrapes.get(window.scrapes.1.checked_sub(1)?)?;
            let last = window.all?.last;
            let live = self.live.iter().filter(|begin| **begin <= last).count();
            let reached = reached(live, scrape.percent);
            Some((f64::from(u32::try_from(reached).unwrap_or(u32::MAX)), last))
        })
    }

    /// The largest number of samples that any pod has in a window.
    #[must_use]
    pub fn window_samples(&self, window: u32) -> Answer {
        self.ask(window, |window| {
            let begin = *self.live.first()?;
            let seen = self.seen(Counter { begin, end: i64::MAX, place: 0 }, window)?;
            Some((f64::from(seen.count), seen.last))
        })
    }

    /// Requests of one second as a scaler counts them that scrapes pods itself: of the second that began `ago + 1`
    /// seconds before now. `None` where it was not scraped.
    #[must_use]
    pub fn second(&self, ago: u32) -> Option<f64> {
        match self.outages.sight(self.now, 0) {
            Sight::Good(at) => Some(self.history.at(at - 1 - i64::from(ago))?.arrived),
            Sight::Nan(_) | Sight::Empty | Sight::Failed => None,
        }
    }

    /// The mean of the last seconds, as [`Metrics::second`] gives them; `None` where none of them was scraped.
    #[must_use]
    pub fn mean(&self, seconds: u32) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0_u32);
        for requests in (0..seconds.min(LONGEST_WINDOW)).map_while(|ago| self.second(ago)) {
            sum += requests;
            count += 1;
        }
        (count > 0).then(|| sum / f64::from(count))
    }

    /// An answer, as good as the path lets it be, with when its newest sample was scraped.
    fn ask(&self, window: u32, answer: impl Fn(&Window) -> Option<(f64, i64)>) -> Answer {
        let (at, is_nan) = match self.outages.sight(self.now, i64::from(self.path.delay)) {
            Sight::Good(at) => (at, false),
            Sight::Nan(at) => (at, true),
            Sight::Empty => return Answer::Empty,
            Sight::Failed => return Answer::Failed,
        };
        let window = self.window(at, i64::from(window.min(LONGEST_WINDOW)));
        let Some((value, sampled)) = answer(&window) else { return Answer::Empty };
        let value = if is_nan { f64::NAN } else { value };
        let sampled_at = Timestamp::from_second(sampled).unwrap_or(Timestamp::MIN);
        Answer::Value { value, sampled_at }
    }

    fn window(&self, at: i64, length: i64) -> Window {
        let from = self.scrapes.partition_point(|scrape| scrape.at <= at - length);
        let to = self.scrapes.partition_point(|scrape| scrape.at <= at);
        let scraped = |index: usize| self.scrapes.get(index).map(|scrape| scrape.at);
        let (first, last) = (scraped(from), to.checked_sub(1).and_then(scraped));
        let count = u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX);
        let all = first.zip(last).filter(|_| count > 0);
        let all = all.map(|(first, last)| Seen { first, last, count });
        Window { at, length, scrapes: (from, to), all, is_whole: self.last_partial <= at - length }
    }

    fn rate_in(&self, window: &Window) -> Option<(f64, i64)> {
        let (mut sum, mut newest) = (0.0, None);
        let mut old: Option<(f64, i64)> = None;
        for (place, begin) in self.live.iter().copied().enumerate() {
            let is_old = window.is_whole && window.at - begin > OLD;
            let counter = Counter { begin, end: i64::MAX, place };
            let one = old.filter(|_| is_old).or_else(|| self.rate_of(counter, window));
            let Some((rate, last)) = one else { continue };
            if is_old {
                old = one;
            }
            sum += rate;
            newest = newest.max(Some(last));
        }
        let is_inside = |gone: &&(i64, i64)| gone.1 > window.at - window.length;
        for (begin, end) in self.gone.iter().rev().take_while(is_inside).copied() {
            let counter = Counter { begin, end, place: 0 };
            let Some((rate, last)) = self.rate_of(counter, window) else { continue };
            sum += rate;
            newest = newest.max(Some(last));
        }
        newest.map(|last| (sum, last))
    }

    /// The rate of one counter, and when its last sample is.
    #[allow(clippy::cast_precision_loss, reason = "a window is short")]
    fn rate_of(&self, counter: Counter, window: &Window) -> Option<(f64, i64)> {
        let Seen { first, last, count } = self.seen(counter, window)?;
        let (one, other) = (self.history.counted(first)?, self.history.counted(last)?);
        let samples = Samples {
            count,
            before: (first - (window.at - window.length)) as f64,
            between: (last - first) as f64,
            after: (window.at - last) as f64,
            // What began before anything is remembered has counted more than the window holds.
            first: self.history.counted(counter.begin).map_or(f64::MAX, |begin| one - begin),
            increase: other - one,
        };
        rate(&samples).map(|rate| (rate, last))
    }

    /// The samples of a counter in a window: those at which it was there and its pod was reached. `None` without one.
    fn seen(&self, counter: Counter, window: &Window) -> Option<Seen> {
        let Counter { begin, end, place } = counter;
        let all = window.all?;
        if window.is_whole && begin <= all.first && end > all.last {
            return Some(all);
        }
        let (from, to) = window.scrapes;
        let reaches = |scrape: &Scrape| {
            scrape.percent >= 100 || place < reached(self.live.len(), scrape.percent)
        };
        let mut there = self
            .scrapes
            .range(from..to)
            .filter(|scrape| scrape.at >= begin && scrape.at < end && reaches(scrape));
        let first = there.next()?.at;
        let (mut last, mut count) = (first, 1);
        for scrape in there {
            last = scrape.at;
            count += 1;
        }
        Some(Seen { first, last, count })
    }
}

/// How many of the pods a scrape reaches that gets to so many percent of them.
fn reached(pods: usize, percent: u8) -> usize {
    (pods * usize::from(percent.min(100))).div_ceil(100)
}

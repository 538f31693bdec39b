//! What runs left, as far as figures are made of it, and how sure a figure is: by day on long traces, because days
//! differ more than draws do, and by seed on short ones. Pure.

use apifleet_sim::confidence::{Interval, interval};
use apifleet_sim::score::Day;
use apifleet_sim::{Run, Score};

/// What the intervals are drawn from.
const SEED: u64 = 1;

/// What one run left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) score: Score,
    pub(crate) days: Vec<Day>,
}

/// What is counted of a day.
pub(crate) type Count = fn(&Day) -> f64;

/// The runs of one contestant in one cell, by seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runs<'a> {
    outcomes: &'a [Outcome],
    by_day: bool,
}

impl From<Run> for Outcome {
    fn from(run: Run) -> Self {
        Self { score: run.score, days: run.days }
    }
}

impl<'a> Runs<'a> {
    /// Runs whose days, or only whose seeds, say how sure a figure is.
    pub(crate) fn new(outcomes: &'a [Outcome], by_day: bool) -> Self {
        Self { outcomes, by_day }
    }

    /// Whether figures by the day mean something.
    pub(crate) fn is_by_day(&self) -> bool {
        self.by_day
    }

    /// The runs.
    pub(crate) fn outcomes(&self) -> &'a [Outcome] {
        self.outcomes
    }

    /// A count over all that is scored, on average over the seeds.
    pub(crate) fn total(&self, count: Count) -> Option<Interval> {
        if self.by_day {
            let days = self.per_day(count);
            interval(&days, SEED).map(|mean| scaled(mean, amount(days.len())))
        } else {
            interval(&self.per_seed(count), SEED)
        }
    }

    /// The same by the day; over all that is scored where days mean nothing.
    pub(crate) fn rate(&self, count: Count) -> Option<Interval> {
        if self.by_day { interval(&self.per_day(count), SEED) } else { self.total(count) }
    }

    /// One sum over another, of the same or of other runs on the same work.
    pub(crate) fn ratio(&self, over: Self, (of, to): (Count, Count)) -> Option<Interval> {
        let values = |runs: Self, count| {
            if self.by_day { runs.per_day(count) } else { runs.per_seed(count) }
        };
        let (above, below) = (values(*self, of), values(over, to));
        let mean = below.iter().sum::<f64>() / amount(below.len());
        let ratio = above.iter().sum::<f64>() / below.iter().sum::<f64>();
        if !ratio.is_finite() {
            return None;
        }
        // A ratio of sums is as unsure as the mean of what each day adds to it beyond its part: the usual linear form.
        let beyond: Vec<_> =
            above.iter().zip(&below).map(|(above, below)| (above - ratio * below) / mean).collect();
        let Interval { low, high, .. } = interval(&beyond, SEED)?;
        Some(Interval { mean: ratio, low: ratio + low, high: ratio + high })
    }

    /// A figure of whole runs.
    pub(crate) fn mean(&self, figure: fn(&Score) -> f64) -> Option<Interval> {
        let values: Vec<_> = self.outcomes.iter().map(|outcome| figure(&outcome.score)).collect();
        interval(&values, SEED)
    }

    fn per_seed(&self, count: Count) -> Vec<f64> {
        self.outcomes.iter().map(|outcome| outcome.days.iter().map(count).sum()).collect()
    }

    /// By day, on average over the seeds. All of them have the same days.
    fn per_day(&self, count: Count) -> Vec<f64> {
        let days = self.outcomes.iter().map(|outcome| outcome.days.len()).min().unwrap_or(0);
        let mut sums = vec![0.0; days];
        for outcome in self.outcomes {
            for (sum, day) in sums.iter_mut().zip(&outcome.days) {
                *sum += count(day);
            }
        }
        sums.iter().map(|sum| sum / amount(self.outcomes.len())).collect()
    }
}

fn scaled(Interval { mean, low, high }: Interval, by: f64) -> Interval {
    Interval { mean: mean * by, low: low * by, high: high * by }
}

/// A count as a number; there are never so many.
fn amount(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use apifleet_sim::score::Provisioning;
    use jiff::Timestamp;

    pub(crate) fn day(violating_minutes: u32, replica_hours: f64) -> Day {
        Day {
            start: Timestamp::UNIX_EPOCH,
            minutes: 1440,
            violating_minutes,
            replica_hours,
            requests: 1e6,
            unserved: f64::from(violating_minutes),
            changes: 10,
            reversals_10min: 1,
            reversals_30min: 2,
        }
    }

    pub(crate) fn outcome(days: &[Day]) -> Outcome {
        let violating_minutes = days.iter().map(|day| day.violating_minutes).sum();
        let share = Provisioning { accuracy: 1.0, time: 2.0 };
        let score = Score {
            minutes: 1440,
            violating_minutes,
            worst_minute: None,
            replica_hours: days.iter().map(|day| day.replica_hours).sum(),
            requests: 1e6,
            unserved_ppm: 3.0,
            under: share,
            over: share,
            changes: 20,
            reversals_10min: 2,
            reversals_30min: 4,
            pods_started: 30,
            days: amount(days.len()),
            steps: 1,
            reaction_p50_s: Some(60.0),
            reaction_p95_s: Some(90.0),
        };
        Outcome { score, days: days.to_vec() }
    }

    fn near(one: f64, two: f64) -> bool {
        (one - two).abs() < 1e-9
    }

    #[test]
    fn a_total_is_of_all_days_on_average_over_the_seeds_and_lies_in_its_interval() {
        let seeds = [
            outcome(&[day(4, 100.0), day(0, 100.0), day(8, 100.0)]),
            outcome(&[day(6, 100.0), day(2, 100.0), day(4, 100.0)]),
        ];
        for by_day in [true, false] {
            let total = Runs::new(&seeds, by_day).total(|day| f64::from(day.violating_minutes));
            let Interval { mean, low, high } = total.expect("a figure");
            assert!(near(mean, 12.0) && low <= mean && mean <= high, "{mean} {low} {high}");
        }
        let days = Runs::new(&seeds, true);
        let rate = days.rate(|day| f64::from(day.violating_minutes)).expect("a figure");
        assert!(near(rate.mean, 4.0));
        let same = Runs::new(&seeds, false).total(|day| f64::from(day.violating_minutes));
        let same = same.expect("a figure");
        assert!(near(same.low, 12.0) && near(same.high, 12.0), "both seeds have 12");
    }

    #[test]
    fn a_ratio_is_of_sums_and_sure_where_every_day_has_it() {
        let ours = [outcome(&[day(0, 110.0), day(0, 220.0)])];
        let oracle = [outcome(&[day(0, 100.0), day(0, 200.0)])];
        let hours: (Count, Count) = (|day| day.replica_hours, |day| day.replica_hours);
        let ratio = Runs::new(&ours, true).ratio(Runs::new(&oracle, true), hours);
        let Interval { mean, low, high } = ratio.expect("a figure");
        assert!(near(mean, 1.1) && near(low, 1.1) && near(high, 1.1), "{mean} {low} {high}");
        let other = [outcome(&[day(0, 150.0), day(0, 180.0)])];
        let ratio = Runs::new(&other, true).ratio(Runs::new(&oracle, true), hours);
        let Interval { mean, low, high } = ratio.expect("a figure");
        assert!(near(mean, 1.1) && low < mean && mean < high, "{mean} {low} {high}");
    }

    #[test]
    fn nothing_has_no_figure_and_no_ratio() {
        let none = Runs::new(&[], true);
        assert!(none.total(|day| day.requests).is_none());
        assert!(none.ratio(none, (|day| day.requests, |day| day.requests)).is_none());
        assert!(none.mean(|score| score.requests).is_none());
    }
}

//! Runs as plots show them: never more than [`POINTS`] points, each the worst of the minutes that it stands for, so that
//! a page stays small and no bad minute is smoothed away.

use super::Comparison;
use crate::run::Run;
use crate::series::Series;
use serde::Serialize;
use std::ops::Range;

/// The most points of a plot, and the minutes of a day.
const POINTS: usize = 1440;

/// One choice of what the plots show.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    pub(super) title: String,
    /// Unix time of the first point.
    pub(super) start_seconds: i64,
    /// Seconds from one point to the next.
    pub(super) step_seconds: u32,
    /// Requests per second: the most of each point.
    pub(super) demand: Vec<u32>,
    /// In the order of the comparison.
    pub(super) policies: Vec<Lines>,
}

/// The lines of a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lines {
    label: String,
    /// The most of each point.
    wanted: Vec<u32>,
    /// The fewest of each point.
    ready: Vec<u32>,
    /// The slowest of each point.
    p95_millis: Vec<u32>,
    /// All requests of each point that were turned away.
    unserved: Vec<u32>,
}

/// The whole of a comparison, and its worst day by the minute where the whole has more minutes than points.
pub(super) fn views(comparison: &Comparison) -> Vec<View> {
    let Some(ours) = comparison.entries.first() else {
        return Vec::new();
    };
    let minutes = ours.run.series.len();
    let step = minutes.div_ceil(POINTS).max(1);
    let whole = match step {
        1 => "by the minute".to_owned(),
        _ => format!("the whole time, each point the worst of {step} minutes"),
    };
    let mut views = vec![view(comparison, whole, 0..minutes, step)];
    if step > 1 {
        let (title, day) = worst_day(&ours.run);
        views.push(view(comparison, title.to_owned(), day, 1));
    }
    views
}

/// The day, counted from the start, with the worst minute; where there is none, that with the most demand.
fn worst_day(run: &Run) -> (&'static str, Range<usize>) {
    let series = &run.series;
    let worst = run.score.worst_minute.and_then(|at| {
        let seconds = at.duration_since(series.start).as_secs();
        usize::try_from(seconds / i64::from(series.step_seconds.max(1))).ok()
    });
    let busiest = || {
        let minutes = series.demand.iter().enumerate();
        minutes.max_by(|(_, one), (_, other)| one.total_cmp(other)).map_or(0, |(at, _)| at)
    };
    let title = if worst.is_some() { "the day of the worst minute" } else { "the busiest day" };
    let first = worst.unwrap_or_else(busiest) / POINTS * POINTS;
    (title, first..(first + POINTS).min(series.len()))
}

fn view(comparison: &Comparison, title: String, minutes: Range<usize>, step: usize) -> View {
    let series = comparison.entries.first().map(|entry| &entry.run.series);
    let seconds = series.map_or(60, |series| series.step_seconds);
    let start = series.map_or(0, |series| series.start.as_second());
    let offset = i64::try_from(minutes.start).unwrap_or(i64::MAX);
    View {
        title,
        start_seconds: start.saturating_add(offset.saturating_mul(seconds.into())),
        step_seconds: seconds.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX)),
        demand: series
            .map_or_else(Vec::new, |series| highest(part(&series.demand, &minutes), step)),
        policies: comparison.entries.iter().map(|it| lines(&it.run, &minutes, step)).collect(),
    }
}

fn lines(run: &Run, minutes: &Range<usize>, step: usize) -> Lines {
    let Series { wanted, ready, p95_millis, unserved, .. } = &run.series;
    let points = |counts: &[u32], worst: fn(&[u32]) -> Option<u32>| {
        part(counts, minutes).chunks(step).filter_map(worst).collect()
    };
    Lines {
        label: run.policy.clone(),
        wanted: points(wanted, |counts| counts.iter().copied().max()),
        ready: points(ready, |counts| counts.iter().copied().min()),
        p95_millis: highest(part(p95_millis, minutes), step),
        unserved: part(unserved, minutes).chunks(step).map(|it| whole(it.iter().sum())).collect(),
    }
}

fn part<'a, T>(values: &'a [T], minutes: &Range<usize>) -> &'a [T] {
    values.get(minutes.start..minutes.end.min(values.len())).unwrap_or_default()
}

fn highest(values: &[f64], step: usize) -> Vec<u32> {
    values.chunks(step).map(|chunk| whole(chunk.iter().copied().fold(0.0, f64::max))).collect()
}

/// Rounded up, so that a little is not nothing.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and what is drawn is between zero and a few thousands"
)]
fn whole(value: f64) -> u32 {
    value.ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comparison, run};
    use super::*;

    #[test]
    fn a_day_is_shown_by_the_minute_and_only_once() {
        let views = views(&comparison(vec![run("ours", 1440)]));
        assert_eq!(views.len(), 1);
        assert_eq!((views[0].demand.len(), views[0].step_seconds), (1440, 60));
    }

    #[test]
    fn no_bad_minute_of_a_long_run_is_smoothed_away() {
        let mut run = run("ours", 10 * 1440);
        run.series.p95_millis[7000] = 900.5;
        run.series.unserved[7000] = 0.25;
        run.series.ready[7000] = 3;
        run.series.demand[7000] = 2000.0;
        run.series.wanted[7000] = 29;
        let views = views(&comparison(vec![run]));
        let whole = &views[0];
        assert_eq!((whole.demand.len(), whole.step_seconds), (1440, 600));
        let lines = &whole.policies[0];
        assert_eq!(whole.demand[700], 2000);
        assert_eq!((lines.p95_millis[700], lines.unserved[700]), (901, 1));
        assert_eq!((lines.ready[700], lines.wanted[700]), (3, 29));
    }

    #[test]
    fn a_long_run_has_the_day_of_its_worst_minute_too() {
        let mut run = run("ours", 3 * 1440 + 10);
        let start = run.series.start;
        run.score.worst_minute = start.checked_add(jiff::SignedDuration::from_mins(1500)).ok();
        run.series.p95_millis[1500] = 700.0;
        let views = views(&comparison(vec![run]));
        assert_eq!(views[1].title, "the day of the worst minute");
        assert_eq!(views[1].start_seconds, start.as_second() + 86_400);
        assert_eq!((views[1].demand.len(), views[1].step_seconds), (1440, 60));
        assert_eq!(views[1].policies[0].p95_millis[60], 700);
    }

    #[test]
    fn a_long_run_without_a_bad_minute_has_its_busiest_day_even_if_that_is_a_short_one() {
        let mut run = run("ours", 2 * 1440 + 10);
        run.series.demand[2885] = 1500.0;
        let views = views(&comparison(vec![run]));
        assert_eq!(views[1].title, "the busiest day");
        assert_eq!(views[1].demand.len(), 10);
    }
}

//! Daily windows of schedules as cron expressions mean them, and the window that a person would write after a week of
//! watching the traffic.
//!
//! After KEDA 8b4f083 `cron` (robfig/cron): what counts is which of the next start and the next end comes first; a time
//! of day that a day does not have is skipped (baselines.md 2.2). Pure; called by the baselines that have schedules.

use super::count;
use crate::trace::Trace;
use jiff::civil::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

/// A size for some hours of every day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DailyWindow {
    /// When it begins.
    pub start: Time,
    /// When it ends; before the start where it runs over midnight.
    pub end: Time,
    /// How many replicas.
    pub replicas: u32,
}

/// Whether a window is open, and until when that stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Whether it is open.
    pub active: bool,
    /// The next edge.
    pub until: Timestamp,
    /// The next start.
    pub next_start: Timestamp,
}

impl DailyWindow {
    /// Whether it is open at an instant: whether its end comes before its next start.
    #[must_use]
    pub fn at(&self, zone: &TimeZone, now: Timestamp) -> Span {
        let start = next(self.start, zone, now);
        let end = next(self.end, zone, now);
        Span { active: end <= start, until: start.min(end), next_start: start }
    }
}

/// A window that is asked about again and again: it looks its next edge up only once it has passed.
#[derive(Debug, Clone)]
pub struct Schedule {
    window: DailyWindow,
    zone: TimeZone,
    span: Option<Span>,
}

impl Schedule {
    /// Of a window in a zone.
    #[must_use]
    pub fn new(window: DailyWindow, zone: TimeZone) -> Self {
        Self { window, zone, span: None }
    }

    /// The window.
    #[must_use]
    pub const fn window(&self) -> DailyWindow {
        self.window
    }

    /// Whether it is open; asked about instants that do not go back.
    pub fn at(&mut self, now: Timestamp) -> Span {
        let span = match self.span {
            Some(span) if now < span.until => span,
            _ => self.window.at(&self.zone, now),
        };
        self.span = Some(span);
        span
    }
}

/// The first instant after `now` at which the clock reads this; the end of time where it never does.
fn next(time: Time, zone: &TimeZone, now: Timestamp) -> Timestamp {
    let today = zone.to_datetime(now).date();
    let days = (-1..=SEARCHED).filter_map(|ahead| today.checked_add(ahead.days()).ok());
    let readings = days.flat_map(|day| {
        let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(time));
        let is_skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let readings = (!is_skipped).then(|| [ambiguous.earlier(), ambiguous.later()]);
        readings.into_iter().flatten().filter_map(Result::ok)
    });
    readings.filter(|at| *at > now).min().unwrap_or(Timestamp::MAX)
}

/// No zone skips a time of day on two days running.
const SEARCHED: i64 = 3;

/// The hours of the day that are busier than half-way between the quietest and the busiest, and the replicas that the
/// busiest needs; `None` where no hour stands out.
#[must_use]
pub fn busy_hours(trace: &Trace, zone: &TimeZone, target_per_replica: f64) -> Option<DailyWindow> {
    let hours = hourly_means(trace, zone);
    let quietest = hours.iter().copied().fold(f64::INFINITY, f64::min);
    let busiest = hours.iter().copied().fold(0.0, f64::max);
    let is_busy = hours.map(|hour| hour > f64::midpoint(quietest, busiest));
    let (start, length) = longest_run(&is_busy)?;
    let hour = |hour: usize| Time::new(i8::try_from(hour % 24).ok()?, 0, 0, 0).ok();
    Some(DailyWindow {
        start: hour(start)?,
        end: hour(start + length)?,
        replicas: count::ceil(busiest / target_per_replica),
    })
}

/// The mean rate of each hour of the day; zero for one that the trace does not have.
fn hourly_means(trace: &Trace, zone: &TimeZone) -> [f64; 24] {
    let mut sums = [(0.0, 0.0); 24];
    let mut at = trace.start();
    let bucket = SignedDuration::from_secs(i64::from(trace.bucket()));
    for rate in trace.rates() {
        let hour = usize::try_from(zone.to_datetime(at).hour()).unwrap_or_default();
        if let Some((sum, buckets)) = sums.get_mut(hour) {
            *sum += rate;
            *buckets += 1.0;
        }
        at = at.checked_add(bucket).unwrap_or(at);
    }
    sums.map(|(sum, buckets)| if buckets > 0.0 { sum / buckets } else { 0.0 })
}

/// Start and length of the longest run of busy hours, over midnight too; `None` where all hours are alike.
fn longest_run(is_busy: &[bool; 24]) -> Option<(usize, usize)> {
    let length = |start: usize| {
        is_busy.iter().cycle().skip(start).take(24).take_while(|is_busy| **is_busy).count()
    };
    let runs = (0..24).map(|start| (start, length(start)));
    // Of two equally long ones, the earlier.
    let (start, longest) = runs.rev().max_by_key(|(_, length)| *length)?;
    (1..24).contains(&longest).then_some((start, longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(start: i8, end: i8) -> DailyWindow {
        DailyWindow { start: time(start, 0, 0, 0), end: time(end, 0, 0, 0), replicas: 25 }
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        for (now, active) in [
            ("2026-12-08T07:59:59Z", false),
            ("2026-12-08T08:00:00Z", true),
            ("2026-12-08T19:59:59Z", true),
            ("2026-12-08T20:00:00Z", false),
        ] {
            assert_eq!(window(8, 20).at(&TimeZone::UTC, at(now)).active, active, "{now}");
        }
    }

    #[test]
    fn a_window_may_run_over_midnight() {
        for (now, active) in [("2026-12-08T21:59:59Z", false), ("2026-12-08T23:00:00Z", true)] {
            assert_eq!(window(22, 6).at(&TimeZone::UTC, at(now)).active, active, "{now}");
        }
        let night = window(22, 6).at(&TimeZone::UTC, at("2026-12-08T05:00:00Z"));
        assert_eq!((night.active, night.until), (true, at("2026-12-08T06:00:00Z")));
        assert_eq!(night.next_start, at("2026-12-08T22:00:00Z"));
    }

    #[test]
    fn windows_are_in_the_clock_of_their_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert!(window(8, 20).at(&berlin, at("2026-12-08T07:00:00Z")).active);
        assert!(!window(8, 20).at(&berlin, at("2026-06-08T05:59:59Z")).active);
        assert!(window(8, 20).at(&berlin, at("2026-06-08T06:00:00Z")).active);
    }

    #[test]
    fn a_time_that_the_clock_skips_is_skipped() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let before = at("2026-03-29T00:30:00Z");
        assert_eq!(next(time(2, 30, 0, 0), &berlin, before), at("2026-03-30T00:30:00Z"));
    }

    #[test]
    fn the_busy_hours_of_a_week_become_a_window() {
        let hour = |hour: i32| if (9..17).contains(&hour) { 1000.0 } else { 100.0 };
        let rates = (0..7 * 24).map(|index| hour(index % 24)).collect();
        let trace = Trace::new("week", at("2026-12-01T00:00:00Z"), 3600, rates).unwrap();
        let expected = DailyWindow { replicas: 20, ..window(9, 17) };
        assert_eq!(busy_hours(&trace, &TimeZone::UTC, 50.0), Some(expected));
    }

    #[test]
    fn flat_traffic_has_no_busy_hours() {
        let trace = Trace::new("flat", at("2026-12-01T00:00:00Z"), 3600, vec![5.0; 48]).unwrap();
        assert_eq!(busy_hours(&trace, &TimeZone::UTC, 50.0), None);
    }
}

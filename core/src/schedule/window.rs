//! Between which instants a window is open: from the earliest instant that reads its start on the wall clock to the
//! latest that reads its end, the end excluded.
//!
//! So where clocks are set back both passes of an hour belong to the window, where they are set forward the first
//! instant after the gap counts, and windows that meet on the wall clock leave no gap of a nanosecond.

use super::{Calendar, End};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// A window that is open now started at most so many days before today: it is no longer than a day on the wall clock,
/// and no zone has ever moved its clock by more than one.
const DAYS_BACK: usize = 2;

/// One window of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The day on which it starts, on the schedule's calendar.
    pub day: Date,
    /// When it opens.
    pub start: Moment,
    /// When it closes; the first instant that is outside.
    pub end: Moment,
}

/// An instant with what the wall clock of a schedule's zone shows then; prints like `2026-12-08T08:00:00+01:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// How far that wall clock is ahead of UTC.
    pub offset: Offset,
}

impl Window {
    /// Whether it is open.
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        self.start.at <= now && now < self.end.at
    }
}

impl Moment {
    /// What the wall clock shows.
    #[must_use]
    pub fn reading(&self) -> DateTime {
        self.offset.to_datetime(self.at)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.at.display_with_offset(self.offset))
    }
}

impl Calendar {
    /// The windows that end after `now`, in the order of their days. Ends where no more will come.
    pub fn windows_from(&self, now: Timestamp) -> impl Iterator<Item = Window> {
        let today = self.zone.to_datetime(now).date();
        let first = std::iter::successors(Some(today), |day| day.yesterday().ok());
        let first = first.take(DAYS_BACK + 1).last().unwrap_or(today);
        let days = self.days.listed_from(first);
        days.filter_map(move |day| self.window_ending_after(day, now))
    }

    /// How long after its window's start the wall clock stands. Where it is set back this comes twice.
    pub(super) fn position(&self, window: &Window, now: Timestamp) -> SignedDuration {
        self.zone.to_datetime(now).duration_since(self.start_reading(window.day))
    }

    /// The window of a day on which one starts, unless it has ended. The end is looked up first: most have.
    fn window_ending_after(&self, day: Date, now: Timestamp) -> Option<Window> {
        let end = latest(&self.zone, self.end_reading(day)?).filter(|end| end.at > now)?;
        let start = earliest(&self.zone, self.start_reading(day))?;
        (start.at < end.at).then_some(Window { day, start, end })
    }

    fn start_reading(&self, day: Date) -> DateTime {
        day.to_datetime(self.start)
    }

    fn end_reading(&self, day: Date) -> Option<DateTime> {
        match self.end {
            End::SameDay(time) => Some(day.to_datetime(time)),
            End::NextDay(time) => Some(day.tomorrow().ok()?.to_datetime(time)),
        }
    }
}

/// The earliest instant at which the wall clock shows this; in a gap, the first after it.
fn earliest(zone: &TimeZone, reading: DateTime) -> Option<Moment> {
    resolve(zone, reading, |before, _| before)
}

/// The latest instant at which the wall clock shows this; in a gap, the first after it.
fn latest(zone: &TimeZone, reading: DateTime) -> Option<Moment> {
    resolve(zone, reading, |_, after| after)
}

fn resolve(
    zone: &TimeZone,
    reading: DateTime,
    of_two: fn(Offset, Offset) -> Offset,
) -> Option<Moment> {
    let offset = match zone.to_ambiguous_timestamp(reading).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, after } => of_two(before, after),
        AmbiguousOffset::Gap { after, .. } => return after_gap(zone, reading, after),
    };
    Some(Moment { at: offset.to_timestamp(reading).ok()?, offset })
}

/// The transition that skips the reading.
fn after_gap(zone: &TimeZone, reading: DateTime, after: Offset) -> Option<Moment> {
    // The offset after the gap is the larger, so with it the reading lies before the transition.
    let before_gap = after.to_timestamp(reading).ok()?;
    let transitions = zone.following(before_gap).take(4);
    let moments = transitions.map(|to| Moment { at: to.timestamp(), offset: to.offset() });
    moments.into_iter().find(|moment| moment.reading() > reading)
}

//! What is known beforehand: windows of the calendar with a floor and a ceiling, and the pre-warm that has the floor
//! Ready when a window opens.
//!
//! Whether an instant lies in a window is a function of that instant alone; there is no "next fire" to be lost.
//! [`days`] says on which days windows start, [`window`] between which instants, [`floor`] what they ask for,
//! [`lead`] when their pre-warm begins, `slot` how far one of them is. [`agenda`] puts these together for one decision
//! and [`coming`] for people.

pub mod agenda;
pub mod coming;
pub mod days;
pub mod floor;
pub mod lead;
pub(crate) mod look;
pub mod opening;
pub(crate) mod slot;
mod steps;
pub mod window;
pub mod zones;

use crate::name::Name;
use crate::quantity::{Replicas, Rps};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::time::Duration;

/// One entry of a fleet's schedules.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What people call it.
    pub name: Name,
    /// When its windows are.
    pub calendar: Calendar,
    /// The size is not below this inside a window.
    pub floor: Floor,
    /// The size is not above this inside a window.
    pub ceiling: Option<Replicas>,
    /// How long before a window its last replica is asked for; measured where it is not given.
    pub lead: Option<Duration>,
    /// The pre-warm is spread over this long.
    pub ramp: Duration,
    /// Whether replicas may move back to spot inside a window.
    pub spot_return: SpotReturn,
}

/// The days and the hours of a schedule's windows, in its zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The days on which windows start.
    pub days: Days,
    /// The wall clock at which a window opens.
    pub start: Time,
    /// When it closes.
    pub end: End,
    /// Whose wall clock it is.
    pub zone: TimeZone,
}

/// The days on which a schedule's windows start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    /// The first, if there is one; with [`Self::yearly`] only its month and day count.
    pub from: Option<Date>,
    /// The last, inclusive.
    pub to: Option<Date>,
    /// Whether `from` and `to` come again every year; `to` before `from` runs over New Year.
    pub yearly: bool,
    /// Days that are left out.
    pub exclude: Vec<Date>,
    /// The days of the week, Monday first.
    pub weekdays: [bool; 7],
}

/// When a window closes, on the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// On the day on which it opened.
    SameDay(Time),
    /// On the day after it; `24:00` is midnight of it.
    NextDay(Time),
}

/// What the size is not below inside a window.
#[derive(Debug, Clone, PartialEq)]
pub enum Floor {
    /// So many replicas.
    Replicas(Replicas),
    /// As many as carry this.
    Demand(Rps),
    /// As many as carry what lies on the line between these points; in the order of their times, at least one.
    Curve(Vec<Point>),
}

/// What is expected at a time of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Since the window's start on the wall clock.
    pub after: Duration,
    /// Requests per second of the whole fleet.
    pub demand: Rps,
}

/// Whether replicas may move back to spot inside a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpotReturn {
    /// They stay where they are until the window has closed.
    #[default]
    Forbidden,
    /// They may.
    Allowed,
}

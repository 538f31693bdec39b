//! Schedules for tests.

use crate::fleet::{at, replicas};
use apifleet_core::policy::FleetPolicy;
use apifleet_core::schedule::window::Window;
use apifleet_core::schedule::{Calendar, Days, End, Floor, Point, Schedule, SpotReturn};
use apifleet_core::{Rps, name::Name};
use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;

pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn rps(value: f64) -> Rps {
    Rps::new(value).unwrap()
}

/// Every day.
pub(crate) fn every_day() -> Days {
    Days { from: None, to: None, yearly: false, exclude: Vec::new(), weekdays: [true; 7] }
}

/// Every day in UTC, from one time to another; an end before the start is on the next day. A ramp of five minutes,
/// and leads as they are measured.
pub(crate) fn daily(name: &str, (start, end): (&str, &str), floor: u32) -> Schedule {
    let (start, ends) = (time(start), if end == "24:00" { Time::midnight() } else { time(end) });
    let end = if ends > start { End::SameDay(ends) } else { End::NextDay(ends) };
    Schedule {
        name: Name::parse(name).unwrap(),
        calendar: Calendar { days: every_day(), start, end, zone: TimeZone::UTC },
        floor: Floor::Replicas(replicas(floor)),
        ceiling: None,
        lead: None,
        ramp: Duration::from_mins(5),
        spot_return: SpotReturn::Forbidden,
    }
}

pub(crate) fn in_zone(mut schedule: Schedule, name: &str) -> Schedule {
    schedule.calendar.zone = zone(name);
    schedule
}

/// Demand by minutes after the start.
pub(crate) fn curve(points: &[(u64, f64)]) -> Floor {
    let point = |(minutes, demand): &(u64, f64)| Point {
        after: Duration::from_mins(*minutes),
        demand: rps(*demand),
    };
    Floor::Curve(points.iter().map(point).collect())
}

/// A floor of any kind.
pub(crate) fn any_floor() -> impl Strategy<Value = Floor> {
    let points = proptest::collection::btree_map(0..120_u64, 0..3000_u32, 1..5);
    let points = points.prop_map(|points| {
        let points: Vec<_> = points.into_iter().map(|(at, rps)| (at, f64::from(rps))).collect();
        curve(&points)
    });
    prop_oneof![
        3 => (1..60_u32).prop_map(|count| Floor::Replicas(replicas(count))),
        1 => (0..3000_u32).prop_map(|demand| Floor::Demand(rps(f64::from(demand)))),
        2 => points,
    ]
}

/// A schedule that opens or has opened near time zero, in a zone of any kind.
pub(crate) fn any_schedule() -> impl Strategy<Value = Schedule> {
    let zones = &["UTC", "Europe/Paris", "Asia/Kathmandu", "Pacific/Apia", "America/Caracas"][..];
    let times = (-900..900_i64, 60..7200_i64);
    let leads = (option::of(0..400_u64), 0..400_u64);
    (select(zones), times, any_floor(), option::weighted(0.3, 1..50_u32), leads).prop_map(
        |(name, (opens, lasts), floor, ceiling, (lead, ramp))| {
            let zone = zone(name);
            let read = |seconds| zone.to_datetime(at(seconds));
            let (start, end) = (read(opens), read(opens + lasts));
            let next_day = start.date() != end.date();
            Schedule {
                name: Name::parse("any").unwrap(),
                calendar: Calendar {
                    days: every_day(),
                    start: start.time(),
                    end: if next_day { End::NextDay(end.time()) } else { End::SameDay(end.time()) },
                    zone,
                },
                floor,
                ceiling: ceiling.map(replicas),
                lead: lead.map(Duration::from_secs),
                ramp: Duration::from_secs(ramp),
                spot_return: SpotReturn::Forbidden,
            }
        },
    )
}

/// Up to three schedules, each with a name of its own.
pub(crate) fn any_schedules() -> impl Strategy<Value = Vec<Schedule>> {
    proptest::collection::vec(any_schedule(), 0..4).prop_map(|mut schedules| {
        for (index, schedule) in schedules.iter_mut().enumerate() {
            schedule.name = Name::parse(&format!("any-{index}")).unwrap();
        }
        schedules
    })
}

/// The same policy with schedules.
pub(crate) fn scheduled(
    policy: impl Strategy<Value = FleetPolicy>,
) -> impl Strategy<Value = FleetPolicy> {
    (policy, any_schedules()).prop_map(|(policy, schedules)| FleetPolicy { schedules, ..policy })
}

/// The window that is open at this instant, if one is; where the clock makes two windows overlap, the earlier.
pub(crate) fn window_at(calendar: &Calendar, now: Timestamp) -> Option<Window> {
    calendar.windows_from(now).take(2).find(|window| window.contains(now))
}

/// The window that starts on this day; `None` where none does, and where a gap of the clock swallows it whole.
pub(crate) fn window_on(calendar: &Calendar, day: Date) -> Option<Window> {
    // No clock is ahead of UTC by more.
    let before = day.to_zoned(TimeZone::UTC).unwrap().timestamp() - SignedDuration::from_hours(26);
    calendar
        .windows_from(before)
        .find(|window| window.day >= day)
        .filter(|window| window.day == day)
}

/// So much later.
pub(crate) fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

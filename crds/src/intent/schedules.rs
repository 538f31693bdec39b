//! The meaning of `spec.schedules`: dates, times and zones parsed, every default applied.

use super::{counted, each_once, malformed, replicas_within, seconds_within, within};
use crate::error::SpecError;
use crate::schedules::{CurvePoint, Day, Floor, Schedule, SpotReturn};
use crate::{clock, names};
use apifleet_core::name::Name;
use apifleet_core::policy::Bounds;
use apifleet_core::quantity::{Replicas, Rps};
use apifleet_core::schedule::{self, Calendar, Days, End, Point, zones};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::time::Duration;

/// How long a pre-warm is spread, in seconds, unless the manifest says otherwise.
const RAMP: i32 = 300;

const MINUTES_OF_A_DAY: u64 = 24 * 60;

pub(super) fn meaning(
    schedules: &[Schedule],
    bounds: Bounds,
) -> Result<Vec<schedule::Schedule>, SpecError> {
    let field = "spec.schedules";
    counted(field, schedules.len(), 0..=16)?;
    each_once(field, schedules.iter().map(|schedule| schedule.name.as_str()))?;
    let numbered = schedules.iter().enumerate();
    numbered.map(|(index, schedule)| one(&format!("{field}[{index}]"), schedule, bounds)).collect()
}

fn one(field: &str, schedule: &Schedule, bounds: Bounds) -> Result<schedule::Schedule, SpecError> {
    let (start, end) = window(field, schedule)?;
    let ceiling = match schedule.ceiling_replicas {
        Some(size) => Some(bounded(&format!("{field}.ceilingReplicas"), size, bounds)?),
        None => None,
    };
    let seconds = |name: &str, value| seconds_within(&format!("{field}.{name}"), value, 0..=3600);
    let lead = schedule.lead_seconds.map(|lead| seconds("leadSeconds", lead)).transpose()?;
    Ok(schedule::Schedule {
        name: name(field, &schedule.name)?,
        calendar: Calendar {
            days: days(field, schedule)?,
            start,
            end,
            zone: zone(field, &schedule.time_zone)?,
        },
        floor: floor(field, schedule, bounds, start)?,
        ceiling,
        lead,
        ramp: seconds("rampSeconds", schedule.ramp_seconds.unwrap_or(RAMP))?,
        spot_return: match schedule.spot_return.unwrap_or_default() {
            SpotReturn::Forbidden => schedule::SpotReturn::Forbidden,
            SpotReturn::Allowed => schedule::SpotReturn::Allowed,
        },
    })
}

fn name(field: &str, name: &str) -> Result<Name, SpecError> {
    let expected = "a name (lower case letters, digits and -, 1 to 32)";
    let parsed = Name::parse(name).filter(|_| names::is_schedule_name(name));
    parsed.ok_or_else(|| malformed(&format!("{field}.name"), name, expected))
}

fn zone(field: &str, name: &str) -> Result<TimeZone, SpecError> {
    clock::zone(name).ok_or_else(|| SpecError::UnknownZone {
        field: format!("{field}.timeZone"),
        value: name.to_owned(),
        like: clock::zone_like(name),
        release: zones::version(),
    })
}

/// When a window opens and closes.
fn window(field: &str, schedule: &Schedule) -> Result<(Time, End), SpecError> {
    let Schedule { start, end, .. } = schedule;
    if start == end {
        return Err(SpecError::EmptyWindow { field: field.to_owned(), time: end.clone() });
    }
    let opens = time(&format!("{field}.start"), start)?;
    Ok((opens, moment(&format!("{field}.end"), end, opens)?))
}

/// A time of the window that opens then: `24:00`, and what is before its start, is of the day after.
fn moment(field: &str, text: &str, opens: Time) -> Result<End, SpecError> {
    if text == clock::MIDNIGHT {
        return Ok(End::NextDay(Time::midnight()));
    }
    let time = time(field, text)?;
    Ok(if time < opens { End::NextDay(time) } else { End::SameDay(time) })
}

fn time(field: &str, text: &str) -> Result<Time, SpecError> {
    let expected = "a time of day such as \"08:00\"";
    clock::time(text).ok_or_else(|| malformed(field, text, expected))
}

fn days(field: &str, schedule: &Schedule) -> Result<Days, SpecError> {
    let Schedule { from, to, recurrence, exclude_dates, days, .. } = schedule;
    let first = from.as_ref().map(|text| date(&format!("{field}.from"), text)).transpose()?;
    let last = to.as_ref().map(|text| date(&format!("{field}.to"), text)).transpose()?;
    match (recurrence, from.as_ref().zip(to.as_ref())) {
        (Some(_), None) => {
            return Err(SpecError::YearlyWithoutDates { field: field.to_owned() });
        }
        (None, Some((from, to))) if last < first => {
            let (from, to) = (from.clone(), to.clone());
            return Err(SpecError::DatesCross { field: field.to_owned(), from, to });
        }
        (None | Some(_), _) => {}
    }
    let excluded = format!("{field}.excludeDates");
    counted(&excluded, exclude_dates.len(), 0..=64)?;
    each_once(&excluded, exclude_dates.iter().map(String::as_str))?;
    let exclude = exclude_dates.iter().enumerate();
    Ok(Days {
        from: first,
        to: last,
        yearly: recurrence.is_some(),
        exclude: exclude
            .map(|(index, text)| date(&format!("{excluded}[{index}]"), text))
            .collect::<Result<_, _>>()?,
        weekdays: weekdays(&format!("{field}.days"), days.as_deref())?,
    })
}

fn date(field: &str, text: &str) -> Result<Date, SpecError> {
    let expected = "a day from 2000 to 2099 such as \"2026-12-08\"";
    clock::date(text).ok_or_else(|| malformed(field, text, expected))
}

/// Monday first; every day where none is given.
fn weekdays(field: &str, days: Option<&[Day]>) -> Result<[bool; 7], SpecError> {
    let week = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
    let Some(days) = days else { return Ok([true; 7]) };
    counted(field, days.len(), 1..=7)?;
    let given = week.map(|day| days.iter().filter(|given| **given == day).count());
    if let Some((day, _)) = week.iter().zip(given).find(|(_, count)| *count > 1) {
        return Err(SpecError::Twice { field: field.to_owned(), value: format!("{day:?}") });
    }
    Ok(given.map(|count| count == 1))
}

fn floor(
    field: &str,
    schedule: &Schedule,
    bounds: Bounds,
    opens: Time,
) -> Result<schedule::Floor, SpecError> {
    let field = format!("{field}.floor");
    let Floor { replicas, requests_per_second, curve } = &schedule.floor;
    match (replicas, requests_per_second, curve) {
        (Some(size), None, None) => {
            let size = bounded(&format!("{field}.replicas"), *size, bounds)?;
            Ok(schedule::Floor::Replicas(size))
        }
        (None, Some(demand), None) => {
            let field = format!("{field}.requestsPerSecond");
            Ok(schedule::Floor::Demand(rps(within(&field, *demand, 1..=1_000_000_000)?)))
        }
        (None, None, Some(points)) => curve_of(&format!("{field}.curve"), points, schedule, opens),
        (replicas, demand, curve) => {
            let given = [replicas.is_some(), demand.is_some(), curve.is_some()];
            let count = given.into_iter().filter(|given| *given).count();
            Err(SpecError::NotOneFloor { field, count })
        }
    }
}

/// The points in the order of their times.
fn curve_of(
    field: &str,
    points: &[CurvePoint],
    schedule: &Schedule,
    opens: Time,
) -> Result<schedule::Floor, SpecError> {
    counted(field, points.len(), 1..=48)?;
    each_once(field, points.iter().map(|point| point.at.as_str()))?;
    let numbered = points.iter().enumerate();
    let mut points = numbered
        .map(|(index, point)| point_of(&format!("{field}[{index}]"), point, schedule, opens))
        .collect::<Result<Vec<_>, _>>()?;
    points.sort_by_key(|point| point.after);
    Ok(schedule::Floor::Curve(points))
}

fn point_of(
    field: &str,
    point: &CurvePoint,
    schedule: &Schedule,
    opens: Time,
) -> Result<Point, SpecError> {
    let CurvePoint { at, requests_per_second } = point;
    let Schedule { start, end, .. } = schedule;
    let demand = format!("{field}.requestsPerSecond");
    let demand = rps(within(&demand, *requests_per_second, 0..=1_000_000_000)?);
    let field = format!("{field}.at");
    let moment = moment(&field, at, opens)?;
    // Both are in the form HH:MM: their texts have the order of their times.
    let is_inside = if start < end {
        start <= at && at <= end
    } else {
        (start <= at && at != clock::MIDNIGHT) || at <= end
    };
    if !is_inside {
        let (at, start, end) = (at.clone(), start.clone(), end.clone());
        return Err(SpecError::PointOutsideWindow { field, at, start, end });
    }
    Ok(Point { after: Duration::from_secs(60 * minutes_between(opens, moment)), demand })
}

/// On the wall clock.
fn minutes_between(opens: Time, closes: End) -> u64 {
    let of_day = |time: Time| {
        u64::from(time.hour().unsigned_abs()) * 60 + u64::from(time.minute().unsigned_abs())
    };
    let closes = match closes {
        End::SameDay(time) => of_day(time),
        End::NextDay(time) => MINUTES_OF_A_DAY + of_day(time),
    };
    closes.saturating_sub(of_day(opens))
}

/// The size, if the schema and the fleet's bounds allow it.
fn bounded(field: &str, size: i32, bounds: Bounds) -> Result<Replicas, SpecError> {
    let size = Replicas::new(within(field, size, 1..=1000)?);
    replicas_within(field, size, bounds).map(|()| size)
}

fn rps(demand: u32) -> Rps {
    Rps::new(demand.into()).unwrap_or_default()
}

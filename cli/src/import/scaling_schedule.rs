//! From a `ScalingSchedule` or `ClusterScalingSchedule` (zalando.org/v1, of kube-metrics-adapter) to schedules: values over
//! time, which an HPA divides by what one replica is to take. Pure.

use super::draft::{Draft, replicas_for};
use apifleet_crds::schedules::{Day, Floor, Schedule};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::Deserialize;
use serde_json::Value;

/// The longest ramp that a schedule has, in seconds.
const LONGEST_RAMP: i64 = 3600;
/// Minutes of a day.
const DAY: i64 = 24 * 60;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    scaling_window_duration_minutes: Option<i64>,
    schedules: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    period: Option<Period>,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    end_date: Option<String>,
    #[serde(default)]
    duration_minutes: i64,
    value: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Kind {
    OneTime,
    Repeating,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Period {
    start_time: String,
    #[serde(default)]
    end_time: String,
    days: Vec<Day>,
    timezone: String,
}

/// When an entry's value counts, as a schedule says it.
struct Window {
    from: Option<String>,
    days: Option<Vec<Day>>,
    start: String,
    end: String,
    time_zone: String,
}

/// Carries over the schedules of an object of this name, whose value one replica takes `each` thousandths of.
pub fn carry(draft: &mut Draft, name: &str, object: &Value, each: u64) {
    let spec = object.get("spec").cloned().unwrap_or_default();
    let spec: Spec = match serde_json::from_value(spec) {
        Ok(spec) => spec,
        Err(error) => return draft.lose(format!("{name}: it is not understood: {error}")),
    };
    let ramp = spec.scaling_window_duration_minutes.map(|minutes| minutes.saturating_mul(60));
    if ramp.is_some_and(|ramp| ramp > LONGEST_RAMP) {
        draft.lose(format!("{name}: a ramp is at most {LONGEST_RAMP} s long"));
    }
    let ramp = ramp.and_then(|ramp| i32::try_from(ramp.clamp(0, LONGEST_RAMP)).ok());
    for (index, entry) in spec.schedules.into_iter().enumerate() {
        let what = format!("{name}: schedules[{index}]");
        let value = u64::try_from(entry.value).ok().and_then(|value| value.checked_mul(1000));
        let replicas = value.and_then(|value| replicas_for(value, each));
        let (Some(replicas), Ok(window)) =
            (replicas, window(&entry).map_err(|why| lose(draft, &what, &why)))
        else {
            if replicas.is_none() {
                draft.lose(format!("{what}: value {} is no number of replicas", entry.value));
            }
            continue;
        };
        let Window { from, days, start, end, time_zone } = window;
        let schedule = Schedule {
            name: String::new(),
            to: from.clone(),
            from,
            recurrence: None,
            exclude_dates: Vec::new(),
            days,
            start,
            end,
            time_zone,
            floor: Floor { replicas: Some(replicas), ..Floor::default() },
            ceiling_replicas: None,
            lead_seconds: None,
            ramp_seconds: ramp,
            spot_return: None,
        };
        draft.schedule(&what, schedule);
    }
}

fn lose(draft: &mut Draft, what: &str, why: &str) {
    draft.lose(format!("{what}: {why}"));
}

fn window(entry: &Entry) -> Result<Window, String> {
    match (entry.kind, &entry.period, &entry.date) {
        (Kind::Repeating, Some(period), _) => repeating(entry, period),
        (Kind::OneTime, _, Some(date)) => one_time(entry, date),
        (Kind::Repeating, None, _) => Err("it repeats and has no period".to_owned()),
        (Kind::OneTime, _, None) => Err("it has no date".to_owned()),
    }
}

fn repeating(entry: &Entry, period: &Period) -> Result<Window, String> {
    let Period { start_time: start, end_time, days, timezone } = period;
    let end =
        if end_time.is_empty() { later(start, entry.duration_minutes)? } else { end_time.clone() };
    Ok(Window {
        from: None,
        days: (!days.is_empty()).then(|| days.clone()),
        start: start.clone(),
        end,
        time_zone: timezone.clone(),
    })
}

/// The time of day so many minutes later.
fn later(start: &str, minutes: i64) -> Result<String, String> {
    if !(1..DAY).contains(&minutes) {
        return Err(format!("a window of {minutes} minutes is none within a day"));
    }
    let start: jiff::civil::Time =
        start.parse().map_err(|_| format!("{start:?} is no time of day"))?;
    Ok(start.wrapping_add(minutes.minutes()).strftime("%H:%M").to_string())
}

/// In UTC, where an instant is the same everywhere.
fn one_time(entry: &Entry, date: &str) -> Result<Window, String> {
    let instant = |text: &str| {
        text.parse::<Timestamp>().map_err(|_| format!("{text:?} is no time of RFC 3339"))
    };
    let start = instant(date)?;
    let end = match entry.end_date.as_deref() {
        Some(end) => instant(end)?,
        None => start
            .checked_add(SignedDuration::from_mins(entry.duration_minutes))
            .map_err(|_| "it never ends".to_owned())?,
    };
    let length = end.duration_since(start);
    if length < SignedDuration::from_mins(1) || length >= SignedDuration::from_mins(DAY) {
        return Err("a window is longer than nothing and shorter than a day".to_owned());
    }
    let of = |at: Timestamp| at.to_zoned(TimeZone::UTC);
    Ok(Window {
        from: Some(of(start).strftime("%Y-%m-%d").to_string()),
        days: None,
        start: of(start).strftime("%H:%M").to_string(),
        end: of(end).strftime("%H:%M").to_string(),
        time_zone: "UTC".to_owned(),
    })
}

//! The calendar for people: a row per window, and one where clocks change.

use super::plan::{ClockChange, Plan, PlannedWindow};
use crate::page::Page;
use crate::table::{Grid, Text, Tone, known, plain, toned};
use crate::time::{Clock, short};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// The calendar.
#[must_use]
pub fn screen(plan: &Plan, clock: &Clock) -> String {
    let key = match plan.namespace.as_str() {
        "" => plan.name.clone(),
        namespace => format!("{namespace}/{}", plan.name),
    };
    let until = plan.until.to_zoned(clock.zone.clone()).strftime("until %Y-%m-%d").to_string();
    // Never wrapped: rows are what people compare.
    let page = Page::new(None).line([toned(Tone::Strong, key), plain(until)]);
    let page = match (plan.windows.is_empty(), plan.schedules) {
        (false, _) => page,
        (true, 0) => page.gap().line([plain("the fleet has no schedules")]),
        (true, _) => page.gap().line([plain("no window until then")]),
    };
    page.section(&table(plan, clock)).finish()
}

fn table(plan: &Plan, clock: &Clock) -> Grid {
    let yours = plan.windows.iter().any(|window| is_third_clock(window, &clock.zone));
    let titles = ["SCHEDULE", "WINDOW", "UTC", "YOURS", "PRE-WARM", "FLOOR", "CEILING", ""];
    let titles = titles.into_iter().filter(|title| yours || *title != "YOURS");
    let mut grid = Grid::titled(titles.collect());
    let mut changes = plan.clock_changes.iter().peekable();
    for window in &plan.windows {
        while let Some(change) = changes.next_if(|change| change.at < window.start) {
            grid.push(change_row(change));
        }
        grid.push(window_row(window, clock, yours));
    }
    for change in changes {
        grid.push(change_row(change));
    }
    grid
}

fn window_row(window: &PlannedWindow, clock: &Clock, yours: bool) -> Vec<Text> {
    let zone = &window.zone;
    let local = span(window, zone, true);
    let yours = yours.then(|| {
        if is_third_clock(window, &clock.zone) {
            plain(span(window, &clock.zone, true))
        } else {
            plain("")
        }
    });
    let floor = if window.highest_floor > window.floor {
        format!("{}, up to {}", window.floor, window.highest_floor)
    } else {
        window.floor.to_string()
    };
    let state = match (window.open, window.clock_changes) {
        (true, true) => "open, clocks change in it",
        (true, false) => "open",
        (false, true) => "clocks change in it",
        (false, false) => "",
    };
    let first = [
        plain(&window.schedule),
        toned(Tone::Strong, local),
        plain(span(window, &TimeZone::UTC, false)),
    ];
    let last = [
        plain(pre_warm(window, zone)),
        plain(floor),
        known(window.ceiling),
        toned(if window.open { Tone::Good } else { Tone::Note }, state),
    ];
    first.into_iter().chain(yours).chain(last).collect()
}

/// From opening to closing on the clocks of a zone; the closing's date where it is another one.
fn span(window: &PlannedWindow, zone: &TimeZone, dated: bool) -> String {
    let (start, end) = (at(window.start, zone), at(window.end, zone));
    let opens = start.strftime(if dated { "%a %Y-%m-%d %H:%M %Z" } else { "%a %H:%M" });
    let closes = if start.offset() == end.offset() || !dated { "%H:%M" } else { "%H:%M %Z" };
    let closes =
        if start.date() == end.date() { closes.to_owned() } else { format!("%a {closes}") };
    format!("{opens} - {}", end.strftime(&closes))
}

/// When nodes are asked for, and between when and when the floor climbs.
fn pre_warm(window: &PlannedWindow, zone: &TimeZone) -> String {
    let time = |instant: Timestamp| {
        let shown = at(instant, zone);
        let same_day = shown.date() == at(window.start, zone).date();
        let format = match (same_day, shown.second()) {
            (true, 0) => "%H:%M",
            (true, _) => "%H:%M:%S",
            (false, 0) => "%a %H:%M",
            (false, _) => "%a %H:%M:%S",
        };
        shown.strftime(format).to_string()
    };
    let nodes = if window.nodes_from < window.ramp_from {
        format!("nodes {}, ", time(window.nodes_from))
    } else {
        String::new()
    };
    format!("{nodes}{} - {}", time(window.ramp_from), time(window.ramp_complete))
}

fn change_row(change: &ClockChange) -> Vec<Text> {
    let by = short(SignedDuration::from_secs(i64::from(change.seconds).abs()));
    let way = if change.seconds < 0 { "back" } else { "forward" };
    let day = at(change.at, &change.zone).strftime("%a %Y-%m-%d").to_string();
    let reading = |local: &str| local.get(11..16).unwrap_or(local).to_owned();
    let clocks = format!("{day} {} -> {}", reading(&change.from_local), reading(&change.to_local));
    let utc = at(change.at, &TimeZone::UTC).strftime("%a %H:%M").to_string();
    vec![
        toned(Tone::Note, "clocks"),
        toned(Tone::Note, clocks),
        plain(utc),
        toned(Tone::Note, format!("{} {way} {by}", change.time_zone)),
    ]
}

/// Whether the reader's clock shows neither what the schedule's shows nor UTC.
fn is_third_clock(window: &PlannedWindow, yours: &TimeZone) -> bool {
    let offset = |zone: &TimeZone| zone.to_offset(window.start);
    offset(yours) != offset(&window.zone) && !offset(yours).is_zero()
}

fn at(instant: Timestamp, zone: &TimeZone) -> Zoned {
    instant.to_zoned(zone.clone())
}

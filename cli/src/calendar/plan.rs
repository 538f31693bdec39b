//! What is planned for a fleet: its windows with their pre-warm and floors, and the clock changes of their zones.

use crate::failure::Failure;
use apifleet_core::schedule::coming::{Coming, coming};
use apifleet_core::schedule::window::Moment;
use apifleet_core::schedule::{Floor, Schedule};
use apifleet_core::{FleetPolicy, Replicas};
use apifleet_crds::ApiFleet;
use apifleet_crds::convert::count;
use apifleet_crds::spec::ApiFleetSpec;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// What is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The fleet's namespace; empty where a manifest does not say.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How many schedules the fleet has.
    pub schedules: usize,
    /// The windows, by their opening.
    pub windows: Vec<PlannedWindow>,
    /// The clock changes of the schedules' zones.
    pub clock_changes: Vec<ClockChange>,
}

/// A window that is open or will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedWindow {
    /// Of which schedule.
    pub schedule: String,
    /// Whose clocks its hours are of.
    pub time_zone: String,
    /// The same as the core knows it: the machine may have other rules for it.
    #[serde(skip)]
    pub zone: TimeZone,
    /// When nodes are asked for.
    pub nodes_from: Timestamp,
    /// When the floor begins to climb.
    pub ramp_from: Timestamp,
    /// When the floor is asked for in full.
    pub ramp_complete: Timestamp,
    /// When it opens.
    pub start: Timestamp,
    /// What the clocks of its zone show then.
    pub start_local: String,
    /// When it closes.
    pub end: Timestamp,
    /// What the clocks of its zone show then.
    pub end_local: String,
    /// The floor at its opening.
    pub floor: i32,
    /// The highest floor inside it.
    pub highest_floor: i32,
    /// The ceiling inside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<i32>,
    /// Whether it is open now.
    pub open: bool,
    /// Whether clocks change between the beginning of its pre-warm and its end.
    pub clock_changes: bool,
}

/// The clocks of a zone are changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockChange {
    /// Whose clocks.
    pub time_zone: String,
    /// The same as the core knows it.
    #[serde(skip)]
    pub zone: TimeZone,
    /// When.
    pub at: Timestamp,
    /// What they show just before, and from then on.
    pub from_local: String,
    /// What they show from then on.
    pub to_local: String,
    /// By how much they go forward; back where it is negative.
    pub seconds: i32,
}

// === impl Plan ===

impl Plan {
    /// What is planned for the fleet from `now` on, for as long as `ahead`.
    ///
    /// # Errors
    /// Where the spec means nothing.
    pub fn new(fleet: &ApiFleet, now: Timestamp, ahead: SignedDuration) -> Result<Self, Failure> {
        let name = fleet.metadata.name.clone().unwrap_or_default();
        let policy = FleetPolicy::try_from(&fleet.spec)
            .map_err(|error| Failure::NotKnown(format!("{name}: {error}")))?;
        let memory = fleet.status.as_ref().and_then(|status| status.memory.as_ref());
        let learned = memory.map(|memory| memory.learned.clone()).unwrap_or_default();
        let until = now.saturating_add(ahead).unwrap_or(Timestamp::MAX);
        let windows = coming(&policy, &learned, now, until);
        Ok(Self {
            namespace: fleet.metadata.namespace.clone().unwrap_or_default(),
            name,
            from: now,
            until,
            schedules: policy.schedules.len(),
            windows: windows
                .iter()
                .map(|window| planned(window, &policy, &fleet.spec, now))
                .collect(),
            clock_changes: clock_changes(&policy, now, until),
        })
    }
}

fn planned(
    coming: &Coming,
    policy: &FleetPolicy,
    spec: &ApiFleetSpec,
    now: Timestamp,
) -> PlannedWindow {
    let Coming { schedule, window, pre_warm, floor, clock_changes } = *coming;
    let capped = |floor: Replicas| count(floor.min(policy.bounds.max()));
    let highest = highest_floor(schedule, policy).max(floor);
    PlannedWindow {
        schedule: schedule.name.to_string(),
        time_zone: zone_name(schedule, spec),
        zone: schedule.calendar.zone.clone(),
        nodes_from: pre_warm.nodes_from,
        ramp_from: pre_warm.ramp_from,
        ramp_complete: pre_warm.ramp_complete,
        start: window.start.at,
        start_local: window.start.to_string(),
        end: window.end.at,
        end_local: window.end.to_string(),
        floor: capped(floor),
        highest_floor: capped(highest),
        ceiling: schedule.ceiling.map(count),
        open: window.contains(now),
        clock_changes,
    }
}

/// The zone as it was written.
fn zone_name(schedule: &Schedule, spec: &ApiFleetSpec) -> String {
    let mut typed = spec.schedules.iter().flatten();
    let typed = typed.find(|typed| typed.name == schedule.name.as_str());
    typed.map_or_else(String::new, |typed| typed.time_zone.clone())
}

fn highest_floor(schedule: &Schedule, policy: &FleetPolicy) -> Replicas {
    let at =
        |after: SignedDuration| schedule.floor.replicas(after, policy.signals.target_per_replica);
    match &schedule.floor {
        Floor::Replicas(_) | Floor::Demand(_) => at(SignedDuration::ZERO),
        Floor::Curve(points) => {
            let times =
                points.iter().filter_map(|point| SignedDuration::try_from(point.after).ok());
            times.map(at).max().unwrap_or_default()
        }
    }
}

/// The clock changes of every zone, by their instants.
fn clock_changes(policy: &FleetPolicy, from: Timestamp, until: Timestamp) -> Vec<ClockChange> {
    let mut zones: Vec<&TimeZone> = Vec::new();
    for schedule in &policy.schedules {
        if !zones.contains(&&schedule.calendar.zone) {
            zones.push(&schedule.calendar.zone);
        }
    }
    let mut changes: Vec<ClockChange> =
        zones.into_iter().flat_map(|zone| changes_of(zone, from, until)).collect();
    changes.sort_by(|one, other| (one.at, &one.time_zone).cmp(&(other.at, &other.time_zone)));
    changes
}

/// The transitions of one zone that move its clocks; others only rename them.
fn changes_of(zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<ClockChange> {
    let mut offset = zone.to_offset(from);
    let mut changes = Vec::new();
    for transition in zone.following(from).take_while(|transition| transition.timestamp() < until) {
        let (at, new) = (transition.timestamp(), transition.offset());
        if new != offset {
            changes.push(change(zone, at, offset, new));
        }
        offset = new;
    }
    changes
}

fn change(zone: &TimeZone, at: Timestamp, old: Offset, new: Offset) -> ClockChange {
    ClockChange {
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        zone: zone.clone(),
        at,
        from_local: Moment { at, offset: old }.to_string(),
        to_local: Moment { at, offset: new }.to_string(),
        seconds: new.seconds().saturating_sub(old.seconds()),
    }
}

//! What is coming, for people: the windows of the next days with the instants of their pre-warm.

use super::Schedule;
use super::lead::{Leads, Learned, PreWarm};
use super::window::Window;
use crate::policy::FleetPolicy;
use crate::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};

/// The most windows of one schedule that are listed.
const LISTED: usize = 1000;

/// A window that is open or will be.
#[derive(Debug, Clone, Copy)]
pub struct Coming<'a> {
    /// Of which schedule.
    pub schedule: &'a Schedule,
    /// When it is open.
    pub window: Window,
    /// When its pre-warm begins and ends, as far as leads are known now.
    pub pre_warm: PreWarm,
    /// The floor at its opening.
    pub floor: Replicas,
    /// Whether clocks are changed between the beginning of its pre-warm and its end.
    pub clock_changes: bool,
}

/// The windows of all schedules that end after `now` and open before `until`, by their opening.
#[must_use]
pub fn coming<'a>(
    policy: &'a FleetPolicy,
    learned: &Learned,
    now: Timestamp,
    until: Timestamp,
) -> Vec<Coming<'a>> {
    let of_schedule = |schedule: &'a Schedule| {
        let leads = Leads::of(schedule, policy, learned);
        let windows = schedule.calendar.windows_from(now).take(LISTED);
        let windows = windows.take_while(move |window| window.start.at < until);
        windows.map(move |window| {
            let pre_warm = PreWarm::before(window.start.at, leads, schedule.ramp);
            let opens = schedule.calendar.position(&window, window.start.at);
            Coming {
                schedule,
                window,
                pre_warm,
                floor: schedule.floor.replicas(opens, policy.signals.target_per_replica),
                clock_changes: clock_changes(schedule, pre_warm.nodes_from, window.end.at),
            }
        })
    };
    let mut all: Vec<_> = policy.schedules.iter().flat_map(of_schedule).collect();
    all.sort_by_key(|coming| coming.window.start.at);
    all
}

/// Whether the clock is changed from one instant to another, both included.
fn clock_changes(schedule: &Schedule, from: Timestamp, to: Timestamp) -> bool {
    let zone = &schedule.calendar.zone;
    let before = from.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(from);
    let offset = zone.to_offset(before);
    let mut changes = zone.following(before).take_while(|change| change.timestamp() <= to);
    changes.any(|change| change.offset() != offset)
}

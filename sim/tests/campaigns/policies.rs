//! The fleets of the campaigns: that of the reference page, with what its owners could have chosen otherwise.

use apifleet_core::dependencies::Dependency;
use apifleet_core::name::Name;
use apifleet_core::policy::{
    Bounds, FleetPolicy, LatencyPolicy, OnMissing, SpotPolicy, SurviveLossOf,
};
use apifleet_core::schedule::{Calendar, Days, End, Floor, Schedule, SpotReturn};
use apifleet_core::{Percent, Replicas, Rps};
use jiff::Timestamp;
use jiff::civil::{date, time};
use jiff::tz::TimeZoneDatabase;
use std::num::NonZeroU32;
use std::time::Duration;

/// As many different fleets there are.
pub(crate) const VARIANTS: usize = 4;

/// A fleet: what its owner wants, and what is known of it beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    /// What its owner wants.
    pub(crate) policy: FleetPolicy,
    /// When its floor must hold.
    pub(crate) window: Option<Window>,
    /// How long a pod takes to become Ready, in seconds.
    pub(crate) lag: u32,
    /// How often it is decided at least, in seconds: more rarely where an operator has many fleets.
    pub(crate) period: u32,
}

/// The window of the campaign's schedule, every day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// When it opens, in seconds after the start of the campaign, on its first day.
    opens: i64,
    /// For how long it is open.
    lasts: i64,
    /// So long before it the floor is asked for.
    lead: i64,
    /// The floor.
    pub(crate) floor: u32,
}

impl Window {
    /// The floor in this second after the start of the campaign.
    pub(crate) fn floor_at(self, second: i64) -> Option<u32> {
        let after = (second + self.lead - self.opens).rem_euclid(86_400);
        (after < self.lead + self.lasts).then_some(self.floor)
    }

    /// Whether it opens in this second.
    pub(crate) fn opens_at(self, second: i64) -> bool {
        (second - self.opens).rem_euclid(86_400) == 0
    }
}

/// One of the fleets, for a campaign that starts at this instant.
pub(crate) fn fleet(variant: usize, start: Timestamp) -> Fleet {
    match variant % VARIANTS {
        0 => december(start),
        1 => steady(),
        2 => measured(start),
        _ => small_at_night(start),
    }
}

/// The reference page: half of it on spot, behind a database that carries 32 replicas, 20 asked for five minutes early.
fn december(start: Timestamp) -> Fleet {
    let mut policy = policy(10, 30);
    policy.signals.on_missing = OnMissing::Fallback(Replicas::new(20));
    policy.signals.adoption = Replicas::new(20);
    policy.spot = Some(SpotPolicy::new(60, Replicas::new(4)));
    policy.schedules = vec![schedule(20, Some(Duration::from_mins(5)))];
    policy.dependencies = vec![Dependency {
        name: Name::parse("mysql").unwrap(),
        limit: 572,
        reserved: 60,
        per_replica: NonZeroU32::new(16).unwrap(),
    }];
    Fleet { policy, window: Some(window(start, 300, 20)), lag: 30, period: 4 }
}

/// Nothing is known beforehand, and all is on demand.
fn steady() -> Fleet {
    Fleet { policy: policy(10, 30), window: None, lag: 150, period: 10 }
}

/// The lead is measured, so the floor is certain only from the opening on.
fn measured(start: Timestamp) -> Fleet {
    let mut policy = policy(10, 30);
    policy.schedules = vec![schedule(18, None)];
    Fleet { policy, window: Some(window(start, 0, 18)), lag: 150, period: 20 }
}

/// Two replicas at night, and as much on spot as survives the loss of a node.
fn small_at_night(start: Timestamp) -> Fleet {
    let mut policy = policy(2, 30);
    let spot = SpotPolicy::new(80, Replicas::new(2));
    policy.spot = Some(SpotPolicy { survive_loss_of: SurviveLossOf::Node, ..spot });
    policy.schedules = vec![schedule(20, Some(Duration::from_mins(10)))];
    Fleet { policy, window: Some(window(start, 600, 20)), lag: 30, period: 6 }
}

/// With a scale-down window that is given: one that is learned remembers mishaps for days, on purpose, and could not be
/// held against a run without them.
fn policy(min: u32, max: u32) -> FleetPolicy {
    let mut policy = FleetPolicy::new(bounds(min, max), Rps::new(50.0).unwrap());
    policy.signals.latency = Some(LatencyPolicy::default());
    policy.signals.max_errors = Percent::new(0.5);
    policy.behavior.longest_down_window = policy.behavior.down.stabilization_window;
    policy
}

pub(crate) fn bounds(min: u32, max: u32) -> Bounds {
    Bounds::new(Replicas::new(min.max(1)), Replicas::new(max.max(min).max(1))).unwrap()
}

/// Every day of the campaign, 08:00 to 20:00 in Paris.
fn schedule(floor: u32, lead: Option<Duration>) -> Schedule {
    let days = Days {
        from: Some(date(2026, 12, 8)),
        to: Some(date(2026, 12, 31)),
        yearly: true,
        exclude: Vec::new(),
        weekdays: [true; 7],
    };
    Schedule {
        name: Name::parse("december").unwrap(),
        calendar: Calendar {
            days,
            start: time(8, 0, 0, 0),
            end: End::SameDay(time(20, 0, 0, 0)),
            zone: TimeZoneDatabase::bundled().get("Europe/Paris").unwrap(),
        },
        floor: Floor::Replicas(Replicas::new(floor)),
        ceiling: None,
        lead,
        ramp: Duration::from_mins(5),
        spot_return: SpotReturn::Forbidden,
    }
}

/// In December Paris is an hour ahead of UTC; this is computed apart from the zone data that core uses.
fn window(start: Timestamp, lead: i64, floor: u32) -> Window {
    let opening: Timestamp = "2026-12-08T07:00:00Z".parse().unwrap();
    Window { opens: opening.duration_since(start).as_secs(), lasts: 12 * 3600, lead, floor }
}

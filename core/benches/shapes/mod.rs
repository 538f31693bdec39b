//! The decisions that are measured: what a fleet is decided on in its quiet and in its busiest moments, each with the
//! memory that a day of the campaign has left.

#![allow(clippy::expect_used, reason = "a fixture that is none ends the bench, and says which")]

use crate::fleet::{Fleet, at, campaign_demand, campaign_policy, december, policy};
use apifleet_core::name::Name;
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::schedule::Schedule;
use apifleet_core::{Decision, FleetPolicy, Memory, Observation, Replicas, decide};
use jiff::{SignedDuration, Timestamp};
use std::hint::black_box;

const HOUR: i64 = 3600;

/// A moment in the life of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A steady day without a schedule and without spot: most decisions of most fleets.
    Calm,
    /// Demand has just doubled: the burst signal asks, limits hold it, the scale-out runs on.
    Burst,
    /// The campaign has begun: a window with a curve is open, at most 60 % are on spot, a database is shared.
    Curve,
    /// As many schedules as there may be, all of them open and each with a curve: the worst that can be asked for.
    Sixteen,
    /// Two spot nodes are being taken away at the peak while an override is in force: cover is asked for, nodes are
    /// drained.
    Covering,
    /// Prometheus does not answer: every signal is judged by what is remembered.
    Silent,
}

/// What a decision is made from.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    policy: FleetPolicy,
    seen: Observation,
    memory: Memory,
    now: Timestamp,
}

impl Shape {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Calm, Self::Burst, Self::Curve, Self::Sixteen, Self::Covering, Self::Silent];

    /// The word for it in figures.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Burst => "burst",
            Self::Curve => "curve",
            Self::Sixteen => "sixteen-schedules",
            Self::Covering => "covering",
            Self::Silent => "silent",
        }
    }

    /// The moment, after the hour before it was lived through.
    pub(crate) fn case(self) -> Case {
        let noon = at(12 * HOUR);
        match self {
            Self::Calm => Case::of(&lived(policy(), noon), 1.0),
            Self::Burst => {
                let mut fleet = lived(policy(), at(9 * HOUR));
                fleet.step(campaign_demand(9 * HOUR) * 2.0, SignedDuration::from_secs(2));
                Case::of(&fleet, 2.0)
            }
            Self::Curve => Case::of(&lived(campaign_policy(), noon), 1.0),
            Self::Sixteen => {
                let policy = FleetPolicy { schedules: sixteen(), ..policy() };
                Case::of(&lived(policy, noon), 1.0)
            }
            Self::Covering => {
                let mut fleet = lived(campaign_policy(), noon);
                fleet.policy.overrides.push(ordered(noon));
                fleet.interrupted = Some((2, noon));
                fleet.run_until(noon + SignedDuration::from_secs(10), 1.0);
                Case::of(&fleet, 1.0)
            }
            Self::Silent => {
                let mut fleet = lived(campaign_policy(), noon);
                fleet.answers = false;
                fleet.run_until(noon + SignedDuration::from_secs(30), 1.0);
                Case::of(&fleet, 1.0)
            }
        }
    }
}

impl Case {
    fn of(fleet: &Fleet, factor: f64) -> Self {
        let seen =
            fleet.observe(campaign_demand(fleet.now.as_second() - at(0).as_second()) * factor);
        let Fleet { policy, memory, now, .. } = fleet.clone();
        Self { policy, seen, memory, now }
    }

    /// Decides once. Nothing of it is known to the compiler beforehand.
    pub(crate) fn decide(&self) -> (Decision, Memory) {
        let Self { policy, seen, memory, now } = black_box(self);
        decide(policy, seen, memory, *now)
    }
}

/// A fleet that has lived through the hour before an instant.
fn lived(policy: FleetPolicy, until: Timestamp) -> Fleet {
    let mut fleet = Fleet::new(policy, until - SignedDuration::from_hours(1));
    fleet.run_until(until, 1.0);
    fleet
}

/// Somebody wanted more an hour ago, for two hours.
fn ordered(now: Timestamp) -> Override {
    let not_before = now - SignedDuration::from_hours(1);
    Override {
        name: Name::parse("more").expect("a name"),
        action: Action::Floor(Replicas::new(24)),
        pace: Pace::Gradual,
        not_before,
        expires_at: now + SignedDuration::from_hours(1),
        created: not_before,
    }
}

/// The campaign's schedule, and others that are listed beside it.
fn sixteen() -> Vec<Schedule> {
    let other = |hours: i8| {
        let mut schedule = december();
        schedule.calendar.start = jiff::civil::time(hours, 30, 0, 0);
        schedule
    };
    std::iter::once(december()).chain((0..15).map(other)).collect()
}

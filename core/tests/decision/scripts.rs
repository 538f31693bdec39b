//! Random policies and days: what the properties are run with.

use crate::calendars::later;
use crate::fleet::{Fleet, Prometheus, at, bounds, guarded, policy, replicas};
use apifleet_core::Decision;
use apifleet_core::behavior::{Amount, Direction, RatePolicy, Select};
use apifleet_core::dependencies::Dependency;
use apifleet_core::name::Name;
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::policy::{FleetPolicy, OnMissing};
use apifleet_core::{Percent, Rps};
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::num::NonZeroU32;
use std::time::Duration;

/// As many cases as an invariant is tried with on each commit; `PROPTEST_CASES` says otherwise.
#[allow(
    clippy::disallowed_methods,
    reason = "proptest's own variable, which a given number overrides"
)]
pub(crate) fn ten_thousand() -> ProptestConfig {
    let given = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { 10_000 };
    ProptestConfig { cases, failure_persistence: None, ..given }
}

/// A fleet that is decided at wake-ups, and rarely besides, has for a minute and a half at every instant the size of one
/// that is decided every second, too. `at_wake` says what else must be when it wakes, of the decision before.
pub(crate) fn wakes_miss_nothing(
    mut often: Fleet,
    at_wake: impl Fn(&Fleet, &Decision) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut rarely = often.clone();
    let until = later(often.now, 90);
    while rarely.now < until {
        let decision = rarely.decide();
        let period = later(rarely.now, 20);
        let next = decision.next.map_or(period, |next| next.at.min(period));
        prop_assert!(next > rarely.now);
        while often.now < next {
            let other = often.decide();
            prop_assert_eq!(other.desired, decision.desired, "{:?}\n{:?}", other, decision);
            let second = later(often.now, 1).min(next);
            often.now = other.next.map_or(second, |next| next.at.min(second));
        }
        rarely.now = next;
        at_wake(&rarely, &decision)?;
    }
    Ok(())
}

/// What happens before a decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat {
    pub(crate) seconds: i64,
    pub(crate) rps: u32,
    pub(crate) p95: u32,
    pub(crate) prometheus: Prometheus,
}

impl Beat {
    pub(crate) fn play(&self, fleet: &mut Fleet) -> apifleet_core::Decision {
        fleet.now += SignedDuration::from_secs(self.seconds);
        fleet.rps = f64::from(self.rps);
        fleet.p95 = f64::from(self.p95);
        fleet.prometheus = self.prometheus;
        fleet.decide()
    }
}

/// A day of so many beats: demand jumps and stays, signals are mostly good.
pub(crate) fn day(beats: usize) -> impl Strategy<Value = Vec<Beat>> {
    let beat = (2..=25_i64, prop_oneof![3 => Just(None), 1 => (0..4000_u32).prop_map(Some)])
        .prop_flat_map(|(seconds, rps)| {
            (Just((seconds, rps)), select(&[20_u32, 20, 20, 170, 260][..]), prometheus())
        });
    vec(beat, beats).prop_map(|beats| {
        let mut last = 900;
        let carry_on =
            |((seconds, rps), p95, prometheus): ((i64, Option<u32>), u32, Prometheus)| {
                last = rps.unwrap_or(last);
                Beat { seconds, rps: last, p95, prometheus }
            };
        beats.into_iter().map(carry_on).collect()
    })
}

fn prometheus() -> impl Strategy<Value = Prometheus> {
    prop_oneof![8 => Just(Prometheus::Good), 1 => untrusted()]
}

/// Every way in which signals can be bad.
pub(crate) fn untrusted() -> impl Strategy<Value = Prometheus> {
    select(
        &[
            Prometheus::Unreachable,
            Prometheus::Empty,
            Prometheus::Several,
            Prometheus::NotANumber,
            Prometheus::Old,
            Prometheus::Warming,
            Prometheus::Partial,
        ][..],
    )
}

fn rate_policy() -> impl Strategy<Value = RatePolicy> {
    let pods = (1..9_u32).prop_map(|pods| Amount::Pods(replicas(pods)));
    let amount = prop_oneof![pods, (1..120_u32).prop_map(Amount::Percent)];
    (amount, select(&[15_u64, 60, 180][..]))
        .prop_map(|(amount, period)| RatePolicy { amount, period: Duration::from_secs(period) })
}

fn direction(windows: &'static [u64]) -> impl Strategy<Value = Direction> {
    let selects = select(&[Select::Max, Select::Max, Select::Min, Select::Disabled][..]);
    (select(windows), selects, vec(rate_policy(), 0..3), 0..20_u32).prop_map(
        |(window, select, policies, tolerance)| Direction {
            stabilization_window: Duration::from_secs(window),
            select,
            policies,
            tolerance: Percent::new(f64::from(tolerance)).unwrap(),
        },
    )
}

/// How a fleet begins whose wake-ups are followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning {
    size: u32,
    rps: u32,
    /// Signals go as soon as it has begun.
    gone: bool,
    seconds: i64,
}

impl Beginning {
    pub(crate) fn fleet(self, policy: FleetPolicy) -> Fleet {
        let mut fleet = Fleet::new(policy, self.size);
        // Without signals the last value would be a lower bound that no `next` speaks of.
        fleet.rps = if self.gone { 0.0 } else { f64::from(self.rps) };
        fleet.policy.bounds = bounds(2, 60);
        fleet.now = at(self.seconds);
        fleet.decide();
        if self.gone {
            fleet.prometheus = Prometheus::Unreachable;
        }
        fleet
    }
}

/// Any size and demand, with and without signals, at one of these seconds.
pub(crate) fn beginning(seconds: std::ops::Range<i64>) -> impl Strategy<Value = Beginning> {
    let parts = (1..60_u32, 0..2500_u32, any::<bool>(), seconds);
    parts.prop_map(|(size, rps, gone, seconds)| Beginning { size, rps, gone, seconds })
}

/// A policy with any bounds, rates and windows; guarded or not.
pub(crate) fn any_policy() -> impl Strategy<Value = FleetPolicy> {
    let behavior = (direction(&[0, 0, 60]), direction(&[0, 60, 300]));
    let missing = prop_oneof![Just(None), (1..40_u32).prop_map(Some)];
    (1..30_u32, 0..40_u32, 10..100_u32, behavior, missing, any::<bool>()).prop_map(
        |(min, more, per_replica, (up, down), missing, latency)| {
            let mut made = if latency { guarded() } else { policy() };
            made.bounds = bounds(min, min + more);
            made.signals.target_per_replica = Rps::new(f64::from(per_replica)).unwrap();
            made.signals.on_missing =
                missing.map_or(OnMissing::Hold, |count| OnMissing::Fallback(replicas(count)));
            (made.behavior.up, made.behavior.down) = (up, down);
            made
        },
    )
}

/// A policy with default behavior, any bounds and target.
pub(crate) fn default_policy() -> impl Strategy<Value = FleetPolicy> {
    any_policy().prop_map(|made| FleetPolicy { behavior: policy().behavior, ..made })
}

/// An override of any kind that begins and ends near time zero.
fn any_override() -> impl Strategy<Value = Override> {
    let action = prop_oneof![
        2 => (1..70_u32).prop_map(|count| Action::Floor(replicas(count))),
        2 => (1..70_u32).prop_map(|count| Action::Ceiling(replicas(count))),
        2 => (1..70_u32).prop_map(|count| Action::Pin(replicas(count))),
        1 => Just(Action::Hold),
        1 => Just(Action::NoSpot),
    ];
    let pace = select(&[Pace::Gradual, Pace::Gradual, Pace::Immediate][..]);
    (action, pace, -200..500_i64, 1..400_i64, 0..5_i64).prop_map(
        |(action, pace, begins, lasts, created)| Override {
            name: Name::parse("any").unwrap(),
            action,
            pace,
            not_before: at(begins),
            expires_at: at(begins + lasts),
            created: at(begins - created),
        },
    )
}

/// Up to four overrides, each with a name of its own.
pub(crate) fn any_overrides() -> impl Strategy<Value = Vec<Override>> {
    vec(any_override(), 0..5).prop_map(|mut overrides| {
        for (index, order) in overrides.iter_mut().enumerate() {
            order.name = Name::parse(&format!("order-{index}")).unwrap();
        }
        overrides
    })
}

/// The same policy with overrides.
pub(crate) fn overridden(
    policy: impl Strategy<Value = FleetPolicy>,
) -> impl Strategy<Value = FleetPolicy> {
    (policy, any_overrides()).prop_map(|(policy, overrides)| FleetPolicy { overrides, ..policy })
}

/// Up to two dependencies, each with a name of its own.
pub(crate) fn any_dependencies() -> impl Strategy<Value = Vec<Dependency>> {
    vec((10..1500_u32, 0..100_u32, 5..30_u32), 0..3).prop_map(|dependencies| {
        let one = |(index, (limit, reserved, per_replica)): (usize, (u32, u32, u32))| Dependency {
            name: Name::parse(&format!("database-{index}")).unwrap(),
            limit,
            reserved,
            per_replica: NonZeroU32::new(per_replica).unwrap(),
        };
        dependencies.into_iter().enumerate().map(one).collect()
    })
}

/// The same policy with dependencies.
pub(crate) fn dependent(
    policy: impl Strategy<Value = FleetPolicy>,
) -> impl Strategy<Value = FleetPolicy> {
    let both = (policy, any_dependencies());
    both.prop_map(|(policy, dependencies)| FleetPolicy { dependencies, ..policy })
}

/// An override that somebody ordered as it began.
pub(crate) fn order(name: &str, action: Action, from: Timestamp, to: Timestamp) -> Override {
    Override {
        name: Name::parse(name).unwrap(),
        action,
        pace: Pace::Gradual,
        not_before: from,
        expires_at: to,
        created: from,
    }
}

/// A database with so many connections, of which a replica takes so many.
pub(crate) fn database(limit: u32, per_replica: u32) -> Dependency {
    Dependency {
        name: Name::parse("mysql").unwrap(),
        limit,
        reserved: 0,
        per_replica: NonZeroU32::new(per_replica).unwrap(),
    }
}

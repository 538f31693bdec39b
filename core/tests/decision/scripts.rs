//! Random policies and days: what the properties are run with.

use crate::fleet::{Fleet, Prometheus, bounds, guarded, policy, replicas};
use apifleet_core::behavior::{Amount, Direction, RatePolicy, Select};
use apifleet_core::policy::{FleetPolicy, OnMissing};
use apifleet_core::{Percent, Rps};
use jiff::SignedDuration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;

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

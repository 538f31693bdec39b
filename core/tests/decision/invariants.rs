//! The invariants of the decision, ten thousand cases each, and where each of them is tried:
//!
//! | invariant | test |
//! |---|---|
//! | D1 | `invariants::d1_the_goal_is_within_bounds_and_above_max_only_while_falling` |
//! | D1 | `schedule_invariants::d1_d5_the_floor_holds_inside_a_window_and_the_goal_is_within_bounds` |
//! | D1 | `override_invariants::d1_d2_d4_d5_d16_d17_a_day_with_overrides_and_dependencies_keeps_every_bound` |
//! | D1 | `spot_invariants::d1_d18_no_move_and_no_cover_exceeds_what_dependencies_carry` |
//! | D2 | `invariants::d2_an_untrusted_signal_never_lowers` |
//! | D2 | `override_invariants::d1_d2_d4_d5_d16_d17_a_day_with_overrides_and_dependencies_keeps_every_bound` |
//! | D2 | `override_invariants::d2_d13_without_signals_an_override_alone_lowers` |
//! | D3 | `invariants::d3_scale_in_needs_every_signal_and_scale_out_needs_one` |
//! | D4 | `invariants::d4_d16_changes_are_bounded_over_any_sliding_window_across_edits_and_restarts` |
//! | D4 | `schedule_invariants::d4_nothing_of_a_calendar_removes_more_than_the_limits_allow` |
//! | D4 | `override_invariants::d1_d2_d4_d5_d16_d17_a_day_with_overrides_and_dependencies_keeps_every_bound` |
//! | D5 | `schedule_invariants::d1_d5_the_floor_holds_inside_a_window_and_the_goal_is_within_bounds` |
//! | D5 | `schedule_invariants::d5_the_lowest_ceiling_holds_but_for_floors` |
//! | D5 | `schedule_invariants::d5_a_ramp_climbs_in_a_line_and_is_there_a_lead_before_its_window` |
//! | D5 | `override_invariants::d1_d2_d4_d5_d16_d17_a_day_with_overrides_and_dependencies_keeps_every_bound` |
//! | D6 | `schedule_invariants::d6_windows_are_half_open_and_those_that_meet_leave_no_gap` |
//! | D6 | `override_invariants::d6_overrides_are_half_open_and_those_that_meet_leave_no_gap` |
//! | D7 | `invariants::d7_more_demand_or_a_higher_floor_never_gives_fewer` |
//! | D7 | `schedule_invariants::d7_more_demand_or_a_higher_floor_of_a_schedule_never_gives_fewer` |
//! | D7 | `override_invariants::d7_more_demand_or_a_higher_order_or_cap_never_gives_fewer` |
//! | D8 | `invariants::d8_d11_the_same_input_gives_the_same_bytes_and_a_second_decision_changes_nothing` |
//! | D8 | `schedule_invariants::d8_d11_the_same_calendar_gives_the_same_bytes_and_a_second_decision_changes_nothing` |
//! | D8 | `override_invariants::d8_d11_d21_the_same_orders_give_the_same_bytes_in_any_order_and_to_an_observer` |
//! | D9 | `invariants::d9_constant_load_settles_and_a_climb_reaches_what_demand_asks_for` |
//! | D9 | `override_invariants::d9_d17_constant_load_settles_after_the_last_override` |
//! | D10 | `invariants::d10_noise_inside_the_tolerance_changes_nothing` |
//! | D11 | `invariants::d8_d11_the_same_input_gives_the_same_bytes_and_a_second_decision_changes_nothing` |
//! | D11 | `schedule_invariants::d8_d11_the_same_calendar_gives_the_same_bytes_and_a_second_decision_changes_nothing` |
//! | D11 | `override_invariants::d8_d11_d21_the_same_orders_give_the_same_bytes_in_any_order_and_to_an_observer` |
//! | D12 | `totality_invariants::d12_every_input_has_an_answer` |
//! | D12 | `schedule_invariants::d12_every_calendar_has_an_answer` |
//! | D13 | `invariants::d13_nothing_is_removed_before_a_full_window_and_a_stabilisation_after_an_outage` |
//! | D13 | `override_invariants::d2_d13_without_signals_an_override_alone_lowers` |
//! | D14 | `invariants::d14_unready_pods_never_multiply_demand` |
//! | D15 | `invariants::d15_coverage_counts_settled_pods_and_needs_nine_in_ten` |
//! | D16 | `invariants::d4_d16_changes_are_bounded_over_any_sliding_window_across_edits_and_restarts` |
//! | D16 | `override_invariants::d1_d2_d4_d5_d16_d17_a_day_with_overrides_and_dependencies_keeps_every_bound` |
//! | D17 | `override_invariants::d1_d2_d4_d5_d16_d17_a_day_with_overrides_and_dependencies_keeps_every_bound` |
//! | D17 | `override_invariants::d9_d17_constant_load_settles_after_the_last_override` |
//! | D18 | `spot_invariants::d18_the_base_alone_carries_what_is_critical_and_spot_stays_within_its_share` |
//! | D18 | `spot_invariants::d1_d18_no_move_and_no_cover_exceeds_what_dependencies_carry` |
//! | D19 | `spot_invariants::d19_losses_are_covered_and_end_with_every_replica_serving` |
//! | D19 | `spot_invariants::d19_a_mass_loss_is_covered_once_and_without_thrash` |
//! | D20 | `invariants::d20_an_unknown_size_writes_nothing_and_is_never_a_number` |
//! | D21 | `invariants::d21_observe_decides_the_same` |
//! | D21 | `schedule_invariants::d21_observe_decides_the_same_with_schedules` |
//! | D21 | `override_invariants::d8_d11_d21_the_same_orders_give_the_same_bytes_in_any_order_and_to_an_observer` |
//! | D22 | `override_invariants::d22_a_ledger_that_is_replayed_gives_its_decision` |

use crate::fleet::{Fleet, Prometheus, at, bounds, policy, replicas};
use crate::scripts::{Beat, any_policy, day, default_policy, ten_thousand, untrusted};
use apifleet_core::behavior::{Amount, Direction, RatePolicy, Select};
use apifleet_core::decision::Decision;
use apifleet_core::observation::{Reading, Readings, SpotTarget, TargetObservation};
use apifleet_core::policy::{Mode, OnMissing, SpotPolicy};
use apifleet_core::{Memory, Percent, Reason, Replicas, Rps, decide};
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec as list;
use proptest::prelude::*;
use std::sync::LazyLock;

/// A fleet at its maximum and at ease.
pub(crate) static AT_THIRTY: LazyLock<Fleet> =
    LazyLock::new(|| Fleet::settled(policy(), 30, 1500.0));

/// Fleets of every size, each with the demand that it carries well.
static AT_EASE: LazyLock<Vec<Fleet>> = LazyLock::new(|| {
    (10..=30).map(|size| Fleet::settled(policy(), size, f64::from(size) * 50.0)).collect()
});

/// A fleet in the middle of a random day.
fn any_fleet() -> impl Strategy<Value = Fleet> {
    (any_policy(), 1..70_u32, day(6)).prop_map(|(policy, size, beats)| {
        let mut fleet = Fleet::new(policy, size);
        for beat in &beats {
            beat.play(&mut fleet);
        }
        fleet
    })
}

/// The same fleet at the same instant with other signals.
fn with(fleet: &Fleet, change: impl FnOnce(&mut Fleet)) -> Decision {
    let mut other = fleet.clone();
    change(&mut other);
    other.decide()
}

/// The smallest size that a fall inside these policies may lead to at the end of `sizes`.
pub(crate) fn down_bound(down: &Direction, sizes: &[(Timestamp, u32)], now: Timestamp) -> u32 {
    let bound = |policy: &RatePolicy| {
        let start = now - SignedDuration::try_from(policy.period).unwrap();
        let before = sizes.iter().rposition(|(at, _)| *at <= start).unwrap_or(0);
        let peak = sizes[before..].iter().map(|(_, size)| *size).max().unwrap();
        match policy.amount {
            Amount::Pods(pods) => peak.saturating_sub(pods.get()),
            Amount::Percent(percent) => peak * (100 - percent.min(100)) / 100,
        }
    };
    let bounds = down.policies.iter().map(bound);
    match down.select {
        Select::Max => bounds.min().unwrap_or(0),
        Select::Min => bounds.max().unwrap_or(0),
        Select::Disabled => sizes.last().unwrap().1,
    }
}

/// The largest size that a rise inside these policies may lead to.
pub(crate) fn up_bound(up: &Direction, sizes: &[(Timestamp, u32)], now: Timestamp) -> u32 {
    let bound = |policy: &RatePolicy| {
        let start = now - SignedDuration::try_from(policy.period).unwrap();
        let before = sizes.iter().rposition(|(at, _)| *at <= start).unwrap_or(0);
        match policy.amount {
            Amount::Pods(pods) => sizes[before].1 + pods.get(),
            Amount::Percent(percent) => (sizes[before].1 * (100 + percent)).div_ceil(100),
        }
    };
    let bounds = up.policies.iter().map(bound);
    match up.select {
        Select::Max => bounds.max().unwrap_or(u32::MAX),
        Select::Min => bounds.min().unwrap_or(u32::MAX),
        Select::Disabled => sizes.last().unwrap().1,
    }
}

proptest! {
    #![proptest_config(ten_thousand())]

    /// D1
    #[test]
    fn d1_the_goal_is_within_bounds_and_above_max_only_while_falling(mut fleet in any_fleet(), min in 1..60_u32, more in 0..30_u32) {
        fleet.policy.bounds = bounds(min, min + more);
        fleet.now += SignedDuration::from_secs(2);
        let decision = fleet.decide();
        prop_assert!(decision.desired >= replicas(min), "{decision:?}");
        let max = replicas(min + more);
        prop_assert!(decision.desired <= max || decision.desired <= decision.previous, "{decision:?}");
    }

    /// D2
    #[test]
    fn d2_an_untrusted_signal_never_lowers(mut fleet in any_fleet(), bad in untrusted(), rps in 0..4000_u32, later in 2..400_i64) {
        fleet.prometheus = bad;
        fleet.rps = f64::from(rps);
        fleet.now += SignedDuration::from_secs(later);
        let decision = fleet.decide();
        prop_assert!(!decision.findings.signals_fresh.holds, "{decision:?}");
        prop_assert!(decision.desired >= decision.previous, "{decision:?}");
        prop_assert!(decision.next.is_none());
    }

    /// D3
    #[test]
    fn d3_scale_in_needs_every_signal_and_scale_out_needs_one(fleet in any_fleet(), which in 0..3_usize, bad in 0..4_usize, hot in 0..3_usize) {
        let mut fleet = fleet;
        fleet.policy.signals.max_errors = Percent::new(1.0);
        fleet.now += SignedDuration::from_secs(2);
        fleet.prometheus = Prometheus::Good;
        fleet.rps = 1.0;
        let bad = [Reading::Failed, Reading::Empty, Reading::Several, Reading::Value { value: -1.0, sampled_at: fleet.now }][bad];
        let mut seen = fleet.observe();
        let Readings { request_rate, latency, error_rate, .. } = &mut seen.readings;
        *[request_rate, latency, error_rate].into_iter().nth(which).unwrap() = bad;
        let (decision, _) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        if which != 1 || fleet.policy.signals.latency.is_some() {
            prop_assert!(decision.desired >= decision.previous, "{decision:?}");
        }

        let mut free = fleet.policy.clone();
        free.behavior = policy().behavior;
        free.signals.latency = crate::fleet::guarded().signals.latency;
        free.bounds = bounds(1, 1000);
        let mut memory = fleet.memory.clone();
        memory.guard.above_since = Some(fleet.now - SignedDuration::from_mins(1));
        memory.guard.asked = None;
        memory.guard.exhausted = false;
        memory.changes.clear();
        let value = |value| Reading::Value { value, sampled_at: fleet.now };
        seen.readings = Readings { request_rate: Reading::Failed, ..Readings::default() };
        match hot {
            0 => seen.readings = Readings { request_rate: value(100_000.0), ..seen.readings },
            1 => seen.readings = Readings { burst_rate: value(100_000.0), ..seen.readings },
            _ => {
                let window_samples = value(12.0);
                seen.readings = Readings { latency: value(900.0), window_samples, ..seen.readings };
            }
        }
        let (decision, _) = decide(&free, &seen, &memory, fleet.now);
        prop_assert!(decision.desired > decision.previous, "{hot} {decision:?}");
    }

    /// D4, D16: edits of bounds and target included, restarts included.
    #[test]
    fn d4_d16_changes_are_bounded_over_any_sliding_window_across_edits_and_restarts(
        policy in any_policy(),
        size in 1..70_u32,
        beats in day(30),
        edits in list((0..30_usize, 1..40_u32, 0..30_u32, 10..100_u32), 0..3),
        restarts in list(0..30_usize, 0..3),
    ) {
        let mut fleet = Fleet::new(policy, size);
        let mut sizes: Vec<(Timestamp, u32)> = vec![(at(-10_000), size)];
        for (index, beat) in beats.iter().enumerate() {
            for (_, min, more, per_replica) in edits.iter().filter(|edit| edit.0 == index) {
                fleet.policy.bounds = bounds(*min, min + more);
                fleet.policy.signals.target_per_replica = Rps::new(f64::from(*per_replica)).unwrap();
            }
            if restarts.contains(&index) {
                let stored = serde_json::to_string(&fleet.memory).unwrap();
                fleet.memory = Memory::resumed(serde_json::from_str(&stored).ok());
            }
            let decision = beat.play(&mut fleet);
            let lowest = down_bound(&fleet.policy.behavior.down, &sizes, fleet.now);
            let new = decision.desired.get();
            let before = sizes.last().unwrap().1;
            prop_assert!(new >= lowest.min(before), "{sizes:?} {decision:?}");
            let floor = decision.ledger.iter().any(|line| {
                matches!(line.why.reason(), Reason::AtMin | Reason::Fallback | Reason::Adopted)
            });
            if !floor {
                let highest = up_bound(&fleet.policy.behavior.up, &sizes, fleet.now);
                prop_assert!(new <= highest.max(before), "{sizes:?} {decision:?}");
            }
            sizes.push((fleet.now, new));
        }
    }

    /// D7
    #[test]
    fn d7_more_demand_or_a_higher_floor_never_gives_fewer(fleet in any_fleet(), low in 1..4000_u32, more in 0..2000_u32, floor in 1..60_u32) {
        let fleet = &fleet;
        let later = |change: &dyn Fn(&mut Fleet)| with(fleet, |other| {
            other.now += SignedDuration::from_secs(7);
            other.prometheus = Prometheus::Good;
            other.rps = f64::from(low);
            change(other);
        }).desired;
        let plain = later(&|_| ());
        prop_assert!(later(&|other| other.rps += f64::from(more)) >= plain);
        let max = fleet.policy.bounds.max().get();
        let min = fleet.policy.bounds.min().get().max(floor).min(max);
        prop_assert!(later(&|other| other.policy.bounds = bounds(min, max)) >= plain);
        let missing = |on_missing| later(&|other| {
            other.prometheus = Prometheus::Empty;
            other.policy.signals.on_missing = on_missing;
        });
        prop_assert!(missing(OnMissing::Fallback(replicas(floor))) >= missing(OnMissing::Hold));
    }

    /// D8, D11
    #[test]
    fn d8_d11_the_same_input_gives_the_same_bytes_and_a_second_decision_changes_nothing(mut fleet in any_fleet(), beat in day(1)) {
        let twin = fleet.clone();
        let first = beat[0].play(&mut fleet);
        let mut other = twin;
        let same = beat[0].play(&mut other);
        prop_assert_eq!(format!("{first:?}"), format!("{same:?}"));
        prop_assert_eq!(
            serde_json::to_string(&fleet.memory).unwrap(),
            serde_json::to_string(&other.memory).unwrap()
        );
        let sentences = |decision: &Decision| -> Vec<String> {
            decision.ledger.iter().map(|line| line.why.to_string()).collect()
        };
        prop_assert_eq!(sentences(&first), sentences(&same));

        let again = fleet.decide();
        prop_assert_eq!(again.desired, first.desired, "{:?} then {:?}", first, again);
        prop_assert_eq!(again.placement, first.placement);
        prop_assert!(again.change().is_none());
    }

    /// D9, and no fleet stops for good at 28 of 30.
    #[test]
    fn d9_constant_load_settles_and_a_climb_reaches_what_demand_asks_for(policy in default_policy(), size in 1..70_u32, rps in 0..4000_u32) {
        let mut fleet = Fleet::new(policy, size);
        let beat = Beat { seconds: 20, rps, p95: 20, prometheus: Prometheus::Good };
        let load = f64::from(rps) / fleet.policy.signals.target_per_replica.get();
        let (min, max) = (fleet.policy.bounds.min().get(), fleet.policy.bounds.max().get());
        let exact = Replicas::ceil(load * (1.0 - 1e-9)).get().clamp(min, max);
        for _ in 0..110 {
            beat.play(&mut fleet);
        }
        let settled = fleet.size();
        let changes = fleet.sizes.len();
        prop_assert!(changes <= 40, "{:?}", fleet.sizes);
        for _ in 0..20 {
            beat.play(&mut fleet);
        }
        prop_assert_eq!(fleet.sizes.len(), changes, "{:?}", fleet.sizes);
        let current = f64::from(settled);
        let within = (0.9 - 1e-9..=1.1 + 1e-9).contains(&(load / current));
        prop_assert!(settled == exact || within, "{settled} for {load}");
        if load > f64::from(size.max(min)) * 1.1 + 1e-9 {
            prop_assert_eq!(settled, exact, "climbed from {} to {:?}", size, fleet.sizes);
        }
    }

    /// D10
    #[test]
    fn d10_noise_inside_the_tolerance_changes_nothing(which in 0..21_usize, noise in list((2..25_i64, 0..=100_u32), 40)) {
        let mut fleet = AT_EASE[which].clone();
        let (size, target) = (fleet.size(), fleet.rps);
        for (seconds, share) in noise {
            fleet.now += SignedDuration::from_secs(seconds);
            fleet.rps = target * (0.901 + f64::from(share) / 100.0 * 0.198);
            let decision = fleet.decide();
            prop_assert_eq!(decision.desired, replicas(size), "{:?}", decision);
        }
    }

    /// D13
    #[test]
    fn d13_nothing_is_removed_before_a_full_window_and_a_stabilisation_after_an_outage(
        gone in 5..600_i64,
        kind in untrusted(),
        warming in 1..60_i64,
        rps in 0..500_u32,
    ) {
        let mut fleet = AT_THIRTY.clone();
        fleet.prometheus = kind;
        fleet.rps = f64::from(rps);
        let mut second = 0;
        while second < gone {
            second += 20;
            fleet.now = at(second);
            fleet.decide();
        }
        fleet.prometheus = Prometheus::Warming;
        fleet.now += SignedDuration::from_secs(warming);
        fleet.decide();
        fleet.prometheus = Prometheus::Good;
        let full = fleet.now;
        while fleet.now < full + SignedDuration::from_secs(299) {
            prop_assert_eq!(fleet.size(), 30);
            fleet.now += SignedDuration::from_secs(13);
            let until = full + SignedDuration::from_secs(299);
            fleet.now = fleet.now.min(until);
            fleet.decide();
        }
        prop_assert_eq!(fleet.size(), 30);
        fleet.now = full + SignedDuration::from_secs(301);
        fleet.decide();
        prop_assert_eq!(fleet.size(), 27);
    }

    /// D14
    #[test]
    fn d14_unready_pods_never_multiply_demand(fleet in any_fleet(), ready in 0..70_u32, pending in 0..70_u32) {
        let mut fleet = fleet;
        fleet.policy.signals.latency = None;
        fleet.now += SignedDuration::from_secs(3);
        let mut seen = fleet.observe();
        let (plain, _) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        seen.on_demand.ready = replicas(ready);
        seen.on_demand.pending = replicas(pending);
        let (other, _) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        prop_assert_eq!(plain.desired, other.desired);
    }

    /// D15
    #[test]
    fn d15_coverage_counts_settled_pods_and_needs_nine_in_ten(settled in 1..100_u32, young in 0..100_u32, scraped in 0..200_u32, identity in any::<bool>()) {
        let mut fleet = AT_THIRTY.clone();
        fleet.now = at(20);
        let mut seen = fleet.observe();
        let ages = std::iter::repeat_n(71, settled as usize).chain(std::iter::repeat_n(70, young as usize));
        seen.ready_since = ages.map(|age| fleet.now - SignedDuration::from_secs(age)).collect();
        if identity {
            seen.readings.scraped_pods = Reading::Value { value: f64::from(scraped), sampled_at: fleet.now };
        } else {
            seen.readings.scraped_pods = Reading::Empty;
        }
        let (decision, _) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        let enough = !identity || (scraped > 0 && scraped * 10 >= settled * 9);
        prop_assert_eq!(decision.findings.signals_fresh.holds, enough, "{:?}", decision.findings);
        if !enough {
            prop_assert_eq!(decision.findings.signals_fresh.why.reason(), Reason::PartialScrape);
        }
    }

    /// D20
    #[test]
    fn d20_an_unknown_size_writes_nothing_and_is_never_a_number(fleet in any_fleet(), spot_unknown in any::<bool>(), rps in 0..4000_u32) {
        let mut fleet = fleet;
        fleet.rps = f64::from(rps);
        fleet.now += SignedDuration::from_secs(2);
        let mut seen = fleet.observe();
        if spot_unknown {
            fleet.policy.spot = Some(SpotPolicy::new(50, replicas(1)));
            seen.spot = SpotTarget::Present(TargetObservation::default());
        } else {
            seen.on_demand.wanted = None;
        }
        let before = fleet.memory.size;
        let (decision, memory) = decide(&fleet.policy, &seen, &fleet.memory, fleet.now);
        prop_assert_eq!(decision.reason, Reason::ReplicasUnknown);
        prop_assert_eq!((decision.placement.on_demand, decision.placement.spot), (None, None));
        prop_assert_eq!(Some(decision.desired), before);
        prop_assert_eq!(memory.size, before);
        prop_assert!(decision.change().is_none());
    }

    /// D21
    #[test]
    fn d21_observe_decides_the_same(fleet in any_fleet(), beat in day(1)) {
        let enforced = with(&fleet, |other| { beat[0].play(other); other.policy.mode = Mode::Enforce; });
        let mut observing = fleet.clone();
        beat[0].play(&mut observing);
        observing.policy.mode = Mode::Observe;
        let pods = observing.on_demand.pods.len();
        let observed = observing.decide();
        prop_assert_eq!(observed.desired, enforced.desired);
        prop_assert_eq!(observed.reason, enforced.reason);
        prop_assert_eq!(observed.placement, enforced.placement);
        prop_assert_eq!(observing.on_demand.pods.len(), pods);
        prop_assert!(observing.memory.adopts(Mode::Enforce));
    }

    /// The wake-up is honest: nothing changes before it, and at it the size is the one that was announced.
    #[test]
    fn the_next_change_comes_when_it_was_announced(fleet in any_fleet(), beat in day(1)) {
        let mut fleet = fleet;
        fleet.policy.signals.latency = None;
        let mut beat = beat[0];
        beat.prometheus = Prometheus::Good;
        let decision = beat.play(&mut fleet);
        let Some(next) = decision.next else { return Ok(()) };
        prop_assert!(next.at > decision.at);
        prop_assert!(next.replicas != decision.desired);
        while fleet.now + SignedDuration::from_secs(20) < next.at {
            fleet.now += SignedDuration::from_secs(20);
            prop_assert_eq!(fleet.decide().desired, decision.desired);
        }
        fleet.now = next.at;
        let then = fleet.decide();
        prop_assert_eq!(then.desired, next.replicas, "{:?} then {:?}", decision, then);
    }
}

//! The worked cases of the design, played in the closed loop.

use crate::fleet::{Fleet, Prometheus, at, bounds, guarded, policy};
use apifleet_core::decision::Stage;
use apifleet_core::observation::Rollout;
use apifleet_core::signal::Verdict;
use apifleet_core::{Reason, Replicas};

#[test]
fn doubles_at_the_opening_and_reaches_thirty_fifteen_seconds_later() {
    let mut fleet = Fleet::settled(policy(), 10, 300.0);
    fleet.rps = 1500.0;
    let first = fleet.decide();
    assert_eq!(first.reason, Reason::ScaleUpLimit);
    assert_eq!(
        first.summary(),
        "10 -> 20 replicas: scale-up policies allow 20 now, 30 is asked for"
    );
    let next = first.next.unwrap();
    assert_eq!(
        (next.at, next.replicas, next.reason),
        (at(15), Replicas::new(30), Reason::RequestRate)
    );
    fleet.run_until(600);
    assert_eq!(fleet.sizes, [(0, 20), (15, 30)]);
}

#[test]
fn keeps_thirty_while_prometheus_is_gone_and_a_full_window_and_stabilisation_after() {
    let mut fleet = Fleet::settled(policy(), 30, 1500.0);
    fleet.prometheus = Prometheus::Unreachable;
    let gone = fleet.run_until(600);
    assert_eq!((gone.reason, gone.desired.get()), (Reason::Hold, 30));
    assert_eq!(gone.findings.signals_fresh.why.reason(), Reason::PrometheusUnreachable);

    fleet.prometheus = Prometheus::Good;
    fleet.rps = 500.0;
    for second in (600..660).step_by(5) {
        fleet.samples = f64::from(u32::try_from(second - 600).unwrap() / 5);
        let warming = fleet.run_until(second);
        if second < 650 {
            assert_eq!(warming.findings.signals_fresh.why.reason(), Reason::Warming, "{second}");
        }
    }
    fleet.samples = 12.0;
    fleet.run_until(2000);
    let (first_in, _) = fleet.sizes[1];
    assert!((600 + 50 + 300..=600 + 62 + 300).contains(&first_in), "{:?}", fleet.sizes);
    let steps: Vec<_> = fleet.sizes.iter().map(|(_, size)| *size).collect();
    assert_eq!(steps, [30, 27, 24, 21, 18, 16, 14, 12, 10]);
    for pair in fleet.sizes[1..].windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, 60, "{:?}", fleet.sizes);
    }
}

#[test]
fn falls_to_a_lowered_maximum_by_the_scale_down_limits() {
    let mut fleet = Fleet::settled(policy(), 30, 1500.0);
    fleet.policy.bounds = bounds(10, 15);
    let first = fleet.decide();
    assert_eq!(first.reason, Reason::AtMax);
    assert!(first.findings.scaling_limited.holds);
    assert_eq!(first.next.map(|next| (next.at, next.replicas.get())), Some((at(60), 24)));
    assert!(first.summary().contains("maxReplicas is 15"), "{}", first.summary());
    let last = fleet.run_until(900);
    assert_eq!(fleet.sizes, [(0, 27), (60, 24), (120, 21), (180, 18), (240, 16), (300, 15)]);
    assert_eq!(last.findings.scaling_limited.why.reason(), Reason::AtMax);
}

#[test]
fn does_not_fall_to_a_lowered_maximum_before_a_full_window_of_trusted_signals() {
    let mut fleet = Fleet::settled(policy(), 30, 1500.0);
    fleet.prometheus = Prometheus::Old;
    fleet.run_until(10);
    fleet.prometheus = Prometheus::Good;
    fleet.policy.bounds = bounds(10, 15);
    let held = fleet.decide();
    assert_eq!((held.desired.get(), held.reason), (30, Reason::AtMax));
    assert_eq!(held.next.map(|next| next.at), Some(at(70)));
    fleet.run_until(71);
    assert_eq!(fleet.sizes, [(0, 30), (70, 27)]);
}

#[test]
fn stays_at_the_minimum_through_a_night_without_requests() {
    let mut fleet = Fleet::settled(guarded(), 10, 0.0);
    let night = fleet.run_until(3600);
    assert_eq!(fleet.sizes, [(0, 10)]);
    assert!(night.findings.signals_fresh.holds);
    assert_eq!(night.findings.signals_fresh.why.reason(), Reason::Idle);
    assert_eq!(night.signals.latency.unwrap().verdict(), Verdict::Idle);
    assert_eq!(night.reason, Reason::AtMin);
}

#[test]
fn returns_to_the_minimum_when_requests_cease() {
    let mut fleet = Fleet::settled(guarded(), 12, 600.0);
    fleet.rps = 0.0;
    fleet.run_until(900);
    assert_eq!(fleet.sizes, [(0, 12), (300, 10)]);
}

#[test]
fn stays_fresh_while_the_pods_of_a_scale_out_are_not_scraped_yet() {
    let mut fleet = Fleet::settled(policy(), 20, 1000.0);
    fleet.rps = 1500.0;
    fleet.scraped = Some(20.0);
    fleet.decide();
    let later = fleet.run_until(80);
    assert_eq!(fleet.size(), 30);
    assert_eq!(fleet.observe().ready_since.len(), 30);
    assert_eq!(later.signals.request_rate.verdict(), Verdict::Fresh);
    let expected_by_now = fleet.run_until(95);
    assert_eq!(expected_by_now.findings.signals_fresh.why.reason(), Reason::PartialScrape);
}

#[test]
fn stops_adding_replicas_that_do_not_help_against_the_database() {
    let mut fleet = Fleet::new(guarded(), 20);
    fleet.rps = 800.0;
    fleet.p95 = 300.0;
    let last = fleet.run_until(1800);
    let steps: Vec<_> = fleet.sizes.iter().map(|(_, size)| *size).collect();
    assert_eq!(steps, [20, 22, 25]);
    // 30 s above the target; then a window after the pods of the step are Ready.
    assert_eq!(fleet.sizes[1].0, 30);
    assert_eq!(fleet.sizes[2].0, 30 + 20 + 60);
    assert!(!last.findings.replicas_effective.holds);
    let why = last.findings.replicas_effective.why;
    assert_eq!(why.reason(), Reason::DatabaseOrDependencyBound);
    assert!(why.to_string().contains("p95 300 ms"), "{why}");
    assert_eq!(last.reason, Reason::LatencyAboveLimit);

    fleet.p95 = 100.0;
    let calm = fleet.run_until(1800 + 302);
    assert!(calm.findings.replicas_effective.holds);
}

#[test]
fn adds_no_replica_where_the_server_itself_says_that_it_waits_for_the_database() {
    let mut fleet = Fleet::new(guarded(), 20);
    (fleet.rps, fleet.p95, fleet.dependency) = (800.0, 300.0, Some(220.0));
    let last = fleet.run_until(1800);
    assert_eq!(fleet.sizes, [(0, 20)]);
    let effective = last.findings.replicas_effective;
    assert_eq!(
        (effective.holds, effective.why.reason()),
        (false, Reason::DatabaseOrDependencyBound)
    );
    assert!(effective.why.to_string().contains("wait 220 ms"), "{}", effective.why);
    assert_eq!(last.reason, Reason::LatencyAboveLimit, "and none is removed");

    // Faster again: the guard does what it would have done.
    fleet.dependency = Some(20.0);
    fleet.run_until(1802);
    assert_eq!(fleet.size(), 22);
    fleet.p95 = 100.0;
    assert!(fleet.run_until(1804).findings.replicas_effective.holds);
}

#[test]
fn the_database_explains_an_excess_only_if_it_is_most_of_it() {
    // What requests wait for the database, with a p95 of 300 ms and a target of 200 ms.
    let cases = [
        (300.0, true),
        (150.0, true),
        (149.0, false),
        (20.0, false),
        (f64::NAN, false),
        (-1.0, false),
    ];
    for (waits, explained) in cases {
        let mut fleet = Fleet::new(guarded(), 20);
        (fleet.rps, fleet.p95, fleet.dependency) = (800.0, 300.0, Some(waits));
        let last = fleet.run_until(40);
        assert_eq!(fleet.size(), if explained { 20 } else { 22 }, "{waits}");
        assert_eq!(last.findings.replicas_effective.holds, !explained, "{waits}");
    }
    // Most of it, but the rest alone is above the target: replicas shorten the rest.
    let mut fleet = Fleet::new(guarded(), 20);
    (fleet.rps, fleet.p95, fleet.dependency) = (800.0, 900.0, Some(600.0));
    fleet.run_until(40);
    assert_eq!(fleet.size(), 22);
}

#[test]
fn keeps_thirty_during_a_rollout_and_a_down_window_after_it() {
    let mut fleet = Fleet::settled(policy(), 30, 1500.0);
    fleet.rollout = Rollout::InProgress { since: at(0) };
    fleet.rps = 500.0;
    let rolling = fleet.run_until(1200);
    assert_eq!((rolling.desired.get(), rolling.reason), (30, Reason::RolloutInProgress));
    fleet.rollout = Rollout::Settled;
    fleet.run_until(1700);
    assert_eq!(fleet.sizes, [(0, 30), (1500, 27), (1560, 24), (1620, 21), (1680, 18)]);
}

#[test]
fn a_stuck_rollout_holds_a_fleet_for_half_an_hour_only() {
    let mut fleet = Fleet::settled(policy(), 30, 1500.0);
    fleet.rollout = Rollout::InProgress { since: at(0) };
    fleet.rps = 500.0;
    fleet.run_until(1800 + 400);
    assert_eq!(fleet.sizes[1], (1800 + 298, 27));
}

#[test]
fn a_climb_runs_to_thirty_and_not_to_twenty_eight() {
    let mut limited = policy();
    limited.behavior.up.policies.truncate(1);
    limited.behavior.up.policies[0].amount =
        apifleet_core::behavior::Amount::Pods(Replicas::new(6));
    limited.behavior.up.policies[0].period = std::time::Duration::from_mins(5);
    let mut fleet = Fleet::settled(limited, 10, 500.0);
    fleet.rps = 1500.0;
    fleet.run_until(3600);
    assert_eq!(fleet.sizes, [(0, 16), (300, 22), (600, 28), (900, 30)]);
}

#[test]
fn the_ledger_has_a_line_for_every_stage_in_order() {
    let mut fleet = Fleet::settled(policy(), 10, 300.0);
    let decision = fleet.decide();
    let stages: Vec<_> = decision.ledger.iter().map(|line| line.stage).collect();
    let all = [
        Stage::Trust,
        Stage::Demand,
        Stage::Stabilize,
        Stage::Rate,
        Stage::Floors,
        Stage::Ceilings,
        Stage::Mode,
        Stage::Place,
    ];
    assert_eq!(stages, all);
    for pair in decision.ledger.windows(2) {
        assert_eq!(pair[0].output, pair[1].input);
    }
    assert!(all.iter().all(|stage| !stage.as_str().is_empty()));
    assert!(decision.ledger.iter().all(|line| !line.why.to_string().is_empty()));
}

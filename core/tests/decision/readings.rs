//! What becomes of bad, odd and missing readings, and what each does to the decision.

use crate::fleet::{Fleet, Prometheus, at, bounds, guarded, policy, replicas};
use apifleet_core::observation::{Observation, Reading};
use apifleet_core::policy::OnMissing;
use apifleet_core::signal::{Signal, Verdict};
use apifleet_core::{Decision, Percent, Reason, Rps, decide};
use jiff::SignedDuration;

/// The decision of a fleet at 20 for 1000 requests/s, twenty seconds later, with one thing about it changed.
fn seen(change: impl FnOnce(&mut Observation)) -> Decision {
    let mut policy = guarded();
    policy.signals.max_errors = Percent::new(0.5);
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.now = at(20);
    let mut seen = fleet.observe();
    change(&mut seen);
    decide(&fleet.policy, &seen, &fleet.memory, fleet.now).0
}

fn value(value: f64) -> Reading {
    Reading::Value { value, sampled_at: at(20) }
}

fn fresh(decision: &Decision) -> (bool, Reason) {
    let finding = &decision.findings.signals_fresh;
    (finding.holds, finding.why.reason())
}

#[test]
fn empty_nan_infinite_negative_and_several_are_never_zero() {
    for (reading, verdict, reason) in [
        (Reading::Empty, Verdict::Absent, Reason::Absent),
        (Reading::Failed, Verdict::Absent, Reason::PrometheusUnreachable),
        (Reading::Several, Verdict::Invalid, Reason::Invalid),
        (value(f64::NAN), Verdict::Invalid, Reason::Invalid),
        (value(f64::INFINITY), Verdict::Invalid, Reason::Invalid),
        (value(-1.0), Verdict::Invalid, Reason::Invalid),
    ] {
        let decision = seen(|seen| seen.readings.request_rate = reading);
        assert_eq!(decision.signals.request_rate.verdict(), verdict);
        assert_eq!(decision.signals.request_rate.value(), Rps::new(1000.0));
        assert_eq!(fresh(&decision), (false, reason));
        assert_eq!((decision.desired.get(), decision.reason), (20, Reason::Hold));
        let sentence = decision.findings.signals_fresh.why.to_string();
        assert!(sentence.contains("request rate"), "{sentence}");
    }
}

#[test]
fn each_configured_signal_is_asked_for_and_the_burst_is_not() {
    let latency = seen(|seen| seen.readings.latency = Reading::Several);
    assert_eq!(fresh(&latency), (false, Reason::Invalid));
    let nan_latency_with_requests = seen(|seen| seen.readings.latency = value(f64::NAN));
    assert_eq!(fresh(&nan_latency_with_requests), (false, Reason::Invalid));
    let errors = seen(|seen| seen.readings.error_rate = Reading::Failed);
    assert_eq!(fresh(&errors), (false, Reason::PrometheusUnreachable));
    let burst = seen(|seen| seen.readings.burst_rate = Reading::Empty);
    assert_eq!(fresh(&burst), (true, Reason::Fresh));
    assert_eq!(burst.signals.burst_rate.verdict(), Verdict::Absent);
}

#[test]
fn a_last_value_raises_until_it_is_stale_and_never_lowers() {
    let mut fleet = Fleet::settled(policy(), 10, 300.0);
    fleet.rps = 1500.0;
    fleet.decide();
    fleet.prometheus = Prometheus::Unreachable;
    let climbing = fleet.run_until(20);
    assert_eq!(climbing.desired, replicas(30));
    fleet.policy.bounds = bounds(10, 60);
    fleet.policy.signals.target_per_replica = Rps::new(25.0).unwrap();
    fleet.now = at(90);
    assert_eq!(fleet.clone().decide().desired, replicas(60));
    fleet.now = at(91);
    let forgotten = fleet.decide();
    assert_eq!(forgotten.signals.request_rate, Signal::Absent { last: None });
    assert_eq!(forgotten.desired, replicas(30));
}

#[test]
fn age_is_that_of_the_newest_sample() {
    for (seconds, verdict) in [(0, Verdict::Fresh), (90, Verdict::Fresh), (91, Verdict::Stale)] {
        let decision = seen(|seen| {
            let sampled_at = at(20) - SignedDuration::from_secs(seconds);
            seen.readings.request_rate = Reading::Value { value: 400.0, sampled_at };
        });
        assert_eq!(decision.signals.request_rate.verdict(), verdict, "{seconds}");
    }
    for (ahead, verdict) in [(30, Verdict::Fresh), (91, Verdict::Stale)] {
        let decision = seen(|seen| {
            let sampled_at = at(20 + ahead);
            seen.readings.request_rate = Reading::Value { value: 1500.0, sampled_at };
        });
        assert_eq!(decision.signals.request_rate.verdict(), verdict, "{ahead} s ahead");
        assert_eq!(decision.desired.get(), 30, "a value from the future may raise");
    }
}

#[test]
fn a_window_may_miss_one_sample_and_no_more() {
    for (samples, reason) in [
        (value(12.0), Reason::Fresh),
        (value(11.0), Reason::Fresh),
        (value(10.0), Reason::Warming),
        (value(f64::NAN), Reason::Warming),
        (Reading::Empty, Reason::Warming),
        (Reading::Failed, Reason::Warming),
    ] {
        let decision = seen(|seen| seen.readings.window_samples = samples);
        assert_eq!(fresh(&decision).1, reason, "{samples:?}");
        assert!(decision.findings.signals_fresh.why.to_string().len() > 10);
    }
}

#[test]
fn a_warming_or_partial_value_is_a_lower_bound() {
    for prometheus in [Prometheus::Warming, Prometheus::Partial] {
        let mut fleet = Fleet::settled(policy(), 20, 1000.0);
        fleet.prometheus = prometheus;
        fleet.rps = 400.0;
        assert_eq!(fleet.decide().desired, replicas(20));
        fleet.rps = 1400.0;
        fleet.now = at(2);
        assert_eq!(fleet.decide().desired, replicas(28));
    }
}

#[test]
fn without_pod_identity_coverage_is_not_asked_and_an_error_is_no_answer() {
    let none = seen(|seen| seen.readings.scraped_pods = Reading::Empty);
    assert_eq!(fresh(&none), (true, Reason::Fresh));
    for bad in [Reading::Failed, Reading::Several, value(f64::NAN), value(-2.0)] {
        let failed = seen(|seen| seen.readings.scraped_pods = bad);
        assert_eq!(fresh(&failed), (false, Reason::PrometheusUnreachable));
        assert_eq!(failed.desired.get(), 20);
    }
    let few = seen(|seen| seen.readings.scraped_pods = value(17.0));
    assert_eq!(fresh(&few), (false, Reason::PartialScrape));
    assert!(few.findings.signals_fresh.why.to_string().starts_with("17 of 20 pods"));
    let enough = seen(|seen| seen.readings.scraped_pods = value(18.0));
    assert_eq!(fresh(&enough), (true, Reason::Fresh));
}

#[test]
fn no_requests_are_calm_only_where_pods_are_scraped() {
    let idle = |seen: &mut Observation| {
        seen.readings.request_rate = value(0.0);
        seen.readings.error_rate = value(0.0);
        seen.readings.latency = value(f64::NAN);
    };
    let night = seen(idle);
    assert_eq!(fresh(&night), (true, Reason::Idle));
    let never_asked = seen(|seen| {
        idle(seen);
        seen.readings.latency = Reading::Empty;
    });
    assert_eq!(fresh(&never_asked), (true, Reason::Idle));
    let failed = seen(|seen| {
        idle(seen);
        seen.readings.latency = Reading::Failed;
    });
    assert_eq!(fresh(&failed), (false, Reason::PrometheusUnreachable));
    let nobody = seen(|seen| {
        idle(seen);
        seen.readings.scraped_pods = value(0.0);
    });
    assert_eq!(fresh(&nobody), (false, Reason::PartialScrape));
    let warming = seen(|seen| {
        idle(seen);
        seen.readings.window_samples = value(2.0);
    });
    assert_eq!(fresh(&warming), (false, Reason::Warming));
}

#[test]
fn errors_and_latency_near_its_target_forbid_scale_in() {
    let mut policy = guarded();
    policy.signals.max_errors = Percent::new(0.5);
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.rps = 600.0;
    fleet.errors_per_second = 3.1;
    let errors = fleet.run_until(400);
    assert_eq!((errors.desired.get(), errors.reason), (20, Reason::ErrorsAboveLimit));
    assert!(
        errors.summary().starts_with("20 replicas: 0.52 % of requests fail"),
        "{}",
        errors.summary()
    );
    fleet.errors_per_second = 3.0;
    fleet.p95 = 161.0;
    let latency = fleet.run_until(800);
    assert_eq!((latency.desired.get(), latency.reason), (20, Reason::LatencyAboveLimit));
    fleet.p95 = 160.0;
    fleet.run_until(1200);
    assert_eq!(fleet.sizes[1], (1100, 18));
}

#[test]
fn a_fallback_is_a_floor_while_nothing_is_known_and_then_as_usual() {
    let mut policy = policy();
    policy.signals.on_missing = OnMissing::Fallback(replicas(24));
    let mut fleet = Fleet::settled(policy, 12, 600.0);
    fleet.prometheus = Prometheus::Empty;
    let serving = fleet.run_until(90);
    assert_eq!(serving.desired, replicas(12), "the last values still serve");
    let fallback = fleet.run_until(92);
    assert_eq!((fallback.desired, fallback.reason), (replicas(24), Reason::Fallback));
    assert!(fallback.summary().contains("fallbackReplicas"));
    fleet.prometheus = Prometheus::Good;
    fleet.run_until(380);
    assert_eq!(fleet.size(), 24, "a healthy signal does not end it in a cliff");
    fleet.run_until(1200);
    assert_eq!(fleet.size(), 12);
}

#[test]
fn a_fallback_never_lowers() {
    let mut policy = policy();
    policy.signals.on_missing = OnMissing::Fallback(replicas(12));
    let mut fleet = Fleet::settled(policy, 30, 1500.0);
    fleet.prometheus = Prometheus::Unreachable;
    let decision = fleet.run_until(600);
    assert_eq!((decision.desired.get(), decision.reason), (30, Reason::Hold));
}

#[test]
fn a_burst_raises_before_the_window_has_seen_it() {
    let decision = seen(|seen| seen.readings.burst_rate = value(1300.0));
    assert_eq!((decision.desired.get(), decision.reason), (26, Reason::Burst));
    assert!(
        decision.summary().contains("1300 requests/s in the last 15 s"),
        "{}",
        decision.summary()
    );
    let inside = seen(|seen| seen.readings.burst_rate = value(1100.0));
    assert_eq!((inside.desired.get(), inside.reason), (20, Reason::WithinTolerance));
}

#[test]
fn the_guard_steps_again_only_while_it_helps() {
    let mut fleet = Fleet::settled(guarded(), 20, 800.0 + 200.0);
    fleet.p95 = 300.0;
    let first = fleet.run_until(30);
    assert_eq!((first.desired.get(), first.reason), (22, Reason::LatencyGuard));
    assert!(first.summary().contains("p95 300 ms is above its target 200 ms: a step to 22"));
    fleet.p95 = 260.0;
    fleet.run_until(110);
    assert_eq!(fleet.size(), 25);
    fleet.p95 = 225.0;
    fleet.run_until(190);
    assert_eq!(fleet.size(), 28);
    // Within the tolerance of the target: no step, and nothing is removed.
    fleet.p95 = 219.0;
    let near = fleet.run_until(900);
    assert_eq!((near.desired.get(), near.reason), (28, Reason::LatencyAboveLimit));
    assert!(near.findings.replicas_effective.holds);
}

#[test]
fn the_guard_stops_at_the_maximum_and_waits_for_pods_and_rates() {
    let mut policy = guarded();
    policy.bounds = bounds(10, 21);
    let mut fleet = Fleet::settled(policy, 20, 1000.0);
    fleet.p95 = 300.0;
    fleet.run_until(600);
    assert_eq!(fleet.size(), 21);

    let mut slow = guarded();
    slow.behavior.up.policies.truncate(1);
    slow.behavior.up.policies[0].amount = apifleet_core::behavior::Amount::Pods(replicas(1));
    let mut fleet = Fleet::settled(slow, 20, 1000.0);
    fleet.p95 = 300.0;
    fleet.run_until(60);
    assert_eq!(fleet.sizes, [(0, 20), (30, 21), (45, 22)]);
}

#[test]
fn a_signal_that_goes_absent_starts_the_guard_anew() {
    let mut fleet = Fleet::settled(guarded(), 20, 1000.0);
    fleet.p95 = 300.0;
    fleet.run_until(28);
    fleet.prometheus = Prometheus::Unreachable;
    fleet.run_until(40);
    fleet.prometheus = Prometheus::Good;
    fleet.run_until(68);
    assert_eq!(fleet.size(), 20);
    fleet.run_until(72);
    assert_eq!(fleet.size(), 22);
}

#[test]
fn signals_say_what_they_are() {
    let words: Vec<_> = [
        Verdict::Fresh,
        Verdict::Idle,
        Verdict::Warming,
        Verdict::Stale,
        Verdict::Absent,
        Verdict::Invalid,
    ]
    .map(Verdict::as_str)
    .into();
    assert_eq!(words, ["Fresh", "Idle", "Warming", "Stale", "Absent", "Invalid"]);
    let missing: Signal<f64> = Signal::Stale { age: std::time::Duration::ZERO, last: None };
    assert!(missing.is_missing());
    assert_eq!(Signal::Warming { value: 3.0 }.live(), Some(3.0));
}

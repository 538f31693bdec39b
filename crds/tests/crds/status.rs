//! Status: what a decision says to people, and what comes back after a restart.

use crate::admission::Admission;
use apifleet_core::decision::{Decision, Finding, Findings, Line, Next, Placement, Signals, Stage};
use apifleet_core::memory::{Change, Guard, LastValues, Memory, Recommendation, Sample};
use apifleet_core::quantity::{Millis, Percent, Replicas, Rps};
use apifleet_core::signal::Signal;
use apifleet_core::{Reason, Why};
use apifleet_crds::status::{
    ApiFleetStatus, DecisionRecord, LastDecision, Observed, SpotStatus, TargetStatus, TargetsStatus,
};
use apifleet_crds::{ApiFleet, ConditionType, Conditions};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_796_716_800 + second, 123_456_789).unwrap()
}

/// Status knows whole seconds only.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(at(second).as_second()).unwrap()
}

fn replicas(count: u32) -> Replicas {
    Replicas::new(count)
}

/// Every field set, every list as long as it gets.
fn full_memory() -> Memory {
    let recommendation = Recommendation { at: at(1), replicas: replicas(20) };
    let sample = Some(Sample { at: at(2), thousandths: 1_512_345 });
    let mut memory = Memory::default();
    memory.at = Some(at(0));
    memory.size = Some(replicas(20));
    memory.placement = Some(Placement { on_demand: Some(replicas(12)), spot: Some(replicas(8)) });
    memory.highs = vec![recommendation; 32];
    memory.lows = vec![recommendation; 32];
    memory.changes = vec![Change { at: at(3), from: replicas(10), to: replicas(20) }; 64];
    memory.climbing_until = Some(at(4));
    memory.trusted_since = Some(at(5));
    memory.last =
        LastValues { request_rate: sample, burst_rate: sample, latency: sample, errors: sample };
    memory.guard = Guard {
        above_since: Some(at(6)),
        calm_since: Some(at(7)),
        baseline: Some(250_000),
        steps: 2,
        asked: Some(replicas(22)),
        ready_since: Some(at(8)),
        exhausted: true,
    };
    memory.foreign_writes = vec![at(9); 3];
    memory
}

fn decision() -> Decision {
    let why = Why::Fresh { age: Duration::from_secs(4) };
    let finding = Finding { holds: true, why };
    Decision {
        at: at(0),
        previous: replicas(20),
        desired: replicas(22),
        placement: Placement { on_demand: Some(replicas(14)), spot: Some(replicas(8)) },
        reason: why.reason(),
        ledger: vec![
            Line { stage: Stage::Trust, input: replicas(20), output: replicas(22), why };
            20
        ],
        signals: Signals {
            request_rate: Signal::Fresh {
                value: Rps::new(1512.4).unwrap(),
                age: Duration::from_secs(4),
            },
            burst_rate: Signal::Absent { last: None },
            latency: Some(Signal::Warming { value: Millis::new(181.5).unwrap() }),
            errors: Some(Signal::Stale { age: Duration::from_secs(99), last: Percent::new(0.016) }),
        },
        findings: Findings {
            signals_fresh: finding,
            scaling_limited: Finding { holds: false, why },
            replicas_effective: finding,
            spot_healthy: Some(finding),
        },
        next: Some(Next { at: at(60), reason: Reason::RequestRate, replicas: replicas(24) }),
    }
}

fn full_status() -> ApiFleetStatus {
    let decision = decision();
    let target = Some(TargetStatus { desired: Some(14), ready: 12, pending: 2 });
    ApiFleetStatus {
        observed_generation: Some(7),
        replicas: Some(22),
        ready_replicas: Some(20),
        targets: Some(TargetsStatus { on_demand: target.clone(), spot: target }),
        observed: Some(Observed::new(&decision.signals, decision.at)),
        spot: Some(SpotStatus::new(decision.placement)),
        last_decision: Some(LastDecision::from(&decision)),
        recent_decisions: DecisionRecord::after(
            &decision,
            &vec![DecisionRecord::from(&decision); 30],
        ),
        memory: Some(full_memory()),
        conditions: Conditions::since(&[], Some(7), at(0))
            .with(ConditionType::Ready, true, Reason::Available, &"x".repeat(5000))
            .with_findings(&decision.findings)
            .finish(),
    }
}

fn fleet(status: &Value) -> Value {
    json!({
        "apiVersion": "apifleet.dev/v1alpha1",
        "kind": "ApiFleet",
        "metadata": {"name": "shop-api", "namespace": "shop"},
        "spec": {"minReplicas": 1, "maxReplicas": 2, "targets": {"onDemand": {"deploymentName": "a"}}},
        "status": status,
    })
}

#[test]
fn the_fullest_status_is_accepted_whole() {
    let status = serde_json::to_value(full_status()).unwrap();
    assert_eq!(Admission::new().refusals(&fleet(&status), None), []);
    let empty = serde_json::to_value(ApiFleetStatus::default()).unwrap();
    assert_eq!(empty, json!({}));
}

#[test]
fn status_comes_back_as_it_was_written() {
    let status = serde_json::to_value(full_status()).unwrap();
    let read: ApiFleet = serde_json::from_value(fleet(&status)).unwrap();
    assert_eq!(
        read.status.unwrap(),
        full_status(),
        "memory to the nanosecond, the rest to the second"
    );
}

#[test]
fn a_memory_that_is_not_understood_is_discarded_and_nothing_else_is() {
    let mut status = serde_json::to_value(full_status()).unwrap();
    let mut newer = status["memory"].clone();
    newer["version"] = json!(2);
    for memory in [newer, json!({"version": 1, "highs": "many"}), json!({}), json!(17), Value::Null]
    {
        status["memory"] = memory.clone();
        let read: ApiFleet = serde_json::from_value(fleet(&status)).unwrap();
        let read = read.status.unwrap();
        assert_eq!(read.memory, None, "{memory}");
        assert_eq!(read.conditions, full_status().conditions);
    }
}

#[test]
fn numbers_are_rounded_for_people() {
    let decision = decision();
    let observed = Observed::new(&decision.signals, decision.at);
    assert_eq!(observed.requests_per_second.as_deref(), Some("1512"));
    assert_eq!(observed.latency_milliseconds, Some(182));
    assert_eq!(observed.error_percent.as_deref(), Some("0.02"));
    assert_eq!(observed.sampled_at.unwrap().0, second(-4));
}

#[test]
fn an_idle_fleet_has_no_requests_and_no_latency() {
    let signals = Signals {
        request_rate: Signal::Idle,
        burst_rate: Signal::Idle,
        latency: Some(Signal::Idle),
        errors: Some(Signal::Idle),
    };
    let observed = Observed::new(&signals, at(0));
    assert_eq!(observed.requests_per_second.as_deref(), Some("0"));
    assert_eq!((observed.latency_milliseconds, observed.error_percent), (None, None));
}

#[test]
fn only_changes_are_remembered_newest_first_and_ten_of_them() {
    let mut kept = Vec::new();
    for size in 1..=15 {
        let change =
            Decision { previous: replicas(size - 1), desired: replicas(size), ..decision() };
        kept = DecisionRecord::after(&change, &kept);
        let calm = Decision { previous: replicas(size), desired: replicas(size), ..decision() };
        kept = DecisionRecord::after(&calm, &kept);
    }
    let sizes: Vec<i32> = kept.iter().map(|record| record.desired).collect();
    assert_eq!(sizes, [15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
}

#[test]
fn the_share_on_spot_is_unknown_where_a_size_is() {
    let share = |on_demand, spot| SpotStatus::new(Placement { on_demand, spot }).share_percent;
    assert_eq!(share(Some(replicas(20)), Some(replicas(10))), Some(33));
    assert_eq!(share(Some(replicas(0)), Some(replicas(0))), None);
    assert_eq!(share(None, Some(replicas(10))), None);
}

#[test]
fn a_condition_keeps_its_transition_time_until_its_status_flips() {
    let said = |previous: &[_], second, holds, reason| {
        Conditions::since(previous, Some(second), at(second))
            .with(ConditionType::SignalsFresh, holds, reason, "why")
            .finish()
    };
    let first = said(&[], 1, true, Reason::Fresh);
    let same = said(&first, 2, true, Reason::Idle);
    assert_eq!(same[0].last_transition_time.0, second(1));
    assert_eq!((same[0].reason.as_str(), same[0].observed_generation), ("Idle", Some(2)));
    let flipped = said(&same, 3, false, Reason::Stale);
    assert_eq!(
        (flipped[0].last_transition_time.0, flipped[0].status.as_str()),
        (second(3), "False")
    );
}

#[test]
fn a_condition_said_twice_is_reported_once_and_in_order() {
    let conditions = Conditions::since(&[], None, at(0))
        .with(ConditionType::ReplicasEffective, true, Reason::AsExpected, "fine")
        .with(ConditionType::Ready, true, Reason::Available, "all")
        .with(ConditionType::Ready, false, Reason::BelowDesired, "not all")
        .finish();
    let said: Vec<_> = conditions.iter().map(|c| (c.type_.as_str(), c.status.as_str())).collect();
    assert_eq!(said, [("Ready", "False"), ("ReplicasEffective", "True")]);
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let cut = apifleet_crds::convert::bounded(&"é".repeat(600), 512);
    assert_eq!(cut.chars().count(), 512);
    assert!(cut.ends_with('…'));
    assert_eq!(apifleet_crds::convert::bounded("short", 512), "short");
}

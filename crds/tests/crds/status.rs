//! Status: what a decision says to people, and what comes back after a restart.

use crate::admission::Admission;
use apifleet_core::decision::{
    ActiveOverride, ActiveSchedule, Decision, Finding, Findings, Line, Next, Phase, Placement,
    Signals, SpotDecision, SpotState, Stage, Standing,
};
use apifleet_core::memory::{
    Change, Guard, Imposed, Interrupted, LastValues, Leaving, Memory, Recommendation, Sample,
    SpotMemory, Stance,
};
use apifleet_core::name::Name;
use apifleet_core::observation::NodeId;
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::quantity::{Millis, Percent, Replicas, Rps};
use apifleet_core::signal::Signal;
use apifleet_core::{Reason, Why};
use apifleet_crds::names::ObjectName;
use apifleet_crds::status::{
    ActiveOverrideStatus, ActiveScheduleStatus, ApiFleetStatus, DecisionRecord, LastDecision,
    LearnedStatus, Observed, SpotStatus, TargetStatus, TargetsStatus,
};
use apifleet_crds::{
    ApiFleet, ConditionType, Conditions, FleetOverrideStatus, Kind, OverrideIntent,
};
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

fn named(name: &str) -> Name {
    Name::parse(name).unwrap()
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
    memory.last = LastValues {
        request_rate: sample,
        burst_rate: sample,
        latency: sample,
        errors: sample,
        critical_rate: sample,
    };
    memory.guard = Guard {
        above_since: Some(at(6)),
        calm_since: Some(at(7)),
        baseline: Some(250_000),
        steps: 2,
        asked: Some(replicas(22)),
        ready_since: Some(at(8)),
        exhausted: true,
    };
    memory.spot = full_spot_memory();
    memory.learned = serde_json::from_value(full_learned()).unwrap();
    memory.openings = serde_json::from_value(json!(vec![full_opening(); 32])).unwrap();
    memory.foreign_writes = vec![at(9); 3];
    let imposed = |name, action| Imposed { name: named(name), action };
    memory.overrides = vec![
        imposed("incident", Action::Ceiling(replicas(26))),
        imposed("keep-up", Action::Floor(replicas(20))),
    ];
    memory
}

fn full_spot_memory() -> SpotMemory {
    let interrupted =
        Interrupted { node: NodeId(u64::MAX), at: at(10), last: at(11), pods: replicas(3) };
    let sample = Sample { at: at(2), thousandths: 1_512_345 };
    SpotMemory {
        stance: Stance::Returning { share_percent: 24, stepped_at: at(12) },
        since: Some(at(13)),
        interruptions: vec![interrupted; 16],
        strikes: vec![at(14); 2],
        fallbacks: 3,
        troubled_at: Some(at(15)),
        demand: vec![sample; 32],
        critical: vec![sample; 32],
        leaving: Some(Leaving { since: at(17), from: replicas(8) }),
    }
}

/// Not all of it can be made outside of core: as it is stored.
fn full_learned() -> Value {
    let measured = json!({"until": at(16), "seconds": vec![i32::MAX; 32]});
    json!({"pods": measured, "nodes": measured})
}

fn full_opening() -> Value {
    json!({
        "schedule": "december",
        "start": at(900),
        "podLead": 300,
        "nodeLead": 1800,
        "origin": {"at": at(300), "replicas": 12},
        "promised": 20,
        "missing": {"onDemand": 2, "spot": 4},
        "opened": {"due": at(900), "readyAt": at(960)},
    })
}

fn overrides() -> [ActiveOverride; 2] {
    [
        ActiveOverride {
            name: named("keep-up"),
            action: Action::Floor(replicas(20)),
            standing: Standing::Superseded { by: named("incident") },
            until: at(7_200),
        },
        ActiveOverride {
            name: named("incident"),
            action: Action::Hold,
            standing: Standing::InForce,
            until: at(3_600),
        },
    ]
}

fn signals() -> Signals {
    Signals {
        request_rate: Signal::Fresh {
            value: Rps::new(1512.4).unwrap(),
            age: Duration::from_secs(4),
        },
        burst_rate: Signal::Absent { last: None },
        latency: Some(Signal::Warming { value: Millis::new(181.5).unwrap() }),
        errors: Some(Signal::Stale { age: Duration::from_secs(99), last: Percent::new(0.016) }),
        critical_rate: Signal::Absent { last: None },
    }
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
        signals: signals(),
        findings: Findings {
            signals_fresh: finding,
            scaling_limited: Finding { holds: false, why },
            overridden: finding,
            replicas_effective: finding,
            spot_healthy: Some(finding),
            pre_warmed: Some(finding),
        },
        schedule: Some(ActiveSchedule {
            name: named("december"),
            phase: Phase::Ramp,
            start: at(900),
            end: at(44_100),
            floor: replicas(14),
            full: replicas(20),
        }),
        overrides: overrides().to_vec(),
        spot: Some(SpotDecision {
            state: SpotState::Covering,
            since: at(-30),
            share_percent: 40,
            cover: replicas(3),
        }),
        placeholders: Placement::default(),
        drains: Vec::new(),
        next: Some(Next { at: at(60), reason: Reason::RequestRate, replicas: replicas(24) }),
    }
}

/// The objects of the overrides of [`decision`].
fn orders() -> Vec<OverrideIntent> {
    let order = |active: &ActiveOverride| OverrideIntent {
        fleet: ObjectName::parse("shop-api").unwrap(),
        order: Override {
            name: active.name,
            action: active.action,
            pace: Pace::Gradual,
            not_before: at(0),
            expires_at: active.until,
            created: at(0),
        },
        reason: "INC-412 checkout slow".to_owned(),
        requested_by: "alice".to_owned(),
    };
    overrides().iter().map(order).collect()
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
        active_schedule: decision.schedule.as_ref().map(ActiveScheduleStatus::from),
        active_overrides: ActiveOverrideStatus::of(&decision.overrides, &orders()),
        spot: Some(SpotStatus::new(decision.placement, decision.spot)),
        last_decision: Some(LastDecision::from(&decision)),
        recent_decisions: DecisionRecord::after(
            &decision,
            &vec![DecisionRecord::from(&decision); 30],
        ),
        learned: LearnedStatus::new(&full_memory().learned),
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
        critical_rate: Signal::Idle,
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
    let share =
        |on_demand, spot| SpotStatus::new(Placement { on_demand, spot }, None).share_percent;
    assert_eq!(share(Some(replicas(20)), Some(replicas(10))), Some(33));
    assert_eq!(share(Some(replicas(0)), Some(replicas(0))), None);
    assert_eq!(share(None, Some(replicas(10))), None);
}

#[test]
fn the_schedule_and_the_spot_capacity_are_told_in_words() {
    let status = serde_json::to_value(full_status()).unwrap();
    let (opens, closes, since) = (second(900), second(44_100), second(-30));
    assert_eq!(
        status["activeSchedule"],
        json!({
            "name": "december", "phase": "Ramp", "start": opens, "end": closes, "floor": 14,
            "fullFloor": 20,
        })
    );
    assert_eq!(
        status["spot"],
        json!({"state": "Covering", "since": since, "sharePercent": 36, "cover": 3})
    );
}

#[test]
fn the_override_that_counts_is_told_first() {
    let status = serde_json::to_value(full_status()).unwrap();
    assert_eq!(
        status["activeOverrides"],
        json!([
            {"name": "incident", "summary": "Hold until 09:00Z", "action": "Hold", "expiresAt": second(3_600),
                "reason": "INC-412 checkout slow", "requestedBy": "alice"},
            {"name": "keep-up", "summary": "Floor 20 until 10:00Z", "action": "Floor", "replicas": 20,
                "expiresAt": second(7_200), "reason": "INC-412 checkout slow", "requestedBy": "alice",
                "supersededBy": "incident"},
        ])
    );
}

#[test]
fn an_override_is_told_since_when_it_counts() {
    let told = |before: Option<&FleetOverrideStatus>, holds, reason, when| {
        let before = before.and_then(FleetOverrideStatus::in_force);
        FleetOverrideStatus::new(before, Some(1), (holds, reason, "because"), when)
    };
    let since = |status: &FleetOverrideStatus| status.in_force().unwrap().last_transition_time.0;
    let counts = told(None, true, Reason::Pinned, at(0));
    let still = told(Some(&counts), true, Reason::Pinned, at(5));
    assert_eq!((since(&counts), since(&still)), (second(0), second(0)));
    let gives_way = told(Some(&still), false, Reason::Superseded, at(9));
    assert_eq!(since(&gives_way), second(9));
    let over = told(Some(&gives_way), false, Reason::OverrideEnded, at(11));
    assert_eq!(over.in_force().unwrap().reason, "OverrideEnded");
    assert_eq!(since(&over), second(9), "it did not count before either");
    let order = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": "freeze", "namespace": "shop"},
        "spec": {"fleetRef": {"name": "shop-api"}, "action": "Hold", "notBefore": second(0),
            "expiresAt": second(60), "reason": "a test", "requestedBy": "alice"},
        "status": over,
    });
    assert_eq!(Admission::of(Kind::FleetOverride).refusals(&order, None), []);
}

#[test]
fn the_stored_memory_has_nothing_that_the_test_left_out() {
    let stored = serde_json::to_value(full_memory()).unwrap();
    assert_eq!(stored["openings"][31], full_opening());
    assert_eq!(stored["learned"], full_learned());
}

#[test]
fn what_was_learned_is_told_once_there_are_enough_measurements() {
    let told = |pods: &[i32], nodes: &[i32]| {
        let learned = json!({"pods": {"seconds": pods}, "nodes": {"seconds": nodes}});
        let learned = serde_json::from_value(learned).unwrap();
        LearnedStatus::new(&learned).map(|told| (told.pod_ready_seconds, told.node_ready_seconds))
    };
    assert_eq!(told(&[], &[]), None);
    assert_eq!(told(&[7, 7, 7, 7], &[90; 4]), None, "four are too few");
    assert_eq!(told(&[7, 9, 8, 7, 12], &[]), Some((Some(12), None)));
    assert_eq!(told(&[7; 5], &[i32::MAX; 32]), Some((Some(7), Some(i32::MAX))));
}

#[test]
fn every_state_is_explained_where_people_read_it() {
    let definition = serde_json::to_value(apifleet_crds::crd(Kind::ApiFleet).unwrap()).unwrap();
    let said = |field: &str| {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let status = schema["properties"]["status"].pointer(field).unwrap();
        status["description"].as_str().unwrap().to_owned()
    };
    let phases = said("/properties/activeSchedule/properties/phase");
    for phase in [Phase::Nodes, Phase::Ramp, Phase::Lead, Phase::Window] {
        assert!(phases.contains(&format!("{}: ", phase.as_str())), "{phase:?} is not in {phases}");
    }
    let states = said("/properties/spot/properties/state");
    for state in [SpotState::Normal, SpotState::Covering, SpotState::Fallback, SpotState::Returning]
    {
        assert!(states.contains(&format!("{}: ", state.as_str())), "{state:?} is not in {states}");
    }
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

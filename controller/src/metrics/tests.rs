//! What is shown of a fleet, and that nothing stays that is true no more.

use super::*;
use view::{OverrideView, SignalView, SpotView, TargetView};

fn view(verdict: &'static str) -> FleetView {
    FleetView {
        decided_at: Some(1.5),
        size: Some(22),
        bounds: Some((10, 30)),
        mode: Some("Enforce"),
        limit: Some("ScheduleFloor"),
        targets: vec![TargetView { target: "spot", desired: Some(7), ready: 6, pending: 1 }],
        signals: vec![SignalView { signal: "RequestRate", verdict, age: Some(2.0) }],
        conditions: vec![("Ready", true)],
        schedule_floor: Some(20),
        prewarm_lateness: Some(0.0),
        overrides: vec![OverrideView { action: "Floor", begins_at: 1.0, ends_at: 9.0 }],
        spot: Some(SpotView { state: "Covering", cover: 3, on_demand_floor: 4 }),
    }
}

#[test]
fn a_verdict_that_changed_is_shown_once() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    metrics.show("shop", "api", &view("Stale"));
    let text = metrics.encode().unwrap();
    assert!(text.contains(r#"verdict="Stale""#), "{text}");
    assert!(!text.contains(r#"verdict="Fresh""#), "{text}");
}

#[test]
fn a_fleet_that_is_stalled_shows_no_bounds() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    assert!(metrics.encode().unwrap().contains("fleet_max_replicas{"));
    metrics.show("shop", "api", &FleetView::default());
    let text = metrics.encode().unwrap();
    assert!(!text.contains("_replicas{"), "{text}");
}

#[test]
fn a_stall_does_not_move_the_time_of_the_last_decision() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    metrics.show("shop", "api", &FleetView::default());
    let text = metrics.encode().unwrap();
    let series = r#"last_decision_timestamp_seconds{namespace="shop",fleet="api"} 1.5"#;
    assert!(text.contains(series), "{text}");
}

#[test]
fn a_state_that_is_no_more_is_not_shown() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    let spot = Some(SpotView { state: "Returning", cover: 0, on_demand_floor: 4 });
    metrics.show("shop", "api", &FleetView { spot, ..view("Fresh") });
    let text = metrics.encode().unwrap();
    assert!(text.contains(r#"state="Returning"} 1"#), "{text}");
    assert!(!text.contains(r#"state="Covering""#), "{text}");
}

#[test]
fn an_order_a_limit_and_a_mode_that_are_no_more_are_not_shown() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    let (limit, overrides) = (Some("AtMax"), Vec::new());
    let now = FleetView { limit, overrides, mode: Some("Observe"), ..view("Fresh") };
    metrics.show("shop", "api", &now);
    let text = metrics.encode().unwrap();
    for gone in ["ScheduleFloor", "fleet_override_begin_timestamp_seconds{", "Enforce"] {
        assert!(!text.contains(gone), "{gone} in\n{text}");
    }
    for there in [r#"reason="AtMax"} 1"#, r#"mode="Observe"} 1"#] {
        assert!(text.contains(there), "{there} is missing in\n{text}");
    }
}

#[test]
fn a_size_that_turns_back_at_once_is_counted() {
    let metrics = Metrics::default();
    for (size, at) in [(10, 0.0), (14, 60.0), (12, 120.0), (12, 125.0)] {
        let (decided_at, size) = (Some(at), Some(size));
        metrics.show("shop", "api", &FleetView { decided_at, size, ..view("Fresh") });
    }
    let text = metrics.encode().unwrap();
    let series = r#"fleet_reversals_total{namespace="shop",fleet="api"} 1"#;
    assert!(text.contains(series), "{text}");
}

#[test]
fn spot_that_was_never_taken_is_counted_at_zero() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    metrics.show("shop", "base", &FleetView { spot: None, ..view("Fresh") });
    let text = metrics.encode().unwrap();
    let counters = text.lines().filter(|line| line.contains("fleet_spot_interruptions_total{"));
    let counters: Vec<_> = counters.collect();
    let only = r#"apifleet_fleet_spot_interruptions_total{namespace="shop",fleet="api"} 0"#;
    assert_eq!(counters, [only]);
}

#[test]
fn a_fleet_that_is_gone_leaves_no_series() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    metrics.interrupted("shop", "api", 2);
    assert!(metrics.encode().unwrap().contains(r#"fleet="api""#));
    metrics.hide("shop", "api");
    let text = metrics.encode().unwrap();
    assert!(!text.contains(r#"fleet="api""#), "{text}");
}

#[test]
fn what_was_decided_for_a_target_stays_as_long_as_the_target() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    let shown = |targets| {
        metrics.show("shop", "api", &FleetView { targets, ..view("Fresh") });
        let text = metrics.encode().unwrap();
        text.contains(r#"fleet_desired_replicas{namespace="shop",fleet="api",target="spot"} 7"#)
    };
    let unknown = TargetView { target: "spot", desired: None, ready: 6, pending: 1 };
    assert!(shown(vec![unknown.clone()]));
    assert!(!shown(Vec::new()));
    assert!(!shown(vec![unknown]), "it is another one");
}

#[test]
fn fleets_are_told_apart_in_each_family_and_ordered() {
    let metrics = Metrics::default();
    for (namespace, fleet) in [("shop", "web"), ("shop", "api"), ("bank", "web")] {
        metrics.show(namespace, fleet, &view("Fresh"));
    }
    let text = metrics.encode().unwrap();
    let modes: Vec<_> = text.lines().filter(|line| line.contains("fleet_mode")).collect();
    assert_eq!(
        modes,
        [
            "# HELP apifleet_fleet_mode 1 for the fleet's mode.",
            "# TYPE apifleet_fleet_mode gauge",
            r#"apifleet_fleet_mode{namespace="bank",fleet="web",mode="Enforce"} 1"#,
            r#"apifleet_fleet_mode{namespace="shop",fleet="api",mode="Enforce"} 1"#,
            r#"apifleet_fleet_mode{namespace="shop",fleet="web",mode="Enforce"} 1"#,
        ]
    );
}

#[test]
fn names_are_those_that_alerts_and_dashboards_use() {
    let metrics = Metrics::default();
    metrics.show("shop", "api", &view("Fresh"));
    metrics.decided("WithinTolerance");
    metrics.interrupted("shop", "api", 2);
    metrics.removed("evict", "refused");
    metrics.carried_out(Duration::from_millis(20));
    metrics.passed(Duration::from_millis(3), Duration::from_secs(2), 1);
    let text = metrics.encode().unwrap();
    for series in [
        r#"apifleet_decisions_total{reason="WithinTolerance"} 1"#,
        r#"apifleet_fleet_size_replicas{namespace="shop",fleet="api"} 22"#,
        r#"apifleet_fleet_limit{namespace="shop",fleet="api",reason="ScheduleFloor"} 1"#,
        r#"apifleet_fleet_mode{namespace="shop",fleet="api",mode="Enforce"} 1"#,
        r#"apifleet_fleet_on_demand_floor_replicas{namespace="shop",fleet="api"} 4"#,
        r#"apifleet_fleet_override_end_timestamp_seconds{namespace="shop",fleet="api",action="Floor"} 9.0"#,
        r#"apifleet_fleet_reversals_total{namespace="shop",fleet="api"} 0"#,
        r#"apifleet_fleet_desired_replicas{namespace="shop",fleet="api",target="spot"} 7"#,
        r#"apifleet_fleet_condition{namespace="shop",fleet="api",condition="Ready"} 1"#,
        r#"apifleet_fleet_schedule_floor_replicas{namespace="shop",fleet="api"} 20"#,
        r#"apifleet_fleet_prewarm_lateness_seconds{namespace="shop",fleet="api"} 0.0"#,
        r#"apifleet_fleet_spot_state{namespace="shop",fleet="api",state="Covering"} 1"#,
        r#"apifleet_fleet_spot_cover_replicas{namespace="shop",fleet="api"} 3"#,
        r#"apifleet_fleet_spot_interruptions_total{namespace="shop",fleet="api"} 2"#,
        r#"apifleet_spot_pod_removals_total{how="evict",result="refused"} 1"#,
        "apifleet_pass_duration_seconds_count 1",
        "apifleet_decision_to_write_seconds_count 1",
        r#"apifleet_reconcile_errors_total{class="Forbidden"} 0"#,
        r#"apifleet_scale_writes_total{result="failed"} 0"#,
        "apifleet_pass_period_seconds 2.0",
    ] {
        assert!(text.contains(series), "{series} is missing in\n{text}");
    }
}

/// Everything that is shown of a fleet of which there is everything to show.
const ALL_OF_A_FLEET: &str = r#"
# HELP apifleet_fleet_size_replicas The size that is wanted, targets together.
# TYPE apifleet_fleet_size_replicas gauge
apifleet_fleet_size_replicas{namespace="shop",fleet="api"} 22
# HELP apifleet_fleet_min_replicas Smallest size.
# TYPE apifleet_fleet_min_replicas gauge
apifleet_fleet_min_replicas{namespace="shop",fleet="api"} 10
# HELP apifleet_fleet_max_replicas Largest size.
# TYPE apifleet_fleet_max_replicas gauge
apifleet_fleet_max_replicas{namespace="shop",fleet="api"} 30
# HELP apifleet_fleet_schedule_floor_replicas Floor of the schedule that is in force or pre-warms.
# TYPE apifleet_fleet_schedule_floor_replicas gauge
apifleet_fleet_schedule_floor_replicas{namespace="shop",fleet="api"} 20
# HELP apifleet_fleet_spot_cover_replicas On-demand replicas that stand in for spot that is being lost.
# TYPE apifleet_fleet_spot_cover_replicas gauge
apifleet_fleet_spot_cover_replicas{namespace="shop",fleet="api"} 3
# HELP apifleet_fleet_on_demand_floor_replicas Replicas that must be on demand where there is spot.
# TYPE apifleet_fleet_on_demand_floor_replicas gauge
apifleet_fleet_on_demand_floor_replicas{namespace="shop",fleet="api"} 4
# HELP apifleet_fleet_desired_replicas Replicas decided, per target.
# TYPE apifleet_fleet_desired_replicas gauge
apifleet_fleet_desired_replicas{namespace="shop",fleet="api",target="spot"} 7
# HELP apifleet_fleet_ready_replicas Ready pods, per target.
# TYPE apifleet_fleet_ready_replicas gauge
apifleet_fleet_ready_replicas{namespace="shop",fleet="api",target="spot"} 6
# HELP apifleet_fleet_pending_replicas Unscheduled pods, per target.
# TYPE apifleet_fleet_pending_replicas gauge
apifleet_fleet_pending_replicas{namespace="shop",fleet="api",target="spot"} 1
# HELP apifleet_fleet_signal_verdict 1 for the signal's verdict.
# TYPE apifleet_fleet_signal_verdict gauge
apifleet_fleet_signal_verdict{namespace="shop",fleet="api",signal="RequestRate",verdict="Fresh"} 1
# HELP apifleet_fleet_condition 1 where the condition is True.
# TYPE apifleet_fleet_condition gauge
apifleet_fleet_condition{namespace="shop",fleet="api",condition="Ready"} 1
apifleet_fleet_condition{namespace="shop",fleet="api",condition="Stalled"} 0
# HELP apifleet_fleet_spot_state 1 for the state of the spot capacity.
# TYPE apifleet_fleet_spot_state gauge
apifleet_fleet_spot_state{namespace="shop",fleet="api",state="Covering"} 1
# HELP apifleet_fleet_limit 1 for what holds the size away from what demand asks for.
# TYPE apifleet_fleet_limit gauge
apifleet_fleet_limit{namespace="shop",fleet="api",reason="ScheduleFloor"} 1
# HELP apifleet_fleet_mode 1 for the fleet's mode.
# TYPE apifleet_fleet_mode gauge
apifleet_fleet_mode{namespace="shop",fleet="api",mode="Enforce"} 1
# HELP apifleet_fleet_signal_age_seconds Age of the newest sample.
# TYPE apifleet_fleet_signal_age_seconds gauge
apifleet_fleet_signal_age_seconds{namespace="shop",fleet="api",signal="RequestRate"} 2.0
# HELP apifleet_fleet_last_decision_timestamp_seconds When the last decision was made.
# TYPE apifleet_fleet_last_decision_timestamp_seconds gauge
apifleet_fleet_last_decision_timestamp_seconds{namespace="shop",fleet="api"} 1.5
# HELP apifleet_fleet_prewarm_lateness_seconds How late the floor of the open window was Ready, 0 in time.
# TYPE apifleet_fleet_prewarm_lateness_seconds gauge
apifleet_fleet_prewarm_lateness_seconds{namespace="shop",fleet="api"} 0.0
# HELP apifleet_fleet_override_begin_timestamp_seconds When the override that counts came into force.
# TYPE apifleet_fleet_override_begin_timestamp_seconds gauge
apifleet_fleet_override_begin_timestamp_seconds{namespace="shop",fleet="api",action="Floor"} 1.0
# HELP apifleet_fleet_override_end_timestamp_seconds When the override that counts ends.
# TYPE apifleet_fleet_override_end_timestamp_seconds gauge
apifleet_fleet_override_end_timestamp_seconds{namespace="shop",fleet="api",action="Floor"} 9.0
# HELP apifleet_fleet_reversals Changes of the size within ten minutes after one in the other direction.
# TYPE apifleet_fleet_reversals counter
apifleet_fleet_reversals_total{namespace="shop",fleet="api"} 0
# HELP apifleet_fleet_spot_interruptions Spot nodes that were taken away from the fleet.
# TYPE apifleet_fleet_spot_interruptions counter
apifleet_fleet_spot_interruptions_total{namespace="shop",fleet="api"} 2
"#;

#[test]
fn a_fleet_is_shown_in_these_words() {
    let metrics = Metrics::default();
    let conditions = vec![("Ready", true), ("Stalled", false)];
    metrics.show("shop", "api", &FleetView { conditions, ..view("Fresh") });
    metrics.interrupted("shop", "api", 2);
    let text = metrics.encode().unwrap();
    let of_fleet: Vec<_> = text.lines().filter(|line| line.contains("apifleet_fleet_")).collect();
    let expected: Vec<_> = ALL_OF_A_FLEET.trim().lines().collect();
    assert_eq!(of_fleet, expected);
}

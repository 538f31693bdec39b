//! Others who want to scale the same Deployments: one writer at a time, and everyone is told.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Platform, Shell, everything, keda, kubectl};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{FLEET, MIN, NAMESPACE, Stack};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("a_foreign_write_is_answered_and_its_writer_is_named", foreign_write),
    ("a_conflicting_autoscaler_stalls_the_fleet_until_it_is_gone", conflicting_autoscaler),
    ("a_scaled_object_stalls_the_fleet_and_can_be_imported", conflicting_scaled_object),
    ("a_missing_spot_target_is_lost_capacity_and_not_a_stop", missing_spot_target),
];

const PATIENCE: Duration = Duration::from_secs(30);
/// What another case has made of the fleet is over by then.
const SETTLES: Duration = Duration::from_mins(2);
/// The operator has found that KEDA's kind is served, as it looks every two minutes, and what there is of it.
const DISCOVERED: Duration = Duration::from_secs(150);
const SCALED: &str = "december";

fn foreign_write(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", SETTLES, |moment| {
        moment.wanted() == MIN && moment.ready() == MIN
    })?;
    // A write through /scale leaves no field manager behind; a patch does.
    let patch = r#"{"spec":{"replicas":1}}"#;
    let writes: [&[&str]; 3] = [
        &["patch", "deployment", FLEET, "--type=merge", "--patch", patch],
        &["scale", "deployment", FLEET, "--replicas=1"],
        &["scale", "deployment", FLEET, "--replicas=1"],
    ];
    for write in writes {
        let from = watch.elapsed();
        kubectl(stack, write)?;
        await_answer(&watch, from)?;
    }
    await_event(stack, "ForeignWrite", "kubectl-patch")?;
    watch.wait("a condition after three", PATIENCE, |moment| {
        moment.conditions.values().any(|condition| condition.reason == "ForeignWrite")
    })?;
    watch.wait("all Ready again", PATIENCE, |moment| moment.ready() == MIN)?;
    Ok(())
}

/// Waits until the write was seen, however short it lived, and made good.
fn await_answer(watch: &Watch, from: Duration) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let history = watch.history();
        let mut since = history.iter().filter(|moment| moment.at >= from);
        let seen = since.any(|moment| moment.on_demand.wanted == 1);
        // While a replica moves to spot, the sum alone may be enough without an answer.
        let answers = |moment: &Moment| moment.on_demand.wanted > 1 && moment.wanted() >= MIN;
        if seen && history.last().is_some_and(answers) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "the write is not answered: {:?}", history.last());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn conflicting_autoscaler(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    kubectl(stack, &["autoscale", "deployment", FLEET, "--min=10", "--max=20", "--cpu=50%"])?;
    let stalled = watch
        .wait("Stalled", PATIENCE, |moment| moment.has("Stalled", "True", "ConflictingAutoscaler"));
    let deleted = kubectl(stack, &["delete", "horizontalpodautoscaler", FLEET]);
    let stalled = stalled?;
    deleted?;
    let message = stalled.message("Stalled");
    ensure!(
        message.contains(FLEET) && message.contains("delete"),
        "the condition does not say what to do: {message}"
    );
    await_release(&watch)
}

/// KEDA is not there and scales nothing: its object is, and so is what the operator and the command line make of it.
fn conflicting_scaled_object(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let shell = Shell::new(stack)?;
    let watch = stack.watch()?;
    stack.cluster().apply(&scaled_object().to_string())?;
    let stalled = watch.wait("Stalled", DISCOVERED, |moment| {
        moment.has("Stalled", "True", "ConflictingAutoscaler")
    });
    let import = ["import", SCALED, "--from", "scaledobject", "--namespace", NAMESPACE];
    let imported = shell.apifleet(&import);
    let deleted = kubectl(stack, &["delete", "scaledobject", SCALED]);
    let (stalled, imported) = (stalled?, imported?);
    deleted?;
    let message = stalled.message("Stalled");
    let helps = format!("kubectl delete scaledobject {SCALED} -n {NAMESPACE}");
    ensure!(message.contains(&helps), "the condition does not say what to do: {message}");
    ensure!(imported.success, "{}", everything(&imported));
    let target = format!("deploymentName: {FLEET}");
    for part in ["mode: Observe", "targetPerReplica: 45", "name: window-1", &target] {
        ensure!(imported.stdout.contains(part), "{part} is not in: {}", imported.stdout);
    }
    await_release(&watch)?;
    // As when KEDA is taken out of a cluster.
    stack.kubectl(&["delete", "customresourcedefinition", keda::DEFINITION])?;
    Ok(())
}

/// Of the demo fleet's Deployment.
fn scaled_object() -> Value {
    let requests = json!({"type": "prometheus", "metadata": {
        "serverAddress": "http://prometheus:9090", "threshold": "45",
        "query": r#"sum(rate(envoy_requests{app="shop"}[2m]))"#,
    }});
    let hours = json!({"type": "cron", "metadata": {
        "timezone": "Europe/Paris", "start": "0 8 * * 1-5", "end": "0 20 * * 1-5",
        "desiredReplicas": "12",
    }});
    json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": {"name": SCALED, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"name": FLEET}, "minReplicaCount": 10, "maxReplicaCount": 20,
            "triggers": [requests, hours],
        },
    })
}

fn await_release(watch: &Watch) -> Result<()> {
    watch.wait("no longer Stalled", PATIENCE, |moment| {
        moment.conditions.get("Stalled").is_none_or(|stalled| stalled.status != "True")
    })?;
    Ok(())
}

fn missing_spot_target(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    let spot = format!("{FLEET}-spot");
    kubectl(stack, &["delete", "deployment", &spot])?;
    watch.wait("all on demand", PATIENCE, |moment| {
        moment.on_demand.ready == MIN && moment.has("Ready", "False", "SpotTargetMissing")
    })?;
    stack.upgrade_fleet(&[])?;
    let fresh = stack.watch()?;
    fresh.wait("spot again", Duration::from_mins(2), |moment| {
        moment.spot.ready > 0 && moment.wanted() == MIN && moment.ready() == MIN
    })?;
    Ok(())
}

fn await_event(stack: &Stack, reason: &str, names: &str) -> Result<()> {
    let selector = format!("reason={reason}");
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let events = kubectl(
            stack,
            &["get", "events.events.k8s.io", "--field-selector", &selector, "--output", "json"],
        )?;
        if events.contains(reason) && events.contains(names) {
            return Ok(());
        }
        ensure!(std::time::Instant::now() < end, "no event {reason} names {names}: {events}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

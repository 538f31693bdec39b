//! Others who want to scale the same Deployments: one writer at a time, and everyone is told.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::Platform;
use apifleet_local::stack::{FLEET, MIN, NAMESPACE, Stack};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    ("a_foreign_write_is_answered_and_its_writer_is_named", foreign_write),
    ("a_conflicting_autoscaler_stalls_the_fleet_until_it_is_gone", conflicting_autoscaler),
    ("a_missing_spot_target_is_lost_capacity_and_not_a_stop", missing_spot_target),
];

const PATIENCE: Duration = Duration::from_secs(30);

fn foreign_write(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", PATIENCE, |moment| moment.wanted() == MIN)?;
    let before = watch.now();
    // A write through /scale leaves no field manager behind; a patch does.
    let patch = r#"{"spec":{"replicas":1}}"#;
    let writes: [&[&str]; 3] = [
        &["patch", "deployment", FLEET, "--type=merge", "--patch", patch],
        &["scale", "deployment", FLEET, "--replicas=1"],
        &["scale", "deployment", FLEET, "--replicas=1"],
    ];
    for write in writes {
        kubectl(stack, write)?;
        watch.wait("the foreign write", PATIENCE, |moment| moment.on_demand.wanted == 1)?;
        watch.wait("the operator's answer", PATIENCE, |moment| {
            moment.on_demand.wanted == before.on_demand.wanted
        })?;
    }
    await_event(stack, "ForeignWrite", "kubectl-patch")?;
    watch.wait("a condition after three", PATIENCE, |moment| {
        moment.conditions.values().any(|condition| condition.reason == "ForeignWrite")
    })?;
    watch.wait("all Ready again", PATIENCE, |moment| moment.ready() == MIN)?;
    Ok(())
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

fn kubectl(stack: &Stack, arguments: &[&str]) -> Result<String> {
    Ok(stack.kubectl(&[arguments, &["--namespace", NAMESPACE]].concat())?)
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

//! Others who want to scale the same Deployments: one writer at a time, and everyone is told.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Platform, kubectl};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{FLEET, MIN, Stack};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("a_foreign_write_is_answered_and_its_writer_is_named", foreign_write),
    ("a_conflicting_autoscaler_stalls_the_fleet_until_it_is_gone", conflicting_autoscaler),
    ("a_missing_spot_target_is_lost_capacity_and_not_a_stop", missing_spot_target),
];

const PATIENCE: Duration = Duration::from_secs(30);
/// What another case has made of the fleet is over by then.
const SETTLES: Duration = Duration::from_mins(2);

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

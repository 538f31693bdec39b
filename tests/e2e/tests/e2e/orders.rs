//! What people order of a fleet for a while, and what fleets share: overrides and policies on the real API server.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Platform, kubectl};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{FLEET, MIN, NAMESPACE, Stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("an_override_is_in_force_at_once_and_the_fleet_returns_after_its_end", floor_for_a_while),
    ("an_override_in_anothers_name_is_refused_and_an_old_one_is_cleared_away", records),
    ("a_fleet_follows_its_policy_and_keeps_it_when_it_is_gone", policy),
];

/// How the API server knows the administrator.
pub(crate) const ADMINISTRATOR: &str = "apifleet:administrator";
/// Two seconds on a machine that does nothing else.
const AT_ONCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
const RETURNED: Duration = Duration::from_mins(2);

fn floor_for_a_while(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", PATIENCE, is_smallest)?;
    let lasts = SignedDuration::from_secs(20);
    order(stack, "drill", ADMINISTRATOR, Timestamp::now(), lasts)?;
    let ordered = watch.elapsed();
    let raised = watch.wait("the floor", PATIENCE, |moment| {
        moment.wanted() == FLOOR && is_true(moment, "Overridden")
    })?;
    let took = raised.at.saturating_sub(ordered);
    ensure!(took <= AT_ONCE, "in force only after {took:?}");
    let active = stack.fleet_status("/activeOverrides/0/name")?;
    ensure!(active == "drill", "status names {active}");

    let ended = watch.wait("its end", PATIENCE, |moment| {
        moment.at > raised.at && !is_true(moment, "Overridden")
    })?;
    ensure!(ended.wanted() == FLOOR, "its end is a cliff: {ended:?}");
    watch.wait("the smallest size again", RETURNED, is_smallest)?;
    Ok(())
}

fn records(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let lasts = SignedDuration::from_hours(1);
    let refused = order(stack, "not-me", "somebody", Timestamp::now(), lasts);
    let refusal = refused.map_or_else(|error| format!("{error:#}"), |()| "accepted".into());
    ensure!(refusal.contains(ADMINISTRATOR), "it does not say which name to write: {refusal}");

    let long_ago = Timestamp::now().checked_sub(SignedDuration::from_hours(8 * 24))?;
    order(stack, "long-over", ADMINISTRATOR, long_ago, lasts)?;
    let end = Instant::now() + RETURNED;
    while !kubectl(stack, &["get", "fleetoverride", "long-over", "--ignore-not-found"])?.is_empty()
    {
        ensure!(Instant::now() < end, "an override that ended eight days ago is still there");
        std::thread::sleep(Duration::from_millis(500));
    }
    ensure!(
        !kubectl(stack, &["get", "fleetoverride", "drill", "--ignore-not-found"])?.is_empty(),
        "the record of an override that has just ended is gone"
    );
    Ok(())
}

fn policy(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", PATIENCE, is_smallest)?;
    share(stack, &json!({"name": "drill"}))?;
    let played = play_policy(stack, &watch);
    // Whatever came of it, the fleet stands for itself again.
    share(stack, &Value::Null)?;
    played?;
    watch.wait("the smallest size again", RETURNED, is_smallest)?;
    Ok(())
}

fn play_policy(stack: &Stack, watch: &Watch) -> Result<()> {
    watch.wait("to be told that there is none", PATIENCE, |moment| {
        moment.has("Stalled", "True", "PolicyMissing")
    })?;
    for floor in [MIN + 2, MIN + 4] {
        stack.cluster().apply(&policy_with(floor).to_string())?;
        watch.wait("the policy's floor", PATIENCE, |moment| {
            moment.wanted() == floor && !is_true(moment, "Stalled")
        })?;
    }
    kubectl(stack, &["delete", "scalingpolicy", "drill"])?;
    let smaller =
        watch.wait("fewer replicas", Duration::from_secs(10), |moment| moment.wanted() < MIN + 4);
    ensure!(smaller.is_err(), "the fleet shrank with its policy: {smaller:?}");
    Ok(())
}

const FLOOR: u32 = MIN + 3;

fn order(
    stack: &Stack,
    name: &str,
    by: &str,
    not_before: Timestamp,
    lasts: SignedDuration,
) -> Result<()> {
    let object = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "fleetRef": {"name": FLEET}, "action": "Floor", "replicas": FLOOR,
            "notBefore": not_before.to_string(),
            "expiresAt": not_before.checked_add(lasts)?.to_string(),
            "reason": "a drill", "requestedBy": by,
        },
    });
    stack.cluster().apply(&object.to_string())?;
    Ok(())
}

/// A window that is always open.
fn policy_with(floor: u32) -> Value {
    json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": "drill", "namespace": NAMESPACE},
        "spec": {"schedules": [{
            "name": "always", "start": "00:00", "end": "24:00", "timeZone": "UTC",
            "floor": {"replicas": floor}, "leadSeconds": 1, "rampSeconds": 0,
        }]},
    })
}

/// Has the fleet share a policy, or none.
fn share(stack: &Stack, policy: &Value) -> Result<()> {
    let patch = json!({"spec": {"policyRef": policy}}).to_string();
    kubectl(stack, &["patch", "apifleet", FLEET, "--type=merge", "--patch", &patch])?;
    Ok(())
}

fn is_smallest(moment: &Moment) -> bool {
    moment.wanted() == MIN && moment.ready() == MIN
}

fn is_true(moment: &Moment, condition: &str) -> bool {
    moment.conditions.get(condition).is_some_and(|condition| condition.status == "True")
}

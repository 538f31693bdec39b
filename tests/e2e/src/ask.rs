//! Small ways to ask the stack, and to read what it answers.

use anyhow::{Result, ensure};
use apifleet_local::Output;
use apifleet_local::stack::{FLEET, NAMESPACE, Stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// How the API server knows the administrator.
const ADMINISTRATOR: &str = "apifleet:administrator";
/// By what the orders of a test are found again.
const OF_A_TEST: &str = "apifleet.dev/test=yes";

/// How long a status may lag behind: its counts are written twice a minute at least while they change.
const STATUS: Duration = Duration::from_secs(90);

/// What kubectl prints about the fleet's namespace; a failure is an error.
pub fn kubectl(stack: &Stack, arguments: &[&str]) -> Result<String> {
    Ok(stack.kubectl(&[arguments, &["--namespace", NAMESPACE]].concat())?)
}

/// Orders a floor for the demo fleet, under this name, for longer than any test takes.
pub fn order_floor(stack: &Stack, name: &str, replicas: u32) -> Result<()> {
    let now = Timestamp::now();
    let object = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"apifleet.dev/test": "yes"}},
        "spec": {
            "fleetRef": {"name": FLEET}, "action": "Floor", "replicas": replicas,
            "notBefore": now.to_string(),
            "expiresAt": now.checked_add(SignedDuration::from_mins(30))?.to_string(),
            "reason": "a drill", "requestedBy": ADMINISTRATOR,
        },
    });
    stack.cluster().apply(&object.to_string())?;
    Ok(())
}

/// Takes all such orders back.
pub fn end_orders(stack: &Stack) -> Result<()> {
    kubectl(stack, &["delete", "fleetoverrides", "--selector", OF_A_TEST])?;
    Ok(())
}

/// Waits until the demo fleet's status counts so many Ready replicas: it follows the pods a little later, and replicas
/// that move between the targets are counted twice for a while.
pub fn await_ready_in_status(stack: &Stack, replicas: u32) -> Result<()> {
    let end = Instant::now() + STATUS;
    loop {
        let counted = stack.fleet_status("/readyReplicas")?;
        if counted == replicas {
            return Ok(());
        }
        ensure!(Instant::now() < end, "status counts {counted} Ready replicas, not {replicas}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// What both streams of a program said: kubectl writes warnings to one and answers to the other.
#[must_use]
pub fn everything(output: &Output) -> String {
    format!("{}{}", output.stdout, output.stderr)
}

/// A file as an argument of a program.
#[must_use]
pub fn path_text(path: &Path) -> String {
    path.display().to_string()
}

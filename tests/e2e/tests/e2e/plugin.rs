//! The command line as a plugin of a real kubectl, against the real API server: what an on-call person types.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Platform, Shell, await_ready_in_status, everything};
use apifleet_local::Output;
use apifleet_local::stack::{FLEET, MIN, NAMESPACE};
use serde_json::Value;

pub(crate) const CASES: &[Case] =
    &[("kubectl_apifleet_says_what_a_fleet_does_why_and_what_comes", plugin)];

fn plugin(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    await_ready_in_status(stack, MIN)?;
    let plugin = Plugin(Shell::new(stack)?);
    let status = plugin.answer(&["status", FLEET])?;
    for part in [FLEET, "on-demand", "spot", "why", "signals"] {
        ensure!(status.contains(part), "status does not tell {part}:\n{status}");
    }
    let json: Value = serde_json::from_str(&plugin.answer(&["status", FLEET, "-o", "json"])?)?;
    for (key, value) in [
        ("apiVersion", "cli.apifleet.dev/v1".into()),
        ("desiredReplicas", Value::from(10)),
        ("readyReplicas", Value::from(10)),
    ] {
        ensure!(json.get(key) == Some(&value), "{key} is not {value}: {json}");
    }

    let explained = plugin.answer(&["explain", FLEET])?;
    for stage in ["Trust", "Demand", "Stabilize", "Rate", "Floors", "Ceilings", "Place"] {
        ensure!(explained.contains(stage), "explain does not tell {stage}:\n{explained}");
    }
    let other = plugin.answer(&["explain", FLEET, "--why-not", "25"])?;
    ensure!(other.contains("1250 requests/s"), "nothing is said of 25 replicas:\n{other}");
    let calendar = plugin.answer(&["calendar", FLEET])?;
    ensure!(calendar.contains(FLEET), "{calendar}");

    let unknown = plugin.call(&["status", "shop-apu"])?;
    let said = everything(&unknown);
    ensure!(!unknown.success && said.contains(FLEET), "no near name is told: {said}");
    Ok(())
}

/// kubectl with the plugin in its path.
struct Plugin<'a>(Shell<'a>);

impl Plugin<'_> {
    /// What it prints; a failure is an error.
    fn answer(&self, arguments: &[&str]) -> Result<String> {
        let output = self.call(arguments)?;
        ensure!(output.success, "{arguments:?}: {}", everything(&output));
        Ok(output.stdout)
    }

    fn call(&self, arguments: &[&str]) -> Result<Output> {
        self.0.kubectl(&[&["apifleet"], arguments, &["--namespace", NAMESPACE]].concat())
    }
}

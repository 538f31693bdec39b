//! What people read: `kubectl get`, `kubectl explain`, `kubectl describe`.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Platform, await_ready_in_status};
use apifleet_local::stack::{FLEET, MIN, NAMESPACE};

pub(crate) const CASES: &[Case] = &[
    ("kubectl_get_apifleets_tells_the_truth_in_one_line", get_tells_the_truth),
    ("kubectl_explain_reads_like_documentation", explain_reads_like_documentation),
];

fn get_tells_the_truth(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    await_ready_in_status(stack, MIN)?;
    let table = stack.kubectl(&["get", "apifleets", "--namespace", NAMESPACE])?;
    let mut lines = table.lines();
    let head = lines.next().unwrap_or_default();
    for column in ["DESIRED", "READY", "MIN", "MAX", "RPS", "LATENCY", "WHY", "STATUS", "AGE"] {
        ensure!(head.contains(column), "no column {column} in: {head}");
    }
    let row = lines.find(|line| line.starts_with(FLEET)).unwrap_or_default();
    let cells: Vec<_> = row.split_whitespace().collect();
    ensure!(cells.get(1..5) == Some(&["10", "10", "10", "30"]), "the fleet's row is: {row}");
    Ok(())
}

fn explain_reads_like_documentation(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    for (path, fields) in [
        ("apifleet.spec", &["minReplicas", "maxReplicas", "targets", "signals", "mode"] as &[_]),
        ("apifleet.spec.signals", &["windowSeconds", "staleAfterSeconds", "onMissing"]),
        ("apifleet.spec.spot", &["maxPercent", "minOnDemandReplicas"]),
    ] {
        let text = stack.kubectl(&["explain", path])?;
        for field in fields {
            let described = text
                .split_once(&format!("  {field}\t"))
                .and_then(|(_, rest)| rest.lines().skip(1).find(|line| line.starts_with("    ")))
                .is_some_and(|line| line.trim().split(' ').count() >= 4);
            ensure!(described, "{path}: {field} has no description in:\n{text}");
        }
    }
    Ok(())
}

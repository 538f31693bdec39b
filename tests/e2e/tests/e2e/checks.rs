//! The command line on the real cluster: its checks see what is well and what is not, it makes a fleet of a real autoscaler,
//! and a real kubectl completes names through the plugin.

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::{Platform, Shell, everything, kubectl, path_text};
use apifleet_local::Output;
use apifleet_local::stack::{FLEET, NAMESPACE, Stack};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    ("everything_that_the_demo_fleet_needs_is_as_it_should_be", demo_fleet_is_well),
    ("a_cluster_is_checked_before_the_operator_is_installed", before_installing),
    ("a_conflicting_autoscaler_fails_its_check_and_no_other", conflict_is_found),
    ("a_real_autoscaler_becomes_a_fleet_that_the_api_server_accepts", imports_an_autoscaler),
    ("a_real_kubectl_completes_fleets_through_the_plugin", kubectl_completes),
];

const PATIENCE: Duration = Duration::from_mins(1);
/// How the program ends when a check failed.
const FAILED: &str = "exit status: 3";

fn demo_fleet_is_well(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let shell = Shell::new(stack)?;
    let (output, findings) = check(&shell, stack, &["--fleet", FLEET])?;
    ensure!(output.success, "{}", everything(&output));
    let verdict = |code: &str| verdict(&findings, code);
    // All that an administrator can know of this cluster is known.
    for code in [
        "AF0101", "AF0102", "AF0103", "AF0104", "AF0105", "AF0202", "AF0203", "AF0301", "AF0302",
        "AF0401", "AF0402", "AF0403", "AF0404", "AF0405", "AF0501", "AF0502", "AF0503", "AF0504",
        "AF0505", "AF0602",
    ] {
        ensure!(verdict(code) == "ok", "{code} is {}: {}", verdict(code), output.stdout);
    }
    // Nodes of a test machine may be too small for the largest size; they are counted.
    ensure!(["ok", "warning"].contains(&verdict("AF0601")), "{}", output.stdout);
    Ok(())
}

fn before_installing(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let shell = Shell::new(stack)?;
    let (output, findings) = check(&shell, stack, &["--pre"])?;
    ensure!(output.success, "{}", everything(&output));
    ensure!(verdict(&findings, "AF0201") == "ok", "{}", output.stdout);
    Ok(())
}

fn conflict_is_found(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let shell = Shell::new(stack)?;
    let watch = stack.watch()?;
    kubectl(stack, &["autoscale", "deployment", FLEET, "--min=10", "--max=20", "--cpu=50%"])?;
    let checked = check(&shell, stack, &["--fleet", FLEET]);
    let deleted = kubectl(stack, &["delete", "horizontalpodautoscaler", FLEET]);
    let (output, findings) = checked?;
    deleted?;
    watch.wait("no longer Stalled", PATIENCE, |moment| {
        moment.conditions.get("Stalled").is_none_or(|stalled| stalled.status != "True")
    })?;
    ensure!(output.status == FAILED, "{}: {}", output.status, everything(&output));
    let failed = codes(&findings, "failed");
    ensure!(failed == ["AF0504"], "{failed:?}: {}", output.stdout);
    let says = findings.iter().find(|it| text(it, "code") == "AF0504").context("AF0504 is told")?;
    ensure!(text(says, "message").contains("kubectl delete hpa"), "{says}");
    Ok(())
}

fn imports_an_autoscaler(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let shell = Shell::new(stack)?;
    stack.cluster().apply(&autoscaler().to_string())?;
    let imported = typed(&shell, &["import", "imported-api", "--from", "hpa"]);
    let deleted = kubectl(stack, &["delete", "horizontalpodautoscaler", "imported-api"]);
    let output = imported?;
    deleted?;
    ensure!(output.success, "{}", everything(&output));
    for part in ["mode: Observe", "targetPerReplica: 40", "stabilizationWindowSeconds: 120"] {
        ensure!(output.stdout.contains(part), "{part} is not in: {}", output.stdout);
    }
    ensure!(output.stderr.contains("metric cpu at 60 %"), "{}", output.stderr);
    let file = shell.folder().join("imported.yaml");
    fs::write(&file, &output.stdout).context("write the manifest")?;
    let file = path_text(&file);
    let apply = ["apply", "--validate=strict", "--dry-run=server", "--filename", &file];
    let applied = stack.try_kubectl(&apply)?;
    ensure!(applied.success, "{}\n{}", everything(&applied), output.stdout);
    Ok(())
}

/// Of a Deployment that is not there, so that nobody scales anything.
fn autoscaler() -> Value {
    let cpu = json!({"type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}});
    let requests = json!({"type": "Pods", "pods": {"metric": {"name": "http_requests_per_second"},
        "target": {"type": "AverageValue", "averageValue": "40"}}});
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "imported-api", "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "imported-api"},
            "minReplicas": 4,
            "maxReplicas": 12,
            "metrics": [cpu, requests],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 120}},
        },
    })
}

fn kubectl_completes(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let shell = Shell::new(stack)?;
    for (words, expected) in [
        (&["apifleet", "stat"][..], "status"),
        (&["apifleet", "status", "--namespace", NAMESPACE, "sho"], FLEET),
        (&["apifleet", "explain", FLEET, "--namespace", NAMESPACE, "--why"], "--why-not"),
    ] {
        let output = shell.kubectl(&[&["__complete"], words].concat())?;
        let mut lines = output.stdout.lines();
        ensure!(lines.clone().any(|line| line.split('\t').next() == Some(expected)), "{output:?}");
        ensure!(
            lines.any(|line| line == ":4"),
            "{words:?} lets the shell complete files: {output:?}"
        );
    }
    Ok(())
}

/// What is found, in the order of the document.
fn check(shell: &Shell<'_>, stack: &Stack, flags: &[&str]) -> Result<(Output, Vec<Value>)> {
    let prometheus = stack.prometheus_url();
    let fixed = ["check", "-o", "json", "--prometheus-url", &prometheus];
    let output = typed(shell, &[&fixed, flags].concat())?;
    let findings = findings(&output)?;
    Ok((output, findings))
}

/// What a document of `check` holds, in its order.
pub(crate) fn findings(output: &Output) -> Result<Vec<Value>> {
    let document: Value = serde_json::from_str(&output.stdout)
        .with_context(|| format!("no document: {}", everything(output)))?;
    let checks = document.get("checks").and_then(Value::as_array);
    checks.cloned().context("the document holds checks")
}

/// The checks that came to this verdict.
pub(crate) fn codes<'a>(findings: &'a [Value], verdict: &str) -> Vec<&'a str> {
    let those = findings.iter().filter(|it| text(it, "verdict") == verdict);
    those.map(|it| text(it, "code")).collect()
}

/// What `apifleet` does in the fleet's namespace.
fn typed(shell: &Shell<'_>, arguments: &[&str]) -> Result<Output> {
    shell.apifleet(&[arguments, &["--namespace", NAMESPACE]].concat())
}

fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn verdict<'a>(findings: &'a [Value], code: &str) -> &'a str {
    findings.iter().find(|it| text(it, "code") == code).map_or("absent", |it| text(it, "verdict"))
}

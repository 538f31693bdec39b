//! What people on call may do with policies, with the role that they have and no other: compare them with a file, and set
//! values of them where the chart says that they may.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Person, Platform, everything, kubectl};
use apifleet_local::Output;
use apifleet_local::stack::{NAMESPACE, SYSTEM, Stack};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] =
    &[("people_on_call_compare_policies_and_set_values_where_the_chart_lets_them", on_call)];

const NAME: &str = "policy-shift";
const ROLE: &str = "apifleet-oncall";
const POLICY: &str = "drill-values";
/// The operator's release of the chart.
const RELEASE: &str = "apifleet";
/// How long a changed role may take to be in force.
const PATIENCE: Duration = Duration::from_secs(30);

fn on_call(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    stack.cluster().apply(&policy(POLICY, 50).to_string())?;
    let person = Person::new(stack, NAME, ROLE)?;
    let played = play(stack, &person);
    // Whatever came of it, the chart and the cluster are as they were.
    let restored = let_patch(stack, true);
    person.leave()?;
    kubectl(stack, &["delete", "scalingpolicy", POLICY, "--ignore-not-found"])?;
    played.and(restored)
}

fn play(stack: &Stack, person: &Person<'_>) -> Result<()> {
    compares_and_sets(stack, person)?;
    let other = person.file(&policy("drill-other", 45))?;
    let refused = person.call(&["policy", "apply", &other, "--yes"])?;
    is_one_line(
        &refused,
        "no permission to create scalingpolicies.apifleet.dev in namespace shop",
    )?;

    let_patch(stack, false)?;
    let set = ["policy", "set", POLICY, "targetPerReplica=46", "--dry-run=server"];
    let refused = refusal(person, &set)?;
    is_one_line(&refused, "no permission to patch scalingpolicies.apifleet.dev in namespace shop")?;
    // Reading needs no more.
    person.answer(&["policy", "show", POLICY])?;
    person.answer(&["policy", "list"]).map(drop)
}

fn compares_and_sets(stack: &Stack, person: &Person<'_>) -> Result<()> {
    let file = person.file(&policy(POLICY, 45))?;
    let diff = person.call(&["policy", "diff", &file])?;
    ensure!(diff.status == "exit status: 4", "{}: {}", diff.status, everything(&diff));
    ensure!(diff.stdout.contains("targetPerReplica: 45"), "{}", everything(&diff));

    person.answer(&["policy", "set", POLICY, "targetPerReplica=45", "--yes"])?;
    let target = "--output=jsonpath={.spec.signals.requestRate.targetPerReplica}";
    let stored = kubectl(stack, &["get", "scalingpolicy", POLICY, target])?;
    ensure!(stored == "45", "stored is {stored}");
    person.answer(&["policy", "diff", &file]).map(drop)
}

fn policy(name: &str, target: i32) -> Value {
    json!({"apiVersion": "apifleet.dev/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"signals": {"requestRate": {"targetPerReplica": target}}}})
}

/// Whether the chart lets people on call patch policies.
fn let_patch(stack: &Stack, allowed: bool) -> Result<()> {
    let chart = Platform::workspace().join("charts/apifleet").display().to_string();
    let set = format!("oncall.patchPolicies={allowed}");
    let upgrade = ["upgrade", RELEASE, &chart, "--namespace", SYSTEM, "--reuse-values"];
    stack.cluster().helm(&[&upgrade[..], &["--set", &set, "--timeout=2m"]].concat())?;
    Ok(())
}

/// The first failure: a role that was changed is in force a moment later.
fn refusal(person: &Person<'_>, arguments: &[&str]) -> Result<Output> {
    let end = Instant::now() + PATIENCE;
    loop {
        let output = person.call(arguments)?;
        if !output.success {
            return Ok(output);
        }
        ensure!(Instant::now() < end, "it is still allowed: {}", everything(&output));
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// A failure says why in one line.
fn is_one_line(output: &Output, words: &str) -> Result<()> {
    let lines = output.stderr.lines();
    let errors: Vec<&str> = lines.filter(|line| line.starts_with("error:")).collect();
    ensure!(!output.success && errors.len() == 1, "{}", everything(output));
    ensure!(errors.iter().all(|line| line.contains(words)), "{words}: {}", everything(output));
    Ok(())
}

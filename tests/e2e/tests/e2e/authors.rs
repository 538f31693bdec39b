//! Who may have a fleet scale what: the chart's admission policy on the real API server, asked by somebody who may write
//! fleets and scale nothing.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Person, Platform, everything, kubectl};
use apifleet_local::stack::{FLEET, NAMESPACE, Stack};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] =
    &[("only_who_may_scale_a_deployment_may_have_a_fleet_scale_it", scalers_only)];

const NAME: &str = "fleet-author";
/// May write fleets.
const ROLE: &str = "apifleet-edit";
/// May scale what it names, and is given while they are asked.
const SCALER: &str = "fleet-author-scales";
/// Their fleet and its first target. There are no such Deployments: only the right to scale them counts.
const ON_DEMAND: &str = "authored";
const SPOT: &str = "authored-spot";
/// A right that was given is in force by then.
const PATIENCE: Duration = Duration::from_secs(20);

fn scalers_only(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let author = Person::new(stack, NAME, ROLE)?;
    let played = play(stack, &author);
    // Whatever came of it, nothing of it stays.
    kubectl(stack, &["delete", "apifleet", ON_DEMAND, "--ignore-not-found"])?;
    kubectl(stack, &["delete", "role,rolebinding", SCALER, "--ignore-not-found"])?;
    author.leave()?;
    played
}

fn play(stack: &Stack, author: &Person<'_>) -> Result<()> {
    let of_on_demand = refusal(ON_DEMAND, "onDemand");
    let of_spot = refusal(SPOT, "spot");
    let both =
        author.file(&fleet(&json!({"onDemand": target(ON_DEMAND), "spot": target(SPOT)})))?;
    let try_both = ["create", "--dry-run=server", "--filename", &both];
    await_answer(author, &try_both, Some(&of_on_demand))?;
    let_scale(stack, &[ON_DEMAND])?;
    await_answer(author, &try_both, Some(&of_spot))?;

    let alone = author.file(&fleet(&json!({"onDemand": target(ON_DEMAND)})))?;
    await_answer(author, &["create", "--filename", &alone], None)?;
    let with_spot = json!({"spec": {"targets": {"spot": target(SPOT)}}}).to_string();
    let add_spot = patch(ON_DEMAND, &with_spot);
    await_answer(author, &add_spot, Some(&of_spot))?;
    let_scale(stack, &[ON_DEMAND, SPOT])?;
    await_answer(author, &add_spot, None)?;
    // Whoever leaves the targets as they are is not asked whether they may scale them.
    await_answer(author, &patch(FLEET, r#"{"spec":{"maxReplicas":29}}"#), None)
}

/// What is said to somebody who may not scale this target.
fn refusal(deployment: &str, target: &str) -> String {
    format!(
        "you may not update deployments/scale of {deployment}, which spec.targets.{target} would"
    )
}

fn target(deployment: &str) -> Value {
    json!({"deploymentName": deployment})
}

fn fleet(targets: &Value) -> Value {
    json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
        "metadata": {"name": ON_DEMAND, "namespace": NAMESPACE},
        "spec": {"mode": "Observe", "minReplicas": 1, "maxReplicas": 2, "targets": targets},
    })
}

/// The words that would change a fleet.
fn patch<'a>(fleet: &'a str, patch: &'a str) -> [&'a str; 7] {
    ["patch", "apifleet", fleet, "--type=merge", "--patch", patch, "--dry-run=server"]
}

/// They may scale these Deployments from now on.
fn let_scale(stack: &Stack, deployments: &[&str]) -> Result<()> {
    let group = "rbac.authorization.k8s.io";
    let version = format!("{group}/v1");
    let metadata = json!({"name": SCALER, "namespace": NAMESPACE});
    let rule = json!({
        "apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["update"],
        "resourceNames": deployments,
    });
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": version, "kind": "Role", "metadata": metadata, "rules": [rule]},
        {"apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": SCALER},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}]},
    ]});
    stack.cluster().apply(&objects.to_string())?;
    Ok(())
}

/// Asks until it is refused with these words, or accepted: a right that was given is in force a moment later.
fn await_answer(author: &Person<'_>, arguments: &[&str], refusal: Option<&str>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let output = author.kubectl(arguments)?;
        let said = everything(&output);
        let is_right = match refusal {
            Some(words) => !output.success && said.contains(words),
            None => output.success,
        };
        if is_right {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{arguments:?}: not {refusal:?}, but: {said}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

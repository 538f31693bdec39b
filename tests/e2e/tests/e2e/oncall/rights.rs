//! What people on call may do is what their role says and no more: what would do harm is tried, and the rules that the API
//! server knows for them are held against those of the role.

use super::ROLE;
use anyhow::{Result, ensure};
use apifleet_e2e::{Person, everything, kubectl};
use apifleet_local::stack::{FLEET, NAMESPACE, Stack};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What would do harm; tried without effect, should it be allowed after all.
const FORBIDDEN: [&[&str]; 14] = [
    &["scale", "deployment", FLEET, "--replicas=1", "--dry-run=server"],
    &[
        "patch",
        "apifleet",
        FLEET,
        "--type=merge",
        "--patch",
        r#"{"spec":{"minReplicas":1}}"#,
        "--dry-run=server",
    ],
    &[
        "patch",
        "apifleet",
        FLEET,
        "--subresource=status",
        "--type=merge",
        "--patch",
        r#"{"status":{"desiredReplicas":1}}"#,
        "--dry-run=server",
    ],
    &["delete", "apifleet", FLEET, "--dry-run=server"],
    &["delete", "scalingpolicy", "any", "--dry-run=server"],
    &["delete", "pods", "--all", "--dry-run=server"],
    // Whether there is such a pod is asked after whether they may.
    &["create", "--raw", "/api/v1/namespaces/shop/pods/any/eviction", "--filename", "-"],
    &["exec", "deployment/shop-api", "--", "true"],
    &["label", "nodes", "--all", "apifleet.dev/drill=yes", "--dry-run=server"],
    &["rollout", "restart", "deployment", FLEET],
    &["create", "configmap", "mine", "--dry-run=server"],
    &[
        "create",
        "rolebinding",
        "mine",
        "--clusterrole=admin",
        "--serviceaccount=shop:day-shift",
        "--dry-run=server",
    ],
    &["get", "secrets"],
    &["get", "configmaps"],
];
/// Somebody of their namespace without any role.
const NOBODY: &str = "--as=system:serviceaccount:shop:nobody";
/// Where a review has its rules.
const REVIEWED: &str = "/status/resourceRules";

/// Verb, resource, and names where only these objects are meant.
type Rights = BTreeSet<String>;

pub(super) fn do_no_harm(person: &Person<'_>) -> Result<()> {
    for words in FORBIDDEN {
        let output = person.kubectl(words)?;
        let said = everything(&output);
        ensure!(!output.success && said.contains("forbidden"), "{words:?}: {said}");
    }
    Ok(())
}

/// Both ways; what everybody may do besides does not count.
pub(super) fn are_those_of_the_role(person: &Person<'_>, stack: &Stack) -> Result<()> {
    let role = stack.kubectl(&["get", "clusterrole", ROLE, "--output=json"])?;
    let granted = of(&role, "/rules")?;
    let review = person.file(&json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": NAMESPACE},
    }))?;
    // Without a look at the definitions of all kinds, which they may not read.
    let ask = ["create", "--validate=false", "--output=json", "--filename", &review];
    let answer = person.kubectl(&ask)?;
    ensure!(answer.success, "their rights are not told: {}", everything(&answer));
    let theirs = of(&answer.stdout, REVIEWED)?;
    let everybodys = of(&kubectl(stack, &[&ask[..], &[NOBODY]].concat())?, REVIEWED)?;

    ensure!(granted.len() > 20, "the role grants {granted:?} only");
    let missing: Vec<_> = granted.difference(&theirs).collect();
    ensure!(missing.is_empty(), "the role says so, and they may not: {missing:?}");
    let allowed = theirs.difference(&everybodys);
    let more: Vec<_> = allowed.filter(|right| !granted.contains(*right)).collect();
    ensure!(more.is_empty(), "they may, and the role does not say so: {more:?}");
    Ok(())
}

/// A role and a review hold rules with the same fields.
fn of(object: &str, rules: &str) -> Result<Rights> {
    let object: Value = serde_json::from_str(object)?;
    let mut rights = Rights::new();
    for rule in items(&object, rules) {
        let words = |field: &str| items(rule, field).filter_map(Value::as_str).collect::<Vec<_>>();
        let names = words("/resourceNames").join(",");
        for group in words("/apiGroups") {
            for resource in words("/resources") {
                let right = |verb: &str| format!("{verb} {group}/{resource} {names}");
                rights.extend(words("/verbs").into_iter().map(right));
            }
        }
    }
    Ok(rights)
}

fn items<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

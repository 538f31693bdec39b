//! What the operator may do is what it does: the verbs that the API server saw in this run against those granted.

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::Platform;
use apifleet_local::stack::{SYSTEM, Stack};
use serde_json::Value;
use std::collections::BTreeSet;

pub(crate) const CASES: &[Case] =
    &[("the_operator_uses_every_verb_that_it_is_granted_and_no_other", equal_rights)];

/// The operator's roles and its service account.
const OPERATOR: &str = "apifleet-controller";
/// Granted for clusters that serve KEDA; this one does not.
const NOT_SERVED: &str = "keda.sh";

/// `group/resource[/subresource] verb`.
type Rights = BTreeSet<String>;

fn equal_rights(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let granted = granted(stack)?;
    let used = used(stack)?;
    ensure!(granted.len() > 5 && used.len() > 5, "granted {granted:?}, used {used:?}");
    let unused: Vec<_> = granted.difference(&used).collect();
    ensure!(unused.is_empty(), "granted and never used: {unused:?}");
    let missing: Vec<_> = used.difference(&granted).collect();
    ensure!(missing.is_empty(), "asked for and not granted: {missing:?}");
    Ok(())
}

/// What the roles of the operator's release say.
fn granted(stack: &Stack) -> Result<Rights> {
    let everywhere = stack.kubectl(&["get", "clusterrole", OPERATOR, "--output=json"])?;
    let lease = format!("{OPERATOR}-lease");
    let own = ["get", "role", &lease, "--namespace", SYSTEM, "--output=json"];
    let roles: Vec<Value> =
        vec![serde_json::from_str(&everywhere)?, serde_json::from_str(&stack.kubectl(&own)?)?];
    let mut rights = Rights::new();
    for rule in roles.iter().flat_map(|role| items(role, "/rules")) {
        for group in strings(rule, "/apiGroups").filter(|group| *group != NOT_SERVED) {
            for resource in strings(rule, "/resources") {
                rights.extend(
                    strings(rule, "/verbs").map(|verb| format!("{group}/{resource} {verb}")),
                );
            }
        }
    }
    Ok(rights)
}

/// What the API server wrote down about the operator's service account.
fn used(stack: &Stack) -> Result<Rights> {
    let user = format!("system:serviceaccount:{SYSTEM}:{OPERATOR}");
    let file = stack.cluster().audit_log();
    let log = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let mut rights = Rights::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).context("an audit event is JSON")?;
        let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let resource = text("/objectRef/resource");
        // Discovery asks for no resource and needs no role of ours.
        if text("/user/username") != user || resource.is_empty() {
            continue;
        }
        let group = text("/objectRef/apiGroup");
        let resource = match text("/objectRef/subresource") {
            "" => resource.to_owned(),
            subresource => format!("{resource}/{subresource}"),
        };
        if group != NOT_SERVED {
            rights.insert(format!("{group}/{resource} {}", text("/verb")));
        }
    }
    Ok(rights)
}

fn items<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn strings<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a str> {
    items(value, path).filter_map(Value::as_str)
}

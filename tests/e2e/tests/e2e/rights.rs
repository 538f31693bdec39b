//! What the operator may do is what it does: the verbs that the API server saw in this run against those granted.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::Platform;
use apifleet_e2e::audit::requests_since;
use apifleet_local::stack::{SYSTEM, Stack};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

pub(crate) const CASES: &[Case] =
    &[("the_operator_uses_every_verb_that_it_is_granted_and_no_other", equal_rights)];

/// The operator's roles.
const OPERATOR: &str = "apifleet-controller";

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
        for group in strings(rule, "/apiGroups") {
            for resource in strings(rule, "/resources") {
                rights.extend(
                    strings(rule, "/verbs").map(|verb| format!("{group}/{resource} {verb}")),
                );
            }
        }
    }
    Ok(rights)
}

/// What the API server wrote down about the operator.
fn used(stack: &Stack) -> Result<Rights> {
    let requests = requests_since(stack, Timestamp::UNIX_EPOCH)?;
    Ok(requests.iter().map(|request| format!("{} {}", request.resource, request.verb)).collect())
}

fn items<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn strings<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a str> {
    items(value, path).filter_map(Value::as_str)
}

//! The files of rules, as far as they are asked here: which series they record, and which ones alerts are made of.

use super::{list, text};
use anyhow::{Context, Result};
use apifleet_e2e::Platform;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What everything is made of.
const PREFIXES: [&str; 4] = ["apifleet:", "apifleet_", "http_", "store_"];

/// The series that are recorded, each with what it is made of.
pub(super) fn recorded() -> Result<BTreeMap<String, String>> {
    let rules = rules()?;
    let named = rules.iter().filter(|rule| !text(rule, "/record").is_empty());
    Ok(named.map(|rule| (text(rule, "/record").into(), text(rule, "/expr").into())).collect())
}

/// The series that alerts are made of, and those that these are made of.
pub(super) fn of_alerts() -> Result<BTreeSet<String>> {
    let rules = rules()?;
    let alerts = rules.iter().filter(|rule| !text(rule, "/alert").is_empty());
    made_of(alerts.flat_map(|rule| series(text(rule, "/expr"))))
}

/// These series, and those that they are made of.
pub(super) fn made_of(names: impl IntoIterator<Item = String>) -> Result<BTreeSet<String>> {
    let recorded = recorded()?;
    let mut open: Vec<String> = names.into_iter().collect();
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(made_of) = recorded.get(&name).filter(|_| !found.contains(&name)) {
            open.extend(series(made_of));
        }
        found.insert(name);
    }
    Ok(found)
}

/// The series that an expression names.
pub(super) fn series(expression: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = expression.split(|c: char| !is_part(c));
    let ours = words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)));
    ours.map(str::to_owned).collect()
}

fn rules() -> Result<Vec<Value>> {
    let mut rules = Vec::new();
    for file in ["rules.yaml", "alerts.yaml"] {
        let path = Platform::workspace().join("deploy/prometheus").join(file);
        let yaml = fs::read_to_string(&path).with_context(|| format!("read {file}"))?;
        let groups: Value = serde_saphyr::from_str(&yaml).context(file)?;
        rules.extend(list(&groups, "/groups").flat_map(|group| list(group, "/rules")).cloned());
    }
    Ok(rules)
}

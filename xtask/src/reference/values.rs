//! The values of the charts: every key that a `values.yaml` gives, with its comment there and its type from the schema.

use super::{Page, Section, Table, cell, code, schema};
use anyhow::Context;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn page(root: &Path) -> anyhow::Result<Page> {
    let mut sections = Vec::new();
    for chart in charts(root)? {
        let read = |name: &str| {
            let file = chart.join(name);
            fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
        };
        let schema: Value =
            serde_json::from_str(&read("values.schema.json")?).context("values.schema.json")?;
        let name = chart.file_name().map(|name| name.display().to_string());
        sections.push(of_chart(&name.unwrap_or_default(), &read("values.yaml")?, &schema));
    }
    Ok(Page {
        file: "helm-values.md",
        title: "Helm values",
        intro: "Every key with its default. A key that is not here is refused. What `fleetDefaults` holds may be given in each \
                entry of `fleets`, too.",
        source: "the charts' `values.yaml` and `values.schema.json`",
        sections,
    })
}

/// The charts of the checkout.
fn charts(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = root.join("charts");
    let entries = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut charts: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    charts.retain(|chart| chart.join("values.yaml").is_file());
    charts.sort();
    Ok(charts)
}

fn of_chart(name: &str, values: &str, schema: &Value) -> Section {
    let row = |key: Key| {
        let kind = at(schema, &key.path).map(|found| schema::kind_of(schema, found));
        let path = key.path.join(".");
        [code(&path), kind.unwrap_or_default(), code(&key.default), cell(&key.comment)]
    };
    let rows = keys(values).into_iter().map(row);
    let table = Table::of(["key", "is", "default", ""], rows);
    Section::titled(2, &format!("Chart `{name}`")).with_table(table)
}

/// A key of a values file.
#[derive(Debug, PartialEq)]
struct Key {
    path: Vec<String>,
    /// As it stands there; empty where keys follow.
    default: String,
    /// What stands above it.
    comment: String,
}

/// The keys of a values file in their order. Only block maps are looked into, as ours are written; what is in a list or
/// between braces is one default.
fn keys(text: &str) -> Vec<Key> {
    let (mut keys, mut comment) = (Vec::new(), Vec::new());
    // Where each open map is indented, and the key that it is under.
    let mut open: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if let Some(words) = content.strip_prefix('#') {
            comment.push(words.trim().trim_start_matches("-- ").to_owned());
            continue;
        }
        if let Some((name, default)) = entry(content) {
            while open.last().is_some_and(|(outer, _)| *outer >= indent) {
                open.pop();
            }
            open.push((indent, name.to_owned()));
            let path = open.iter().map(|(_, name)| name.clone()).collect();
            keys.push(Key { path, default: default.trim().to_owned(), comment: comment.join(" ") });
        }
        // A comment belongs to the line below it, and an empty line ends it.
        comment.clear();
    }
    keys
}

/// A line `name: value`.
fn entry(content: &str) -> Option<(&str, &str)> {
    let (name, rest) = content.split_once(':')?;
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    (is_name && (rest.is_empty() || rest.starts_with(' '))).then_some((name, rest))
}

/// The schema of a key.
fn at<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |schema, name| schema::property(root, schema, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn a_key_has_the_comment_above_it_and_its_default_as_it_stands_there() {
        let text = "# Of the file.\n\n# The operator.\noperator:\n  # How many.\n  # One leads.\n  replicas: 2\n  \
                    env: []\n\n# Lost.\n\nimage: {tag: \"\"}\n";
        let key = |path: &[&str], default: &str, comment: &str| Key {
            path: path.iter().map(ToString::to_string).collect(),
            default: default.into(),
            comment: comment.into(),
        };
        assert_eq!(
            keys(text),
            [
                key(&["operator"], "", "The operator."),
                key(&["operator", "replicas"], "2", "How many. One leads."),
                key(&["operator", "env"], "[]", ""),
                key(&["image"], "{tag: \"\"}", ""),
            ]
        );
    }

    /// The paths of every key that YAML itself finds in block maps.
    fn paths(value: &Value, prefix: &[String], found: &mut BTreeSet<Vec<String>>) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let path = [prefix, std::slice::from_ref(name)].concat();
            paths(inner, &path, found);
            found.insert(path);
        }
    }

    #[test]
    fn no_key_of_a_chart_is_lost_and_each_has_a_type() {
        for chart in charts(&workspace::root()).expect("charts") {
            let text = fs::read_to_string(chart.join("values.yaml")).expect("values");
            let schema = fs::read(chart.join("values.schema.json")).expect("a schema");
            let schema: Value = serde_json::from_slice(&schema).expect("JSON");
            let value: Value = serde_saphyr::from_str(&text).expect("YAML");
            let mut all = BTreeSet::new();
            paths(&value, &[], &mut all);
            let keys = keys(&text);
            let found: BTreeSet<_> = keys.iter().map(|key| key.path.clone()).collect();
            assert!(found.is_subset(&all), "{:?}", found.difference(&all).next());
            // What is missing is between the braces of a default that is there.
            for lost in all.difference(&found) {
                let outer = keys
                    .iter()
                    .find(|key| lost.starts_with(&key.path) && key.default.starts_with('{'));
                assert!(outer.is_some(), "{} is lost", lost.join("."));
            }
            for key in &keys {
                assert!(at(&schema, &key.path).is_some(), "{} has no type", key.path.join("."));
            }
        }
    }

    #[test]
    fn a_type_is_found_behind_references() {
        let schema = json!({
            "properties": {"image": {"$ref": "#/definitions/image"}},
            "definitions": {"image": {"properties": {"tag": {"type": "string"}}}},
        });
        let path = ["image", "tag"].map(str::to_owned);
        assert_eq!(at(&schema, &path), Some(&json!({"type": "string"})));
        assert_eq!(at(&schema, &["image".to_owned(), "other".to_owned()]), None);
    }
}

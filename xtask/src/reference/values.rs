//! The values of the charts: every key that a `values.yaml` gives, with its comment there and its type from the schema; and
//! the keys of a fleet that have no default, which only the schema has, with what the custom resource says of them.

use super::{Page, Section, Table, cell, code, schema};
use anyhow::Context;
use apifleet_crds::Kind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn page(root: &Path) -> anyhow::Result<Page> {
    let spec = spec()?;
    let mut sections = Vec::new();
    for chart in charts(root)? {
        let read = |name: &str| {
            let file = chart.join(name);
            fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
        };
        let schema: Value =
            serde_json::from_str(&read("values.schema.json")?).context("values.schema.json")?;
        let name = chart.file_name().map(|name| name.display().to_string());
        let keys = keys(&read("values.yaml")?);
        sections.push(of_chart(&name.unwrap_or_default(), &keys, &schema));
        sections.extend(of_fleets(&keys, &schema, &spec));
    }
    Ok(Page {
        file: "helm-values.md",
        title: "Helm values",
        intro: "Every key with its default, then the keys of a fleet that have none. A key that is not here is refused, unless \
                it is the custom resource's, inside of one of its blocks. What `fleetDefaults` holds may be given in each entry \
                of `fleets`, too.",
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

/// The schema of the spec of an `ApiFleet`.
fn spec() -> anyhow::Result<Value> {
    let definition = apifleet_crds::crd(Kind::ApiFleet).context("build the custom resource")?;
    let definition = serde_json::to_value(definition).context("read the custom resource")?;
    let spec = definition.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec");
    spec.cloned().context("the definition has a spec")
}

fn of_chart(name: &str, keys: &[Key], schema: &Value) -> Section {
    let row = |key: &Key| {
        let kind = at(schema, &key.path).map(|found| schema::kind_of(schema, found));
        let path = key.path.join(".");
        [code(&path), kind.unwrap_or_default(), code(&key.default), cell(&key.comment)]
    };
    let table = Table::of(["key", "is", "default", ""], keys.iter().map(row));
    Section::titled(2, &format!("Chart `{name}`")).with_table(table)
}

/// The keys of a fleet that have no default, where the chart has fleets.
fn of_fleets(keys: &[Key], chart: &Value, spec: &Value) -> Option<Section> {
    let fleet = chart.pointer("/properties/fleets/items")?;
    let defaults = keys.iter().filter_map(|key| key.path.split_first());
    let defaults = defaults.filter(|(first, _)| *first == "fleetDefaults");
    let given = defaults.map(|(_, rest)| rest.join(".")).collect();
    let mut rows = Vec::new();
    Fleet { chart, given }.walk("", fleet, Some(spec), &mut rows);
    let section = Section::titled(3, "Keys of a fleet without a default").with_text(
        "All but `name` may stand in `fleetDefaults`, too. What is inside of a block that is an object here: [custom \
         resources](custom-resources.md).",
    );
    Some(section.with_table(Table::of(["key", "is", "default", ""], rows)))
}

/// What may be said of a fleet.
struct Fleet<'a> {
    /// The schema of the chart's values.
    chart: &'a Value,
    /// The paths of the keys that have a default.
    given: BTreeSet<String>,
}

impl Fleet<'_> {
    /// Adds a row for every key of an object that has no default, and for what is in it. `spec` is the schema of the same
    /// object in the custom resource, where it is there.
    fn walk(
        &self,
        prefix: &str,
        object: &Value,
        spec: Option<&Value>,
        rows: &mut Vec<[String; 4]>,
    ) {
        let parts = self.parts(object);
        let is_required =
            |name: &str| parts.iter().copied().chain(spec).any(|part| requires(part, name));
        let properties = parts.iter().filter_map(|part| part.get("properties")?.as_object());
        for (name, key) in properties.flatten().filter(|(_, key)| key.is_object()) {
            let path = format!("{prefix}{name}");
            let field = spec.and_then(|spec| spec.get("properties")?.get(name));
            if !self.given.contains(&path) {
                let about = field.and_then(|field| field.get("description")?.as_str());
                let kind = schema::kind_of(self.chart, field.unwrap_or(key));
                let default = if is_required(name) { "required" } else { "" };
                let path = code(&format!("fleets[].{path}"));
                rows.push([path, kind, default.to_owned(), cell(about.unwrap_or_default())]);
            }
            self.walk(&format!("{path}."), key, field, rows);
            // All other lists are of what Kubernetes itself defines.
            let items = field.and_then(|field| field.get("items"));
            for part in self.parts(key) {
                if let Some((of_chart, of_spec)) = part.get("items").zip(items) {
                    self.walk(&format!("{path}[]."), of_chart, Some(of_spec), rows);
                }
            }
        }
    }

    /// A schema behind its reference, or all the parts that it is made of.
    fn parts<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let target = schema.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|target| self.chart.pointer(target.strip_prefix('#')?));
        let schema = target.unwrap_or(schema);
        match schema.get("allOf").and_then(Value::as_array) {
            Some(parts) => parts.iter().flat_map(|part| self.parts(part)).collect(),
            None => vec![schema],
        }
    }
}

/// Whether an object must have such a key.
fn requires(schema: &Value, name: &str) -> bool {
    let names = schema.get("required").and_then(Value::as_array);
    names.is_some_and(|names| names.iter().any(|it| it.as_str() == Some(name)))
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
    fn keys_without_a_default_are_told_in_the_words_of_the_custom_resource() {
        let chart = json!({
            "properties": {"fleets": {"items": {"allOf": [{"$ref": "#/definitions/fleet"}, {"required": ["name"]}]}}},
            "definitions": {
                "fleet": {"properties": {
                    "name": {"type": "string"},
                    "mode": {"type": "string"},
                    "min": {"type": "integer"},
                    "signals": {"$ref": "#/definitions/signals"},
                    "refused": false,
                    "list": {"items": {"required": ["of"], "properties": {"of": {"type": "string"}}}},
                    "env": {"type": "array", "items": {"properties": {"name": {"type": "string"}}}},
                }},
                "signals": {"type": "object", "properties": {"preset": {}, "window": {"type": "integer"}}},
            },
        });
        let spec = json!({"required": ["min"], "properties": {
            "min": {"type": "integer", "minimum": 1, "description": "The smallest size."},
            "signals": {"properties": {"window": {"type": "integer", "description": "How long."}}},
            "list": {"items": {"properties": {"of": {"type": "string", "description": "Of what."}}}},
        }});
        let values =
            "fleetDefaults:\n  mode: Enforce\n  signals:\n    preset: x\n  list: []\n  env: []\n";
        let section = of_fleets(&keys(values), &chart, &spec).expect("it has fleets");
        assert_eq!(
            section.table.expect("rows").rows,
            [
                "| `fleets[].list[].of` | string | required | Of what. |",
                "| `fleets[].min` | integer, 1 or more | required | The smallest size. |",
                "| `fleets[].name` | string | required |  |",
                "| `fleets[].signals.window` | integer |  | How long. |",
            ]
        );
        assert!(of_fleets(&[], &json!({}), &spec).is_none(), "a chart without fleets");
    }

    #[test]
    fn what_every_fleet_needs_is_on_the_page() {
        let page = page(&workspace::root()).expect("a page");
        let rows: Vec<String> =
            page.sections.into_iter().filter_map(|it| it.table).flat_map(|it| it.rows).collect();
        for key in ["name", "minReplicas", "maxReplicas"] {
            let begin = format!("| `fleets[].{key}` | ");
            let row = rows.iter().find(|row| row.starts_with(&begin));
            assert!(row.is_some_and(|row| row.contains("| required |")), "{key}: {row:?}");
        }
        let window = "| `fleets[].signals.windowSeconds` | integer, 15 to 900 | ";
        assert!(rows.iter().any(|row| row.starts_with(window)), "{rows:#?}");
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

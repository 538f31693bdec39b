//! The custom resources: every field of their schemas, and every rule.

use super::{Page, Section, Table, cell, code, schema};
use anyhow::Context;
use apifleet_crds::Kind;
use serde_json::Value;

/// The end of a description that says what an absent field means.
const DEFAULT: &str = " Default: ";

pub(super) fn page() -> anyhow::Result<Page> {
    let mut sections = Vec::new();
    for kind in Kind::ALL {
        let definition = apifleet_crds::crd(kind).context("build the custom resources")?;
        let definition = serde_json::to_value(definition).context("read the custom resources")?;
        let schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema");
        sections.extend(of_kind(kind.as_str(), schema.context("a definition has a schema")?));
    }
    Ok(Page {
        file: "custom-resources.md",
        title: "Custom resources",
        intro: "`apifleet.dev/v1alpha1`: every field, as `kubectl explain` has them, and every rule by which the API server \
                refuses a manifest. Lists are written with `[]`.",
        source: "the types in `crds/src`",
        sections,
    })
}

fn of_kind(kind: &str, schema: &Value) -> Vec<Section> {
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let mut sections = vec![Section::titled(2, kind).with_text(about)];
    let mut rules = Vec::new();
    for part in ["spec", "status"] {
        let Some(of_part) = schema.pointer(&format!("/properties/{part}")) else { continue };
        let mut fields = Vec::new();
        walk(&format!("{part}."), of_part, &mut fields);
        collect_rules(part, of_part, &mut rules);
        let table = Table::of(["field", "is", "default", ""], fields);
        sections.push(Section::titled(3, &format!("{kind}: {part}")).with_table(table));
    }
    if let Some(table) = Table::of(["where", "a manifest is refused, unless it holds"], rules) {
        sections.push(Section::titled(3, &format!("{kind}: rules")).with_table(Some(table)));
    }
    sections
}

/// The fields of an object, and of what is in it.
fn walk(prefix: &str, schema: &Value, rows: &mut Vec<[String; 4]>) {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|it| it.as_str() == Some(name)));
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let about = field.get("description").and_then(Value::as_str).unwrap_or_default();
        let (about, default) = without_default(about);
        let default = match field.get("default") {
            Some(default) => code(&schema::plain(default)),
            None if is_required(name) => "required".to_owned(),
            None => cell(default),
        };
        rows.push([code(&path), schema::kind_of(&Value::Null, field), default, cell(about)]);
        walk(&format!("{path}."), field, rows);
        if let Some(items) = field.get("items") {
            walk(&format!("{path}[]."), items, rows);
        }
    }
}

/// A description, and what it says at its end of the default.
fn without_default(about: &str) -> (&str, &str) {
    match about.rsplit_once(DEFAULT) {
        Some((about, default)) => (about, default.trim_end_matches('.')),
        None => (about, ""),
    }
}

fn collect_rules(path: &str, schema: &Value, rows: &mut Vec<[String; 2]>) {
    let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
    let messages = rules.into_iter().flatten().filter_map(|rule| rule.get("message")?.as_str());
    rows.extend(messages.map(|message| [code(path), cell(message)]));
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        collect_rules(&format!("{path}.{name}"), field, rows);
    }
    if let Some(items) = schema.get("items") {
        collect_rules(&format!("{path}[]"), items, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_at_every_depth_with_what_they_are_without() {
        let schema = json!({
            "required": ["min"],
            "properties": {
                "min": {"type": "integer", "minimum": 1, "description": "The smallest size."},
                "list": {"type": "array", "items": {"type": "object", "properties": {
                    "name": {"type": "string", "description": "Its name. Example: a. Default: none."}}}},
            },
        });
        let mut rows = Vec::new();
        walk("spec.", &schema, &mut rows);
        let expected = [
            ["`spec.list`", "list of object", "", ""],
            ["`spec.list[].name`", "string", "none", "Its name. Example: a."],
            ["`spec.min`", "integer, 1 or more", "required", "The smallest size."],
        ];
        assert_eq!(rows, expected.map(|row| row.map(str::to_owned)));
    }

    #[test]
    fn rules_are_named_by_where_they_are() {
        let schema = json!({
            "x-kubernetes-validations": [{"rule": "r", "message": "one"}, {"rule": "without words"}],
            "properties": {"list": {"items": {"x-kubernetes-validations": [{"message": "two"}]}}},
        });
        let mut rows = Vec::new();
        collect_rules("spec", &schema, &mut rows);
        assert_eq!(
            rows,
            [["`spec`", "one"], ["`spec.list[]`", "two"]].map(|row| row.map(str::to_owned))
        );
    }

    #[test]
    fn every_kind_has_its_fields_its_status_and_its_rules() {
        let page = page().expect("a page");
        let headings: Vec<_> =
            page.sections.iter().map(|section| section.heading.as_str()).collect();
        for kind in Kind::ALL {
            let spec = format!("### {}: spec", kind.as_str());
            assert!(headings.contains(&spec.as_str()), "{spec} is not among {headings:?}");
        }
        let fleet = page.sections.iter().find(|it| it.heading == "### ApiFleet: spec").expect("it");
        let rows = &fleet.table.as_ref().expect("fields").rows;
        let target =
            rows.iter().find(|row| row.contains("`spec.signals.requestRate.targetPerReplica`"));
        assert!(target.is_some_and(|row| row.contains("integer")), "{target:?}");
        assert!(
            headings.contains(&"### ApiFleet: rules") && headings.contains(&"### ApiFleet: status")
        );
    }
}

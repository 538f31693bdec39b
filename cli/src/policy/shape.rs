//! Holds a document against the schema of its kind: fields that there are not, or that are missing, and values of the
//! wrong type, size or word. Pure.
//!
//! The schema is that of the definition that is installed in a cluster. Rules over several fields, and what texts mean,
//! are not looked at here: they are told by giving the document its meaning ([`super::lint`]).

use crate::near;
use serde_json::{Map, Value};

/// What is wrong, each with the path of its field.
#[must_use]
pub fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look("", schema, document, &mut found);
    found
}

fn look(path: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    if flag(schema, "x-kubernetes-int-or-string") {
        if !value.is_string() && !value.is_i64() {
            found.push(format!(
                "{path} is {}, not a whole number or a text: write it in quotation marks",
                shown(value)
            ));
        }
        return;
    }
    match (schema.get("type").and_then(Value::as_str), value) {
        (Some("object"), Value::Object(fields)) => look_at_fields(path, schema, fields, found),
        (Some("array"), Value::Array(items)) => look_at_items(path, schema, items, found),
        (Some("string"), Value::String(text)) => look_at_text(path, schema, text, found),
        (Some("integer"), Value::Number(number)) if number.is_i64() => {
            look_at_number(path, schema, value, found);
        }
        (Some("boolean"), Value::Bool(_)) | (Some("number"), Value::Number(_)) | (None, _) => {}
        (Some(wanted), _) => {
            found.push(format!("{path} is {}, not {}", shown(value), type_word(wanted)));
        }
    }
}

fn look_at_fields(
    path: &str,
    schema: &Value,
    fields: &Map<String, Value>,
    found: &mut Vec<String>,
) {
    let known = schema.get("properties").and_then(Value::as_object);
    let others = schema.get("additionalProperties").filter(|it| it.is_object());
    let open = flag(schema, "x-kubernetes-preserve-unknown-fields") || known.is_none();
    // A null means what an absent field means.
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let path = join(path, name);
        match known.and_then(|known| known.get(name)).or(others) {
            Some(schema) => look(&path, schema, value, found),
            None if open => {}
            None => {
                let names = known.into_iter().flatten().map(|(name, _)| name.as_str());
                let near = near::hint(&near::nearest(name, names));
                found.push(format!("{path} is no field{near}"));
            }
        }
    }
    let missing = |name: &&str| fields.get(*name).is_none_or(Value::is_null);
    for name in texts(schema, "required").filter(missing) {
        found.push(format!("{} is missing", join(path, name)));
    }
    count(path, "entries", fields.len(), (schema, "minProperties", "maxProperties"), found);
}

fn look_at_items(path: &str, schema: &Value, items: &[Value], found: &mut Vec<String>) {
    if let Some(schema) = schema.get("items") {
        for (number, item) in items.iter().enumerate() {
            look(&format!("{path}[{number}]"), schema, item, found);
        }
    }
    count(path, "entries", items.len(), (schema, "minItems", "maxItems"), found);
}

fn look_at_text(path: &str, schema: &Value, text: &str, found: &mut Vec<String>) {
    let mut words = texts(schema, "enum").peekable();
    if words.peek().is_some() {
        let words: Vec<&str> = words.collect();
        if !words.contains(&text) {
            let near = near::hint(&near::nearest(text, words.iter().copied()));
            found.push(format!("{path} is {text:?}, not one of {}{near}", words.join(", ")));
        }
        return;
    }
    count(path, "characters", text.chars().count(), (schema, "minLength", "maxLength"), found);
}

fn look_at_number(path: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let number = value.as_f64().unwrap_or_default();
    if let Some(least) = bound("minimum").filter(|least| number < *least) {
        found.push(format!("{path} is {value}, and must be at least {least}"));
    }
    if let Some(most) = bound("maximum").filter(|most| number > *most) {
        found.push(format!("{path} is {value}, and must be at most {most}"));
    }
}

fn count(
    path: &str,
    what: &str,
    there: usize,
    (schema, least, most): (&Value, &str, &str),
    found: &mut Vec<String>,
) {
    let bound = |name: &str| {
        let bound = schema.get(name).and_then(Value::as_u64);
        bound.and_then(|bound| usize::try_from(bound).ok())
    };
    if let Some(least) = bound(least).filter(|least| there < *least) {
        found.push(format!("{path} has {there} {what}, and must have at least {least}"));
    }
    if let Some(most) = bound(most).filter(|most| there > *most) {
        found.push(format!("{path} has {there} {what}, and may have at most {most}"));
    }
}

fn texts<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value as it was written, where that is short.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "a block".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => format!("{:?}", apifleet_crds::convert::bounded(text, 40)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn type_word(wanted: &str) -> &str {
    match wanted {
        "object" => "a block",
        "array" => "a list",
        "string" => "a text: write it in quotation marks",
        "integer" => "a whole number",
        "boolean" => "true or false",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["spec"],
            "properties": {"spec": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 4},
                    "mode": {"type": "string", "enum": ["Hold", "Fallback"]},
                    "size": {"type": "integer", "minimum": 1, "maximum": 9},
                    "share": {"x-kubernetes-int-or-string": true},
                    "list": {"type": "array", "minItems": 1, "items": {"type": "integer"}},
                    "labels": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
                },
            }},
        })
    }

    #[test]
    fn what_fits_has_no_fault() {
        let whole = json!({"spec": {"name": "a", "mode": "Hold", "size": 9, "share": "0.5", "list": [1],
            "labels": {"a": "b"}}});
        for document in [whole, json!({"spec": {"name": "a", "mode": null, "share": 1}})] {
            assert_eq!(faults(&schema(), &document), [""; 0], "{document}");
        }
    }

    #[test]
    fn every_fault_is_one_line_with_its_path() {
        for (spec, said) in [
            (json!({"name": "a", "siz": 1}), "spec.siz is no field; did you mean size?"),
            (json!({"size": 1}), "spec.name is missing"),
            (json!({"name": null}), "spec.name is missing"),
            (json!({"name": ""}), "spec.name has 0 characters, and must have at least 1"),
            (json!({"name": "abcde"}), "spec.name has 5 characters, and may have at most 4"),
            (json!({"name": 5}), "spec.name is 5, not a text: write it in quotation marks"),
            (
                json!({"name": "a", "mode": "hold"}),
                "spec.mode is \"hold\", not one of Hold, Fallback; did you mean Hold?",
            ),
            (json!({"name": "a", "size": 0}), "spec.size is 0, and must be at least 1"),
            (json!({"name": "a", "size": 10}), "spec.size is 10, and must be at most 9"),
            (json!({"name": "a", "size": 1.5}), "spec.size is 1.5, not a whole number"),
            (json!({"name": "a", "size": "1"}), "spec.size is \"1\", not a whole number"),
            (
                json!({"name": "a", "share": 0.5}),
                "spec.share is 0.5, not a whole number or a text: write it in quotation marks",
            ),
            (json!({"name": "a", "list": []}), "spec.list has 0 entries, and must have at least 1"),
            (json!({"name": "a", "list": [1, "x"]}), "spec.list[1] is \"x\", not a whole number"),
            (
                json!({"name": "a", "labels": {"b": 1}}),
                "spec.labels.b is 1, not a text: write it in quotation marks",
            ),
            (
                json!({"name": "a", "labels": {"b": "", "c": ""}}),
                "spec.labels has 2 entries, and may have at most 1",
            ),
        ] {
            assert_eq!(faults(&schema(), &json!({"spec": spec})), [said], "{spec}");
        }
        assert_eq!(faults(&schema(), &json!({})), ["spec is missing"]);
        assert_eq!(faults(&schema(), &json!({"spec": []})), ["spec is a list, not a block"]);
    }
}

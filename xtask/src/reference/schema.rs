//! How a JSON schema reads in a cell: what a value may be. Pure.

use super::code;
use serde_json::Value;

/// What is true of a value by its schema, in words.
pub(super) fn kind_of(root: &Value, schema: &Value) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    if let Some(target) = text("$ref").and_then(|target| resolve(root, target)) {
        return kind_of(root, target);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<_> = values.iter().map(|value| code(&plain(value))).collect();
        return words.join(", ");
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(kinds) = schema.get(several).and_then(Value::as_array) {
            return either(kinds.iter().map(|kind| kind_of(root, kind)));
        }
    }
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return format!("integer or string{}", bounds(schema));
    }
    match schema.get("type") {
        Some(Value::String(kind)) => of_type(root, schema, kind),
        Some(Value::Array(kinds)) => {
            either(kinds.iter().filter_map(Value::as_str).map(|kind| of_type(root, schema, kind)))
        }
        _ => schema.get("allOf").and_then(Value::as_array).map_or_else(
            || "anything".to_owned(),
            |all| all.first().map(|first| kind_of(root, first)).unwrap_or_default(),
        ),
    }
}

fn of_type(root: &Value, schema: &Value, kind: &str) -> String {
    let inner = |key: &str| schema.get(key).filter(|inner| inner.is_object());
    match kind {
        "array" => match inner("items") {
            Some(items) => format!("list of {}", kind_of(root, items)),
            None => "list".to_owned(),
        },
        "object" => match inner("additionalProperties") {
            Some(values) => format!("map of {}", kind_of(root, values)),
            None => "object".to_owned(),
        },
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some(format) => format!("string ({format})"),
            None => "string".to_owned(),
        },
        other => format!("{other}{}", bounds(schema)),
    }
}

/// The smallest and the largest number.
fn bounds(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64).map(|bound| bound.to_string());
    match (bound("minimum"), bound("maximum")) {
        (Some(min), Some(max)) => format!(", {min} to {max}"),
        (Some(min), None) => format!(", {min} or more"),
        (None, Some(max)) => format!(", {max} or less"),
        (None, None) => String::new(),
    }
}

fn either(kinds: impl Iterator<Item = String>) -> String {
    kinds.filter(|kind| kind != "null").collect::<Vec<_>>().join(" or ")
}

/// The schema of a property, wherever among the parts of its object's schema it is.
pub(super) fn property<'a>(root: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    let referred = || {
        let target = schema.get("$ref").and_then(Value::as_str)?;
        property(root, resolve(root, target)?, name)
    };
    let parts = || {
        let parts = schema.get("allOf").and_then(Value::as_array)?;
        parts.iter().find_map(|part| property(root, part, name))
    };
    own.filter(|own| own.is_object()).or_else(referred).or_else(parts)
}

fn resolve<'a>(root: &'a Value, target: &str) -> Option<&'a Value> {
    root.pointer(target.strip_prefix('#')?)
}

/// A value as it is typed: words without quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(schema: &Value) -> String {
        kind_of(&json!({"definitions": {"name": {"type": "string"}}}), schema)
    }

    #[test]
    fn every_kind_of_schema_reads_as_words() {
        for (schema, words) in [
            (json!({"type": "integer", "minimum": 1, "maximum": 300}), "integer, 1 to 300"),
            (json!({"type": "number", "minimum": 0}), "number, 0 or more"),
            (json!({"enum": ["a", "b"]}), "`a`, `b`"),
            (json!({"type": "array", "items": {"$ref": "#/definitions/name"}}), "list of string"),
            (json!({"type": "array"}), "list"),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "map of string",
            ),
            (json!({"type": "object", "additionalProperties": false}), "object"),
            (json!({"type": ["string", "null"]}), "string"),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}),
                "string or integer",
            ),
            (json!({"type": "string", "format": "date"}), "string (date)"),
            (json!({"x-kubernetes-int-or-string": true}), "integer or string"),
            (json!({"allOf": [{"$ref": "#/definitions/name"}]}), "string"),
            (json!({}), "anything"),
            (json!(true), "anything"),
        ] {
            assert_eq!(kind(&schema), words, "{schema}");
        }
    }

    #[test]
    fn a_property_is_found_behind_references_and_in_parts() {
        let root = json!({"definitions": {"fleet": {"properties": {"mode": {"type": "string"}}}}});
        let schema =
            json!({"allOf": [{"$ref": "#/definitions/fleet"}, {"properties": {"name": false}}]});
        assert_eq!(property(&root, &schema, "mode"), Some(&json!({"type": "string"})));
        assert_eq!(property(&root, &schema, "name"), None, "false is no schema of a value");
        assert_eq!(property(&root, &schema, "other"), None);
    }
}

//! The pieces of schema that a derive cannot write: quantities, maps with bounded values, and conditions, which
//! have no bounds of their own in Kubernetes.

use crate::{clock, names};
use schemars::{Schema, SchemaGenerator, json_schema};

/// `100`, `"0.5"`, `"500m"`: percent, 0 to 100.
pub const PERCENT_QUANTITY: &str =
    r"^(0?[0-9]{1,2}(\.[0-9]{1,6})?|100(\.0{1,6})?|(0?[0-9]{1,5}|100000)m|[0-9]{1,6}u)$";

/// `1`, `"0.05"`, `"50m"`, `"500u"`: a share, 0 to 1.
pub const SHARE_QUANTITY: &str =
    r"^(0{1,3}(\.[0-9]{1,6})?|0{0,2}1(\.0{1,6})?|(0{0,3}[0-9]{1,3}|0{0,2}1000)m|[0-9]{1,6}u)$";

/// A percentage as a Quantity.
pub(crate) fn percent_quantity(_: &mut SchemaGenerator) -> Schema {
    quantity(PERCENT_QUANTITY, 100)
}

/// A share as a Quantity.
pub(crate) fn share_quantity(_: &mut SchemaGenerator) -> Schema {
    quantity(SHARE_QUANTITY, 1)
}

fn quantity(pattern: &str, maximum: i32) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 0,
        "maximum": maximum,
        "maxLength": 12,
        "pattern": pattern,
    })
}

/// A day. The API server checks by the format that the month has it; the pattern keeps to this century.
pub(crate) fn date(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date", "maxLength": 10, "pattern": clock::DATE})
}

/// Days, each once.
pub(crate) fn dates(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": date(generator),
        "x-kubernetes-list-type": "set",
    })
}

/// An instant. The API server reads more spellings than RFC 3339 has; the pattern leaves none that we would not read.
pub(crate) fn instant(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "maxLength": 40, "pattern": clock::INSTANT})
}

/// Label names and the values they must have.
pub(crate) fn match_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "pattern": names::LABEL_VALUE,
        },
    })
}

/// Conditions as the Kubernetes API conventions ask, one per type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": condition(),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

fn condition() -> Schema {
    json_schema!({
        "type": "object",
        "required": ["type", "status", "reason", "message", "lastTransitionTime"],
        "properties": {
            "type": {"type": "string", "maxLength": 64, "description": "What is said to hold or not."},
            "status": {
                "type": "string",
                "enum": ["True", "False", "Unknown"],
                "description": "Whether it holds.",
            },
            "reason": {
                "type": "string",
                "minLength": 1,
                "maxLength": 64,
                "description": "Why, in one word; the runbook of that name says what to do.",
            },
            "message": {"type": "string", "maxLength": 512, "description": "Why, with the numbers."},
            "lastTransitionTime": {
                "type": "string",
                "format": "date-time",
                "description": "Since when it has this status.",
            },
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "description": "The metadata.generation that it was said of.",
            },
        },
    })
}

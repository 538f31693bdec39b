//! `status.memory`: core's [`Memory`] as it is stored, read back without ever failing.
//!
//! A newer operator may have written another version, a person may have edited it. Either is as good as nothing,
//! which is safe; an error instead would keep the whole fleet from being read.

use apifleet_core::Memory;
use apifleet_core::memory::VERSION;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a stored memory; one that is not understood, or of another version, is discarded.
///
/// # Errors
/// Those of a document that is not well formed, never for what it says.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Memory>, D::Error> {
    let stored = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(stored).ok().filter(|memory: &Memory| memory.version == VERSION))
}

/// The stored form of [`Memory`]; the API server drops what is not in it.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    let replicas = |text: &str| integer("int32", text);
    let at = || instant("When.");
    let recommendation = object(&[("at", at()), ("replicas", replicas("How many replicas."))]);
    let change = object(&[
        ("at", at()),
        ("from", replicas("Replicas before.")),
        ("to", replicas("Replicas after.")),
    ]);
    let placement = object(&[
        ("onDemand", replicas("Replicas of the on-demand target.")),
        ("spot", replicas("Replicas of the spot target.")),
    ]);
    object(&[
        (
            "version",
            integer(
                "int32",
                "Version of this block. Another one than the operator's is discarded.",
            ),
        ),
        ("at", instant("When it was written.")),
        ("size", replicas("Size that was decided, in replicas.")),
        ("placement", about(placement, "What was last asked of the targets.")),
        (
            "highs",
            list(
                32,
                &recommendation,
                "Recommendations that hold the size up, in the scale-down window.",
            ),
        ),
        (
            "lows",
            list(
                32,
                &recommendation,
                "Recommendations that hold the size down, in the scale-up window.",
            ),
        ),
        (
            "changes",
            list(64, &change, "Changes of the size that the scaling policies count, oldest first."),
        ),
        ("climbingUntil", instant("Until then a scale-out runs on without tolerance.")),
        ("trustedSince", instant("Since when every signal has been trusted.")),
        ("last", last_values()),
        ("guard", guard()),
        ("foreignWrites", list(3, &at(), "When others wrote the targets' replicas, oldest first.")),
    ])
}

fn last_values() -> Schema {
    let value = integer("int64", "A thousand times the value.");
    let sample = object(&[("at", instant("When it was scraped.")), ("thousandths", value)]);
    let values = object(&[
        ("requestRate", about(sample.clone(), "Requests per second over the window.")),
        ("burstRate", about(sample.clone(), "Requests per second over 15 seconds.")),
        ("latency", about(sample.clone(), "The guarded percentile, in milliseconds.")),
        ("errors", about(sample, "Failed requests, in percent.")),
    ]);
    about(values, "Last good value of each signal.")
}

fn guard() -> Schema {
    let state = object(&[
        ("aboveSince", instant("Since when latency has been above its target.")),
        ("calmSince", instant("Since when latency has been calm.")),
        (
            "baseline",
            integer("int64", "Latency at the first step, in thousandths of a millisecond."),
        ),
        ("steps", integer("int32", "Steps that were taken since.")),
        ("asked", integer("int32", "Size that the last step asked for, in replicas.")),
        ("readySince", instant("Since when so many replicas have been Ready.")),
        (
            "exhausted",
            json_schema!({"type": "boolean", "description": "Whether the steps did not help."}),
        ),
    ]);
    about(state, "State of the latency guard.")
}

fn object(properties: &[(&str, Schema)]) -> Schema {
    let properties: serde_json::Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone().to_value()))
        .collect();
    json_schema!({"type": "object", "properties": properties})
}

fn list(longest: u32, items: &Schema, text: &str) -> Schema {
    json_schema!({"type": "array", "description": text, "maxItems": longest, "items": items})
}

fn integer(format: &str, text: &str) -> Schema {
    json_schema!({"type": "integer", "format": format, "description": text})
}

fn instant(text: &str) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "maxLength": 40, "description": text})
}

fn about(mut schema: Schema, text: &str) -> Schema {
    schema.insert("description".to_owned(), text.into());
    schema
}

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
    object(&[
        ("version", count("Version of this block. Another one than the operator's is discarded.")),
        ("at", instant("When it was written.")),
        ("size", count("Size that was decided, in replicas.")),
        ("placement", placement()),
        ("highs", recommendations("hold the size up, in the scale-down window")),
        ("lows", recommendations("hold the size down, in the scale-up window")),
        ("changes", changes()),
        ("patience", patience()),
        ("climbingUntil", instant("Until then a scale-out runs on without tolerance.")),
        ("trustedSince", instant("Since when every signal has been trusted.")),
        ("last", last_values()),
        ("guard", guard()),
        ("spot", spot()),
        ("learned", learned()),
        ("openings", list(32, &opening(), "Windows that are open or pre-warm.")),
        ("foreignWrites", foreign_writes()),
        ("overrides", list(2, &imposed(), "Overrides that counted for the size.")),
    ])
}

fn placement() -> Schema {
    let placement = object(&[
        ("onDemand", count("Replicas of the on-demand target.")),
        ("spot", count("Replicas of the spot target.")),
    ]);
    about(placement, "What was last asked of the targets.")
}

fn recommendations(text: &str) -> Schema {
    let recommendation =
        object(&[("at", instant("When.")), ("replicas", count("How many replicas."))]);
    list(32, &recommendation, &format!("Recommendations that {text}."))
}

fn changes() -> Schema {
    let change = object(&[
        ("at", instant("When.")),
        ("from", count("Replicas before.")),
        ("to", count("Replicas after.")),
    ]);
    list(64, &change, "Changes of the size that the scaling policies count, oldest first.")
}

fn foreign_writes() -> Schema {
    list(3, &instant("When."), "When others wrote the targets' replicas, oldest first.")
}

fn imposed() -> Schema {
    object(&[
        ("name", text(32, "Which.")),
        ("action", text(16, "What was ordered.")),
        ("replicas", count("The size that it named.")),
    ])
}

fn last_values() -> Schema {
    let sample = sample("When it was scraped.");
    let values = object(&[
        ("requestRate", about(sample.clone(), "Requests per second over the window.")),
        ("burstRate", about(sample.clone(), "Requests per second over 15 seconds.")),
        ("latency", about(sample.clone(), "The guarded percentile, in milliseconds.")),
        ("errors", about(sample.clone(), "Failed requests, in percent.")),
        ("criticalRate", about(sample, "Requests per second that must never be lost.")),
    ]);
    about(values, "Last good value of each signal.")
}

fn sample(at: &str) -> Schema {
    let value = large("A thousand times the value.");
    object(&[("at", instant(at)), ("thousandths", value)])
}

fn spot() -> Schema {
    let stance = object(&[
        ("state", text(16, "The state.")),
        ("until", instant("The end of a fallback's hold-down.")),
        ("sharePercent", count("The share that may be on spot again, in percent.")),
        ("steppedAt", instant("When that share last rose.")),
    ]);
    let interrupted = object(&[
        ("node", text(16, "The node.")),
        ("at", instant("When its end was first seen.")),
        ("last", instant("When it was last seen.")),
        ("pods", count("The most pods of the fleet that were on it.")),
    ]);
    let demand = sample("When it was seen.");
    let leaving = object(&[
        ("since", instant("When it began.")),
        ("from", count("Replicas that were Ready on spot then.")),
    ]);
    let state = object(&[
        ("stance", about(stance, "The state, with what belongs to it.")),
        ("since", instant("Since when.")),
        ("interruptions", list(16, &interrupted, "Nodes that were taken away lately.")),
        ("strikes", list(2, &instant("When."), "When pods found no spot node in time.")),
        ("fallbacks", count("Fallbacks since the last long calm.")),
        ("troubledAt", instant("When spot was last in trouble.")),
        ("demand", list(32, &demand, "The highest demand of the scale-down window.")),
        ("critical", list(32, &demand, "The highest critical demand of that window.")),
        ("leaving", about(leaving, "How the fleet leaves spot, where that is ordered.")),
    ]);
    about(state, "State of the spot capacity.")
}

fn learned() -> Schema {
    let seconds = count("In seconds.");
    let measured = object(&[
        ("until", instant("Later ones have not been counted yet.")),
        ("seconds", list(32, &seconds, "The latest ones, oldest first.")),
    ]);
    let kinds =
        object(&[("pods", about(measured.clone(), "Pods.")), ("nodes", about(measured, "Nodes."))]);
    about(kinds, "How long pods and nodes have taken to become Ready.")
}

fn patience() -> Schema {
    let patience = object(&[
        ("doublings", count("How often the scale-down window is doubled now.")),
        ("since", instant("When it was last doubled or halved.")),
        ("removedAt", instant("When replicas were last removed and not asked for again since.")),
    ]);
    about(patience, "What was learned about removals that demand took back.")
}

fn opening() -> Schema {
    let origin =
        object(&[("at", instant("When.")), ("replicas", count("At which size, in replicas."))]);
    let missing =
        object(&[("onDemand", count("On on-demand nodes.")), ("spot", count("On spot nodes."))]);
    let opened = object(&[
        ("due", instant("When its replicas had to be Ready.")),
        ("readyAt", instant("When all were.")),
    ]);
    object(&[
        ("schedule", text(32, "Of which schedule.")),
        ("start", instant("When it opens.")),
        ("podLead", count("The lead of pods as its pre-warm began, in seconds.")),
        ("nodeLead", count("That of nodes.")),
        ("origin", about(origin, "From where the floor climbs.")),
        ("promised", count("The floor that it set last, in replicas.")),
        ("missing", about(missing, "Placeholders without a node as the floor began to climb.")),
        ("opened", about(opened, "Whether its replicas were Ready in time.")),
    ])
}

fn guard() -> Schema {
    let state = object(&[
        ("aboveSince", instant("Since when latency has been above its target.")),
        ("calmSince", instant("Since when latency has been calm.")),
        ("baseline", large("Latency at the first step, in thousandths of a millisecond.")),
        ("steps", count("Steps that were taken since.")),
        ("asked", count("Size that the last step asked for, in replicas.")),
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

fn count(text: &str) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "description": text})
}

fn large(text: &str) -> Schema {
    json_schema!({"type": "integer", "format": "int64", "description": text})
}

fn text(longest: u32, about: &str) -> Schema {
    json_schema!({"type": "string", "maxLength": longest, "description": about})
}

fn instant(text: &str) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "maxLength": 40, "description": text})
}

fn about(mut schema: Schema, text: &str) -> Schema {
    schema.insert("description".to_owned(), text.into());
    schema
}

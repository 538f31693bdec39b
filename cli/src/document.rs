//! Answers as documents, for programs: versioned, so that what reads them can tell what it reads.

use crate::failure::Failure;
use serde::Serialize;

/// The version of every document that this program writes.
pub const API_VERSION: &str = "cli.apifleet.dev/v1";

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// JSON, indented.
    Json,
    /// YAML.
    Yaml,
}

/// An answer with its version and kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    answer: &'a T,
}

/// The answer as a document of its kind.
///
/// # Errors
/// Where it cannot be written so, which is a defect.
pub fn document<T: Serialize>(
    syntax: Syntax,
    kind: &'static str,
    answer: &T,
) -> Result<String, Failure> {
    write(syntax, &Document { api_version: API_VERSION, kind, answer })
}

/// A value as it is, without version and kind of ours.
///
/// # Errors
/// Where it cannot be written so, which is a defect.
pub fn write<T: Serialize>(syntax: Syntax, value: &T) -> Result<String, Failure> {
    let defect = |error: &dyn std::fmt::Display| Failure::Document(error.to_string());
    // Through a plain value, so that both syntaxes say the same.
    let value = serde_json::to_value(value).map_err(|error| defect(&error))?;
    match syntax {
        Syntax::Json => serde_json::to_string_pretty(&value)
            .map(|text| text + "\n")
            .map_err(|error| defect(&error)),
        Syntax::Yaml => serde_saphyr::to_string(&value)
            .map(|text| if text.ends_with('\n') { text } else { text + "\n" })
            .map_err(|error| defect(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Answer {
        desired: Option<i32>,
        why: &'static str,
    }

    #[test]
    fn every_document_says_its_version_and_kind() {
        let answer = Answer { desired: Some(30), why: "no: \"yes\"\nand so on" };
        let json = document(Syntax::Json, "FleetStatus", &answer).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["apiVersion"], API_VERSION);
        assert_eq!(json["kind"], "FleetStatus");
        assert_eq!(json["desired"], 30);
        let yaml = document(Syntax::Yaml, "FleetStatus", &answer).unwrap();
        let back: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(back, json, "both syntaxes say the same: {yaml}");
    }
}

//! Which of two definitions is the older one.
//!
//! Every definition carries [`REVISION`] as an annotation, and whoever changes what a schema accepts raises it: a test
//! holds the two together. An API server drops fields that its definition does not know; so an operator does not run on a
//! definition that is older than its own. One number for all kinds, since they are installed together.

use std::collections::BTreeMap;

/// The annotation of a definition that holds its revision.
pub const ANNOTATION: &str = "apifleet.dev/definition-revision";

/// The revision of the definitions of this build.
pub const REVISION: u32 = 1;

/// The revision that a definition's annotations name. Zero, which is older than every other, where they name none.
#[must_use]
pub fn revision_of(annotations: Option<&BTreeMap<String, String>>) -> u32 {
    let named = annotations.and_then(|annotations| annotations.get(ANNOTATION));
    named.and_then(|text| text.parse().ok()).unwrap_or_default()
}

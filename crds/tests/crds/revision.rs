//! The revision of the definitions: on each of them, and raised whenever what they accept changes.

use apifleet_crds::Kind;
use apifleet_crds::revision::{ANNOTATION, REVISION, revision_of};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the schemas of revision 1 hash to, without the texts for people.
const DIGEST: &str = "a105dc5313baf5ea742443d2da1a77f692710e1760d34b9ab4df7205fa30e1d8";

#[test]
fn a_definition_that_accepts_something_else_has_a_higher_revision() {
    let digest = digest();
    assert_eq!(
        digest, DIGEST,
        "what the definitions accept has changed: raise REVISION (now {REVISION}) in crds/src/revision.rs, then write \
         the new digest here"
    );
}

#[test]
fn every_definition_says_its_revision() {
    for kind in Kind::ALL {
        let definition = apifleet_crds::crd(kind).unwrap();
        assert_eq!(revision_of(definition.metadata.annotations.as_ref()), REVISION, "{kind:?}");
    }
}

#[test]
fn a_definition_that_says_no_revision_is_older_than_every_other() {
    let annotated = |text: &str| BTreeMap::from([(ANNOTATION.to_owned(), text.to_owned())]);
    assert_eq!(revision_of(None), 0);
    assert_eq!(revision_of(Some(&BTreeMap::new())), 0);
    assert_eq!(revision_of(Some(&annotated("new"))), 0);
    assert_eq!(revision_of(Some(&annotated("-1"))), 0);
    assert_eq!(revision_of(Some(&annotated("12"))), 12);
    const { assert!(REVISION > 0) };
}

fn digest() -> String {
    let mut hash = Sha256::new();
    for kind in Kind::ALL {
        let definition = serde_json::to_value(apifleet_crds::crd(kind).unwrap()).unwrap();
        let mut spec = definition["spec"].clone();
        without_texts(&mut spec);
        hash.update(spec.to_string());
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// Takes away what only people read: descriptions, and the messages of rules. A property of that name is a schema, no text.
fn without_texts(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| {
                !(field.is_string() && ["description", "message"].contains(&name.as_str()))
            });
            fields.values_mut().for_each(without_texts);
        }
        Value::Array(items) => items.iter_mut().for_each(without_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

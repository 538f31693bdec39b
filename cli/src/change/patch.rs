//! The smallest merge patch (RFC 7396) that makes one object into another. Pure.

use serde_json::{Map, Value};

/// The patch from one value to the other: an empty object where they are the same. Lists are replaced whole.
#[must_use]
pub(super) fn merge_patch(before: &Value, after: &Value) -> Value {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => Value::Object(of_fields(before, after)),
        (_, after) => after.clone(),
    }
}

fn of_fields(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let gone = before.keys().filter(|field| !after.contains_key(*field));
    let gone = gone.map(|field| (field.clone(), Value::Null));
    let changed = after.iter().filter(|(field, value)| before.get(*field) != Some(value));
    let changed = changed.map(|(field, value)| {
        let patch =
            before.get(field).map_or_else(|| value.clone(), |before| merge_patch(before, value));
        (field.clone(), patch)
    });
    gone.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// What an API server makes of a patch, by RFC 7396.
    fn apply(target: Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else { return patch.clone() };
        let mut fields = if let Value::Object(fields) = target { fields } else { Map::new() };
        for (field, value) in patch {
            if value.is_null() {
                fields.remove(field);
            } else {
                let before = fields.remove(field).unwrap_or_default();
                fields.insert(field.clone(), apply(before, value));
            }
        }
        Value::Object(fields)
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from),
            "[ab]".prop_map(Value::from),
        ];
        // An object of Kubernetes holds no null: it is the same as no field.
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_makes_one_object_into_the_other(before in values(), after in values()) {
            let patch = merge_patch(&before, &after);
            prop_assert_eq!(apply(before, &patch), after);
        }
    }

    #[test]
    fn only_what_changes_is_in_a_patch() {
        let before = json!({"spec": {"a": 1, "b": {"c": 2, "d": 3}, "gone": [1]}, "kind": "X"});
        let after = json!({"spec": {"a": 1, "b": {"c": 4, "d": 3}, "new": [2]}, "kind": "X"});
        let patch = json!({"spec": {"b": {"c": 4}, "gone": null, "new": [2]}});
        assert_eq!(merge_patch(&before, &after), patch);
        assert_eq!(merge_patch(&before, &before), json!({}));
    }
}

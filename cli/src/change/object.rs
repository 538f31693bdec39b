//! One change of one object: what it was, what it will be, and the request that makes it so. Pure.

use super::owner::{Owner, owner};
use super::patch::merge_patch;
use crate::cluster::{Ours, Target};
use crate::failure::Failure;
use kube::ResourceExt as _;
use serde_json::{Map, Value, json};

/// What a server writes into `metadata`, or `kubectl apply` for itself: nobody edits it and it means nothing to a
/// reader of a change.
const OF_SERVERS: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generateName",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// Where `kubectl apply` keeps a copy of what was applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    target: Target,
    step: Step,
    owner: Option<Owner>,
}

/// The request.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// There is none yet.
    Create {
        /// The object.
        after: Value,
    },
    /// Some fields of it change.
    Edit {
        /// What it is.
        before: Value,
        /// What it will be.
        after: Value,
        /// A merge patch from one to the other, for this `resourceVersion` only.
        patch: Value,
    },
    /// It goes.
    Delete {
        /// What it was.
        before: Value,
        /// Only this `resourceVersion` of it goes.
        version: String,
    },
}

// === impl Change ===

impl Change {
    /// Creates an object, which has a name and a namespace.
    ///
    /// # Errors
    /// Where it cannot be written down, which is a defect.
    pub fn create<K: Ours>(object: &K) -> Result<Self, Failure> {
        let step = Step::Create { after: clean(&value(object)?) };
        Ok(Self { target: Target::of(object), step, owner: None })
    }

    /// Edits an object as it was read. `after` is the whole object as it will be: make it from a clone of `before`.
    /// Fields that this program does not know are no part of the difference and stay as they are.
    ///
    /// # Errors
    /// Where one cannot be written down, which is a defect.
    pub fn edit<K: Ours>(before: &K, after: &K) -> Result<Self, Failure> {
        let (was, will) = (clean(&value(before)?), clean(&value(after)?));
        let mut patch = merge_patch(&was, &will);
        if let Value::Object(fields) = &mut patch {
            let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
            if let Value::Object(metadata) = metadata {
                let version = before.resource_version().unwrap_or_default();
                metadata.insert("resourceVersion".to_owned(), Value::String(version));
            }
        }
        let step = Step::Edit { before: was, after: will, patch };
        Ok(Self { target: Target::of(before), step, owner: owner(before.meta()) })
    }

    /// Deletes an object as it was read.
    ///
    /// # Errors
    /// Where it cannot be written down, which is a defect.
    pub fn delete<K: Ours>(object: &K) -> Result<Self, Failure> {
        let version = object.resource_version().unwrap_or_default();
        let step = Step::Delete { before: clean(&value(object)?), version };
        Ok(Self { target: Target::of(object), step, owner: owner(object.meta()) })
    }

    /// Whether everything stays as it is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match &self.step {
            Step::Edit { before, after, .. } => before == after,
            Step::Create { .. } | Step::Delete { .. } => false,
        }
    }

    /// The object as `kubectl -o name` writes it.
    #[must_use]
    pub fn key(&self) -> String {
        let Target { singular, name, .. } = &self.target;
        format!("{singular}/{name}")
    }

    /// The Git tool that writes the object, where one does.
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// What it was; `None` where there was none.
    #[must_use]
    pub fn before(&self) -> Option<&Value> {
        match &self.step {
            Step::Create { .. } => None,
            Step::Edit { before, .. } | Step::Delete { before, .. } => Some(before),
        }
    }

    /// What it will be; `None` where it goes.
    #[must_use]
    pub fn after(&self) -> Option<&Value> {
        match &self.step {
            Step::Create { after } | Step::Edit { after, .. } => Some(after),
            Step::Delete { .. } => None,
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn step(&self) -> &Step {
        &self.step
    }

    /// What is going to happen to it.
    pub(super) fn intent(&self) -> &'static str {
        match &self.step {
            Step::Create { .. } => "new",
            Step::Edit { .. } if self.is_nothing() => "stays as it is",
            Step::Edit { .. } => "changes",
            Step::Delete { .. } => "goes",
        }
    }

    /// What has happened to it, in the words of `kubectl`.
    pub(super) fn done(&self) -> &'static str {
        match &self.step {
            Step::Create { .. } => "created",
            Step::Edit { .. } if self.is_nothing() => "unchanged",
            Step::Edit { .. } => "configured",
            Step::Delete { .. } => "deleted",
        }
    }
}

/// An object without what servers write: what people mean by it.
#[must_use]
pub(super) fn clean(object: &Value) -> Value {
    let mut object = object.clone();
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.retain(|field, _| !OF_SERVERS.contains(&field.as_str()));
            if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
                annotations.remove(LAST_APPLIED);
            }
            let empty =
                metadata.get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty);
            if empty {
                metadata.remove("annotations");
            }
        }
    }
    object
}

fn value<K: Ours>(object: &K) -> Result<Value, Failure> {
    serde_json::to_value(object).map_err(|error| Failure::Document(error.to_string()))
}

//! KEDA's kind without KEDA: the API server keeps `ScaledObject`s and nobody acts on them. That is enough for whoever only
//! reads them, as the operator and `apifleet` do. Its schema is open: whatever KEDA's own would say of an object is not
//! looked at.

use serde_json::{Value, json};

/// The name of the definition.
pub const DEFINITION: &str = "scaledobjects.keda.sh";

/// What has the API server serve the kind.
#[must_use]
pub fn definition() -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": DEFINITION},
        "spec": {
            "group": "keda.sh",
            "scope": "Namespaced",
            "names": {
                "kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject",
            },
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": open},
            }],
        },
    })
}

//! What is kept of other autoscalers: their name, under the Deployment that they scale. Pure.
//!
//! Filled into [`crate::caches`]; read by [`crate::cluster::Cluster::autoscaler_of`].

use crate::caches::{Fact, Key};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{CustomResource, ResourceExt as _};
use serde::{Deserialize, Serialize};

/// Another autoscaler that owns a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoscalerFact {
    /// Its name.
    pub name: String,
}

/// What the operator reads of KEDA's `ScaledObject`.
#[derive(CustomResource, Debug, Clone, Serialize, Deserialize)]
#[kube(
    group = "keda.sh",
    version = "v1alpha1",
    kind = "ScaledObject",
    namespaced,
    schema = "disabled"
)]
#[serde(rename_all = "camelCase")]
pub struct ScaledObjectSpec {
    /// What it scales.
    #[serde(default)]
    pub scale_target_ref: ScaledObjectTarget,
}

/// What a `ScaledObject` scales.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaledObjectTarget {
    /// `Deployment` where absent.
    #[serde(default)]
    pub kind: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: String,
}

/// A `HorizontalPodAutoscaler` on a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HpaFact(pub AutoscalerFact);

/// A `ScaledObject` on a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaledObjectFact(pub AutoscalerFact);

// === impl HpaFact ===

impl Fact for HpaFact {
    type Object = HorizontalPodAutoscaler;

    fn of(hpa: &HorizontalPodAutoscaler) -> Option<(Key, Self)> {
        let target = &hpa.spec.scale_target_ref;
        (target.kind == "Deployment").then(|| {
            let fact = Self(AutoscalerFact { name: hpa.name_any() });
            (Key::new(hpa.namespace().unwrap_or_default(), target.name.clone()), fact)
        })
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        before != after
    }
}

// === impl ScaledObjectFact ===

impl Fact for ScaledObjectFact {
    type Object = ScaledObject;

    fn of(scaled: &ScaledObject) -> Option<(Key, Self)> {
        let target = &scaled.spec.scale_target_ref;
        target.kind.as_deref().is_none_or(|kind| kind == "Deployment").then(|| {
            let fact = Self(AutoscalerFact { name: scaled.name_any() });
            (Key::new(scaled.namespace().unwrap_or_default(), target.name.clone()), fact)
        })
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        before != after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_scaled_object_without_kind_scales_a_deployment() {
        let scaled = |target: Value| {
            let object = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
                "metadata": {"name": "so", "namespace": "shop"}, "spec": {"scaleTargetRef": target}});
            ScaledObjectFact::of(&serde_json::from_value(object).unwrap()).map(|(key, _)| key)
        };
        assert_eq!(scaled(json!({"name": "api"})), Some(Key::new("shop", "api")));
        assert_eq!(scaled(json!({"name": "api", "kind": "StatefulSet"})), None);
    }
}

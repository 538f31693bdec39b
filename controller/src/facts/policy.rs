//! What is kept of a `ScalingPolicy`: what it says, also after it is gone. Pure.
//!
//! Filled into [`crate::caches`]; laid under fleets by [`crate::shared`].

use crate::caches::{Fact, Key};
use apifleet_crds::{ScalingPolicy, ScalingPolicySpec};
use jiff::Timestamp;
use kube::Resource as _;
use kube::core::DeserializeGuard;

/// What is kept of a `ScalingPolicy`.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFact {
    /// Tells this policy from an earlier one of the same name.
    pub uid: String,
    /// Changes with every edit of the spec.
    pub generation: Option<i64>,
    /// What it says, or why it cannot be read.
    pub spec: Result<ScalingPolicySpec, String>,
    /// Whether it is no more. Fleets that name it are decided by what it said.
    pub gone: bool,
}

// === impl PolicyFact ===

impl Fact for PolicyFact {
    /// Guarded: one that cannot be read would hide all others.
    type Object = DeserializeGuard<ScalingPolicy>;

    fn of(object: &DeserializeGuard<ScalingPolicy>) -> Option<(Key, Self)> {
        let metadata = object.meta();
        let spec = match &object.0 {
            Ok(policy) => Ok(policy.spec.clone()),
            Err(unreadable) => Err(unreadable.error.clone()),
        };
        let fact = Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation,
            spec,
            gone: false,
        };
        Some((Key::of(object), fact))
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        before != after
    }

    /// For as long as a fleet names it: [`crate::shared`] forgets the others.
    fn outlive(&self, _now: Timestamp) -> Option<Self> {
        Some(Self { gone: true, ..self.clone() })
    }
}

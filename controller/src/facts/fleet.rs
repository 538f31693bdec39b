//! What is kept of an `ApiFleet`: who it is, which Deployments it names, and what its spec means. Pure.
//!
//! Filled into [`crate::caches`]; read by [`crate::engine`] and [`crate::conflicts`].

use super::PolicyFact;
use crate::caches::{Fact, Key};
use apifleet_crds::nodes::NodeKind;
use apifleet_crds::{ApiFleet, ApiFleetSpec, FleetIntent, SignalSource, SpecError, effective};
use jiff::Timestamp;
use kube::Resource as _;
use kube::core::DeserializeGuard;
use std::collections::BTreeMap;

/// What is kept of an `ApiFleet`. Its status is read afresh when a copy of the operator begins to act.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetFact {
    /// Tells this fleet from an earlier one of the same name.
    pub uid: String,
    /// Changes with every edit of the spec.
    pub generation: Option<i64>,
    /// The older of two fleets that name the same Deployment has it.
    pub created: Option<Timestamp>,
    /// The Deployments that it names, valid or not: a mistake in the spec gives no Deployment to another fleet.
    pub claims: Vec<String>,
    /// How it stands to the policy that it shares.
    pub policy: PolicyUse,
    /// What it means, or why it means nothing. Parsed once, here.
    pub intent: Result<FleetIntent, Meaningless>,
    /// What it says, where it is still to be laid over a policy.
    pub(crate) spec: Option<Box<ApiFleetSpec>>,
}

/// How a fleet stands to the `ScalingPolicy` that it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PolicyUse {
    /// It names none.
    None,
    /// It is decided by what the policy says.
    InForce {
        /// The policy's name.
        name: String,
        /// Tells the policy from an earlier one of the same name.
        uid: String,
        /// Changes with every edit of the policy.
        generation: Option<i64>,
    },
    /// The policy is gone; the fleet is decided by what it said last.
    Kept {
        /// The policy's name.
        name: String,
    },
    /// What the policy says, if there is one, was never seen.
    Unknown {
        /// The policy's name.
        name: String,
    },
}

/// Why a fleet means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Meaningless {
    /// Its spec contradicts itself.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It is not what an `ApiFleet` looks like: an object from before a rule of the schema, or after a newer one.
    #[error("the ApiFleet cannot be read: {0}; correct it, or delete it and create it anew")]
    Unreadable(String),
    /// It contradicts what it takes from its policy.
    #[error("with what ScalingPolicy {policy} says: {error}")]
    OnPolicy {
        /// The policy's name.
        policy: String,
        /// The contradiction.
        error: SpecError,
    },
    /// Its policy is not what a `ScalingPolicy` looks like.
    #[error(
        "ScalingPolicy {policy} cannot be read: {why}; correct it, or delete it and create it anew"
    )]
    PolicyUnreadable {
        /// The policy's name.
        policy: String,
        /// What is wrong with it.
        why: String,
    },
}

// === impl FleetFact ===

impl Fact for FleetFact {
    /// Guarded: one that cannot be read would hide all others.
    type Object = DeserializeGuard<ApiFleet>;

    fn of(object: &DeserializeGuard<ApiFleet>) -> Option<(Key, Self)> {
        let metadata = object.meta();
        // A fleet that is being deleted is managed no more; its Deployments keep their size.
        if metadata.deletion_timestamp.is_some() {
            return None;
        }
        let spec = object.0.as_ref().map(|fleet| &fleet.spec);
        let policy = spec.ok().and_then(|spec| spec.policy_ref.as_ref());
        let policy = policy
            .map_or(PolicyUse::None, |policy| PolicyUse::Unknown { name: policy.name.clone() });
        let intent = match spec {
            Ok(spec) => FleetIntent::try_from(spec).map_err(Meaningless::from),
            Err(unreadable) => Err(Meaningless::Unreadable(unreadable.error.clone())),
        };
        let fact = Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation,
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            claims: spec.map(claims).unwrap_or_default(),
            spec: spec.ok().filter(|_| policy != PolicyUse::None).cloned().map(Box::new),
            policy,
            intent,
        };
        Some((Key::of(object), fact))
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        before != after
    }
}

impl FleetFact {
    /// The fleet as it is decided, laid over the policy that it names, if that was ever seen.
    #[must_use]
    pub fn on(&self, policy: Option<&PolicyFact>) -> Self {
        let (Some(name), Some(spec), Some(policy)) = (self.policy.name(), &self.spec, policy)
        else {
            return self.clone();
        };
        let name = name.to_owned();
        let intent = match &policy.spec {
            Ok(shared) => FleetIntent::try_from(&effective(spec, Some(shared)))
                .map_err(|error| Meaningless::OnPolicy { policy: name.clone(), error }),
            Err(why) => {
                Err(Meaningless::PolicyUnreadable { policy: name.clone(), why: why.clone() })
            }
        };
        let policy = if policy.gone {
            PolicyUse::Kept { name }
        } else {
            PolicyUse::InForce { name, uid: policy.uid.clone(), generation: policy.generation }
        };
        Self {
            uid: self.uid.clone(),
            generation: self.generation,
            created: self.created,
            claims: self.claims.clone(),
            policy,
            intent,
            spec: None,
        }
    }

    /// Where its signals are read. Nowhere while it cannot be told what they mean: it is invalid, or its policy is
    /// unknown.
    #[must_use]
    pub fn source(&self) -> Option<&SignalSource> {
        match &self.policy {
            PolicyUse::Unknown { .. } => None,
            PolicyUse::None | PolicyUse::InForce { .. } | PolicyUse::Kept { .. } => {
                self.intent.as_ref().ok().map(|intent| &intent.source)
            }
        }
    }

    /// Whether it has a spot target: what becomes of spot nodes concerns it.
    #[must_use]
    pub fn has_spot(&self) -> bool {
        self.intent.as_ref().is_ok_and(|intent| intent.policy.spot.is_some())
    }

    /// Whether a node with these labels is spot capacity to it.
    #[must_use]
    pub fn is_spot(&self, labels: &BTreeMap<String, String>) -> bool {
        let is_spot = |intent: &FleetIntent| intent.node_labels.kind_of(labels) == NodeKind::Spot;
        self.has_spot() && self.intent.as_ref().is_ok_and(is_spot)
    }

    /// Whether anything of it is decided by nodes: with schedules, by how long they take to start. A policy may bring
    /// schedules.
    #[must_use]
    pub fn needs_nodes(&self) -> bool {
        let scheduled = |intent: &FleetIntent| !intent.policy.schedules.is_empty();
        self.has_spot()
            || self.policy != PolicyUse::None
            || self.intent.as_ref().is_ok_and(scheduled)
    }
}

// === impl PolicyUse ===

impl PolicyUse {
    /// The policy's name, if the fleet names one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::InForce { name, .. } | Self::Kept { name } | Self::Unknown { name } => Some(name),
        }
    }
}

fn claims(spec: &ApiFleetSpec) -> Vec<String> {
    let on_demand = std::iter::once(&spec.targets.on_demand);
    on_demand.chain(&spec.targets.spot).map(|target| target.deployment_name.clone()).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    /// A fleet of namespace `shop` with these Deployments.
    pub(crate) fn fleet(name: &str, created: &str, deployments: &[&str]) -> (Key, Arc<FleetFact>) {
        let mut targets = json!({"onDemand": {"deploymentName": deployments[0]}});
        if let Some(spot) = deployments.get(1) {
            targets["spot"] = json!({"deploymentName": spot});
        }
        let object = json!({
            "apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": name, "namespace": "shop", "uid": name, "generation": 1,
                "creationTimestamp": created},
            "spec": {"minReplicas": 10, "maxReplicas": 30, "targets": targets},
        });
        let (key, fact) = FleetFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        (key, Arc::new(fact))
    }

    #[test]
    fn a_fleet_that_cannot_be_read_is_a_fleet_that_means_nothing() {
        let object = json!({
            "apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": "api", "namespace": "shop", "uid": "u", "generation": 3},
            "spec": {"minReplicas": "ten"},
        });
        let (key, fact) = FleetFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        assert_eq!((key, fact.uid.as_str()), (Key::new("shop", "api"), "u"));
        assert_eq!(fact.generation, Some(3));
        assert!(matches!(fact.intent, Err(Meaningless::Unreadable(_))), "{fact:?}");
    }
}

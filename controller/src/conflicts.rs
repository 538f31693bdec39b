//! Who else wants to own a Deployment: pure. One writer per Deployment is what makes an autoscaler safe, so a fleet
//! writes nothing to a target that another autoscaler or an older fleet owns, and says what to do about it.
//!
//! Called by [`crate::observe`] with what the caches hold.

use crate::caches::Key;
use crate::facts::FleetFact;
use apifleet_core::Reason;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Another owner of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// KEDA.
    ScaledObject(String),
    /// Kubernetes' own autoscaler.
    HorizontalPodAutoscaler(String),
    /// An older fleet.
    Fleet(Key),
}

/// Which fleet owns each Deployment that is named by any.
#[derive(Debug, Clone, Default)]
pub struct Claims(HashMap<Key, Key>);

// === impl Conflict ===

impl Conflict {
    /// The word for it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::ScaledObject(_) | Self::HorizontalPodAutoscaler(_) => {
                Reason::ConflictingAutoscaler
            }
            Self::Fleet(_) => Reason::TargetTakenByAnotherFleet,
        }
    }

    /// What is, and the command that ends it.
    #[must_use]
    pub fn message(&self, deployment: &Key) -> String {
        let Key { namespace, name } = deployment;
        match self {
            Self::ScaledObject(other) => format!(
                "ScaledObject {other} scales Deployment {name}; nothing is written until it is gone: \
                 kubectl delete scaledobject {other} -n {namespace}"
            ),
            Self::HorizontalPodAutoscaler(other) => format!(
                "HorizontalPodAutoscaler {other} scales Deployment {name}; nothing is written until it is gone: \
                 kubectl delete hpa {other} -n {namespace}"
            ),
            Self::Fleet(other) => format!(
                "the older ApiFleet {} has Deployment {name}; nothing is written by this one: \
                 name another Deployment, or kubectl delete apifleet {} -n {namespace}",
                other.name, other.name
            ),
        }
    }
}

// === impl Claims ===

impl Claims {
    /// Gives each Deployment to the oldest fleet that names it; of two of the same age, to the first by name.
    #[must_use]
    pub fn settle(fleets: &[(Key, Arc<FleetFact>)]) -> Self {
        let mut by_age: Vec<&(Key, Arc<FleetFact>)> = fleets.iter().collect();
        // Compared where they are: copies of names would be most of the work of a pass over thousands.
        by_age.sort_unstable_by(|(one, first), (other, second)| {
            (first.created, one).cmp(&(second.created, other))
        });
        let mut owners = HashMap::new();
        for (fleet, fact) in by_age {
            for name in &fact.claims {
                owners.entry(Key::new(&fleet.namespace, name)).or_insert_with(|| fleet.clone());
            }
        }
        Self(owners)
    }

    /// The Deployments that any fleet names.
    #[must_use]
    pub fn deployments(&self) -> HashSet<Key> {
        self.0.keys().cloned().collect()
    }

    /// The other fleet that owns the Deployment, if one does.
    #[must_use]
    pub fn against(&self, fleet: &Key, deployment: &Key) -> Option<Conflict> {
        self.0
            .get(deployment)
            .filter(|owner| *owner != fleet)
            .map(|owner| Conflict::Fleet(owner.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::fleet;

    #[test]
    fn the_older_fleet_keeps_the_deployment() {
        let old = fleet("old", "2026-12-01T00:00:00Z", &["api"]);
        let new = fleet("new", "2026-12-02T00:00:00Z", &["api", "other"]);
        for fleets in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
            let claims = Claims::settle(&fleets);
            let api = Key::new("shop", "api");
            assert_eq!(claims.against(&old.0, &api), None);
            assert_eq!(claims.against(&new.0, &api), Some(Conflict::Fleet(old.0.clone())));
            assert_eq!(claims.against(&new.0, &Key::new("shop", "other")), None);
        }
    }

    #[test]
    fn fleets_of_the_same_age_are_settled_by_name() {
        let a = fleet("a", "2026-12-01T00:00:00Z", &["api"]);
        let b = fleet("b", "2026-12-01T00:00:00Z", &["api"]);
        let claims = Claims::settle(&[b.clone(), a.clone()]);
        assert_eq!(claims.against(&b.0, &Key::new("shop", "api")), Some(Conflict::Fleet(a.0)));
    }

    #[test]
    fn the_same_name_in_another_namespace_is_another_deployment() {
        let a = fleet("a", "2026-12-01T00:00:00Z", &["api"]);
        let claims = Claims::settle(std::slice::from_ref(&a));
        assert_eq!(claims.against(&Key::new("other", "a"), &Key::new("other", "api")), None);
    }

    #[test]
    fn every_conflict_says_how_to_end_it() {
        let deployment = Key::new("shop", "api");
        for conflict in [
            Conflict::ScaledObject("so".to_owned()),
            Conflict::HorizontalPodAutoscaler("hpa".to_owned()),
            Conflict::Fleet(Key::new("shop", "old")),
        ] {
            let message = conflict.message(&deployment);
            assert!(message.contains("kubectl delete") && message.contains("-n shop"), "{message}");
        }
    }
}

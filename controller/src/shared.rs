//! Which spec each fleet is decided by, where it shares a `ScalingPolicy`: its own laid over the policy's. Pure, but
//! for what it remembers so that nothing is laid twice.
//!
//! A policy that is gone still counts for the fleets that name it, for as long as this copy of the operator has seen
//! it; one that was never seen leaves a fleet to be kept up only ([`crate::hold`]). Called by
//! [`crate::cluster::Cluster::fleets_in_force`].

use crate::caches::{Cache, Key};
use crate::facts::{FleetFact, PolicyFact};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What was laid last, by fleet.
#[derive(Debug, Default)]
pub struct Shared(Mutex<HashMap<Key, Laid>>);

/// A fleet on its policy, and what both were.
#[derive(Debug, Clone)]
struct Laid {
    fleet: Arc<FleetFact>,
    policy: Option<Arc<PolicyFact>>,
    result: Arc<FleetFact>,
}

// === impl Shared ===

impl Shared {
    /// The fleets as they are decided. Forgets policies that are gone and that no fleet names.
    pub fn lay(
        &self,
        fleets: Vec<(Key, Arc<FleetFact>)>,
        policies: &Cache<PolicyFact>,
    ) -> Vec<(Key, Arc<FleetFact>)> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *memory);
        let mut named = HashSet::new();
        let laid = fleets.into_iter().map(|(key, fleet)| {
            let Some(name) = fleet.policy.name() else { return (key, fleet) };
            let of = Key::new(&key.namespace, name);
            let policy = policies.under(&of).into_iter().next();
            named.insert(of);
            let laid = match before.get(&key) {
                Some(laid) if laid.is_of(&fleet, policy.as_ref()) => laid.clone(),
                _ => Laid::new(fleet, policy),
            };
            let result = Arc::clone(&laid.result);
            memory.insert(key.clone(), laid);
            (key, result)
        });
        let laid = laid.collect();
        policies.retain(|key, policy| !policy.gone || named.contains(key));
        laid
    }
}

impl Laid {
    fn new(fleet: Arc<FleetFact>, policy: Option<Arc<PolicyFact>>) -> Self {
        let result = Arc::new(fleet.on(policy.as_deref()));
        Self { fleet, policy, result }
    }

    /// Whether it was laid of these very objects.
    fn is_of(&self, fleet: &Arc<FleetFact>, policy: Option<&Arc<PolicyFact>>) -> bool {
        let same_policy = match (&self.policy, policy) {
            (Some(known), Some(policy)) => Arc::ptr_eq(known, policy),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_policy && Arc::ptr_eq(&self.fleet, fleet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::Fact as _;
    use crate::facts::PolicyUse;
    use apifleet_core::Rps;
    use apifleet_crds::ScalingPolicy;
    use futures::stream;
    use kube::core::DeserializeGuard;
    use kube::runtime::watcher::Event;
    use serde_json::{Value, json};
    use tokio::sync::Notify;

    /// A fleet of namespace `shop` that shares policy `steady`.
    fn fleet(more: &Value) -> (Key, Arc<FleetFact>) {
        let mut object = json!({
            "apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": "api", "namespace": "shop", "uid": "u", "generation": 1},
            "spec": {"minReplicas": 10, "maxReplicas": 30, "policyRef": {"name": "steady"},
                "targets": {"onDemand": {"deploymentName": "api"}}},
        });
        for (name, block) in more.as_object().unwrap() {
            object["spec"][name] = block.clone();
        }
        let (key, fact) = FleetFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        (key, Arc::new(fact))
    }

    fn policy(generation: i64, spec: &Value) -> DeserializeGuard<ScalingPolicy> {
        let object = json!({
            "apiVersion": "apifleet.dev/v1alpha1", "kind": "ScalingPolicy",
            "metadata": {"name": "steady", "namespace": "shop", "uid": "p", "generation": generation},
            "spec": spec,
        });
        serde_json::from_value(object).unwrap()
    }

    fn with_target(generation: i64, target: i32) -> DeserializeGuard<ScalingPolicy> {
        policy(generation, &json!({"signals": {"requestRate": {"targetPerReplica": target}}}))
    }

    async fn told(policies: &Cache<PolicyFact>, event: Event<DeserializeGuard<ScalingPolicy>>) {
        policies.follow(stream::iter([Ok(event)])).await;
    }

    fn policies() -> Cache<PolicyFact> {
        Cache::new(Arc::new(Notify::new()))
    }

    /// The target per replica that the fleet is decided by, and how it stands to its policy.
    fn decided(
        shared: &Shared,
        fleet: &(Key, Arc<FleetFact>),
        policies: &Cache<PolicyFact>,
    ) -> (Rps, PolicyUse) {
        let laid = shared.lay(vec![fleet.clone()], policies);
        let (_, fact) = &laid[0];
        let intent = fact.intent.as_ref().unwrap();
        (intent.policy.signals.target_per_replica, fact.policy.clone())
    }

    fn rps(rate: f64) -> Rps {
        Rps::new(rate).unwrap()
    }

    #[tokio::test]
    async fn a_fleet_is_decided_by_its_policy_and_follows_its_edits() {
        let (shared, policies, fleet) = (Shared::default(), policies(), fleet(&json!({})));
        told(&policies, Event::Apply(with_target(1, 80))).await;
        assert_eq!(decided(&shared, &fleet, &policies).0, rps(80.0));
        told(&policies, Event::Apply(with_target(2, 90))).await;
        let (target, used) = decided(&shared, &fleet, &policies);
        assert_eq!(target, rps(90.0));
        assert!(matches!(used, PolicyUse::InForce { generation: Some(2), .. }), "{used:?}");
    }

    #[tokio::test]
    async fn a_block_of_the_fleet_beats_the_whole_block_of_the_policy() {
        let (shared, policies) = (Shared::default(), policies());
        told(&policies, Event::Apply(with_target(1, 80))).await;
        let fleet = fleet(&json!({"signals": {"windowSeconds": 30}}));
        assert_eq!(
            decided(&shared, &fleet, &policies).0,
            rps(50.0),
            "the default, not the policy's"
        );
    }

    #[tokio::test]
    async fn a_policy_that_is_gone_counts_for_whoever_names_it_and_is_forgotten_by_nobody_else() {
        let (shared, policies, fleet) = (Shared::default(), policies(), fleet(&json!({})));
        told(&policies, Event::Apply(with_target(1, 80))).await;
        told(&policies, Event::Delete(with_target(1, 80))).await;
        for _ in 0..2 {
            let (target, used) = decided(&shared, &fleet, &policies);
            assert_eq!(target, rps(80.0));
            assert!(matches!(used, PolicyUse::Kept { .. }), "{used:?}");
        }
        shared.lay(Vec::new(), &policies);
        assert_eq!(policies.all().len(), 0, "no fleet names it any more");
    }

    #[tokio::test]
    async fn a_policy_that_was_never_seen_is_unknown_until_it_is_there() {
        let (shared, policies, fleet) = (Shared::default(), policies(), fleet(&json!({})));
        let (_, used) = decided(&shared, &fleet, &policies);
        assert!(matches!(used, PolicyUse::Unknown { .. }), "{used:?}");
        told(&policies, Event::Apply(with_target(1, 80))).await;
        assert_eq!(decided(&shared, &fleet, &policies).0, rps(80.0));
    }

    #[tokio::test]
    async fn a_policy_that_does_not_fit_a_fleet_is_named_with_the_field() {
        let (shared, policies, fleet) = (Shared::default(), policies(), fleet(&json!({})));
        let fallback = json!({"signals": {"onMissing": "Fallback", "fallbackReplicas": 40}});
        told(&policies, Event::Apply(policy(1, &fallback))).await;
        let laid = shared.lay(vec![fleet], &policies);
        let message = laid[0].1.intent.as_ref().unwrap_err().to_string();
        assert!(message.contains("ScalingPolicy steady"), "{message}");
        assert!(message.contains("spec.signals.fallbackReplicas 40"), "{message}");
    }

    #[tokio::test]
    async fn nothing_is_laid_twice() {
        let (shared, policies, fleet) = (Shared::default(), policies(), fleet(&json!({})));
        told(&policies, Event::Apply(with_target(1, 80))).await;
        let first = shared.lay(vec![fleet.clone()], &policies);
        let second = shared.lay(vec![fleet], &policies);
        assert!(Arc::ptr_eq(&first[0].1, &second[0].1));
    }
}

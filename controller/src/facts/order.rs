//! What is kept of a `FleetOverride`: what it orders, under the fleet that it is about. Pure.
//!
//! Filled into [`crate::caches`]; read by [`crate::observe`], and by [`crate::records`] when it is over.

use crate::caches::{Fact, Key};
use apifleet_crds::{FleetOverride, OverrideIntent};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::DeserializeGuard;
use kube::{Resource as _, ResourceExt as _};
use std::cmp::Reverse;
use std::sync::Arc;

/// What is kept of a `FleetOverride`.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderFact {
    /// Its namespace and name.
    pub key: Key,
    /// Tells this override from an earlier one of the same name.
    pub uid: String,
    /// Changes with every write.
    pub resource_version: String,
    /// Changes with every edit.
    pub generation: Option<i64>,
    /// What it means.
    pub intent: OverrideIntent,
    /// What it was told last of itself.
    pub in_force: Option<Condition>,
}

// === impl OrderFact ===

impl Fact for OrderFact {
    /// Guarded: one that cannot be read would hide all others.
    type Object = DeserializeGuard<FleetOverride>;

    /// An object from before a rule of the schema may mean nothing: it orders nothing.
    fn of(object: &DeserializeGuard<FleetOverride>) -> Option<(Key, Self)> {
        let typed = object.0.as_ref().ok()?;
        // One that is being deleted has ended.
        if typed.meta().deletion_timestamp.is_some() {
            return None;
        }
        let intent = OverrideIntent::try_from(typed).ok()?;
        let key = Key::of(object);
        let fleet = Key::new(&key.namespace, intent.fleet.as_str());
        let uid = typed.uid().unwrap_or_default();
        let resource_version = typed.resource_version().unwrap_or_default();
        let in_force = typed.status.as_ref().and_then(|status| status.in_force()).cloned();
        let generation = typed.metadata.generation;
        Some((fleet, Self { key, uid, resource_version, generation, intent, in_force }))
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        let essence = |fact: Option<&Self>| {
            fact.map(|fact| (fact.uid.clone(), fact.generation, fact.intent.clone()))
        };
        essence(before) != essence(after)
    }
}

/// The orders that matter at an instant, at most so many: first those that are due, the newest first, then those
/// that begin soonest or ended last.
#[must_use]
pub fn pressing(
    mut orders: Vec<Arc<OrderFact>>,
    now: Timestamp,
    most: usize,
) -> Vec<Arc<OrderFact>> {
    let distance = |fact: &OrderFact| {
        let order = &fact.intent.order;
        let until = order.not_before.duration_since(now);
        let since = now.duration_since(order.expires_at);
        until.max(since).max(jiff::SignedDuration::ZERO)
    };
    orders.sort_by_key(|fact| {
        (distance(fact), Reverse(fact.intent.order.created), fact.intent.order.name)
    });
    orders.truncate(most);
    orders
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOON: &str = "2026-12-10T12:00:00Z";

    fn noon() -> Timestamp {
        NOON.parse().unwrap()
    }

    fn object(name: &str, from: &str, to: &str) -> Value {
        let at = |time: &str| format!("2026-12-10T{time}:00Z");
        json!({
            "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
            "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "7",
                "creationTimestamp": at(from)},
            "spec": {"fleetRef": {"name": "api"}, "action": "Hold", "notBefore": at(from),
                "expiresAt": at(to), "reason": "a test", "requestedBy": "alice"},
        })
    }

    fn fact(object: Value) -> Option<(Key, OrderFact)> {
        OrderFact::of(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn an_order_is_found_under_its_fleet() {
        let (fleet, fact) = fact(object("hold", "11:00", "13:00")).unwrap();
        assert_eq!(fleet, Key::new("shop", "api"));
        assert_eq!(fact.key, Key::new("shop", "hold"));
    }

    #[test]
    fn what_means_nothing_orders_nothing() {
        let mut with_replicas = object("hold", "11:00", "13:00");
        with_replicas["spec"]["replicas"] = json!(12);
        assert_eq!(fact(with_replicas), None);
        let mut unreadable = object("hold", "11:00", "13:00");
        unreadable["spec"]["action"] = json!("Freeze");
        assert_eq!(fact(unreadable), None);
        let mut leaving = object("hold", "11:00", "13:00");
        leaving["metadata"]["deletionTimestamp"] = json!(NOON);
        assert_eq!(fact(leaving), None, "deleted: ended");
    }

    #[test]
    fn orders_that_are_due_come_first_and_others_by_their_distance() {
        let orders = [
            ("long-over", "01:00", "02:00"),
            ("coming-late", "20:00", "21:00"),
            ("older", "10:00", "14:00"),
            ("just-over", "09:00", "11:59"),
            ("newer", "11:00", "13:00"),
            ("coming-soon", "12:05", "13:00"),
        ];
        let facts =
            orders.map(|(name, from, to)| Arc::new(fact(object(name, from, to)).unwrap().1));
        let named = |most| -> Vec<String> {
            let pressing = pressing(facts.to_vec(), noon(), most);
            pressing.iter().map(|fact| fact.key.name.to_string()).collect()
        };
        let all = ["newer", "older", "just-over", "coming-soon", "coming-late", "long-over"];
        assert_eq!(named(16), all);
        assert_eq!(named(2), all[..2]);
    }
}

//! Reads what a fleet is decided by beside itself: the policy that it shares, and what people ordered for a while.
//!
//! Part of [`Cluster`]; what is read is laid together by [`Decided`].

use super::{Cluster, Decided, Problem, Read, Resource};
use crate::names::FleetName;
use apifleet_core::overrides::{self, Override};
use apifleet_crds::{ApiFleet, FleetOverride, OverrideIntent, ScalingPolicy, ScalingPolicySpec};
use jiff::{SignedDuration, Timestamp};
use kube::core::DeserializeGuard;
use std::cmp::Reverse;
use std::collections::HashMap;

/// The policies of a namespace, or of all, by namespace and name.
#[derive(Debug, Default)]
pub struct Policies(HashMap<(String, String), ScalingPolicySpec>);

// === impl Policies ===

impl Policies {
    /// The fleet on that of them which it names.
    #[must_use]
    pub fn lay(&self, fleet: ApiFleet) -> Decided {
        let reference = fleet.spec.policy_ref.as_ref().zip(fleet.metadata.namespace.as_ref());
        let key = reference.map(|(reference, place)| (place.clone(), reference.name.clone()));
        Decided::new(fleet, Ok(key.and_then(|key| self.0.get(&key))))
    }
}

impl Cluster {
    /// Reads one fleet as it is decided.
    pub async fn decided(&self, namespace: &str, name: &FleetName) -> Result<Decided, Problem> {
        let fleet = self.fleet(namespace, name).await?;
        Ok(self.lay(fleet).await)
    }

    /// A fleet that was read, on the policy that it names. One call where it names one, none else.
    pub async fn lay(&self, fleet: ApiFleet) -> Decided {
        let policy = match (&fleet.spec.policy_ref, &fleet.metadata.namespace) {
            (Some(reference), Some(namespace)) => self.policy(namespace, &reference.name).await,
            (Some(_), None) | (None, _) => Ok(None),
        };
        match policy {
            Ok(policy) => Decided::new(fleet, Ok(policy.as_ref())),
            Err(problem) => Decided::new(fleet, Err(problem)),
        }
    }

    /// The same of a fleet that is perhaps not understood, and what a reader should be told about its policy.
    pub async fn lay_read(&self, read: Read) -> (Read, Option<String>) {
        match read {
            Ok(fleet) => {
                let decided = self.lay(fleet).await;
                let warning = decided.warning();
                (Ok(decided.fleet), warning)
            }
            Err(invalid) => (Err(invalid), None),
        }
    }

    async fn policy(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<ScalingPolicySpec>, Problem> {
        let asked = self.asked("get", Resource::Policies, Some(namespace));
        let api = self.api::<ScalingPolicy>(Some(namespace));
        match self.call(&asked, api.get_opt(name)).await? {
            None => Ok(None),
            Some(DeserializeGuard(Ok(policy))) => Ok(Some(policy.spec)),
            Some(DeserializeGuard(Err(error))) => Err(Problem::NotUnderstood {
                what: format!("ScalingPolicy \"{name}\""),
                reason: error.error,
            }),
        }
    }

    /// Reads the policies of a namespace, or of all. One that is not understood is left out.
    pub async fn policies(&self, namespace: Option<&str>) -> Result<Policies, Problem> {
        let keep = |read: Result<ScalingPolicy, _>| {
            let ScalingPolicy { metadata, spec } = read.ok()?;
            Some(((metadata.namespace?, metadata.name?), spec))
        };
        let read = self.list(Resource::Policies, namespace, keep).await?;
        Ok(Policies(read.into_iter().flatten().collect()))
    }

    /// Reads what was ordered for a fleet, as far as it matters now. What means nothing orders nothing.
    pub async fn overrides(
        &self,
        namespace: &str,
        fleet: &FleetName,
        now: Timestamp,
    ) -> Result<Vec<Override>, Problem> {
        let keep = |read: Result<FleetOverride, _>| {
            let intent = OverrideIntent::try_from(&read.ok()?).ok()?;
            (intent.fleet.as_str() == fleet.as_str()).then_some(intent.order)
        };
        let read = self.list(Resource::Overrides, Some(namespace), keep).await?;
        Ok(pressing(read.into_iter().flatten().collect(), now))
    }
}

/// As many as are looked at: those that are due, the newest first, then those that begin soonest or ended last.
#[must_use]
pub fn pressing(mut orders: Vec<Override>, now: Timestamp) -> Vec<Override> {
    let distance = |order: &Override| {
        let (until, since) =
            (order.not_before.duration_since(now), now.duration_since(order.expires_at));
        until.max(since).max(SignedDuration::ZERO)
    };
    orders.sort_by_key(|order| (distance(order), Reverse(order.created), order.name));
    orders.truncate(overrides::LIMIT);
    orders
}

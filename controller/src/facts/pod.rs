//! What is kept of a pod: few bytes, as pods are many. Pure.
//!
//! Filled into [`crate::caches`] under the pod's Deployment; read by [`crate::observe`].

use super::{Birth, fingerprint};
use crate::caches::{Fact, Key};
use apifleet_core::observation::Startup;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::ResourceExt as _;

/// A pod that waits for a node for longer waits for one to be made, which is no part of its own start.
const NODE_AWAITED: SignedDuration = SignedDuration::from_secs(90);

/// What is kept of a pod that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFact {
    /// Tells this pod from every other.
    pub uid: Box<str>,
    /// When it was created.
    pub created: Timestamp,
    /// Since when it has been Ready.
    pub ready_since: Option<Timestamp>,
    /// The node that it is bound to, as [`NodeFact::place`](super::NodeFact::place).
    pub node: Option<u64>,
    /// Whether it waits for a node.
    pub unscheduled: bool,
    /// Whether it is being deleted: it serves no more and is replaced already.
    pub leaving: bool,
    /// Seconds that it waited for a node to be made; zero where it waited for none.
    waited: u32,
    /// How long it took to become Ready, not counting the wait for a node.
    pub birth: Birth,
}

// === impl PodFact ===

impl Fact for PodFact {
    type Object = Pod;

    fn of(pod: &Pod) -> Option<(Key, Self)> {
        let status = pod.status.as_ref()?;
        if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
            return None;
        }
        let condition = |kind: &str| -> Option<&PodCondition> {
            let mut all = status.conditions.iter().flatten();
            all.find(|found| found.type_ == kind && found.status == "True")
        };
        let ready = condition("Ready");
        let ready_since = ready.map(|ready| {
            ready.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
        });
        let scheduled = condition("PodScheduled");
        let created = pod.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let fact = Self {
            uid: pod.uid().unwrap_or_default().into(),
            created,
            ready_since,
            node: node.map(|name| fingerprint(&[name])),
            unscheduled: scheduled.is_none() && ready.is_none(),
            leaving: pod.metadata.deletion_timestamp.is_some(),
            waited: scheduled.map_or(0, |scheduled| waited(created, scheduled)),
            birth: Birth::Unseen,
        };
        Some((Key::new(pod.namespace()?, deployment_of(pod)?), fact))
    }

    fn is_urgent(_: Option<&Self>, _: Option<&Self>) -> bool {
        // Pods come and go with every change of size; the next regular pass is soon enough.
        false
    }

    fn succeed(&mut self, before: Option<&Self>, now: Timestamp) {
        let before = before.filter(|before| before.uid == self.uid).map(|before| before.birth);
        self.birth = Birth::after(before, (self.begun(), self.ready_since), now);
    }
}

impl PodFact {
    /// How long it took to become Ready, while that is news.
    #[must_use]
    pub fn started(&self, now: Timestamp) -> Option<Startup> {
        self.birth.told(self.begun(), now)
    }

    /// When its own start began: with its creation, or when it had its node.
    fn begun(&self) -> Timestamp {
        let waited = SignedDuration::from_secs(i64::from(self.waited));
        self.created.checked_add(waited).unwrap_or(self.created)
    }
}

fn waited(created: Timestamp, scheduled: &PodCondition) -> u32 {
    let at = scheduled.last_transition_time.as_ref().map(|time| time.0);
    let waited = at.map(|at| at.duration_since(created)).filter(|waited| *waited > NODE_AWAITED);
    waited.map_or(0, |waited| u32::try_from(waited.as_secs()).unwrap_or(u32::MAX))
}

/// The Deployment behind a pod: its ReplicaSet is named `<deployment>-<template hash>`.
fn deployment_of(pod: &Pod) -> Option<String> {
    let owner = pod.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    let hash = pod.labels().get("pod-template-hash")?;
    let name = owner.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
    (owner.kind == "ReplicaSet").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn pod(change: impl FnOnce(&mut Value)) -> Option<(Key, PodFact)> {
        let mut object = json!({
            "metadata": {"name": "api-6f7-x", "namespace": "shop", "uid": "p1",
                "creationTimestamp": "2026-11-30T23:59:48Z", "labels": {"pod-template-hash": "6f7"},
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-6f7", "uid": "r", "controller": true}]},
            "spec": {"nodeName": "spot-1", "containers": []},
            "status": {"phase": "Running", "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-12-01T00:00:00Z"}]},
        });
        change(&mut object);
        PodFact::of(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_pod_is_found_under_its_deployment_with_its_node_and_the_time_it_became_ready() {
        let (key, fact) = pod(|_| ()).unwrap();
        assert_eq!(key, Key::new("shop", "api"));
        assert_eq!(fact.ready_since, "2026-12-01T00:00:00Z".parse().ok());
        assert_eq!((fact.unscheduled, fact.leaving), (false, false));
        assert_eq!(fact.node, Some(fingerprint(&["spot-1"])));
    }

    #[test]
    fn pods_that_are_finished_or_nobodys_are_not_kept() {
        assert!(pod(|pod| pod["status"]["phase"] = json!("Failed")).is_none());
        assert!(pod(|pod| pod["metadata"]["ownerReferences"] = json!([])).is_none());
    }

    #[test]
    fn a_pod_that_is_going_away_is_known_to_be() {
        let deleted =
            |pod: &mut Value| pod["metadata"]["deletionTimestamp"] = json!("2026-12-01T00:00:00Z");
        assert!(pod(deleted).unwrap().1.leaving, "its node may be dead and never let it go");
    }

    #[test]
    fn a_pod_without_a_node_is_unscheduled() {
        let (_, fact) = pod(|pod| {
            pod["spec"] = json!({"containers": []});
            pod["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]});
        })
        .unwrap();
        assert_eq!((fact.ready_since, fact.unscheduled, fact.node), (None, true, None));
    }

    #[test]
    fn the_wait_for_a_node_is_no_part_of_a_pod_s_start() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let started = |scheduled: &str, ready: &str| {
            let look = |change: &dyn Fn(&mut Value)| {
                let created = "2026-12-01T00:00:00Z";
                pod(|pod| {
                    pod["metadata"]["creationTimestamp"] = json!(created);
                    change(pod);
                })
                .unwrap()
                .1
            };
            let mut first = look(&|pod| {
                pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False"}]);
            });
            first.succeed(None, at("2026-12-01T00:00:01Z"));
            let mut last = look(&|pod| {
                pod["status"]["conditions"] = json!([
                    {"type": "PodScheduled", "status": "True", "lastTransitionTime": scheduled},
                    {"type": "Ready", "status": "True", "lastTransitionTime": ready}]);
            });
            last.succeed(Some(&first), at(ready));
            last.started(at(ready)).unwrap()
        };
        let (scheduled, ready) = ("2026-12-01T01:00:00Z", "2026-12-01T01:00:12Z");
        let took = Duration::from_secs(12);
        assert_eq!(started(scheduled, ready), Startup { at: at(ready), took });
        let ready = "2026-12-01T00:01:40Z";
        let took = Duration::from_secs(100);
        assert_eq!(
            started("2026-12-01T00:01:30Z", ready),
            Startup { at: at(ready), took },
            "a short wait is the scheduler's"
        );
    }

    #[test]
    fn another_pod_of_the_same_name_inherits_nothing() {
        let now = "2026-12-01T00:00:01Z".parse().unwrap();
        let (_, mut first) = pod(|_| ()).unwrap();
        first.succeed(None, now);
        assert_eq!(first.birth, Birth::Took(Duration::from_secs(12)));
        let (_, mut second) = pod(|pod| pod["metadata"]["uid"] = json!("p2")).unwrap();
        second.succeed(Some(&PodFact { birth: Birth::Unseen, ..first.clone() }), now);
        assert_eq!(second.birth, first.birth, "it is judged by itself");
    }

    #[test]
    fn a_fact_stays_small() {
        assert!(size_of::<PodFact>() <= 104, "{}", size_of::<PodFact>());
    }
}

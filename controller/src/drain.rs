//! From the orders about nodes that are being taken away to what is done about each: which taint, and which pods go
//! first. Pure. Called by [`crate::plan`]; carried out by [`crate::apply`].
//!
//! Only pods of the fleet's own spot target are touched, each by its uid. A dying node is drained in `ScaleOutOnly`,
//! too: its pods are lost either way, and their ReplicaSet makes new ones.

use crate::caches::Key;
use crate::facts::NodeFact;
use crate::observe::{SeenPod, SeenTarget};
use crate::validate::Valid;
use apifleet_core::Decision;
use apifleet_core::decision::{Drain, DrainOrder};
use apifleet_core::observation::NodeId;
use jiff::Timestamp;

/// What is to be done about one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeWork {
    /// Its name.
    pub node: String,
    /// Tells it from a later one of the same name.
    pub id: NodeId,
    /// What becomes of our taint.
    pub taint: Option<TaintChange>,
    /// How its pods go.
    pub how: Removal,
    /// Which, in this order.
    pub pods: Vec<PodRef>,
}

/// What becomes of our taint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaintChange {
    /// It comes, and names the time of the notice for copies of the operator that start later.
    Set(Timestamp),
    /// It goes.
    Removed,
}

/// How pods go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Removal {
    /// Disruption budgets are asked.
    Evict,
    /// They are not: the node dies anyway.
    Delete,
    /// Nor is the node, which is dead.
    ForceDelete,
}

/// One pod and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRef {
    /// Its namespace and name.
    pub key: Key,
    /// It must still be this one.
    pub uid: Box<str>,
}

// === impl Removal ===

impl Removal {
    /// The word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evict => "evict",
            Self::Delete => "delete",
            Self::ForceDelete => "force_delete",
        }
    }
}

/// What is to be done about the nodes of a decision.
#[must_use]
pub fn work(valid: &Valid, decision: &Decision) -> Vec<NodeWork> {
    let node = |drain: &Drain| {
        let mut known = valid.nodes.iter().map(|node| node.fact.as_ref());
        let node = known.find(|fact| fact.id == drain.node)?;
        let work = of_node(node, drain.order, valid.targets.spot.as_ref(), decision.at);
        (work.taint.is_some() || !work.pods.is_empty()).then_some(work)
    };
    decision.drains.iter().filter_map(node).collect()
}

fn of_node(
    node: &NodeFact,
    order: DrainOrder,
    spot: Option<&SeenTarget>,
    now: Timestamp,
) -> NodeWork {
    let on_it = |leaving: bool| going_first(node, spot, leaving);
    let (how, pods) = match order {
        DrainOrder::Undo | DrainOrder::Taint => (Removal::Evict, Vec::new()),
        DrainOrder::Evict(most) => {
            let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
            (Removal::Evict, on_it(false).into_iter().take(most).collect())
        }
        DrainOrder::Delete => (Removal::Delete, on_it(false)),
        // A pod that was told to leave cannot confirm it on a dead node.
        DrainOrder::ForceDelete => (Removal::ForceDelete, on_it(true)),
    };
    let taint = match order {
        DrainOrder::Undo => node.taint.map(|_| TaintChange::Removed),
        DrainOrder::Taint | DrainOrder::Evict(_) | DrainOrder::Delete | DrainOrder::ForceDelete => {
            taint(node, now)
        }
    };
    let taint = taint.filter(|_| node.gone_at.is_none());
    NodeWork { node: node.name.clone(), id: node.id, taint, how, pods }
}

/// Our taint, where it is not there for this interruption yet.
fn taint(node: &NodeFact, now: Timestamp) -> Option<TaintChange> {
    match node.interruption {
        Some(notice) => (!node.is_tainted_for(&notice)).then_some(TaintChange::Set(notice.at)),
        None => node.taint.is_none().then_some(TaintChange::Set(now)),
    }
}

/// The fleet's pods on a node: first those that do not serve.
fn going_first(node: &NodeFact, spot: Option<&SeenTarget>, leaving: bool) -> Vec<PodRef> {
    let Some(spot) = spot else { return Vec::new() };
    let there =
        |pod: &&SeenPod| pod.fact.node == Some(node.place()) && (leaving || !pod.fact.leaving);
    let mut pods: Vec<&SeenPod> = spot.pods.iter().filter(there).collect();
    pods.sort_by_key(|pod| (pod.fact.ready_since.is_some(), &pod.name));
    let named = |pod: &SeenPod| PodRef {
        key: Key::new(&spot.key.namespace, &pod.name),
        uid: pod.fact.uid.clone(),
    };
    pods.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::Fact as _;
    use crate::facts::PodFact;
    use apifleet_core::Replicas;
    use serde_json::json;
    use std::sync::Arc;

    fn at() -> Timestamp {
        "2026-12-10T14:00:00Z".parse().unwrap()
    }

    /// A spot node that is being taken away, with or without our taint.
    fn node(tainted: bool) -> NodeFact {
        let mut taints = vec![json!({"key": "karpenter.sh/disrupted", "effect": "NoSchedule"})];
        if tainted {
            taints.push(json!({"key": "apifleet.dev/spot-interrupted", "effect": "NoSchedule"}));
        }
        let object =
            json!({"metadata": {"name": "spot-1", "uid": "n1"}, "spec": {"taints": taints}});
        let (_, mut fact) = NodeFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        fact.succeed(None, at());
        fact
    }

    fn pod(name: &str, node: &str, ready: bool, leaving: bool) -> SeenPod {
        let mut object = json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"pod-template-hash": "6f7"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "uid": "r",
                    "name": "api-spot-6f7", "controller": true}]},
            "spec": {"nodeName": node, "containers": []},
            "status": {"conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
        });
        if leaving {
            object["metadata"]["deletionTimestamp"] = json!(at());
        }
        let fact = PodFact::of(&serde_json::from_value(object).unwrap()).unwrap().1;
        SeenPod { name: name.into(), fact: Arc::new(fact) }
    }

    fn target() -> SeenTarget {
        let pods = vec![
            pod("c", "spot-1", true, false),
            pod("a", "spot-1", true, false),
            pod("b", "spot-1", false, false),
            pod("d", "spot-1", true, true),
            pod("elsewhere", "spot-2", false, false),
        ];
        SeenTarget { key: Key::new("shop", "api-spot"), conflict: None, deployment: None, pods }
    }

    fn names(order: DrainOrder) -> Vec<String> {
        let work = of_node(&node(true), order, Some(&target()), at());
        work.pods.into_iter().map(|pod| pod.key.name.to_string()).collect()
    }

    #[test]
    fn pods_that_do_not_serve_go_first_and_no_more_than_asked() {
        assert_eq!(names(DrainOrder::Evict(Replicas::new(2))), ["b", "a"]);
        assert_eq!(names(DrainOrder::Evict(Replicas::new(99))), ["b", "a", "c"]);
        assert_eq!(names(DrainOrder::Evict(Replicas::ZERO)), [""; 0]);
    }

    #[test]
    fn only_by_force_does_a_pod_go_that_is_leaving_already() {
        assert_eq!(names(DrainOrder::Delete), ["b", "a", "c"]);
        assert_eq!(names(DrainOrder::ForceDelete), ["b", "a", "c", "d"]);
    }

    #[test]
    fn a_taint_comes_once_and_goes_only_where_it_is() {
        let taint = |tainted, order| of_node(&node(tainted), order, None, at()).taint;
        assert_eq!(taint(false, DrainOrder::Taint), Some(TaintChange::Set(at())));
        assert_eq!(taint(false, DrainOrder::Delete), Some(TaintChange::Set(at())));
        assert_eq!(taint(true, DrainOrder::Taint), None);
        assert_eq!(taint(true, DrainOrder::Undo), Some(TaintChange::Removed));
        assert_eq!(taint(false, DrainOrder::Undo), None);
    }

    #[test]
    fn a_node_that_is_gone_has_no_taint() {
        let gone = node(false).outlive(at()).unwrap();
        let work = of_node(&gone, DrainOrder::ForceDelete, Some(&target()), at());
        assert_eq!((work.taint, work.pods.len()), (None, 4));
    }
}

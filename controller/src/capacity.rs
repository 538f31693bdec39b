//! What a fleet's nodes and pods say together: which pods are on which node, and how long both take to start. Pure.
//!
//! Called by [`crate::validate`]; which of a node's pods go first is decided in [`crate::drain`].

use crate::facts::NodeFact;
use crate::observe::{SeenNode, SeenPod, SeenTarget};
use apifleet_core::Replicas;
use apifleet_core::observation::{NodeHealth, SpotNode, Startup};
use jiff::Timestamp;
use std::collections::HashMap;

/// A fleet's pods on one node.
#[derive(Debug, Clone, Copy, Default)]
struct Pods {
    staying: u32,
    ready: u32,
}

/// The spot nodes as the core sees them. One that does not answer, perhaps because it is gone, is there as long as pods
/// of the fleet are bound to it, those that are being deleted included: it takes no others.
#[must_use]
pub fn spot_nodes(nodes: &[SeenNode], spot: Option<&SeenTarget>) -> Vec<SpotNode> {
    let by_node = by_node(spot);
    let seen = |fact: &NodeFact| {
        let pods = by_node.get(&fact.place());
        if pods.is_none() && matches!(fact.health, NodeHealth::Unreachable { .. }) {
            return None;
        }
        let Pods { staying, ready } = pods.copied().unwrap_or_default();
        Some(SpotNode {
            id: fact.id,
            pool: fact.pool,
            health: fact.health,
            interruption: fact.interruption,
            tainted_by_us: fact.taint.is_some(),
            pods: Replicas::new(staying),
            ready: Replicas::new(ready),
        })
    };
    let facts = nodes.iter().filter(|node| node.is_spot).map(|node| node.fact.as_ref());
    facts.filter_map(seen).collect()
}

fn by_node(spot: Option<&SeenTarget>) -> HashMap<u64, Pods> {
    let mut by_node: HashMap<u64, Pods> = HashMap::new();
    for SeenPod { name: _, fact } in spot.iter().flat_map(|spot| &spot.pods) {
        let Some(node) = fact.node else { continue };
        let pods = by_node.entry(node).or_default();
        pods.staying += u32::from(!fact.leaving);
        pods.ready += u32::from(!fact.leaving && fact.ready_since.is_some());
    }
    by_node
}

/// How long the pods of the targets that became Ready lately took to.
#[must_use]
pub fn pods_started<'a>(
    targets: impl Iterator<Item = &'a SeenTarget>,
    now: Timestamp,
) -> Vec<Startup> {
    let pods = targets.flat_map(|target| &target.pods);
    pods.filter_map(|pod| pod.fact.started(now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::{Fact as _, Key};
    use crate::facts::PodFact;
    use apifleet_core::observation::NodeId;
    use serde_json::json;
    use std::sync::Arc;
    use std::time::Duration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn node(name: &str, is_spot: bool) -> SeenNode {
        let object = json!({"metadata": {"name": name, "uid": name},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let (_, fact) = NodeFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        SeenNode { is_spot, fact: Arc::new(fact) }
    }

    fn gone(name: &str) -> SeenNode {
        let fact = node(name, true).fact.outlive(at(0)).unwrap();
        SeenNode { is_spot: true, fact: Arc::new(fact) }
    }

    fn silent(name: &str) -> SeenNode {
        let object = json!({"metadata": {"name": name, "uid": name},
            "spec": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        let (_, mut fact) = NodeFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        fact.succeed(None, at(0));
        SeenNode { is_spot: true, fact: Arc::new(fact) }
    }

    fn pod(node: &str, ready: bool, leaving: bool) -> SeenPod {
        let mut object = json!({
            "metadata": {"name": "p", "namespace": "shop", "uid": "p", "creationTimestamp": at(0),
                "labels": {"pod-template-hash": "6f7"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "uid": "r",
                    "name": "api-spot-6f7", "controller": true}]},
            "spec": {"nodeName": node, "containers": []},
            "status": {"conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" },
                "lastTransitionTime": at(9)}]},
        });
        if leaving {
            object["metadata"]["deletionTimestamp"] = json!(at(0));
        }
        let (_, mut fact) = PodFact::of(&serde_json::from_value(object).unwrap()).unwrap();
        fact.succeed(None, at(10));
        SeenPod { name: "p".into(), fact: Arc::new(fact) }
    }

    fn target(pods: Vec<SeenPod>) -> SeenTarget {
        SeenTarget { key: Key::new("shop", "api-spot"), conflict: None, deployment: None, pods }
    }

    fn counts(nodes: &[SpotNode]) -> Vec<(NodeId, u32, u32)> {
        nodes.iter().map(|node| (node.id, node.pods.get(), node.ready.get())).collect()
    }

    #[test]
    fn each_spot_node_has_the_pods_that_stay_on_it() {
        let nodes = [node("spot-1", true), node("spot-2", true), node("base", false)];
        let spot = target(vec![
            pod("spot-1", true, false),
            pod("spot-1", false, false),
            pod("spot-1", true, true),
            pod("unknown", true, false),
        ]);
        let seen = spot_nodes(&nodes, Some(&spot));
        let (first, second) = (nodes[0].fact.id, nodes[1].fact.id);
        assert_eq!(
            counts(&seen),
            [(first, 2, 1), (second, 0, 0)],
            "a node without pods could have some"
        );
    }

    #[test]
    fn a_node_that_is_gone_or_silent_is_seen_until_its_pods_are_gone_too() {
        let there = target(vec![pod("spot-1", true, true)]);
        for dead in [gone, silent] {
            let seen = spot_nodes(&[dead("spot-1"), dead("spot-2")], Some(&there));
            assert_eq!(seen.len(), 1, "the other has none");
            assert!(matches!(seen[0].health, NodeHealth::Unreachable { .. }));
            assert!(seen[0].interruption.is_some());
        }
    }

    #[test]
    fn starts_are_told_of_both_targets() {
        let (one, other) =
            (target(vec![pod("a", true, false)]), target(vec![pod("b", true, false)]));
        let started = pods_started([&one, &other].into_iter(), at(11));
        let took = Duration::from_secs(9);
        assert_eq!(started, [Startup { at: at(9), took }; 2]);
    }
}

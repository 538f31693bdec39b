//! What is kept of a node: what it is, what it is good for, and whether it is being taken away. Pure.
//!
//! A node that is gone is kept for a while: pods that were bound to it are in the API for some time yet, and are lost all
//! the same. Filled into [`crate::caches`]; read by [`crate::observe`] and [`crate::engine`].

use super::interruption::{self, Notice, OURS};
use super::{Birth, fingerprint};
use crate::caches::{Fact, Key};
use apifleet_core::observation::{Interruption, NodeHealth, NodeId, PoolId, Startup};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Taint};
use kube::ResourceExt as _;
use std::collections::BTreeMap;
use std::time::Duration;

/// A node that is gone is kept for so long, and then until the next list; Kubernetes removes its pods sooner.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Copies of the operator see the same mark at slightly different times.
const SAME_MARK: SignedDuration = SignedDuration::from_secs(5);

/// What is kept of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFact {
    /// Its name.
    pub name: String,
    /// Tells it from every other.
    pub id: NodeId,
    /// Its instance type and zone.
    pub pool: PoolId,
    /// By which each fleet's platform tells spot from on demand.
    pub labels: BTreeMap<String, String>,
    /// What it is good for.
    pub health: NodeHealth,
    /// Whether and since when it is being taken away.
    pub interruption: Option<Interruption>,
    /// Our own taint: `Some` where it is there, with the time that it names.
    pub taint: Option<Option<Timestamp>>,
    /// Whether the node itself is no more.
    pub gone_at: Option<Timestamp>,
    place: u64,
    created: Timestamp,
    ready_since: Option<Timestamp>,
    birth: Birth,
    notices: Vec<Notice>,
}

// === impl NodeFact ===

impl Fact for NodeFact {
    type Object = Node;

    fn of(node: &Node) -> Option<(Key, Self)> {
        let label = |name: &str| node.labels().get(name).map(String::as_str).unwrap_or_default();
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let ours = taints.clone().find(|taint| taint.key == OURS);
        let created = node.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        let (ready_since, health) = health(node, created);
        let name = node.name_any();
        let fact = Self {
            place: fingerprint(&[&name]),
            name,
            id: NodeId(fingerprint(&[&node.uid().unwrap_or_default()])),
            pool: PoolId(fingerprint(&[
                label("node.kubernetes.io/instance-type"),
                label("topology.kubernetes.io/zone"),
            ])),
            labels: node.labels().clone(),
            health,
            interruption: None,
            taint: ours.map(|taint| taint.time_added.as_ref().map(|time| time.0)),
            gone_at: None,
            created,
            ready_since,
            birth: Birth::Unseen,
            notices: taints.filter_map(interruption::notice).collect(),
        };
        Some((Key::new("", &fact.name), fact))
    }

    fn is_urgent(before: Option<&Self>, after: Option<&Self>) -> bool {
        let urgent = |fact: Option<&Self>| fact.map_or((false, false), Self::urgency);
        urgent(before) != urgent(after)
    }

    fn succeed(&mut self, before: Option<&Self>, now: Timestamp) {
        let before = before.filter(|before| before.id == self.id);
        let birth = before.map(|before| before.birth);
        self.birth = Birth::after(birth, (self.created, self.ready_since), now);
        self.interruption = self.interrupted(before, now);
    }

    fn outlive(&self, now: Timestamp) -> Option<Self> {
        let gone_at = self.gone_at.unwrap_or(now);
        if now.duration_since(gone_at) > KEPT_FOR {
            return None;
        }
        let since = match self.health {
            NodeHealth::Unreachable { since } => since,
            NodeHealth::Ready | NodeHealth::Unschedulable | NodeHealth::NotReady => gone_at,
        };
        let gone = Interruption { at: gone_at, notice: Duration::ZERO };
        Some(Self {
            health: NodeHealth::Unreachable { since },
            interruption: Some(self.interruption.map_or(gone, |known| sooner(known, gone))),
            gone_at: Some(gone_at),
            ..self.clone()
        })
    }
}

impl NodeFact {
    /// The node as pods name theirs.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
    }

    /// Whether our taint is there for the present interruption and not for one before.
    #[must_use]
    pub fn is_tainted_for(&self, interruption: &Interruption) -> bool {
        let in_time = |named: Timestamp| interruption.at.duration_since(named) <= SAME_MARK;
        self.taint.is_some_and(|named| named.is_none_or(in_time))
    }

    /// What must be followed at once when it changes: whether the node is being taken away, and whether it answers.
    #[must_use]
    pub fn urgency(&self) -> (bool, bool) {
        let silent = match self.health {
            NodeHealth::NotReady | NodeHealth::Unreachable { .. } => true,
            NodeHealth::Ready | NodeHealth::Unschedulable => false,
        };
        (self.interruption.is_some(), silent)
    }

    /// Which node it is that was just read, if it is well: it answers, and nobody takes it away.
    #[must_use]
    pub fn if_well(node: &Node) -> Option<NodeId> {
        let (_, fact) = Self::of(node)?;
        let (_, silent) = fact.urgency();
        (!silent && fact.notices.is_empty()).then_some(fact.id)
    }

    /// Whether it is being taken away, or does not answer.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.urgency() != (false, false)
    }

    /// How long it took to become Ready, while that is news.
    #[must_use]
    pub fn started(&self, now: Timestamp) -> Option<Startup> {
        self.birth.told(self.created, now)
    }

    /// The interruption that ends first. What was seen before stays true while any notice is there: another key, or a
    /// look after a restart, gives no more time.
    fn interrupted(&self, before: Option<&Self>, now: Timestamp) -> Option<Interruption> {
        // After a restart our own taint says when the notice was first seen.
        let first_seen = self.taint.flatten().filter(|_| before.is_none()).unwrap_or(now);
        let known =
            before.and_then(|before| before.interruption).filter(|_| before_is_there(before));
        let noticed = self.notices.iter().map(|notice| Interruption {
            at: notice.at.unwrap_or(first_seen),
            notice: notice.lasts,
        });
        noticed.map(|seen| known.map_or(seen, |known| sooner(known, seen))).reduce(sooner)
    }
}

/// A node that was taken for gone and is there has been given up by nobody.
fn before_is_there(before: Option<&NodeFact>) -> bool {
    before.is_some_and(|before| before.gone_at.is_none())
}

/// The one that ends first.
fn sooner(one: Interruption, other: Interruption) -> Interruption {
    let end = |it: Interruption| {
        let notice = SignedDuration::try_from(it.notice).unwrap_or(SignedDuration::MAX);
        it.at.checked_add(notice).unwrap_or(Timestamp::MAX)
    };
    if end(other) < end(one) { other } else { one }
}

/// Since when the node has been Ready, and what it is good for.
fn health(node: &Node, created: Timestamp) -> (Option<Timestamp>, NodeHealth) {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    let since = ready.and_then(|ready| ready.last_transition_time.as_ref()).map(|time| time.0);
    let since = since.unwrap_or(created);
    match ready.map(|ready| ready.status.as_str()) {
        Some("True") => {}
        // Set by Kubernetes when the node has not been heard of for a while.
        Some("Unknown") => return (None, NodeHealth::Unreachable { since }),
        _ => return (None, NodeHealth::NotReady),
    }
    let spec = node.spec.as_ref();
    let cordoned = spec.and_then(|spec| spec.unschedulable).unwrap_or_default();
    let mut taints = spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let avoided = cordoned || taints.any(|taint: &Taint| interruption::is_recommendation(taint));
    let health = if avoided { NodeHealth::Unschedulable } else { NodeHealth::Ready };
    (Some(since), health)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ITN: &str = "aws-node-termination-handler/spot-itn";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn node(taints: &Value, ready: &str) -> NodeFact {
        let object = json!({
            "metadata": {"name": "spot-1", "uid": "n1", "creationTimestamp": at(-90), "labels": {
                "karpenter.sh/capacity-type": "spot", "node.kubernetes.io/instance-type": "m6i.large",
                "topology.kubernetes.io/zone": "eu-west-3a"}},
            "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": at(-30)}]},
        });
        NodeFact::of(&serde_json::from_value(object).unwrap()).unwrap().1
    }

    fn taint(key: &str) -> Value {
        json!({"key": key, "effect": "NoSchedule"})
    }

    fn ours(named: Timestamp) -> Value {
        json!({"key": OURS, "effect": "NoSchedule", "timeAdded": named})
    }

    /// The node after a look at it; `before` is the look before.
    fn look(taints: &Value, before: Option<&NodeFact>, second: i64) -> NodeFact {
        let mut fact = node(taints, "True");
        fact.succeed(before, at(second));
        fact
    }

    fn lost(at: Timestamp, seconds: u64) -> Interruption {
        Interruption { at, notice: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_notice_counts_from_when_it_was_first_seen() {
        let first = look(&json!([taint(ITN)]), None, 0);
        assert_eq!(first.interruption, Some(lost(at(0), 120)));
        let later = look(&json!([taint(ITN), taint("other")]), Some(&first), 60);
        assert_eq!(later.interruption, Some(lost(at(0), 120)), "a later look gives no more time");
        let over = look(&json!([]), Some(&later), 70);
        assert_eq!(over.interruption, None);
        assert_eq!(
            look(&json!([taint(ITN)]), Some(&over), 300).interruption,
            Some(lost(at(300), 120))
        );
    }

    #[test]
    fn after_a_restart_our_own_taint_says_when_the_notice_was_seen() {
        let seen = look(&json!([taint(ITN), ours(at(0))]), None, 50);
        assert_eq!(seen.interruption, Some(lost(at(0), 120)));
        assert!(seen.is_tainted_for(&seen.interruption.unwrap()));
        assert_eq!(
            look(&json!([ours(at(0))]), None, 50).interruption,
            None,
            "ours alone is no notice"
        );
    }

    #[test]
    fn a_notice_that_comes_again_is_a_new_one_and_tainted_anew() {
        let calm = look(&json!([ours(at(0))]), None, 100);
        let again = look(&json!([taint(ITN), ours(at(0))]), Some(&calm), 200);
        assert_eq!(again.interruption, Some(lost(at(200), 120)));
        assert!(!again.is_tainted_for(&again.interruption.unwrap()));
        let other_copy = Interruption { at: at(4), ..again.interruption.unwrap() };
        assert!(again.is_tainted_for(&other_copy), "another copy saw it a little later");
    }

    #[test]
    fn of_several_notices_the_one_that_ends_first_counts() {
        let first = look(&json!([taint(ITN)]), None, 0);
        let dead = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": at(160)});
        let both = look(&json!([taint(ITN), dead]), Some(&first), 161);
        assert_eq!(both.interruption, Some(lost(at(0), 120)));
        let google = taint("cloud.google.com/impending-node-termination");
        let both = look(&json!([taint(ITN), google]), Some(&first), 10);
        assert_eq!(both.interruption, Some(lost(at(10), 30)));
    }

    #[test]
    fn only_what_answers_and_takes_pods_is_ready() {
        assert_eq!(node(&json!([]), "True").health, NodeHealth::Ready);
        assert_eq!(node(&json!([]), "False").health, NodeHealth::NotReady);
        let silent = NodeHealth::Unreachable { since: at(-30) };
        assert_eq!(node(&json!([]), "Unknown").health, silent);
        let recommended = taint("aws-node-termination-handler/rebalance-recommendation");
        let fact = look(&json!([recommended]), None, 0);
        assert_eq!((fact.health, fact.interruption), (NodeHealth::Unschedulable, None));
        let mut cordoned: Node = serde_json::from_value(json!({
            "metadata": {"name": "spot-1"}, "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}))
        .unwrap();
        let health = |node: &Node| NodeFact::of(node).unwrap().1.health;
        assert_eq!(health(&cordoned), NodeHealth::Unschedulable);
        cordoned.status = None;
        assert_eq!(health(&cordoned), NodeHealth::NotReady, "it says nothing");
    }

    #[test]
    fn a_pool_is_an_instance_type_in_a_zone() {
        let pool = |kind: &str, zone: &str| {
            let object = json!({"metadata": {"name": "n", "labels": {
                "node.kubernetes.io/instance-type": kind, "topology.kubernetes.io/zone": zone}}});
            NodeFact::of(&serde_json::from_value(object).unwrap()).unwrap().1.pool
        };
        assert_eq!(pool("m6i.large", "a"), pool("m6i.large", "a"));
        assert_ne!(pool("m6i.large", "a"), pool("m6i.large", "b"));
        assert_ne!(pool("m6i.large", "a"), pool("m6i", ".largea"));
    }

    #[test]
    fn a_node_that_is_gone_is_a_lost_one_for_a_while() {
        let well = look(&json!([]), None, 0);
        let gone = well.outlive(at(10)).unwrap();
        assert_eq!(gone.interruption, Some(lost(at(10), 0)));
        assert_eq!(gone.health, NodeHealth::Unreachable { since: at(10) });
        assert_eq!(gone.id, well.id);
        assert!(gone.outlive(at(300)).is_some_and(|still| still.gone_at == Some(at(10))));
        assert_eq!(gone.outlive(at(311)), None);
        let back = look(&json!([taint(ITN)]), Some(&gone), 60);
        assert_eq!(back.interruption, Some(lost(at(60), 120)));
    }

    #[test]
    fn a_start_is_told_once_it_was_seen() {
        let mut fact = node(&json!([]), "False");
        fact.succeed(None, at(-80));
        let ready = look(&json!([]), Some(&fact), 0);
        let startup = Startup { at: at(-30), took: Duration::from_mins(1) };
        assert_eq!(ready.started(at(1)), Some(startup));
    }

    #[test]
    fn what_wakes_the_loop_is_an_interruption_or_silence() {
        let (well, lost) = (look(&json!([]), None, 0), look(&json!([taint(ITN)]), None, 0));
        assert!(NodeFact::is_urgent(Some(&well), Some(&lost)));
        assert!(NodeFact::is_urgent(Some(&lost), Some(&well)));
        assert!(!NodeFact::is_urgent(Some(&well), Some(&look(&json!([taint("other")]), None, 1))));
        assert!(!NodeFact::is_urgent(None, Some(&well)), "a new node changes no decision at once");
        assert!(NodeFact::is_urgent(Some(&well), well.outlive(at(1)).as_ref()));
    }
}

//! Carries out what is to be done about nodes that are being taken away, one call after the other. Needs a client.
//! Called by [`super::apply`], after every write of replicas.
//!
//! What fails here never stops the fleet: it is told, and done again with the next decision, two seconds later. Calls
//! are bounded in number and time, and end at the first failure that the next call would meet, too. What is refused for
//! one thing (a taint that may not be written) is no reason to leave the others.

use crate::drain::{NodeWork, PodRef, Removal, TaintChange};
use crate::error::Class;
use crate::facts::NodeFact;
use crate::facts::interruption::OURS;
use crate::kubernetes::{CallError, Kubernetes};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Pods that are removed for one decision.
const PODS: usize = 32;
/// No call begins later than this after the first.
const WITHIN: Duration = Duration::from_secs(4);
/// A taint meets so many newer versions of its node before it waits for the next decision.
const TRIES: usize = 3;

/// What became of the work on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOutcome {
    /// The node.
    pub node: String,
    /// What our taint became, where that was done.
    pub taint: Option<TaintChange>,
    /// How its pods went.
    pub how: Removal,
    /// Whether it answers again, past every cache: nothing was done about it.
    pub answers: bool,
    /// How many were removed, those that were gone already included.
    pub removed: usize,
    /// Whether a disruption budget refused one.
    pub refused: bool,
    /// What failed: of what kind, and why.
    pub failures: Vec<(Class, String)>,
}

/// The work of one decision.
pub(super) struct Crew<'a> {
    pub(super) kubernetes: &'a Kubernetes,
    pub(super) leadership: &'a Leadership,
    pub(super) metrics: &'a Metrics,
    /// Whether the cover was raised: nothing is evicted before.
    pub(super) covered: bool,
}

/// What became of one pod.
enum Went {
    /// It goes, or had gone.
    Away(&'static str),
    /// A disruption budget holds it.
    Refused,
}

// === impl NodeOutcome ===

impl NodeOutcome {
    /// What failed, in one sentence; `None` where nothing did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let why: Vec<&str> = self.failures.iter().map(|(_, why)| why.as_str()).collect();
        (!why.is_empty()).then(|| why.join("; "))
    }

    fn fail(&mut self, error: &CallError) {
        self.failures.push((error.class(), error.to_string()));
    }

    /// Whether the next call would fail, too.
    fn is_hopeless(&self) -> bool {
        self.failures.iter().any(|(class, _)| *class == Class::Transient)
    }
}

// === impl Crew ===

impl Crew<'_> {
    /// Does it, node by node.
    pub(super) async fn work(&self, nodes: Vec<NodeWork>) -> Vec<NodeOutcome> {
        let until = Instant::now() + WITHIN;
        let mut left = PODS;
        let mut outcomes = Vec::with_capacity(nodes.len());
        for node in nodes {
            if Instant::now() >= until {
                break;
            }
            let outcome = self.node(node, &mut left, until).await;
            let hopeless = outcome.is_hopeless();
            outcomes.push(outcome);
            if hopeless {
                break;
            }
        }
        outcomes
    }

    async fn node(&self, work: NodeWork, left: &mut usize, until: Instant) -> NodeOutcome {
        let mut outcome = NodeOutcome {
            node: work.node.clone(),
            taint: None,
            how: work.how,
            answers: false,
            removed: 0,
            refused: false,
            failures: Vec::new(),
        };
        match self.answers(&work).await {
            Ok(answers) => outcome.answers = answers,
            Err(error) => outcome.fail(&error),
        }
        if outcome.answers || !outcome.failures.is_empty() {
            return outcome;
        }
        if let Some(change) = work.taint {
            match self.change_taint(&work.node, change).await {
                Ok(done) => outcome.taint = done.then_some(change),
                Err(error) => outcome.fail(&error),
            }
        }
        if !outcome.is_hopeless() && (self.covered || work.how != Removal::Evict) {
            self.remove_all(&work, &mut outcome, left, until).await;
        }
        outcome
    }

    /// Whether a node whose pods are to go past every budget is well after all: its watch may have been dead for a
    /// while. One that is gone is not, nor is another of its name where pods of the one before are forgotten by force.
    async fn answers(&self, work: &NodeWork) -> Result<bool, CallError> {
        let same = match work.how {
            Removal::Evict => return Ok(false),
            Removal::Delete => None,
            Removal::ForceDelete => Some(work.id),
        };
        match self.kubernetes.read_node(&work.node).await {
            Ok(node) => {
                Ok(NodeFact::if_well(&node)
                    .is_some_and(|well| same.is_none_or(|same| same == well)))
            }
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a node's pods, one by one, until one stays.
    async fn remove_all(
        &self,
        work: &NodeWork,
        outcome: &mut NodeOutcome,
        left: &mut usize,
        until: Instant,
    ) {
        for pod in &work.pods {
            if *left == 0 || Instant::now() >= until {
                return;
            }
            *left -= 1;
            match self.remove(pod, work.how).await {
                Some(Ok(Went::Away(_))) => outcome.removed += 1,
                // The budget is the same for the node's other pods.
                Some(Ok(Went::Refused)) => {
                    outcome.refused = true;
                    return;
                }
                Some(Err(error)) => {
                    outcome.fail(&error);
                    return;
                }
                None => return,
            }
        }
    }

    /// Removes one pod; `None` where this copy does not lead any more.
    async fn remove(&self, pod: &PodRef, how: Removal) -> Option<Result<Went, CallError>> {
        if !self.leadership.is_held() {
            return None;
        }
        let (pod, uid) = (&pod.key, pod.uid.as_ref());
        let result = match how {
            Removal::Evict => self.kubernetes.evict(pod, uid).await,
            Removal::Delete => self.kubernetes.delete_pod(pod, uid, false).await,
            Removal::ForceDelete => self.kubernetes.delete_pod(pod, uid, true).await,
        };
        let went = match result {
            Ok(()) => Ok(Went::Away("done")),
            // Somebody was faster, or another pod has its name.
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(Went::Away("gone")),
            Err(error) if error.code() == Some(429) => Ok(Went::Refused),
            Err(error) => Err(error),
        };
        let label = match &went {
            Ok(Went::Away(label)) => label,
            Ok(Went::Refused) => "refused",
            Err(_) => "failed",
        };
        self.metrics.removed(how.as_str(), label);
        Some(went)
    }

    /// Changes our taint and no other, on the version of the node that was read. Whether it was done.
    async fn change_taint(&self, node: &str, change: TaintChange) -> Result<bool, CallError> {
        for _ in 0..TRIES {
            let there = match self.kubernetes.get_node(node).await {
                Ok(there) => there,
                Err(error) if error.is_not_found() => return Ok(false),
                Err(error) => return Err(error),
            };
            let Some(taints) = changed(there.data.pointer("/spec/taints"), change) else {
                return Ok(false);
            };
            let patch = json!({
                "metadata": {"uid": there.metadata.uid, "resourceVersion": there.metadata.resource_version},
                "spec": {"taints": taints},
            });
            if !self.leadership.is_held() {
                return Ok(false);
            }
            match self.kubernetes.patch_node(node, &patch).await {
                Ok(()) => return Ok(true),
                Err(error) if error.is_conflict() => {}
                Err(error) if error.is_not_found() => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// The taints of a node after a change of ours; `None` where nothing is to be changed.
fn changed(there: Option<&Value>, change: TaintChange) -> Option<Value> {
    let there: Vec<Value> = there.and_then(Value::as_array).cloned().unwrap_or_default();
    let is_ours = |taint: &Value| taint.get("key").and_then(Value::as_str) == Some(OURS);
    let ours = match change {
        TaintChange::Set(at) => Some(taint(at)),
        TaintChange::Removed => None,
    };
    let others = there.iter().filter(|taint| !is_ours(taint)).cloned();
    let after: Vec<Value> = others.chain(ours).collect();
    (after != there).then(|| json!(after))
}

/// Kubernetes keeps times to the second.
fn taint(at: Timestamp) -> Value {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    json!({"key": OURS, "effect": "NoSchedule", "timeAdded": second.to_string()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-12-10T14:00:00.75Z".parse().unwrap()
    }

    #[test]
    fn our_taint_comes_and_goes_and_every_other_stays_as_it_is() {
        let other =
            json!({"key": "gpu", "effect": "NoExecute", "value": "x", "newField": {"a": 1}});
        let there = json!([other]);
        let after = changed(Some(&there), TaintChange::Set(at())).unwrap();
        assert_eq!(after[0], other);
        let ours =
            json!({"key": OURS, "effect": "NoSchedule", "timeAdded": "2026-12-10T14:00:00Z"});
        assert_eq!(after[1], ours);
        assert_eq!(changed(Some(&after), TaintChange::Removed), Some(there));
    }

    #[test]
    fn a_taint_that_is_right_already_is_no_write() {
        let after = changed(None, TaintChange::Set(at())).unwrap();
        assert_eq!(changed(Some(&after), TaintChange::Set(at())), None);
        assert_eq!(changed(None, TaintChange::Removed), None);
    }

    #[test]
    fn a_taint_of_an_earlier_interruption_is_replaced_and_not_doubled() {
        let before = changed(None, TaintChange::Set(Timestamp::UNIX_EPOCH)).unwrap();
        let after = changed(Some(&before), TaintChange::Set(at())).unwrap();
        assert_eq!(after.as_array().map(Vec::len), Some(1));
        assert_eq!(after[0]["timeAdded"], "2026-12-10T14:00:00Z");
    }
}

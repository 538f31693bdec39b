//! By which marks of others a node is known to be taken away, and how long it lives from then on: one table, pure.
//!
//! Read by the facts of nodes. What nobody marks cannot be known here; `NotReady` alone is no mark.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Taint;
use std::time::Duration;

/// The operator's own taint on a node that is being taken away: nothing new is placed there.
pub const OURS: &str = "apifleet.dev/spot-interrupted";

/// Amazon gives two minutes.
const AWS: Duration = Duration::from_mins(2);
/// Google and Azure give 30 seconds; of the others it is not known.
const SHORT: Duration = Duration::from_secs(30);

/// What the cloud would like to take sooner or later. In one operator's log 21 of 30 such nodes were never taken: a
/// reason to place nothing new there, and no more.
const RECOMMENDATION: &str = "aws-node-termination-handler/rebalance-recommendation";

/// Which taints say that a node is being taken away.
#[rustfmt::skip]
const TABLE: [(Keys, Duration); 7] = [
    (Keys::Exactly("karpenter.sh/disrupted"), AWS),
    (Keys::Under("aws-node-termination-handler/"), AWS),
    (Keys::Exactly("cloud.google.com/impending-node-termination"), SHORT),
    // The two names of Azure's node auto-drain.
    (Keys::Exactly("remediator.kubernetes.azure.com/unschedulable"), SHORT),
    (Keys::Exactly("remediator.aks.microsoft.com/unschedulable"), SHORT),
    (Keys::Exactly(CLUSTER_AUTOSCALER), SHORT),
    (Keys::Exactly("node.kubernetes.io/unreachable"), SHORT),
];

/// Its value is the time at which it was set, in seconds since 1970.
const CLUSTER_AUTOSCALER: &str = "ToBeDeletedByClusterAutoscaler";

/// Keys of taints.
#[derive(Debug, Clone, Copy)]
enum Keys {
    Exactly(&'static str),
    Under(&'static str),
}

/// A mark that a node is being taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// When it was set, where it says so.
    pub at: Option<Timestamp>,
    /// How long the node lives from then on.
    pub lasts: Duration,
}

/// The notice that a taint gives, if it gives one.
#[must_use]
pub fn notice(taint: &Taint) -> Option<Notice> {
    if is_recommendation(taint) {
        return None;
    }
    let (_, lasts) = TABLE.into_iter().find(|(keys, _)| keys.contain(&taint.key))?;
    Some(Notice { at: set_at(taint), lasts })
}

/// Whether a taint only recommends to place nothing new.
#[must_use]
pub fn is_recommendation(taint: &Taint) -> bool {
    taint.key == RECOMMENDATION
}

fn set_at(taint: &Taint) -> Option<Timestamp> {
    let added = taint.time_added.as_ref().map(|time| time.0);
    added.or_else(|| {
        let value = taint.value.as_deref().filter(|_| taint.key == CLUSTER_AUTOSCALER)?;
        Timestamp::from_second(value.parse().ok()?).ok()
    })
}

impl Keys {
    fn contain(self, key: &str) -> bool {
        match self {
            Self::Exactly(wanted) => key == wanted,
            Self::Under(prefix) => key.starts_with(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taint(key: &str) -> Taint {
        Taint { key: key.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() }
    }

    #[test]
    fn every_platform_s_mark_has_its_notice() {
        for (key, seconds) in [
            ("karpenter.sh/disrupted", 120),
            ("aws-node-termination-handler/spot-itn", 120),
            ("aws-node-termination-handler/asg-lifecycle-termination", 120),
            ("cloud.google.com/impending-node-termination", 30),
            ("remediator.kubernetes.azure.com/unschedulable", 30),
            ("ToBeDeletedByClusterAutoscaler", 30),
            ("node.kubernetes.io/unreachable", 30),
        ] {
            let lasts = Duration::from_secs(seconds);
            assert_eq!(notice(&taint(key)), Some(Notice { at: None, lasts }), "{key}");
        }
    }

    #[test]
    fn what_is_no_interruption_is_none() {
        for key in [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unschedulable",
            "kubernetes.azure.com/scalesetpriority",
            "DeletionCandidateOfClusterAutoscaler",
            "karpenter.sh/disrupted-by-nobody",
            "aws-node-termination-handler",
            RECOMMENDATION,
            OURS,
            "",
        ] {
            assert_eq!(notice(&taint(key)), None, "{key}");
        }
        assert!(is_recommendation(&taint(RECOMMENDATION)));
    }

    #[test]
    fn the_time_of_a_mark_is_taken_where_it_is_given() {
        let given = |taint| notice(&serde_json::from_value(taint).unwrap()).unwrap().at;
        let at = "2026-12-10T14:00:00Z".parse::<Timestamp>().unwrap();
        let added = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": at});
        assert_eq!(given(added), Some(at));
        let value = |value: &str| json!({"key": CLUSTER_AUTOSCALER, "effect": "NoSchedule", "value": value});
        assert_eq!(given(value(&at.as_second().to_string())), Some(at));
        for broken in ["", "soon", "99999999999999999999"] {
            assert_eq!(given(value(broken)), None, "{broken}");
        }
        let value = json!({"key": "karpenter.sh/disrupted", "effect": "NoSchedule", "value": "17"});
        assert_eq!(given(value), None, "a number of somebody else is no time");
    }
}

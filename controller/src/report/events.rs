//! Events: what is worth a line in `kubectl describe`, as pure functions. `events.k8s.io/v1`, one per change; the
//! same is not said again within ten minutes ([`crate::state::FleetState::may_say`]).
//!
//! Called by [`super`]; published by [`super::Reporter`].

use crate::apply::NodeOutcome;
use crate::caches::Key;
use crate::drain::{Removal, TaintChange};
use crate::facts::fingerprint;
use crate::kubernetes::FIELD_MANAGER;
use crate::plan::{Applied, Plan};
use crate::target::Target;
use crate::validate::{Stalled, Valid};
use apifleet_core::policy::Mode;
use apifleet_core::{Reason, Replicas, memory::ForeignWrite};
use apifleet_crds::status::ActiveOverrideStatus;
use apifleet_crds::{ApiFleetStatus, ConditionType, convert};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use kube::api::ObjectMeta;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// An event that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The word for it.
    pub reason: Reason,
    /// Whether somebody should look.
    pub warning: bool,
    /// What it is about; the same about the same is said once.
    pub subject: Subject,
    /// What was done about it, in one word.
    pub action: &'static str,
    /// What is, for people.
    pub note: String,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A change of the fleet's size.
    Size {
        /// The size before.
        from: Replicas,
        /// The size after.
        to: Replicas,
    },
    /// Writes of `spec.replicas`, whatever the numbers.
    Writes,
    /// A condition's status.
    Condition(&'static str, bool),
    /// A node, as the fingerprint of its name; together with the action.
    Node(u64, &'static str),
    /// An override, as the fingerprint of its name and its end.
    Override(u64),
}

/// Conditions whose change of status is an event.
const TOLD: [ConditionType; 4] = [
    ConditionType::SignalsFresh,
    ConditionType::PreWarmed,
    ConditionType::SpotHealthy,
    ConditionType::ReplicasEffective,
];
/// So many events about nodes are made of one decision.
const NODES: usize = 8;

// === impl Draft ===

impl Draft {
    /// The same for what would be the same line. The note is not looked at: numbers and ages in it never stand still.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.reason, self.subject).hash(&mut hasher);
        hasher.finish()
    }
}

/// What a decision and its writes are worth saying.
#[must_use]
pub fn of_plan(valid: &Valid, plan: &Plan<Applied>) -> Vec<Draft> {
    if let Some((_, message)) = plan.failure() {
        let note = message.to_owned();
        let (reason, subject) = (Reason::ScaleFailed, Subject::Writes);
        return vec![Draft { reason, warning: true, subject, action: "Scale", note }];
    }
    let decision = &plan.decision;
    let carried_out = valid.intent.policy.mode != Mode::Observe && plan.is_complete();
    let Some(change) = decision.change().filter(|_| carried_out) else { return Vec::new() };
    let reason = if change.to > change.from { Reason::ScaledOut } else { Reason::ScaledIn };
    let subject = Subject::Size { from: change.from, to: change.to };
    vec![Draft { reason, warning: false, subject, action: "Scale", note: decision.summary() }]
}

/// Somebody else wrote the replicas of a target; `writer` is the field manager, where it is known.
#[must_use]
pub fn of_foreign_write(write: &ForeignWrite, writer: Option<&str>) -> Draft {
    let mut changes = Vec::new();
    for (name, asked, found) in [
        ("on-demand", write.asked.on_demand, write.found.on_demand),
        ("spot", write.asked.spot, write.found.spot),
    ] {
        if let Some((asked, found)) = asked.zip(found).filter(|(asked, found)| asked != found) {
            changes.push(format!("{name} {asked} -> {found}"));
        }
    }
    let writer = writer.unwrap_or("somebody unknown");
    let changes = changes.join(", ");
    let note =
        format!("{writer} changed spec.replicas ({changes}); the fleet's own size is set again");
    let (reason, subject) = (Reason::ForeignWrite, Subject::Writes);
    Draft { reason, warning: true, subject, action: "SetAgain", note }
}

/// The field manager that wrote a target's replicas and is not ours.
#[must_use]
pub fn foreign_writer(valid: &Valid) -> Option<&str> {
    let writer = |target: Target| {
        let deployment = valid.targets.get(target).as_ref()?.deployment.as_ref()?;
        deployment.replicas_writer.as_deref().filter(|writer| *writer != FIELD_MANAGER)
    };
    Target::ALL.into_iter().find_map(writer)
}

/// A fleet begins to be stalled, or is stalled for another reason.
#[must_use]
pub fn of_stall(before: &ApiFleetStatus, stalled: &Stalled) -> Vec<Draft> {
    let known = find(before, ConditionType::Stalled).is_some_and(|condition| {
        condition.status == "True" && condition.reason == stalled.reason.as_str()
    });
    if known {
        return Vec::new();
    }
    vec![Draft {
        reason: stalled.reason,
        warning: true,
        subject: Subject::Condition(ConditionType::Stalled.as_str(), true),
        action: "Stop",
        note: stalled.message.clone(),
    }]
}

/// What was done about nodes that are being taken away.
#[must_use]
pub fn of_nodes(plan: &Plan<Applied>) -> Vec<Draft> {
    plan.nodes().iter().flat_map(of_node).take(NODES).collect()
}

fn of_node(outcome: &NodeOutcome) -> Vec<Draft> {
    let NodeOutcome { node, taint, how, answers, removed, refused, failures: _ } = outcome;
    let draft = |action, warning, note: String| Draft {
        reason: Reason::SpotInterrupted,
        warning,
        subject: Subject::Node(fingerprint(&[node]), action),
        action,
        note: format!("node {node}: {note}"),
    };
    let taint = taint.map(|change| match change {
        TaintChange::Set(_) => draft(
            "Taint",
            true,
            "it is being taken away; nothing new is placed there, and its pods are covered"
                .to_owned(),
        ),
        TaintChange::Removed => {
            draft("Untaint", false, "it stays after all and takes pods again".to_owned())
        }
    });
    let pods = (*removed > 0).then(|| match how {
        Removal::Evict => draft("Evict", false, format!("{removed} of its pods were evicted")),
        Removal::Delete => draft(
            "Delete",
            true,
            format!("{removed} of its pods were deleted: the notice runs out"),
        ),
        Removal::ForceDelete => draft(
            "ForceDelete",
            true,
            format!("{removed} of its pods were deleted by force: it does not answer"),
        ),
    });
    let refused = refused.then(|| {
        draft(
            "Wait",
            true,
            "a disruption budget holds its pods; they are asked for again".to_owned(),
        )
    });
    let failed = outcome.failure().map(|why| draft("Retry", true, why));
    let spared = answers.then(|| {
        draft("Spare", false, "it answers again, and its pods are not deleted".to_owned())
    });
    [taint, pods, refused, failed, spared].into_iter().flatten().collect()
}

/// Signals, a pre-warm, spot or the effect of replicas were lost or came back; or spot is lost for another reason.
#[must_use]
pub fn of_conditions(before: &ApiFleetStatus, after: &ApiFleetStatus) -> Vec<Draft> {
    let flipped = |kind: &ConditionType| {
        let now = find(after, *kind)?;
        let was = find(before, *kind);
        let reason = reason(&now.reason)?;
        (is_news(*kind, was, now)).then(|| {
            let warning = now.status == "False";
            let note = format!("{}={}: {}", kind.as_str(), now.status, now.message);
            let subject = Subject::Condition(kind.as_str(), !warning);
            Draft { reason, warning, subject, action: "Observe", note }
        })
    };
    TOLD.iter().filter_map(flipped).collect()
}

/// The policy of a fleet is gone, or was never seen.
#[must_use]
pub fn of_policy(before: &ApiFleetStatus, after: &ApiFleetStatus) -> Option<Draft> {
    let missing = Reason::PolicyMissing;
    let says =
        |status| find(status, ConditionType::Ready).filter(|it| it.reason == missing.as_str());
    let now = says(after).filter(|_| says(before).is_none())?;
    Some(Draft {
        reason: missing,
        warning: true,
        subject: Subject::Condition(ConditionType::Ready.as_str(), false),
        action: "KeepUp",
        note: now.message.clone(),
    })
}

/// Overrides that have come into force, gave way to others or ended since the last report.
#[must_use]
pub fn of_overrides(before: &ApiFleetStatus, after: &ApiFleetStatus) -> Vec<Draft> {
    let (before, after) = (&before.active_overrides, &after.active_overrides);
    let counted = |one: &ActiveOverrideStatus| {
        before.iter().any(|old| old.name == one.name && old.superseded_by == one.superseded_by)
    };
    let told = after.iter().filter(|one| !counted(one)).map(|one| {
        let about = about(one);
        match &one.superseded_by {
            None => override_draft(one, Reason::OverrideStarted, about),
            Some(winner) => {
                let note = format!("{about}; it gives way to {winner}");
                override_draft(one, Reason::Superseded, note)
            }
        }
    });
    let over = before.iter().filter(|old| !after.iter().any(|one| one.name == old.name));
    let ended = over.map(|old| {
        let note = format!("{} is over", about(old));
        override_draft(old, Reason::OverrideEnded, note)
    });
    told.chain(ended).collect()
}

fn about(one: &ActiveOverrideStatus) -> String {
    let ActiveOverrideStatus { name, summary, reason, requested_by, .. } = one;
    format!("{name}: {summary}, by {requested_by}: {reason}")
}

fn override_draft(one: &ActiveOverrideStatus, reason: Reason, note: String) -> Draft {
    let end = one.expires_at.0.to_string();
    let subject = Subject::Override(fingerprint(&[&one.name, &end]));
    Draft { reason, warning: false, subject, action: "Override", note }
}

/// Whether a condition says something new. What was never said was well.
fn is_news(kind: ConditionType, was: Option<&Condition>, now: &Condition) -> bool {
    let flipped = was.map_or("True", |was| was.status.as_str()) != now.status;
    // The states of spot capacity differ in their reasons, and so do the ways in which a window opens.
    let another = was.is_none_or(|was| was.reason != now.reason);
    flipped
        || match kind {
            ConditionType::SpotHealthy => another && now.status == "False",
            ConditionType::PreWarmed => {
                let opened = [Reason::PreWarmed, Reason::OpenedLate].map(Reason::as_str);
                another && (now.status == "False" || opened.contains(&now.reason.as_str()))
            }
            ConditionType::Ready
            | ConditionType::Reconciling
            | ConditionType::Stalled
            | ConditionType::SignalsFresh
            | ConditionType::ScalingLimited
            | ConditionType::Overridden
            | ConditionType::ReplicasEffective => false,
        }
}

fn find(status: &ApiFleetStatus, kind: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

fn reason(word: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.as_str() == word)
}

/// The object that is published. Kubernetes allows a note of 1 kB.
#[must_use]
pub fn build_event(draft: &Draft, fleet: &Key, uid: &str, instance: &str, now: Timestamp) -> Event {
    let Draft { reason, warning, subject: _, action, note } = draft;
    let name =
        format!("{}.{:x}", fleet.name.chars().take(200).collect::<String>(), now.as_nanosecond());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}{:x}", draft.fingerprint() & 0xffff)),
            namespace: Some(fleet.namespace.to_string()),
            ..ObjectMeta::default()
        },
        action: Some((*action).to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(convert::bounded(note, 500)),
        reason: Some(reason.as_str().to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("apifleet.dev/v1alpha1".to_owned()),
            kind: Some("ApiFleet".to_owned()),
            namespace: Some(fleet.namespace.to_string()),
            name: Some(fleet.name.to_string()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some("apifleet.dev/controller".to_owned()),
        reporting_instance: Some(convert::bounded(instance, 128)),
        type_: Some(if *warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(reason: Reason, subject: Subject, note: &str) -> Draft {
        Draft { reason, warning: true, subject, action: "Observe", note: note.to_owned() }
    }

    #[test]
    fn the_same_with_other_numbers_is_the_same_line() {
        let lost = Subject::Condition("SignalsFresh", false);
        let one = draft(Reason::Stale, lost, "the newest sample is 91 s old");
        let two = draft(Reason::Stale, lost, "the newest sample is 93 s old");
        assert_eq!(one.fingerprint(), two.fingerprint());
    }

    #[test]
    fn another_status_reason_or_size_is_another_line() {
        let lost = draft(Reason::Stale, Subject::Condition("SignalsFresh", false), "");
        let back = draft(Reason::Stale, Subject::Condition("SignalsFresh", true), "");
        let absent = draft(Reason::Absent, Subject::Condition("SignalsFresh", false), "");
        let size = |from, to| Subject::Size { from: Replicas::new(from), to: Replicas::new(to) };
        let first = draft(Reason::ScaledOut, size(10, 20), "");
        let second = draft(Reason::ScaledOut, size(20, 30), "");
        let prints = [&lost, &back, &absent, &first, &second].map(Draft::fingerprint);
        let distinct: std::collections::HashSet<u64> = prints.into_iter().collect();
        assert_eq!(distinct.len(), prints.len());
    }
}

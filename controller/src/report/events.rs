//! Events: what is worth a line in `kubectl describe`, as pure functions. `events.k8s.io/v1`, one per change; the
//! same is not said again within ten minutes ([`crate::state::FleetState::may_say`]).
//!
//! Called by [`super`]; published by [`super::Reporter`].

use crate::caches::Key;
use crate::kubernetes::FIELD_MANAGER;
use crate::plan::{Applied, Plan};
use crate::target::Target;
use crate::validate::{Stalled, Valid};
use apifleet_core::policy::Mode;
use apifleet_core::{Reason, Replicas, memory::ForeignWrite};
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
}

/// Conditions whose change of status is an event.
const TOLD: [ConditionType; 3] =
    [ConditionType::SignalsFresh, ConditionType::SpotHealthy, ConditionType::ReplicasEffective];

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

/// Signals, spot or the effect of replicas were lost or came back.
#[must_use]
pub fn of_conditions(before: &ApiFleetStatus, after: &ApiFleetStatus) -> Vec<Draft> {
    let flipped = |kind: &ConditionType| {
        let now = find(after, *kind)?;
        let was = find(before, *kind).map_or("True", |condition| condition.status.as_str());
        let reason = reason(&now.reason)?;
        (was != now.status).then(|| {
            let warning = now.status == "False";
            let note = format!("{}={}: {}", kind.as_str(), now.status, now.message);
            let subject = Subject::Condition(kind.as_str(), !warning);
            Draft { reason, warning, subject, action: "Observe", note }
        })
    };
    TOLD.iter().filter_map(flipped).collect()
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
            namespace: Some(fleet.namespace.clone()),
            ..ObjectMeta::default()
        },
        action: Some((*action).to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(convert::bounded(note, 500)),
        reason: Some(reason.as_str().to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("apifleet.dev/v1alpha1".to_owned()),
            kind: Some("ApiFleet".to_owned()),
            namespace: Some(fleet.namespace.clone()),
            name: Some(fleet.name.clone()),
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

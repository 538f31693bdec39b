//! `apifleet history`: the last changes of a fleet's size: ten of them from its status, older ones from events, for as long
//! as the API server keeps those.
//!
//! [`History`] is a plain value made of what was read; every sentence in it was written by the operator.

pub mod screen;

use crate::document::document;
use crate::failure::Failure;
use crate::find::{Found, find};
use crate::names::FleetName;
use crate::settings::{Format, Settings};
use crate::terminal::Terminal;
use crate::time::Clock;
use crate::view::FleetView;
use apifleet_core::Reason;
use apifleet_crds::ApiFleet;
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use serde::Serialize;

/// The kind of the document.
const KIND: &str = "FleetHistory";

/// The changes of a fleet's size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The fleet's namespace.
    pub namespace: String,
    /// The fleet's name.
    pub name: String,
    /// The changes, newest first.
    pub changes: Vec<Change>,
}

/// A change of the size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// When it was decided.
    pub at: Timestamp,
    /// The size before; absent where an event does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<i32>,
    /// The size after; absent where an event does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<i32>,
    /// Why, in one word.
    pub reason: String,
    /// Why, in one line.
    pub summary: String,
    /// Where it was read.
    pub source: Source,
}

/// Where a change was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// From the status of the fleet.
    Status,
    /// From an event.
    Event,
}

/// Shows the changes of a fleet.
pub async fn history(
    settings: &Settings,
    name: &FleetName,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if settings.format == Format::Name {
        return Err(Failure::Usage(
            "history has more to say than a name: choose another -o".to_owned(),
        ));
    }
    let Found { cluster, namespace, decided } = find(settings, name, terminal).await?;
    let clock = Clock::system();
    // Without events the answer is shorter, and what the status holds is what matters most.
    let events = cluster.events(&namespace, name).await.unwrap_or_else(|problem| {
        terminal.say(&format!("older changes are not known, for events were not read: {problem}"));
        Vec::new()
    });
    let history = History::new(&decided.fleet, &events, clock.now);
    terminal.data(&match settings.format {
        Format::Document(syntax) => document(syntax, KIND, &history)?,
        Format::People(_) | Format::Name => screen::screen(&history, &clock, terminal.width),
    })?;
    terminal.say(&screen::summary(&history));
    Ok(())
}

// === impl History ===

impl History {
    /// What the status of a fleet holds, and what events tell of the time before.
    #[must_use]
    pub fn new(fleet: &ApiFleet, events: &[Event], now: Timestamp) -> Self {
        let view = FleetView::new(fleet, now);
        let known = view.changes.into_iter().map(|change| Change {
            at: change.at,
            previous: Some(change.previous),
            desired: Some(change.desired),
            reason: change.reason,
            summary: change.summary,
            source: Source::Status,
        });
        let mut changes: Vec<Change> = known.collect();
        let oldest = changes.iter().map(|change| change.at).min();
        let mut older: Vec<Change> = events.iter().filter_map(Change::of_event).collect();
        // An event is written a moment after its decision: one of the same second is of the same change.
        older.retain(|change| {
            oldest.is_none_or(|oldest| change.at.as_second() < oldest.as_second())
        });
        changes.append(&mut older);
        changes.sort_by_key(|change| std::cmp::Reverse(change.at));
        Self { namespace: view.namespace, name: view.name, changes }
    }
}

// === impl Change ===

impl Change {
    /// The change that an event tells of, if it does.
    fn of_event(event: &Event) -> Option<Self> {
        let reason = event.reason.clone()?;
        let sizes = [Reason::ScaledOut, Reason::ScaledIn].map(Reason::as_str);
        if !sizes.contains(&reason.as_str()) {
            return None;
        }
        let created = event.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let at = event.event_time.as_ref().map(|time| time.0).or(created)?;
        let summary = event.note.clone().unwrap_or_default();
        let (previous, desired) = sizes_of(&summary).unzip();
        Some(Self { at, previous, desired, reason, summary, source: Source::Event })
    }
}

/// The sizes in the sentence of a decision: `20 -> 30 replicas: ...`.
fn sizes_of(summary: &str) -> Option<(i32, i32)> {
    let (sizes, _) = summary.split_once(" replicas")?;
    let (previous, desired) = sizes.split_once(" -> ")?;
    Some((previous.trim().parse().ok()?, desired.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_out_of_the_sentence_of_a_decision() {
        assert_eq!(
            sizes_of("20 -> 30 replicas: maxReplicas is 30, 31 is asked for"),
            Some((20, 30))
        );
        for other in ["", "30 replicas: nothing", "a -> b replicas: x", "1 -> 2"] {
            assert_eq!(sizes_of(other), None, "{other:?}");
        }
    }
}

//! A fleet as people and programs are shown it: a plain value made of an `ApiFleet` and the time, and nothing else.
//!
//! Every word and sentence in it was written by the operator into the fleet's status, or is a figure. This file puts
//! them together; what is calm is in [`conditions`], what was measured in [`signals`], what a reader has to be told
//! about the report itself in [`notices`].

pub mod conditions;
pub mod notices;
pub mod overrides;
pub mod signals;

use crate::cluster::Read;
use apifleet_core::schedule::coming::{Coming, coming};
use apifleet_crds::convert::count;
use apifleet_crds::spec::Mode;
use apifleet_crds::status::{ActiveScheduleStatus, ApiFleetStatus, TargetStatus};
use apifleet_crds::{ApiFleet, ConditionType, FleetIntent};
use conditions::ConditionView;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use overrides::OverrideView;
use serde::Serialize;
use signals::SignalsView;

/// A window that opens later than this is not announced.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A fleet as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Whether decisions are carried out.
    pub mode: &'static str,
    /// Its smallest size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// Its largest size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<i32>,
    /// One word for how it is: the reason of condition Ready, or of Stalled; absent where nothing was reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether the latest edit is taken up and as many replicas are Ready as are wanted.
    pub ready: bool,
    /// The size that the last decision wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_replicas: Option<i32>,
    /// Ready replicas of both targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Its Deployments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetView>,
    /// The last decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionView>,
    /// What was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<SignalsView>,
    /// The schedule that is in force or pre-warms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleView>,
    /// The next window that opens, of any schedule, in the next two weeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upcoming: Option<UpcomingView>,
    /// The overrides that are due; first those that count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideView>,
    /// The state of the spot capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot: Option<SpotView>,
    /// Every condition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionView>,
    /// The last changes of the size, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeView>,
    /// What has to be said about the report itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// One Deployment of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetView {
    /// `on-demand` or `spot`.
    pub target: &'static str,
    /// The Deployment.
    pub deployment: String,
    /// Replicas that it is meant to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<i32>,
    /// Its Ready replicas; absent where the Deployment cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<i32>,
    /// Its pods without a node.
    pub pending: i32,
}

/// The last decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// When it was made, as far as it was reported.
    pub at: Timestamp,
    /// The size before.
    pub previous: i32,
    /// The size that is wanted.
    pub desired: i32,
    /// Why, in one word.
    pub reason: String,
    /// Why, in one line.
    pub summary: String,
    /// When the answer changes for a known reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextView>,
}

/// When the answer changes for a known reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NextView {
    /// When.
    pub at: Timestamp,
    /// What happens then.
    pub reason: String,
    /// The size then.
    pub replicas: i32,
}

/// The schedule that is in force or pre-warms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleView {
    /// Which.
    pub name: String,
    /// How far it is: Nodes, Ramp, Lead or Window.
    pub phase: String,
    /// When its window opens or opened.
    pub start: Timestamp,
    /// When it closes.
    pub end: Timestamp,
    /// The floor that it sets now.
    pub floor: i32,
    /// The floor with which its window opens.
    pub full_floor: i32,
}

/// A window that opens later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpcomingView {
    /// Of which schedule.
    pub name: String,
    /// When its pre-warm begins.
    pub pre_warm_from: Timestamp,
    /// When it opens.
    pub start: Timestamp,
    /// The floor with which it opens.
    pub floor: i32,
}

/// The state of the spot capacity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpotView {
    /// Normal, Covering, Fallback or Returning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The share that is meant to run on spot, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_percent: Option<i32>,
    /// On-demand replicas that are there only because spot is being lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover: Option<i32>,
}

/// A change of the size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    /// When it was decided.
    pub at: Timestamp,
    /// The size before.
    pub previous: i32,
    /// The size after.
    pub desired: i32,
    /// Why, in one word.
    pub reason: String,
    /// Why, in one line.
    pub summary: String,
}

// === impl FleetView ===

impl FleetView {
    /// The fleet as it is shown at `now`.
    #[must_use]
    pub fn new(fleet: &ApiFleet, now: Timestamp) -> Self {
        let nothing = ApiFleetStatus::default();
        let status = fleet.status.as_ref().unwrap_or(&nothing);
        let intent = FleetIntent::try_from(&fleet.spec);
        Self {
            namespace: fleet.metadata.namespace.clone().unwrap_or_default(),
            name: fleet.metadata.name.clone().unwrap_or_default(),
            created_at: fleet.metadata.creation_timestamp.as_ref().map(|time| time.0),
            mode: mode(fleet.spec.mode),
            min_replicas: Some(fleet.spec.min_replicas),
            max_replicas: Some(fleet.spec.max_replicas),
            status: headline(&status.conditions),
            ready: is_ready(fleet, status),
            desired_replicas: status.last_decision.as_ref().map(|decision| decision.desired),
            ready_replicas: status.ready_replicas,
            targets: targets(fleet, status),
            decision: decision(status),
            signals: signals::view(status, intent.as_ref().ok()),
            schedule: status.active_schedule.as_ref().map(schedule),
            upcoming: intent.as_ref().ok().and_then(|intent| upcoming(status, intent, now)),
            overrides: overrides::due(status, now),
            spot: spot(status),
            conditions: status.conditions.iter().map(ConditionView::from).collect(),
            changes: changes(status),
            notices: notices::of(fleet, intent.err().as_ref(), now),
        }
    }

    /// A fleet that this program does not understand, as far as it is known.
    #[must_use]
    pub fn of_read(read: Read, now: Timestamp) -> Self {
        let invalid = match read {
            Ok(fleet) => return Self::new(&fleet, now),
            Err(invalid) => *invalid,
        };
        let metadata = invalid.metadata;
        Self {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            created_at: metadata.creation_timestamp.map(|time| time.0),
            mode: "",
            min_replicas: None,
            max_replicas: None,
            status: Some("NotUnderstood".to_owned()),
            ready: false,
            desired_replicas: None,
            ready_replicas: None,
            targets: Vec::new(),
            decision: None,
            signals: None,
            schedule: None,
            upcoming: None,
            overrides: Vec::new(),
            spot: None,
            conditions: Vec::new(),
            changes: Vec::new(),
            notices: vec![format!(
                "not understood: {}; a newer apifleet may understand it",
                invalid.error
            )],
        }
    }

    /// `namespace/name`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// The word for a mode.
#[must_use]
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "Enforce",
        Mode::ScaleOutOnly => "ScaleOutOnly",
        Mode::Observe => "Observe",
    }
}

/// A condition of the status.
#[must_use]
pub fn condition(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

fn holds(conditions: &[Condition], kind: ConditionType) -> bool {
    condition(conditions, kind).is_some_and(|condition| condition.status == "True")
}

/// A fleet that is stalled is not merely not ready.
fn headline(conditions: &[Condition]) -> Option<String> {
    let stalled = condition(conditions, ConditionType::Stalled).filter(|it| it.status == "True");
    let word = stalled.or_else(|| condition(conditions, ConditionType::Ready))?;
    Some(word.reason.clone())
}

fn is_ready(fleet: &ApiFleet, status: &ApiFleetStatus) -> bool {
    let up_to_date = status.observed_generation >= fleet.metadata.generation;
    up_to_date && holds(&status.conditions, ConditionType::Ready)
}

fn targets(fleet: &ApiFleet, status: &ApiFleetStatus) -> Vec<TargetView> {
    let Some(seen) = &status.targets else { return Vec::new() };
    let of = |target, deployment: &str, seen: Option<&TargetStatus>| TargetView {
        target,
        deployment: deployment.to_owned(),
        desired: seen.and_then(|seen| seen.desired),
        ready: seen.map(|seen| seen.ready),
        pending: seen.map_or(0, |seen| seen.pending),
    };
    let named = &fleet.spec.targets;
    let spot =
        named.spot.as_ref().map(|spot| of("spot", &spot.deployment_name, seen.spot.as_ref()));
    let on_demand = of("on-demand", &named.on_demand.deployment_name, seen.on_demand.as_ref());
    std::iter::once(on_demand).chain(spot).collect()
}

fn decision(status: &ApiFleetStatus) -> Option<DecisionView> {
    let last = status.last_decision.as_ref()?;
    Some(DecisionView {
        at: last.time.0,
        previous: last.previous,
        desired: last.desired,
        reason: last.reason.clone(),
        summary: last.summary.clone(),
        next: last.next.as_ref().map(|next| NextView {
            at: next.at.0,
            reason: next.reason.clone(),
            replicas: next.replicas,
        }),
    })
}

fn schedule(active: &ActiveScheduleStatus) -> ScheduleView {
    let ActiveScheduleStatus { name, phase, start, end, floor, full_floor } = active;
    ScheduleView {
        name: name.clone(),
        phase: phase.clone(),
        start: start.0,
        end: end.0,
        floor: *floor,
        full_floor: *full_floor,
    }
}

/// The next window that is neither open nor the one that is pre-warmed.
fn upcoming(status: &ApiFleetStatus, intent: &FleetIntent, now: Timestamp) -> Option<UpcomingView> {
    let memory = status.memory.as_ref();
    let learned = memory.map(|memory| memory.learned.clone()).unwrap_or_default();
    let until = now.saturating_add(SOON).unwrap_or(Timestamp::MAX);
    let shown = |window: &Coming| {
        let active = status.active_schedule.as_ref();
        active.is_some_and(|it| {
            it.name == window.schedule.name.as_str() && it.start.0 == window.window.start.at
        })
    };
    let mut windows = coming(&intent.policy, &learned, now, until).into_iter();
    let next = windows.find(|window| window.window.start.at > now && !shown(window))?;
    Some(UpcomingView {
        name: next.schedule.name.to_string(),
        pre_warm_from: next.pre_warm.nodes_from,
        start: next.window.start.at,
        floor: count(next.floor.min(intent.policy.bounds.max())),
    })
}

fn spot(status: &ApiFleetStatus) -> Option<SpotView> {
    let spot = status.spot.as_ref()?;
    Some(SpotView {
        state: spot.state.clone(),
        since: spot.since.as_ref().map(|time| time.0),
        share_percent: spot.share_percent,
        cover: spot.cover.filter(|cover| *cover > 0),
    })
}

fn changes(status: &ApiFleetStatus) -> Vec<ChangeView> {
    let change = |record: &apifleet_crds::status::DecisionRecord| ChangeView {
        at: record.time.0,
        previous: record.previous,
        desired: record.desired,
        reason: record.reason.clone(),
        summary: record.summary.clone(),
    };
    status.recent_decisions.iter().map(change).collect()
}

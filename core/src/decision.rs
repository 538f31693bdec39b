//! The result of a decision, with the ledger of how it came about.

use crate::changes::Change;
use crate::name::Name;
use crate::observation::NodeId;
use crate::overrides::Action;
use crate::quantity::{Millis, Percent, Replicas, Rps};
use crate::reason::Reason;
use crate::signal::Signal;
use crate::why::Why;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the fleet's size must be, how it is split, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When it was made.
    pub at: Timestamp,
    /// The size before, without replicas that are only there for a move between targets.
    pub previous: Replicas,
    /// The size that is wanted.
    pub desired: Replicas,
    /// What each target's `spec.replicas` must be.
    pub placement: Placement,
    /// The one word: the reason of the stage that had the last say.
    pub reason: Reason,
    /// One line per stage, in their order.
    pub ledger: Vec<Line>,
    /// The signals as they were judged.
    pub signals: Signals,
    /// What is to be said about the fleet's health beyond its size.
    pub findings: Findings,
    /// The schedule that is in force or pre-warms, if any.
    pub schedule: Option<ActiveSchedule>,
    /// The overrides that are due, the oldest first.
    pub overrides: Vec<ActiveOverride>,
    /// The state of the spot capacity; `None` where the fleet has no spot target.
    pub spot: Option<SpotDecision>,
    /// What the placeholder Deployments' `spec.replicas` must be; `None` for one that is left alone.
    pub placeholders: Placement,
    /// What is to be done with nodes that are being taken away; one entry a node.
    pub drains: Vec<Drain>,
    /// When the answer will change for a known reason.
    pub next: Option<Next>,
}

/// A schedule that is in force or pre-warms: of several the one with the highest floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveSchedule {
    /// Which.
    pub name: Name,
    /// Whether its window is open.
    pub phase: Phase,
    /// When its window opens or opened.
    pub start: Timestamp,
    /// When it closes.
    pub end: Timestamp,
    /// The floor that it sets now: its own, or what the ramp has reached.
    pub floor: Replicas,
    /// The floor once its window is open.
    pub full: Replicas,
}

/// How far a schedule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nodes are asked for.
    Nodes,
    /// The floor climbs.
    Ramp,
    /// The floor is asked for in full and must become Ready before the window.
    Lead,
    /// The window is open.
    Window,
}

/// An override that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveOverride {
    /// Which.
    pub name: Name,
    /// What was ordered.
    pub action: Action,
    /// Whether it counts.
    pub standing: Standing,
    /// When it ends.
    pub until: Timestamp,
}

/// Whether an override that is due counts as it was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    InForce,
    /// Another one goes before it. It counts again once that one has ended.
    Superseded {
        /// Which.
        by: Name,
    },
}

/// The state of a fleet's spot capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotDecision {
    /// Which.
    pub state: SpotState,
    /// Since when.
    pub since: Timestamp,
    /// The share of the fleet that may run on spot now, in percent.
    pub share_percent: u8,
    /// Base replicas that are there only because spot is being lost.
    pub cover: Replicas,
}

/// The states of a fleet's spot capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SpotState {
    /// Spot carries its share.
    Normal,
    /// Spot nodes are being taken away: on-demand replicas are added before theirs go.
    Covering,
    /// Too much was taken away: everything runs on demand for a while.
    Fallback,
    /// The share rises again, step by step.
    Returning,
}

/// What is to be done with a node that is being taken away, as far as this fleet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Which node.
    pub node: NodeId,
    /// What.
    pub order: DrainOrder,
}

/// Each includes the ones before it: a node that is drained places nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOrder {
    /// The notice was taken back and the node has been well for long enough: our taint goes.
    Undo,
    /// Place nothing new there; its pods serve on until their cover is Ready.
    Taint,
    /// Evict at most so many of its pods, those that are not Ready first: their cover is Ready, or the notice runs
    /// out. Where a disruption budget refuses one, it is asked for again in the next decision.
    Evict(Replicas),
    /// Delete its pods: the node dies anyway, and no disruption budget may hold them.
    Delete,
    /// The node is gone: forget its pods, so that Services do.
    ForceDelete,
}

/// `spec.replicas` of the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The on-demand target; `None` means: leave it alone, a size of the fleet is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand: Option<Replicas>,
    /// The spot target; `None` where there is none to write, or a size of the fleet is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Replicas>,
}

/// One stage of a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Which stage.
    pub stage: Stage,
    /// What it was given.
    pub input: Replicas,
    /// What it made of it.
    pub output: Replicas,
    /// Why, with the numbers; renders as a sentence.
    pub why: Why,
}

/// The stages, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Which signals can be believed.
    Trust,
    /// What demand asks for.
    Demand,
    /// The windows that keep a short dip from removing replicas.
    Stabilize,
    /// How fast the size may change.
    Rate,
    /// What the size must not be below.
    Floors,
    /// What it must not be above.
    Ceilings,
    /// What the fleet's mode allows.
    Mode,
    /// The split between the targets.
    Place,
}

/// The signals of one decision, judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signals {
    /// Requests per second over the window.
    pub request_rate: Signal<Rps>,
    /// Requests per second over 15 seconds.
    pub burst_rate: Signal<Rps>,
    /// The guarded percentile; `None` where no latency is guarded.
    pub latency: Option<Signal<Millis>>,
    /// Failed requests in percent of all; `None` where errors are not watched.
    pub errors: Option<Signal<Percent>>,
    /// Requests per second that must never be lost. A lower bound at best, and nothing waits for it.
    pub critical_rate: Signal<Rps>,
}

/// What a decision found out about the fleet's health; each becomes a condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Findings {
    /// Condition `SignalsFresh`.
    pub signals_fresh: Finding,
    /// Condition `ScalingLimited`.
    pub scaling_limited: Finding,
    /// Condition `ReplicasEffective`.
    pub replicas_effective: Finding,
    /// Condition `Overridden`.
    pub overridden: Finding,
    /// Condition `SpotHealthy`; `None` where the fleet has no spot target.
    pub spot_healthy: Option<Finding>,
    /// Condition `PreWarmed`; `None` where the fleet has no schedules.
    pub pre_warmed: Option<Finding>,
}

/// True or false, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Whether the condition holds.
    pub holds: bool,
    /// Why; renders as a sentence.
    pub why: Why,
}

/// The next instant at which the answer changes for a known reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// When.
    pub at: Timestamp,
    /// What happens then.
    pub reason: Reason,
    /// The size then, if all else stays as it is.
    pub replicas: Replicas,
}

impl Placement {
    /// The replicas of both targets.
    #[must_use]
    pub fn sum(self) -> Replicas {
        self.on_demand.unwrap_or_default().plus(self.spot.unwrap_or_default())
    }
}

impl Decision {
    /// The change of the fleet's size that carrying this out makes, if any.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        Change::between(self.previous, self.desired, self.at)
    }

    /// One line for people: the sizes and the sentence of the deciding stage.
    #[must_use]
    pub fn summary(&self) -> String {
        let why = self
            .ledger
            .iter()
            .rev()
            .find(|line| line.why.reason() == self.reason)
            .map_or_else(String::new, |line| format!(": {}", line.why));
        if self.previous == self.desired {
            format!("{} replicas{why}", self.desired)
        } else {
            format!("{} -> {} replicas{why}", self.previous, self.desired)
        }
    }
}

impl Phase {
    /// The word in status and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nodes => "Nodes",
            Self::Ramp => "Ramp",
            Self::Lead => "Lead",
            Self::Window => "Window",
        }
    }
}

impl SpotState {
    /// The word in status, metrics and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Covering => "Covering",
            Self::Fallback => "Fallback",
            Self::Returning => "Returning",
        }
    }
}

impl Stage {
    /// The word in status, ledgers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trust => "Trust",
            Self::Demand => "Demand",
            Self::Stabilize => "Stabilize",
            Self::Rate => "Rate",
            Self::Floors => "Floors",
            Self::Ceilings => "Ceilings",
            Self::Mode => "Mode",
            Self::Place => "Place",
        }
    }
}

//! The result of a decision, with the ledger of how it came about.

use crate::changes::Change;
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
    /// When the answer will change for a known reason.
    pub next: Option<Next>,
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
    /// Condition `SpotHealthy`; `None` where the fleet has no spot target.
    pub spot_healthy: Option<Finding>,
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

//! Place: from a decision to the writes that carry it out: pure. Called by [`crate::reconcile`] after the decision:
//! [`place`] makes a [`Plan<Proposed>`], and only [`crate::apply`] can make a [`Plan<Applied>`] of it.
//!
//! A write that would change nothing is none. Raises come before lowerings, so that a replica that moves from one
//! target to the other is there before it goes; and before anything is evicted, so that cover comes before a drain.

use crate::apply::NodeOutcome;
use crate::caches::Key;
use crate::drain::{self, NodeWork};
use crate::target::{Purpose, Target};
use crate::validate::Valid;
use apifleet_core::decision::Placement;
use apifleet_core::policy::Mode;
use apifleet_core::{Decision, Replicas};

/// A decision on its way; `S` is how far it is.
#[derive(Debug)]
pub struct Plan<S> {
    /// What was decided.
    pub decision: Decision,
    /// What is to be done, or was done, about it.
    pub stage: S,
}

/// What is to be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Proposed {
    /// First these, each on its own.
    pub raises: Vec<Write>,
    /// Then these, if every raise was made.
    pub lowerings: Vec<Write>,
    /// Then the Deployments that hold nodes.
    pub placeholders: Vec<Write>,
    /// Then the nodes that are being taken away.
    pub nodes: Vec<NodeWork>,
}

/// What was written. Made by [`crate::apply`] alone.
#[derive(Debug)]
pub struct Applied {
    pub(crate) outcomes: Vec<(Write, Outcome)>,
    pub(crate) placeholders: Vec<(Write, Outcome)>,
    pub(crate) nodes: Vec<NodeOutcome>,
}

/// One write of `spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which target.
    pub target: Target,
    /// Whether it is the target itself, or what holds nodes for it.
    pub purpose: Purpose,
    /// Its Deployment.
    pub deployment: Key,
    /// The Deployment must still be this one.
    pub uid: String,
    /// It must still be at this version.
    pub resource_version: String,
    /// The replicas that the decision was made on.
    pub from: Replicas,
    /// The replicas that it wants.
    pub to: Replicas,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The API server took it; the Deployment is now at this version.
    Written {
        /// The version.
        resource_version: String,
    },
    /// Not tried.
    Skipped(&'static str),
    /// Somebody else changed the replicas, or the Deployment, since the decision: decide again.
    Overtaken,
    /// It failed.
    Failed {
        /// What kind of failure it was.
        class: crate::error::Class,
        /// Why.
        message: String,
        /// Whether it may have been made all the same.
        unknown: bool,
    },
}

// === impl Plan ===

impl Plan<Applied> {
    /// What became of each write.
    #[must_use]
    pub fn outcomes(&self) -> &[(Write, Outcome)] {
        &self.stage.outcomes
    }

    /// What became of each write to what holds nodes. Never a reason to take the fleet's size for another.
    #[must_use]
    pub fn placeholders(&self) -> &[(Write, Outcome)] {
        &self.stage.placeholders
    }

    /// What became of the work on each node that is being taken away.
    #[must_use]
    pub fn nodes(&self) -> &[NodeOutcome] {
        &self.stage.nodes
    }

    /// The replicas that were written to a target, if any were.
    #[must_use]
    pub fn written(&self, target: Target) -> Option<Replicas> {
        self.stage.outcomes.iter().find_map(|(write, outcome)| {
            let made = write.target == target && matches!(outcome, Outcome::Written { .. });
            made.then_some(write.to)
        })
    }

    /// Whether every write that the decision needed was made.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stage.outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Written { .. }))
    }

    /// Whether a write may have been made without our knowing.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        let lost = |outcome: &Outcome| matches!(outcome, Outcome::Failed { unknown: true, .. });
        self.stage.outcomes.iter().any(|(_, outcome)| lost(outcome))
    }

    /// The first failure, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<(crate::error::Class, &str)> {
        self.stage.outcomes.iter().find_map(|(_, outcome)| match outcome {
            Outcome::Failed { class, message, unknown: _ } => Some((*class, message.as_str())),
            Outcome::Written { .. } | Outcome::Skipped(_) | Outcome::Overtaken => None,
        })
    }
}

/// Makes the writes of a decision.
#[must_use]
pub fn place(valid: &Valid, decision: Decision) -> Plan<Proposed> {
    let (raises, lowerings): (Vec<_>, Vec<_>) = writes(valid, decision.placement, Purpose::Serve)
        .into_iter()
        .partition(|write| write.to > write.from);
    let placeholders = writes(valid, decision.placeholders, Purpose::HoldNodes);
    let stage = match valid.intent.policy.mode {
        // Out only: the core's size is never below what is there, so that a target is lowered only for a move whose
        // replicas are Ready on the other.
        Mode::Enforce | Mode::ScaleOutOnly => {
            Proposed { raises, lowerings, placeholders, nodes: drain::work(valid, &decision) }
        }
        Mode::Observe => Proposed {
            raises: Vec::new(),
            lowerings: Vec::new(),
            placeholders: Vec::new(),
            nodes: Vec::new(),
        },
    };
    Plan { decision, stage }
}

fn writes(valid: &Valid, placement: Placement, purpose: Purpose) -> Vec<Write> {
    let wanted = [(Target::OnDemand, placement.on_demand), (Target::Spot, placement.spot)];
    let write = |(target, to): (Target, Option<Replicas>)| write(valid, (target, purpose), to?);
    wanted.into_iter().filter_map(write).collect()
}

fn write(valid: &Valid, (target, purpose): (Target, Purpose), to: Replicas) -> Option<Write> {
    let seen = match purpose {
        Purpose::Serve => valid.targets.get(target),
        Purpose::HoldNodes => valid.placeholders.get(target),
    };
    let seen = seen.as_ref()?;
    let deployment = seen.deployment.as_ref()?;
    // What is unknown is left alone.
    let from = deployment.replicas?;
    (from != to).then(|| Write {
        target,
        purpose,
        deployment: seen.key.clone(),
        uid: deployment.uid.clone(),
        resource_version: deployment.resource_version.clone(),
        from,
        to,
    })
}

//! Place: from a decision to the writes that carry it out: pure. Called by [`crate::reconcile`] after the decision:
//! [`place`] makes a [`Plan<Proposed>`], and only [`crate::apply`] can make a [`Plan<Applied>`] of it.
//!
//! A write that would change nothing is none. Raises come before lowerings, so that a replica that moves from one
//! target to the other is there before it goes.

use crate::caches::Key;
use crate::target::Target;
use crate::validate::Valid;
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
}

/// What was written. Made by [`crate::apply`] alone.
#[derive(Debug)]
pub struct Applied {
    outcomes: Vec<(Write, Outcome)>,
}

/// One write of `spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which target.
    pub target: Target,
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

impl Plan<Proposed> {
    /// The plan after its writes. For [`crate::apply`].
    pub(crate) fn applied(decision: Decision, outcomes: Vec<(Write, Outcome)>) -> Plan<Applied> {
        Plan { decision, stage: Applied { outcomes } }
    }
}

impl Plan<Applied> {
    /// What became of each write.
    #[must_use]
    pub fn outcomes(&self) -> &[(Write, Outcome)] {
        &self.stage.outcomes
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
    let mode = valid.intent.policy.mode;
    let writes: Vec<Write> =
        Target::ALL.into_iter().filter_map(|target| write(valid, &decision, target)).collect();
    let (mut raises, mut lowerings): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|write| write.to > write.from);
    match mode {
        // Out only: the core's size is never below what is there, so that a target is lowered only for a move whose
        // replicas are Ready on the other.
        Mode::Enforce | Mode::ScaleOutOnly => {}
        Mode::Observe => {
            raises.clear();
            lowerings.clear();
        }
    }
    Plan { decision, stage: Proposed { raises, lowerings } }
}

fn write(valid: &Valid, decision: &Decision, target: Target) -> Option<Write> {
    let to = match target {
        Target::OnDemand => decision.placement.on_demand,
        Target::Spot => decision.placement.spot,
    }?;
    let seen = valid.targets.get(target).as_ref()?;
    let deployment = seen.deployment.as_ref()?;
    // What is unknown is left alone.
    let from = deployment.replicas?;
    (from != to).then(|| Write {
        target,
        deployment: seen.key.clone(),
        uid: deployment.uid.clone(),
        resource_version: deployment.resource_version.clone(),
        from,
        to,
    })
}

//! One fleet, from looking to reporting. Each step is a file of its own; the types say how far a decision is:
//! `Plan<Proposed>` -> `Plan<Applied>`, and a status can be built only from what was applied.
//!
//! Called by [`crate::engine`], for one fleet at a time and for many fleets at once.

use crate::apply::apply;
use crate::cluster::Cluster;
use crate::error::Class;
use crate::facts::PolicyUse;
use crate::hold::hold;
use crate::kubernetes::{CallError, Kubernetes};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::observe::{Fleet, Seen, observe_fleet};
use crate::plan::{Applied, Plan, Proposed, place};
use crate::report::{Reporter, report_decision, report_stalled};
use crate::schedule::{Pace, pace};
use crate::state::FleetState;
use crate::validate::{Stalled, Valid, validate};
use apifleet_core::{Reason, decide};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What every reconcile needs.
#[derive(Clone)]
pub struct Context {
    /// The Kubernetes API.
    pub kubernetes: Kubernetes,
    /// What is known of the cluster.
    pub cluster: Arc<Cluster>,
    /// Whether this copy may write.
    pub leadership: Leadership,
    /// The operator's own metrics.
    pub metrics: Arc<Metrics>,
    /// How often pods are scraped.
    pub scrape_interval: Duration,
    /// This copy's name.
    pub instance: String,
}

/// Why a reconcile did not end well. What was decided has been reported all the same, where it could be.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A target or the fleet could not be read.
    #[error(transparent)]
    Observe(#[from] CallError),
    /// The new size could not be written.
    #[error("{message}")]
    Apply {
        /// What kind of failure it was.
        class: Class,
        /// Why.
        message: String,
    },
}

/// Looks at a fleet, decides, acts and reports. Says how soon it is to be looked at again.
pub async fn reconcile(
    context: &Context,
    fleet: &Fleet,
    state: &mut FleetState,
    now: Timestamp,
) -> Result<Pace, ReconcileError> {
    let Context { kubernetes, cluster, leadership, metrics, scrape_interval, instance } = context;
    let reporter = Reporter { kubernetes, leadership, metrics, instance };
    // A spec that means nothing was found out when it was read: nothing is decided by an older one.
    let intent = match &fleet.fact.intent {
        Ok(intent) => intent,
        Err(error) => {
            let stalled = Stalled { reason: Reason::InvalidSpec, message: error.to_string() };
            return Ok(stall(reporter, fleet, state, &stalled, now).await);
        }
    };
    // Needs a client.
    let seen: Seen = observe_fleet(kubernetes, cluster, fleet, intent, (state, now)).await?;
    // Pure.
    let valid: Valid = match validate(seen, state, *scrape_interval, now) {
        Ok(valid) => valid,
        Err(stalled) => return Ok(stall(reporter, fleet, state, &stalled, now).await),
    };
    let foreign = state.foreign_write(&valid);
    // Pure: the core.
    let (decision, memory) = match valid.policy {
        PolicyUse::None | PolicyUse::InForce { .. } | PolicyUse::Kept { .. } => {
            decide(&valid.intent.policy, &valid.observation, &state.memory, now)
        }
        PolicyUse::Unknown { .. } => hold(&valid, &state.memory, now),
    };
    // Pure.
    let plan: Plan<Proposed> = place(&valid, decision);
    // Needs a client.
    let plan: Plan<Applied> = apply(kubernetes, leadership, metrics, plan, state).await;
    // Pure.
    state.advance(memory, &valid, &plan, now);
    let pace = pace(&valid, &plan, state);
    state.urgent = (!plan.decision.drains.is_empty()).then_some(pace);
    // Needs a client.
    report_decision(reporter, fleet, state, (&valid, &plan, foreign), now).await;
    match plan.failure() {
        Some((class, message)) => Err(ReconcileError::Apply { class, message: message.to_owned() }),
        None => Ok(pace),
    }
}

/// Lets go of a fleet that cannot be decided, and says so.
async fn stall(
    reporter: Reporter<'_>,
    fleet: &Fleet,
    state: &mut FleetState,
    stalled: &Stalled,
    now: Timestamp,
) -> Pace {
    state.release();
    report_stalled(reporter, fleet, state, stalled, now).await;
    Pace::STALLED
}

// === impl ReconcileError ===

impl ReconcileError {
    /// What kind of failure it was.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Observe(error) => error.class(),
            Self::Apply { class, message: _ } => *class,
        }
    }
}

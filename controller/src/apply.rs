//! Apply: carries out what a plan proposes, and nothing else: writes of replicas through `/scale`, then what is to be
//! done about nodes that are being taken away ([`nodes`]). Needs a client. Called by [`crate::reconcile`].
//!
//! Every write names the Deployment's uid and version, so that nothing newer is overwritten. Where the version has
//! moved on while the replicas have not (Kubernetes writes a Deployment's status often), the write is tried again on
//! the version that is there; where the replicas have changed, it is given up and decided again.

mod nodes;

pub use nodes::NodeOutcome;

use crate::kubernetes::{CallError, Kubernetes};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::observe::read_deployment;
use crate::plan::{Applied, Outcome, Plan, Proposed, Write};
use crate::state::{FleetState, Written};
use apifleet_crds::convert;
use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec};
use kube::api::ObjectMeta;
use std::time::Instant;

/// A write meets so many newer versions before it waits for the next pass.
const TRIES: usize = 3;

/// Carries out a plan.
pub async fn apply(
    kubernetes: &Kubernetes,
    leadership: &Leadership,
    metrics: &Metrics,
    plan: Plan<Proposed>,
    state: &mut FleetState,
) -> Plan<Applied> {
    // Without `..`: what is proposed is done.
    let Plan { decision, stage: Proposed { raises, lowerings, placeholders, nodes } } = plan;
    // The decision was made just before, and nothing was waited for since.
    let decided = Instant::now();
    let mut outcomes = Vec::with_capacity(raises.len() + lowerings.len());
    let mut covered = true;
    for write in raises {
        let outcome = carry_out(kubernetes, leadership, metrics, &write).await;
        covered &= matches!(outcome, Outcome::Written { .. });
        outcomes.push((write, outcome));
    }
    for write in lowerings {
        let outcome = if covered {
            carry_out(kubernetes, leadership, metrics, &write).await
        } else {
            Outcome::Skipped("a replica must be added elsewhere first, and that failed")
        };
        outcomes.push((write, outcome));
    }
    if outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Written { .. })) {
        metrics.carried_out(decided.elapsed());
    }
    let mut held = Vec::with_capacity(placeholders.len());
    for write in placeholders {
        let outcome = carry_out(kubernetes, leadership, metrics, &write).await;
        held.push((write, outcome));
    }
    for (write, outcome) in outcomes.iter().chain(&held) {
        remember(state, write, outcome);
    }
    let crew = nodes::Crew { kubernetes, leadership, metrics, covered };
    let nodes = crew.work(nodes).await;
    Plan { decision, stage: Applied { outcomes, placeholders: held, nodes } }
}

async fn carry_out(
    kubernetes: &Kubernetes,
    leadership: &Leadership,
    metrics: &Metrics,
    write: &Write,
) -> Outcome {
    let started = Instant::now();
    let outcome = match put(kubernetes, leadership, write).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed {
            class: error.class(),
            unknown: error.is_uncertain(),
            message: error.to_string(),
        },
    };
    metrics.scaled(label(&outcome), started.elapsed());
    outcome
}

async fn put(
    kubernetes: &Kubernetes,
    leadership: &Leadership,
    write: &Write,
) -> Result<Outcome, CallError> {
    let mut resource_version = write.resource_version.clone();
    for _ in 0..TRIES {
        // Asked before every single write: this copy may have been stopped for a while.
        if !leadership.is_held() {
            return Ok(Outcome::Skipped("this copy does not lead any more"));
        }
        match kubernetes.put_scale(&scale(write, resource_version)).await {
            Ok(written) => {
                let resource_version = written.metadata.resource_version.unwrap_or_default();
                return Ok(Outcome::Written { resource_version });
            }
            Err(error) if error.is_conflict() => {}
            Err(error) if error.is_not_found() => return Ok(Outcome::Overtaken),
            Err(error) => return Err(error),
        }
        match read_deployment(kubernetes, &write.deployment).await? {
            Some(now) if now.uid == write.uid && now.replicas == Some(write.from) => {
                resource_version = now.resource_version;
            }
            _ => return Ok(Outcome::Overtaken),
        }
    }
    Ok(Outcome::Overtaken)
}

fn scale(write: &Write, resource_version: String) -> Scale {
    Scale {
        metadata: ObjectMeta {
            name: Some(write.deployment.name.to_string()),
            namespace: Some(write.deployment.namespace.to_string()),
            uid: Some(write.uid.clone()),
            resource_version: Some(resource_version),
            ..ObjectMeta::default()
        },
        // Never left out: the API server takes an absent number for zero.
        spec: Some(ScaleSpec { replicas: Some(convert::count(write.to)) }),
        status: None,
    }
}

/// What the next look at the target must know of this write.
fn remember(state: &mut FleetState, write: &Write, outcome: &Outcome) {
    let written = &mut state.of_mut(write.target, write.purpose).written;
    match outcome {
        Outcome::Written { resource_version } => *written = Written::At(resource_version.clone()),
        Outcome::Overtaken | Outcome::Failed { unknown: true, .. } => *written = Written::Unknown,
        Outcome::Skipped(_) | Outcome::Failed { unknown: false, .. } => {}
    }
}

const fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Written { .. } => "written",
        Outcome::Skipped(_) => "skipped",
        Outcome::Overtaken => "overtaken",
        Outcome::Failed { .. } => "failed",
    }
}

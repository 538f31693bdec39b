//! From an edit of a fleet's spec to the operator's write of its Deployment, as a watch sees it.

use super::api::{self, Kind};
use super::scale::{NAMESPACE, Scale};
use crate::{Error, Result};
use k8s_openapi::api::apps::v1::Deployment;
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use serde_json::json;
use std::time::{Duration, Instant};

/// So many fleets are edited, one after the other.
const EDITS: u32 = 10;
/// A write that takes longer never came.
const LIMIT: Duration = Duration::from_secs(30);

/// Seconds from each edit to its write; `None` where it never came. Leaves these fleets one larger, and with a rollout
/// that nobody ends: nothing steady can be measured on them afterwards.
pub(crate) async fn edits(client: &Client, scale: Scale) -> Result<Vec<Option<f64>>> {
    let mut seconds = Vec::new();
    for fleet in scale.sample(EDITS) {
        seconds.push(edit(client, &fleet, scale.pods + 1).await?);
    }
    Ok(seconds)
}

async fn edit(client: &Client, fleet: &str, replicas: u32) -> Result<Option<f64>> {
    let deployments = Api::<Deployment>::namespaced(client.clone(), NAMESPACE);
    let name = fleet.to_owned();
    let is_written = move |found: Option<&Deployment>| {
        let found = found.and_then(|found| found.spec.replicas);
        found.is_some_and(|found| u32::try_from(found) == Ok(replicas))
    };
    // It watches before the edit is made: the wait for the edit's own answer is part of the time.
    let watching = tokio::spawn(async move {
        let seen = await_condition(deployments, &name, is_written).await;
        seen.map(|_| Instant::now())
    });
    let edited = Instant::now();
    let change = json!({"spec": {"minReplicas": replicas}});
    let patched = api::patch(client, Kind::Fleet, fleet, &change).await;
    let failed = |problem: String| Error::Api { what: "watch a Deployment", problem };
    let seen = match patched {
        Ok(()) => tokio::time::timeout(LIMIT, watching).await,
        Err(problem) => {
            watching.abort();
            return Err(problem);
        }
    };
    match seen {
        Err(_) => Ok(None),
        Ok(Err(lost)) => Err(failed(lost.to_string())),
        Ok(Ok(Err(problem))) => Err(failed(problem.to_string())),
        Ok(Ok(Ok(at))) => Ok(Some(at.saturating_duration_since(edited).as_secs_f64())),
    }
}

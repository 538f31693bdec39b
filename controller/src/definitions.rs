//! Whether the cluster's definitions of our kinds will do: at least as new as those that this program was built with. An
//! API server drops the fields that its definition does not know; with an older one manifests and status would silently
//! mean less than they say.
//!
//! [`judge`] is pure; [`examine`] reads, in one call for each kind. [`await_good`] does so for as long as it takes: a copy
//! that waits is alive and not Ready, says why in its log and at `/readyz`, and goes on by itself once the definitions are
//! upgraded. They are looked at when a copy starts, not later. Called by [`crate::run`] and [`crate::check`].

use crate::backoff;
use crate::error::Class;
use crate::health::Health;
use crate::kubernetes::{CallError, Kubernetes};
use apifleet_crds::Kind;
use apifleet_crds::revision::{REVISION, revision_of};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::core::GroupVersionKind;
use std::cmp::Ordering;
use std::fmt;

/// The looks after which the pause between two grows no more: an upgrade of the definitions is seen within 8 s.
const GROWS: u32 = 4;
/// The version whose sources hold the definitions that are needed.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Brings definitions into a cluster that has none.
const INSTALL: &str = "helm install apifleet-crds charts/apifleet-crds -n apifleet-system";

/// What the cluster has of one kind's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// One that the API server does not serve, or not yet.
    Unserved,
    /// One that this operator may not read: a Role of one namespace cannot grant it.
    Hidden,
    /// One that is served.
    Served {
        /// Its revision.
        revision: u32,
        /// How it came here.
        holder: Holder,
    },
}

/// Who installed a definition, and so how it is upgraded: as text it is that command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A Helm release, of this chart.
    Release {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
        /// The folder of its chart, under `charts`.
        chart: &'static str,
    },
    /// kubectl, or a tool that leaves no mark.
    Unknown,
}

/// A definition that will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the one that this program was built with.
    Same,
    /// It is newer: what this program does not know of it is left alone.
    Newer(u32),
    /// It is served, and which it is cannot be seen.
    Untold,
}

/// Why nothing is decided by the definitions that the cluster has.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// There is none.
    #[error("the cluster has no definition of {}, so this operator does nothing; run, in a checkout of version {}: {}", .0.as_str(), VERSION, INSTALL)]
    Missing(Kind),
    /// It is not served.
    #[error("the API server does not serve {} although its definition is there; look at: kubectl describe crd {}", .0.as_str(), .0.definition())]
    Unserved(Kind),
    /// It is older than this program.
    #[error("the definition of {} is older than this operator: its revision is {}, and {} is needed; this operator does nothing until it is upgraded; run, in a checkout of version {}: {}", .kind.as_str(), .revision, REVISION, VERSION, .holder)]
    Older {
        /// Of this kind.
        kind: Kind,
        /// The revision that the cluster has.
        revision: u32,
        /// How it is upgraded.
        holder: Holder,
    },
    /// It cannot be told.
    #[error("cannot tell which definitions the cluster has: {0}")]
    Unread(#[from] CallError),
}

// === impl Holder ===

impl Holder {
    fn of(definition: &CustomResourceDefinition) -> Self {
        let annotation = |key: &str| definition.metadata.annotations.as_ref()?.get(key).cloned();
        let chart = definition.metadata.labels.as_ref().and_then(|it| it.get("helm.sh/chart"));
        let release =
            (annotation("meta.helm.sh/release-name"), annotation("meta.helm.sh/release-namespace"));
        let (Some(name), Some(namespace)) = release else { return Self::Unknown };
        let apart = chart.is_some_and(|chart| chart.starts_with("apifleet-crds-"));
        Self::Release { name, namespace, chart: if apart { "apifleet-crds" } else { "apifleet" } }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { name, namespace, chart } => write!(
                to,
                "helm upgrade {name} charts/{chart} -n {namespace} --reset-then-reuse-values"
            ),
            Self::Unknown => {
                to.write_str("kubectl apply --server-side --force-conflicts -f crds/yaml")
            }
        }
    }
}

/// Whether what was found of a kind's definition will do.
pub fn judge(kind: Kind, found: Found) -> Result<Standing, Obstacle> {
    match found {
        Found::Missing => Err(Obstacle::Missing(kind)),
        Found::Unserved => Err(Obstacle::Unserved(kind)),
        Found::Hidden => Ok(Standing::Untold),
        Found::Served { revision, holder } => match revision.cmp(&REVISION) {
            Ordering::Less => Err(Obstacle::Older { kind, revision, holder }),
            Ordering::Equal => Ok(Standing::Same),
            Ordering::Greater => Ok(Standing::Newer(revision)),
        },
    }
}

/// Reads and judges every kind; the first obstacle ends it.
pub async fn examine(kubernetes: &Kubernetes) -> Result<Vec<(Kind, Standing)>, Obstacle> {
    let mut standings = Vec::new();
    for kind in Kind::ALL {
        standings.push((kind, judge(kind, look(kubernetes, kind).await?)?));
    }
    Ok(standings)
}

/// Waits until every definition will do, and says meanwhile what is in the way.
pub async fn await_good(kubernetes: &Kubernetes, health: &Health) {
    let mut looks = 0;
    loop {
        health.tick();
        match examine(kubernetes).await {
            Ok(standings) => {
                health.awaits_caches();
                standings.into_iter().for_each(tell);
                return;
            }
            Err(obstacle) => {
                tracing::error!(%obstacle, "this copy does nothing yet, and looks again");
                health.awaits(obstacle.to_string());
            }
        }
        looks = GROWS.min(looks + 1);
        tokio::time::sleep(backoff::wait(Class::Transient, looks, backoff::spread())).await;
    }
}

fn tell((kind, standing): (Kind, Standing)) {
    let definition = kind.definition();
    match standing {
        Standing::Same => {}
        Standing::Newer(revision) => {
            tracing::info!(%definition, revision, known = REVISION, "the definition is newer than this operator, which leaves alone what it does not know");
        }
        Standing::Untold => {
            tracing::warn!(%definition, "the definition may not be read: whether it is older than this operator is not known");
        }
    }
}

async fn look(kubernetes: &Kubernetes, kind: Kind) -> Result<Found, CallError> {
    let api = Api::<CustomResourceDefinition>::all(kubernetes.client().clone());
    match kubernetes.call("read a definition", api.get(&kind.definition())).await {
        Ok(definition) => Ok(found(&definition)),
        Err(error) if error.is_not_found() => Ok(Found::Missing),
        Err(error) if error.class() == Class::Forbidden => hidden(kubernetes, kind).await,
        Err(error) => Err(error),
    }
}

/// What discovery, which everybody may ask, tells of a definition that may not be read.
async fn hidden(kubernetes: &Kubernetes, kind: Kind) -> Result<Found, CallError> {
    let asked = GroupVersionKind::gvk("apifleet.dev", "v1alpha1", kind.as_str());
    let served = kubernetes.serves(&asked).await?;
    Ok(if served { Found::Hidden } else { Found::Missing })
}

fn found(definition: &CustomResourceDefinition) -> Found {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    if !conditions.any(|it| it.type_ == "Established" && it.status == "True") {
        return Found::Unserved;
    }
    let revision = revision_of(definition.metadata.annotations.as_ref());
    Found::Served { revision, holder: Holder::of(definition) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind::ApiFleet;

    fn served(revision: u32) -> Found {
        Found::Served { revision, holder: Holder::Unknown }
    }

    #[test]
    fn an_equal_or_newer_definition_will_do_and_one_that_cannot_be_seen_is_not_refused() {
        assert_eq!(judge(KIND, served(REVISION)).unwrap(), Standing::Same);
        let newer = REVISION + 3;
        assert_eq!(judge(KIND, served(newer)).unwrap(), Standing::Newer(newer));
        assert_eq!(judge(KIND, Found::Hidden).unwrap(), Standing::Untold);
    }

    #[test]
    fn an_older_definition_is_refused_with_both_revisions_and_the_command() {
        let said = judge(KIND, served(REVISION - 1)).unwrap_err().to_string();
        for part in ["ApiFleet", "older", "kubectl apply --server-side", VERSION] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
        assert!(said.contains(&format!("is {}, and {REVISION} is needed", REVISION - 1)), "{said}");
    }

    #[test]
    fn what_is_missing_is_told_apart_from_what_is_not_served() {
        let missing = judge(KIND, Found::Missing).unwrap_err().to_string();
        assert!(missing.contains("has no definition of ApiFleet") && missing.contains(INSTALL));
        let unserved = judge(KIND, Found::Unserved).unwrap_err().to_string();
        assert!(unserved.contains("kubectl describe crd apifleets.apifleet.dev"), "{unserved}");
    }

    #[test]
    fn the_command_is_that_of_the_release_which_holds_the_definition() {
        let holder = |chart: &str| {
            let metadata = serde_json::json!({
                "annotations": {"meta.helm.sh/release-name": "af", "meta.helm.sh/release-namespace": "ops"},
                "labels": {"helm.sh/chart": chart},
            });
            let spec = apifleet_crds::crd(KIND).unwrap().spec;
            let metadata = serde_json::from_value(metadata).unwrap();
            Holder::of(&CustomResourceDefinition { metadata, spec, status: None }).to_string()
        };
        let options = "-n ops --reset-then-reuse-values";
        assert_eq!(
            holder("apifleet-crds-0.1.0"),
            format!("helm upgrade af charts/apifleet-crds {options}")
        );
        assert_eq!(holder("apifleet-0.1.0"), format!("helm upgrade af charts/apifleet {options}"));
    }
}

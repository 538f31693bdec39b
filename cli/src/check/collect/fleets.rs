//! Reads the fleets that are meant, each laid over the policy that it names.

use super::super::finding::{Known, Unknown};
use crate::cluster::decided::Policy;
use crate::cluster::{Cluster, Decided, Policies, Read};
use crate::failure::Failure;
use crate::names::FleetName;
use apifleet_core::Reason;
use apifleet_crds::{ApiFleet, ApiFleetSpec, ApiFleetStatus, ConditionType};
use kube::api::ObjectMeta;

/// No run checks more: people name a namespace, or a fleet.
const MOST: usize = 500;

/// A fleet that is to be checked.
pub(super) struct Subject {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Its spec, laid over its policy; or why it is not known.
    pub(super) spec: Known<ApiFleetSpec>,
    /// What the operator says of another autoscaler.
    pub(super) conflict: Option<String>,
    /// Whether the operator has said anything.
    pub(super) reported: bool,
}

/// The named fleet, or all.
///
/// # Errors
/// Where they cannot be read, or are more than one run checks.
pub(super) async fn read(
    cluster: &Cluster,
    namespace: Option<&str>,
    name: Option<&FleetName>,
) -> Result<Vec<Subject>, Failure> {
    if let Some(name) = name {
        let decided = cluster.decided(namespace.unwrap_or_default(), name).await?;
        return Ok(vec![Subject::of(decided)]);
    }
    let read = cluster.fleets(namespace, |read: Read| read).await?;
    if read.len() > MOST {
        return Err(Failure::Usage(format!(
            "there are {} fleets, and no more than {MOST} are checked at once: name a namespace with -n, or a fleet \
             with --fleet",
            read.len()
        )));
    }
    let shares = |read: &Read| matches!(read, Ok(fleet) if fleet.spec.policy_ref.is_some());
    let policies = if read.iter().any(shares) {
        cluster.policies(namespace).await?
    } else {
        Policies::default()
    };
    let subject = |read: Read| match read {
        Ok(fleet) => Subject::of(policies.lay(fleet)),
        Err(invalid) => Subject::not_understood(&invalid.metadata, &invalid.error),
    };
    Ok(read.into_iter().map(subject).collect())
}

// === impl Subject ===

impl Subject {
    fn of(decided: Decided) -> Self {
        let Decided { fleet, typed: _, policy } = decided;
        let ApiFleet { metadata, spec, status } = fleet;
        let spec = match policy {
            Policy::Unnamed | Policy::Laid(_) => Ok(spec),
            Policy::Missing(name) | Policy::NotInFile(name) => {
                Err(Unknown(format!("ScalingPolicy {name}, which it names, does not exist")))
            }
            Policy::Unread(name, problem) => {
                Err(Unknown(format!("ScalingPolicy {name} was not read: {problem}")))
            }
        };
        Self {
            spec,
            conflict: status.as_ref().and_then(conflict),
            reported: status.is_some_and(|status| !status.conditions.is_empty()),
            ..Self::named(&metadata)
        }
    }

    fn not_understood(metadata: &ObjectMeta, error: &str) -> Self {
        let spec = Err(Unknown(format!("it holds what this program does not know: {error}")));
        Self { spec, ..Self::named(metadata) }
    }

    fn named(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            spec: Err(Unknown(String::new())),
            conflict: None,
            reported: false,
        }
    }
}

/// What the operator says of another autoscaler, where it says so.
fn conflict(status: &ApiFleetStatus) -> Option<String> {
    let says_so = status.conditions.iter().find(|it| {
        it.type_ == ConditionType::Stalled.as_str()
            && it.status == "True"
            && it.reason == Reason::ConflictingAutoscaler.as_str()
    });
    says_so.map(|condition| condition.message.clone())
}

//! A policy as it is and as it is to be: read from a manifest or made of values, held against the cluster, and turned into
//! one [`Change`]. Nothing is written here.

use super::assignment::{Assignment, assign};
use super::followers::{self, Follower};
use super::lint::{Source, check};
use crate::args::Program;
use crate::change::Change;
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::find::namespace_of;
use crate::manifest::{self, Manifest};
use crate::settings::Settings;
use crate::terminal::Terminal;
use apifleet_crds::{ScalingPolicy, ScalingPolicySpec, policy_for};
use std::path::Path;

/// A policy as it is and as it is to be.
#[derive(Debug, Clone)]
pub(super) struct Goal {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// What is to be written.
    pub(super) change: Change,
    was: Option<ScalingPolicySpec>,
    will: ScalingPolicySpec,
}

/// The policies of a manifest, in which nothing is wrong; one at least.
pub(super) fn of_file(
    path: &Path,
    program: Program,
    terminal: &mut Terminal,
) -> Result<Vec<ScalingPolicy>, Failure> {
    let text = manifest::text(path)?;
    let report = check(&[Source { file: path.display().to_string(), text: text.clone() }]);
    if !report.findings.is_empty() {
        for finding in &report.findings {
            terminal.insist(&format!("{finding}\n"));
        }
        return Err(Failure::Limit(format!(
            "{0}: what is wrong with it was said above; check again with: {1} policy lint {0}",
            path.display(),
            program.words()
        )));
    }
    let manifest = Manifest::of(path, &text)?;
    if manifest.policies.is_empty() {
        return Err(manifest.bad("holds no ScalingPolicy".to_owned()));
    }
    let fleets = manifest.fleets.len();
    if fleets > 0 {
        terminal.say(&format!(
            "the {fleets} ApiFleet of the file are left alone: apply them with kubectl apply"
        ));
    }
    Ok(manifest.policies)
}

// === impl Goal ===

impl Goal {
    /// Policies of a manifest beside those of the cluster.
    pub(super) async fn read_all(
        cluster: &Cluster,
        settings: &Settings,
        policies: Vec<ScalingPolicy>,
    ) -> Result<Vec<Self>, Failure> {
        let mut goals = Vec::new();
        for policy in policies {
            let written = policy.metadata.namespace.as_deref();
            let namespace = namespace_of(cluster, &settings.place, written)?;
            let name = policy.metadata.name.clone().unwrap_or_default();
            let before = cluster.object::<ScalingPolicy>(&namespace, &name).await?;
            goals.push(Self::of_manifest(before.as_ref(), policy, namespace)?);
        }
        Ok(goals)
    }

    /// The spec as the manifest has it; labels and annotations besides those that are there.
    fn of_manifest(
        before: Option<&ScalingPolicy>,
        policy: ScalingPolicy,
        namespace: String,
    ) -> Result<Self, Failure> {
        let name = policy.metadata.name.clone().unwrap_or_default();
        let will = policy.spec.clone();
        let change = if let Some(before) = before {
            let mut after = before.clone();
            after.spec = policy.spec;
            let of_file = policy.metadata;
            for (mine, others) in [
                (&mut after.metadata.labels, of_file.labels),
                (&mut after.metadata.annotations, of_file.annotations),
            ] {
                if let Some(others) = others {
                    mine.get_or_insert_default().extend(others);
                }
            }
            Change::edit(before, &after)?
        } else {
            let mut after = policy;
            after.metadata.namespace = Some(namespace.clone());
            Change::create(&after)?
        };
        let was = before.map(|before| before.spec.clone());
        Ok(Self { namespace, name, change, was, will })
    }

    /// A policy with other values.
    pub(super) fn set(before: ScalingPolicy, assignments: &[Assignment]) -> Result<Self, Failure> {
        let mut after = before.clone();
        after.spec = assign(&before.spec, assignments).map_err(Failure::Usage)?;
        // A policy has no bounds of its own; those of its fleets are looked at later.
        policy_for(&after.spec, 1, 1000).map_err(|error| Failure::Usage(error.to_string()))?;
        let change = Change::edit(&before, &after)?;
        Ok(Self {
            namespace: before.metadata.namespace.unwrap_or_default(),
            name: before.metadata.name.unwrap_or_default(),
            change,
            was: Some(before.spec),
            will: after.spec,
        })
    }

    /// What becomes of the fleets that follow it.
    pub(super) async fn followers(&self, cluster: &Cluster) -> Result<Vec<Follower>, Failure> {
        let fleets = followers::read(cluster, &self.namespace, &self.name).await?;
        let follow = |fleet| Follower::new(fleet, self.was.as_ref(), &self.will);
        Ok(fleets.iter().map(follow).collect())
    }
}

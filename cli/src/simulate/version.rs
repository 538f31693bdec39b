//! [`Version`]: another version of what is simulated, played beside it on the same work: that of another manifest, or
//! what the cluster has now under the same kind, name and namespace.
//!
//! Both are read into a [`Manifest`], so that a version of the cluster is understood, and refused, as one of a file is.
//! What is played beside, and what a reader is told of that, is the pure part (`First`). Nothing is written.

use super::subject::{Asked, Chosen, Subject};
use super::work::label;
use crate::cluster::{Cluster, Ours};
use crate::failure::Failure;
use crate::find::{connect, namespace_of};
use crate::manifest::Manifest;
use crate::near;
use crate::run::wait_for;
use crate::settings::Settings;
use crate::terminal::Terminal;
use apifleet_core::Replicas;
use apifleet_crds::names::ObjectName;
use apifleet_crds::{ApiFleet, ScalingPolicy};
use std::path::PathBuf;

/// What is typed for the version of the cluster, and what tables call it.
const CURRENT: &str = "current";

/// Another version of what is simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// What the cluster has now.
    Current,
    /// That of a manifest; `-` is standard input.
    File(PathBuf),
}

/// What is simulated: what another version is one of.
#[derive(Debug, Clone, Copy)]
pub(super) struct First<'a> {
    /// The object of the manifest.
    pub(super) chosen: Chosen<'a>,
    /// What it means.
    pub(super) subject: &'a Subject,
    /// The bounds that were typed.
    pub(super) asked: Asked,
}

// === impl Version ===

impl From<PathBuf> for Version {
    /// A file of that name is typed as `./current`.
    fn from(typed: PathBuf) -> Self {
        if typed.as_os_str() == CURRENT { Self::Current } else { Self::File(typed) }
    }
}

impl Version {
    /// This version of `first`.
    ///
    /// # Errors
    /// Where there is none, or none that can be played beside it.
    pub(super) fn read(
        &self,
        settings: &Settings,
        first: First<'_>,
        terminal: &mut Terminal,
    ) -> Result<Subject, Failure> {
        match self {
            Self::File(path) => first.beside(label(path), &Manifest::read(path)?),
            Self::Current => {
                let manifest = wait_for(current(settings, first.chosen, terminal))?;
                first.beside(CURRENT.to_owned(), &manifest)
            }
        }
    }
}

// === impl First ===

impl First<'_> {
    /// Its version of another manifest, within the same bounds, as `label`.
    fn beside(self, label: String, manifest: &Manifest) -> Result<Subject, Failure> {
        let it = self.chosen.like(manifest)?;
        // What would be refused alone is refused in the same words.
        it.meant(manifest, self.asked).map_err(|why| manifest.bad(why))?;
        let policy = it.meant(manifest, self.bounds()).map_err(|why| {
            let (min, max) = self.sizes();
            manifest.bad(format!(
                "{why}; it is played within {min}..{max}, the bounds of {}: choose others with --min and --max",
                self.subject.title
            ))
        })?;
        let notes = self.notes(&label, it);
        let mut subject = Subject::enforced(label, it.named(), policy);
        subject.notes.extend(notes);
        Ok(subject)
    }

    /// What a reader may take for a difference of the rules, and is none of them.
    fn notes(self, label: &str, it: Chosen<'_>) -> Vec<String> {
        let (kind, title) = (it.kind().as_str(), &self.subject.title);
        let named = (it.name() != self.chosen.name()).then(|| {
            format!("{label}: {kind} {} is compared, for none there is called {title}", it.title())
        });
        let other_sizes = it.sizes().filter(|sizes| Some(*sizes) != self.chosen.sizes());
        let sized = other_sizes.map(|(own_min, own_max)| {
            let (min, max) = self.sizes();
            format!(
                "{label} says {own_min}..{own_max} replicas; it is played within {min}..{max}, as {title} is"
            )
        });
        named.into_iter().chain(sized).collect()
    }

    /// The smallest and the largest size that it is played within.
    fn sizes(self) -> (Replicas, Replicas) {
        let bounds = self.subject.policy.bounds;
        (bounds.min(), bounds.max())
    }

    /// The same, as if they had been typed.
    fn bounds(self) -> Asked {
        let typed = |size: Replicas| u16::try_from(size.get()).ok();
        let (min, max) = self.sizes();
        Asked { min: typed(min), max: typed(max) }
    }
}

/// What the cluster has under the same kind, name and namespace, with the policy that it names.
async fn current(
    settings: &Settings,
    chosen: Chosen<'_>,
    terminal: &mut Terminal,
) -> Result<Manifest, Failure> {
    let name = chosen.name().and_then(ObjectName::parse).ok_or_else(|| {
        Failure::NotKnown(format!(
            "the cluster cannot be asked for {} {}, whose metadata.name is no name: correct it, or compare with a FILE",
            chosen.kind().as_str(),
            chosen.title()
        ))
    })?;
    let cluster = connect(settings, terminal).await?;
    let namespace = namespace_of(&cluster, &settings.place, chosen.namespace())?;
    let mut manifest = Manifest { path: CURRENT.into(), ..Manifest::default() };
    match chosen {
        Chosen::Fleet(_) => {
            let fleet: ApiFleet = existing(&cluster, &namespace, name.as_str()).await?;
            manifest.policies.extend(shared(&cluster, &namespace, &fleet).await?);
            manifest.fleets.push(fleet);
        }
        Chosen::Policy(_) => {
            manifest.policies.push(existing(&cluster, &namespace, name.as_str()).await?);
        }
    }
    Ok(manifest)
}

/// The policy that a fleet of the cluster names.
async fn shared(
    cluster: &Cluster,
    namespace: &str,
    fleet: &ApiFleet,
) -> Result<Option<ScalingPolicy>, Failure> {
    let Some(reference) = &fleet.spec.policy_ref else { return Ok(None) };
    let name = &reference.name;
    let policy = cluster.object::<ScalingPolicy>(namespace, name).await?;
    policy.map(Some).ok_or_else(|| {
        Failure::NotKnown(format!(
            "the cluster's ApiFleet names ScalingPolicy {name:?}, which is not in namespace {namespace:?}, so it is \
             stalled: create the policy, or compare with a FILE"
        ))
    })
}

/// The object of that name; where there is none, those of near names are named.
async fn existing<K: Ours>(cluster: &Cluster, namespace: &str, name: &str) -> Result<K, Failure> {
    if let Some(object) = cluster.object::<K>(namespace, name).await? {
        return Ok(object);
    }
    // Where the cluster does not serve the kind at all, this says so.
    let others = cluster.objects::<K>(Some(namespace)).await?;
    let names = others.iter().filter_map(|it| it.meta().name.as_deref());
    let near = near::hint(&near::nearest(name, names));
    Err(Failure::NotKnown(format!(
        "the cluster has no {} {name:?} in namespace {namespace:?}, so nothing of it is current: compare with a FILE, \
         or choose another namespace with -n or another cluster with --context{near}",
        K::kind(&())
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fleet(name: &str, spec: &Value) -> Manifest {
        let mut whole = json!({"minReplicas": 4, "maxReplicas": 12, "targets": {"onDemand": {"deploymentName": "a"}}});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let fleet = json!({"apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": name, "namespace": "shop"}, "spec": whole});
        Manifest { fleets: vec![serde_json::from_value(fleet).unwrap()], ..Manifest::default() }
    }

    /// What becomes of `other` beside fleet `api`, for which these bounds were typed.
    fn beside(other: &Manifest, asked: Asked) -> Result<Subject, String> {
        let manifest = fleet("api", &json!({}));
        let chosen = Chosen::of(&manifest, None).unwrap();
        let subject = Subject::new(&manifest, chosen, asked).unwrap();
        let first = First { chosen, subject: &subject, asked };
        first.beside("old.yaml".to_owned(), other).map_err(|failure| failure.to_string())
    }

    #[test]
    fn only_the_word_alone_is_the_cluster() {
        let version = |typed: &str| Version::from(PathBuf::from(typed));
        assert_eq!(version("current"), Version::Current);
        for file in ["./current", "current.yaml", "current/", "Current", "-", ""] {
            assert_eq!(version(file), Version::File(file.into()), "{file:?}");
        }
    }

    #[test]
    fn a_version_is_called_by_its_file_and_played_within_the_same_bounds() {
        let same = beside(&fleet("api", &json!({})), Asked::default()).unwrap();
        assert_eq!((same.title.as_str(), same.notes.len()), ("old.yaml", 0), "{:?}", same.notes);
        let small = beside(&fleet("api", &json!({"maxReplicas": 6})), Asked::default()).unwrap();
        assert_eq!(small.policy.bounds, same.policy.bounds);
        assert_eq!(
            small.notes,
            ["old.yaml says 4..6 replicas; it is played within 4..12, as shop/api is"]
        );
    }

    #[test]
    fn what_is_compared_under_another_name_or_is_only_watched_is_said() {
        let other = beside(&fleet("web", &json!({"mode": "Observe"})), Asked::default()).unwrap();
        assert_eq!(
            other.notes,
            [
                "old.yaml is in mode Observe; it is simulated as if it were enforced",
                "old.yaml: ApiFleet shop/web is compared, for none there is called shop/api"
            ]
        );
    }

    #[test]
    fn a_version_that_does_not_fit_the_bounds_says_whose_they_are() {
        let window = json!({"name": "day", "start": "08:00", "end": "20:00", "timeZone": "UTC"});
        let with_floor = |floor: i32| {
            let mut window = window.clone();
            window["floor"] = json!({"replicas": floor});
            fleet("api", &json!({"maxReplicas": 30, "schedules": [window]}))
        };
        let said = beside(&with_floor(20), Asked::default()).unwrap_err();
        assert!(said.contains("floor.replicas 20 is outside"), "{said}");
        assert!(said.contains("played within 4..12, the bounds of shop/api"), "{said}");
        let asked = Asked { min: None, max: Some(25) };
        assert_eq!(beside(&with_floor(20), asked).unwrap().title, "old.yaml");
        // By itself it is no more valid, and whose bounds are played within does not matter.
        let said = beside(&with_floor(40), Asked::default()).unwrap_err();
        assert!(said.contains("4..30") && !said.contains("played within"), "{said}");
    }
}

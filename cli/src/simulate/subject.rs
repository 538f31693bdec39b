//! [`Subject`]: whose policy is simulated, out of a manifest; which of its objects is meant, and which one of another
//! manifest is another version of it. Pure.

use crate::failure::Failure;
use crate::few::few;
use crate::manifest::Manifest;
use crate::names::FleetName;
use crate::near;
use crate::settings::Place;
use apifleet_core::FleetPolicy;
use apifleet_core::policy::Mode;
use apifleet_crds::{ApiFleet, FleetIntent, Kind, ScalingPolicy, effective, policy_for};
use jiff::tz::TimeZone;

/// The bounds of a policy's fleet, where none are given.
const USUAL_BOUNDS: (u16, u16) = (10, 30);
/// What is wrong with a manifest in which there is nothing to simulate.
const NOTHING: &str = "holds no ApiFleet and no ScalingPolicy";

/// Whose policy is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Its namespace, where the manifest says it, and its name.
    pub title: String,
    /// The fleet, where it is one: whose traffic Prometheus is asked for.
    pub fleet: Option<Named>,
    /// What is simulated.
    pub policy: FleetPolicy,
    /// What a reader should know about that.
    pub notes: Vec<String>,
}

/// A fleet by its namespace, where the manifest says it, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Bounds that were typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// The smallest size.
    pub min: Option<u16>,
    /// The largest size.
    pub max: Option<u16>,
}

/// One of a manifest.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen<'a> {
    /// A fleet.
    Fleet(&'a ApiFleet),
    /// A policy.
    Policy(&'a ScalingPolicy),
}

// === impl Subject ===

impl Subject {
    /// One of a manifest.
    ///
    /// # Errors
    /// Where it means nothing.
    pub(super) fn new(
        manifest: &Manifest,
        chosen: Chosen<'_>,
        asked: Asked,
    ) -> Result<Self, Failure> {
        let policy = chosen.meant(manifest, asked).map_err(|why| manifest.bad(why))?;
        Ok(Self::enforced(chosen.title(), chosen.named(), policy))
    }

    /// A fleet that is only watched is simulated as if it were not: that is what a reader wants to know of it.
    pub(super) fn enforced(title: String, fleet: Option<Named>, policy: FleetPolicy) -> Self {
        let watched = policy.mode == Mode::Observe;
        let note = format!("{title} is in mode Observe; it is simulated as if it were enforced");
        let policy = if watched { FleetPolicy { mode: Mode::Enforce, ..policy } } else { policy };
        Self { title, fleet, policy, notes: watched.then_some(note).into_iter().collect() }
    }

    /// A namespace that was typed counts where the manifest says none.
    #[must_use]
    pub fn placed(mut self, place: &Place) -> Self {
        if let (Some(fleet), Place::Namespace(typed)) = (&mut self.fleet, place) {
            fleet.namespace.get_or_insert_with(|| typed.as_str().to_owned());
        }
        self
    }

    /// The zone of its schedules; UTC where it has none.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        let first = self.policy.schedules.first();
        first.map_or(TimeZone::UTC, |schedule| schedule.calendar.zone.clone())
    }
}

// === impl Chosen ===

impl<'a> Chosen<'a> {
    /// The named fleet or policy of a manifest, or the only fleet, or the only policy.
    ///
    /// # Errors
    /// Where none or several could be meant.
    pub(super) fn of(manifest: &'a Manifest, name: Option<&FleetName>) -> Result<Self, Failure> {
        let Some(name) = name else {
            return only(manifest);
        };
        // Fleets come first: of a fleet and a policy of one name the fleet is meant.
        all(manifest).find(|it| it.name() == Some(name.as_str())).ok_or_else(|| {
            let names = names(manifest);
            let near = near::nearest(name.as_str(), names.iter().map(String::as_str));
            manifest.bad(format!("{NOTHING} {name}{}", near::hint(&near)))
        })
    }

    /// The same of another manifest: that of its kind and name, or else the only one of its kind.
    ///
    /// # Errors
    /// Where there is none, or several could be meant.
    pub(super) fn like(self, manifest: &Manifest) -> Result<Chosen<'_>, Failure> {
        let (same, others): (Vec<_>, Vec<_>) =
            all(manifest).partition(|it| it.kind() == self.kind());
        let called_so = same.iter().find(|it| it.name() == self.name());
        let only = same.first().filter(|_| same.len() == 1);
        let (kind, title) = (self.kind().as_str(), self.title());
        called_so.or(only).copied().ok_or_else(|| {
            manifest.bad(match others.first() {
                _ if !same.is_empty() => format!(
                    "holds several of kind {kind}, and none is called as {title} is: compare it with a file of the one \
                     that is meant"
                ),
                Some(other) => format!(
                    "holds {} {} and no {kind}, which {title} is: compare it with another version of the same kind",
                    other.kind().as_str(),
                    other.title()
                ),
                None => NOTHING.to_owned(),
            })
        })
    }

    /// What it means; within the bounds that were typed, where any were.
    ///
    /// # Errors
    /// Where it means nothing: why, and of what.
    pub(super) fn meant(self, manifest: &Manifest, asked: Asked) -> Result<FleetPolicy, String> {
        let meant = match self {
            Self::Fleet(fleet) => {
                let mut spec = effective(&fleet.spec, self.shared(manifest)?.map(|it| &it.spec));
                spec.min_replicas = asked.min.map_or(spec.min_replicas, i32::from);
                spec.max_replicas = asked.max.map_or(spec.max_replicas, i32::from);
                FleetIntent::try_from(&spec).map(|intent| intent.policy)
            }
            Self::Policy(policy) => {
                let min = asked.min.unwrap_or(USUAL_BOUNDS.0);
                let max = asked.max.unwrap_or(USUAL_BOUNDS.1);
                policy_for(&policy.spec, min.into(), max.into())
            }
        };
        meant.map_err(|error| format!("{}: {error}", self.title()))
    }

    /// The policy that a fleet names, which is in the same manifest.
    fn shared(self, manifest: &Manifest) -> Result<Option<&ScalingPolicy>, String> {
        let reference = match self {
            Self::Fleet(fleet) => fleet.spec.policy_ref.as_ref(),
            Self::Policy(_) => None,
        };
        let Some(reference) = reference else { return Ok(None) };
        let is_it = |it: &&ScalingPolicy| it.metadata.name.as_ref() == Some(&reference.name);
        let missing = || {
            format!(
                "ApiFleet {} takes its rules from ScalingPolicy {}, which is not in the file: put both into one, with \
                 a line of --- between them",
                self.title(),
                reference.name
            )
        };
        manifest.policies.iter().find(is_it).map(Some).ok_or_else(missing)
    }

    /// Its kind.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Fleet(_) => Kind::ApiFleet,
            Self::Policy(_) => Kind::ScalingPolicy,
        }
    }

    /// Its name, where the manifest says it.
    pub(super) fn name(self) -> Option<&'a str> {
        match self {
            Self::Fleet(it) => it.metadata.name.as_deref(),
            Self::Policy(it) => it.metadata.name.as_deref(),
        }
    }

    /// Its namespace, where the manifest says it.
    pub(super) fn namespace(self) -> Option<&'a str> {
        match self {
            Self::Fleet(it) => it.metadata.namespace.as_deref(),
            Self::Policy(it) => it.metadata.namespace.as_deref(),
        }
    }

    /// What people call it: a fleet with its namespace, where the manifest says it.
    pub(super) fn title(self) -> String {
        let name = self.name().unwrap_or("without a name");
        let namespace = match self {
            Self::Fleet(_) => self.namespace(),
            Self::Policy(_) => None,
        };
        namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
    }

    /// The fleet, where it is one with a name.
    pub(super) fn named(self) -> Option<Named> {
        let Self::Fleet(fleet) = self else { return None };
        let name = fleet.metadata.name.clone()?;
        Some(Named { namespace: fleet.metadata.namespace.clone(), name })
    }

    /// The smallest and the largest size that it says itself; a policy says none.
    pub(super) fn sizes(self) -> Option<(i32, i32)> {
        match self {
            Self::Fleet(fleet) => Some((fleet.spec.min_replicas, fleet.spec.max_replicas)),
            Self::Policy(_) => None,
        }
    }
}

/// Everything of a manifest that can be simulated: fleets, then policies.
fn all(manifest: &Manifest) -> impl Iterator<Item = Chosen<'_>> {
    let policies = manifest.policies.iter().map(Chosen::Policy);
    manifest.fleets.iter().map(Chosen::Fleet).chain(policies)
}

fn only(manifest: &Manifest) -> Result<Chosen<'_>, Failure> {
    match (manifest.fleets.as_slice(), manifest.policies.as_slice()) {
        ([fleet], _) => Ok(Chosen::Fleet(fleet)),
        ([], [policy]) => Ok(Chosen::Policy(policy)),
        ([], []) => Err(manifest.bad(NOTHING.to_owned())),
        _ => {
            let names = few(&names(manifest), 5);
            Err(manifest.bad(format!("holds several: name one of {names}")))
        }
    }
}

fn names(manifest: &Manifest) -> Vec<String> {
    all(manifest).filter_map(|it| it.name().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fleet(name: &str, more: &serde_json::Value) -> ApiFleet {
        let mut spec = json!({"minReplicas": 4, "maxReplicas": 12, "targets": {"onDemand": {"deploymentName": "a"}}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!({"apiVersion": "apifleet.dev/v1alpha1", "kind": "ApiFleet",
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec}))
        .unwrap()
    }

    fn policy(name: &str, target: i32) -> ScalingPolicy {
        serde_json::from_value(json!({"apiVersion": "apifleet.dev/v1alpha1", "kind": "ScalingPolicy",
            "metadata": {"name": name}, "spec": {"signals": {"requestRate": {"targetPerReplica": target}}}}))
        .unwrap()
    }

    fn within(manifest: &Manifest, name: Option<&str>, asked: Asked) -> Result<Subject, String> {
        let name = name.map(|name| FleetName::parse(name).unwrap());
        let chosen = Chosen::of(manifest, name.as_ref());
        let subject = chosen.and_then(|chosen| Subject::new(manifest, chosen, asked));
        subject.map_err(|error| error.to_string())
    }

    fn subject(manifest: &Manifest, name: Option<&str>) -> Result<Subject, String> {
        within(manifest, name, Asked::default())
    }

    fn bounds(subject: &Subject) -> (u32, u32) {
        (subject.policy.bounds.min().get(), subject.policy.bounds.max().get())
    }

    #[test]
    fn the_only_fleet_or_else_the_only_policy_is_meant() {
        let mut manifest = Manifest { policies: vec![policy("steady", 40)], ..Manifest::default() };
        let read = subject(&manifest, None).unwrap();
        assert_eq!((read.title.as_str(), bounds(&read)), ("steady", (10, 30)));
        assert_eq!(read.fleet, None);
        manifest.fleets = vec![fleet("api", &json!({}))];
        let read = subject(&manifest, None).unwrap();
        assert_eq!((read.title.as_str(), bounds(&read)), ("shop/api", (4, 12)));
    }

    #[test]
    fn of_several_one_must_be_named() {
        let fleets = ["api", "web"].map(|name| fleet(name, &json!({}))).into();
        let manifest =
            Manifest { fleets, policies: vec![policy("steady", 40)], ..Manifest::default() };
        let said = subject(&manifest, None).unwrap_err();
        assert!(said.ends_with("holds several: name one of api, web, steady"), "{said}");
        assert_eq!(subject(&manifest, Some("web")).unwrap().title, "shop/web");
        assert_eq!(subject(&manifest, Some("steady")).unwrap().title, "steady");
        let said = subject(&manifest, Some("steedy")).unwrap_err();
        assert!(said.ends_with("did you mean steady?"), "{said}");
    }

    #[test]
    fn a_fleet_takes_the_blocks_of_its_policy_from_the_same_file() {
        let fleets = vec![fleet("api", &json!({"policyRef": {"name": "steady"}}))];
        let mut manifest =
            Manifest { fleets, policies: vec![policy("other", 40)], ..Manifest::default() };
        let said = subject(&manifest, None).unwrap_err();
        assert!(said.contains("ScalingPolicy steady, which is not in the file"), "{said}");
        manifest.policies.push(policy("steady", 40));
        let read = subject(&manifest, None).unwrap();
        assert!((read.policy.signals.target_per_replica.get() - 40.0).abs() < 1e-9);
    }

    #[test]
    fn typed_bounds_count_more_than_those_of_the_manifest() {
        let manifest = Manifest { fleets: vec![fleet("api", &json!({}))], ..Manifest::default() };
        let asked = Asked { min: Some(2), max: None };
        assert_eq!(bounds(&within(&manifest, None, asked).unwrap()), (2, 12));
        let crossed = Asked { min: Some(20), max: None };
        let said = within(&manifest, None, crossed).unwrap_err();
        assert!(said.contains("shop/api") && said.contains("maxReplicas"), "{said}");
    }

    #[test]
    fn a_fleet_that_is_only_watched_is_simulated_all_the_same() {
        let fleets = vec![fleet("api", &json!({"mode": "Observe"}))];
        let read = subject(&Manifest { fleets, ..Manifest::default() }, None).unwrap();
        assert_eq!(read.policy.mode, Mode::Enforce);
        assert!(read.notes[0].contains("Observe"), "{:?}", read.notes);
    }

    fn holding(fleets: &[&str], policies: &[&str]) -> Manifest {
        Manifest {
            fleets: fleets.iter().map(|name| fleet(name, &json!({}))).collect(),
            policies: policies.iter().map(|name| policy(name, 40)).collect(),
            ..Manifest::default()
        }
    }

    #[test]
    fn another_version_has_the_same_kind_and_name_or_is_the_only_one_of_its_kind() {
        let (fleets, policies) = (holding(&["api"], &["steady"]), holding(&[], &["steady"]));
        let fleet = Chosen::of(&fleets, None).unwrap();
        let policy = Chosen::of(&policies, None).unwrap();
        for (chosen, other, title) in [
            (fleet, holding(&["web", "api"], &["api"]), "shop/api"),
            (fleet, holding(&["web"], &["calm", "steady"]), "shop/web"),
            (policy, holding(&["steady"], &["calm", "steady"]), "steady"),
            (policy, holding(&["api", "web"], &["calm"]), "calm"),
        ] {
            let found = chosen.like(&other).unwrap();
            assert_eq!((found.kind(), found.title().as_str()), (chosen.kind(), title));
        }
    }

    #[test]
    fn a_file_of_another_kind_or_of_several_others_is_no_version() {
        let fleets = holding(&["api"], &[]);
        let fleet = Chosen::of(&fleets, None).unwrap();
        for (other, words) in [
            (holding(&[], &[]), "holds no ApiFleet and no ScalingPolicy"),
            (
                holding(&[], &["steady"]),
                "holds ScalingPolicy steady and no ApiFleet, which shop/api is",
            ),
            (holding(&["web", "cart"], &[]), "several of kind ApiFleet, and none is called as"),
        ] {
            let said = fleet.like(&other).unwrap_err().to_string();
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}

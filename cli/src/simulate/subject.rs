//! [`Subject`]: whose policy is simulated, out of a manifest.

use crate::failure::Failure;
use crate::manifest::Manifest;
use crate::names::FleetName;
use crate::near;
use crate::settings::Place;
use apifleet_core::policy::Mode;
use apifleet_core::{FleetPolicy, Replicas};
use apifleet_crds::{ApiFleet, FleetIntent, ScalingPolicy, SpecError, effective, policy_for};
use jiff::tz::TimeZone;
use std::path::Path;

/// The bounds of a policy's fleet, where none are given.
const USUAL_BOUNDS: (u16, u16) = (10, 30);

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
enum Chosen<'a> {
    Fleet(&'a ApiFleet),
    Policy(&'a ScalingPolicy),
}

// === impl Subject ===

impl Subject {
    /// The named fleet or policy of a manifest, or the only fleet, or the only policy.
    ///
    /// # Errors
    /// Where none or several could be meant, and where the one that is means nothing.
    pub fn new(
        manifest: &Manifest,
        name: Option<&FleetName>,
        asked: Asked,
    ) -> Result<Self, Failure> {
        match choose(manifest, name)? {
            Chosen::Fleet(fleet) => of_fleet(manifest, fleet, asked),
            Chosen::Policy(policy) => of_policy(manifest, policy, asked),
        }
    }

    /// The same of another manifest, within the bounds of this one.
    ///
    /// # Errors
    /// As [`Self::new`], and where a policy cannot be within these bounds.
    pub fn other(&self, path: &Path, name: Option<&FleetName>) -> Result<Self, Failure> {
        let typed = |size: Replicas| u16::try_from(size.get()).ok();
        let bounds = self.policy.bounds;
        let asked = Asked { min: typed(bounds.min()), max: typed(bounds.max()) };
        let other = Self::new(&Manifest::read(path)?, name, asked)?;
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok(Self { title: format!("{} ({file})", other.title), ..other })
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

fn choose<'a>(manifest: &'a Manifest, name: Option<&FleetName>) -> Result<Chosen<'a>, Failure> {
    let Some(name) = name else {
        return only(manifest);
    };
    let name = name.as_str();
    let fleet = manifest.fleets.iter().find(|it| it.metadata.name.as_deref() == Some(name));
    let policy = manifest.policies.iter().find(|it| it.metadata.name.as_deref() == Some(name));
    match (fleet, policy) {
        (Some(fleet), _) => Ok(Chosen::Fleet(fleet)),
        (None, Some(policy)) => Ok(Chosen::Policy(policy)),
        (None, None) => {
            let names = names(manifest);
            let near = near::nearest(name, names.iter().map(String::as_str));
            Err(manifest
                .bad(format!("holds no ApiFleet and no ScalingPolicy {name}{}", near::hint(&near))))
        }
    }
}

fn only(manifest: &Manifest) -> Result<Chosen<'_>, Failure> {
    match (manifest.fleets.as_slice(), manifest.policies.as_slice()) {
        ([fleet], _) => Ok(Chosen::Fleet(fleet)),
        ([], [policy]) => Ok(Chosen::Policy(policy)),
        ([], []) => Err(manifest.bad("holds no ApiFleet and no ScalingPolicy".to_owned())),
        _ => {
            let mut names = names(manifest);
            let more = names.len().saturating_sub(5);
            names.truncate(5);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Err(manifest.bad(format!("holds several: name one of {}{more}", names.join(", "))))
        }
    }
}

fn names(manifest: &Manifest) -> Vec<String> {
    let fleets = manifest.fleets.iter().map(|it| &it.metadata);
    let policies = manifest.policies.iter().map(|it| &it.metadata);
    fleets.chain(policies).filter_map(|metadata| metadata.name.clone()).collect()
}

fn of_fleet(manifest: &Manifest, fleet: &ApiFleet, asked: Asked) -> Result<Subject, Failure> {
    let title = title(fleet.metadata.namespace.as_deref(), fleet.metadata.name.as_deref());
    let policy = match &fleet.spec.policy_ref {
        None => None,
        Some(reference) => {
            let is_it = |it: &&ScalingPolicy| it.metadata.name.as_ref() == Some(&reference.name);
            let missing = || {
                manifest.bad(format!(
                    "ApiFleet {title} takes its rules from ScalingPolicy {}, which is not in the file: put both into \
                     one, with a line of --- between them",
                    reference.name
                ))
            };
            Some(&manifest.policies.iter().find(is_it).ok_or_else(missing)?.spec)
        }
    };
    let mut spec = effective(&fleet.spec, policy);
    spec.min_replicas = asked.min.map_or(spec.min_replicas, i32::from);
    spec.max_replicas = asked.max.map_or(spec.max_replicas, i32::from);
    let meant = FleetIntent::try_from(&spec).map_err(|error| invalid(manifest, &title, &error))?;
    let named = fleet
        .metadata
        .name
        .clone()
        .map(|name| Named { namespace: fleet.metadata.namespace.clone(), name });
    Ok(enforced(title, named, meant.policy))
}

fn of_policy(
    manifest: &Manifest,
    policy: &ScalingPolicy,
    asked: Asked,
) -> Result<Subject, Failure> {
    let title = title(None, policy.metadata.name.as_deref());
    let (min, max) = (asked.min.unwrap_or(USUAL_BOUNDS.0), asked.max.unwrap_or(USUAL_BOUNDS.1));
    let meant = policy_for(&policy.spec, min.into(), max.into())
        .map_err(|error| invalid(manifest, &title, &error))?;
    Ok(enforced(title, None, meant))
}

/// A fleet that is only watched is simulated as if it were not: that is what a reader wants to know of it.
fn enforced(title: String, fleet: Option<Named>, policy: FleetPolicy) -> Subject {
    let watched = policy.mode == Mode::Observe;
    let note = format!("{title} is in mode Observe; it is simulated as if it were enforced");
    let policy = if watched { FleetPolicy { mode: Mode::Enforce, ..policy } } else { policy };
    Subject { title, fleet, policy, notes: watched.then_some(note).into_iter().collect() }
}

fn invalid(manifest: &Manifest, title: &str, error: &SpecError) -> Failure {
    manifest.bad(format!("{title}: {error}"))
}

fn title(namespace: Option<&str>, name: Option<&str>) -> String {
    let name = name.unwrap_or("without a name");
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
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

    fn subject(manifest: &Manifest, name: Option<&str>) -> Result<Subject, String> {
        let name = name.map(|name| FleetName::parse(name).unwrap());
        Subject::new(manifest, name.as_ref(), Asked::default()).map_err(|error| error.to_string())
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
        assert_eq!(bounds(&Subject::new(&manifest, None, asked).unwrap()), (2, 12));
        let crossed = Asked { min: Some(20), max: None };
        let said = Subject::new(&manifest, None, crossed).unwrap_err().to_string();
        assert!(said.contains("shop/api") && said.contains("maxReplicas"), "{said}");
    }

    #[test]
    fn a_fleet_that_is_only_watched_is_simulated_all_the_same() {
        let fleets = vec![fleet("api", &json!({"mode": "Observe"}))];
        let read = subject(&Manifest { fleets, ..Manifest::default() }, None).unwrap();
        assert_eq!(read.policy.mode, Mode::Enforce);
        assert!(read.notes[0].contains("Observe"), "{:?}", read.notes);
    }
}

//! A fleet that is made of another autoscaler, block by block: a block that would mean nothing is left out, and said so.
//! What comes out always means something ([`FleetIntent`]). Pure.

use crate::args::Program;
use crate::check::amount::thousandths;
use crate::document::{Syntax, write};
use crate::failure::Failure;
use crate::pages;
use apifleet_core::quantity::Rps;
use apifleet_crds::behavior::ScalingBehavior;
use apifleet_crds::schedules::Schedule;
use apifleet_crds::signals::{Custom, OnMissing, Preset, RequestRate};
use apifleet_crds::spec::{Mode, Target, Targets};
use apifleet_crds::{ApiFleetSpec, FleetIntent};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The largest fleet.
const MOST: i32 = 1000;

/// The autoscaler that a fleet is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its kind, as in a manifest.
    pub kind: &'static str,
    /// The word for it in commands.
    pub resource: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A fleet in the making.
#[derive(Debug, Clone)]
pub struct Draft {
    origin: Origin,
    name: String,
    spec: ApiFleetSpec,
    lost: Vec<String>,
}

/// The manifest as it is written: without what only a cluster knows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: &'a ApiFleetSpec,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
}

// === impl Origin ===

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, resource: _, namespace, name } = self;
        write!(f, "{kind} {namespace}/{name}")
    }
}

// === impl Draft ===

impl Draft {
    /// A fleet of these bounds over one Deployment, which bears its name.
    ///
    /// # Errors
    /// Where the autoscaler scales something else: what.
    pub fn new(
        origin: Origin,
        (kind, target): (&str, &str),
        (min, max): (i32, i32),
    ) -> Result<Self, String> {
        if kind != "Deployment" {
            return Err(format!(
                "{origin} scales {kind} {target}: a fleet scales Deployments only"
            ));
        }
        let targets =
            Targets { on_demand: Target { deployment_name: target.to_owned() }, spot: None };
        let (low, high) = (min.clamp(1, MOST), max.clamp(1, MOST));
        let spec = ApiFleetSpec {
            mode: Mode::Observe,
            policy_ref: None,
            min_replicas: low,
            max_replicas: high,
            targets,
            signals: None,
            behavior: None,
            schedules: None,
            spot: None,
            dependencies: None,
        };
        FleetIntent::try_from(&spec)
            .map_err(|error| format!("{origin} makes no fleet: {error}"))?;
        let mut draft = Self { origin, name: target.to_owned(), spec, lost: Vec::new() };
        for (field, before, after) in [("minReplicas", min, low), ("maxReplicas", max, high)] {
            if before != after {
                draft.lose(format!("{field} {before}: a fleet has 1 to {MOST} replicas; {after}"));
            }
        }
        Ok(draft)
    }

    /// Says that something is not carried over.
    pub fn lose(&mut self, what: impl Into<String>) {
        self.lost.push(what.into());
    }

    /// What is not carried over, or must be looked at.
    #[must_use]
    pub fn lost(&self) -> &[String] {
        &self.lost
    }

    /// The fleet's spec as far as it is made.
    #[must_use]
    pub fn spec(&self) -> &ApiFleetSpec {
        &self.spec
    }

    /// The namespace of the fleet, and its name.
    #[must_use]
    pub fn place(&self) -> (&str, &str) {
        (&self.origin.namespace, &self.name)
    }

    /// Changes the spec; where it then means nothing, it stays as it is, and `what` is lost.
    fn attempt(&mut self, what: &str, change: impl FnOnce(&mut ApiFleetSpec)) -> bool {
        let mut changed = self.spec.clone();
        change(&mut changed);
        match FleetIntent::try_from(&changed) {
            Ok(_) => {
                self.spec = changed;
                true
            }
            Err(error) => {
                self.lose(format!("{what}: {error}"));
                false
            }
        }
    }

    /// Carries over how fast the size may change, in the words of an HPA.
    pub fn behavior(&mut self, behavior: Option<Value>) {
        let Some(behavior) = behavior else {
            self.lose(
                "behavior: it has none, which removes a whole surplus after 300 s; a fleet then removes 10 % or 2 \
                 replicas a minute, and adds 100 % or 8 in 15 s",
            );
            return;
        };
        match serde_json::from_value::<ScalingBehavior>(behavior) {
            Ok(behavior) => {
                self.attempt("behavior", |spec| spec.behavior = Some(behavior));
            }
            Err(error) => self.lose(format!("behavior: {error}")),
        }
    }

    /// Carries over what one replica carries, as a Quantity of requests per second. Whether it was.
    pub fn target_per_replica(&mut self, what: &str, each: &str) -> bool {
        if self.has_target() {
            self.lose(format!("{what}: the fleet has a target for requests already"));
            return false;
        }
        let parts = thousandths(&Quantity(each.to_owned()));
        let Some(whole) = parts.and_then(|parts| i32::try_from(parts / 1000).ok()) else {
            self.lose(format!("{what}: {each:?} is no number of requests"));
            return false;
        };
        if parts.is_some_and(|parts| parts % 1000 != 0) {
            self.lose(format!("{what}: {each} is rounded down to {whole}"));
        }
        self.attempt(what, |spec| {
            let signals = spec.signals.get_or_insert_default();
            signals.request_rate = Some(RequestRate { target_per_replica: Some(whole) });
        })
    }

    fn has_target(&self) -> bool {
        self.spec.signals.as_ref().is_some_and(|signals| signals.request_rate.is_some())
    }

    /// Carries over which series is read, and over which window.
    pub fn series(&mut self, what: &str, custom: Option<Custom>, window_seconds: i32) {
        if let Some(custom) = custom {
            self.attempt(what, |spec| {
                let signals = spec.signals.get_or_insert_default();
                signals.preset = Some(Preset::Custom);
                signals.custom = Some(custom);
            });
        }
        self.attempt(what, |spec| {
            spec.signals.get_or_insert_default().window_seconds = Some(window_seconds);
        });
    }

    /// Carries over what the size is while signals are missing.
    pub fn fallback(&mut self, replicas: i32) {
        let within = self.within("fallback", replicas);
        self.attempt("fallback", |spec| {
            let signals = spec.signals.get_or_insert_default();
            signals.on_missing = Some(OnMissing::Fallback);
            signals.fallback_replicas = Some(within);
        });
    }

    /// Carries over a window of the calendar, under a name of its own.
    pub fn schedule(&mut self, what: &str, mut schedule: Schedule) {
        let before = self.spec.schedules.as_ref().map_or(0, Vec::len);
        schedule.name = format!("window-{}", before + 1);
        if let Some(replicas) = schedule.floor.replicas {
            schedule.floor.replicas = Some(self.within(what, replicas));
        }
        self.attempt(what, |spec| spec.schedules.get_or_insert_default().push(schedule));
    }

    /// A size, brought within the bounds.
    fn within(&mut self, what: &str, replicas: i32) -> i32 {
        let within = replicas.clamp(self.spec.min_replicas, self.spec.max_replicas);
        if within != replicas {
            self.lose(format!(
                "{what}: {replicas} replicas are outside minReplicas..maxReplicas; {within}"
            ));
        }
        within
    }

    /// Says what nobody knows but whoever runs the API.
    #[must_use]
    pub fn finished(mut self) -> Self {
        let assumed =
            FleetIntent::try_from(&self.spec).map(|it| it.policy.signals.target_per_replica);
        if !self.has_target() {
            let assumed = assumed.map_or(0.0, Rps::get);
            self.lose(format!(
                "target: nothing says how many requests per second one replica carries; {assumed} are assumed: \
                 measure yours, and set signals.requestRate.targetPerReplica"
            ));
        }
        if self.spec.signals.as_ref().is_none_or(|signals| signals.custom.is_none()) {
            self.lose(
                "series: those of the bundled API server are read (http_requests_total with the labels namespace and \
                 fleet); for another server name its own in signals.custom",
            );
        }
        self
    }

    /// The manifest; as YAML it says in comments what is lost.
    ///
    /// # Errors
    /// Where it cannot be written, which is a defect.
    pub fn manifest(&self, syntax: Syntax, program: Program) -> Result<String, Failure> {
        let (namespace, name) = self.place();
        let manifest = Manifest {
            api_version: "apifleet.dev/v1alpha1",
            kind: "ApiFleet",
            metadata: Metadata { name, namespace },
            spec: &self.spec,
        };
        let text = write(syntax, &manifest)?;
        Ok(match syntax {
            Syntax::Json => text,
            Syntax::Yaml => self.head(program) + &text,
        })
    }

    fn head(&self, program: Program) -> String {
        let Self { origin, name, .. } = self;
        let Origin { resource, namespace, name: other, .. } = origin;
        let mut lines = vec![
            format!("{origin} as a fleet in mode Observe, which writes nothing."),
            format!("What it would do: {} simulate -f FILE {name}", program.words()),
            format!(
                "To take over: apply it, kubectl delete {resource} {other} -n {namespace}, then mode: Enforce ({}).",
                pages::address("gitops.md")
            ),
            "While the other one is there, the fleet says ConflictingAutoscaler and waits."
                .to_owned(),
        ];
        if !self.lost.is_empty() {
            lines.push("Not carried over, or to be looked at:".to_owned());
            lines.extend(self.lost.iter().map(|lost| format!("- {}", one_line(lost))));
        }
        lines.iter().flat_map(|line| ["# ", line.as_str(), "\n"]).collect()
    }
}

/// Nothing that comes from a cluster may end a comment.
fn one_line(text: &str) -> String {
    text.replace(
        |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}' | '\u{85}'),
        " ",
    )
}

/// As many replicas as carry a value, when each carries so much of it; both in thousandths.
#[must_use]
pub fn replicas_for(value: u64, each: u64) -> Option<i32> {
    i32::try_from(value.div_ceil(each.max(1))).ok().filter(|_| each > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_crds::ApiFleet;
    use serde_json::json;

    fn draft(min: i32, max: i32) -> Draft {
        let origin = Origin {
            kind: "HorizontalPodAutoscaler",
            resource: "hpa",
            namespace: "shop".to_owned(),
            name: "shop".to_owned(),
        };
        Draft::new(origin, ("Deployment", "shop-api"), (min, max)).unwrap()
    }

    #[test]
    fn bounds_that_a_fleet_cannot_have_are_brought_in_and_said() {
        let draft = draft(0, 2000);
        assert_eq!((draft.spec().min_replicas, draft.spec().max_replicas), (1, 1000));
        assert_eq!(draft.lost().len(), 2, "{:?}", draft.lost());
    }

    #[test]
    fn a_block_that_means_nothing_is_left_out_and_said() {
        let mut draft = draft(2, 10);
        draft.behavior(Some(json!({"scaleDown": {"stabilizationWindowSeconds": 99999}})));
        assert_eq!(draft.spec().behavior, None);
        assert!(draft.lost()[0].starts_with("behavior: spec.behavior"), "{:?}", draft.lost());
        draft.behavior(Some(json!({"scaleDown": {"policies": "fast"}})));
        assert_eq!(draft.lost().len(), 2);
    }

    #[test]
    fn a_target_is_whole_requests_and_there_is_one() {
        let mut draft = draft(2, 10);
        assert!(!draft.target_per_replica("a", "many"));
        assert!(!draft.target_per_replica("b", "500m"), "less than one");
        assert!(draft.target_per_replica("c", "12500m"));
        assert!(!draft.target_per_replica("d", "50"));
        let signals = draft.spec().signals.as_ref().unwrap();
        assert_eq!(signals.request_rate.as_ref().unwrap().target_per_replica, Some(12));
    }

    #[test]
    fn what_is_lost_cannot_end_its_comment() {
        let mut draft = draft(2, 10);
        draft.lose("a\nspec: {}\u{2028}b");
        let text = draft.manifest(Syntax::Yaml, Program::Apifleet).unwrap();
        assert!(text.contains("# - a spec: {} b\n"), "{text}");
        let fleet: ApiFleet = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(&fleet.spec, draft.spec());
    }

    #[test]
    fn replicas_carry_a_value_whole() {
        assert_eq!(replicas_for(1000, 50), Some(20));
        assert_eq!(replicas_for(1001, 50), Some(21));
        assert_eq!(replicas_for(1, 0), None);
    }
}

//! The manifests under `fixtures/`: what must be accepted, what must be refused, and by whom.

use crate::admission::{Admission, Refusal};
use apifleet_core::overrides::{Action, Pace};
use apifleet_core::policy::{CapacityMode, FleetPolicy, LatencyPolicy, SpotPolicy, SurviveLossOf};
use apifleet_core::quantity::{Replicas, Rps};
use apifleet_core::schedule::{End, Floor, Point, Schedule, SpotReturn};
use apifleet_crds::{
    ApiFleet, FleetIntent, FleetOverride, Kind, NodeKind, NodeLabels, OverrideIntent,
    ScalingPolicy, Series, SpecError, policy_for,
};
use jiff::civil::{date, time};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Manifest {
    file: String,
    comments: Vec<String>,
    text: String,
}

impl Manifest {
    /// The rest of the comment line that begins with `key: `.
    fn says(&self, key: &str) -> &str {
        let prefix = format!("# {key}: ");
        let said = self.comments.iter().find_map(|line| line.strip_prefix(&prefix));
        said.unwrap_or_else(|| panic!("{} has no line {prefix:?}", self.file))
    }

    fn document(&self) -> Value {
        serde_saphyr::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.file))
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn read(path: &Path) -> Manifest {
    let text = fs::read_to_string(path).unwrap();
    let comments =
        text.lines().take_while(|line| line.starts_with('#')).map(str::to_owned).collect();
    Manifest { file: path.display().to_string(), comments, text }
}

fn manifests(name: &str, at_least: usize) -> Vec<Manifest> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= at_least, "only {} manifests in {name}", paths.len());
    paths.iter().map(|path| read(path)).collect()
}

/// One API server's admission for each kind.
struct Admissions([(Kind, Admission); 3]);

impl Admissions {
    fn new() -> Self {
        Self(Kind::ALL.map(|kind| (kind, Admission::of(kind))))
    }

    /// Everything that speaks against creating what a manifest describes.
    fn refusals(&self, document: &Value) -> Vec<Refusal> {
        let kind = kind_of(document);
        let of_kind = self.0.iter().find(|(known, _)| *known == kind);
        of_kind.unwrap().1.refusals(document, None)
    }
}

fn kind_of(document: &Value) -> Kind {
    let named = |kind: &Kind| document["kind"] == kind.as_str();
    Kind::ALL.into_iter().find(named).unwrap_or_else(|| panic!("{} is none", document["kind"]))
}

/// Whether the operator gives it a meaning; `None` where its types cannot hold it.
fn meaning_of(document: &Value) -> Option<Result<(), SpecError>> {
    fn read<T: serde::de::DeserializeOwned>(document: &Value) -> Option<T> {
        serde_json::from_value(document.clone()).ok()
    }
    match kind_of(document) {
        Kind::ApiFleet => {
            read::<ApiFleet>(document).map(|fleet| FleetIntent::try_from(&fleet.spec).map(drop))
        }
        Kind::ScalingPolicy => read::<ScalingPolicy>(document)
            .map(|policy| policy_for(&policy.spec, 1, 1000).map(drop)),
        Kind::FleetOverride => {
            read::<FleetOverride>(document).map(|order| OverrideIntent::try_from(&order).map(drop))
        }
    }
}

#[test]
fn every_good_manifest_is_accepted_and_has_a_meaning() {
    let admissions = Admissions::new();
    let good = [("good", 9), ("policies", 2), ("overrides", 4)];
    for manifest in good.into_iter().flat_map(|(folder, at_least)| manifests(folder, at_least)) {
        let document = manifest.document();
        assert_eq!(admissions.refusals(&document), [], "{}", manifest.file);
        let meaning = meaning_of(&document).unwrap();
        meaning.unwrap_or_else(|error| panic!("{}: {error}", manifest.file));
    }
}

#[test]
fn every_bad_manifest_is_refused_where_and_as_it_says() {
    let admissions = Admissions::new();
    for manifest in manifests("bad", 150) {
        let refusals = admissions.refusals(&manifest.document());
        let (expected, by) = (manifest.says("expect"), manifest.says("by"));
        let as_expected =
            |refusal: &Refusal| refusal.by == by && refusal.message.contains(expected);
        assert!(
            refusals.iter().any(as_expected),
            "{}: wanted {expected:?} by {by}, got {refusals:#?}",
            manifest.file
        );
    }
}

/// The operator does not rely on admission: whatever the rules refuse and the types can hold, it refuses, too.
#[test]
fn what_the_rules_refuse_has_no_meaning_either() {
    let mut refused = 0;
    for manifest in manifests("bad", 150) {
        let Some(meaning) = meaning_of(&manifest.document()) else { continue };
        if manifest.says("expect").starts_with("unknown field") {
            continue; // An API server that is not asked for strict validation drops the field.
        }
        if manifest
            .comments
            .iter()
            .any(|line| line == "# for people: the operator does not read it")
        {
            continue;
        }
        let error = meaning.expect_err(&format!("{} has a meaning", manifest.file)).to_string();
        let names_field = error.starts_with("spec.") || error.starts_with("metadata.");
        assert!(names_field, "{}: {error} names no field", manifest.file);
        assert!(error.contains(": "), "{}: {error} says not what to do", manifest.file);
        refused += 1;
    }
    assert!(refused > 80, "only {refused} manifests reached the operator");
}

#[test]
fn the_name_of_a_target_cannot_be_changed() {
    let admission = Admission::new();
    let good = read(&folder("good/full.yaml")).document();
    assert_eq!(admission.refusals(&good, Some(&good)), []);
    for manifest in manifests("update", 2) {
        assert_eq!(manifest.says("over"), "good/full.yaml");
        let new = manifest.document();
        assert_eq!(admission.refusals(&new, None), [], "{} is wrong by itself", manifest.file);
        let refusals = admission.refusals(&new, Some(&good));
        assert_eq!(refusals.len(), 1, "{}: {refusals:#?}", manifest.file);
        assert!(refusals[0].message.contains(manifest.says("expect")), "{refusals:#?}");
    }
}

#[test]
fn a_spot_target_may_be_added_and_removed() {
    let admission = Admission::new();
    let with = read(&folder("good/full.yaml")).document();
    let mut without = with.clone();
    without["spec"].as_object_mut().unwrap().remove("spot");
    without["spec"]["targets"].as_object_mut().unwrap().remove("spot");
    assert_eq!(admission.refusals(&with, Some(&without)), []);
    assert_eq!(admission.refusals(&without, Some(&with)), []);
}

#[test]
fn only_the_end_and_the_reason_of_an_override_may_be_edited() {
    let admission = Admission::of(Kind::FleetOverride);
    let old = read(&folder("overrides/floor.yaml")).document();
    let edited = |field: &str, value: Value| {
        let mut new = old.clone();
        new["spec"][field] = value;
        assert_eq!(admission.refusals(&new, None), [], "{field} is wrong by itself");
        admission.refusals(&new, Some(&old))
    };
    assert_eq!(edited("expiresAt", "2026-12-10T11:00:00Z".into()), []);
    assert_eq!(edited("reason", "INC-412 is over".into()), []);
    for (field, value) in [
        ("fleetRef", json!({"name": "another"})),
        ("action", json!("Ceiling")),
        ("replicas", json!(27)),
        ("pace", json!("Immediate")),
        ("pace", Value::Null),
        ("notBefore", json!("2026-12-10T10:06:00Z")),
        ("requestedBy", json!("mallory")),
    ] {
        let refusals = edited(field, value);
        assert_eq!(refusals.len(), 1, "{field}: {refusals:#?}");
        assert!(refusals[0].message.contains("only expiresAt and reason may be edited"), "{field}");
    }
}

#[test]
fn an_override_means_what_it_says() {
    let order = |file: &str| {
        let typed: FleetOverride = serde_json::from_value(read(&folder(file)).document()).unwrap();
        OverrideIntent::try_from(&typed).unwrap()
    };
    let floor = order("overrides/floor.yaml");
    assert_eq!((floor.fleet.as_str(), floor.order.name.as_str()), ("shop-api", "inc-412"));
    assert_eq!(floor.order.action, Action::Floor(Replicas::new(26)));
    assert_eq!(floor.order.pace, Pace::Gradual);
    assert_eq!(floor.order.not_before, "2026-12-10T10:05:00Z".parse().unwrap());
    assert_eq!(floor.order.expires_at, "2026-12-10T12:05:00Z".parse().unwrap());
    assert_eq!(
        (floor.reason.as_str(), floor.requested_by.as_str()),
        ("INC-412 checkout slow", "alice")
    );
    let hold = order("overrides/hold.yaml");
    assert_eq!((hold.order.action, hold.order.pace), (Action::Hold, Pace::Gradual), "the default");
    assert_eq!(order("overrides/no-spot.yaml").order.pace, Pace::Immediate);
}

#[test]
fn a_dependency_means_what_it_says() {
    let dependencies = meaning("good/full.yaml").policy.dependencies;
    let [mysql] = dependencies.as_slice() else { panic!("{dependencies:?}") };
    assert_eq!((mysql.name.as_str(), mysql.limit, mysql.reserved), ("mysql", 700, 60));
    assert_eq!(mysql.per_replica.get(), 16);
}

fn meaning(file: &str) -> FleetIntent {
    let fleet: ApiFleet = serde_json::from_value(read(&folder(file)).document()).unwrap();
    FleetIntent::try_from(&fleet.spec).unwrap()
}

#[test]
fn an_absent_block_is_off_and_an_empty_one_has_its_defaults() {
    let smallest = meaning("good/smallest.yaml");
    assert_eq!(smallest.policy.signals.latency, None);
    assert_eq!(smallest.policy.signals.max_errors, None);
    assert_eq!(smallest.policy.spot, None);
    assert_eq!(smallest.policy.behavior, apifleet_core::behavior::Behavior::default());
    assert_eq!((smallest.source.percentile, smallest.source.errors), (None, false));
    let target = smallest.policy.signals.target_per_replica;
    assert_eq!(smallest.policy, FleetPolicy::new(smallest.policy.bounds, target));

    let empty = meaning("good/empty-blocks.yaml");
    let latency = empty.policy.signals.latency.unwrap();
    assert_eq!(
        (latency.percentile, latency.target.get(), latency.tolerance.get()),
        (95, 200.0, 10.0)
    );
    assert_eq!(latency, LatencyPolicy::default());
    assert_eq!(empty.policy.signals.max_errors.unwrap().get(), 0.5);
    assert_eq!(empty.policy.signals.target_per_replica.get(), 50.0);
    let spot = empty.policy.spot.unwrap();
    assert_eq!(spot, SpotPolicy::new(60, Replicas::new(4)));
    assert_eq!(spot.survivors_percent, 140);
    assert_eq!((empty.policy.schedules.len(), empty.node_labels), (0, NodeLabels::Karpenter));

    let full = meaning("good/full.yaml");
    assert_eq!(full.policy.spot, Some(SpotPolicy::new(60, Replicas::new(4))));
    // It writes down all defaults. A window that is given is kept to.
    let default = apifleet_core::behavior::Behavior::default();
    let longest_down_window = default.down.stabilization_window;
    let given = apifleet_core::behavior::Behavior { longest_down_window, ..default };
    assert_eq!(full.policy.behavior, given);
    assert_eq!(full.policy.signals.window.as_secs(), 60);
    assert_eq!(full.policy.signals.stale_after.as_secs(), 90);
}

#[test]
fn a_long_window_makes_the_default_age_as_long() {
    let intent = meaning("good/custom-series.yaml");
    assert_eq!(intent.policy.signals.stale_after.as_secs(), 900);
    let Series::Custom(series) = intent.source.series else { panic!("the preset is Custom") };
    assert_eq!(series.requests_total.as_str(), "istio:requests_total");
    assert_eq!(series.errors.unwrap().matches[3].as_str(), r"50\d");
    let labels: Vec<_> =
        series.match_labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        labels,
        [("app", "shop"), ("destination_service", "shop.shop.svc:8080/{v2}, 'canary'")]
    );
}

#[test]
fn a_pasted_hpa_keeps_its_meaning() {
    use apifleet_core::behavior::{Amount, Select};
    let behavior = meaning("good/pasted-hpa-behavior.yaml").policy.behavior;
    assert_eq!(behavior.down.select, Select::Disabled);
    assert_eq!(behavior.down.policies[0].amount, Amount::Percent(100));
    assert_eq!(behavior.down.policies[0].period.as_secs(), 1800);
    assert_eq!(behavior.down.tolerance.get(), 5.0);
    assert_eq!((behavior.up.select, behavior.up.tolerance.get()), (Select::Min, 0.0));
    assert_eq!(behavior.up.stabilization_window.as_secs(), 0);
}

#[test]
fn the_december_campaign_means_what_it_says() {
    let schedules = meaning("good/december-campaign.yaml").policy.schedules;
    let [december] = schedules.as_slice() else { panic!("{} schedules", schedules.len()) };
    let Schedule { name, calendar, floor, ceiling, lead, ramp, spot_return } = december;
    assert_eq!(name.as_str(), "december");
    assert_eq!(calendar.days.from, Some(date(2026, 12, 8)));
    assert_eq!(calendar.days.to, Some(date(2026, 12, 31)));
    assert!(!calendar.days.yearly);
    assert_eq!(calendar.days.exclude, [date(2026, 12, 25)]);
    assert_eq!(calendar.days.weekdays, [true; 7]);
    assert_eq!(calendar.start, time(8, 0, 0, 0));
    assert_eq!(calendar.end, End::SameDay(time(20, 0, 0, 0)));
    assert_eq!(calendar.zone.iana_name(), Some("Europe/Paris"));
    assert_eq!(*floor, Floor::Replicas(Replicas::new(20)));
    assert_eq!(*ceiling, Some(Replicas::new(30)));
    let five_minutes = Duration::from_mins(5);
    assert_eq!((*lead, *ramp), (Some(five_minutes), five_minutes));
    assert_eq!(*spot_return, SpotReturn::Forbidden);
}

#[test]
fn what_a_schedule_does_not_say_has_its_default() {
    let schedules = meaning("good/schedules.yaml").policy.schedules;
    let yearly = &schedules[0];
    assert!(yearly.calendar.days.yearly);
    assert_eq!(yearly.calendar.days.weekdays, [true; 7]);
    assert_eq!((yearly.lead, yearly.ramp), (None, Duration::from_mins(5)));
    assert_eq!((yearly.ceiling, yearly.spot_return), (None, SpotReturn::Forbidden));
    assert_eq!(yearly.calendar.end, End::NextDay(time(0, 0, 0, 0)), "24:00");
    let days = &schedules[4].calendar.days;
    assert_eq!((days.from, days.to), (None, Some(date(2026, 11, 30))));
}

#[test]
fn the_points_of_a_curve_are_in_the_order_of_the_night() {
    let schedules = meaning("good/schedules.yaml").policy.schedules;
    let night = &schedules[2];
    assert_eq!(night.calendar.end, End::NextDay(time(6, 0, 0, 0)));
    let weekend = [false, false, false, false, true, false, true];
    assert_eq!(night.calendar.days.weekdays, weekend);
    let Floor::Curve(points) = &night.floor else { panic!("{:?}", night.floor) };
    let point = |minutes: u64, demand: u32| Point {
        after: Duration::from_secs(minutes * 60),
        demand: Rps::new(demand.into()).unwrap(),
    };
    let expected = [point(0, 600), point(120, 300), point(450, 0), point(480, 1_000_000_000)];
    assert_eq!(points.as_slice(), expected);
}

#[test]
fn another_platforms_spot_nodes_are_told_by_its_label() {
    let intent = meaning("good/spot-elsewhere.yaml");
    let spot = intent.policy.spot.unwrap();
    assert_eq!(spot.survive_loss_of, SurviveLossOf::None);
    assert_eq!((spot.survivors_percent, spot.capacity), (300, CapacityMode::None));
    let kind = |value: &str| {
        let label = ("example.com/capacity".to_owned(), value.to_owned());
        intent.node_labels.kind_of(&[label].into())
    };
    assert_eq!(kind("preemptible"), NodeKind::Spot);
    assert_eq!(kind("standard"), NodeKind::OnDemand);
    assert_eq!(kind("on-demand"), NodeKind::Neither);
}

/// The API server cannot know which zones there are; the operator says which field is wrong, and what was meant.
#[test]
fn an_unknown_zone_is_named_with_what_was_probably_meant() {
    let mut document = read(&folder("good/december-campaign.yaml")).document();
    document["spec"]["schedules"][0]["timeZone"] = "Europe/Pariss".into();
    assert_eq!(Admission::new().refusals(&document, None), []);
    let fleet: ApiFleet = serde_json::from_value(document).unwrap();
    let message = FleetIntent::try_from(&fleet.spec).unwrap_err().to_string();
    assert!(message.starts_with("spec.schedules[0].timeZone \"Europe/Pariss\""), "{message}");
    let release = apifleet_core::schedule::zones::version().unwrap();
    assert!(message.contains(&format!("{release} (perhaps Europe/Paris?)")), "{message}");
}

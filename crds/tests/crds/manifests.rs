//! The manifests under `fixtures/`: what must be accepted, what must be refused, and by whom.

use crate::admission::Admission;
use apifleet_crds::{ApiFleet, FleetIntent, Series};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

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

#[test]
fn every_good_manifest_is_accepted_and_has_a_meaning() {
    let admission = Admission::new();
    for manifest in manifests("good", 5) {
        let document = manifest.document();
        assert_eq!(admission.refusals(&document, None), [], "{}", manifest.file);
        let fleet: ApiFleet = serde_json::from_value(document).unwrap();
        FleetIntent::try_from(&fleet.spec)
            .unwrap_or_else(|error| panic!("{}: {error}", manifest.file));
    }
}

#[test]
fn every_bad_manifest_is_refused_where_and_as_it_says() {
    let admission = Admission::new();
    for manifest in manifests("bad", 20) {
        let refusals = admission.refusals(&manifest.document(), None);
        let (expected, by) = (manifest.says("expect"), manifest.says("by"));
        let as_expected = |refusal: &crate::admission::Refusal| {
            refusal.by == by && refusal.message.contains(expected)
        };
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
    for manifest in manifests("bad", 20) {
        let Ok(fleet) = serde_json::from_value::<ApiFleet>(manifest.document()) else { continue };
        if manifest.says("expect").starts_with("unknown field") {
            continue; // An API server that is not asked for strict validation drops the field.
        }
        let error = FleetIntent::try_from(&fleet.spec)
            .expect_err(&format!("{} has a meaning", manifest.file))
            .to_string();
        assert!(error.starts_with("spec."), "{}: {error} names no field", manifest.file);
        assert!(error.contains(": "), "{}: {error} says not what to do", manifest.file);
        refused += 1;
    }
    assert!(refused > 35, "only {refused} manifests reached the operator");
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
fn an_absent_block_is_off_and_an_empty_one_has_its_defaults() {
    let meaning = |file: &str| {
        let fleet: ApiFleet = serde_json::from_value(read(&folder(file)).document()).unwrap();
        FleetIntent::try_from(&fleet.spec).unwrap()
    };
    let smallest = meaning("good/smallest.yaml");
    assert_eq!(smallest.policy.signals.latency, None);
    assert_eq!(smallest.policy.signals.max_errors, None);
    assert_eq!(smallest.policy.spot, None);
    assert_eq!(smallest.policy.behavior, apifleet_core::behavior::Behavior::default());
    assert_eq!((smallest.source.percentile, smallest.source.errors), (None, false));

    let empty = meaning("good/empty-blocks.yaml");
    let latency = empty.policy.signals.latency.unwrap();
    assert_eq!(
        (latency.percentile, latency.target.get(), latency.tolerance.get()),
        (95, 200.0, 10.0)
    );
    assert_eq!(empty.policy.signals.max_errors.unwrap().get(), 0.5);
    assert_eq!(empty.policy.signals.target_per_replica.get(), 50.0);
    let spot = empty.policy.spot.unwrap();
    assert_eq!((spot.max_percent, spot.min_on_demand.get()), (60, 4));

    let full = meaning("good/full.yaml");
    assert_eq!(full.policy.behavior, apifleet_core::behavior::Behavior::default());
    assert_eq!(full.policy.signals.window.as_secs(), 60);
    assert_eq!(full.policy.signals.stale_after.as_secs(), 90);
}

#[test]
fn a_long_window_makes_the_default_age_as_long() {
    let fleet: ApiFleet =
        serde_json::from_value(read(&folder("good/custom-series.yaml")).document()).unwrap();
    let intent = FleetIntent::try_from(&fleet.spec).unwrap();
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
    let fleet: ApiFleet =
        serde_json::from_value(read(&folder("good/pasted-hpa-behavior.yaml")).document()).unwrap();
    let behavior = FleetIntent::try_from(&fleet.spec).unwrap().policy.behavior;
    assert_eq!(behavior.down.select, Select::Disabled);
    assert_eq!(behavior.down.policies[0].amount, Amount::Percent(100));
    assert_eq!(behavior.down.policies[0].period.as_secs(), 1800);
    assert_eq!(behavior.down.tolerance.get(), 5.0);
    assert_eq!((behavior.up.select, behavior.up.tolerance.get()), (Select::Min, 0.0));
    assert_eq!(behavior.up.stabilization_window.as_secs(), 0);
}

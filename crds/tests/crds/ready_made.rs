//! The policies and examples of `policies/`: accepted, and made for each other.

use crate::admission::Admission;
use apifleet_crds::{ApiFleet, FleetIntent, Kind, ScalingPolicy, effective, policy_for};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The manifests of a folder of the repository that are of a kind.
fn ready_made(folder: &str, kind: Kind) -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let manifests = files.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    let read = |path: PathBuf| {
        let manifest: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (manifest["kind"] == kind.as_str()).then_some((path, manifest))
    };
    manifests.filter_map(read).collect()
}

#[test]
fn every_ready_made_policy_is_accepted_and_fits_every_fleet_of_ten_to_thirty() {
    let (policies, fleets) = (Admission::of(Kind::ScalingPolicy), Admission::new());
    let ready_made_policies = ready_made("policies", Kind::ScalingPolicy);
    assert!(ready_made_policies.len() >= 4, "{ready_made_policies:?}");
    let examples = ready_made("policies/examples", Kind::ApiFleet);
    assert!(!examples.is_empty());
    for (file, manifest) in ready_made_policies {
        assert_eq!(policies.refusals(&manifest, None), [], "{}", file.display());
        let policy: ScalingPolicy = serde_json::from_value(manifest).unwrap();
        policy_for(&policy.spec, 10, 30).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for (example, manifest) in &examples {
            assert_eq!(fleets.refusals(manifest, None), [], "{}", example.display());
            let fleet: ApiFleet = serde_json::from_value(manifest.clone()).unwrap();
            FleetIntent::try_from(&effective(&fleet.spec, Some(&policy.spec)))
                .unwrap_or_else(|e| panic!("{} on {}: {e}", example.display(), file.display()));
        }
    }
}

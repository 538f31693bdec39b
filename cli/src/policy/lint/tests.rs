//! What is found in manifests, word for word, and what is none.

use super::*;

const POLICY: &str = "apiVersion: apifleet.dev/v1alpha1\nkind: ScalingPolicy\nmetadata: {name: steady}\nspec:\n  \
                      signals: {requestRate: {targetPerReplica: 50}}\n";
const FLEET: &str = "apiVersion: apifleet.dev/v1alpha1\nkind: ApiFleet\nmetadata: {name: shop-api}\nspec:\n  \
                     policyRef: {name: steady}\n  minReplicas: 10\n  maxReplicas: 30\n  \
                     targets: {onDemand: {deploymentName: a}}\n";

fn checked(texts: &[&str]) -> Report {
    let sources = texts.iter().enumerate();
    let sources =
        sources.map(|(at, text)| Source { file: format!("{at}.yaml"), text: (*text).to_owned() });
    check(&sources.collect::<Vec<_>>())
}

fn lines(texts: &[&str]) -> Vec<String> {
    checked(texts).findings.iter().map(Finding::to_string).collect()
}

#[test]
fn a_fleet_is_checked_on_the_policy_of_another_file() {
    let fits = checked(&[POLICY, FLEET]);
    assert_eq!((fits.objects, fits.findings.len(), fits.notes.len()), (2, 0, 0), "{fits:?}");
    let floor = "\n  schedules: [{name: day, start: '08:00', end: '20:00', timeZone: UTC, floor: {replicas: 40}}]\n";
    let high = format!("{POLICY}{floor}");
    assert_eq!(
        lines(&[&high, FLEET]),
        [
            "1.yaml: ApiFleet shop-api: with ScalingPolicy steady: spec.schedules[0].floor.replicas 40 is outside \
          minReplicas..maxReplicas 10..30: change it or the bounds"
        ]
    );
    let alone = checked(&[FLEET]);
    assert!(alone.findings.is_empty() && alone.notes.len() == 1, "{alone:?}");
    assert!(alone.notes[0].contains("ScalingPolicy steady is in none of the files"), "{alone:?}");
}

#[test]
fn every_finding_is_one_line_with_file_object_and_field() {
    let other = |from: &str, to: &str| POLICY.replace(from, to);
    for (text, said) in [
        (
            other("targetPerReplica", "targetPerReplca"),
            "0.yaml: ScalingPolicy steady: spec.signals.requestRate.targetPerReplca is no field; did you mean targetPerReplica?",
        ),
        (
            other("50", "0"),
            "0.yaml: ScalingPolicy steady: spec.signals.requestRate.targetPerReplica is 0, and must be at least 1",
        ),
        (
            other("{requestRate: {targetPerReplica: 50}}", "{onMissing: Fallback}"),
            "0.yaml: ScalingPolicy steady: spec.signals.onMissing is Fallback, but spec.signals.fallbackReplicas is absent: set it, or use Hold",
        ),
        (
            other("ScalingPolicy", "ScalingPolcy"),
            "0.yaml: kind \"ScalingPolcy\" is not known; did you mean ScalingPolicy?",
        ),
        (
            other("v1alpha1", "v1"),
            "0.yaml: apiVersion \"apifleet.dev/v1\" is not known: write apifleet.dev/v1alpha1",
        ),
        (
            other("steady", "Steady"),
            "0.yaml: ScalingPolicy Steady: metadata.name must be a name: lower case letters, digits, - and .",
        ),
    ] {
        assert_eq!(lines(&[&text]), [said]);
    }
}

#[test]
fn what_is_no_yaml_is_found_and_the_other_files_are_looked_at_all_the_same() {
    let found = lines(&["a: [", &POLICY.replace("50", "0")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("0.yaml: is no YAML: ") && !found[0].contains('\n'), "{found:?}");
}

#[test]
fn the_same_object_twice_is_found() {
    assert_eq!(
        lines(&[POLICY, POLICY]),
        ["1.yaml: ScalingPolicy steady: is there twice: remove or rename one of them"]
    );
}

#[test]
fn files_without_anything_of_ours_are_no_success() {
    let report = checked(&["kind: Service\napiVersion: v1\n", ""]);
    assert_eq!((report.objects, report.notes.len()), (0, 2));
    assert_eq!(report.verdict().unwrap_err().exit(), crate::Exit::Error);
    assert_eq!(
        checked(&[POLICY, ""]).verdict().unwrap(),
        "nothing is wrong with 1 object in 2 files"
    );
    let failure = checked(&[&POLICY.replace("50", "0")]).verdict().unwrap_err();
    assert_eq!(
        (failure.exit(), failure.to_string()),
        (crate::Exit::CheckFailed, "1 finding in 1 object in 1 file".to_owned())
    );
}

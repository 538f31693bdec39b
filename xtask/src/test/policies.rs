//! `policies/`: each is played through the simulated campaign and held against its line in `limits.yaml`, by the same
//! command that a reader of its README types.

use crate::{process, workspace};
use anyhow::{Context, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What each may cost: in percent, as the command takes it.
type Limits = BTreeMap<String, String>;

/// Playing 24 days takes seconds; building the command line before it may take minutes.
const DEADLINE: Duration = Duration::from_mins(20);

/// Plays every policy; fails with the first that costs more than it may.
pub(crate) fn simulate() -> anyhow::Result<()> {
    let folder = workspace::root().join("policies");
    let text =
        fs::read_to_string(folder.join("limits.yaml")).context("read policies/limits.yaml")?;
    let limits = limits(&text)?;
    every_policy_has_one(&names(&folder)?, &limits)?;
    for (name, limit) in &limits {
        println!("\n{name}: at most {limit} of its minutes");
        let file = folder.join(name).with_extension("yaml");
        process::run(&mut command(&file, limit), DEADLINE)?;
    }
    example(&folder, &limits)
}

/// Plays the fleet that refers to a policy, with that policy in one file, as the command takes it.
fn example(folder: &Path, limits: &Limits) -> anyhow::Result<()> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).context(name.to_owned());
    let both =
        format!("{}---\n{}", read("december-campaign.yaml")?, read("examples/shop-api.yaml")?);
    let file = workspace::cache().join("policy-example.yaml");
    fs::write(&file, both).with_context(|| format!("write {}", file.display()))?;
    let limit = limits.get("december-campaign").context("december-campaign has a limit")?;
    println!("\nexamples/shop-api: at most {limit} of its minutes");
    process::run(&mut command(&file, limit), DEADLINE)
}

fn limits(text: &str) -> anyhow::Result<Limits> {
    let limits: Limits = serde_saphyr::from_str(text).context("policies/limits.yaml")?;
    ensure!(!limits.is_empty(), "policies/limits.yaml names no policy");
    Ok(limits)
}

/// The policies that are there.
fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let policies = files.filter(|file| file.extension().is_some_and(|it| it == "yaml"));
    let stems = policies.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()));
    Ok(stems.filter(|stem| stem != "limits").collect())
}

fn every_policy_has_one(policies: &BTreeSet<String>, limits: &Limits) -> anyhow::Result<()> {
    let limited: BTreeSet<_> = limits.keys().cloned().collect();
    if let Some(odd) = policies.symmetric_difference(&limited).next() {
        bail!(
            "policies/{odd}.yaml and its line in policies/limits.yaml belong together: one of them is missing"
        );
    }
    Ok(())
}

/// The whole campaign, with nodes that must come first. Always of the whole workspace, as the tests are, so that nothing is
/// compiled twice.
fn command(file: &Path, limit: &str) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["run", "--quiet", "--bin", "apifleet", "--", "simulate", "-f"])
        .arg(file)
        .args(["--from", "campaign", "--start", "2026-12-08", "--end", "2027-01-01"])
        .args(["--lag", "150s", "--baseline", "hpa", "--max-under", limit])
        .current_dir(workspace::root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_without_a_limit_and_a_limit_without_a_policy_are_named() {
        let policies = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let limits = limits("# A comment.\nsteady: 1%\nno-spot: 2.5%\n").expect("limits");
        assert_eq!(limits["no-spot"], "2.5%");
        assert!(every_policy_has_one(&policies(&["no-spot", "steady"]), &limits).is_ok());
        for odd in [&["no-spot"][..], &["no-spot", "steady", "new"]] {
            let error = every_policy_has_one(&policies(odd), &limits).expect_err("one is missing");
            assert!(error.to_string().contains(if odd.len() == 1 { "steady" } else { "new" }));
        }
    }

    #[test]
    fn a_list_of_limits_that_says_nothing_is_an_error() {
        assert!(limits("# Nothing.\n").is_err());
        assert!(limits("- steady\n").is_err());
    }

    #[test]
    fn the_policies_of_this_checkout_have_their_limits() {
        let folder = workspace::root().join("policies");
        let text = fs::read_to_string(folder.join("limits.yaml")).expect("limits.yaml");
        let policies = names(&folder).expect("a folder");
        assert!(policies.len() >= 4, "{policies:?}");
        every_policy_has_one(&policies, &limits(&text).expect("limits")).expect("each has one");
    }
}

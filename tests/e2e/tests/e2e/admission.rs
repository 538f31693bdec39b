//! Definitions and manifests on the real API server: it takes the definitions, and what they cost; a bad manifest is refused
//! when it is applied, or answered by a condition, with a message that tells what to do. The manifests are those of the unit
//! tests.

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::{Platform, everything, path_text};
use apifleet_local::Output;
use apifleet_local::stack::{self, Stack};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("the_api_server_takes_every_definition_within_its_cel_budget", takes_definitions),
    ("every_good_manifest_is_accepted", accepts_good),
    ("every_bad_manifest_is_refused_and_told_what_to_do", refuses_bad),
    ("a_fleet_whose_target_is_taken_is_told_so_and_may_not_rename_it", refuses_renames),
];

/// The namespace that the manifests name.
const NAMESPACE: &str = stack::NAMESPACE;

/// How long the operator may take to answer a manifest that the API server cannot judge.
const ANSWER: Duration = Duration::from_secs(20);

/// The group of our definitions.
const GROUP: &str = "apifleet.dev";
/// The group of copies of them.
const COPIED: &str = "copied.apifleet.dev";
/// What bounds the values that rules are computed on.
const BOUNDS: [&str; 3] = ["maxItems:", "maxLength:", "maxProperties:"];

/// Without its bounds a definition is refused, so that there is a budget, and it is looked at.
fn takes_definitions(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    for file in files("yaml", 3)? {
        let tried = define(stack, &fs::read_to_string(&file)?)?;
        ensure!(tried.success, "{}: {}", file.display(), everything(&tried));
    }
    let text = fs::read_to_string(Platform::workspace().join("crds/yaml/apifleets.yaml"))?;
    let is_bound = |line: &str| BOUNDS.iter().any(|bound| line.trim_start().starts_with(bound));
    let boundless: Vec<&str> = text.lines().filter(|line| !is_bound(line)).collect();
    let tried = define(stack, &boundless.join("\n"))?;
    let said = everything(&tried);
    ensure!(!tried.success && said.contains("exceeds budget"), "without bounds: {said}");
    Ok(())
}

/// Tries to create a copy of a definition: of one that is there the API server judges only what has changed.
fn define(stack: &Stack, definition: &str) -> Result<Output> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let file = folder.path().join("definition.yaml");
    fs::write(&file, definition.replace(GROUP, COPIED)).context("write a definition")?;
    Ok(stack.try_kubectl(&["create", "--dry-run=server", "--filename", &path_text(&file)])?)
}

fn accepts_good(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let apply_as = |manifest: &Path, who: &[&str]| -> Result<()> {
        let applied = apply(stack, manifest, &[&["--dry-run=server"], who].concat())?;
        ensure!(applied.success, "{}: {}", manifest.display(), everything(&applied));
        Ok(())
    };
    for manifest in [manifests("good", 9)?, manifests("policies", 2)?].concat() {
        apply_as(&manifest, &[])?;
    }
    for manifest in manifests("overrides", 4)? {
        // Nobody orders in another's name.
        let by = requested_by(&manifest)?;
        apply_as(&manifest, &["--as", &by, "--as-group=system:masters"])?;
    }
    Ok(())
}

/// Who orders an override.
fn requested_by(manifest: &Path) -> Result<String> {
    let content = fs::read_to_string(manifest)?;
    let by = content.lines().find_map(|line| line.trim().strip_prefix("requestedBy: "));
    by.map(str::to_owned).with_context(|| format!("{}: by nobody", manifest.display()))
}

fn refuses_bad(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    for manifest in manifests("bad", 150)? {
        ensure_refused(&manifest, &apply(stack, &manifest, &["--dry-run=server"])?)?;
    }
    Ok(())
}

/// The targets of `good/full.yaml` are those of the older demo fleet: the operator says so, and the API server keeps
/// their names.
fn refuses_renames(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let full = Platform::workspace().join("crds/fixtures/good/full.yaml");
    let applied = apply(stack, &full, &[])?;
    ensure!(applied.success, "{}", everything(&applied));
    await_stalled(stack, "full", "TargetTakenByAnotherFleet")?;
    for manifest in manifests("update", 2)? {
        ensure_refused(&manifest, &apply(stack, &manifest, &[])?)?;
    }
    stack.kubectl(&["delete", "--filename", &path_text(&full)])?;
    Ok(())
}

fn apply(stack: &Stack, manifest: &Path, options: &[&str]) -> Result<Output> {
    let file = path_text(manifest);
    let fixed = ["apply", "--validate=strict", "--filename", &file];
    Ok(stack.try_kubectl(&[&fixed, options].concat())?)
}

/// The manifest's first lines promise a message: `# expect: MESSAGE`.
fn ensure_refused(manifest: &Path, applied: &Output) -> Result<()> {
    let content = fs::read_to_string(manifest)?;
    let expected = content
        .lines()
        .find_map(|line| line.strip_prefix("# expect: "))
        .with_context(|| format!("{}: no line `# expect: ...`", manifest.display()))?;
    let said = everything(applied);
    ensure!(!applied.success, "{} was accepted: {said}", manifest.display());
    ensure!(
        said.contains(expected.trim()),
        "{}: `{expected}` is not in: {said}",
        manifest.display()
    );
    Ok(())
}

/// Waits until the operator says that a fleet is stalled, for this reason.
fn await_stalled(stack: &Stack, fleet: &str, reason: &str) -> Result<()> {
    let path = r#"jsonpath={.status.conditions[?(@.type=="Stalled")]}"#;
    let get = ["get", "apifleet", fleet, "--namespace", NAMESPACE, "--output", path];
    let end = Instant::now() + ANSWER;
    loop {
        let said = stack.kubectl(&get)?;
        if said.contains(reason) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{fleet} is not stalled by {reason}, but: {said}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn manifests(kind: &str, at_least: usize) -> Result<Vec<PathBuf>> {
    files(&format!("fixtures/{kind}"), at_least)
}

/// The files in this folder of the crate of definitions.
fn files(folder: &str, at_least: usize) -> Result<Vec<PathBuf>> {
    let folder = Platform::workspace().join("crds").join(folder);
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    ensure!(files.len() >= at_least, "only {} files in {}", files.len(), folder.display());
    Ok(files)
}

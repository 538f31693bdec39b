//! Bad manifests on the real API server: each is refused when it is applied, or answered by a condition, with a message
//! that tells what to do. The manifests are those of the unit tests.

use crate::Case;
use anyhow::{Context, Result, bail, ensure};
use apifleet_e2e::{Platform, platform::everything};
use apifleet_local::Output;
use apifleet_local::stack::Stack;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("every_good_manifest_is_accepted", accepts_good),
    ("every_bad_manifest_is_refused_or_answered_with_what_to_do", answers_bad),
];

/// The namespace of manifests that name no real targets.
const NAMESPACE: &str = "admission";

/// How long the operator may take to answer a manifest that the API server cannot judge.
const ANSWER: Duration = Duration::from_secs(10);

/// Who answers a bad manifest, and how.
struct Expected {
    by: String,
    message: String,
}

fn accepts_good(platform: &Platform) -> Result<()> {
    let stack = prepared(platform)?;
    for manifest in manifests("good", 1)? {
        let applied = apply(stack, &manifest, &["--dry-run=server"])?;
        ensure!(applied.success, "{}: {}", manifest.display(), everything(&applied));
    }
    Ok(())
}

fn answers_bad(platform: &Platform) -> Result<()> {
    let stack = prepared(platform)?;
    for manifest in manifests("bad", 20)? {
        let expected = expectation(&manifest)?;
        let applied = apply(stack, &manifest, &[])?;
        let said = everything(&applied);
        match expected.by.as_str() {
            "schema" | "cel" => {
                ensure!(!applied.success, "{} was accepted: {said}", manifest.display());
                ensure!(
                    said.contains(&expected.message),
                    "{}: `{}` is not in: {said}",
                    manifest.display(),
                    expected.message
                );
            }
            "condition" => {
                ensure!(applied.success, "{}: {said}", manifest.display());
                await_stalled(stack, &manifest, &expected.message)?;
                stack.kubectl(&["delete", "--namespace", NAMESPACE, "--filename", &text(&manifest)])?;
            }
            other => bail!("{}: who is `{other}`?", manifest.display()),
        }
    }
    Ok(())
}

fn prepared(platform: &Platform) -> Result<&Stack> {
    let stack = platform.stack()?;
    stack.ensure_namespace(NAMESPACE)?;
    Ok(stack)
}

fn apply(stack: &Stack, manifest: &Path, options: &[&str]) -> Result<Output> {
    let file = text(manifest);
    let fixed = ["apply", "--validate=strict", "--namespace", NAMESPACE, "--filename", &file];
    Ok(stack.try_kubectl(&[&fixed, options].concat())?)
}

/// Waits until the operator says about this fleet what its manifest's first lines promise.
fn await_stalled(stack: &Stack, manifest: &Path, message: &str) -> Result<()> {
    let path = r#"jsonpath={.items[*].status.conditions[?(@.type=="Stalled")]}"#;
    let end = Instant::now() + ANSWER;
    loop {
        let said =
            stack.kubectl(&["get", "apifleets", "--namespace", NAMESPACE, "--output", path])?;
        if said.contains(message) {
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "{}: no condition says `{message}`, but: {said}",
            manifest.display()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The first lines of a bad manifest: `# expect: MESSAGE` and `# by: schema|cel|condition`, in any order.
fn expectation(manifest: &Path) -> Result<Expected> {
    let content = fs::read_to_string(manifest)?;
    let value = |key: &str| {
        let prefix = format!("# {key}: ");
        content
            .lines()
            .find_map(|line| line.strip_prefix(&prefix).map(|rest| rest.trim().to_owned()))
            .with_context(|| format!("{}: no line `{prefix}...`", manifest.display()))
    };
    Ok(Expected { by: value("by")?, message: value("expect")? })
}

fn manifests(kind: &str, at_least: usize) -> Result<Vec<PathBuf>> {
    let folder = Platform::workspace().join("crds/fixtures").join(kind);
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    ensure!(files.len() >= at_least, "only {} files in {}", files.len(), folder.display());
    Ok(files)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

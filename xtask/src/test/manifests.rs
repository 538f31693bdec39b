//! What the charts render with every values file of their `ci/`, by Helm 3 as by Helm 4, held against the schemas of
//! Kubernetes itself: the oldest version that is supported, one between, and the newest. Strict, so that a key that no
//! version knows fails. Our own kinds and those of the Prometheus Operator have no schema there; a real API server checks
//! the first in the layer `e2e`.

use super::{helm3, tell};
use crate::{process, workspace};
use anyhow::{Context, bail, ensure};
use apifleet_local::{Call, Output, Programs, ensure_packages};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A package for Python that brings the schemas with it, and its version.
const VALIDATOR: (&str, &str) = ("kubernetes-validate", "1.37.0");
/// It, and everything that it needs, each at one version.
const PINS: &str = include_str!("validator.txt");
/// The Debian packages that it is installed with.
const PYTHON: [&str; 2] = ["python3", "python3-venv"];
/// The charts.
const CHARTS: [&str; 2] = ["apifleet", "apifleet-crds"];
/// The versions of Kubernetes.
const VERSIONS: [&str; 3] = ["1.33", "1.35", "1.37"];
/// What has no schema there.
const OTHERS: [&str; 2] = ["apifleet.dev/", "monitoring.coreos.com/"];
/// Installing takes seconds.
const MINUTE: Duration = Duration::from_mins(1);
/// What it says of such a kind.
const UNKNOWN: &str = "Couldn't find schema for kind";

/// Renders the charts and validates what came out.
pub(crate) fn validate() -> anyhow::Result<()> {
    let validator = installed()?;
    let helm = Programs::ensure(&tell)?.path("helm");
    let older = helm3::program(&tell)?;
    let rendered = workspace::cache().join("rendered");
    // What an earlier run rendered must not be validated for this one.
    drop(fs::remove_dir_all(&rendered));
    fs::create_dir_all(&rendered).with_context(|| format!("make {}", rendered.display()))?;
    let files = values_files()?;
    let mut names = Vec::new();
    for values in &files {
        let manifests = render(&helm, values)?;
        helm3::lint(&older, chart_of(values)?, values)?;
        helm3::compare(values, &render(&older, values)?, &manifests)?;
        let name = name_of(values)?;
        fs::write(rendered.join(&name), &manifests).context("keep what was rendered")?;
        names.push(name);
        let text = fs::read_to_string(values).context("read the values again")?;
        let unwanted = unwanted_of_placeholders(&text, &manifests);
        ensure!(unwanted.is_none(), "{}: a placeholder says {unwanted:?}", values.display());
    }
    let mut call = Call::new(validator).args(["--strict", "--quiet"]);
    for version in VERSIONS {
        call = call.args(["--kubernetes-version", version]);
    }
    let output = call.args(names).directory(&rendered).deadline(Duration::from_mins(2)).output()?;
    ensure!(output.success, "{}", errors(&output));
    let said = format!("{}{}", output.stdout, output.stderr);
    let unknown = unknown_kinds(&said);
    ensure!(unknown.is_empty(), "kinds that no schema knows:\n{}", unknown.join("\n"));
    let versions = VERSIONS.join(", ");
    println!("{} values files, Helm 3 as Helm 4, Kubernetes {versions}: valid", files.len());
    Ok(())
}

/// What is wrong, a line each. The validator also prints each schema whole: that is for nobody.
fn errors(output: &Output) -> String {
    let errors: Vec<_> = output.stdout.lines().filter(|line| line.starts_with("ERROR")).collect();
    let otherwise = || format!("{} ended with {}: {}", VALIDATOR.0, output.status, output.stderr);
    if errors.is_empty() { otherwise() } else { errors.join("\n") }
}

/// Lines about kinds that should be known; a misspelt one is among them.
fn unknown_kinds(said: &str) -> Vec<&str> {
    let is_other = |line: &&str| OTHERS.iter().any(|group| line.contains(group));
    said.lines().filter(|line| line.contains(UNKNOWN)).filter(|line| !is_other(line)).collect()
}

/// The chart that a values file is for.
fn chart_of(values: &Path) -> anyhow::Result<&Path> {
    values.ancestors().nth(2).context("a values file is in a folder of its chart")
}

/// What is rendered with a values file is kept under this name.
fn name_of(values: &Path) -> anyhow::Result<String> {
    let chart = chart_of(values)?.file_name().context("a chart has a name")?;
    let file = values.file_name().context("a values file has a name")?;
    Ok(format!("{}-{}", chart.display(), file.display()))
}

fn render(helm: &Path, values: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(values).with_context(|| format!("read {}", values.display()))?;
    let chart = chart_of(values)?;
    let call = Call::new(helm).args(["template", "a-release", "--namespace=shop"]).args([chart]);
    let values = format!("--values={}", values.display());
    Ok(call.args([values]).args(extra_arguments(&text)).text()?)
}

/// A values file may say on its first line what helm needs besides: `# args: --api-versions ...`.
fn extra_arguments(values: &str) -> impl Iterator<Item = &str> {
    let first = values.lines().next().and_then(|line| line.strip_prefix("# args: "));
    first.unwrap_or_default().split_whitespace()
}

/// A values file may say what no placeholder of it says: `# no placeholder says: ...`.
fn unwanted_of_placeholders<'a>(values: &'a str, manifests: &str) -> Option<&'a str> {
    let mut unwanted =
        values.lines().filter_map(|line| line.strip_prefix("# no placeholder says: "));
    let says = |text: &str| {
        let mut documents = manifests.split("\n---");
        documents.any(|one| one.contains("apifleet.dev/placeholder-for") && one.contains(text))
    };
    unwanted.find(|text| says(text))
}

/// The good values of every chart.
fn values_files() -> anyhow::Result<Vec<PathBuf>> {
    let charts = workspace::root().join("charts");
    let folders = CHARTS.map(|chart| charts.join(chart).join("ci"));
    let files: anyhow::Result<Vec<_>> = folders.iter().map(|folder| values_in(folder)).collect();
    Ok(files?.concat())
}

fn values_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
    let mut files: Vec<_> = paths.filter(is_yaml).collect();
    files.sort();
    if files.is_empty() {
        bail!("no values file in {}", folder.display());
    }
    Ok(files)
}

/// The validator in the cache, installed there once for each version.
fn installed() -> anyhow::Result<PathBuf> {
    let (name, version) = VALIDATOR;
    let root = workspace::cache().join("tools").join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if program.exists() {
        return Ok(program);
    }
    println!("installing {name} {version} (once)");
    ensure_packages(&PYTHON, makes_environments, &tell)
        .context("install python3 and python3-venv")?;
    let mut python = Command::new("python3");
    let made = process::run(python.args(["-m", "venv", "--clear"]).arg(&root), MINUTE);
    made.context("make a Python environment")?;
    let pins = root.join("pins.txt");
    fs::write(&pins, PINS).with_context(|| format!("write {}", pins.display()))?;
    let mut install = Command::new(root.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", "--constraint"]);
    process::run(install.arg(pins).arg(format!("{name}=={version}")), MINUTE * 3)?;
    Ok(program)
}

/// Debian's Python has the module `venv` without what it needs; that comes with python3-venv.
fn makes_environments() -> bool {
    let output = Call::new("python3").args(["-c", "import ensurepip, venv"]).output();
    output.is_ok_and(|output| output.success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_kind_is_told_and_kinds_of_others_are_not() {
        let line = |kind: &str, group: &str| {
            format!(
                "WARN demo.yaml {UNKNOWN} {kind} with api version {group} for kubernetes version 1.37"
            )
        };
        let (misspelt, other) =
            (line("Deploiment", "apps/v1"), line("ApiFleet", "apifleet.dev/v1alpha1"));
        let said = format!("{other}\n{misspelt}\nINFO demo.yaml passed");
        assert_eq!(unknown_kinds(&said), [misspelt.as_str()]);
    }

    #[test]
    fn what_is_wrong_is_told_in_a_line_and_a_validator_that_breaks_tells_why() {
        let output = |stdout: &str| Output {
            success: false,
            status: "exit status: 1".into(),
            stdout: stdout.into(),
            stderr: "a schema of a thousand lines".into(),
        };
        let invalid = errors(&output("INFO a.yaml\nERROR b.yaml: no such key\n"));
        assert_eq!(invalid, "ERROR b.yaml: no such key");
        assert!(errors(&output("")).contains("thousand lines"));
    }

    #[test]
    fn a_values_file_is_for_the_chart_that_it_is_in_and_every_chart_has_some() {
        let values = Path::new("/x/charts/apifleet-crds/ci/default.yaml");
        assert_eq!(chart_of(values).expect("a chart"), Path::new("/x/charts/apifleet-crds"));
        assert_eq!(name_of(values).expect("a name"), "apifleet-crds-default.yaml");
        let files = values_files().expect("files");
        for chart in CHARTS {
            assert!(
                files.iter().any(|file| file
                    .parent()
                    .is_some_and(|it| it.ends_with(format!("{chart}/ci")))),
                "{chart}"
            );
        }
    }

    #[test]
    fn what_helm_needs_besides_is_on_the_first_line() {
        let arguments: Vec<_> = extra_arguments("# args: --api-versions a/v1\n# text\n").collect();
        assert_eq!(arguments, ["--api-versions", "a/v1"]);
        assert_eq!(extra_arguments("# Everything off.\n# args: x\n").count(), 0);
    }

    #[test]
    fn what_a_placeholder_must_not_say_is_looked_for_in_placeholders_alone() {
        let values = "# A fleet.\n# no placeholder says: team: shop\n";
        let fleet = "kind: Deployment\n  team: shop";
        let placeholder = "kind: Deployment\n  apifleet.dev/placeholder-for: a";
        let good = format!("{fleet}\n---\n{placeholder}");
        assert_eq!(unwanted_of_placeholders(values, &good), None);
        let bad = format!("{good}\n  team: shop");
        assert_eq!(unwanted_of_placeholders(values, &bad), Some("team: shop"));
        assert_eq!(unwanted_of_placeholders("fleets: []", &bad), None);
    }

    #[test]
    fn the_newest_version_is_the_one_that_the_validator_is_made_for() {
        let newest = VERSIONS.last().expect("one");
        assert!(VALIDATOR.1.starts_with(&format!("{newest}.")));
        assert!(PINS.lines().any(|line| line == format!("{}=={}", VALIDATOR.0, VALIDATOR.1)));
    }
}

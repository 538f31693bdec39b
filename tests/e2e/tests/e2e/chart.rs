//! The charts without a cluster: what they render, what they refuse, and that the rules compute what they say.

use crate::Case;
use anyhow::{Context, Result, bail, ensure};
use apifleet_e2e::{Platform, everything, path_text};
use apifleet_local::progress::Silent;
use apifleet_local::{Call, Output, Programs};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const CASES: &[Case] = &[
    ("charts_lint_and_render_with_every_values_file", lints_and_renders),
    ("charts_refuse_bad_values_and_name_what_is_wrong", refuses_bad_values),
    ("chart_never_renders_the_replicas_of_a_fleet", renders_no_replicas),
    ("recording_rules_and_alerts_pass_their_own_tests", rules_pass),
];

const CHARTS: [&str; 2] = ["apifleet", "apifleet-crds"];

fn lints_and_renders(_: &Platform) -> Result<()> {
    for values in good_values()? {
        let lint = helm(&["lint", "--strict"], &values, &[])?;
        ensure!(lint.success, "{}: {}", values.display(), everything(&lint));
        let rendered = template(&values)?;
        ensure!(rendered.success, "{}: {}", values.display(), everything(&rendered));
    }
    Ok(())
}

fn refuses_bad_values(_: &Platform) -> Result<()> {
    let files = values_files("ci/bad")?;
    ensure!(files.len() >= 20, "only {} files of bad values", files.len());
    for values in files {
        let first = first_line(&values)?;
        let expected = first.strip_prefix("# expect: ").with_context(|| {
            format!("{}: the first line must be `# expect: ...`", path_text(&values))
        })?;
        let rendered = template(&values)?;
        let printed = everything(&rendered);
        ensure!(!rendered.success, "{} was accepted", values.display());
        ensure!(
            printed.contains(expected),
            "{}: `{expected}` is not in: {printed}",
            values.display()
        );
    }
    Ok(())
}

fn renders_no_replicas(_: &Platform) -> Result<()> {
    let mut fleets = 0;
    for values in good_values()? {
        for document in template(&values)?.stdout.split("\n---") {
            // Both the targets' and the placeholders' say whose they are.
            let of_fleet =
                document.contains("kind: Deployment") && document.contains("apifleet.dev/target");
            let names = document.lines().any(|line| line.trim_start().starts_with("replicas:"));
            ensure!(!(of_fleet && names), "{}: {document}", values.display());
            fleets += usize::from(of_fleet);
        }
    }
    ensure!(fleets > 0, "no values file renders a fleet");
    Ok(())
}

fn rules_pass(_: &Platform) -> Result<()> {
    let promtool = Programs::ensure(&Silent)?.path("promtool");
    for tests in ["rules_test.yaml", "alerts_test.yaml"] {
        let tests = Platform::workspace().join("deploy/prometheus").join(tests);
        let output = Call::new(&promtool).args(["test", "rules", &path_text(&tests)]).output()?;
        ensure!(output.success, "{}", everything(&output));
    }
    Ok(())
}

/// Runs Helm on the chart that a values file is in, with that file.
fn helm(verb: &[&str], values: &Path, options: &[&str]) -> Result<Output> {
    let helm = Programs::ensure(&Silent)?.path("helm");
    let is_chart = |folder: &&Path| folder.join("Chart.yaml").is_file();
    let chart = values.ancestors().find(is_chart).context("a values file is in a chart")?;
    let call = Call::new(helm).args(verb).args([chart]).args(["--values", &path_text(values)]);
    Ok(call.args(options).output()?)
}

fn template(values: &Path) -> Result<Output> {
    helm(&["template", "a-release"], values, &["--namespace", "shop"])
}

/// The values files in this folder of every chart.
fn values_files(folder: &str) -> Result<Vec<PathBuf>> {
    let charts = Platform::workspace().join("charts");
    let folders = CHARTS.map(|chart| charts.join(chart).join(folder));
    let files: Result<Vec<_>> = folders.iter().map(|folder| yaml_files(folder)).collect();
    Ok(files?.concat())
}

fn good_values() -> Result<Vec<PathBuf>> {
    let files = values_files("ci")?;
    ensure!(files.len() >= 5, "only {} values files", files.len());
    Ok(files)
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("no YAML file in {}", folder.display());
    }
    Ok(files)
}

fn first_line(file: &Path) -> Result<String> {
    let content = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    Ok(content.lines().next().unwrap_or_default().to_owned())
}

//! The chart without a cluster: what it renders, what it refuses, and that its rules compute what they say.

use crate::Case;
use anyhow::{Context, Result, bail, ensure};
use apifleet_e2e::{Platform, platform::everything};
use apifleet_local::progress::Silent;
use apifleet_local::{Call, Output, Programs};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const CASES: &[Case] = &[
    ("chart_lints_and_renders_with_every_values_file", lints_and_renders),
    ("chart_refuses_bad_values_and_names_what_is_wrong", refuses_bad_values),
    ("chart_never_renders_the_replicas_of_a_fleet", renders_no_replicas),
    ("recording_rules_pass_their_own_tests", rules_pass),
];

fn lints_and_renders(_: &Platform) -> Result<()> {
    for values in good_values()? {
        let lint = helm(&["lint", "--strict"], &["--values", &text(&values)])?;
        ensure!(lint.success, "{}: {}", values.display(), everything(&lint));
        let rendered = template(&values)?;
        ensure!(rendered.success, "{}: {}", values.display(), everything(&rendered));
    }
    Ok(())
}

fn refuses_bad_values(_: &Platform) -> Result<()> {
    let files = yaml_files(&ci().join("bad"))?;
    ensure!(files.len() >= 20, "only {} files of bad values", files.len());
    for values in files {
        let first = first_line(&values)?;
        let expected = first.strip_prefix("# expect: ").with_context(|| {
            format!("{}: the first line must be `# expect: ...`", text(&values))
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
            let of_fleet =
                document.contains("kind: Deployment") && document.contains("apifleet.dev/fleet");
            let names = document.lines().any(|line| line.trim_start().starts_with("replicas:"));
            ensure!(!(of_fleet && names), "{}: {document}", values.display());
            fleets += usize::from(of_fleet);
        }
    }
    ensure!(fleets > 0, "no values file renders a fleet");
    Ok(())
}

fn rules_pass(_: &Platform) -> Result<()> {
    let tests = Platform::workspace().join("deploy/prometheus/rules_test.yaml");
    let promtool = Programs::ensure(&Silent)?.path("promtool");
    let output = Call::new(promtool).args(["test", "rules", &text(&tests)]).output()?;
    ensure!(output.success, "{}", everything(&output));
    Ok(())
}

fn helm(verb: &[&str], options: &[&str]) -> Result<Output> {
    let helm = Programs::ensure(&Silent)?.path("helm");
    let chart = Platform::workspace().join("charts/apifleet");
    Ok(Call::new(helm).args(verb).args([chart]).args(options).output()?)
}

fn template(values: &Path) -> Result<Output> {
    helm(&["template", "a-release"], &["--namespace", "shop", "--values", &text(values)])
}

fn ci() -> PathBuf {
    Platform::workspace().join("charts/apifleet/ci")
}

fn good_values() -> Result<Vec<PathBuf>> {
    let files = yaml_files(&ci())?;
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

fn text(path: &Path) -> String {
    path.display().to_string()
}

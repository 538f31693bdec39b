//! The generated files: what they are made from, writing them, and the check that none is out of date. The README and
//! the page of benchmarks are generated only between their marks.

use crate::{book, figures, reference, workspace};
use anyhow::{Context, bail};
use apifleet_crds::Kind;
use std::fs;
use std::path::{Path, PathBuf};

/// The benches whose figures the page of benchmarks shows.
const BENCHES: [&str; 5] = ["reaction", "policy", "tune", "core", "operator"];

/// Where the definitions are: for kubectl, and a copy for each chart that installs them.
const DEFINITIONS: [&str; 3] =
    ["crds/yaml", "charts/apifleet/files/crds", "charts/apifleet-crds/files/crds"];

/// What the chart ships as it is: files under `deploy`, and their copies under its `files`.
const COPIED: [(&str, &str); 5] = [
    ("prometheus/rules.yaml", "rules.yaml"),
    ("prometheus/alerts.yaml", "alerts.yaml"),
    ("dashboards/fleet.json", "dashboards/fleet.json"),
    ("dashboards/operator.json", "dashboards/operator.json"),
    ("dashboards/api-server.json", "dashboards/api-server.json"),
];

/// A generated file: where it is, and what it must hold.
struct Generated {
    path: PathBuf,
    content: String,
}

/// Every generated file, made from its one source.
fn files(root: &Path) -> anyhow::Result<Vec<Generated>> {
    let mut files = vec![readme(root)?, benchmarks(root)?];
    for (source, copy) in COPIED {
        let source = root.join("deploy").join(source);
        let content =
            fs::read_to_string(&source).with_context(|| format!("read {}", source.display()))?;
        files.push(Generated { path: root.join("charts/apifleet/files").join(copy), content });
    }
    for kind in Kind::ALL {
        let content = apifleet_crds::yaml(kind).context("render the custom resources")?;
        let name = format!("{}.yaml", kind.plural());
        for folder in DEFINITIONS {
            let path = root.join(folder).join(&name);
            files.push(Generated { path, content: content.clone() });
        }
    }
    files.extend(docs(root)?);
    Ok(files)
}

/// The reference, and the summary of the book that it is a part of.
fn docs(root: &Path) -> anyhow::Result<Vec<Generated>> {
    let docs = root.join("docs");
    let pages = reference::pages(root)?;
    let relative = |file: &str| Path::new("reference").join(file);
    let all = pages.iter().map(|(file, text)| (relative(file), text.as_str())).collect();
    let summary = book::summary(&docs, &all)?;
    let mut files = vec![Generated { path: docs.join(book::SUMMARY), content: summary }];
    files.extend(
        pages
            .into_iter()
            .map(|(file, content)| Generated { path: docs.join(relative(file)), content }),
    );
    Ok(files)
}

fn readme(root: &Path) -> anyhow::Result<Generated> {
    let path = root.join("README.md");
    let text = fs::read_to_string(&path).context("read README.md")?;
    let report = root.join("docs/images/up.json");
    let report = fs::read(&report).with_context(|| format!("read {}", report.display()))?;
    let content = figures::of_up(&text, &report).context("README.md")?;
    Ok(Generated { path, content })
}

/// The page of benchmarks, with the table of each that has been measured.
fn benchmarks(root: &Path) -> anyhow::Result<Generated> {
    let path = root.join("docs/benchmarks.md");
    let mut content = fs::read_to_string(&path).context("read docs/benchmarks.md")?;
    for bench in BENCHES {
        let report = root.join("docs/bench").join(format!("{bench}.json"));
        let report = fs::read(report).ok();
        content =
            figures::of_bench(&content, bench, report.as_deref()).context("docs/benchmarks.md")?;
    }
    Ok(Generated { path, content })
}

/// Writes every generated file that is out of date, and says which.
pub(crate) fn generate() -> anyhow::Result<()> {
    let root = workspace::root();
    for file in stale(files(&root)?) {
        if let Some(folder) = file.path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        fs::write(&file.path, &file.content)
            .with_context(|| format!("write {}", file.path.display()))?;
        println!("wrote {}", file.path.display());
    }
    Ok(())
}

/// Fails, naming each file, if one is out of date.
pub(crate) fn verify() -> anyhow::Result<()> {
    let stale = stale(files(&workspace::root())?);
    if stale.is_empty() {
        println!("generated files are up to date");
        return Ok(());
    }
    let names: Vec<_> = stale.iter().map(|file| file.path.display().to_string()).collect();
    bail!("out of date: {}; run `cargo xtask generate` and commit the result", names.join(", "))
}

fn stale(files: Vec<Generated>) -> Vec<Generated> {
    let differs =
        |file: &Generated| fs::read_to_string(&file.path).ok().as_ref() != Some(&file.content);
    files.into_iter().filter(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_or_is_missing_is_stale_and_an_equal_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, content: &str| Generated {
            path: folder.path().join(name),
            content: content.to_owned(),
        };
        fs::write(folder.path().join("equal"), "a").expect("written");
        fs::write(folder.path().join("differs"), "a").expect("written");
        let stale = stale(vec![file("equal", "a"), file("differs", "b"), file("missing", "c")]);
        let names: Vec<_> = stale.iter().filter_map(|f| f.path.file_name()).collect();
        assert_eq!(names, ["differs", "missing"]);
    }
}

//! The generated files: what they are made from, writing them, and the check that none is out of date. The README is
//! generated only between its marks.

use crate::{figures, workspace};
use anyhow::{Context, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// A generated file: where it is, and what it must hold.
struct Generated {
    path: PathBuf,
    content: String,
}

/// Every generated file, made from its one source.
fn files(root: &Path) -> anyhow::Result<Vec<Generated>> {
    let crd = apifleet_crds::yaml().context("render the custom resources")?;
    let rules = root.join("deploy/prometheus/rules.yaml");
    let rules = fs::read_to_string(&rules).with_context(|| format!("read {}", rules.display()))?;
    let readme = root.join("README.md");
    let text = fs::read_to_string(&readme).context("read README.md")?;
    let report = root.join("docs/images/up.json");
    let report = fs::read(&report).with_context(|| format!("read {}", report.display()))?;
    Ok(vec![
        Generated { path: readme, content: figures::written_into(&text, &report)? },
        Generated { path: root.join("crds/yaml/apifleets.yaml"), content: crd.clone() },
        Generated { path: root.join("charts/apifleet/files/crds/apifleets.yaml"), content: crd },
        Generated { path: root.join("charts/apifleet/files/rules.yaml"), content: rules },
    ])
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

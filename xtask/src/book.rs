//! The docs as a book: which pages it has and in which order (`docs/SUMMARY.md`), and `cargo xtask docs`, which builds it.
//! Every page of `docs` is in it: those that no part names come last.

use crate::test::install_tool;
use crate::{process, workspace};
use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What builds the book, and its version. Built once, in minutes.
const MDBOOK: (&str, &str) = ("mdbook", "0.5.2");
/// Where the book begins.
const FIRST: &str = "README.md";
/// The page that says what is where; no page of the book itself.
pub(crate) const SUMMARY: &str = "SUMMARY.md";
/// A page of a folder that leads to the others.
const LEADING: &str = "README.md";

/// The parts in their order: pages, and folders with all of their pages.
const PARTS: [(&str, &[&str]); 4] = [
    (
        "Use",
        &[
            "install.md",
            "upgrade.md",
            "checks.md",
            "policies.md",
            "simulate.md",
            "load-balancers.md",
            "gitops.md",
        ],
    ),
    ("On call", &["on-call.md", "runbooks", "game-day.md"]),
    ("Reference", &["reference", "glossary.md"]),
    ("How it is built", &["robustness.md", "benchmarks.md", "limits.md", "adr"]),
];

/// Builds the book and says where it is.
pub(crate) fn build() -> anyhow::Result<()> {
    let mdbook = install_tool(MDBOOK)?;
    let book = workspace::cache().join("book");
    let mut command = Command::new(mdbook);
    command.arg("build").arg(workspace::root().join("docs")).arg("--dest-dir").arg(&book);
    process::run(&mut command, Duration::from_mins(2))?;
    println!("{}", book.join("index.html").display());
    Ok(())
}

/// The summary of the book. Generated pages may not be there yet, or be out of date: what they are to hold counts.
pub(crate) fn summary(docs: &Path, generated: &BTreeMap<PathBuf, &str>) -> anyhow::Result<String> {
    let mut pages = pages(docs)?;
    pages.extend(generated.keys().cloned());
    pages.remove(Path::new(SUMMARY));
    let first = pages.take(Path::new(FIRST)).context("docs/README.md, where the book begins")?;
    let title = |page: &Path| {
        let read = || fs::read_to_string(docs.join(page)).unwrap_or_default();
        let text = generated.get(page).map_or_else(read, |text| (*text).to_owned());
        title(page, &text)
    };
    let mut text = format!("# Summary\n\n[{}]({FIRST})\n", title(&first));
    let parts = PARTS.iter().map(|(name, entries)| (*name, chosen(&mut pages, entries)));
    let parts: Vec<_> = parts.collect();
    let rest: Vec<_> = pages.into_iter().collect();
    for (name, part) in parts.into_iter().chain([("More", rest)]).filter(|(_, it)| !it.is_empty()) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\n# {name}\n");
        let folders: BTreeSet<_> =
            part.iter().filter(|page| leads(page)).filter_map(|page| page.parent()).collect();
        for page in &part {
            let below =
                !leads(page) && page.ancestors().skip(1).any(|folder| folders.contains(folder));
            let indent = if below { "  " } else { "" };
            let _ = writeln!(text, "{indent}- [{}]({})", title(page), page.display());
        }
    }
    Ok(text)
}

/// Whether a page leads to the others of its folder.
fn leads(page: &Path) -> bool {
    page.file_name().is_some_and(|name| name == LEADING)
}

/// Takes the pages of a part out of all: each by itself, or all of a folder, folder by folder, the leading one first.
fn chosen(pages: &mut BTreeSet<PathBuf>, entries: &[&str]) -> Vec<PathBuf> {
    let mut part = Vec::new();
    for entry in entries {
        let mut found: Vec<_> =
            pages.iter().filter(|page| page.starts_with(entry)).cloned().collect();
        found.sort_by_key(|page| (page.parent().map(Path::to_owned), !leads(page)));
        pages.retain(|page| !page.starts_with(entry));
        part.extend(found);
    }
    part
}

/// Every page below the docs, by its path there.
pub(crate) fn pages(docs: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![docs.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.insert(path.strip_prefix(docs).unwrap_or(&path).to_owned());
            }
        }
    }
    Ok(found)
}

/// A page's first heading, or its name.
fn title(page: &Path, text: &str) -> String {
    let heading = text.lines().find_map(|line| line.strip_prefix("# "));
    let name = || page.file_stem().map(|stem| stem.display().to_string()).unwrap_or_default();
    heading.map_or_else(name, |heading| heading.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs(pages: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (page, text) in pages {
            let file = folder.path().join(page);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(file, text).expect("written");
        }
        folder
    }

    #[test]
    fn every_page_is_in_its_part_and_those_that_no_part_names_come_last() {
        let docs = docs(&[
            ("README.md", "# Begin\n"),
            ("SUMMARY.md", "old"),
            ("simulate.md", "# Try it\n"),
            ("runbooks/Absent.md", "# Absent\n"),
            ("runbooks/README.md", "# Runbooks\n"),
            ("runbooks/alerts/NoLeader.md", "# NoLeader\n"),
            ("adr/0002-b.md", "# 2. B\n"),
            ("adr/0001-a.md", "no heading\n"),
            ("new.md", "text\n\n# New\n"),
            ("images/x.svg", "# no page\n"),
        ]);
        let generated = BTreeMap::from([("reference/cli.md".into(), "# Commands\n")]);
        let summary = summary(docs.path(), &generated).expect("a summary");
        let expected = "# Summary\n\n[Begin](README.md)\n\n# Use\n\n- [Try it](simulate.md)\n\n# On call\n\n\
                        - [Runbooks](runbooks/README.md)\n  - [Absent](runbooks/Absent.md)\n  \
                        - [NoLeader](runbooks/alerts/NoLeader.md)\n\n# Reference\n\n\
                        - [Commands](reference/cli.md)\n\n# How it is built\n\n\
                        - [0001-a](adr/0001-a.md)\n- [2. B](adr/0002-b.md)\n\n# More\n\n- [New](new.md)\n";
        assert_eq!(summary, expected);
    }

    #[test]
    fn docs_that_do_not_say_where_to_begin_are_refused() {
        let refused = summary(docs(&[("a.md", "# A")]).path(), &BTreeMap::new());
        assert!(refused.expect_err("refused").to_string().contains("docs/README.md"));
    }
}

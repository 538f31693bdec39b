//! Every link of every page in this checkout leads somewhere: to a file that is there, and to a heading of it.

use crate::{book, workspace};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Pages outside of the docs.
const OTHERS: [&str; 7] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "policies/README.md",
    "api-server/README.md",
    "charts/apifleet/README.md",
    "deploy/images/README.md",
];

/// The targets of a page's links and images.
fn links(text: &str) -> Vec<String> {
    let targets = Parser::new(text).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url),
        _ => None,
    });
    targets.map(|target| target.to_string()).collect()
}

/// The anchors of a page's headings, as a forge makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut anchors, mut heading) = (BTreeSet::new(), None::<String>);
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                anchors.extend(heading.take().map(|title| anchor(&title)));
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some(title) = &mut heading {
                    title.push_str(&words);
                }
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A path without `..`; `None` where it leads out of the checkout.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => normal.pop().then_some(())?,
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    Some(normal)
}

/// What is wrong with a link of a page; both are inside the checkout.
fn flaw(root: &Path, page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
    let folder = page.parent().unwrap_or(Path::new(""));
    let target = if file.is_empty() { Some(page.to_owned()) } else { normal(&folder.join(file)) };
    let Some(target) = target else { return Some("it leads out of the checkout".into()) };
    if !root.join(&target).exists() {
        return Some(format!("{} is not there", target.display()));
    }
    let is_page = target.extension().is_some_and(|extension| extension == "md");
    if fragment.is_empty() || !is_page {
        return None;
    }
    let text = fs::read_to_string(root.join(&target)).unwrap_or_default();
    let missing = !anchors(&text).contains(fragment);
    missing.then(|| format!("{} has no heading #{fragment}", target.display()))
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let root = workspace::root();
    let docs = book::pages(&root.join("docs")).expect("docs").into_iter();
    let pages: Vec<_> =
        docs.map(|page| Path::new("docs").join(page)).chain(OTHERS.map(PathBuf::from)).collect();
    assert!(pages.len() > 80, "{} pages", pages.len());
    let mut flaws = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(root.join(page)).expect("readable");
        for link in links(&text) {
            let flaw =
                flaw(&root, page, &link).map(|flaw| format!("{}: {link}: {flaw}", page.display()));
            flaws.extend(flaw);
        }
    }
    assert!(flaws.is_empty(), "{}", flaws.join("\n"));
}

#[test]
fn every_page_of_the_docs_is_in_the_book() {
    let docs = workspace::root().join("docs");
    let summary = fs::read_to_string(docs.join(book::SUMMARY)).expect("a summary");
    let listed: BTreeSet<_> = links(&summary).into_iter().map(PathBuf::from).collect();
    let mut pages = book::pages(&docs).expect("docs");
    pages.remove(Path::new(book::SUMMARY));
    assert_eq!(listed, pages, "run `cargo xtask generate`");
}

#[test]
fn a_link_to_what_is_not_there_is_a_flaw() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    fs::create_dir(root.join("docs")).expect("made");
    fs::write(root.join("README.md"), "# One `two`, three\n").expect("written");
    let flaw = |link: &str| flaw(root, Path::new("docs/page.md"), link);
    assert_eq!(flaw("../README.md"), None);
    assert_eq!(flaw("../README.md#one-two-three"), None);
    assert_eq!(flaw("https://example.com/nowhere"), None);
    for bad in ["../other.md", "../README.md#four", "../../etc/passwd", "README.md"] {
        assert!(flaw(bad).is_some(), "{bad}");
    }
}

//! The runbooks in `docs/runbooks`: one for every reason and none for anything else, each opening with the answer to
//! the first question, each findable and without a dead end.

use apifleet_core::Reason;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const INDEX: &str = "README";

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn page(name: &str) -> String {
    let path = root().join("docs/runbooks").join(format!("{name}.md"));
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display())).unwrap()
}

fn reasons() -> BTreeSet<String> {
    Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect()
}

/// The names of all pages, the index included.
fn pages() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("docs/runbooks")).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.map(|file| file.strip_suffix(".md").unwrap_or(&file).to_owned()).collect()
}

/// The pages that a page links to.
fn links(text: &str) -> BTreeSet<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.map(|file| file.strip_suffix(".md").unwrap_or(file).to_owned()).collect()
}

/// The recorded series that a page names: words such as `apifleet:pods:count`.
fn recorded_series(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c: char| !is_part(c));
    words.filter(|word| word.starts_with("apifleet:")).map(str::to_owned).collect()
}

#[test]
fn every_reason_has_a_runbook_and_every_runbook_is_a_reasons() {
    let mut found = pages();
    assert!(found.remove(INDEX), "docs/runbooks/README.md is missing");
    assert_eq!(found, reasons());
}

#[test]
fn every_runbook_is_named_in_its_title_and_says_first_whether_it_is_bad() {
    for reason in reasons() {
        let text = page(&reason);
        let mut lines = text.lines().filter(|line| !line.is_empty());
        assert_eq!(lines.next(), Some(format!("# {reason}").as_str()));
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with("**Is it bad?** "), "{reason}: {first}");
    }
}

#[test]
fn the_index_leads_to_every_runbook() {
    let linked = links(&page(INDEX));
    let lost: Vec<_> = reasons().into_iter().filter(|reason| !linked.contains(reason)).collect();
    assert!(lost.is_empty(), "not in the tables of docs/runbooks/README.md: {lost:?}");
}

#[test]
fn no_link_leads_nowhere() {
    let known = pages();
    for name in &known {
        // A link without a file is one to a heading of the same page.
        let dead: Vec<_> = links(&page(name))
            .into_iter()
            .filter(|link| !link.is_empty() && !known.contains(link))
            .collect();
        assert!(dead.is_empty(), "{name}.md links to {dead:?}");
    }
}

#[test]
fn runbooks_query_only_series_that_are_recorded() {
    let rules = fs::read_to_string(root().join("deploy/prometheus/rules.yaml")).unwrap();
    let recorded: BTreeSet<String> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .map(str::to_owned)
        .collect();
    assert!(recorded.contains("apifleet:requests:rate1m"), "no rules read: {recorded:?}");
    for name in pages() {
        let named = recorded_series(&page(&name));
        assert!(named.is_subset(&recorded), "{name}.md: {named:?} of {recorded:?}");
    }
}

//! The runbooks in `docs/runbooks`: one for every reason, in `alerts` one for every alert, and none for anything else, each
//! opening with the answer to the first question, each findable and without a dead end. And that every alert leads to its
//! own, and is tested.

use apifleet_core::Reason;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const INDEX: &str = "README";
/// The folder of the alerts' pages.
const ALERTS: &str = "alerts/";

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

/// The names of the pages of reasons, the index included.
fn pages() -> BTreeSet<String> {
    pages_in("")
}

/// The names of the pages of alerts, with their folder.
fn alert_pages() -> BTreeSet<String> {
    pages_in(ALERTS).into_iter().map(|name| format!("{ALERTS}{name}")).collect()
}

fn pages_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("docs/runbooks").join(folder)).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter_map(|file| file.strip_suffix(".md").map(str::to_owned)).collect()
}

fn rules(file: &str) -> String {
    fs::read_to_string(root().join("deploy/prometheus").join(file)).unwrap()
}

/// Every rule that is an alert: its name, and what is said of it.
fn alerts() -> Vec<(String, String)> {
    let text = rules("alerts.yaml");
    let rules = text.split("\n  - ").filter_map(|rule| rule.strip_prefix("alert: "));
    let named = rules.filter_map(|rule| rule.split_once('\n'));
    named.map(|(name, rest)| (name.trim().to_owned(), rest.to_owned())).collect()
}

fn alert_names() -> BTreeSet<String> {
    alerts().into_iter().map(|(name, _)| name).collect()
}

/// What a page links to, without headings.
fn targets(text: &str) -> BTreeSet<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split('#').next().unwrap_or_default()).collect()
}

/// The pages that a page links to.
fn links(text: &str) -> BTreeSet<String> {
    let files = targets(text).into_iter();
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
fn every_alert_has_a_runbook_and_every_runbook_of_an_alert_is_ones() {
    let named: BTreeSet<_> =
        alert_names().into_iter().map(|name| format!("{ALERTS}{name}")).collect();
    assert!(named.len() > 10, "only {named:?}");
    assert_eq!(alert_pages(), named);
}

#[test]
fn every_alert_is_summed_up_described_graded_and_leads_to_its_runbook() {
    for (name, text) in alerts() {
        for part in ["summary: ", "description: ", "labels: {severity: "] {
            assert!(text.contains(part), "{name} has no {part}");
        }
        let ends = format!("/docs/runbooks/{ALERTS}{name}.md");
        let url = text.lines().find_map(|line| line.trim().strip_prefix("runbook_url: https://"));
        assert!(url.is_some_and(|url| url.ends_with(&ends)), "{name}: {url:?}");
    }
}

#[test]
fn every_alert_fires_in_a_test_and_does_not_in_another() {
    let tests = rules("alerts_test.yaml");
    for name in alert_names() {
        let fires = format!("alertname: {name}");
        assert!(tests.lines().any(|line| line.trim() == fires), "{name} is not seen to fire");
        let silent = format!("alertname: {name}, exp_alerts: []}}");
        assert!(tests.contains(&silent), "{name} is not seen to be silent");
    }
}

#[test]
fn every_runbook_is_named_in_its_title_and_says_first_whether_it_is_bad() {
    for name in reasons().into_iter().chain(alert_pages()) {
        let text = page(&name);
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let title = name.strip_prefix(ALERTS).unwrap_or(&name);
        assert_eq!(lines.next(), Some(format!("# {title}").as_str()));
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with("**Is it bad?** "), "{name}: {first}");
    }
}

#[test]
fn every_runbook_of_an_alert_says_how_to_look_what_to_do_and_when_it_goes_away() {
    for name in alert_pages() {
        let text = page(&name);
        for part in ["\n## Look", "\n## Do\n", "\nGoes away: ", "```sh\n"] {
            assert!(text.contains(part), "{name} has no {part:?}");
        }
        assert!(text.contains("apifleet "), "{name} uses no command of ours");
    }
}

#[test]
fn the_index_leads_to_every_runbook() {
    let linked = links(&page(INDEX));
    let all = reasons().into_iter().chain(alert_pages());
    let lost: Vec<_> = all.filter(|name| !linked.contains(name)).collect();
    assert!(lost.is_empty(), "not in the tables of docs/runbooks/README.md: {lost:?}");
}

#[test]
fn no_link_leads_nowhere() {
    for name in pages().into_iter().chain(alert_pages()) {
        let file = root().join("docs/runbooks").join(format!("{name}.md"));
        let folder = file.parent().unwrap();
        let text = page(&name);
        // A link without a file is one to a heading of the same page.
        let dead: Vec<_> = targets(&text)
            .into_iter()
            .filter(|target| !target.is_empty() && !folder.join(target).exists())
            .collect();
        assert!(dead.is_empty(), "{name}.md links to {dead:?}");
    }
}

#[test]
fn runbooks_query_only_series_that_are_recorded() {
    let rules = rules("rules.yaml") + &rules("alerts.yaml");
    let recorded: BTreeSet<String> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .map(str::to_owned)
        .collect();
    assert!(recorded.contains("apifleet:requests:rate1m"), "no rules read: {recorded:?}");
    for name in pages().into_iter().chain(alert_pages()) {
        let mut named = recorded_series(&page(&name));
        // How they are named.
        named.remove("apifleet:NAME:max");
        assert!(named.is_subset(&recorded), "{name}.md: {named:?} of {recorded:?}");
    }
}

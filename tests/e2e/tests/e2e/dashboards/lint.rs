//! Whether a dashboard is whole: each panel says what it shows, in which unit and of whom, and works with any data source
//! and at any zoom. Needs no cluster.

use super::{dashboards, list, rules, text};
use anyhow::{Result, ensure};
use apifleet_e2e::Platform;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DATA_SOURCE: &str = "${datasource}";
const INTERVAL: &str = "[$__rate_interval]";
/// Of these the operator's own namespace is not the fleet's: panels read what is recorded of them.
const OF_FLEETS: &str = "apifleet_fleet_";

pub(super) fn panels_are_whole(_: &Platform) -> Result<()> {
    let recorded: BTreeSet<String> = rules::recorded()?.into_keys().collect();
    let dashboards = dashboards()?;
    ensure!(dashboards.len() >= 3, "only {} dashboards", dashboards.len());
    let uids: BTreeSet<_> = dashboards.iter().map(|(_, it)| text(it, "/uid")).collect();
    ensure!(uids.len() == dashboards.len(), "two dashboards share a uid: {uids:?}");
    for (file, dashboard) in &dashboards {
        let faults = faults(dashboard, &recorded);
        ensure!(faults.is_empty(), "{file}:\n{}", faults.join("\n"));
    }
    Ok(())
}

/// A linter that finds nothing would pass, too.
pub(super) fn broken_panels_are_found(_: &Platform) -> Result<()> {
    let recorded = BTreeSet::from(["apifleet:pods:count".to_owned()]);
    ensure!(faults(&whole(), &recorded).is_empty(), "{:?}", faults(&whole(), &recorded));
    for (pointer, value, fault) in [
        ("/panels/0/title", json!(""), "title"),
        ("/panels/0/description", json!("Pods"), "description"),
        ("/panels/0/fieldConfig/defaults/unit", json!(null), "unit"),
        ("/panels/0/datasource/uid", json!("prometheus-1"), "data source"),
        ("/panels/0/targets/0/datasource/uid", json!("prometheus-1"), "data source"),
        ("/panels/0/targets", json!([]), "asks nothing"),
        ("/panels/0/targets/0/expr", json!("sum(rate(a_total[$__rate_interval]))"), "$namespace"),
        ("/panels/0/targets/0/expr", json!("rate(a_total{n=\"$namespace\"}[5m])"), "[5m]"),
        ("/panels/0/targets/0/expr", json!("apifleet_fleet_mode{n=\"$namespace\"}"), OF_FLEETS),
        ("/panels/0/targets/0/expr", json!("apifleet:x:y{n=\"$namespace\"}"), "apifleet:x:y"),
        ("/templating/list/0/type", json!("constant"), "data source"),
        ("/templating/list/1/name", json!("team"), "namespace"),
        ("/templating/list/1/query/query", json!("shop"), "label_values"),
    ] {
        let mut broken = whole();
        if let Some(place) = broken.pointer_mut(pointer) {
            *place = value;
        }
        let found = faults(&broken, &recorded);
        ensure!(found.iter().any(|it| it.contains(fault)), "{pointer}: {fault} not in {found:?}");
    }
    Ok(())
}

/// Parts of `label_values(SERIES, LABEL)`.
pub(super) fn label_values(query: &str) -> Option<(&str, &str)> {
    query.strip_prefix("label_values(")?.strip_suffix(')')?.rsplit_once(", ")
}

/// What is wrong with a dashboard, a line each.
fn faults(dashboard: &Value, recorded: &BTreeSet<String>) -> Vec<String> {
    let mut faults = of_variables(dashboard);
    let mut titles = BTreeSet::new();
    let mut asks_for_rates = false;
    for panel in list(dashboard, "/panels") {
        let title = text(panel, "/title");
        if title.is_empty() || !titles.insert(title) {
            faults.push(format!("a panel's title is empty, or another's: {title:?}"));
        }
        let of_panel = of_panel(panel).into_iter().chain(of_queries(panel, recorded));
        faults.extend(of_panel.map(|fault| format!("{title}: {fault}")));
        asks_for_rates |= expressions(panel).any(|it| it.contains(INTERVAL));
    }
    if !asks_for_rates {
        faults.push(format!("no panel has a rate over {INTERVAL}"));
    }
    faults
}

fn of_variables(dashboard: &Value) -> Vec<String> {
    let variables = || list(dashboard, "/templating/list");
    let mut faults = Vec::new();
    if !variables().any(|it| is_source(it) && text(it, "/query") == "prometheus") {
        faults.push("no variable chooses the data source".to_owned());
    }
    if !variables().any(|it| text(it, "/name") == "namespace") {
        faults.push("no variable chooses the namespace".to_owned());
    }
    for variable in variables().filter(|it| !is_source(it)) {
        let query = text(variable, "/query/query");
        if label_values(query).is_none() || text(variable, "/datasource/uid") != DATA_SOURCE {
            faults.push(format!("a variable is not label_values of the data source: {query:?}"));
        }
    }
    faults
}

fn is_source(variable: &Value) -> bool {
    text(variable, "/type") == "datasource"
}

fn of_panel(panel: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let description = text(panel, "/description");
    if description.split(' ').count() < 3 || !description.ends_with('.') {
        faults.push(format!("the description is no sentence: {description:?}"));
    }
    if text(panel, "/fieldConfig/defaults/unit").is_empty() {
        faults.push("no unit".to_owned());
    }
    let mut sources = std::iter::once(panel).chain(list(panel, "/targets"));
    if sources.any(|it| text(it, "/datasource/uid") != DATA_SOURCE) {
        faults.push(format!("the data source is not {DATA_SOURCE}"));
    }
    if expressions(panel).next().is_none() {
        faults.push("it asks nothing".to_owned());
    }
    faults
}

fn of_queries(panel: &Value, recorded: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for expression in expressions(panel) {
        if !expression.contains("\"$namespace\"") {
            faults.push(format!("not of one $namespace: {expression}"));
        }
        let ranges = expression.split('[').skip(1).filter_map(|rest| rest.split(']').next());
        let fixed = ranges.map(|range| format!("[{range}]")).filter(|range| range != INTERVAL);
        faults.extend(fixed.map(|range| format!("{range} is the same at every zoom")));
        for name in rules::series(expression) {
            if name.starts_with(OF_FLEETS) {
                faults.push(format!("{name}: read what is recorded of it"));
            }
            if name.starts_with("apifleet:") && !recorded.contains(&name) {
                faults.push(format!("{name} is not recorded"));
            }
        }
    }
    faults
}

fn expressions(panel: &Value) -> impl Iterator<Item = &str> {
    list(panel, "/targets").map(|target| text(target, "/expr"))
}

/// The smallest dashboard without a fault.
fn whole() -> Value {
    let source = json!({"type": "prometheus", "uid": DATA_SOURCE});
    let query = "label_values(apifleet:pods:count, namespace)";
    let expression = "apifleet:pods:count{n=\"$namespace\"} or rate(a_total{n=\"$namespace\"}[$__rate_interval])";
    json!({
        "templating": {"list": [
            {"type": "datasource", "name": "datasource", "query": "prometheus"},
            {"type": "query", "name": "namespace", "datasource": source, "query": {"query": query}},
        ]},
        "panels": [{
            "title": "Pods", "description": "Pods that are scraped.", "datasource": source,
            "fieldConfig": {"defaults": {"unit": "short"}},
            "targets": [{"expr": expression, "datasource": source}],
        }],
    })
}

//! Dashboards and alerts on the real Prometheus of the run: every panel has rows, not those of its fallback alone, and
//! everything that an alert is made of is there. Whether the dashboards are whole needs no cluster: [`lint`].

mod lint;
mod registered;
mod rules;

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::{Platform, kubectl};
use apifleet_local::stack::{FLEET, MIN, NAMESPACE, Stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("every_panel_says_what_it_shows_in_which_unit_and_of_whom", lint::panels_are_whole),
    ("a_panel_that_is_not_whole_is_found", lint::broken_panels_are_found),
    ("every_panel_and_every_alert_finds_its_series_on_the_real_prometheus", series_are_there),
];

/// The slowest group of rules is evaluated every two minutes, the first time at an instant of Prometheus' choice.
const PATIENCE: Duration = Duration::from_mins(4);
/// What begins the part of a query that is there for want of a row.
const FALLBACK: &str = " or on";
/// By what queries are known that have no row of their own in a healthy run: of what fails, of windows, of spot nodes that
/// are taken.
const QUIET: [&str; 7] = [
    "http_request_deadline_exceeded_total",
    r#"result!="ok""#,
    r#"code=~"5..""#,
    "apifleet:fleet_schedule_floor_replicas:max",
    "apifleet:fleet_prewarm_lateness_seconds:max",
    "apifleet_kubernetes_call_failures_total",
    "apifleet_spot_pod_removals_total",
];
/// The override that panels and alerts about overrides need.
const WATCHED: Order = Order { name: "watched", action: "Floor" };

/// An override that changes nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) name: &'static str,
    /// `Floor` or `Hold`.
    pub(crate) action: &'static str,
}

fn series_are_there(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    order(stack, WATCHED)?;
    let found = panels_have_rows(stack).and_then(|()| alerts_have_series(stack));
    kubectl(stack, &["delete", "fleetoverride", WATCHED.name])?;
    found
}

fn panels_have_rows(stack: &Stack) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    let mut quiet: BTreeSet<&str> = BTreeSet::new();
    for (file, dashboard) in dashboards()? {
        let chosen = choose(stack, &dashboard, end).with_context(|| file.clone())?;
        for panel in list(&dashboard, "/panels") {
            for target in list(panel, "/targets") {
                let query = fill(text(target, "/expr"), &chosen);
                ensure!(!query.contains('$'), "{file}: something is left open in {query}");
                let title = text(panel, "/title");
                let rows = own_rows(stack, &query, end);
                quiet.extend(rows.with_context(|| format!("{file}: {title}"))?);
            }
        }
    }
    ensure!(quiet.len() == QUIET.len(), "of {QUIET:?} panels ask only for {quiet:?}");
    Ok(())
}

/// A fallback always has rows, so what comes before it must have some; or it is quiet, which is returned, and made of series
/// that our programs have.
fn own_rows(stack: &Stack, query: &str, end: Instant) -> Result<Option<&'static str>> {
    await_rows(stack, query, end)?;
    let Some((own, _)) = query.split_once(FALLBACK) else { return Ok(None) };
    let quiet = QUIET.into_iter().find(|part| own.contains(*part));
    if quiet.is_some() {
        exists(stack, own)?;
    } else {
        await_rows(stack, own, end)?;
    }
    Ok(quiet)
}

/// What it is made of has a row, or is recorded or registered for the day on which there is something to show.
fn exists(stack: &Stack, query: &str) -> Result<()> {
    let (registered, recorded) = (registered::names()?, rules::recorded()?);
    let names = rules::made_of(rules::series(query))?;
    ensure!(!names.is_empty(), "no series of ours in {query}");
    for name in names {
        let known = registered.contains(&name) || recorded.contains_key(&name);
        let found = known || !stack.query(&format!("count({name})"))?.is_empty();
        ensure!(found, "none of our programs has {name}");
    }
    Ok(())
}

fn alerts_have_series(stack: &Stack) -> Result<()> {
    let series = rules::of_alerts()?;
    ensure!(series.len() > 20, "alerts are made of {series:?} only");
    let end = Instant::now() + PATIENCE;
    series.iter().try_for_each(|name| await_rows(stack, &format!("count({name})"), end).map(drop))
}

/// Orders it of the demo's fleet, which is at its smallest size.
pub(crate) fn order(stack: &Stack, Order { name, action }: Order) -> Result<()> {
    let now = Timestamp::now();
    let mut object = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "fleetRef": {"name": FLEET}, "action": action,
            "notBefore": now.to_string(),
            "expiresAt": now.checked_add(SignedDuration::from_mins(30))?.to_string(),
            "reason": "alerts about orders need one", "requestedBy": crate::orders::ADMINISTRATOR,
        },
    });
    let spec = object.pointer_mut("/spec").and_then(Value::as_object_mut);
    if let Some(spec) = spec.filter(|_| action == "Floor") {
        spec.insert("replicas".into(), json!(MIN));
    }
    stack.cluster().apply(&object.to_string())?;
    Ok(())
}

/// Every dashboard by the name of its file.
fn dashboards() -> Result<Vec<(String, Value)>> {
    let folder = Platform::workspace().join("deploy/dashboards");
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<(String, Value)> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("read {name}"))?;
    let dashboard = serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))?;
    Ok((name, dashboard))
}

/// A value for each variable, as somebody who looks at the demo's fleet would choose it.
fn choose(stack: &Stack, dashboard: &Value, end: Instant) -> Result<BTreeMap<String, String>> {
    let mut chosen = BTreeMap::new();
    for variable in list(dashboard, "/templating/list") {
        if text(variable, "/type") != "query" {
            continue;
        }
        let (name, query) = (text(variable, "/name"), text(variable, "/query/query"));
        let (series, label) = lint::label_values(query).with_context(|| query.to_owned())?;
        let query = format!("group by ({label}) ({})", fill(series, &chosen));
        let rows = await_rows(stack, &query, end)?;
        let values = rows.iter().map(|row| text(row, &format!("/metric/{label}")));
        let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        let ours = values.iter().find(|value| [NAMESPACE, FLEET].contains(value));
        let value = ours.or(values.first()).with_context(|| format!("{query}: no value"))?;
        chosen.insert(name.to_owned(), (*value).to_owned());
    }
    Ok(chosen)
}

/// Puts values for variables, as Grafana does.
fn fill(query: &str, chosen: &BTreeMap<String, String>) -> String {
    let query = query.replace("$__rate_interval", "1m");
    chosen.iter().fold(query, |query, (name, value)| query.replace(&format!("${name}"), value))
}

fn await_rows(stack: &Stack, query: &str, end: Instant) -> Result<Vec<Value>> {
    loop {
        let rows = stack.query(query)?;
        if !rows.is_empty() {
            return Ok(rows);
        }
        ensure!(Instant::now() < end, "no row for {query}");
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

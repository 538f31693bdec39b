//! Policies for people: the table of all, and one with what it says. Pure.

use super::followers::{Follower, table as followers};
use crate::page::Page;
use crate::table::{Grid, Text, Tone, known, plain, toned};
use crate::time::Clock;
use apifleet_crds::ScalingPolicy;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// A policy as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What one replica carries well, in requests per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_per_replica: Option<i32>,
    /// The latency that is guarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_target_milliseconds: Option<i32>,
    /// The largest share on spot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_max_percent: Option<i32>,
    /// Its schedules.
    pub schedules: usize,
    /// How many fleets follow it; absent where they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleets: Option<usize>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

// === impl Row ===

impl Row {
    /// The row of a policy that so many fleets follow.
    #[must_use]
    pub fn new(policy: &ScalingPolicy, fleets: Option<usize>) -> Self {
        let ScalingPolicy { metadata, spec } = policy;
        let signals = spec.signals.as_ref();
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            target_per_replica: signals
                .and_then(|signals| signals.request_rate.as_ref())
                .and_then(|rate| rate.target_per_replica),
            latency_target_milliseconds: signals
                .and_then(|signals| signals.latency.as_ref())
                .and_then(|latency| latency.target_milliseconds),
            spot_max_percent: spec.spot.as_ref().and_then(|spot| spot.max_percent),
            schedules: spec.schedules.as_ref().map_or(0, Vec::len),
            fleets,
            description: spec.description.clone(),
            created_at: metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }

    fn cells(&self, namespaces: bool, clock: &Clock) -> Vec<Text> {
        let namespace = namespaces.then(|| plain(&self.namespace));
        let cells = [
            plain(&self.name),
            known(self.target_per_replica),
            known(self.latency_target_milliseconds.map(|target| format!("{target} ms"))),
            known(self.spot_max_percent),
            plain(self.schedules.to_string()),
            known(self.fleets),
            known(self.created_at.map(|at| clock.ago(at))),
            known(self.description.as_ref()),
        ];
        namespace.into_iter().chain(cells).collect()
    }
}

/// The policies as a table.
#[must_use]
pub fn list(rows: &[Row], namespaces: bool, clock: &Clock) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let usual = ["NAME", "TARGET", "LATENCY", "SPOT%", "SCHEDULES", "FLEETS", "AGE", "DESCRIPTION"];
    let titles = namespaces.then_some("NAMESPACE").into_iter().chain(usual);
    let mut grid = Grid::titled(titles.collect());
    for row in rows {
        grid.push(row.cells(namespaces, clock));
    }
    grid.render(None)
}

/// What is said beside the table.
#[must_use]
pub fn summary(rows: &[Row], namespace: Option<&str>) -> String {
    match (rows.len(), namespace) {
        (0, Some(namespace)) => {
            format!("no policies in namespace {namespace}; -A shows those of all")
        }
        (0, None) => "no policies in this cluster; some to start from are in policies/".to_owned(),
        (1, _) => "1 policy".to_owned(),
        (count, _) => format!("{count} policies"),
    }
}

/// One policy: what it says, and who follows it. `document` is its spec as it is stored.
#[must_use]
pub fn one(
    policy: &ScalingPolicy,
    document: &Value,
    follow: &[Follower],
    width: Option<u16>,
) -> String {
    let row = Row::new(policy, None);
    let mut says = Grid::titled(vec!["FIELD", "VALUE"]);
    for (path, value) in crate::explain::effective::leaves("spec", document) {
        if path != "spec.description" {
            says.push(vec![plain(path), plain(value)]);
        }
    }
    let mut description = Grid::default();
    if let Some(text) = row.description {
        description.push(vec![plain(text)]);
    }
    Page::new(width)
        .line([toned(Tone::Strong, format!("{}/{}", row.namespace, row.name))])
        .grid(&description)
        .section(&says)
        .section(&follows(follow))
        .finish()
}

/// Who follows a policy that does not change: what they take.
fn follows(follow: &[Follower]) -> Grid {
    if follow.is_empty() {
        let mut none = Grid::default();
        none.push(vec![toned(
            Tone::Dim,
            "no fleet follows it: spec.policyRef of a fleet names its policy",
        )]);
        return none;
    }
    followers(follow, false)
}

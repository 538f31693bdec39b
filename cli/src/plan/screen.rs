//! A plan as people and programs are shown it: a plain value ([`View`]) and its screen. Pure.

use super::Planned;
use super::prices::Price;
use super::sizes::{Fleet, Group, Left};
use crate::page::Page;
use crate::table::{Grid, Tone, plain, toned};
use crate::time::short;
use apifleet_core::Rps;
use apifleet_sim::report::words::count;
use jiff::SignedDuration;
use serde::Serialize;
use std::num::NonZeroU32;

/// Hours of thirty days.
const MONTH_HOURS: f64 = 30.0 * 24.0;

/// A plan as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    name: String,
    per_replica_requests_per_second: f64,
    quiet: Size,
    peak: Size,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<u64>,
    node: String,
    replicas_per_node: u32,
    zones: u32,
    groups: Groups,
    connections: Connections,
    losses: Vec<Loss>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
}

/// A fleet under a load.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Size {
    requests_per_second: f64,
    replicas: u32,
    on_demand: u32,
    spot: u32,
    nodes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_per_hour: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    on_demand: Nodes,
    #[serde(skip_serializing_if = "Option::is_none")]
    spot: Option<Nodes>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Nodes {
    min_nodes: u32,
    max_nodes: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    pods: u32,
    per_replica: u32,
    needed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<u32>,
}

/// What is left after a loss at the peak.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Loss {
    of: &'static str,
    replicas: u32,
    left: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent_of_target: Option<u32>,
    survived: bool,
}

// === impl View ===

impl View {
    /// The plan for these fleets, with so many replicas on a node.
    #[must_use]
    pub fn new(
        planned: &Planned,
        (quiet, peak): (Fleet, Fleet),
        per_node: NonZeroU32,
        price: Option<&Price>,
    ) -> Self {
        let ground = &planned.ground;
        let (on_demand, spot) = ground.groups(quiet, peak, per_node);
        let pods = ground.pods_at_once(peak);
        let per_replica = planned.database.per_replica;
        Self {
            name: planned.name.to_string(),
            per_replica_requests_per_second: planned.load.per_replica.get(),
            quiet: Size::new(quiet, per_node, price),
            peak: Size::new(peak, per_node, price),
            users: planned.load.users,
            node: ground.node.label(),
            replicas_per_node: per_node.get(),
            zones: ground.zones.get(),
            groups: Groups { on_demand: on_demand.into(), spot: spot.map(Nodes::from) },
            connections: Connections {
                pods,
                per_replica,
                needed: u64::from(pods) * u64::from(per_replica),
                available: planned.database.limit,
            },
            losses: losses(planned, peak, per_node),
            currency: price.map(|price| price.currency.clone()),
        }
    }

    /// What has to be known about the plan.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let Connections { pods, per_replica, needed, available } = &self.connections;
        let short = available.filter(|available| u64::from(*available) < *needed).map(|available| {
            let carried = (available / per_replica).saturating_sub(pods.saturating_sub(self.peak.replicas));
            format!(
                "{available} connections carry {carried} replicas with room for a rollout, not the {} of the peak: raise \
                 them, or lower --connections",
                self.peak.replicas
            )
        });
        short.into_iter().collect()
    }
}

impl Size {
    fn new(fleet: Fleet, per_node: NonZeroU32, price: Option<&Price>) -> Self {
        let nodes = |replicas: u32| replicas.div_ceil(per_node.get());
        let (on_demand, spot) = (nodes(fleet.on_demand), nodes(fleet.spot));
        Self {
            requests_per_second: fleet.rate.get(),
            replicas: fleet.replicas,
            on_demand: fleet.on_demand,
            spot: fleet.spot,
            nodes: on_demand + spot,
            cost_per_hour: price.map(|price| price.hour(on_demand, spot)),
        }
    }
}

impl From<Group> for Nodes {
    fn from(Group { min, max }: Group) -> Self {
        Self { min_nodes: min, max_nodes: max }
    }
}

/// Of one node, of the spot nodes of one zone, and of all spot nodes.
fn losses(planned: &Planned, peak: Fleet, per_node: NonZeroU32) -> Vec<Loss> {
    let loss = |of, lost| Loss::new(of, planned.load.after(peak, lost));
    let node = loss("one node", per_node.get());
    let spot = (peak.spot > 0).then(|| {
        [
            loss("the spot nodes of a zone", planned.ground.of_a_zone(peak)),
            loss("every spot node", peak.spot),
        ]
    });
    std::iter::once(node).chain(spot.into_iter().flatten()).collect()
}

impl Loss {
    fn new(of: &'static str, after: Left) -> Self {
        let Left { lost, left, percent } = after;
        Self { of, replicas: lost, left, percent_of_target: percent, survived: after.is_survived() }
    }

    fn sentence(&self) -> String {
        let Self { of: _, replicas, left, percent_of_target, survived } = self;
        let each = percent_of_target.map_or_else(
            || "nothing is left".to_owned(),
            |percent| format!("the other {left} carry {percent} % of their target each"),
        );
        let then = if *survived {
            ""
        } else {
            ": what can wait is refused until replicas have come on demand"
        };
        let lost =
            if *replicas == 1 { "1 replica".to_owned() } else { format!("{replicas} replicas") };
        format!("{lost}; {each}{then}")
    }
}

/// The plan for people.
#[must_use]
pub fn screen(view: &View, width: Option<u16>) -> String {
    Page::new(width)
        .line([
            toned(Tone::Strong, &view.name),
            plain(format!("{}..{} replicas", view.quiet.replicas, view.peak.replicas)),
            plain(format!(
                "{} each",
                Rps::new(view.per_replica_requests_per_second).unwrap_or_default()
            )),
        ])
        .section(&sizes(view))
        .section(&facts(view))
        .finish()
}

fn sizes(view: &View) -> Grid {
    let mut titles = vec!["", "REQUESTS/S", "REPLICAS", "ON DEMAND", "SPOT", "NODES"];
    titles.extend(view.currency.as_ref().map(|_| "COST/H"));
    let mut grid = Grid::titled(titles);
    for (name, size) in [("quiet", &view.quiet), ("peak", &view.peak)] {
        let numbers = [size.replicas, size.on_demand, size.spot, size.nodes];
        let cells = [plain(name), plain(count(size.requests_per_second.round()))];
        let cost = size.cost_per_hour.map(|cost| plain(format!("{cost:.2}")));
        let numbers = numbers.into_iter().map(|number| plain(number.to_string()));
        grid.push(cells.into_iter().chain(numbers).chain(cost).collect());
    }
    grid
}

fn facts(view: &View) -> Grid {
    let mut grid = Grid::default();
    let mut push = |name: &str, what: &str, text: String| {
        grid.push(vec![toned(Tone::Dim, name), plain(what), plain(text)]);
    };
    if let Some(users) = view.users {
        push("users", &count_of(users), every(users, view.peak.requests_per_second));
    }
    let each = view.replicas_per_node;
    let places = if each == 1 { "1 replica".to_owned() } else { format!("{each} replicas") };
    push("node", &view.node, format!("{places} on each"));
    let Nodes { min_nodes, max_nodes } = view.groups.on_demand;
    let alone =
        view.groups.spot.as_ref().map_or("", |_| ": it must take everything when spot is gone");
    push("groups", "on demand", format!("{min_nodes} to {max_nodes} nodes{alone}"));
    if let Some(Nodes { min_nodes, max_nodes }) = view.groups.spot {
        push("", "spot", format!("{min_nodes} to {max_nodes} nodes over {} zones", view.zones));
    }
    let Connections { pods, per_replica, needed, available } = &view.connections;
    let of = available.map_or_else(String::new, |available| format!(" of {available}"));
    let text = format!("{pods} pods of {per_replica}, those of a rollout included");
    push("connections", &format!("{needed}{of}"), text);
    for (number, loss) in view.losses.iter().enumerate() {
        push(if number == 0 { "loss" } else { "" }, loss.of, loss.sentence());
    }
    if let Some((cost, text)) = month(view) {
        push("30 days", &cost, text);
    }
    grid
}

/// How often each of them asks.
fn every(users: u64, rate: f64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "people are counted roughly")]
    let seconds = users as f64 / rate;
    #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, and it is a rough length")]
    let every = SignedDuration::from_secs(seconds.round() as i64);
    format!("one request of each in {} at the peak", short(every))
}

fn count_of(users: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "people are counted roughly")]
    let users = users as f64;
    count(users)
}

/// What a month costs at least and at most.
fn month(view: &View) -> Option<(String, String)> {
    let (least, most) = view.quiet.cost_per_hour.zip(view.peak.cost_per_hour)?;
    let cost = |hour: f64| count((hour * MONTH_HOURS).round());
    let currency = view.currency.as_deref().unwrap_or_default();
    let text = "of nodes, if it were always quiet, and always at the peak".to_owned();
    Some((format!("{} to {} {currency}", cost(least), cost(most)), text))
}

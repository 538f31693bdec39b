//! What is ordered and what was: a table, or a document. Pure.

use super::effect::words;
use crate::settings::Columns;
use crate::table::{Grid, Text, Tone, plain, toned};
use crate::time::Clock;
use apifleet_crds::{FleetOverride, FleetOverrideStatus, OverrideIntent};
use jiff::Timestamp;
use serde::Serialize;

/// What has become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum State {
    /// It counts.
    InForce,
    /// It is due and gives way to another one.
    Superseded,
    /// It is due and the operator has not said anything of it.
    NotTakenUp,
    /// It begins later.
    Coming,
    /// It is over.
    Ended,
}

/// An order as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The fleet that it is about.
    pub fleet: String,
    /// What is ordered, in a few words.
    pub order: String,
    /// What has become of it.
    pub state: State,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who ordered it.
    pub requested_by: String,
    /// Why.
    pub reason: String,
}

/// The document.
#[derive(Debug, Serialize)]
pub struct OrderList {
    /// Those that matter now first, then the latest.
    pub items: Vec<OrderView>,
}

// === impl State ===

impl State {
    /// What matters now comes first.
    fn rank(self) -> u8 {
        match self {
            Self::InForce | Self::Superseded | Self::NotTakenUp => 0,
            Self::Coming => 1,
            Self::Ended => 2,
        }
    }
}

// === impl OrderView ===

impl OrderView {
    /// The order as it is shown at `now`; `None` where it means nothing.
    #[must_use]
    pub fn new(order: &FleetOverride, now: Timestamp) -> Option<Self> {
        let intent = OverrideIntent::try_from(order).ok()?;
        Some(Self {
            namespace: order.metadata.namespace.clone().unwrap_or_default(),
            name: intent.order.name.to_string(),
            fleet: intent.fleet.as_str().to_owned(),
            order: words(&intent.order),
            state: state(&intent, order.status.as_ref(), now),
            not_before: intent.order.not_before,
            expires_at: intent.order.expires_at,
            requested_by: intent.requested_by,
            reason: intent.reason,
        })
    }
}

// === impl OrderList ===

impl OrderList {
    /// The orders as they are shown at `now`.
    #[must_use]
    pub fn new(orders: &[FleetOverride], now: Timestamp) -> Self {
        let mut items: Vec<_> =
            orders.iter().filter_map(|order| OrderView::new(order, now)).collect();
        items.sort_by(|one, other| {
            let ends = one.expires_at.cmp(&other.expires_at);
            let ends = if one.state == State::Ended { ends.reverse() } else { ends };
            let names = (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name));
            one.state.rank().cmp(&other.state.rank()).then(ends).then(names)
        });
        Self { items }
    }

    /// The table.
    #[must_use]
    pub fn table(&self, namespaces: bool, columns: Columns, clock: &Clock) -> String {
        let wide = columns == Columns::Wide;
        let mut header = vec!["FLEET", "OVERRIDE", "ORDER", "STATE", "UNTIL", "BY", "REASON"];
        if wide {
            header.insert(4, "FROM");
        }
        if namespaces {
            header.insert(0, "NAMESPACE");
        }
        let mut grid = Grid::titled(header);
        for order in &self.items {
            let mut row = row(order, clock);
            if wide {
                row.insert(4, plain(clock.instant(order.not_before)));
            }
            if namespaces {
                row.insert(0, plain(&order.namespace));
            }
            grid.push(row);
        }
        if grid.is_empty() { String::new() } else { grid.render(None) }
    }

    /// What the table comes to, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let over = self.items.iter().filter(|order| order.state == State::Ended).count();
        match (self.items.len() - over, over) {
            (0, 0) => "nothing is ordered, nor was in the last 7 days".to_owned(),
            (open, over) => format!("{open} ordered, {over} ended in the last 7 days"),
        }
    }
}

fn row(order: &OrderView, clock: &Clock) -> Vec<Text> {
    let later =
        format!("{} (in {})", clock.instant(order.expires_at), clock.until(order.expires_at));
    let (state, tone, until) = match order.state {
        State::InForce => ("InForce", Tone::Good, later),
        State::Superseded => ("Superseded", Tone::Note, later),
        State::NotTakenUp => ("NotTakenUp", Tone::Note, later),
        State::Coming => ("Coming", Tone::Plain, later),
        State::Ended => {
            let (at, ago) = (clock.instant(order.expires_at), clock.ago(order.expires_at));
            ("Ended", Tone::Dim, format!("{at} ({ago} ago)"))
        }
    };
    vec![
        plain(&order.fleet),
        toned(Tone::Strong, &order.name),
        plain(&order.order),
        toned(tone, state),
        plain(until),
        plain(&order.requested_by),
        plain(&order.reason),
    ]
}

fn state(intent: &OverrideIntent, status: Option<&FleetOverrideStatus>, now: Timestamp) -> State {
    if intent.order.not_before > now {
        return State::Coming;
    }
    if intent.order.expires_at <= now {
        return State::Ended;
    }
    match status.and_then(FleetOverrideStatus::in_force) {
        None => State::NotTakenUp,
        Some(condition) if condition.status == "True" => State::InForce,
        Some(_) => State::Superseded,
    }
}

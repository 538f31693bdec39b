//! What an order makes of a fleet: its size and its bounds before and after, and when each order ends. Pure.
//!
//! The size afterwards is decided by the function that the operator uses, on what the fleet's status holds. Where that
//! is not enough, it says why and shows the bounds alone: whoever is on call is not kept from ordering something.

use super::end::whole_seconds;
use crate::explain::Assumption;
use crate::explain::what_if::Replayed;
use crate::page::Page;
use crate::table::{Grid, Tone, known, plain, toned};
use crate::time::{Clock, short};
use crate::view::{FleetView, mode};
use apifleet_core::Replicas;
use apifleet_core::decision::Standing;
use apifleet_core::name::Name;
use apifleet_core::overrides::orders::{Orders, standings};
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_crds::convert::count as whole;
use apifleet_crds::spec::Mode;
use apifleet_crds::{ApiFleet, FleetOverride, OverrideIntent};
use jiff::Timestamp;

/// A fleet, and what is ordered of it before and after.
pub struct Effect<'a> {
    /// The fleet as it is decided.
    pub fleet: &'a ApiFleet,
    /// What is ordered.
    pub before: Vec<Override>,
    /// What will be.
    pub after: Vec<Override>,
}

/// What overrides order, as far as they mean something.
#[must_use]
pub fn orders(overrides: &[FleetOverride]) -> Vec<Override> {
    let meant = overrides.iter().filter_map(|order| OverrideIntent::try_from(order).ok());
    meant.map(|intent| intent.order).collect()
}

// === impl Effect ===

impl Effect<'_> {
    /// For people.
    #[must_use]
    pub fn render(&self, clock: &Clock, width: Option<u16>) -> String {
        let view = FleetView::new(self.fleet, clock.now);
        let mut title = vec![toned(Tone::Strong, view.key())];
        title.extend(view.status.as_ref().map(plain));
        let after = Replayed::new(self.fleet, &self.after, &Assumption::default(), clock.now);
        let after = after.map(|it| (it.desired, it.settles_at)).map_err(|error| error.to_string());
        let mut grid = Grid::titled(vec!["", "BEFORE", "AFTER"]);
        grid.push(vec![
            toned(Tone::Dim, "replicas"),
            known(size(&view)),
            after.as_ref().map_or_else(|_| toned(Tone::Dim, "not known"), |it| plain(course(*it))),
        ]);
        grid.push(vec![
            toned(Tone::Dim, "between"),
            plain(self.bounds(&self.before, clock.now)),
            plain(self.bounds(&self.after, clock.now)),
        ]);
        self.push_orders(&mut grid, clock);
        let unsaid = after
            .err()
            .filter(|why| !view.notices.iter().any(|notice| why.contains(notice.as_str())));
        Page::new(width)
            .line(title)
            .notices(&view.notices)
            .notices(&self.notices(unsaid, clock.now))
            .section(&grid)
            .finish()
    }

    /// The sizes that the fleet may have, apart from what demand asks for.
    fn bounds(&self, orders: &[Override], now: Timestamp) -> String {
        let spec = &self.fleet.spec;
        let (min, max) = (spec.min_replicas, spec.max_replicas);
        let orders = Orders::at(orders, now);
        if orders.hold.is_some() {
            return format!("{min} and {max}, held");
        }
        let within = |size: Replicas| whole(size).clamp(min, max.max(min));
        let ceiling = orders.ceiling.map_or(max, |order| within(order.replicas));
        let floor = orders.floor.map_or(min, |order| within(order.replicas)).min(ceiling);
        if floor == ceiling { floor.to_string() } else { format!("{floor} and {ceiling}") }
    }

    /// A row for each order: first those that stay or go, then those that come.
    fn push_orders(&self, grid: &mut Grid, clock: &Clock) {
        let same =
            |name: Name, orders: &[Override]| orders.iter().find(|it| it.name == name).copied();
        let open = |order: &&Override| order.expires_at > clock.now;
        let stay = self.before.iter().filter(open);
        let come = self.after.iter().filter(open);
        let come = come.filter(|order| same(order.name, &self.before).is_none());
        for (number, order) in stay.chain(come).enumerate() {
            let (before, after) = (same(order.name, &self.before), same(order.name, &self.after));
            let told = |order: &Override| format!("{}, {}", words(order), span(order, clock));
            grid.push(vec![
                toned(Tone::Dim, if number == 0 { "ordered" } else { "" }),
                known(before.as_ref().map(told)),
                match after.filter(|order| open(&order)) {
                    Some(order) => toned(Tone::Strong, told(&order)),
                    None => plain("ends now"),
                },
            ]);
        }
    }

    fn notices(&self, unknown: Option<String>, now: Timestamp) -> Vec<String> {
        let word = mode(self.fleet.spec.mode);
        let partly = (self.fleet.spec.mode != Mode::Enforce)
            .then(|| format!("the fleet is in mode {word}: not every decision is carried out"));
        let unknown = unknown.map(|why| format!("the size afterwards is not known: {why}"));
        let outside = self.after.iter().filter(|order| order.is_due(now));
        let outside = outside.filter_map(|order| self.outside(order.action));
        let beaten =
            standings(&self.after, now).into_iter().filter_map(|active| match active.standing {
                Standing::InForce => None,
                Standing::Superseded { by } => {
                    Some(format!("{} gives way to {by}, so it does not count", active.name))
                }
            });
        partly.into_iter().chain(unknown).chain(outside).chain(beaten).collect()
    }

    /// What counts instead of a size outside the fleet's bounds.
    fn outside(&self, action: Action) -> Option<String> {
        let (size, spec) = (whole(action.replicas()?), &self.fleet.spec);
        let (field, bound) = match size {
            size if size > spec.max_replicas => ("maxReplicas", spec.max_replicas),
            size if size < spec.min_replicas => ("minReplicas", spec.min_replicas),
            _ => return None,
        };
        Some(format!("{field} is {bound}, so {size} counts as {bound}"))
    }
}

/// The size that is wanted, and how many are Ready.
fn size(view: &FleetView) -> Option<String> {
    let wanted = view.desired_replicas?;
    Some(match view.ready_replicas {
        Some(ready) if ready != wanted => format!("{wanted}, {ready} of them Ready"),
        Some(_) | None => wanted.to_string(),
    })
}

fn course((desired, settles_at): (i32, i32)) -> String {
    if desired == settles_at {
        desired.to_string()
    } else {
        format!("{desired} at once, {settles_at} in half an hour")
    }
}

/// What is ordered, in a few words.
#[must_use]
pub fn words(order: &Override) -> String {
    let size = order.action.replicas().map(|size| format!(" {size}")).unwrap_or_default();
    let pace = match order.pace {
        Pace::Immediate if order.action != Action::Hold => " at once",
        Pace::Immediate | Pace::Gradual => "",
    };
    format!("{}{size}{pace}", order.action.as_str())
}

fn span(order: &Override, clock: &Clock) -> String {
    let end = format!("until {}", ends(order.expires_at, clock));
    if order.not_before > clock.now {
        return format!("from {} {end}", clock.instant_with_utc(order.not_before));
    }
    end
}

/// An end: on the reader's clock, in UTC, and how far away.
#[must_use]
pub fn ends(at: Timestamp, clock: &Clock) -> String {
    let left = short(at.duration_since(whole_seconds(clock.now)));
    format!("{} (in {left})", clock.instant_with_utc(at))
}

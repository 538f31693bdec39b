//! The table of fleets: one row each, the columns of `kubectl get apifleets`.

use super::screen::headline;
use crate::table::{Grid, Text, Tone, known, plain, toned};
use crate::time::Clock;
use crate::view::FleetView;
use crate::view::signals::SignalView;

/// Which columns are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Whether fleets of several namespaces are shown.
    pub namespaces: bool,
    /// Whether the further columns are.
    pub wide: bool,
}

/// Rows that come one by one: the widths of the first are kept, so that later ones line up.
pub struct Stream {
    shown: Shown,
    widths: Vec<usize>,
}

/// The table.
#[must_use]
pub fn table(views: &[FleetView], shown: Shown, clock: &Clock) -> String {
    if views.is_empty() {
        return String::new();
    }
    let mut grid = Grid::titled(shown.titles());
    for view in views {
        grid.push(shown.row(view, clock));
    }
    // Never wrapped: rows are what people search in.
    grid.render(None)
}

/// What is said beside the table.
#[must_use]
pub fn summary(views: &[FleetView], namespace: Option<&str>) -> String {
    let ready = views.iter().filter(|view| view.ready).count();
    let unheard = views.iter().filter(|view| view.status.is_none()).count();
    match (views.len(), namespace) {
        (0, Some(namespace)) => {
            format!("no fleets in namespace {namespace}; -A shows those of all")
        }
        (0, None) => "no fleets in this cluster".to_owned(),
        (all, _) => {
            let unheard = match unheard {
                0 => String::new(),
                some => format!(", {some} not reported on yet: is the operator running?"),
            };
            format!("{all} {}, {ready} ready{unheard}", if all == 1 { "fleet" } else { "fleets" })
        }
    }
}

// === impl Shown ===

impl Shown {
    fn titles(self) -> Vec<&'static str> {
        let namespace = self.namespaces.then_some("NAMESPACE");
        let usual =
            ["NAME", "DESIRED", "READY", "MIN", "MAX", "RPS", "LATENCY", "WHY", "STATUS", "AGE"];
        let wide: &[&str] = if self.wide { &["MODE", "SCHEDULE", "NEXT", "SPOT%"] } else { &[] };
        namespace.into_iter().chain(usual).chain(wide.iter().copied()).collect()
    }

    fn row(self, view: &FleetView, clock: &Clock) -> Vec<Text> {
        let namespace = self.namespaces.then(|| plain(&view.namespace));
        let measured = || view.signals.iter().flat_map(|signals| &signals.measured);
        let rate = measured().next().and_then(|signal| signal.value);
        let latency = measured().find(|signal| signal.signal.starts_with('p'));
        let usual = [
            plain(&view.name),
            known(view.desired_replicas),
            ready(view),
            known(view.min_replicas),
            known(view.max_replicas),
            known(rate),
            known(latency.and_then(SignalView::shown)),
            known(view.decision.as_ref().map(|decision| &decision.reason)),
            headline(view),
            known(view.created_at.map(|at| clock.ago(at))),
        ];
        let next = view.decision.as_ref().and_then(|decision| decision.next.as_ref());
        let wide = [
            plain(view.mode),
            known(view.schedule.as_ref().map(|schedule| &schedule.name)),
            known(next.map(|next| format!("{} in {}", next.replicas, clock.until(next.at)))),
            known(view.spot.as_ref().and_then(|spot| spot.share_percent)),
        ];
        let wide = wide.into_iter().filter(|_| self.wide);
        namespace.into_iter().chain(usual).chain(wide).collect()
    }
}

fn ready(view: &FleetView) -> Text {
    let Some(ready) = view.ready_replicas else { return known(None::<i32>) };
    let short = view.desired_replicas.is_some_and(|desired| ready < desired);
    toned(if short { Tone::Note } else { Tone::Plain }, ready.to_string())
}

// === impl Stream ===

impl Stream {
    /// A stream of rows, which begins with the titles.
    #[must_use]
    pub fn new(shown: Shown) -> Self {
        Self { shown, widths: Vec::new() }
    }

    /// The next row; the first comes with the titles.
    #[must_use]
    pub fn row(&mut self, view: &FleetView, clock: &Clock) -> String {
        let row = self.shown.row(view, clock);
        let first = self.widths.is_empty();
        if first {
            self.widths = self
                .shown
                .titles()
                .iter()
                .zip(&row)
                .map(|(title, cell)| title.len().max(cell.width()).max(8))
                .collect();
        }
        let mut grid = if first { Grid::titled(self.shown.titles()) } else { Grid::default() };
        grid.push(row);
        grid.render_with(&self.widths)
    }
}

//! The table of fleets: one row each, the columns of `kubectl get apifleets`.

use super::screen::headline;
use crate::table::{Grid, Text, Tone, known, line_width, plain, toned};
use crate::time::Clock;
use crate::view::FleetView;
use crate::view::signals::SignalView;

/// The columns that a narrow terminal does without, one after the other, so that why and status are seen; `-o wide` has
/// all of them.
const SPARED: [&str; 6] = ["MIN", "MAX", "LATENCY", "AGE", "RPS", "DESIRED"];

/// Which columns are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Whether fleets of several namespaces are shown.
    pub namespaces: bool,
    /// Whether the further columns are.
    pub wide: bool,
    /// The width of the reader's terminal, where there is one.
    pub width: Option<u16>,
}

/// Rows that come one by one: the columns and widths of the first are kept, so that later ones line up.
pub struct Stream {
    shown: Shown,
    spared: usize,
    widths: Vec<usize>,
}

/// The table.
#[must_use]
pub fn table(views: &[FleetView], shown: Shown, clock: &Clock) -> String {
    if views.is_empty() {
        return String::new();
    }
    let grid = |spared| {
        let mut grid = Grid::titled(shown.titles(spared));
        for view in views {
            grid.push(shown.row(view, clock, spared));
        }
        grid
    };
    // Never wrapped: rows are what people search in.
    grid(shown.spared(|spared| grid(spared).width())).render(None)
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
    /// How many columns have to be spared for rows to fit; `wide_without` tells how wide they are without so many.
    fn spared(self, wide_without: impl Fn(usize) -> usize) -> usize {
        let fits = |spared: &usize| {
            self.width.is_none_or(|width| wide_without(*spared) <= usize::from(width))
        };
        (0..SPARED.len()).find(fits).unwrap_or(SPARED.len())
    }

    /// Whether a column is there where so many are spared.
    fn has(self, title: &str, spared: usize) -> bool {
        self.wide || !SPARED.iter().take(spared).any(|other| *other == title)
    }

    /// Every column that there may be.
    fn columns(self) -> impl Iterator<Item = &'static str> {
        let namespace = self.namespaces.then_some("NAMESPACE");
        let usual =
            ["NAME", "DESIRED", "READY", "MIN", "MAX", "RPS", "LATENCY", "WHY", "STATUS", "AGE"];
        let wide = ["MODE", "SCHEDULE", "NEXT", "SPOT%"].into_iter().filter(move |_| self.wide);
        namespace.into_iter().chain(usual).chain(wide)
    }

    fn titles(self, spared: usize) -> Vec<&'static str> {
        self.columns().filter(|title| self.has(title, spared)).collect()
    }

    fn row(self, view: &FleetView, clock: &Clock, spared: usize) -> Vec<Text> {
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
        let cells = self.columns().zip(namespace.into_iter().chain(usual).chain(wide));
        cells.filter(|(title, _)| self.has(title, spared)).map(|(_, cell)| cell).collect()
    }

    /// How wide the columns of rows like this one are.
    fn widths(self, view: &FleetView, clock: &Clock, spared: usize) -> Vec<usize> {
        let cells = self.row(view, clock, spared);
        let columns = self.titles(spared).into_iter().zip(&cells);
        columns.map(|(title, cell)| title.len().max(cell.width()).max(8)).collect()
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
        Self { shown, spared: 0, widths: Vec::new() }
    }

    /// The next row; the first comes with the titles.
    #[must_use]
    pub fn row(&mut self, view: &FleetView, clock: &Clock) -> String {
        let (shown, first) = (self.shown, self.widths.is_empty());
        let mut grid = Grid::default();
        if first {
            let widths = |spared| shown.widths(view, clock, spared);
            self.spared = shown.spared(|spared| line_width(&widths(spared)));
            self.widths = widths(self.spared);
            grid = Grid::titled(shown.titles(self.spared));
        }
        grid.push(shown.row(view, clock, self.spared));
        grid.render_with(&self.widths)
    }
}

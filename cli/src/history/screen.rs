//! The changes of a fleet's size for people. Pure.

use super::{Change, History, Source};
use crate::page::Page;
use crate::table::{Grid, Tone, known, plain, toned};
use crate::time::Clock;

/// The changes, newest first.
#[must_use]
pub fn screen(history: &History, clock: &Clock, width: Option<u16>) -> String {
    let title = toned(Tone::Strong, format!("{}/{}", history.namespace, history.name));
    if history.changes.is_empty() {
        return Page::new(width).line([title, plain("no change of its size is known")]).finish();
    }
    let mut grid = Grid::titled(vec!["WHEN", "AGO", "REPLICAS", "REASON", "FROM", "WHY"]);
    for change in &history.changes {
        let sizes = change.previous.zip(change.desired);
        grid.push(vec![
            plain(clock.instant(change.at)),
            plain(clock.ago(change.at)),
            known(sizes.map(|(previous, desired)| format!("{previous} -> {desired}"))),
            plain(&change.reason),
            toned(Tone::Dim, source(change)),
            plain(why(&change.summary)),
        ]);
    }
    Page::new(width).line([title]).section(&grid).finish()
}

/// How many, and from where.
#[must_use]
pub fn summary(history: &History) -> String {
    let of = |source| history.changes.iter().filter(|change| change.source == source).count();
    match (of(Source::Status), of(Source::Event)) {
        (status, 0) => format!("{status} from the status; events tell of no older ones"),
        (status, events) => format!("{status} from the status, {events} older ones from events"),
    }
}

fn source(change: &Change) -> &'static str {
    match change.source {
        Source::Status => "status",
        Source::Event => "event",
    }
}

/// The sentence without the sizes, which have a column.
fn why(summary: &str) -> &str {
    match summary.split_once(" replicas: ") {
        Some((sizes, why)) if sizes.contains("->") => why,
        Some(_) | None => summary,
    }
}

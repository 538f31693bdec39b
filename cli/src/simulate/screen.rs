//! A comparison for people: what was replayed, the answer in a sentence, and a line for each policy.

use crate::page::Page;
use crate::settings::Columns;
use crate::table::{Grid, Text, Tone, plain, toned};
use apifleet_sim::report::{Comparison, Outcome, Role, words};

/// The titles of the columns, after the policy's.
const TITLES: [&str; 7] =
    ["SLOW MINUTES", "UNDER", "REPLICA HOURS", "COST", "CHANGES", "REVERSALS/DAY", "WORST MINUTE"];
/// More of them.
const MORE: [&str; 6] = [
    "UNSERVED PPM",
    "TIME SHORT",
    "TIME OVER",
    "PODS STARTED",
    "REVERSALS/DAY 30M",
    "REACTION P95",
];

/// The comparison.
#[must_use]
pub fn screen(comparison: &Comparison, columns: Columns, width: Option<u16>) -> String {
    let outcomes = comparison.outcomes();
    let mut answer = Grid::default();
    answer.push(vec![toned(Tone::Strong, words::answer(comparison, &outcomes))]);
    let mut facts = Grid::default();
    facts.push(vec![plain(words::facts(&comparison.work))]);
    Page::new(width)
        .grid(&answer)
        .grid(&facts)
        .section(&table(comparison, &outcomes, columns))
        .finish()
}

fn table(comparison: &Comparison, outcomes: &[Outcome], columns: Columns) -> Grid {
    let more = match columns {
        Columns::Usual => &[][..],
        Columns::Wide => &MORE,
    };
    let titles = std::iter::once("POLICY").chain(TITLES).chain(more.iter().copied());
    let mut grid = Grid::titled(titles.collect());
    for outcome in outcomes {
        let name = match outcome.role {
            Role::Ours => toned(Tone::Strong, &outcome.policy),
            Role::Peer => plain(&outcome.policy),
            Role::Fixed | Role::Oracle => toned(Tone::Dim, &outcome.policy),
        };
        let cells = words::cells(outcome, &comparison.work.zone).into_iter().map(plain);
        let more = match columns {
            Columns::Usual => Vec::new(),
            Columns::Wide => wide(outcome).into(),
        };
        grid.push(std::iter::once(name).chain(cells).chain(more).collect());
    }
    grid
}

fn wide(outcome: &Outcome) -> [Text; 6] {
    let score = &outcome.score;
    let reaction = score.reaction_p95_s.map_or_else(|| "-".to_owned(), |it| format!("{it:.0} s"));
    [
        format!("{:.1}", score.unserved_ppm),
        words::share(score.under.time),
        words::share(score.over.time),
        words::count(score.pods_started),
        format!("{:.1}", score.per_day(score.reversals_30min)),
        reaction,
    ]
    .map(plain)
}

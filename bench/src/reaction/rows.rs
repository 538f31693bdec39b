//! The figures of all runs, beside what is asked for. Pure.

use super::SIZE;
use super::contestant::Contestant;
use super::play::Played;
use super::reading::Reaction;
use super::validity::sent_share;
use crate::{Bar, Row};
use apifleet_local::load::Outcome;
use std::collections::BTreeMap;
use std::fmt;

/// What one run showed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    reaction: Reaction,
    /// Requests without a good answer, those of them that the API server refused as too many, those without any
    /// answer, and all.
    failed: u64,
    refused: u64,
    unanswered: u64,
    requests: u64,
    /// As [`sent_share`] says.
    sent: f64,
    /// The fewest and the most requests that a replica had at the end of the full load.
    per_replica: [Option<f64>; 2],
}

/// The runs of one contestant.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Series {
    /// Those that say something.
    pub(crate) runs: Vec<Run>,
    /// How many said nothing.
    pub(crate) void: u32,
}

impl Series {
    /// All runs, those that said nothing too.
    pub(crate) fn played(&self) -> usize {
        self.runs.len() + self.void as usize
    }
}

impl Run {
    /// Read from what was seen.
    pub(crate) fn of(played: &Played) -> Self {
        let outcomes = || played.streams.iter().map(|(_, outcome)| outcome);
        Self {
            reaction: Reaction::of(&played.moments, played.step, SIZE),
            failed: outcomes().map(Outcome::failed).sum(),
            refused: outcomes().map(Outcome::shed).sum(),
            unanswered: outcomes().map(unanswered).sum(),
            requests: outcomes().map(|outcome| outcome.total).sum(),
            sent: sent_share(played),
            per_replica: spread_of(&played.per_replica),
        }
    }
}

fn unanswered(outcome: &Outcome) -> u64 {
    outcome.total.saturating_sub(outcome.by_status.values().sum())
}

/// The smallest and the largest.
fn spread_of(values: &[f64]) -> [Option<f64>; 2] {
    let values = || values.iter().copied();
    [values().reduce(f64::min), values().reduce(f64::max)]
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |value: Option<f64>| {
            value.map_or_else(|| "never".to_owned(), |value| format!("{value:.1} s"))
        };
        let Reaction { decision, wanted, ready } = self.reaction;
        write!(
            f,
            "decision {}, {max} wanted {}, {max} Ready {}; of {} requests {} failed, {} of them refused and {} not answered",
            seconds(decision),
            seconds(wanted),
            seconds(ready),
            self.requests,
            self.failed,
            self.refused,
            self.unanswered,
            max = SIZE.max,
        )
    }
}

/// The rows of everyone's runs.
pub(crate) fn of(all: &BTreeMap<Contestant, Series>) -> Vec<Row> {
    all.iter().flat_map(|(contestant, series)| rows_of(*contestant, series)).collect()
}

/// A figure of one run.
type Figure = fn(&Run) -> Option<f64>;

#[allow(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn rows_of(contestant: Contestant, Series { runs, void }: &Series) -> Vec<Row> {
    let name = |figure: &str| format!("reaction.{contestant}.{figure}");
    let asked = |row: Row, bar: Bar| match contestant {
        Contestant::ApiFleet => row.against(bar),
        // Nothing is asked of a peer.
        Contestant::Keda(_) => row,
    };
    let requests = |figure: &str, value: fn(&Run) -> u64| {
        let values: Vec<_> = runs.iter().map(|run| value(run) as f64).collect();
        Row::sum(name(figure), "requests", &values)
    };
    let median = |figure: &str, unit: &str, value: Figure| {
        Row::median(name(figure), unit, &runs.iter().map(value).collect::<Vec<_>>())
    };
    let seconds = |figure: &str, value: Figure, bar: Bar| asked(median(figure, "s", value), bar);
    let reached: Vec<_> = runs.iter().map(|run| run.reaction.ready.is_some()).collect();
    vec![
        seconds("decision_s", |run| run.reaction.decision, Bar::AtMost(8.0)),
        seconds("wanted_s", |run| run.reaction.wanted, Bar::AtMost(25.0)),
        seconds("ready_s", |run| run.reaction.ready, Bar::AtMost(29.0)),
        asked(Row::share(name("reached"), &reached), Bar::AtLeast(100.0)),
        requests("failed", |run| run.failed),
        requests("unanswered", |run| run.unanswered),
        median("sent", "% of the rate", |run| Some(run.sent * 100.0)),
        median("per_replica_min", "requests", |run| run.per_replica[0]),
        median("per_replica_max", "requests", |run| run.per_replica[1]),
        Row::sum(name("runs"), "runs", &[runs.len() as f64]),
        Row::sum(name("void"), "runs", &[f64::from(*void)]),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::contestant::Window;
    use super::super::validity::tests::played;
    use super::*;

    fn run(ready: Option<f64>) -> Run {
        let reaction = Reaction { decision: Some(6.0), wanted: ready, ready };
        let per_replica = spread_of(&[1500.0, 1400.0, 1600.0]);
        Run {
            reaction,
            failed: 3,
            refused: 1,
            unanswered: 2,
            requests: 100,
            sent: 0.999,
            per_replica,
        }
    }

    fn rows(contestant: Contestant, ready: &[Option<f64>]) -> BTreeMap<String, Row> {
        let series = Series { runs: ready.iter().copied().map(run).collect(), void: 1 };
        let rows = of(&BTreeMap::from([(contestant, series)]));
        rows.into_iter().map(|row| (row.name.clone(), row)).collect()
    }

    #[test]
    fn ours_is_held_against_what_is_asked_for() {
        let rows = rows(Contestant::ApiFleet, &[Some(20.0), Some(40.0), Some(24.0)]);
        let row = |figure: &str| &rows[&format!("reaction.apifleet.{figure}")];
        assert_eq!((row("decision_s").value, row("decision_s").met), (Some(6.0), Some(true)));
        assert_eq!((row("ready_s").value, row("ready_s").bar), (Some(24.0), Some(29.0)));
        assert_eq!((row("reached").value, row("reached").met), (Some(100.0), Some(true)));
        assert_eq!((row("failed").value, row("unanswered").value), (Some(9.0), Some(6.0)));
        assert_eq!(row("per_replica_min").value, Some(1400.0));
        assert_eq!(row("per_replica_max").value, Some(1600.0));
        assert_eq!(row("runs").value, Some(3.0));
        assert_eq!(row("sent").value, Some(99.9));
        assert_eq!(row("void").value, Some(1.0));
    }

    #[test]
    fn one_run_that_stopped_short_fails_what_must_be_reached_every_time() {
        let rows = rows(Contestant::ApiFleet, &[Some(20.0), None, Some(24.0), Some(25.0)]);
        let reached = &rows["reaction.apifleet.reached"];
        assert_eq!((reached.value, reached.met), (Some(75.0), Some(false)));
        assert_eq!(reached.spread, [Some(0.0), Some(100.0)]);
    }

    #[test]
    fn nothing_is_asked_of_peers() {
        let rows = rows(Contestant::Keda(Window::Minute), &[None]);
        assert!(rows.values().all(|row| row.bar.is_none() && row.met.is_none()));
        assert_eq!(rows["reaction.keda-1m.ready_s"].value, None);
        assert_eq!(rows["reaction.keda-1m.reached"].value, Some(0.0));
    }

    #[test]
    fn a_run_reads_as_a_line() {
        let line = Run::of(&played()).to_string();
        assert_eq!(
            line,
            "decision 6.0 s, 30 wanted never, 30 Ready never; of 200 requests 0 failed, 0 of them refused and 0 not answered"
        );
    }
}

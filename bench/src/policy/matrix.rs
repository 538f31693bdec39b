//! The matrix: every contestant in every cell on every trace. Says what is to be run, and files what came of it.

use super::cell::{Cell, MATCHED};
use super::contestants::{Contestant, ORACLE, OURS, STABLE_ORACLE};
use super::figures::{self, Oracles};
use super::outcome::{Outcome, Runs};
use super::play::{Counter, Job, play};
use super::traffic::{DAILY, Traffic};
use super::tuning::Tuned;
use crate::{Bar, Row};
use apifleet_core::Replicas;
use apifleet_core::policy::Bounds;
use apifleet_sim::{Load, Scenario, Trace};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The outcomes by cell and contestant, in the order of their seeds.
pub(crate) type Outcomes = BTreeMap<(Cell, String), Vec<Outcome>>;

/// The contestants of a cell.
fn field<'a>(defaults: &'a [Contestant], tuned: &'a Tuned, cell: Cell) -> Vec<&'a Contestant> {
    defaults.iter().chain(tuned.get(&cell).into_iter().flatten()).collect()
}

/// Seconds that the matrix will simulate.
pub(crate) fn seconds(traffic: &Traffic, contestants: usize, quick: bool) -> u64 {
    let runs: u64 = Cell::all().map(|cell| cell.seeds(quick)).sum();
    runs * contestants as u64 * u64::from(traffic.trace.seconds())
}

/// Runs one trace's part of the matrix.
pub(crate) fn run(
    traffic: &Traffic,
    defaults: &[Contestant],
    tuned: &Tuned,
    quick: bool,
    counter: &Counter<'_>,
) -> Outcomes {
    let mut outcomes = Outcomes::new();
    let most = Cell::all().map(|cell| cell.seeds(quick)).max().unwrap_or(0);
    for seed in 1..=most {
        let load = Load::draw(&traffic.trace, seed);
        let cells = Cell::all().filter(|cell| seed <= cell.seeds(quick));
        let jobs: Vec<_> = cells
            .flat_map(|cell| field(defaults, tuned, cell).into_iter().map(move |who| (cell, who)))
            .filter_map(|(cell, contestant)| {
                let scenario = scenario(&traffic.trace, cell, seed, traffic.unscored())?;
                Some(Job { key: (cell, contestant.name.as_str()), contestant, scenario })
            })
            .collect();
        for ((cell, name), outcome) in play(&load, &jobs, counter) {
            outcomes.entry((cell, name.to_owned())).or_default().push(outcome);
        }
    }
    outcomes
}

/// What is played in a cell; nothing where its sizes are none.
pub(crate) fn scenario(
    trace: &Arc<Trace>,
    cell: Cell,
    seed: u64,
    unscored: u32,
) -> Option<Scenario> {
    let Cell { sizes, lag } = cell;
    let bounds = Bounds::new(Replicas::new(sizes.min), Replicas::new(sizes.max))?;
    Some(Scenario { unscored, ..Scenario::new(Arc::clone(trace), bounds, lag, seed) })
}

/// The rows of a trace.
pub(crate) fn rows(traffic: &Traffic, outcomes: &Outcomes, tuned: &Tuned) -> Vec<Row> {
    let trace = &traffic.name;
    let runs = |cell: Cell, name: &str| {
        let outcomes = outcomes.get(&(cell, name.to_owned())).map_or(&[][..], Vec::as_slice);
        Runs::new(outcomes, traffic.is_long())
    };
    let mut rows = vec![daily_shape(traffic)];
    for (cell, name) in outcomes.keys() {
        let prefix = format!("policy.{trace}.{cell}.{name}");
        let oracles = Oracles { plain: runs(*cell, ORACLE), stable: runs(*cell, STABLE_ORACLE) };
        let own = runs(*cell, name);
        rows.extend(figures::of(&prefix, own, oracles));
        if *cell == MATCHED && OURS.contains(&name.as_str()) {
            let name = format!("{prefix}.cost_ratio_hpa");
            rows.push(figures::cost_ratio(name, "of the HPA", own, runs(*cell, "hpa")));
        }
    }
    rows.extend(knobs(trace, tuned));
    rows
}

/// What the tuned contestants were tuned to.
fn knobs(trace: &str, tuned: &Tuned) -> Vec<Row> {
    let of = |(cell, contestant): (&Cell, &Contestant)| {
        let prefix = format!("policy.{trace}.{cell}.{}.knob", contestant.name);
        let row = |(knob, value): &(String, f64)| {
            Row::measured(format!("{prefix}.{knob}"), "set", *value, [*value, *value])
        };
        contestant.knobs.iter().map(row).collect::<Vec<_>>()
    };
    let all = tuned.iter().flat_map(|(cell, all)| all.iter().map(move |one| (cell, one)));
    all.flat_map(of).collect()
}

fn daily_shape(traffic: &Traffic) -> Row {
    let values = traffic.daily.map(|alike| vec![Some(alike)]).unwrap_or_default();
    Row::median(format!("policy.{}.daily_shape", traffic.name), "correlation", &values)
        .against(Bar::AtLeast(DAILY))
}

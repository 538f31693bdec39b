//! What the default behavior is tuned on: ours with one of its settings changed at a time, and a few changed together,
//! on the first days of the long traces. Those days are never scored by [`crate::policy`].
//!
//! It decides nothing: it shows what each setting buys and costs. The choice, with its reasons, is in
//! `docs/adr/0007-default-behavior.md`.

mod settings;
mod summary;

pub use summary::summary;

use crate::policy::{
    CLAIMED, Cell, Contestant, Counter, HARD, Job, MATCHED, Outcome, Runs, STABLE_ORACLE, figures,
    long_traffic, oracles, play, scenario, versions,
};
use crate::{Error, Machine, Report, Result, Row, commit};
use apifleet_local::progress::Progress;
use apifleet_sim::{Load, Trace};
use settings::Setting;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What it draws from; others than what is scored.
const SEEDS: [u64; 3] = [1001, 1002, 1003];
/// Where settings are compared.
pub(crate) const CELLS: [Cell; 3] = [CLAIMED, HARD, MATCHED];

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The checkout.
    pub workspace: PathBuf,
    /// A folder of traces as CSV; the synthetic campaign where it is not given.
    pub traces: Option<PathBuf>,
    /// Only settings whose name holds this; all where it is not given.
    pub only: Option<String>,
}

/// Measures.
pub fn measure(options: &Options, progress: &dyn Progress) -> Result<Report> {
    let machine = Machine::here();
    let mut settings = settings::all();
    if let Some(text) = &options.only {
        settings.retain(|setting| setting.contestant.name.contains(text));
        if settings.is_empty() {
            return Err(Error::NoSetting { text: text.clone() });
        }
    }
    let mut rows = Vec::new();
    for traffic in long_traffic(options.traces.as_deref())? {
        let Some(trace) = &traffic.first_days else { continue };
        progress.step(format!("{}: {} settings", traffic.name, settings.len()));
        rows.extend(on(&traffic.name, trace, &settings, progress));
    }
    Ok(Report {
        bench: "tune".into(),
        commit: commit(&options.workspace),
        machine,
        versions: versions()?,
        seed: SEEDS.first().copied(),
        rows,
    })
}

/// All settings on one trace.
fn on(name: &str, trace: &Arc<Trace>, settings: &[Setting], progress: &dyn Progress) -> Vec<Row> {
    let oracles = oracles();
    let everyone: Vec<&Contestant> =
        settings.iter().map(|setting| &setting.contestant).chain(&oracles).collect();
    let runs = (everyone.len() * CELLS.len() * SEEDS.len()) as u64;
    let counter = Counter::new("settings", runs * u64::from(trace.seconds()), progress);
    let mut outcomes: BTreeMap<(Cell, &str), Vec<Outcome>> = BTreeMap::new();
    for seed in SEEDS {
        let load = Load::draw(trace, seed);
        let jobs: Vec<_> = CELLS
            .into_iter()
            .flat_map(|cell| everyone.iter().map(move |who| (cell, *who)))
            .filter_map(|(cell, contestant)| {
                let scenario = scenario(trace, cell, seed, 0)?;
                Some(Job { key: (cell, contestant.name.as_str()), contestant, scenario })
            })
            .collect();
        for (key, outcome) in play(&load, &jobs, &counter) {
            outcomes.entry(key).or_default().push(outcome);
        }
    }
    let runs =
        |cell, who| Runs::new(outcomes.get(&(cell, who)).map_or(&[][..], Vec::as_slice), true);
    let each = CELLS.into_iter().flat_map(|cell| settings.iter().map(move |one| (cell, one)));
    each.flat_map(|(cell, setting)| {
        let who = setting.contestant.name.as_str();
        let prefix = format!("tune.{name}.{cell}.{who}");
        figures::trade_off(&prefix, runs(cell, who), runs(cell, STABLE_ORACLE))
    })
    .collect()
}

//! How well autoscalers scale: ours and its peers on the same traces, in a simulator, over a matrix of bounds and of
//! how long a pod takes to become Ready. Nothing is folded into one number.
//!
//! Start reading at [`measure`]. [`traffic`] is what is played, [`contestants`] who plays it, [`cell`] where;
//! [`tuning`] finds everyone's best setting on days that are not scored, [`matrix`], [`faults`] and [`targets`] say
//! what is run, [`play`] runs it on all processors. [`figures`] become rows, [`bars`] what is asked of them,
//! [`summary`] what people read and [`page`] what they look at.
//!
//! Nothing here reads a clock: the same traces and seeds give the same rows.

mod bars;
mod cell;
mod contestants;
mod faults;
pub(crate) mod figures;
mod matrix;
mod ours;
mod outcome;
mod page;
mod play;
mod plot;
mod summary;
mod targets;
mod traffic;
mod tuning;

pub(crate) use cell::{CLAIMED, Cell, HARD, MATCHED};
pub(crate) use contestants::{Contestant, STABLE_ORACLE, oracles, ours};
pub(crate) use matrix::scenario;
pub(crate) use outcome::{Outcome, Runs};
pub use page::{Page, pages};
pub(crate) use play::{Counter, Job, play};
pub use summary::summary;
pub(crate) use summary::{Rows, title, value_of};

use crate::{Machine, Report, Result, Row, commit, toolchain};
use apifleet_local::progress::Progress;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use traffic::Traffic;
use tuning::Tuned;

/// The version of our decision, and of everything else here.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The checkout.
    pub workspace: PathBuf,
    /// A folder of traces as CSV; the synthetic campaign where it is not given.
    pub traces: Option<PathBuf>,
    /// One trace, and two seeds of each cell.
    pub quick: bool,
}

/// Measures.
pub fn measure(options: &Options, progress: &dyn Progress) -> Result<Report> {
    let machine = Machine::here();
    let all = traffic(options)?;
    let mut rows = Vec::new();
    for traffic in &all {
        rows.extend(on(traffic, options.quick, progress));
    }
    let daily: Vec<_> = all
        .iter()
        .filter(|traffic| traffic.has_daily_shape())
        .map(|traffic| traffic.name.as_str())
        .collect();
    Ok(Report {
        bench: "policy".into(),
        commit: commit(&options.workspace),
        machine,
        versions: versions()?,
        seed: Some(1),
        rows: bars::attach(rows, &daily),
    })
}

/// Everything on one trace.
fn on(traffic: &Traffic, quick: bool, progress: &dyn Progress) -> Vec<Row> {
    let say = |what: &str| progress.step(format!("{}: {what}", traffic.name));
    let defaults = contestants::defaults(traffic);
    let families = contestants::families(traffic);
    let tuned = if traffic.is_long() {
        say("tuning on its first days");
        let counter = Counter::new("tuning", tuning::seconds(traffic, &families), progress);
        tuning::tune(traffic, &families, &counter)
    } else {
        Tuned::new()
    };
    say("bounds, lags and seeds");
    let contestants = defaults.len() + tuned.values().map(Vec::len).max().unwrap_or(0);
    let counter = Counter::new("matrix", matrix::seconds(traffic, contestants, quick), progress);
    let outcomes = matrix::run(traffic, &defaults, &tuned, quick, &counter);
    let mut rows = matrix::rows(traffic, &outcomes, &tuned);
    let is_claimed_on = traffic.is_long() && traffic.has_daily_shape();
    if is_claimed_on || quick {
        say("faults");
        let (ours, peers) = contestants::in_trouble();
        let counter = Counter::new("faults", faults::seconds(traffic, peers.len() + 1), progress);
        rows.extend(faults::rows(traffic, &ours, &peers, &counter));
        say("targets");
        let counter = Counter::new("targets", targets::seconds(traffic), progress);
        rows.extend(targets::rows(traffic, &counter));
    }
    rows
}

fn traffic(options: &Options) -> Result<Vec<Traffic>> {
    let Some(folder) = &options.traces else {
        return Ok(vec![traffic::campaign(options.quick)?]);
    };
    let mut all = traffic::folder(folder)?;
    if options.quick {
        all.truncate(1);
    }
    Ok(all)
}

/// The long traces of a folder, or the campaign: what something can be tuned on.
pub(crate) fn long_traffic(traces: Option<&Path>) -> Result<Vec<Traffic>> {
    let mut all = match traces {
        Some(folder) => traffic::folder(folder)?,
        None => vec![traffic::campaign(false)?],
    };
    all.retain(Traffic::is_long);
    match (all.is_empty(), traces) {
        (true, Some(folder)) => Err(crate::Error::NoTraces { folder: folder.to_owned() }),
        (_, _) => Ok(all),
    }
}

/// Our version, the compiler's, and which version of its peers each model follows.
pub(crate) fn versions() -> Result<BTreeMap<String, String>> {
    let versions = [
        ("apifleet", VERSION.to_owned()),
        ("rustc", toolchain::rustc()?),
        ("model of the HPA", "Kubernetes v1.33".to_owned()),
        ("model of KEDA", "8b4f083".to_owned()),
        ("model of Knative", "98e5ef9".to_owned()),
    ];
    Ok(versions.map(|(name, version)| (name.to_owned(), version)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_local::progress::Silent;
    use std::collections::BTreeSet;

    /// Twenty minutes: calm, a step to twice as much, calm again.
    fn short_trace() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = (0..1200).map(|second| {
            let rate = if (400..800).contains(&second) { 60 } else { 30 };
            format!("{second},{rate}\n")
        });
        let text: String = std::iter::once("second,requests\n".to_owned()).chain(rows).collect();
        std::fs::write(folder.path().join("step.csv"), text).expect("written");
        folder
    }

    #[test]
    fn everyone_is_measured_in_every_cell_and_the_same_traces_give_the_same_rows() {
        let folder = short_trace();
        let traces = Some(folder.path().to_owned());
        let options = Options { workspace: PathBuf::from("/proc"), traces, quick: true };
        let report = measure(&options, &Silent).expect("measured");
        assert_eq!(measure(&options, &Silent).expect("measured").rows, report.rows);

        let names: BTreeSet<_> = report.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), report.rows.len(), "no name twice");
        for cell in Cell::all() {
            for who in ["apifleet", "hpa", "keda-cron", "kpa", "aws", "static-30", "seasonal"] {
                let name = format!("policy.step.{cell}.{who}.violating_minutes");
                assert!(names.contains(name.as_str()), "{name}");
            }
        }
        for name in [
            "policy.step.daily_shape",
            "policy.step.2-30.lag150.apifleet.reversals",
            "policy.step.10-30.lag150.keda.fault.empty.extra_violating_minutes",
            "policy.step.10-30.lag150.apifleet.fault.gone.beyond_holding",
            "policy.step.10-30.lag150.kpa.target60.cost_ratio",
        ] {
            assert!(names.contains(name), "{name}");
        }
        let value = |name: &str| report.rows.iter().find(|row| row.name == name)?.value;
        assert_eq!(value("policy.step.2-30.lag150.stable-oracle.cost_ratio"), Some(1.0));
        let fixed = value("policy.step.2-30.lag150.static-30.replica_hours");
        assert!(fixed.is_some_and(|hours| (9.0..=10.0).contains(&hours)), "{fixed:?}");
    }

    #[test]
    fn pages_are_the_named_file_and_one_for_each_trace_beside_it() {
        let folder = short_trace();
        let traces = Some(folder.path().to_owned());
        let options = Options { workspace: PathBuf::from("/proc"), traces, quick: true };
        let report = measure(&options, &Silent).expect("measured");
        let file = folder.path().join("report.html");
        let pages = pages(&report, &options, &file, &Silent).expect("pages");
        let names: Vec<_> = pages.iter().filter_map(|page| page.file.file_name()).collect();
        assert_eq!(names, ["report.html", "report.step.html"]);
        assert!(pages[0].html.contains("report.step.html") && pages[0].html.contains("<svg"));
        assert!(pages[1].html.contains("stable-oracle"));
    }

    #[test]
    fn nothing_can_be_tuned_on_a_short_trace() {
        let folder = short_trace();
        let error = long_traffic(Some(folder.path())).expect_err("too short");
        assert!(error.to_string().contains("14 days"), "{error}");
    }
}

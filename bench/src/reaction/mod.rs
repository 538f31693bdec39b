//! How soon an autoscaler answers a step of load, from 300 to 1,500 requests a second, on a real cluster: ours, and
//! Kubernetes' HPA (`HorizontalPodAutoscaler`) fed by KEDA, in one run on one cluster, in turn.
//!
//! Every run has a fleet of its own with a name of its own: 10 replicas of the bundled API server under calm load until
//! every window is full of it, then the step. What happens next is read from watch events ([`reading`]); whether the
//! run says anything at all is judged apart ([`validity`]). The figures are [`rows`].

mod contestant;
mod play;
mod reading;
mod rows;
mod stage;
mod validity;

use crate::keda::Keda;
use crate::{Error, Machine, Report, Result, commit};
use apifleet_local::progress::Progress;
use apifleet_local::stack::{self, Plan, Stack};
use apifleet_local::{Call, Cluster, Name, Programs};
use contestant::Contestant;
use rows::{Run, Series};
use stage::Stage;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The version of the operator, and of everything else here.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The bounds of every fleet and what one replica carries, whoever scales it.
pub(crate) const SIZE: Size = Size { min: stack::MIN, max: stack::MAX, per_replica: 50 };
/// The HPA looks once in this time, Prometheus three times. Runs step at evenly spread points of
/// it, because nobody's load waits for either.
const CYCLE: Duration = Duration::from_secs(15);
/// Of the runs of one contestant so many may say nothing, and are then done again. After more the machine is not fit
/// to measure on, and what was measured so far is all there is.
const VOID_RUNS: u32 = 1;

/// What bounds a fleet's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// The fewest replicas.
    pub(crate) min: u32,
    /// The most replicas.
    pub(crate) max: u32,
    /// Requests per second that one replica carries.
    pub(crate) per_replica: u32,
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster's name. It is started and removed again.
    pub cluster: Name,
    /// The checkout.
    pub workspace: PathBuf,
    /// Runs of each contestant.
    pub runs: u32,
}

/// Measures, and leaves nothing running.
pub fn measure(options: &Options, progress: &dyn Progress) -> Result<Report> {
    let machine = Machine::here();
    let built = stack::build(&options.workspace, progress)?;
    let keda = Keda::build(progress)?;
    let plan = Plan::demo(options.cluster.clone(), options.workspace.clone(), built);
    let measured = match Stack::up(&plan, progress) {
        // It is somebody's, who may need it.
        Err(taken @ apifleet_local::Error::AlreadyRunning { .. }) => return Err(taken.into()),
        Err(problem) => Err(problem.into()),
        Ok(stack) => measure_on(&stack, &keda, options, progress),
    };
    let removed = Cluster::remove(&options.cluster, progress);
    let (runs, versions) = measured?;
    removed?;
    Ok(Report {
        bench: "reaction".into(),
        commit: commit(&options.workspace),
        machine,
        versions,
        seed: None,
        rows: rows::of(&runs),
    })
}

/// The runs by contestant, and the versions of what ran.
type Measured = (BTreeMap<Contestant, Series>, BTreeMap<String, String>);

fn measure_on(
    stack: &Stack,
    keda: &Keda,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Measured> {
    let versions = versions(stack, progress)?;
    let stage = Stage::new(stack)?;
    keda.install(stack.cluster(), progress)?;
    let mut all: BTreeMap<Contestant, Series> = BTreeMap::new();
    for round in 0..options.runs {
        let phase = CYCLE * round / options.runs.max(1);
        for contestant in Contestant::in_round(round) {
            let series = all.entry(contestant).or_default();
            let run = match valid_run(&stage, contestant, series, phase, progress) {
                // Everyone has a run from the first round.
                Err(void @ Error::Void { .. }) if round > 0 => {
                    progress.step(format!("{void}; the report holds the runs until now"));
                    return Ok((all, versions));
                }
                run => run?,
            };
            let (number, of) = (round + 1, options.runs);
            progress.step(format!("{contestant}, run {number} of {of}: {run}"));
            series.runs.push(run);
        }
    }
    Ok((all, versions))
}

/// A run that says something. One that does not is said and done again, but not for ever.
fn valid_run(
    stage: &Stage<'_>,
    contestant: Contestant,
    series: &mut Series,
    phase: Duration,
    progress: &dyn Progress,
) -> Result<Run> {
    loop {
        // Never a name that was used before: the HPA remembers what it recommended under one.
        let fleet = format!("{contestant}-{}", series.played() + 1);
        let played = stage.perform(contestant, &fleet, phase, progress)?;
        let Some(flaw) = validity::flaw(&played) else {
            return Ok(Run::of(&played));
        };
        series.void += 1;
        if series.void > VOID_RUNS {
            return Err(Error::Void { fleet, flaw });
        }
        progress.step(format!("{fleet} is void and is done again: {flaw}"));
    }
}

fn versions(stack: &Stack, progress: &dyn Progress) -> Result<BTreeMap<String, String>> {
    let cluster = stack.cluster();
    let kubernetes = cluster.kubectl(&["get", "--raw=/version"])?;
    let kubernetes: serde_json::Value = serde_json::from_str(&kubernetes)?;
    let kubernetes = kubernetes.get("gitVersion").and_then(serde_json::Value::as_str);
    let oha = Call::new(apifleet_local::ensure_oha(progress)?).args(["--version"]).text()?;
    let prometheus = Programs::version_of("github.com/prometheus/prometheus");
    let versions = [
        ("apifleet", VERSION),
        ("keda", Keda::version()),
        ("kubernetes", kubernetes.unwrap_or_default()),
        ("oha", oha.trim().trim_start_matches("oha ")),
        ("prometheus", prometheus.unwrap_or_default()),
    ];
    let owned = versions.map(|(name, version)| (name.to_owned(), version.to_owned()));
    Ok(BTreeMap::from(owned))
}

//! What the operator costs and how quick it is with 100 to 10,000 fleets: the real program against a real API server and
//! a real Prometheus.
//!
//! Every scale has a cluster of its own: etcd and the API server, and nobody who acts in it ([`stage`]). The bench writes
//! what controllers and kubelets would ([`objects`], [`api`]); one page says what all pods would answer to a scrape
//! ([`exposition`]), and Prometheus makes of it, by the product's own rules, what the operator reads ([`monitoring`]). The
//! operator ([`subject`]) decides every fleet once, comes to rest, is watched for a [`window`], and answers a few edits
//! ([`probe`]). What was counted comes from the scrapes of its own metrics and of the API server's; the figures are
//! [`rows`].

mod api;
mod exposition;
mod monitoring;
mod objects;
mod probe;
mod process;
mod rows;
mod scale;
mod stage;
mod subject;
mod wait;
mod window;

use crate::{Error, Machine, Report, Result, commit, toolchain};
use apifleet_local::progress::Progress;
use apifleet_local::stack::build_programs;
use apifleet_local::{Cluster, Name, Programs};
use exposition::Exposition;
use monitoring::{Monitoring, Targets, free_address};
use rows::Figures;
use scale::Scale;
use stage::Stage;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use subject::{Setting, Subject};
use tokio::runtime::Runtime;

/// The version of the operator, and of everything else here.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Without a change a status is written once in five to six minutes: a window of five minutes has one write of each at most.
const WINDOW: Duration = Duration::from_mins(5);
/// As long as nothing may be written before that begins.
const CALM: Duration = Duration::from_secs(30);

/// What is measured when nothing else is said.
pub const FLEETS: [u32; 4] = [100, 1_000, 5_000, 10_000];

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster's name. It is started and removed again, once for each scale.
    pub cluster: Name,
    /// The checkout.
    pub workspace: PathBuf,
    /// How many fleets: one measurement for each number.
    pub fleets: Vec<u32>,
}

/// Measures, and leaves nothing running.
pub fn measure(options: &Options, progress: &dyn Progress) -> Result<Report> {
    let machine = Machine::here();
    let versions = versions()?;
    progress.step("building the operator");
    let [program] = build_programs(&options.workspace, ["apifleet-controller"])?;
    let runtime = Runtime::new().map_err(|source| Error::File {
        what: "start the threads of",
        file: "the measurement".into(),
        source,
    })?;
    let mut all: Vec<(Scale, Figures)> = Vec::new();
    for fleets in &options.fleets {
        let scale = Scale::of(*fleets);
        match measure_scale(options, &program, &runtime, scale, progress) {
            Ok(figures) => all.push((scale, figures)),
            // It is somebody's, who may need it.
            Err(problem) if all.is_empty() => return Err(problem),
            Err(problem) => {
                let until_now = "the report holds what was measured until now";
                progress
                    .step(format!("{fleets} fleets cannot be measured: {problem}; {until_now}"));
                break;
            }
        }
    }
    Ok(Report {
        bench: "operator".into(),
        commit: commit(&options.workspace),
        machine,
        versions,
        seed: None,
        rows: rows::of(&all),
    })
}

/// One scale, on a cluster of its own.
fn measure_scale(
    options: &Options,
    program: &Path,
    runtime: &Runtime,
    scale: Scale,
    progress: &dyn Progress,
) -> Result<Figures> {
    progress.step(format!("{} fleets", scale.fleets));
    let (nodes, images) = (Vec::new(), Vec::new());
    let bare = apifleet_local::Options { name: options.cluster.clone(), nodes, images };
    let measured = match Cluster::up(bare, progress) {
        // It is somebody's, who may need it.
        Err(taken @ apifleet_local::Error::AlreadyRunning { .. }) => return Err(taken.into()),
        Err(problem) => Err(problem.into()),
        Ok(cluster) => Stage::prepare(&cluster, &options.workspace).and_then(|stage| {
            let rules = options.workspace.join("deploy/prometheus/rules.yaml");
            runtime.block_on(measure_on(&stage, (program, &rules), scale, progress))
        }),
    };
    let removed = Cluster::remove(&options.cluster, progress);
    let figures = measured?;
    removed?;
    Ok(figures)
}

async fn measure_on(
    stage: &Stage,
    (program, rules): (&Path, &Path),
    scale: Scale,
    progress: &dyn Progress,
) -> Result<Figures> {
    let client = api::connect(&stage.administrator).await?;
    let exposition = Exposition::serve(scale).await?;
    let listen = free_address()?;
    let targets = Targets {
        fleets: exposition.address,
        operator: listen,
        api_server: stage.api_server.clone(),
    };
    // Its windows fill while the fleets are created.
    let mut monitoring =
        Monitoring::start(&stage.prometheus, rules, stage.folder(), &targets).await?;
    progress.step(format!("creating {} fleets with {} pod(s) each", scale.fleets, scale.pods));
    api::populate(&client, scale, progress).await?;
    progress.step("waiting for a full window of every fleet in Prometheus");
    monitoring.wait_for(scale).await?;
    let idle = window::idle(&mut monitoring).await?;

    progress.step("starting the operator");
    let mut subject = Subject::start(&Setting {
        program,
        kubeconfig: &stage.operator,
        prometheus: &monitoring.url,
        listen,
        folder: stage.folder(),
    })?;
    let cold_start = subject.wait_for_all(scale).await?.as_secs_f64();
    progress.step(format!("every fleet was decided after {cold_start:.1} s; waiting for rest"));
    window::witness(&monitoring, scale).await?;
    window::settle(&monitoring, progress).await?;
    progress.step(format!("watching {} s of rest", WINDOW.as_secs()));
    let (window, rss) = window::watch(&mut monitoring, &mut subject, idle, progress).await?;
    progress.step("editing fleets");
    let edits = probe::edits(&client, scale).await?;
    Ok(Figures { cold_start, rss, peak: subject.usage()?.peak, window, edits })
}

fn versions() -> Result<BTreeMap<String, String>> {
    let of = |module: &str| Programs::version_of(module).unwrap_or_default().to_owned();
    Ok(BTreeMap::from([
        ("apifleet".to_owned(), VERSION.to_owned()),
        ("kubernetes".to_owned(), of("k8s.io/kubernetes")),
        ("prometheus".to_owned(), of("github.com/prometheus/prometheus")),
        ("rustc".to_owned(), toolchain::rustc()?),
    ]))
}

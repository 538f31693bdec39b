//! `cargo xtask bench`: measures, prints what people read and writes the files. What is measured, and how, is in the
//! crate `bench`.

use crate::{up::view::View, workspace};
use anyhow::Context;
use apifleet_bench::{Report, decisions, operator, policy, reaction, tune};
use apifleet_local::Name;
use clap::{Args, Subcommand};
use std::fs;
use std::path::{Path, PathBuf};

/// Measure on this machine, side by side with peers in one run.
///
/// Exits with 0 when it measured, whatever it found, and with 1 when it could not.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure
    #[command(subcommand)]
    what: What,
}

/// What can be measured.
#[derive(Subcommand)]
enum What {
    /// How soon more replicas are wanted and Ready after a step of load: ours, and KEDA's
    Reaction(Reaction),
    /// How well ours and its peers scale on the same traces, in the simulator
    Policy(Policy),
    /// What each setting of our default behavior buys and costs, on days that `policy` never scores
    Tune(Tune),
    /// What a decision costs: time, allocations, instructions
    Core(Core),
    /// What the operator costs, and how quick it is, with up to 10,000 fleets
    Operator(Operator),
}

#[derive(Args)]
struct Reaction {
    #[command(flatten)]
    output: Output,
    /// How often each is measured; fewer than five are for a quick look
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    runs: u32,
    /// The name of the cluster that is started for it, and removed again
    #[arg(long, value_name = "NAME", default_value = "bench")]
    cluster: Name,
}

#[derive(Args)]
struct Policy {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    traces: Traces,
    /// One trace, and two seeds of each cell
    #[arg(long)]
    quick: bool,
    /// Write the report as pages: this one, and one beside it for each trace
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Args)]
struct Tune {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    traces: Traces,
    /// Only settings whose name holds this, for a quick look
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

#[derive(Args)]
struct Core {
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
struct Operator {
    #[command(flatten)]
    output: Output,
    /// How many fleets; each number is measured by itself, on a cluster of its own
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        default_values_t = operator::FLEETS,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    fleets: Vec<u32>,
    /// The name of the cluster that is started for each, and removed again
    #[arg(long, value_name = "NAME", default_value = "bench")]
    cluster: Name,
}

/// What is played.
#[derive(Args)]
struct Traces {
    /// A folder of traces (*.csv: `second,requests` or `timestamp,requests`); the synthetic campaign when absent
    #[arg(long, value_name = "FOLDER", env = "APIFLEET_TRACES")]
    traces: Option<PathBuf>,
}

/// Where figures go.
#[derive(Args)]
struct Output {
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A quick look at the scaling quality, on the campaign.
pub(crate) fn quick() -> anyhow::Result<()> {
    let options = policy::Options { workspace: workspace::root(), traces: None, quick: true };
    println!("\n{}", policy::measure(&options, &View::new(false))?.shown());
    Ok(())
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::Reaction(reaction) => reaction.run(),
            What::Policy(policy) => policy.run(),
            What::Tune(tune) => tune.run(),
            What::Core(core) => core.run(),
            What::Operator(operator) => operator.run(),
        }
    }
}

impl Reaction {
    fn run(self) -> anyhow::Result<()> {
        let Self { output, runs, cluster } = self;
        output.prepare()?;
        let options = reaction::Options { cluster, workspace: workspace::root(), runs };
        output.finish(&reaction::measure(&options, &View::new(true))?)
    }
}

impl Policy {
    fn run(self) -> anyhow::Result<()> {
        let Self { output, traces, quick, html } = self;
        output.prepare()?;
        html.as_deref().map_or(Ok(()), make_folder_of)?;
        let view = View::new(false);
        let options =
            policy::Options { workspace: workspace::root(), traces: traces.traces, quick };
        let report = policy::measure(&options, &view)?;
        // An hour of figures first: nothing that goes wrong later may lose them.
        output.finish(&report)?;
        let Some(file) = html else { return Ok(()) };
        let pages = policy::pages(&report, &options, &file, &view)?;
        pages.iter().try_for_each(|page| write(&page.file, &page.html))
    }
}

impl Tune {
    fn run(self) -> anyhow::Result<()> {
        let Self { output, traces, only } = self;
        output.prepare()?;
        let options = tune::Options { workspace: workspace::root(), traces: traces.traces, only };
        output.finish(&tune::measure(&options, &View::new(false))?)
    }
}

impl Core {
    fn run(self) -> anyhow::Result<()> {
        self.output.prepare()?;
        self.output.finish(&decisions::measure(&workspace::root(), &View::new(true))?)
    }
}

impl Operator {
    fn run(self) -> anyhow::Result<()> {
        let Self { output, fleets, cluster } = self;
        output.prepare()?;
        let options = operator::Options { cluster, workspace: workspace::root(), fleets };
        output.finish(&operator::measure(&options, &View::new(true))?)
    }
}

impl Output {
    /// Before a measurement that takes an hour, not after it.
    fn prepare(&self) -> anyhow::Result<()> {
        self.json.as_deref().map_or(Ok(()), make_folder_of)
    }

    fn finish(&self, report: &Report) -> anyhow::Result<()> {
        println!("\n{}", report.shown());
        self.json.as_deref().map_or(Ok(()), |file| write(file, &report.json()?))
    }
}

fn make_folder_of(file: &Path) -> anyhow::Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

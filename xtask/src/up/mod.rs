//! `cargo xtask up` and `down`: the main job on one machine.
//!
//! Builds what is missing, starts the cluster and the stack, plays the load while people watch, reports what was seen,
//! and leaves everything running with the next commands printed.

mod loss;
mod picture;
mod play;
mod report;
mod scene;
pub(crate) mod view;
mod watch;

use crate::workspace;
use anyhow::Context;
use apifleet_bench::{Machine, commit};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{self, Demand, Plan, Stack};
use apifleet_local::{Cluster, Name};
use clap::Args;
use jiff::Zoned;
use report::{Mark, Report, Seconds, seconds};
use scene::{Day, NOTICE};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use view::View;

/// Start a real Kubernetes on this machine and watch a fleet scale under real load.
///
/// Everything is built from source on the first run, which takes a while; later runs start in seconds. The cluster is
/// left running; `cargo xtask down` removes every trace of it.
#[derive(Args)]
pub(crate) struct Up {
    /// The cluster's name; several can run side by side
    #[arg(long, default_value = "local")]
    name: Name,
    /// Print lines instead of a moving view, as for a log
    #[arg(long)]
    headless: bool,
    /// Write what was seen as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Draw what was seen as an SVG picture
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Start the cluster and the fleet, and play no load
    #[arg(long)]
    no_play: bool,
    /// Watch a fleet on a cluster that you have, instead: nothing is installed and no load is made
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "report", "picture", "no_play"])]
    kubeconfig: Option<PathBuf>,
    /// With --kubeconfig: the fleet to watch, as NAMESPACE/NAME
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        requires = "kubeconfig",
        default_value = "shop/shop-api"
    )]
    fleet: String,
}

/// Remove every trace of a cluster that `up` started.
#[derive(Args)]
pub(crate) struct Down {
    /// The cluster's name
    #[arg(long, default_value = "local")]
    name: Name,
}

impl Up {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let view = View::new(self.headless);
        if let Some(kubeconfig) = &self.kubeconfig {
            return follow(kubeconfig, &self.fleet, &view);
        }
        let build_began = Instant::now();
        let programs = stack::build(&workspace::root(), &view)?;
        let build = build_began.elapsed();

        let cluster_began = Instant::now();
        let day = if self.no_play { None } else { Some(Day::after(&Zoned::now())?) };
        let mut plan = Plan::demo(self.name.clone(), workspace::root(), programs);
        if let Some(day) = &day {
            plan = plan.with("schedules", day.schedules());
        }
        let stack = Stack::up(&plan, &view)?;
        let watch = stack.watch()?;
        watch.wait("10 Ready replicas", Duration::from_secs(90), |m| m.ready() >= stack::MIN)?;
        let cluster = cluster_began.elapsed();
        view.say(&format!("fleet Ready after {:.1} s", cluster.as_secs_f64()));

        if let Some(day) = day {
            let report = perform(&stack, &watch, &view, (&day, build, cluster))?;
            self.write(&report)?;
            view.say(&summary(&report));
        }
        view.say(&next_commands(&stack, &self.name));
        Ok(())
    }

    fn write(&self, report: &Report) -> anyhow::Result<()> {
        if let Some(file) = &self.report {
            let text = serde_json::to_string_pretty(report).context("render the report")?;
            std::fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
        }
        self.picture.as_deref().map_or(Ok(()), |file| picture::draw(report, file))
    }
}

impl Down {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let view = View::new(false);
        let there = Cluster::remove(&self.name, &view)?;
        let result = if there { "is gone" } else { "was not there" };
        view.say(&format!("cluster {} {result}", self.name));
        for dead in Cluster::sweep(&view)? {
            view.say(&format!("cluster {dead} had died; what it left is gone"));
        }
        Ok(())
    }
}

/// Plays the day; how long the parts before it took is reported with it.
fn perform(
    stack: &Stack,
    watch: &Watch,
    view: &View,
    (day, build, cluster): (&Day, Duration, Duration),
) -> anyhow::Result<Report> {
    let play = play::play(stack, watch, view, day)?;
    let (opening, notice) = (seconds(play.opening), seconds(play.notice));
    Ok(Report {
        replicas: report::Sizes::of(&play.samples, opening, notice),
        prewarm: report::PreWarm::of(&play.samples, opening),
        spot: report::Spot::of(&play.loss),
        requests: report::Requests::of(&play.outcome, &play.per_replica),
        claims: report::Claims { acknowledged: play.acknowledged, stored: stack.stored_claims()? },
        seconds: Seconds {
            build: seconds(build),
            cluster: seconds(cluster),
            play: seconds(play.lasted),
        },
        machine: Machine::here(),
        commit: commit(&workspace::root()),
        marks: vec![
            Mark { at_s: opening, what: "the window opens" },
            Mark { at_s: notice, what: "a spot node is given notice" },
            Mark { at_s: seconds(play.notice + NOTICE.lasts()), what: "it is gone" },
        ],
        samples: play.samples,
    })
}

/// A moment of another cluster's fleet; its demand is what its status says.
fn followed(moment: &Moment) -> watch::Sample {
    let demand = Demand { rps: moment.seen_rps, p95_ms: moment.latency_ms };
    watch::Sample::of(moment, Duration::ZERO, None, demand)
}

/// Shows a fleet of another cluster until the terminal is closed or interrupted.
fn follow(kubeconfig: &Path, fleet: &str, view: &View) -> anyhow::Result<()> {
    let (namespace, name) =
        fleet.split_once('/').with_context(|| format!("--fleet {fleet}: write NAMESPACE/NAME"))?;
    let watch = Watch::start(kubeconfig, namespace, name)?;
    watch.wait(&format!("ApiFleet {fleet}"), Duration::from_secs(10), |m| !m.reason.is_empty())?;
    let mut before = None;
    loop {
        let sample = followed(&watch.now());
        view.fleet(&sample, before.as_ref());
        before = Some(sample);
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn summary(report: &Report) -> String {
    let figure = |value: Option<f64>| value.map_or_else(|| "never".to_owned(), |v| v.to_string());
    let Report { replicas, prewarm, spot, requests, claims, .. } = report;
    [
        format!(
            "\nreplicas  {} at night, {} at the opening, {} at the peak, {} in the evening",
            replicas.night, replicas.floor, replicas.opening, replicas.evening
        ),
        format!(
            "pre-warm  floor {}, all Ready {} s before the window",
            prewarm.floor.map_or_else(|| "none".to_owned(), |floor| floor.to_string()),
            figure(prewarm.ready_before_window_s),
        ),
        format!(
            "spot      {} replicas taken with {} s notice, covered after {} s, {} requests failed",
            spot.replicas,
            spot.notice_s,
            figure(spot.cover_ready_s),
            spot.failed
        ),
        format!(
            "requests  {} sent, {} failed, p95 {} ms, p99 {} ms, per replica largest/smallest {}",
            requests.total,
            requests.failed,
            requests.p95_ms,
            requests.p99_ms,
            figure(requests.per_replica_max_over_min),
        ),
        format!("claims    {} acknowledged, {} stored", claims.acknowledged, claims.stored),
    ]
    .join("\n")
}

fn next_commands(stack: &Stack, name: &Name) -> String {
    let down = if name.as_str() == "local" {
        "cargo xtask down".to_owned()
    } else {
        format!("cargo xtask down --name {name}")
    };
    // The command line is built beside this program.
    let built = std::env::current_exe().ok();
    let built = built.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
    let (namespace, fleet) = (stack::NAMESPACE, stack::FLEET);
    format!(
        "\neverything is left running. Next:\n  export KUBECONFIG={} PATH={}:{}:$PATH\n  \
         kubectl get apifleets -A\n  apifleet status -n {namespace} {fleet}\n  \
         apifleet explain -n {namespace} {fleet}\n  apifleet calendar -n {namespace} {fleet}\n  \
         {down}\n\nPrometheus: {}\nAPI server: {}",
        stack.cluster().kubeconfig().display(),
        stack.cluster().programs().directory().display(),
        built.display(),
        stack.prometheus_url(),
        stack.service_url(),
    )
}

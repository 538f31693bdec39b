//! `apifleet simulate`: what a policy would make of traffic, beside what others would, without a cluster.
//!
//! Reads a fleet or a policy from a manifest ([`subject`]), another version of it where one was named ([`version`]: the
//! only part that may ask a cluster) and traffic ([`work`]), lets the simulator run them ([`runs`]), and shows what came
//! of it as a table, a document or a page ([`screen`]). Every decision is made by the code that runs in the cluster;
//! nothing is judged here but the limit that was typed.

pub mod moment;
pub mod peers;
pub(crate) mod prometheus;
pub mod runs;
pub mod screen;
pub mod subject;
pub mod typed;
pub mod version;
pub mod work;

use crate::document::document;
use crate::failure::Failure;
use crate::manifest::Manifest;
use crate::names::FleetName;
use crate::settings::{Format, Settings};
use crate::terminal::{Talk, Terminal};
use apifleet_sim::report::{self, Comparison, Outcome, Role, Verdict, words};
use apifleet_sim::{Load, Scenario};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use peers::Peer;
use runs::{Contestant, run_all};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use subject::{Asked, Chosen, Subject};
use typed::Share;
use version::{First, Version};
use work::{Cut, Traffic, Work};

/// The kind of the document.
const KIND: &str = "Simulation";
/// How often the bar moves.
const TICK: Duration = Duration::from_millis(200);

/// What is to be simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The manifest; `-` is standard input.
    pub manifest: PathBuf,
    /// The fleet or policy, where one was named.
    pub name: Option<FleetName>,
    /// Where traffic comes from.
    pub traffic: Traffic,
    /// Which part of it.
    pub cut: Cut,
    /// With what it is compared, where that was typed.
    pub peers: Option<Vec<Peer>>,
    /// Another version of it, with which it is compared.
    pub compare: Option<Version>,
    /// The bounds that were typed.
    pub bounds: Asked,
    /// Seconds until a pod is Ready.
    pub lag: u32,
    /// What arrivals are drawn from.
    pub seed: u64,
    /// Where the page is written.
    pub html: Option<PathBuf>,
    /// The largest share of slow minutes.
    pub most_under: Option<Share>,
}

/// What is said to programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    subject: &'a str,
    source: &'a str,
    start: Timestamp,
    end: Timestamp,
    time_zone: &'a str,
    min_replicas: u32,
    max_replicas: u32,
    lag_seconds: u32,
    seed: u64,
    answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Verdict>,
    policies: &'a [Outcome],
}

/// Simulates, shows, and fails where a limit was not kept.
pub fn simulate(
    settings: &Settings,
    asked: &Simulation,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let manifest = Manifest::read(&asked.manifest)?;
    let chosen = Chosen::of(&manifest, asked.name.as_ref())?;
    let subject = Subject::new(&manifest, chosen, asked.bounds)?.placed(&settings.place);
    let first = First { chosen, subject: &subject, asked: asked.bounds };
    let other = match &asked.compare {
        Some(version) => Some(version.read(settings, first, terminal)?),
        None => None,
    };
    let work = Work::read(&asked.traffic, asked.cut, &subject, asked.seed, Timestamp::now())?;
    let of_other = other.iter().flat_map(|other| &other.notes);
    for note in subject.notes.iter().chain(of_other).chain(&work.notes) {
        terminal.say(note);
    }
    let comparison = compare(settings, asked, (&subject, other.as_ref()), &work)?;
    let outcomes = comparison.outcomes();
    let text = match settings.format {
        Format::People(columns) => screen::screen(&comparison, columns, terminal.width),
        Format::Document(syntax) => document(syntax, KIND, &answer(&comparison, &outcomes))?,
        Format::Name => {
            outcomes.iter().flat_map(|outcome| [outcome.policy.as_str(), "\n"]).collect()
        }
    };
    if let Some(path) = &asked.html {
        write_page(path, &comparison)?;
        terminal.say(&format!("wrote {}", path.display()));
    }
    terminal.data(&text)?;
    match comparison.verdict() {
        Some(verdict) if !verdict.met => Err(over(verdict, &comparison, asked)),
        Some(_) | None => Ok(()),
    }
}

/// Every policy on the same arrivals, with a bar for whoever waits.
fn compare(
    settings: &Settings,
    asked: &Simulation,
    (subject, other): (&Subject, Option<&Subject>),
    work: &Work,
) -> Result<Comparison, Failure> {
    let trace = Arc::new(work.trace.clone());
    let scenario = Scenario::new(Arc::clone(&trace), subject.policy.bounds, asked.lag, asked.seed);
    let load = Load::draw(&trace, asked.seed);
    let contestants = Contestant::all(subject, other, asked.peers.as_deref());
    let bar = bar(settings.talk, contestants.len());
    let entries = run_all(&contestants, &scenario, &load, || bar.inc(1))?;
    bar.finish_and_clear();
    let oracle = entries.iter().find(|entry| entry.role == Role::Oracle);
    let oracle = oracle.map(|entry| entry.run.score.clone());
    Ok(Comparison {
        work: described(asked, subject, work),
        entries,
        oracle,
        most_under_percent: asked.most_under.map(Share::percent),
    })
}

fn described(asked: &Simulation, subject: &Subject, work: &Work) -> report::Work {
    let bounds = subject.policy.bounds;
    report::Work {
        subject: subject.title.clone(),
        source: work.source.clone(),
        start: work.trace.start(),
        end: work.end(),
        zone: subject.zone(),
        bounds: (bounds.min().get(), bounds.max().get()),
        lag: asked.lag,
        seed: asked.seed,
        target_per_replica: subject.policy.signals.target_per_replica.get(),
    }
}

/// On a terminal only, and not where nothing is to be said.
fn bar(talk: Talk, steps: usize) -> ProgressBar {
    if talk == Talk::Quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps as u64);
    if let Ok(style) =
        ProgressStyle::with_template("simulating {bar:30} {pos} of {len} policies, {elapsed}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn write_page(path: &Path, comparison: &Comparison) -> Result<(), Failure> {
    let bad = |reason: String| Failure::File { path: path.to_owned(), reason };
    let page = report::html(comparison).map_err(|error| bad(error.to_string()))?;
    std::fs::write(path, page).map_err(|error| bad(format!("the page cannot be written: {error}")))
}

fn answer<'a>(comparison: &'a Comparison, outcomes: &'a [Outcome]) -> Said<'a> {
    let work = &comparison.work;
    Said {
        subject: &work.subject,
        source: &work.source,
        start: work.start,
        end: work.end,
        time_zone: words::zone_name(&work.zone),
        min_replicas: work.bounds.0,
        max_replicas: work.bounds.1,
        lag_seconds: work.lag,
        seed: work.seed,
        answer: words::answer(comparison, outcomes),
        limit: comparison.verdict(),
        policies: outcomes,
    }
}

/// Over the limit: by how much, where the worst minute is, and how to see more of it.
fn over(verdict: Verdict, comparison: &Comparison, asked: &Simulation) -> Failure {
    let worst = comparison.entries.first().and_then(|ours| ours.run.score.worst_minute);
    let worst = worst.map_or_else(String::new, |at| {
        let at = at.to_zoned(comparison.work.zone.clone());
        format!("; the worst minute is {}", at.strftime("%Y-%m-%d %H:%M"))
    });
    let next = if asked.html.is_some() { "" } else { ", see it with --html FILE" };
    Failure::Limit(format!(
        "{} of the minutes are slow or turn requests away, more than the {} of --max-under{worst}{next}",
        words::share(verdict.under_percent),
        words::share(verdict.most_under_percent),
    ))
}

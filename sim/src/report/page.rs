//! [`html`]: a comparison as one page that needs nothing else, neither a network nor a server.
//!
//! Names come from files of others: all text is escaped by the template, data by its JSON filter, and the page itself
//! lets nothing run but its own two scripts, told by their hashes.

use super::view::{View, views};
use super::{Comparison, Outcome, Verdict, words};
use crate::plant;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The plotting library, as its makers publish it.
const PLOT_VERSION: &str = "1.6.32";
const PLOT_SCRIPT: &str = include_str!("vendor/uPlot.iife.min.js");
const PLOT_STYLE: &str = include_str!("vendor/uPlot.min.css");
const PLOT_LICENCE: &str = include_str!("vendor/LICENSE");
const SCRIPT: &str = include_str!("page/report.js");
const STYLE: &str = include_str!("page/report.css");

/// The version of the data that a page carries.
const API_VERSION: &str = "report.apifleet.dev/v1";

/// What the plots show, and what to look for in them.
const PLOTS: [Plot; 4] = [
    Plot {
        id: "demand",
        title: "Demand and capacity",
        caption: "Requests per second that arrive (grey), and what the Ready replicas of a policy carry within 200 ms. \
                  A line below the grey is a fleet that is too small.",
    },
    Plot {
        id: "replicas",
        title: "Replicas",
        caption: "Wanted (dashed) and Ready (solid). The gap between them is the time that pods take to start.",
    },
    Plot {
        id: "latency",
        title: "Latency",
        caption: "The 95th percentile, and the 200 ms that it must not pass (dashed). The scale is logarithmic.",
    },
    Plot {
        id: "unserved",
        title: "Turned away",
        caption: "Requests that found no room. Zero is as it should be.",
    },
];

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[error("cannot fill the page of the report, which is a defect of this program: {0}")]
pub struct PageError(#[from] askama::Error);

struct Plot {
    id: &'static str,
    title: &'static str,
    caption: &'static str,
}

struct Row {
    policy: String,
    cells: [String; 7],
}

struct Limit {
    met: bool,
    sentence: String,
}

/// What the page carries for programs, its own script among them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    api_version: &'static str,
    version: &'static str,
    title: &'a str,
    source: &'a str,
    time_zone: &'a str,
    min_replicas: u32,
    max_replicas: u32,
    lag_seconds: u32,
    seed: u64,
    /// What one Ready replica carries within the target, in requests per second.
    carries_per_replica: f64,
    target_millis: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Verdict>,
    policies: &'a [Outcome],
    views: Vec<View>,
}

#[derive(Template)]
#[template(path = "page/report.html")]
struct Page<'a> {
    scripts: [String; 2],
    styles: [String; 2],
    plot_script: &'static str,
    plot_style: &'static str,
    plot_licence: &'static str,
    plot_version: &'static str,
    script: &'static str,
    style: &'static str,
    data: Data<'a>,
    facts: String,
    answer: String,
    limit: Option<Limit>,
    titles: [&'static str; 7],
    rows: Vec<Row>,
    words: [(&'static str, &'static str); 9],
    plots: [Plot; 4],
    method: [&'static str; 3],
}

/// How a figure came about, for whoever doubts it.
const METHOD: [&str; 3] = [
    "Every policy got the same arrivals, second by second, drawn from the same seed, and saw only what Prometheus would \
     have told it: counters scraped every few seconds, rates over a window, an answer that is a little old. Ours is the \
     very code that runs in the cluster; the others follow their own sources, step by step, with their usual settings.",
    "A replica saturates at 70 requests per second and reaches 200 ms at 85 % of that. What a short queue cannot hold is \
     turned away. Pods become Ready after the time given above.",
    "A simulation says how policies compare on this traffic. It knows nothing of slow databases, bad releases or noisy \
     neighbours: leave a margin for them.",
];

/// The page.
///
/// # Errors
/// Where the template cannot be filled, which is a defect.
pub fn html(comparison: &Comparison) -> Result<String, PageError> {
    let outcomes = comparison.outcomes();
    Ok(page(comparison, &outcomes).render()?)
}

fn page<'a>(comparison: &'a Comparison, outcomes: &'a [Outcome]) -> Page<'a> {
    let work = &comparison.work;
    Page {
        scripts: [hash(PLOT_SCRIPT), hash(SCRIPT)],
        styles: [hash(PLOT_STYLE), hash(STYLE)],
        plot_script: PLOT_SCRIPT,
        plot_style: PLOT_STYLE,
        plot_licence: PLOT_LICENCE,
        plot_version: PLOT_VERSION,
        script: SCRIPT,
        style: STYLE,
        facts: words::facts(work),
        answer: words::answer(comparison, outcomes),
        limit: comparison.verdict().map(limit),
        titles: words::TITLES,
        rows: outcomes.iter().map(|outcome| row(outcome, comparison)).collect(),
        words: words::MEANINGS,
        plots: PLOTS,
        method: METHOD,
        data: data(comparison, outcomes),
    }
}

fn data<'a>(comparison: &'a Comparison, outcomes: &'a [Outcome]) -> Data<'a> {
    let work = &comparison.work;
    Data {
        api_version: API_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        title: &work.subject,
        source: &work.source,
        time_zone: words::zone_name(&work.zone),
        min_replicas: work.bounds.0,
        max_replicas: work.bounds.1,
        lag_seconds: work.lag,
        seed: work.seed,
        carries_per_replica: plant::SATURATION * plant::FULL,
        target_millis: plant::SLO_MILLIS,
        limit: comparison.verdict(),
        policies: outcomes,
        views: views(comparison),
    }
}

fn row(outcome: &Outcome, comparison: &Comparison) -> Row {
    Row { policy: outcome.policy.clone(), cells: words::cells(outcome, &comparison.work.zone) }
}

fn limit(verdict: Verdict) -> Limit {
    let (ours, most) =
        (words::share(verdict.under_percent), words::share(verdict.most_under_percent));
    let way = if verdict.met { "within" } else { "over" };
    Limit {
        met: verdict.met,
        sentence: format!("{ours} under-provisioned is {way} the limit of {most}."),
    }
}

/// How a page names one of its own scripts or styles in its policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

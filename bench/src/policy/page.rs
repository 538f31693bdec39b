//! The report as pages: one with every table and the plots of cost against minutes, and for each trace one that shows,
//! minute by minute, what everyone did with one seed where most is claimed.

use super::Options;
use super::cell::CLAIMED;
use super::contestants::{self, Contestant};
use super::matrix::scenario;
use super::plot;
use super::summary::{Rows, sections, title};
use super::traffic::Traffic;
use crate::section::Section;
use crate::{Error, Report, Result};
use apifleet_local::progress::Progress;
use apifleet_sim::report::{Comparison, Entry, Role, Work, html};
use apifleet_sim::{Load, Run, simulate_load};
use askama::Template;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The seed that the minutes are of.
const SEED: u64 = 1;

/// A page and where it belongs.
#[derive(Debug, Clone)]
pub struct Page {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub html: String,
}

#[derive(Template)]
#[template(path = "policy.html")]
struct Front {
    origin: String,
    links: Vec<Link>,
    plots: Vec<Plot>,
    sections: Vec<Section>,
}

struct Link {
    trace: String,
    file: String,
}

struct Plot {
    caption: String,
    svg: String,
}

/// The pages of a report: the first is the named file, the others stand beside it.
pub fn pages(
    report: &Report,
    options: &Options,
    file: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Page>> {
    progress.step("drawing the report");
    let rows = Rows::of(report);
    let shown = rows.traces();
    let mut pages = Vec::new();
    let mut links = Vec::new();
    for traffic in super::traffic(options)?.iter().filter(|it| shown.contains(it.name.as_str())) {
        let beside = file.with_extension(format!("{}.html", traffic.name));
        let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        links.push(Link { trace: traffic.name.clone(), file: name });
        pages.push(Page { file: beside, html: day_by_day(traffic)? });
    }
    let front =
        Front { origin: report.origin(), links, plots: plots(&rows)?, sections: sections(report) };
    let html = front.render().map_err(|problem| Error::Page {
        what: "the front page".into(),
        problem: problem.to_string(),
    })?;
    pages.insert(0, Page { file: file.to_owned(), html });
    Ok(pages)
}

fn plots(rows: &Rows<'_>) -> Result<Vec<Plot>> {
    let mut plots = Vec::new();
    for trace in rows.traces() {
        let claimed = (title(trace, CLAIMED), rows.claimed(trace));
        let caption = format!("{trace}: five targets per replica, from 40 to 60 requests/s");
        for (caption, curves) in [claimed, (caption, rows.curves(trace))] {
            if !curves.is_empty() {
                plots.push(Plot { svg: plot::svg(&caption, &curves)?, caption });
            }
        }
    }
    Ok(plots)
}

/// What everyone did on a trace, minute by minute.
fn day_by_day(traffic: &Traffic) -> Result<String> {
    let comparison = compare(traffic).ok_or_else(|| Error::Page {
        what: traffic.name.clone(),
        problem: "its cell has no bounds".into(),
    })?;
    html(&comparison)
        .map_err(|problem| Error::Page { what: traffic.name.clone(), problem: problem.to_string() })
}

fn compare(traffic: &Traffic) -> Option<Comparison> {
    let scenario = scenario(&traffic.trace, CLAIMED, SEED, traffic.unscored())?;
    let load = Load::draw(&traffic.trace, SEED);
    let everyone = contestants::defaults(traffic);
    let run =
        |who: &Contestant| simulate_load(&scenario, &load, who.scaler(&scenario, &load).as_mut());
    let runs: Vec<_> = everyone.par_iter().with_max_len(1).map(run).collect();
    let entries = everyone.iter().zip(runs).map(|(who, run)| Entry {
        role: role(&who.name),
        run: Run { policy: who.name.clone(), ..run },
    });
    let entries: Vec<_> = entries.collect();
    let oracle = entries.iter().find(|entry| entry.run.policy == contestants::STABLE_ORACLE);
    let lasts = SignedDuration::from_secs(i64::from(traffic.trace.seconds()));
    let end = traffic.trace.start().checked_add(lasts).ok()?;
    Some(Comparison {
        work: Work {
            subject: "apifleet".into(),
            source: traffic.name.clone(),
            start: traffic.trace.start(),
            end,
            zone: TimeZone::UTC,
            bounds: (CLAIMED.sizes.min, CLAIMED.sizes.max),
            lag: CLAIMED.lag,
            seed: SEED,
            target_per_replica: contestants::TARGET,
        },
        oracle: oracle.map(|entry| entry.run.score.clone()),
        entries,
        most_under_percent: None,
    })
}

fn role(name: &str) -> Role {
    match name {
        "apifleet" => Role::Ours,
        contestants::ORACLE | contestants::STABLE_ORACLE => Role::Oracle,
        name if name.starts_with("static") => Role::Fixed,
        _ => Role::Peer,
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::report;
    use super::*;

    #[test]
    fn the_front_page_has_every_table_and_marks_what_is_missed() {
        let report = report();
        let rows = Rows::of(&report);
        let front = Front {
            origin: report.origin(),
            links: vec![Link { trace: "t".into(), file: "x.t.html".into() }],
            plots: plots(&rows).expect("plots"),
            sections: sections(&report),
        };
        let html = front.render().expect("a page");
        assert!(html.contains("<strong>20.0 %</strong>") && html.contains("href=\"x.t.html\""));
        assert_eq!(html.matches("<svg").count(), 2);
        assert_eq!(html.matches("<section>").count(), sections(&report).len());
        assert!(!html.contains("http://") || html.contains("www.w3.org"), "nothing is fetched");
    }
}

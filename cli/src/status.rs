//! `apifleet status`: one fleet on one screen, or a table of all.
//!
//! Reads from the cluster, or follows it; what is shown is made by the pure functions of [`screen`] and [`list`].

pub(crate) mod follow;
pub mod list;
pub mod screen;

use crate::cluster::{Cluster, Decided, Read};
use crate::document::{Syntax, document};
use crate::failure::Failure;
use crate::find::{Found, connect, find, warn};
use crate::names::FleetName;
use crate::settings::{Columns, Follow, Format, Settings};
use crate::terminal::Terminal;
use crate::time::Clock;
use crate::view::FleetView;
use apifleet_crds::ApiFleet;
use serde::Serialize;

/// The kind of the document about one fleet.
const ONE: &str = "FleetStatus";
/// The kind of the document about several.
const SEVERAL: &str = "FleetStatusList";
/// The resource, as `kubectl -o name` names it.
const RESOURCE: &str = "apifleet.apifleet.dev";

#[derive(Serialize)]
struct List<'a> {
    items: &'a [FleetView],
}

/// Shows one fleet, for as long as is asked for.
pub async fn one(
    settings: &Settings,
    name: &FleetName,
    follow: Follow,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let Found { cluster, namespace, decided } = find(settings, name, terminal).await?;
    warn(&decided, terminal);
    let clock = Clock::system();
    let view = FleetView::new(&decided.fleet, clock.now);
    match follow {
        Follow::Once => terminal.data(&shown(settings, &view, &clock, terminal.width)?),
        Follow::Watch => follow::watch_one(settings, &cluster, (&namespace, name), terminal).await,
        Follow::UntilReady(limit) => {
            let view = follow::until_ready(settings, &cluster, (&namespace, name), limit).await?;
            terminal.data(&shown(settings, &view, &Clock::system(), terminal.width)?)
        }
    }
}

/// Shows a table of fleets, and every change to it where that is asked for.
pub async fn list(
    settings: &Settings,
    watch: bool,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let cluster = connect(settings, terminal).await?;
    let namespace = cluster.namespace(&settings.place).map(str::to_owned);
    if watch {
        return follow::watch_all(settings, &cluster, namespace.as_deref(), terminal).await;
    }
    let clock = Clock::system();
    let mut views = views(&cluster, namespace.as_deref(), &clock, terminal).await?;
    views.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    let text = match settings.format {
        Format::People(columns) => {
            let shown = list::Shown {
                namespaces: namespace.is_none(),
                wide: columns == Columns::Wide,
                width: terminal.width,
            };
            list::table(&views, shown, &clock)
        }
        Format::Document(syntax) => document(syntax, SEVERAL, &List { items: &views })?,
        Format::Name => views.iter().map(name_of).collect(),
    };
    terminal.data(&text)?;
    terminal.say(&list::summary(&views, namespace.as_deref()));
    Ok(())
}

/// Every fleet; those that share policies on them, which are read at once where any fleet names one.
async fn views(
    cluster: &Cluster,
    namespace: Option<&str>,
    clock: &Clock,
    terminal: &mut Terminal,
) -> Result<Vec<FleetView>, Failure> {
    let keep = |read: Read| match read {
        Ok(fleet) if fleet.spec.policy_ref.is_some() => Err(Box::new(fleet)),
        read => Ok(FleetView::of_read(read, clock.now)),
    };
    let read = cluster.fleets(namespace, keep).await?;
    let (views, sharing): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
    let mut views: Vec<FleetView> = views.into_iter().flatten().collect();
    let sharing: Vec<ApiFleet> =
        sharing.into_iter().filter_map(Result::err).map(|fleet| *fleet).collect();
    if sharing.is_empty() {
        return Ok(views);
    }
    let policies = match cluster.policies(namespace).await {
        Ok(policies) => policies,
        Err(problem) => {
            terminal
                .say(&format!("fleets are shown without the policies that they name: {problem}"));
            views.extend(sharing.iter().map(|fleet| FleetView::new(fleet, clock.now)));
            return Ok(views);
        }
    };
    let decided: Vec<Decided> = sharing.into_iter().map(|fleet| policies.lay(fleet)).collect();
    views.extend(decided.iter().map(|it| FleetView::new(&it.fleet, clock.now)));
    let mut warnings = decided.iter().filter_map(Decided::warning);
    if let Some(first) = warnings.next() {
        terminal.say(&first);
        match warnings.count() {
            0 => {}
            more => terminal.say(&format!("so it is with {more} more")),
        }
    }
    Ok(views)
}

/// One fleet in the format that is asked for.
fn shown(
    settings: &Settings,
    view: &FleetView,
    clock: &Clock,
    width: Option<u16>,
) -> Result<String, Failure> {
    match settings.format {
        Format::People(columns) => {
            Ok(screen::screen(view, columns, clock, width, settings.program))
        }
        Format::Document(syntax) => document(syntax, ONE, view),
        Format::Name => Ok(name_of(view)),
    }
}

/// One fleet as one entry of a stream: JSON on one line, YAML as a document of its own.
fn entry(syntax: Syntax, view: &FleetView) -> Result<String, Failure> {
    let text = document(syntax, ONE, view)?;
    match syntax {
        Syntax::Yaml => Ok(format!("---\n{text}")),
        Syntax::Json => {
            let value: serde_json::Value = serde_json::from_str(&text)
                .map_err(|error| Failure::Document(error.to_string()))?;
            Ok(format!("{value}\n"))
        }
    }
}

/// A fleet's name as `-o name` writes it.
#[must_use]
pub fn name_line(name: &str) -> String {
    format!("{RESOURCE}/{name}\n")
}

fn name_of(view: &FleetView) -> String {
    name_line(&view.name)
}

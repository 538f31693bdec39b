//! Following fleets: live on a terminal, a line or document per change elsewhere, and waiting for a fleet to be Ready.

use super::{entry, list, name_of, screen};
use crate::cluster::{Change, Cluster, Problem, Read};
use crate::failure::Failure;
use crate::names::FleetName;
use crate::settings::{Columns, Format, Settings};
use crate::terminal::Terminal;
use crate::time::{Clock, short};
use crate::view::FleetView;
use futures::StreamExt as _;
use jiff::SignedDuration;
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

/// On a terminal ages and countdowns run.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// A fleet: its namespace and its name.
type Which<'a> = (&'a str, &'a FleetName);

/// Shows one fleet until somebody stops it or it is deleted.
pub(super) async fn watch_one(
    settings: &Settings,
    cluster: &Cluster,
    (namespace, name): Which<'_>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let Format::People(columns) = settings.format else {
        return rows(settings, cluster, (Some(namespace), Some(name)), terminal).await;
    };
    if !terminal.is_interactive() {
        return rows(settings, cluster, (Some(namespace), Some(name)), terminal).await;
    }
    live(settings, cluster, (namespace, name), columns, terminal).await
}

/// Redraws one fleet's screen with every change and every second.
async fn live(
    settings: &Settings,
    cluster: &Cluster,
    (namespace, name): Which<'_>,
    columns: Columns,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut changes = cluster.watch(Some(namespace), Some(name));
    let mut tick = tokio::time::interval(REDRAW_EVERY);
    let (mut latest, mut trouble) = (None, None);
    terminal.clear()?;
    loop {
        tokio::select! {
            change = changes.next() => match change {
                Some(Ok(Change::Is(read))) => {
                    (latest, trouble) = (Some(cluster.lay_read(*read).await), None);
                }
                Some(Ok(Change::Deleted(name))) => return Err(Failure::Deleted(name)),
                Some(Ok(Change::Broken(problem))) => trouble = Some(problem),
                Some(Err(problem)) => return Err(problem.into()),
                None => return Ok(()),
            },
            _ = tick.tick() => {}
        }
        if let Some((read, warning)) = &latest {
            let clock = Clock::system();
            let mut view = FleetView::of_read(read.clone(), clock.now);
            view.notices.extend(warning.clone());
            view.notices.extend(trouble.iter().map(Problem::to_string));
            let (width, program) = (terminal.width, settings.program);
            terminal.redraw(&screen::screen(&view, columns, &clock, width, program))?;
        }
    }
}

/// A fleet that was changed, on the policy that it names: a policy may be edited as well, so it is read again.
async fn of_change(cluster: &Cluster, read: Read, clock: &Clock) -> FleetView {
    let (read, warning) = cluster.lay_read(read).await;
    let mut view = FleetView::of_read(read, clock.now);
    view.notices.extend(warning);
    view
}

/// Shows a row, or a document, for each change of any fleet until somebody stops it.
pub(super) async fn watch_all(
    settings: &Settings,
    cluster: &Cluster,
    namespace: Option<&str>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    rows(settings, cluster, (namespace, None), terminal).await
}

async fn rows(
    settings: &Settings,
    cluster: &Cluster,
    (namespace, name): (Option<&str>, Option<&FleetName>),
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut changes = cluster.watch(namespace, name);
    let mut stream = match settings.format {
        Format::People(columns) => Some(list::Stream::new(list::Shown {
            namespaces: namespace.is_none(),
            wide: columns == Columns::Wide,
            width: terminal.width,
        })),
        Format::Document(_) | Format::Name => None,
    };
    while let Some(change) = changes.next().await {
        match change? {
            Change::Is(read) => {
                let clock = Clock::system();
                let view = of_change(cluster, *read, &clock).await;
                let text = match (settings.format, &mut stream) {
                    (Format::Document(syntax), _) => entry(syntax, &view)?,
                    (Format::People(_), Some(stream)) => stream.row(&view, &clock),
                    (Format::People(_) | Format::Name, _) => name_of(&view),
                };
                terminal.data(&text)?;
            }
            Change::Deleted(deleted) if name.is_some() => return Err(Failure::Deleted(deleted)),
            Change::Deleted(deleted) => terminal.say(&format!("fleet {deleted} was deleted")),
            Change::Broken(problem) => terminal.say(&format!("{problem} (trying)")),
        }
    }
    Ok(())
}

/// Waits until a fleet is Ready, and returns it.
pub(super) async fn until_ready(
    settings: &Settings,
    cluster: &Cluster,
    (namespace, name): Which<'_>,
    limit: Duration,
) -> Result<FleetView, Failure> {
    let late = Late {
        what: format!("fleet {namespace}/{name} is not Ready"),
        next: format!("{} explain {name} -n {namespace}", settings.program.words()),
    };
    until(cluster, (namespace, name), limit, late, async |read| {
        let view = of_change(cluster, read, &Clock::system()).await;
        Ok(if view.ready { Break(view) } else { Continue(said(&view)) })
    })
    .await
}

/// What is said when something has not come in time.
pub(crate) struct Late {
    /// What has not come.
    pub(crate) what: String,
    /// The next command.
    pub(crate) next: String,
}

/// Waits until what is read of a fleet breaks the wait; what it goes on with is how far the fleet was.
pub(crate) async fn until<T>(
    cluster: &Cluster,
    (namespace, name): Which<'_>,
    limit: Duration,
    late: Late,
    mut judge: impl AsyncFnMut(Read) -> Result<ControlFlow<T, String>, Failure>,
) -> Result<T, Failure> {
    let mut last = "nothing was heard of it".to_owned();
    let mut changes = cluster.watch(Some(namespace), Some(name));
    let came = Box::pin(async {
        while let Some(change) = changes.next().await {
            match change? {
                Change::Is(read) => match judge(*read).await? {
                    Break(come) => return Ok(come),
                    Continue(far) => last = far,
                },
                Change::Deleted(name) => return Err(Failure::Deleted(name)),
                Change::Broken(problem) => last = problem.to_string(),
            }
        }
        Err(Failure::NotKnown("the watch ended; try again".to_owned()))
    });
    match tokio::time::timeout(limit, came).await {
        Ok(result) => result,
        Err(_) => Err(Failure::TimedOut {
            what: late.what,
            waited: short(SignedDuration::try_from(limit).unwrap_or_default()),
            last,
            next: late.next,
        }),
    }
}

/// What keeps a fleet from being Ready: the first notice, or the first condition that is not calm, or the counts.
fn said(view: &FleetView) -> String {
    let condition = view.conditions.iter().find(|condition| !condition.calm);
    view.notices.first().cloned().unwrap_or_else(|| {
        condition.map_or_else(
            || "no condition says why".to_owned(),
            |condition| {
                format!(
                    "{}={}, {}: {}",
                    condition.kind, condition.status, condition.reason, condition.message
                )
            },
        )
    })
}

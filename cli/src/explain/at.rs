//! `apifleet explain --at`: what was decided at an instant of the past.
//!
//! Reads the fleet, and where its status does not hold that decision any more, what was ordered around the instant, and
//! from Prometheus the traffic of the time before it. What comes of it is decided in [`past`](super::past).

use super::ledger::Explanation;
use super::past::{Then, reports, unnamed};
use super::{LEDGER, When, orders, point_to_runbook, refuse_names, written};
use crate::failure::Failure;
use crate::find::{Found, find, warn};
use crate::names::{FleetName, Namespace};
use crate::settings::Settings;
use crate::simulate::prometheus::{Range, answer, query_of};
use crate::simulate::typed::Address;
use crate::terminal::Terminal;
use crate::time::Clock;

/// An instant of the past, and who knows the traffic of that time.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// When.
    pub when: When,
    /// The Prometheus that is asked, where one was named.
    pub prometheus: Option<Address>,
}

/// Says what was decided then.
pub async fn explain_at(
    settings: &Settings,
    name: &FleetName,
    past: &Past,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    refuse_names(settings.format)?;
    let clock = Clock::system();
    let at = past.when.at(&clock)?;
    let found = find(settings, name, terminal).await?;
    let fleet = &found.decided.fleet;
    let (format, width) = (settings.format, terminal.width);
    let (text, reason) = if reports(fleet, at) {
        warn(&found.decided, terminal);
        let reported = Explanation::new(fleet, clock.now)?;
        let text = written(format, LEDGER, &reported, |it| it.render(&clock, width))?;
        (text, reported.reason)
    } else {
        let address = past.prometheus.as_ref();
        let address =
            address.ok_or_else(|| unnamed(fleet, at, &clock, settings.program.words()))?;
        let Found { cluster, namespace, decided } = found;
        let decided = decided.surely()?;
        warn(&decided, terminal);
        let overrides = orders(&cluster, &namespace, name, at, terminal).await;
        let then = Then::new(&decided.fleet, overrides, at, &clock)?;
        let namespace = Namespace::parse(&namespace).map_err(Failure::Usage)?;
        let range = Range { query: query_of(&namespace, name), start: then.start(), end: at };
        let rebuilt = then.replay(&range.query, &answer(address, &range, "").await?)?;
        let text = written(format, LEDGER, &rebuilt, |it| it.render(&clock, width))?;
        (text, rebuilt.explanation.reason)
    };
    terminal.data(&text)?;
    point_to_runbook(&reason, terminal);
    Ok(())
}

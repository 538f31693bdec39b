//! `apifleet calendar`: the windows that are coming, their pre-warm, and the days on which clocks change.
//!
//! When windows are is decided by the core's schedules; this verb reads a fleet or a [`crate::manifest`], and
//! shows what the core says ([`plan`], [`screen`]). A manifest needs no cluster.

pub mod plan;
pub mod screen;

use crate::cluster::Decided;
use crate::document::document;
use crate::failure::Failure;
use crate::find::{find, warn};
use crate::manifest::Manifest;
use crate::settings::{Format, Settings, Source};
use crate::status::name_line;
use crate::terminal::Terminal;
use crate::time::Clock;
use jiff::SignedDuration;
use plan::Plan;
use serde::Serialize;

/// The kind of the document.
const KIND: &str = "FleetCalendar";
/// The farthest that is looked.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// How far ahead is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead(SignedDuration);

#[derive(Serialize)]
struct Plans<'a> {
    fleets: &'a [Plan],
}

/// Shows what is planned.
pub async fn calendar(
    settings: &Settings,
    source: &Source,
    ahead: Ahead,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let fleets = match source {
        Source::File { path, fleet } => Manifest::read(path)?.decided(fleet.as_ref())?,
        Source::Fleet(name) => vec![find(settings, name, terminal).await?.decided.surely()?],
    };
    for fleet in &fleets {
        warn(fleet, terminal);
    }
    let clock = Clock::system();
    let plan = |decided: &Decided| Plan::new(&decided.fleet, clock.now, ahead.0);
    let plans = fleets.iter().map(plan).collect::<Result<Vec<_>, _>>()?;
    let text = match settings.format {
        Format::Document(syntax) => document(syntax, KIND, &Plans { fleets: &plans })?,
        Format::People(_) => {
            let screens: Vec<String> =
                plans.iter().map(|plan| screen::screen(plan, &clock)).collect();
            screens.join("\n")
        }
        Format::Name => plans.iter().map(|plan| name_line(&plan.name)).collect(),
    };
    terminal.data(&text)
}

// === impl Ahead ===

impl Ahead {
    /// A length of days, weeks or hours: `14d`, `8w`, `36h`.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let usual = "give a length such as 14d, 8w or 36h, at most 366d";
        let days = |count: &str, each: i64| {
            let count = count.parse::<u32>().ok()?;
            i64::from(count).checked_mul(each * 24).and_then(SignedDuration::try_from_hours)
        };
        let length = match (text.strip_suffix('d'), text.strip_suffix('w')) {
            (Some(count), _) => days(count, 1),
            (None, Some(count)) => days(count, 7),
            (None, None) => text.parse().ok(),
        };
        length
            .filter(|length| *length > SignedDuration::ZERO && *length <= FARTHEST)
            .map(Self)
            .ok_or_else(|| usual.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_days_weeks_or_hours() {
        for (text, hours) in [("14d", 14 * 24), ("2w", 14 * 24), ("36h", 36), ("366d", 366 * 24)] {
            assert_eq!(Ahead::parse(text), Ok(Ahead(SignedDuration::from_hours(hours))), "{text}");
        }
        for bad in ["", "0d", "-1d", "367d", "14", "soon", "99999999999999d", "1.5d", "d"] {
            assert!(Ahead::parse(bad).is_err(), "{bad:?} was taken for a length");
        }
    }
}

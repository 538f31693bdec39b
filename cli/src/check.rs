//! `apifleet check`: whether everything that a fleet needs is as it should be, as coded checks, each with what helps.
//!
//! [`collect`] reads what is to be known, with a deadline for every call and few calls at a time; [`judge`] makes findings
//! of those [`facts`], without asking anybody; [`screen`] shows them. The checks themselves, their codes and what they
//! prove are in [`registry`]. Nothing is written; a finding that failed makes the program end with 3.

pub mod amount;
pub mod collect;
pub mod facts;
pub mod finding;
pub mod judge;
mod prometheus;
pub mod registry;
pub mod rights;
#[cfg(test)]
mod samples;
pub mod screen;
pub mod selector;
mod series;

use crate::document::document;
use crate::failure::Failure;
use crate::find::connect;
use crate::settings::{Format, Settings};
use crate::terminal::Terminal;
use collect::Scope;

/// The kind of the document.
const KIND: &str = "CheckReport";

/// Checks, and shows what was found.
///
/// # Errors
/// Where the API server does not answer; where a check failed.
pub async fn check(
    settings: &Settings,
    scope: &Scope,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let cluster = connect(settings, terminal).await?;
    let namespace = cluster.namespace(&settings.place);
    let facts = collect::collect(&cluster, scope, namespace, settings.access.deadline).await?;
    let findings = judge::judge(&facts);
    let failed = screen::failed(&findings);
    let text = match settings.format {
        Format::People(columns) => screen::screen(&findings, columns, terminal.width),
        Format::Document(syntax) => document(syntax, KIND, &screen::report(&findings))?,
        Format::Name => failed.iter().flat_map(|code| [*code, "\n"]).collect(),
    };
    terminal.data(&text)?;
    terminal.say(&screen::summary(&findings));
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Limit(format!("failed: {}", failed.join(", "))))
}

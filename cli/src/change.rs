//! Makes changes to objects of the cluster, for every verb that writes: shows what was and what will be, names a Git
//! tool that owns the object, asks, and writes.
//!
//! A verb says what it wants as a [`Plan`]: a few lines of its own above, and [`Change`]s, each of one object. It first
//! calls [`How::refuse_silence`], so that a script without `--yes` is told at once, and then [`Writer::make`], once.
//! Each change is one request that either happens whole or not at all: a creation, a merge patch with the
//! `resourceVersion` of what was shown, or a deletion of exactly that version. Whatever somebody else wrote meanwhile
//! is never overwritten.
//!
//! ```ignore
//! let how = How::from(args.change);             // in settings; the flags are args::change::ChangeArgs
//! how.refuse_silence(terminal)?;
//! let before = cluster.object::<ScalingPolicy>(namespace, name).await?;
//! let change = match before {
//!     None => Change::create(&after)?,
//!     Some(before) => Change::edit(&before, &after)?, // `after` begins as a clone of `before`
//! };
//! let writer = Writer { cluster: &cluster, settings, how };
//! let written = writer.make(&Plan { preface, changes: vec![change] }, terminal).await?;
//! ```

mod diff;
mod object;
mod owner;
mod patch;

pub use object::Change;
pub use owner::{Owner, Tool};

use crate::args::Program;
use crate::cluster::Cluster;
use crate::document::write;
use crate::failure::Failure;
use crate::page::Page;
use crate::settings::{Format, Settings};
use crate::table::{Tone, plain, toned};
use crate::terminal::Terminal;
use object::Step;
use serde_json::Value;

/// How a change is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is shown, and made if whoever sits at the terminal agrees.
    Ask,
    /// It is shown and made.
    Make,
    /// It is shown, and nothing is sent.
    Show,
    /// It is shown, and the API server checks it and keeps nothing.
    Check,
}

/// What a verb wants to change.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is shown above the changes, lines ended; may be empty. It says what they mean to a fleet.
    pub preface: String,
    /// The changes, made in this order; the first that fails ends it.
    pub changes: Vec<Change>,
}

/// Whoever makes changes.
pub struct Writer<'a> {
    /// Where.
    pub cluster: &'a Cluster,
    /// How the answer is written.
    pub settings: &'a Settings,
    /// How they are made.
    pub how: How,
}

// === impl How ===

impl How {
    /// Refuses, as wrong usage, to ask where nobody can answer.
    ///
    /// # Errors
    /// Where this is to be asked for and there is no terminal.
    pub fn refuse_silence(self, terminal: &Terminal) -> Result<(), Failure> {
        if self != Self::Ask || terminal.can_ask() {
            return Ok(());
        }
        Err(Failure::Usage(
            "nobody can be asked here, for there is no terminal: add --yes, or --dry-run=client to see the change only"
                .to_owned(),
        ))
    }

    /// Whether the cluster is another one afterwards.
    #[must_use]
    pub fn writes(self) -> bool {
        match self {
            Self::Ask | Self::Make => true,
            Self::Show | Self::Check => false,
        }
    }

    /// What is said after what was done, in the words of `kubectl`.
    fn remark(self) -> &'static str {
        match self {
            Self::Ask | Self::Make => "",
            Self::Show => " (dry run)",
            Self::Check => " (server dry run)",
        }
    }
}

// === impl Writer ===

impl Writer<'_> {
    /// Shows the changes, asks where that is wanted, makes them, and answers in the format that is asked for. Returns
    /// the objects as they are now, or would be, in the order of the changes; `null` for one that is gone.
    ///
    /// # Errors
    /// Where nobody agreed, or the API server refused; what was made before stays made and was answered.
    pub async fn make(&self, plan: &Plan, terminal: &mut Terminal) -> Result<Vec<Value>, Failure> {
        self.how.refuse_silence(terminal)?;
        self.show(&page(plan, self.settings.program, terminal.width)?, terminal)?;
        let changes_nothing = plan.changes.iter().all(Change::is_nothing);
        if self.how == How::Ask && !changes_nothing && !terminal.ask("make this change?")? {
            return Err(Failure::Declined);
        }
        let mut written = Vec::new();
        for change in &plan.changes {
            let object = self.carry_out(change).await?;
            terminal.data(&self.answer(change, &object)?)?;
            written.push(object);
        }
        Ok(written)
    }

    /// What is shown before is part of the answer for people. It must reach whoever is asked even where the answer goes
    /// elsewhere.
    fn show(&self, page: &str, terminal: &mut Terminal) -> Result<(), Failure> {
        let seen = matches!(self.settings.format, Format::People(_));
        if seen && (self.how != How::Ask || terminal.is_interactive()) {
            return terminal.data(page);
        }
        if self.how == How::Ask {
            terminal.insist(page);
        } else {
            terminal.say(page.trim_end());
        }
        Ok(())
    }

    async fn carry_out(&self, change: &Change) -> Result<Value, Failure> {
        if change.is_nothing() || self.how == How::Show {
            return Ok(change.after().cloned().unwrap_or_default());
        }
        let (target, real) = (change.target(), self.how.writes());
        Ok(match change.step() {
            Step::Create { after } => self.cluster.create(target, after, real).await?,
            Step::Edit { patch, .. } => self.cluster.patch(target, patch, real).await?,
            Step::Delete { version, .. } => {
                self.cluster.delete(target, version, real).await?;
                Value::Null
            }
        })
    }

    fn answer(&self, change: &Change, object: &Value) -> Result<String, Failure> {
        let name = change.key();
        let remark = self.how.remark();
        match self.settings.format {
            Format::People(_) => Ok(format!("{name} {}{remark}\n", change.done())),
            Format::Name => Ok(format!("{name}\n")),
            Format::Document(_) if object.is_null() => Ok(String::new()),
            Format::Document(syntax) => write(syntax, &object::clean(object)),
        }
    }
}

/// What was and what will be.
pub(crate) fn page(plan: &Plan, program: Program, width: Option<u16>) -> Result<String, Failure> {
    let mut page = Page::new(width);
    for change in &plan.changes {
        page = page.gap().line([
            toned(Tone::Strong, change.key()),
            plain(change.intent()),
            toned(Tone::Dim, format!("namespace {}", change.target().namespace)),
        ]);
        let owned = change.owner().filter(|_| !change.is_nothing());
        page = page.notices(owned.map(|owner| owner.warning(program)).as_slice());
        for line in diff::lines(change.before(), change.after())? {
            page = page.line([line]);
        }
    }
    Ok(format!("{}{}\n", plan.preface, page.finish()))
}

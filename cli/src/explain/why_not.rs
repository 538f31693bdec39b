//! Why a fleet has not another size, and what would have to change for it.
//!
//! The fleet is decided again with the demand that would ask for that size, for half an hour: whatever stage keeps it
//! from the size says so itself, with its own sentence. Where the status holds no memory to decide with, the ledger
//! alone is read: the stage that took the size past what was asked about is named.

use super::ledger::Explanation;
use super::replay::Replay;
use super::{Assumption, ledger::StageView};
use crate::failure::Failure;
use crate::page::Page;
use crate::table::{Grid, Tone, known, plain, toned};
use crate::time::Clock;
use apifleet_core::decision::{Decision, Line, Stage};
use apifleet_core::overrides::Override;
use apifleet_core::{Replicas, Rps};
use apifleet_crds::ApiFleet;
use apifleet_crds::convert::count;
use jiff::Timestamp;
use serde::Serialize;

/// Why not so many.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counterfactual {
    /// The fleet's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The size that is asked about.
    pub asked: i32,
    /// The size that is wanted.
    pub desired: i32,
    /// Why that is wanted.
    pub summary: String,
    /// What it would take.
    #[serde(flatten)]
    pub answer: Answer,
    /// How the answer was found, and what it takes for granted.
    pub assumed: &'static str,
}

/// What it would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "answer")]
pub enum Answer {
    /// Nothing: it has that size.
    Already,
    /// Another demand, and then these stages would have to let it through.
    Demand {
        /// The requests per second that would ask for that size.
        requests_per_second: f64,
        /// Those of now.
        instead_of: f64,
        /// The stages that keep it from the size, one after the other.
        held_by: Vec<Held>,
        /// When it would have that size; absent where it would not within half an hour.
        #[serde(skip_serializing_if = "Option::is_none")]
        reached_at: Option<Timestamp>,
        /// The size at the end.
        stays_at: i32,
    },
    /// This stage took the size past the one that is asked about.
    Stage(StageView),
}

/// A stage that keeps the fleet from a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Which.
    pub stage: &'static str,
    /// Why, in one word.
    pub reason: &'static str,
    /// Why, in one line.
    pub message: String,
    /// Until when it does; absent where it still does at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// How an answer is found where the status holds no memory.
const BY_LEDGER: &str = "read from the ledger of the last decision alone: the status holds nothing to decide again with";

// === impl Counterfactual ===

impl Counterfactual {
    /// Why the fleet has not this size.
    ///
    /// # Errors
    /// Where no decision was reported yet, or nothing is decided.
    pub fn new(
        fleet: &ApiFleet,
        overrides: &[Override],
        size: Replicas,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let explanation = Explanation::new(fleet, now)?;
        let asked = count(size);
        let has_memory = fleet.status.as_ref().is_some_and(|status| status.memory.is_some());
        let (answer, assumed) = if asked == explanation.desired {
            (Answer::Already, "reported by the operator")
        } else if has_memory {
            (by_replay(Replay::new(fleet, overrides, now)?, size)?, Replay::ASSUMED)
        } else {
            (by_ledger(&explanation, asked)?, BY_LEDGER)
        };
        let Explanation { namespace, name, desired, summary, .. } = explanation;
        Ok(Self { namespace, name, asked, desired, summary, answer, assumed })
    }

    /// The answer for people.
    #[must_use]
    pub fn render(&self, clock: &Clock, width: Option<u16>) -> String {
        let asked = self.asked;
        let wants = format!("{}/{} wants {}", self.namespace, self.name, self.desired);
        let mut title = Grid::default();
        title.push(vec![toned(Tone::Strong, wants), plain(self.summary.as_str())]);
        let page = Page::new(width).grid(&title).gap();
        let page = match &self.answer {
            Answer::Already => page.words(Tone::Plain, format!("{asked} is what it wants")),
            Answer::Stage(stage) => page
                .words(
                    Tone::Plain,
                    format!("for {asked} this stage would have to decide otherwise"),
                )
                .section(&super::ledger::stages(std::slice::from_ref(stage))),
            Answer::Demand { requests_per_second, instead_of, held_by, reached_at, stays_at } => {
                let shown = |rate: f64| Rps::new(rate).unwrap_or_default();
                let demand = format!(
                    "for {asked} demand would have to be {} instead of {}",
                    shown(*requests_per_second),
                    shown(*instead_of)
                );
                page.words(Tone::Plain, demand)
                    .section(&holders(held_by, clock))
                    .gap()
                    .words(Tone::Plain, end(asked, *reached_at, *stays_at, clock))
            }
        };
        page.words(Tone::Dim, self.assumed).finish()
    }
}

fn end(asked: i32, reached: Option<Timestamp>, stays_at: i32, clock: &Clock) -> String {
    match reached {
        Some(at) if at <= clock.now => format!("with that demand it would want {asked} at once"),
        Some(at) => {
            let (at, wait) = (clock.instant(at), clock.until(at));
            format!("with that demand from now on it would want {asked} at {at} (in {wait})")
        }
        None => {
            format!("with that demand alone it would stay at {stays_at}, for half an hour at least")
        }
    }
}

/// What keeps the fleet from the size, one after the other.
fn holders(held: &[Held], clock: &Clock) -> Grid {
    if held.is_empty() {
        return Grid::default();
    }
    let mut grid = Grid::titled(vec!["THEN", "REASON", "UNTIL", "WHY"]);
    for Held { stage, reason, message, until } in held {
        grid.push(vec![
            toned(Tone::Strong, *stage),
            toned(Tone::Note, *reason),
            known(until.map(|at| clock.instant(at))),
            plain(message),
        ]);
    }
    grid
}

/// Decides with the demand that would ask for the size, and hears whatever keeps the fleet from it.
fn by_replay(mut replay: Replay, size: Replicas) -> Result<Answer, Failure> {
    let instead_of = replay.rate();
    let requests_per_second = replay.per_replica() * f64::from(size.get());
    replay.assume(&Assumption { rate: Rps::new(requests_per_second), ..Assumption::default() })?;
    let (mut held_by, mut stays_at) = (Vec::<Held>::new(), size);
    for decision in replay.ahead() {
        stays_at = decision.desired;
        let held = Held::of(&decision).filter(|_| decision.desired != size);
        match (held_by.last_mut(), held) {
            // What is said last is what is in force.
            (Some(last), Some(held)) if last.is_same(&held) => last.message = held.message,
            (last, held) => {
                if let Some(last) = last {
                    last.until = Some(decision.at);
                }
                held_by.extend(held);
            }
        }
        if decision.desired == size {
            let reached_at = Some(decision.at);
            let stays_at = count(size);
            return Ok(Answer::Demand {
                requests_per_second,
                instead_of,
                held_by,
                reached_at,
                stays_at,
            });
        }
    }
    let stays_at = count(stays_at);
    Ok(Answer::Demand { requests_per_second, instead_of, held_by, reached_at: None, stays_at })
}

// === impl Held ===

impl Held {
    /// The stage that had the last say.
    fn of(decision: &Decision) -> Option<Self> {
        let decisive = |line: &&Line| line.why.reason() == decision.reason;
        decision.ledger.iter().rev().find(decisive).map(|line| Self {
            stage: line.stage.as_str(),
            reason: line.why.reason().as_str(),
            message: line.why.to_string(),
            until: None,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.stage, self.reason) == (other.stage, other.reason)
    }
}

/// The stage after which the size was never again on the side that is asked about.
fn by_ledger(explanation: &Explanation, asked: i32) -> Result<Answer, Failure> {
    let more = asked > explanation.desired;
    let on_side = |size: i32| if more { size >= asked } else { size <= asked };
    let sized = || explanation.stages.iter().filter(|stage| stage.stage != Stage::Place.as_str());
    let crossing = sized().rev().find(|stage| on_side(stage.input) && !on_side(stage.output));
    // Where no stage was ever asked for so many, it is demand that did not ask.
    let asking = || sized().find(|stage| stage.stage == Stage::Demand.as_str());
    let stage = crossing.or_else(asking).cloned();
    stage.map(Answer::Stage).ok_or_else(|| {
        Failure::NotKnown("the status holds no ledger of the last decision".to_owned())
    })
}

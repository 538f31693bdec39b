//! The last decision as the operator reported it, stage by stage.

use crate::failure::Failure;
use crate::page::Page;
use crate::table::{Grid, Tone, plain, toned};
use crate::time::Clock;
use crate::view::{FleetView, NextView};
use apifleet_core::Decision;
use apifleet_core::decision::Line;
use apifleet_crds::ApiFleet;
use apifleet_crds::status::StageStatus;
use jiff::Timestamp;
use serde::Serialize;

/// Why a fleet has its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The size before.
    pub previous: i32,
    /// The size that is wanted.
    pub desired: i32,
    /// Why, in one word.
    pub reason: String,
    /// Why, in one line.
    pub summary: String,
    /// Whether it was rebuilt from traffic: then the operator has not reported it.
    pub replayed: bool,
    /// How it came about.
    pub stages: Vec<StageView>,
    /// When the answer changes for a known reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextView>,
    /// What has to be said about the report itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageView {
    /// Which.
    pub stage: String,
    /// The size that it was given.
    #[serde(rename = "in")]
    pub input: i32,
    /// The size that it made of it.
    #[serde(rename = "out")]
    pub output: i32,
    /// Why, in one word.
    pub reason: String,
    /// Why, with the numbers.
    pub message: String,
    /// Whether it had the last say.
    pub decides: bool,
}

// === impl Explanation ===

impl Explanation {
    /// Why the fleet has its size.
    ///
    /// # Errors
    /// Where no decision was reported yet.
    pub fn new(fleet: &ApiFleet, now: Timestamp) -> Result<Self, Failure> {
        let view = FleetView::new(fleet, now);
        let key = view.key();
        let Some(decision) = view.decision else {
            return Err(Failure::NotKnown(undecided(&key, &view.notices)));
        };
        let stages = fleet.status.as_ref().and_then(|status| status.last_decision.as_ref());
        let stages = stages.map_or(&[][..], |last| last.stages.as_slice());
        Ok(Self {
            namespace: view.namespace,
            name: view.name,
            at: decision.at,
            previous: decision.previous,
            desired: decision.desired,
            stages: marked(stages.iter().map(StageView::from).collect(), &decision.reason),
            reason: decision.reason,
            summary: decision.summary,
            replayed: false,
            next: decision.next,
            notices: view.notices,
        })
    }

    /// The explanation for people.
    #[must_use]
    pub fn render(&self, clock: &Clock, width: Option<u16>) -> String {
        let size = sizes(self.previous, self.desired);
        let title = format!("{}/{}: {size}, {}", self.namespace, self.name, self.reason);
        let decided =
            format!("decided {}, {} ago", clock.instant_with_utc(self.at), clock.ago(self.at));
        let page = Page::new(width).line([toned(Tone::Strong, title)]).line([plain(decided)]);
        let page = page.notices(&self.notices).section(&stages(&self.stages));
        match &self.next {
            None => page.finish(),
            Some(NextView { at, reason, replicas }) => {
                let (at, wait) = (clock.instant(*at), clock.until(*at));
                let next = format!("next: {replicas} replicas at {at} (in {wait}): {reason}");
                page.gap().line([plain(next)]).finish()
            }
        }
    }
}

fn sizes(previous: i32, desired: i32) -> String {
    if previous == desired {
        format!("{desired} replicas")
    } else {
        format!("{previous} -> {desired} replicas")
    }
}

/// The reason of the last decision, which names a runbook.
#[must_use]
pub fn reason(fleet: &ApiFleet) -> Option<&str> {
    Some(fleet.status.as_ref()?.last_decision.as_ref()?.reason.as_str())
}

/// What is said where there is no decision to explain.
pub(super) fn undecided(key: &str, notices: &[String]) -> String {
    let why = notices.first().map_or("no decision was reported yet", String::as_str);
    format!("{key}: {why}")
}

/// The stages as a table; the one that had the last say stands out.
#[must_use]
pub fn stages(stages: &[StageView]) -> Grid {
    let mut grid = Grid::titled(vec!["STAGE", "IN", "OUT", "REASON", "WHY"]);
    for stage in stages {
        let tone = match (stage.decides, stage.reason.as_str()) {
            (true, _) => Tone::Strong,
            (false, "NotLimited") => Tone::Dim,
            (false, _) => Tone::Plain,
        };
        let moved = if stage.input == stage.output { tone } else { Tone::Note };
        grid.push(vec![
            toned(tone, &stage.stage),
            toned(tone, stage.input.to_string()),
            toned(moved, stage.output.to_string()),
            toned(tone, &stage.reason),
            if stage.decides { plain(&stage.message) } else { toned(tone, &stage.message) },
        ]);
    }
    grid
}

/// The last stage with the reason of the decision had the last say.
fn marked(mut stages: Vec<StageView>, reason: &str) -> Vec<StageView> {
    if let Some(decisive) = stages.iter_mut().rev().find(|stage| stage.reason == reason) {
        decisive.decides = true;
    }
    stages
}

// === impl StageView ===

impl From<&StageStatus> for StageView {
    fn from(stage: &StageStatus) -> Self {
        let StageStatus { stage, input, output, reason, message } = stage.clone();
        Self { stage, input, output, reason, message, decides: false }
    }
}

impl StageView {
    /// The stages of a decision that was made here.
    #[must_use]
    pub fn of(decision: &Decision) -> Vec<Self> {
        let of_line = |line: &Line| Self::from(&StageStatus::from(line));
        marked(decision.ledger.iter().map(of_line).collect(), decision.reason.as_str())
    }
}

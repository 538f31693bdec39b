//! What became of a comparison, for people and for programs: [`Comparison`] is policies that did the same work,
//! [`words`] says it in sentences and cells, [`html`] makes one page of it that needs nothing else.
//!
//! Decides nothing about a run and computes no score; that is [`crate::score`]. Called by `apifleet simulate`, whose
//! screen and document are made from the same [`Outcome`]s.

mod page;
mod view;
pub mod words;

pub use page::{PageError, html};

use crate::run::Run;
use crate::score::{Score, cost_ratio};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Policies that did the same work.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The work.
    pub work: Work,
    /// What each made of it; ours first.
    pub entries: Vec<Entry>,
    /// What those that know the future needed, for [`Outcome::cost_ratio`].
    pub oracle: Option<Score>,
    /// The largest share of minutes that ours may break, in percent.
    pub most_under_percent: Option<f64>,
}

/// What all policies of a comparison were given.
#[derive(Debug, Clone)]
pub struct Work {
    /// Whose policy is ours: a fleet or a policy, by its name in a manifest.
    pub subject: String,
    /// What was replayed, as a person would say it.
    pub source: String,
    /// When it begins.
    pub start: Timestamp,
    /// When it is over.
    pub end: Timestamp,
    /// Whose clocks the report shows.
    pub zone: TimeZone,
    /// The smallest and the largest size.
    pub bounds: (u32, u32),
    /// Seconds until a pod is Ready.
    pub lag: u32,
    /// What arrivals and phases were drawn from.
    pub seed: u64,
    /// What one replica is meant to carry, in requests per second.
    pub target_per_replica: f64,
}

/// A policy and its run.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is beside the others.
    pub role: Role,
    /// What it did.
    pub run: Run,
}

/// What a policy is beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The one that is asked about.
    Ours,
    /// Another autoscaler.
    Peer,
    /// A size that never changes.
    Fixed,
    /// Knows the future: no autoscaler can do better.
    Oracle,
}

/// One line of the scorecard.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The policy's name.
    pub policy: String,
    /// What it is beside the others.
    pub role: Role,
    /// The share of its minutes that were too slow, or in which requests were turned away.
    pub under_percent: f64,
    /// Its replica hours over those of the oracle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_ratio: Option<f64>,
    /// Changes a day within 10 minutes after one in the other direction.
    pub reversals_per_day: f64,
    /// All else.
    #[serde(flatten)]
    pub score: Score,
}

/// Whether a limit was kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The largest share of minutes, in percent.
    pub most_under_percent: f64,
    /// Ours.
    pub under_percent: f64,
    /// Whether it is not above.
    pub met: bool,
}

// === impl Comparison ===

impl Comparison {
    /// The scorecard, in the order of the entries.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.entries.iter().map(|entry| Outcome::new(entry, self.oracle.as_ref())).collect()
    }

    /// Whether ours kept its limit, where there is one.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let most_under_percent = self.most_under_percent?;
        let ours = self.entries.first()?;
        let under_percent = Outcome::new(ours, None).under_percent;
        Some(Verdict {
            most_under_percent,
            under_percent,
            met: under_percent <= most_under_percent,
        })
    }
}

// === impl Outcome ===

impl Outcome {
    fn new(entry: &Entry, oracle: Option<&Score>) -> Self {
        let score = entry.run.score.clone();
        Self {
            policy: entry.run.policy.clone(),
            role: entry.role,
            under_percent: percent(score.violating_minutes, score.minutes),
            cost_ratio: oracle.map(|oracle| cost_ratio(&score, oracle)).filter(|it| it.is_finite()),
            reversals_per_day: score.per_day(score.reversals_10min),
            score,
        }
    }
}

/// A share in percent; nothing of nothing is none.
fn percent(part: u32, whole: u32) -> f64 {
    f64::from(part) * 100.0 / f64::from(whole.max(1))
}

#[cfg(test)]
mod tests;

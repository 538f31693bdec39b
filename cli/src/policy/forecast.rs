//! What a simulation says of a change before it is made: a fleet with its policy as it is and as it would be, on the
//! traffic of its last seven days where a Prometheus tells it, else on that of a campaign of its size.
//!
//! The same simulator, code and rules as `apifleet simulate`; see there for what its figures are worth.

use super::followers::{Effect, Follower};
use crate::failure::Failure;
use crate::simulate::runs::{Contestant, run_all};
use crate::simulate::subject::{Named, Subject};
use crate::simulate::typed::Address;
use crate::simulate::work::{Cut, Traffic, Work};
use crate::table::{Grid, Tone, plain, toned};
use apifleet_core::FleetPolicy;
use apifleet_core::policy::Mode;
use apifleet_sim::report::{self, Comparison, Role, words};
use apifleet_sim::{Load, Scenario};
use jiff::Timestamp;
use std::sync::Arc;

/// Seconds until a pod is Ready: a usual one.
const LAG: u32 = 30;
/// What arrivals are drawn from.
const SEED: u64 = 1;
/// The busiest minutes of the campaign ask for this part of what the largest fleet carries.
const BUSIEST: f64 = 0.9;

/// A fleet whose change is simulated.
#[derive(Debug, Clone)]
pub struct Question {
    fleet: Named,
    was: Option<FleetPolicy>,
    will: FleetPolicy,
}

/// What was found out.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// What was replayed, for whom.
    pub title: String,
    /// The figures.
    pub table: Grid,
    /// What a reader should know about the traffic.
    pub notes: Vec<String>,
}

// === impl Question ===

impl Question {
    /// The first fleet that is decided otherwise; `None` where none is.
    #[must_use]
    pub fn about(followers: &[Follower]) -> Option<Self> {
        followers.iter().find_map(|follower| match &follower.effect {
            Effect::Changed { was, will } => Some(Self {
                fleet: Named {
                    namespace: Some(follower.namespace.clone()),
                    name: follower.name.clone(),
                },
                was: was.as_ref().map(|was| enforced(&was.policy)),
                will: enforced(&will.policy),
            }),
            Effect::Same | Effect::Stalled(_) | Effect::StillStalled(_) => None,
        })
    }

    /// Simulates it. Takes seconds, and waits for Prometheus: not for a thread that has other work.
    ///
    /// # Errors
    /// Where a run ended early, which is a defect.
    pub fn answer(self, prometheus: Option<&Address>, now: Timestamp) -> Result<Forecast, Failure> {
        let (work, notes) = self.work(prometheus, now)?;
        let trace = Arc::new(work.trace.clone());
        let scenario = Scenario::new(Arc::clone(&trace), self.will.bounds, LAG, SEED);
        let load = Load::draw(&trace, SEED);
        let contestant = |name: &str, role, policy: &FleetPolicy| Contestant::Ours {
            role,
            name: name.to_owned(),
            policy: Box::new(policy.clone()),
        };
        let now = self.was.as_ref().map(|was| contestant("now", Role::Peer, was));
        let then = contestant("then", Role::Ours, &self.will);
        let contestants: Vec<Contestant> = now.into_iter().chain([then]).collect();
        let entries = run_all(&contestants, &scenario, &load, || {})?;
        let comparison = Comparison {
            work: self.described(&work),
            entries,
            oracle: None,
            most_under_percent: None,
        };
        Ok(Forecast { title: title(&comparison), table: table(&comparison), notes })
    }

    /// The traffic, and what is to be said about it.
    fn work(
        &self,
        prometheus: Option<&Address>,
        now: Timestamp,
    ) -> Result<(Work, Vec<String>), Failure> {
        let subject = self.subject();
        let instead = "simulated with the shape of a campaign instead";
        let Some(address) = prometheus else {
            let note = format!("no Prometheus was named (--prometheus-url): {instead}");
            return Ok((self.campaign(&subject, now)?, vec![note]));
        };
        let traffic = Traffic::Prometheus { address: address.clone(), query: None };
        match Work::read(&traffic, Cut::default(), &subject, SEED, now) {
            Ok(work) => Ok((work, Vec::new())),
            Err(failure) => {
                let note = format!("the last 7 days are not known: {failure}; {instead}");
                Ok((self.campaign(&subject, now)?, vec![note]))
            }
        }
    }

    /// A week of a campaign whose busiest minutes ask for nearly all of the largest fleet.
    fn campaign(&self, subject: &Subject, now: Timestamp) -> Result<Work, Failure> {
        let policy = self.was.as_ref().unwrap_or(&self.will);
        let carried =
            f64::from(policy.bounds.max().get()) * policy.signals.target_per_replica.get();
        let cut = Cut { scale_to: Some((carried * BUSIEST).round()), ..Cut::default() };
        Work::read(&Traffic::Campaign, cut, subject, SEED, now)
    }

    fn subject(&self) -> Subject {
        Subject {
            title: self.key(),
            fleet: Some(self.fleet.clone()),
            policy: self.will.clone(),
            notes: Vec::new(),
        }
    }

    fn described(&self, work: &Work) -> report::Work {
        let bounds = self.will.bounds;
        report::Work {
            subject: self.key(),
            source: work.source.clone(),
            start: work.trace.start(),
            end: work.end(),
            zone: self.subject().zone(),
            bounds: (bounds.min().get(), bounds.max().get()),
            lag: LAG,
            seed: SEED,
            target_per_replica: self.will.signals.target_per_replica.get(),
        }
    }

    fn key(&self) -> String {
        self.fleet.name.clone()
    }
}

/// A fleet that is only watched is simulated as if it were not: that is what a reader wants to know of it.
fn enforced(policy: &FleetPolicy) -> FleetPolicy {
    FleetPolicy { mode: Mode::Enforce, ..policy.clone() }
}

fn title(comparison: &Comparison) -> String {
    let work = &comparison.work;
    let day = |at: Timestamp| at.to_zoned(work.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    format!(
        "fleet {}, simulated: {}, {} to {}",
        work.subject,
        work.source,
        day(work.start),
        day(work.end)
    )
}

fn table(comparison: &Comparison) -> Grid {
    let titles =
        vec!["POLICY", "SLOW MINUTES", "UNDER", "REPLICA HOURS", "CHANGES", "WORST MINUTE"];
    let mut grid = Grid::titled(titles);
    for outcome in comparison.outcomes() {
        let [slow, under, hours, _cost, changes, _reversals, worst] =
            words::cells(&outcome, &comparison.work.zone);
        let tone = if outcome.role == Role::Ours { Tone::Strong } else { Tone::Plain };
        let cells = [slow, under, hours, changes, worst].map(plain);
        grid.push(std::iter::once(toned(tone, &outcome.policy)).chain(cells).collect());
    }
    grid
}

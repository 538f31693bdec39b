//! What was decided at an instant of the past. Pure.
//!
//! A fleet's status holds the stages of the last decision alone ([`reports`]), and of the changes before it the sizes
//! ([`Recorded`]). An older decision is made again ([`Then`]): the traffic of the time before it, as Prometheus has it,
//! is played through the fleet's present manifest by the simulator, whose fleet obeys and is scraped. The last
//! decision of that is the answer ([`Rebuilt`]). It knows nothing of latency, errors and spot, and says so.

use super::ledger::Explanation;
use super::replay::stages;
use crate::failure::Failure;
use crate::page::Page;
use crate::table::Tone;
use crate::time::Clock;
use crate::view::{ChangeView, FleetView};
use apifleet_core::overrides::Override;
use apifleet_core::policy::SignalPolicy;
use apifleet_core::{Decision, FleetPolicy, Memory, Replicas};
use apifleet_crds::ApiFleet;
use apifleet_crds::spec::Mode;
use apifleet_crds::status::LastDecision;
use apifleet_sim::ours::Ours;
use apifleet_sim::trace::prometheus::{RangeError, range};
use apifleet_sim::{Load, Scenario, Trace, simulate_load};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Traffic is played from so long before the instant on, or from three scale-down windows before it: what a decision
/// remembers is no older.
const SHORTEST: Duration = Duration::from_hours(1);
/// The scale-down windows that are played.
const WINDOWS: u32 = 3;
/// A sample that is missing at the beginning changes nothing.
const LATE: SignedDuration = SignedDuration::from_mins(2);
/// Seconds until a pod is Ready: a usual one.
const LAG: u32 = 30;
/// When scrapes and looks are, is drawn from this.
const SEED: u64 = 1;
/// What a replay takes for granted.
const ASSUMED: &str = "the request rate is known by the minute, and pods are Ready half a minute after they are asked for";

/// The size that a fleet had at an instant, by the changes that its status remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// The size.
    pub replicas: i32,
    /// The change that made it; absent where it is older than the changes that are remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeView>,
}

/// A decision that was made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuilt {
    /// The decision.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The instant at which it was in force.
    pub asked_at: Timestamp,
    /// From when on traffic was played.
    pub replayed_from: Timestamp,
    /// The size then; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began_with: Option<i32>,
    /// The size at the instant; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// What was taken for granted.
    pub assumed: &'static str,
}

/// A fleet, and the instant of its past that is asked for.
#[derive(Debug, Clone)]
pub struct Then<'a> {
    fleet: &'a ApiFleet,
    policy: FleetPolicy,
    at: Timestamp,
    clock: &'a Clock,
}

/// Whether the decision that was in force at an instant is the one whose stages the status holds.
#[must_use]
pub fn reports(fleet: &ApiFleet, at: Timestamp) -> bool {
    // The status holds whole seconds, and so does what is typed.
    decided_at(fleet).is_some_and(|decided| decided.as_second() <= at.as_second())
}

/// What helps where it is not, and no Prometheus was named; `program` is what people type to call this one.
#[must_use]
pub fn unnamed(fleet: &ApiFleet, at: Timestamp, clock: &Clock, program: &str) -> Failure {
    let holds = decided_at(fleet).map_or_else(
        || "its status holds no decision".to_owned(),
        |last| format!("its status holds the last one alone, of {}", clock.instant_with_utc(last)),
    );
    let recorded = Recorded::at(fleet, at).map_or_else(String::new, |recorded| {
        format!("; on record it had {}", recorded.sentence(clock))
    });
    let (namespace, name) = names(fleet);
    Failure::Usage(format!(
        "{namespace}/{name}: the decision of {} is not known: {holds}{recorded}; have it replayed from the traffic \
         with --prometheus-url URL, or see the changes with: {program} history {name} -n {namespace}",
        clock.instant_with_utc(at)
    ))
}

fn decided_at(fleet: &ApiFleet) -> Option<Timestamp> {
    Some(fleet.status.as_ref()?.last_decision.as_ref()?.time.0)
}

/// Its namespace and its name.
fn names(fleet: &ApiFleet) -> (&str, &str) {
    let metadata = &fleet.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    (namespace, metadata.name.as_deref().unwrap_or_default())
}

// === impl Recorded ===

impl Recorded {
    /// The size at an instant; `None` where the status remembers nothing.
    #[must_use]
    pub fn at(fleet: &ApiFleet, at: Timestamp) -> Option<Self> {
        let view = FleetView::new(fleet, at);
        let is_before = |change: &&ChangeView| change.at.as_second() <= at.as_second();
        // Newest first.
        if let Some(change) = view.changes.iter().find(is_before) {
            // What is only observed keeps the size that others gave it.
            let observed = fleet.spec.mode == Mode::Observe;
            let replicas = if observed { change.previous } else { change.desired };
            return Some(Self { replicas, change: Some(change.clone()) });
        }
        let oldest = view.changes.last().map(|oldest| oldest.previous);
        let unchanged = || view.decision.as_ref().map(|last| last.previous);
        oldest.or_else(unchanged).map(|replicas| Self { replicas, change: None })
    }

    fn sentence(&self, clock: &Clock) -> String {
        let Self { replicas, change } = self;
        match change {
            Some(change) => {
                format!("{replicas} replicas since {}, {}", clock.instant(change.at), change.reason)
            }
            None => format!("{replicas} replicas"),
        }
    }
}

// === impl Then ===

impl<'a> Then<'a> {
    /// The fleet by its present manifest, without what is not replayed, and with what was ordered around the instant.
    ///
    /// # Errors
    /// Where the manifest means nothing.
    pub fn new(
        fleet: &'a ApiFleet,
        overrides: Vec<Override>,
        at: Timestamp,
        clock: &'a Clock,
    ) -> Result<Self, Failure> {
        let policy = FleetPolicy::try_from(&fleet.spec).map_err(|error| {
            let (namespace, name) = names(fleet);
            Failure::NotKnown(format!("{namespace}/{name}: {error}"))
        })?;
        let signals = SignalPolicy { latency: None, max_errors: None, ..policy.signals };
        let policy = FleetPolicy { signals, spot: None, overrides, ..policy };
        Ok(Self { fleet, policy, at, clock })
    }

    /// From when on traffic is needed.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        let patience = self.memory().map(|memory| memory.patience).unwrap_or_default();
        let windows = patience.window(&self.policy.behavior).saturating_mul(WINDOWS);
        let length = SignedDuration::try_from(windows.max(SHORTEST)).unwrap_or_default();
        self.at.saturating_sub(length).unwrap_or(self.at)
    }

    /// Makes the decision again from the answer of Prometheus to this query, over the time from [`Self::start`] to the
    /// instant.
    ///
    /// # Errors
    /// Where the answer holds no traffic of that time.
    pub fn replay(&self, query: &str, answer: &str) -> Result<Rebuilt, Failure> {
        let trace = self.traffic(query, answer)?;
        let from = trace.start();
        let began_with = Recorded::at(self.fleet, from).map(|recorded| recorded.replicas);
        let decision = self
            .decide(trace, began_with)
            .ok_or_else(|| self.unknown(query, "what it has is too short for a single decision"))?;
        let is_late = from.duration_since(self.start()) > LATE;
        let late = || {
            let from = self.clock.instant_with_utc(from);
            format!(
                "Prometheus has its request rate from {from} on only: what was before is left out"
            )
        };
        Ok(Rebuilt {
            explanation: self.explanation(&decision, is_late.then(late)),
            asked_at: self.at,
            replayed_from: from,
            began_with,
            recorded: Recorded::at(self.fleet, self.at),
            assumed: ASSUMED,
        })
    }

    fn memory(&self) -> Option<&Memory> {
        self.fleet.status.as_ref()?.memory.as_ref()
    }

    /// Requests per second, second by second, up to the instant. A sample of the rate tells of the minute before it;
    /// one may be missing at the end, where somebody between rounds the instants that are asked for.
    fn traffic(&self, query: &str, answer: &str) -> Result<Trace, Failure> {
        let seen = range("prometheus", answer).map_err(|error| self.unusable(query, &error))?;
        let step = SignedDuration::from_secs(seen.bucket().into());
        let start = seen.start().saturating_sub(step).unwrap_or(seen.start());
        let wanted = self.at.duration_since(start).as_secs();
        let most = seen.seconds().saturating_add(seen.bucket());
        let Some(seconds) = u32::try_from(wanted).ok().filter(|seconds| *seconds <= most) else {
            let length = SignedDuration::from_secs(seen.seconds().into());
            let end = start.saturating_add(length).unwrap_or(start);
            let end = self.clock.instant_with_utc(end);
            return Err(self.unknown(query, &format!("what it has ends at {end}")));
        };
        let rates = (0..seconds).map(|second| seen.rate_at(second)).collect();
        Trace::new(seen.name(), start, 1, rates)
            .map_err(|error| self.unknown(query, &error.to_string()))
    }

    fn unusable(&self, query: &str, error: &RangeError) -> Failure {
        match error {
            RangeError::Series(0) | RangeError::TooFew(_) => {
                self.unknown(query, "it keeps nothing that old, or did not see the fleet then")
            }
            RangeError::Json(_)
            | RangeError::Refused(_)
            | RangeError::NotAMatrix(_)
            | RangeError::Series(_)
            | RangeError::TooMany
            | RangeError::NotARate { .. }
            | RangeError::Unsorted { .. }
            | RangeError::Gap { .. }
            | RangeError::Trace(_) => Failure::NotKnown(format!(
                "{query}: {error}; choose another --at, or check --prometheus-url"
            )),
        }
    }

    fn unknown(&self, query: &str, why: &str) -> Failure {
        let (namespace, name) = names(self.fleet);
        Failure::NotKnown(format!(
            "Prometheus does not know the request rate of {namespace}/{name} until {} ({query}): {why}; choose another \
             --at, or check --prometheus-url",
            self.clock.instant_with_utc(self.at)
        ))
    }

    /// The last decision of an operator that has seen this traffic.
    fn decide(&self, trace: Trace, size: Option<i32>) -> Option<Decision> {
        let load = Load::exact(&trace);
        let count = |size: i32| Replicas::new(u32::try_from(size).unwrap_or_default());
        let usual = Scenario::new(Arc::new(trace), self.policy.bounds, LAG, SEED);
        let scenario = Scenario { size: size.map(count), ..usual };
        let mut ours = Ours::new(names(self.fleet).1, self.policy.clone());
        if let Some(memory) = self.memory() {
            ours = ours.knowing(memory);
        }
        // How the traffic was served is not asked for.
        let _ = simulate_load(&scenario, &load, &mut ours);
        ours.decision().cloned()
    }

    fn explanation(&self, decision: &Decision, notice: Option<String>) -> Explanation {
        let (namespace, name) = names(self.fleet);
        // What it foresaw has come, or has not, by now.
        let LastDecision { time, desired, previous, reason, summary, stages: _, next: _ } =
            LastDecision::from(decision);
        Explanation {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            at: time.0,
            previous,
            desired,
            reason,
            summary,
            replayed: true,
            stages: stages(decision),
            next: None,
            notices: notice.into_iter().collect(),
        }
    }
}

// === impl Rebuilt ===

impl Rebuilt {
    /// The answer for people. Its first line says what it is worth.
    #[must_use]
    pub fn render(&self, clock: &Clock, width: Option<u16>) -> String {
        let first = format!(
            "replayed from Prometheus: what the fleet's present manifest would have decided at {}; latency, errors and \
             spot are not replayed",
            clock.instant_with_utc(self.asked_at)
        );
        let page = self.compared(Page::new(width).words(Tone::Note, first), clock).gap();
        let from = clock.instant_with_utc(self.replayed_from);
        let size = self.began_with.map_or_else(
            || "as many replicas as its load needs, for the size then is not known".to_owned(),
            |size| format!("{size} replicas"),
        );
        let how = format!("replayed from {from} on, with {size}; {}", self.assumed);
        let end = Page::new(width).gap().words(Tone::Dim, how);
        [page.finish(), self.explanation.render(clock, width), end.finish()].concat()
    }

    /// The size on record beside the one that was made again; where they differ this must not be overlooked.
    fn compared(&self, page: Page, clock: &Clock) -> Page {
        let Some(recorded) = &self.recorded else { return page };
        let on_record = format!("on record it had {}", recorded.sentence(clock));
        if recorded.replicas == self.explanation.desired {
            return page.words(Tone::Plain, on_record);
        }
        let why = "what is not replayed counted then, or the manifest was another";
        page.notices(&[format!("{on_record}: {why}")])
    }
}

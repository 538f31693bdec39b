//! Decides again, with the function that the operator uses, on what a fleet's status holds.
//!
//! The status holds the operator's memory, the size and split, and the last good value of each signal; that is enough
//! to decide the size as the operator would. It does not hold the nodes, so the split between on demand and spot is
//! not replayed, nor how long pods take, so they count as Ready at once. [`Replay::ASSUMED`] says so to people.

use super::ledger::undecided;
use super::{Assumption, ledger::StageView};
use crate::failure::Failure;
use crate::view::{FleetView, condition};
use apifleet_core::decision::{Decision, Stage};
use apifleet_core::memory::Sample;
use apifleet_core::observation::{
    Observation, Placeholders, Reading, Readings, SpotLoss, SpotTarget, TargetObservation,
};
use apifleet_core::overrides::Override;
use apifleet_core::policy::Mode;
use apifleet_core::{FleetPolicy, Memory, Reason, Replicas, decide};
use apifleet_crds::status::{ApiFleetStatus, TargetStatus};
use apifleet_crds::{ApiFleet, ConditionType};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// The operator decides this often while nothing moves.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// So far ahead is looked.
const AHEAD: SignedDuration = SignedDuration::from_mins(30);
/// A status that is older tells too little about now.
const OLDEST: SignedDuration = SignedDuration::from_mins(10);
/// Any number of samples that fills every window.
const PLENTY: f64 = 1e6;

/// A fleet that is decided again.
#[derive(Debug, Clone)]
pub struct Replay {
    policy: FleetPolicy,
    seen: Observation,
    memory: Memory,
    now: Timestamp,
}

/// A change of the size that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coming {
    /// When.
    pub at: Timestamp,
    /// The size before.
    pub previous: i32,
    /// The size after.
    pub desired: i32,
    /// Why, in one word.
    pub reason: String,
    /// Why, in one line.
    pub summary: String,
}

// === impl Replay ===

impl Replay {
    /// What a replay takes for granted; said beside every answer.
    pub const ASSUMED: &str = "decided again from the fleet's status: all signals fresh, pods Ready at once, no \
                               rollout; the split between on demand and spot is not part of it";

    /// The fleet as it was decided last, brought up to `now` with its signals as they were, and with what is ordered.
    ///
    /// # Errors
    /// Where the status does not hold enough: what is missing.
    pub fn new(fleet: &ApiFleet, overrides: &[Override], now: Timestamp) -> Result<Self, Failure> {
        let view = FleetView::new(fleet, now);
        let unknown = |why: &str| Failure::NotKnown(format!("{}: {why}", view.key()));
        let policy =
            FleetPolicy::try_from(&fleet.spec).map_err(|error| unknown(&error.to_string()))?;
        let policy = FleetPolicy { overrides: overrides.to_vec(), ..policy };
        let Some(status) = fleet.status.as_ref().filter(|status| status.last_decision.is_some())
        else {
            return Err(Failure::NotKnown(undecided(&view.key(), &view.notices)));
        };
        if let Some(stalled) =
            condition(&status.conditions, ConditionType::Stalled).filter(|it| it.status == "True")
        {
            return Err(unknown(&format!(
                "stalled, nothing is decided: {}: {}",
                stalled.reason, stalled.message
            )));
        }
        let memory = status.memory.clone().ok_or_else(|| {
            unknown("its status holds no memory that this version understands, so nothing can be decided again")
        })?;
        let decided =
            memory.at.ok_or_else(|| unknown("its memory does not say when it was decided"))?;
        if now.duration_since(decided) > OLDEST {
            return Err(unknown(&view.notices.join("; ")));
        }
        let seen = observation(fleet, status, &policy, &memory, decided);
        let first = decided.saturating_add(STEP).unwrap_or(now);
        let mut replay = Self { policy, seen, memory, now: first };
        while replay.now < now {
            replay.step();
        }
        replay.now = now;
        Ok(replay)
    }

    /// Takes these signals for the real ones from now on.
    ///
    /// # Errors
    /// Where the fleet does not look at one of them.
    pub fn assume(&mut self, assumed: &Assumption) -> Result<(), Failure> {
        let Assumption { rate, latency, errors } = *assumed;
        let readings = &mut self.seen.readings;
        if let Some(rate) = rate {
            readings.request_rate = reading(rate.get(), self.now);
            readings.burst_rate = readings.request_rate;
        }
        if let Some((percentile, value)) = latency {
            match self.policy.signals.latency {
                Some(policy) if policy.percentile == percentile => {
                    readings.latency = reading(value.get(), self.now);
                }
                Some(policy) => {
                    return Err(Failure::Usage(format!(
                        "this fleet guards p{}, not p{percentile}: assume p{}=...",
                        policy.percentile, policy.percentile
                    )));
                }
                None => {
                    return Err(Failure::Usage(format!(
                        "this fleet has no latency guard, so p{percentile} changes nothing: see spec.signals.latency"
                    )));
                }
            }
        }
        if let Some(share) = errors {
            if self.policy.signals.max_errors.is_none() {
                return Err(Failure::Usage(
                    "this fleet has no error guard, so errors change nothing: see spec.signals.errors".to_owned(),
                ));
            }
            readings.error_rate =
                reading(share.get() / 100.0 * value(readings.request_rate), self.now);
        }
        Ok(())
    }

    /// What one replica carries, in requests per second.
    #[must_use]
    pub fn per_replica(&self) -> f64 {
        self.policy.signals.target_per_replica.get()
    }

    /// The requests per second that are taken for the real ones.
    #[must_use]
    pub fn rate(&self) -> f64 {
        value(self.seen.readings.request_rate)
    }

    /// Decides at this instant, without carrying it out.
    #[must_use]
    pub fn decision(&self) -> Decision {
        decide(&self.policy, &self.fresh(), &self.memory, self.now).0
    }

    /// Every decision from now on for as long as is looked ahead, each carried out at once.
    pub fn ahead(mut self) -> impl Iterator<Item = Decision> {
        let end = self.now.saturating_add(AHEAD).unwrap_or(self.now);
        std::iter::from_fn(move || (self.now <= end).then(|| self.step()))
    }

    /// Decides, carries it out, and goes on to the next instant.
    fn step(&mut self) -> Decision {
        let (decision, memory) = decide(&self.policy, &self.fresh(), &self.memory, self.now);
        self.memory = memory;
        if self.policy.mode != Mode::Observe {
            let placement = decision.placement;
            carry_out(&mut self.seen.on_demand, placement.on_demand);
            if let SpotTarget::Present(spot) = &mut self.seen.spot {
                carry_out(spot, placement.spot);
            }
        }
        // As the operator does: at the regular instants, and at the one that was foreseen.
        let regular = self.now.saturating_add(STEP).unwrap_or(self.now);
        let foreseen = decision.next.map(|next| next.at).filter(|at| *at > self.now);
        self.now = foreseen.map_or(regular, |at| at.min(regular));
        decision
    }

    /// What is seen, sampled just now.
    fn fresh(&self) -> Observation {
        let mut seen = self.seen.clone();
        let Readings {
            request_rate,
            burst_rate,
            latency,
            error_rate,
            critical_rate,
            dependency_latency,
            scraped_pods,
            window_samples,
        } = &mut seen.readings;
        for reading in [
            request_rate,
            burst_rate,
            latency,
            error_rate,
            critical_rate,
            dependency_latency,
            scraped_pods,
            window_samples,
        ] {
            if let Reading::Value { sampled_at, .. } = reading {
                *sampled_at = self.now;
            }
        }
        seen
    }
}

/// The changes among decisions.
#[must_use]
pub fn changes(decisions: &[Decision]) -> Vec<Coming> {
    let change = |decision: &Decision| {
        decision.change().map(|_| Coming {
            at: decision.at,
            previous: count(decision.previous),
            desired: count(decision.desired),
            reason: decision.reason.as_str().to_owned(),
            summary: decision.summary(),
        })
    };
    decisions.iter().filter_map(change).collect()
}

/// The stages of a decision, without the split, which is not replayed.
#[must_use]
pub fn stages(decision: &Decision) -> Vec<StageView> {
    let mut stages = StageView::of(decision);
    stages.retain(|stage| stage.stage != Stage::Place.as_str());
    stages
}

fn count(replicas: Replicas) -> i32 {
    apifleet_crds::convert::count(replicas)
}

fn carry_out(target: &mut TargetObservation, wanted: Option<Replicas>) {
    if let Some(wanted) = wanted {
        (target.wanted, target.ready, target.pending) = (Some(wanted), wanted, Replicas::ZERO);
    }
}

/// What the operator would have seen, as far as the status tells.
fn observation(
    fleet: &ApiFleet,
    status: &ApiFleetStatus,
    policy: &FleetPolicy,
    memory: &Memory,
    at: Timestamp,
) -> Observation {
    let targets = status.targets.clone().unwrap_or_default();
    let spot = match (&fleet.spec.targets.spot, &targets.spot) {
        (None, _) => SpotTarget::None,
        (Some(_), Some(seen)) => SpotTarget::Present(target(Some(seen))),
        (Some(_), None) => SpotTarget::Lost(loss(status)),
    };
    Observation {
        on_demand: target(targets.on_demand.as_ref()),
        spot,
        spot_nodes: Vec::new(),
        spot_pending_since: Vec::new(),
        placeholders: Placeholders::default(),
        pods_started: Vec::new(),
        nodes_started: Vec::new(),
        ready_since: Vec::new(),
        scrape_interval: Duration::from_secs(15),
        readings: readings(status, policy, memory, at),
    }
}

fn loss(status: &ApiFleetStatus) -> SpotLoss {
    let healthy = condition(&status.conditions, ConditionType::SpotHealthy);
    let conflicted = healthy.is_some_and(|it| it.reason == Reason::ConflictingAutoscaler.as_str());
    if conflicted { SpotLoss::Conflicted } else { SpotLoss::Missing }
}

fn target(seen: Option<&TargetStatus>) -> TargetObservation {
    let count = |value: i32| Replicas::new(u32::try_from(value).unwrap_or_default());
    let Some(seen) = seen else { return TargetObservation::default() };
    TargetObservation {
        wanted: seen.desired.map(count),
        ready: count(seen.ready),
        pending: count(seen.pending),
        ..TargetObservation::default()
    }
}

/// The last good value of each signal, as if it had been measured just now.
fn readings(
    status: &ApiFleetStatus,
    policy: &FleetPolicy,
    memory: &Memory,
    at: Timestamp,
) -> Readings {
    let observed = status.observed.clone().unwrap_or_default();
    let shown = observed.requests_per_second.and_then(|rate| rate.parse().ok());
    let rate = memory.last.request_rate.map(Sample::value).or(shown).unwrap_or_default();
    // What the operator shows of an idle fleet is zero, whatever was there before.
    let rate = if shown == Some(0.0) { 0.0 } else { rate };
    let latency =
        observed.latency_milliseconds.and_then(|value| u32::try_from(value).ok()).map(f64::from);
    let latency = if rate > 0.0 { latency.unwrap_or_default() } else { f64::NAN };
    let errors =
        observed.error_percent.and_then(|share| share.parse::<f64>().ok()).unwrap_or_default();
    let guarded =
        |wanted: bool, value: f64| if wanted { reading(value, at) } else { Reading::Empty };
    Readings {
        request_rate: reading(rate, at),
        burst_rate: reading(rate, at),
        latency: guarded(policy.signals.latency.is_some(), latency),
        error_rate: guarded(policy.signals.max_errors.is_some(), errors / 100.0 * rate),
        critical_rate: Reading::Empty,
        dependency_latency: Reading::Empty,
        scraped_pods: Reading::Empty,
        window_samples: reading(PLENTY, at),
    }
}

fn reading(value: f64, sampled_at: Timestamp) -> Reading {
    Reading::Value { value, sampled_at }
}

fn value(reading: Reading) -> f64 {
    match reading {
        Reading::Value { value, .. } => value,
        Reading::Empty | Reading::Several | Reading::Failed => 0.0,
    }
}

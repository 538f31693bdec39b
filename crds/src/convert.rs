//! From a decision to what status says of it. Nothing is left out silently: what status has no room for is cut at a
//! known length, and numbers are rounded for people.

use crate::intent::OverrideIntent;
use crate::status::{
    ActiveOverrideStatus, ActiveScheduleStatus, DecisionRecord, LastDecision, LearnedStatus,
    NextStatus, Observed, SpotStatus, StageStatus, TargetStatus,
};
use apifleet_core::Decision;
use apifleet_core::decision::{
    ActiveOverride, ActiveSchedule, Line, Next, Placement, Signals, SpotDecision, Standing,
};
use apifleet_core::observation::TargetObservation;
use apifleet_core::quantity::{Replicas, Rps};
use apifleet_core::schedule::lead::{Learned, Measured};
use apifleet_core::signal::Signal;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Longest sentence in status, in characters; the schema allows as many.
pub const LONGEST_MESSAGE: usize = 512;
/// Most changes that `recentDecisions` keeps.
const RECENT: usize = 10;
/// Most stages that a ledger in status has.
const STAGES: usize = 16;

impl From<&Decision> for LastDecision {
    fn from(decision: &Decision) -> Self {
        let DecisionRecord { time, desired, previous, reason, summary } = decision.into();
        Self {
            time,
            desired,
            previous,
            reason,
            summary,
            stages: decision.ledger.iter().take(STAGES).map(StageStatus::from).collect(),
            next: decision.next.as_ref().map(NextStatus::from),
        }
    }
}

impl From<&Line> for StageStatus {
    fn from(line: &Line) -> Self {
        let Line { stage, input, output, why } = line;
        Self {
            stage: stage.as_str().to_owned(),
            input: count(*input),
            output: count(*output),
            reason: why.reason().as_str().to_owned(),
            message: bounded(&why.to_string(), LONGEST_MESSAGE),
        }
    }
}

impl From<&Next> for NextStatus {
    fn from(next: &Next) -> Self {
        let Next { at, reason, replicas } = *next;
        Self { at: instant(at), reason: reason.as_str().to_owned(), replicas: count(replicas) }
    }
}

impl From<&Decision> for DecisionRecord {
    fn from(decision: &Decision) -> Self {
        Self {
            time: instant(decision.at),
            desired: count(decision.desired),
            previous: count(decision.previous),
            reason: decision.reason.as_str().to_owned(),
            summary: bounded(&decision.summary(), LONGEST_MESSAGE),
        }
    }
}

impl DecisionRecord {
    /// The changes to keep after a decision: it first, if it changes anything, then the newest of those before.
    #[must_use]
    pub fn after(decision: &Decision, before: &[Self]) -> Vec<Self> {
        let newest = decision.change().map(|_| Self::from(decision));
        newest.into_iter().chain(before.iter().cloned()).take(RECENT).collect()
    }
}

impl Observed {
    /// What a decision knew, judged at `at`. Values that only serve as a lower bound are shown too; their age is in
    /// `sampledAt`, their verdict in condition `SignalsFresh`.
    #[must_use]
    pub fn new(signals: &Signals, at: Timestamp) -> Self {
        let Signals { request_rate, burst_rate: _, latency, errors, critical_rate: _ } = signals;
        Self {
            requests_per_second: value(request_rate, Rps::ZERO).map(|rate| quantity(rate.get())),
            latency_milliseconds: latency
                .and_then(|signal| measured(&signal))
                .map(|p| rounded(p.get())),
            error_percent: errors
                .and_then(|signal| measured(&signal))
                .map(|share| quantity(share.get())),
            sampled_at: age(request_rate)
                .and_then(|age| SignedDuration::try_from(age).ok())
                .and_then(|age| at.checked_sub(age).ok())
                .map(instant),
        }
    }
}

impl TargetStatus {
    /// What is seen of a target, and what a decision wants of it.
    #[must_use]
    pub fn new(seen: &TargetObservation, desired: Option<Replicas>) -> Self {
        Self { desired: desired.map(count), ready: count(seen.ready), pending: count(seen.pending) }
    }
}

impl From<&ActiveSchedule> for ActiveScheduleStatus {
    fn from(schedule: &ActiveSchedule) -> Self {
        let ActiveSchedule { name, phase, start, end, floor, full } = *schedule;
        Self {
            name: name.to_string(),
            phase: phase.as_str().to_owned(),
            start: instant(start),
            end: instant(end),
            floor: count(floor),
            full_floor: count(full),
        }
    }
}

impl ActiveOverrideStatus {
    /// The overrides that a decision found due, with what their objects say: those that count come first.
    #[must_use]
    pub fn of(active: &[ActiveOverride], orders: &[OverrideIntent]) -> Vec<Self> {
        let told = |active: &ActiveOverride| {
            let order = orders.iter().find(|intent| intent.order.name == active.name)?;
            Some(Self::new(active, order))
        };
        let mut all: Vec<Self> = active.iter().filter_map(told).collect();
        all.sort_by_key(|one| one.superseded_by.is_some());
        all
    }

    fn new(active: &ActiveOverride, intent: &OverrideIntent) -> Self {
        let ActiveOverride { name, action, standing, until } = *active;
        let replicas = action.replicas().map(count);
        let size = replicas.map_or_else(String::new, |replicas| format!(" {replicas}"));
        Self {
            name: name.to_string(),
            summary: format!("{}{size} until {}", action.as_str(), until.strftime("%H:%MZ")),
            action: action.as_str().to_owned(),
            replicas,
            expires_at: instant(until),
            reason: intent.reason.clone(),
            requested_by: intent.requested_by.clone(),
            superseded_by: match standing {
                Standing::InForce => None,
                Standing::Superseded { by } => Some(by.to_string()),
            },
        }
    }
}

impl LearnedStatus {
    /// What has been measured often enough; `None` while nothing has.
    #[must_use]
    pub fn new(learned: &Learned) -> Option<Self> {
        let Learned { pods, nodes } = learned;
        let seconds = |measured: &Measured| {
            let p95 = measured.p95()?;
            Some(i32::try_from(p95.as_secs()).unwrap_or(i32::MAX))
        };
        let told = Self { pod_ready_seconds: seconds(pods), node_ready_seconds: seconds(nodes) };
        (told != Self::default()).then_some(told)
    }
}

impl SpotStatus {
    /// How a placement splits the fleet, unknown where a size is; and the state that a decision found.
    #[must_use]
    pub fn new(placement: Placement, decided: Option<SpotDecision>) -> Self {
        let share = placement.on_demand.zip(placement.spot).and_then(|(on_demand, spot)| {
            (u64::from(spot.get()) * 100).checked_div(u64::from(on_demand.plus(spot).get()))
        });
        let share_percent = share.and_then(|percent| i32::try_from(percent).ok());
        let Some(SpotDecision { state, since, share_percent: _, cover }) = decided else {
            return Self { share_percent, ..Self::default() };
        };
        Self {
            state: Some(state.as_str().to_owned()),
            since: Some(instant(since)),
            share_percent,
            cover: Some(count(cover)),
        }
    }
}

/// The replicas as the schema has them.
#[must_use]
pub fn count(replicas: Replicas) -> i32 {
    i32::try_from(replicas.get()).unwrap_or(i32::MAX)
}

/// The instant as status has it: to the second, so that what is read back equals what was written.
#[must_use]
pub fn instant(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

/// The text, cut to so many characters.
#[must_use]
pub fn bounded(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(longest.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The value that a signal serves with; `calm` where there are no requests.
fn value<T: Copy>(signal: &Signal<T>, calm: T) -> Option<T> {
    match signal {
        Signal::Idle => Some(calm),
        Signal::Fresh { .. }
        | Signal::Warming { .. }
        | Signal::Stale { .. }
        | Signal::Absent { .. }
        | Signal::Invalid { .. } => measured(signal),
    }
}

/// The measured value that a signal serves with.
fn measured<T: Copy>(signal: &Signal<T>) -> Option<T> {
    match signal {
        Signal::Fresh { value, .. } | Signal::Warming { value } => Some(*value),
        Signal::Stale { last, .. } | Signal::Absent { last } | Signal::Invalid { last } => *last,
        Signal::Idle => None,
    }
}

fn age<T>(signal: &Signal<T>) -> Option<std::time::Duration> {
    match signal {
        Signal::Fresh { age, .. } | Signal::Stale { age, .. } => Some(*age),
        Signal::Idle | Signal::Warming { .. } | Signal::Absent { .. } | Signal::Invalid { .. } => {
            None
        }
    }
}

/// A number for people, as a Quantity: whole from 100 on, two decimals below.
fn quantity(value: f64) -> String {
    if value >= 100.0 {
        return rounded(value).to_string();
    }
    let rounded = (value * 100.0).round() / 100.0;
    rounded.to_string()
}

#[allow(clippy::cast_possible_truncation, reason = "`as` saturates, and measures are finite")]
fn rounded(value: f64) -> i64 {
    value.round() as i64
}

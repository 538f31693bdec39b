//! What was measured: each signal with its value, its age at the decision, and what it is held against.

use super::condition;
use apifleet_core::memory::Sample;
use apifleet_crds::status::ApiFleetStatus;
use apifleet_crds::{ConditionType, FleetIntent};
use jiff::Timestamp;
use serde::Serialize;

/// The signals of the last decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignalsView {
    /// Whether they are trusted, and why, in one word: Fresh, Idle, Warming, Stale...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Whether all are trusted in both directions.
    pub trusted: bool,
    /// Why, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Each of them; the request rate first.
    pub measured: Vec<SignalView>,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignalView {
    /// What it is: `requests`, a percentile such as `p95`, or `errors`.
    pub signal: String,
    /// Its value; absent while it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The unit of its value and of its limit.
    pub unit: &'static str,
    /// When its newest sample was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_at: Option<Timestamp>,
    /// How old that was when the decision was made, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
    /// What it is held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// What a signal is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// What one replica carries.
    PerReplica(f64),
    /// What it is to stay at.
    Target(f64),
    /// What it must not pass.
    Maximum(f64),
}

// === impl SignalView ===

impl SignalView {
    /// Its value with its unit.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        self.value.map(|value| format!("{value} {}", self.unit))
    }

    /// What it is held against, in words.
    #[must_use]
    pub fn held_against(&self) -> String {
        match self.limit {
            None => String::new(),
            Some(Limit::PerReplica(value)) => format!("{value} {} per replica", self.unit),
            Some(Limit::Target(value)) => format!("target {value} {}", self.unit),
            Some(Limit::Maximum(value)) => format!("at most {value} {}", self.unit),
        }
    }

    fn aged(mut self, sampled_at: Option<Timestamp>, decided: Option<Timestamp>) -> Self {
        let age = sampled_at.zip(decided);
        let age = age.map(|(sampled, decided)| decided.duration_since(sampled).as_secs().max(0));
        (self.sampled_at, self.age_seconds) = (sampled_at, age);
        self
    }
}

/// The signals, as far as they were reported; `intent` says what they are held against.
pub(super) fn view(status: &ApiFleetStatus, intent: Option<&FleetIntent>) -> Option<SignalsView> {
    let observed = status.observed.as_ref()?;
    let decided = status.last_decision.as_ref().map(|decision| decision.time.0);
    let fresh = condition(&status.conditions, ConditionType::SignalsFresh);
    let last = status.memory.as_ref().map(|memory| memory.last).unwrap_or_default();
    let policy = intent.map(|intent| &intent.policy.signals);
    let at = |sample: Option<Sample>| sample.map(|sample| sample.at);
    let number = |quantity: &Option<String>| quantity.as_ref()?.parse::<f64>().ok();

    let sampled = observed.sampled_at.as_ref().map(|time| time.0);
    let per_replica = policy.map(|policy| Limit::PerReplica(policy.target_per_replica.get()));
    let rate = signal("requests", number(&observed.requests_per_second), "/s", per_replica);
    let rate = rate.aged(sampled.or(at(last.request_rate)), decided);
    let latency = policy.and_then(|policy| policy.latency).map(|policy| {
        let value = observed.latency_milliseconds.and_then(|value| u32::try_from(value).ok());
        let target = Some(Limit::Target(policy.target.get()));
        signal(&format!("p{}", policy.percentile), value.map(f64::from), "ms", target)
            .aged(at(last.latency), decided)
    });
    let errors = policy.and_then(|policy| policy.max_errors).map(|limit| {
        let limit = Some(Limit::Maximum(limit.get()));
        signal("errors", number(&observed.error_percent), "%", limit).aged(at(last.errors), decided)
    });
    Some(SignalsView {
        verdict: fresh.map(|condition| condition.reason.clone()),
        trusted: fresh.is_some_and(|condition| condition.status == "True"),
        message: fresh.map(|condition| condition.message.clone()),
        measured: [Some(rate), latency, errors].into_iter().flatten().collect(),
    })
}

fn signal(
    signal: &str,
    value: Option<f64>,
    unit: &'static str,
    limit: Option<Limit>,
) -> SignalView {
    SignalView {
        signal: signal.to_owned(),
        value,
        unit,
        sampled_at: None,
        age_seconds: None,
        limit,
    }
}

//! The operator's own metrics. Labels are bounded: fleets (removed when a fleet is gone), and closed lists of words.
//!
//! Written by every step that needs a client, served by [`crate::health`].

use crate::error::Class;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

type FloatGauge = Gauge<f64, AtomicU64>;

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<ReasonLabel, Counter>,
    reconcile_errors: Family<ClassLabel, Counter>,
    panics: Counter,
    foreign_writes: Counter,
    scale_writes: Family<ResultLabel, Counter>,
    scale_write_seconds: Histogram,
    pass_seconds: Histogram,
    pass_period: FloatGauge,
    fleets: Gauge,
    leader: Gauge,
    queries: Family<ResultLabel, Counter>,
    query_seconds: Histogram,
    kubernetes_failures: Family<CallLabel, Counter>,
    desired: Family<TargetLabel, Gauge>,
    ready: Family<TargetLabel, Gauge>,
    pending: Family<TargetLabel, Gauge>,
    min: Family<FleetLabel, Gauge>,
    max: Family<FleetLabel, Gauge>,
    verdict: Family<VerdictLabel, Gauge>,
    signal_age: Family<SignalLabel, FloatGauge>,
    condition: Family<ConditionLabel, Gauge>,
    last_decision: Family<FleetLabel, FloatGauge>,
    shown: Mutex<HashMap<FleetLabel, Shown>>,
}

/// The labels under which a fleet is shown, so that they can be taken away again.
#[derive(Debug, Default)]
struct Shown {
    targets: Vec<TargetLabel>,
    verdicts: Vec<VerdictLabel>,
    ages: Vec<SignalLabel>,
    conditions: Vec<ConditionLabel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabel {
    call: &'static str,
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FleetLabel {
    namespace: String,
    fleet: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabel {
    namespace: String,
    fleet: String,
    target: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalLabel {
    namespace: String,
    fleet: String,
    signal: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    namespace: String,
    fleet: String,
    signal: &'static str,
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConditionLabel {
    namespace: String,
    fleet: String,
    condition: &'static str,
}

/// What is shown of one fleet after a decision.
#[derive(Debug, Clone, Default)]
pub struct FleetView {
    /// When the decision was made, in seconds since 1970.
    pub decided_at: f64,
    /// The smallest size.
    pub min: u32,
    /// The largest size.
    pub max: u32,
    /// One entry per target.
    pub targets: Vec<TargetView>,
    /// One entry per configured signal.
    pub signals: Vec<SignalView>,
    /// Every condition, and whether it is True.
    pub conditions: Vec<(&'static str, bool)>,
}

/// One target's numbers.
#[derive(Debug, Clone)]
pub struct TargetView {
    /// `on-demand` or `spot`.
    pub target: &'static str,
    /// `spec.replicas` as decided, where it is known.
    pub desired: Option<u32>,
    /// Ready pods.
    pub ready: u32,
    /// Pods that are not scheduled.
    pub pending: u32,
}

/// One signal's verdict.
#[derive(Debug, Clone)]
pub struct SignalView {
    /// Which signal.
    pub signal: &'static str,
    /// Its verdict.
    pub verdict: &'static str,
    /// Age of its newest sample in seconds, where there is one.
    pub age: Option<f64>,
}

// === impl Metrics ===

/// Registers a metric and returns the handle that is written to.
fn register<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register(name, help, metric.clone());
    metric
}

fn register_seconds(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let histogram = Histogram::new(exponential_buckets(0.001, 2.0, 14));
    registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    histogram
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("apifleet");
        let r = &mut registry;
        Self {
            decisions: register(r, "decisions", "Decisions made, by reason", Family::default()),
            reconcile_errors: register(
                r,
                "reconcile_errors",
                "Failed reconciles, by class",
                Family::default(),
            ),
            panics: register(r, "reconcile_panics", "Reconciles that panicked", Counter::default()),
            foreign_writes: register(
                r,
                "foreign_writes",
                "Writes of replicas by others",
                Counter::default(),
            ),
            scale_writes: register(
                r,
                "scale_writes",
                "Writes of replicas, by result",
                Family::default(),
            ),
            scale_write_seconds: register_seconds(
                r,
                "scale_write_duration",
                "Time of one write of replicas",
            ),
            pass_seconds: register_seconds(r, "pass_duration", "Time of one pass over all fleets"),
            pass_period: register(
                r,
                "pass_period_seconds",
                "Time between the last two passes",
                Gauge::default(),
            ),
            fleets: register(r, "fleets", "Fleets that are managed", Gauge::default()),
            leader: register(r, "leader", "1 on the copy that acts", Gauge::default()),
            queries: register(
                r,
                "prometheus_queries",
                "Queries to Prometheus, by result",
                Family::default(),
            ),
            query_seconds: register_seconds(r, "prometheus_query_duration", "Time of one query"),
            kubernetes_failures: register(
                r,
                "kubernetes_call_failures",
                "Failed calls to the Kubernetes API",
                Family::default(),
            ),
            desired: register(
                r,
                "fleet_desired_replicas",
                "Replicas decided, per target",
                Family::default(),
            ),
            ready: register(r, "fleet_ready_replicas", "Ready pods, per target", Family::default()),
            pending: register(
                r,
                "fleet_pending_replicas",
                "Unscheduled pods, per target",
                Family::default(),
            ),
            min: register(r, "fleet_min_replicas", "Smallest size", Family::default()),
            max: register(r, "fleet_max_replicas", "Largest size", Family::default()),
            verdict: register(
                r,
                "fleet_signal_verdict",
                "1 for the signal's verdict",
                Family::default(),
            ),
            signal_age: register(
                r,
                "fleet_signal_age_seconds",
                "Age of the newest sample",
                Family::default(),
            ),
            condition: register(
                r,
                "fleet_condition",
                "1 where the condition is True",
                Family::default(),
            ),
            last_decision: register(
                r,
                "fleet_last_decision_timestamp_seconds",
                "When the last decision was made",
                Family::default(),
            ),
            shown: Mutex::default(),
            registry,
        }
    }
}

impl Metrics {
    /// Media type of [`Metrics::encode`].
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All metrics as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut body = String::new();
        text::encode(&mut body, &self.registry)?;
        Ok(body)
    }

    /// A decision was made.
    pub fn decided(&self, reason: &'static str) {
        self.decisions.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// A reconcile failed.
    pub fn reconcile_failed(&self, class: Class) {
        self.reconcile_errors.get_or_create(&ClassLabel { class: class.as_str() }).inc();
    }

    /// A reconcile panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Someone else wrote the replicas of a target.
    pub fn foreign_write(&self) {
        self.foreign_writes.inc();
    }

    /// Replicas were written, or not.
    pub fn scaled(&self, result: &'static str, took: Duration) {
        self.scale_writes.get_or_create(&ResultLabel { result }).inc();
        self.scale_write_seconds.observe(took.as_secs_f64());
    }

    /// A pass over all fleets ended; `period` is the time since the last one began.
    pub fn passed(&self, took: Duration, period: Duration, fleets: usize) {
        self.pass_seconds.observe(took.as_secs_f64());
        self.pass_period.set(period.as_secs_f64());
        self.fleets.set(i64::try_from(fleets).unwrap_or(i64::MAX));
    }

    /// Whether this copy acts.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// A query was answered, or not.
    pub fn queried(&self, result: &'static str, took: Duration) {
        self.queries.get_or_create(&ResultLabel { result }).inc();
        self.query_seconds.observe(took.as_secs_f64());
    }

    /// A call to the Kubernetes API failed.
    pub fn kubernetes_failed(&self, call: &'static str, class: Class) {
        self.kubernetes_failures.get_or_create(&CallLabel { call, class: class.as_str() }).inc();
    }

    /// Shows a fleet as it is now; what was shown of it before and is no more is taken away.
    pub fn show(&self, namespace: &str, fleet: &str, view: &FleetView) {
        let label = FleetLabel { namespace: namespace.to_owned(), fleet: fleet.to_owned() };
        self.last_decision.get_or_create(&label).set(view.decided_at);
        self.min.get_or_create(&label).set(i64::from(view.min));
        self.max.get_or_create(&label).set(i64::from(view.max));
        let now = self.write(&label, view);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = shown.remove(&label) {
            self.take_away(&before, &now);
        }
        shown.insert(label, now);
    }

    /// Takes a fleet away that is gone.
    pub fn hide(&self, namespace: &str, fleet: &str) {
        let label = FleetLabel { namespace: namespace.to_owned(), fleet: fleet.to_owned() };
        self.last_decision.remove(&label);
        self.min.remove(&label);
        self.max.remove(&label);
        let before = self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&label);
        if let Some(before) = before {
            self.take_away(&before, &Shown::default());
        }
    }

    fn write(&self, label: &FleetLabel, view: &FleetView) -> Shown {
        let mut now = Shown::default();
        let FleetLabel { namespace, fleet } = label;
        for TargetView { target, desired, ready, pending } in &view.targets {
            let key = TargetLabel { namespace: namespace.clone(), fleet: fleet.clone(), target };
            if let Some(desired) = desired {
                self.desired.get_or_create(&key).set(i64::from(*desired));
            }
            self.ready.get_or_create(&key).set(i64::from(*ready));
            self.pending.get_or_create(&key).set(i64::from(*pending));
            now.targets.push(key);
        }
        for SignalView { signal, verdict, age } in &view.signals {
            let (namespace, fleet) = (namespace.clone(), fleet.clone());
            if let Some(age) = age {
                let key =
                    SignalLabel { namespace: namespace.clone(), fleet: fleet.clone(), signal };
                self.signal_age.get_or_create(&key).set(*age);
                now.ages.push(key);
            }
            let key = VerdictLabel { namespace, fleet, signal, verdict };
            self.verdict.get_or_create(&key).set(1);
            now.verdicts.push(key);
        }
        for (condition, holds) in &view.conditions {
            let key =
                ConditionLabel { namespace: namespace.clone(), fleet: fleet.clone(), condition };
            self.condition.get_or_create(&key).set(i64::from(*holds));
            now.conditions.push(key);
        }
        now
    }

    fn take_away(&self, before: &Shown, now: &Shown) {
        for key in before.targets.iter().filter(|key| !now.targets.contains(key)) {
            self.desired.remove(key);
            self.ready.remove(key);
            self.pending.remove(key);
        }
        for key in before.verdicts.iter().filter(|key| !now.verdicts.contains(key)) {
            self.verdict.remove(key);
        }
        for key in before.ages.iter().filter(|key| !now.ages.contains(key)) {
            self.signal_age.remove(key);
        }
        for key in before.conditions.iter().filter(|key| !now.conditions.contains(key)) {
            self.condition.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(verdict: &'static str) -> FleetView {
        FleetView {
            decided_at: 1.5,
            min: 10,
            max: 30,
            targets: vec![TargetView { target: "spot", desired: Some(7), ready: 6, pending: 1 }],
            signals: vec![SignalView { signal: "RequestRate", verdict, age: Some(2.0) }],
            conditions: vec![("Ready", true)],
        }
    }

    #[test]
    fn a_verdict_that_changed_is_shown_once() {
        let metrics = Metrics::default();
        metrics.show("shop", "api", &view("Fresh"));
        metrics.show("shop", "api", &view("Stale"));
        let text = metrics.encode().unwrap();
        assert!(text.contains(r#"verdict="Stale""#), "{text}");
        assert!(!text.contains(r#"verdict="Fresh""#), "{text}");
    }

    #[test]
    fn a_fleet_that_is_gone_leaves_no_series() {
        let metrics = Metrics::default();
        metrics.show("shop", "api", &view("Fresh"));
        assert!(metrics.encode().unwrap().contains(r#"fleet="api""#));
        metrics.hide("shop", "api");
        let text = metrics.encode().unwrap();
        assert!(!text.contains(r#"fleet="api""#), "{text}");
    }

    #[test]
    fn names_are_those_that_alerts_and_dashboards_use() {
        let metrics = Metrics::default();
        metrics.show("shop", "api", &view("Fresh"));
        metrics.decided("WithinTolerance");
        metrics.passed(Duration::from_millis(3), Duration::from_secs(2), 1);
        let text = metrics.encode().unwrap();
        for series in [
            r#"apifleet_decisions_total{reason="WithinTolerance"} 1"#,
            r#"apifleet_fleet_desired_replicas{namespace="shop",fleet="api",target="spot"} 7"#,
            r#"apifleet_fleet_condition{namespace="shop",fleet="api",condition="Ready"} 1"#,
            "apifleet_pass_duration_seconds_count 1",
            "apifleet_pass_period_seconds 2.0",
        ] {
            assert!(text.contains(series), "{series} is missing in\n{text}");
        }
    }
}

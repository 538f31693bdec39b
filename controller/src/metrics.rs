//! The operator's own metrics. Labels are bounded: fleets (removed when a fleet is gone, see [`fleets`]), and closed
//! lists of words.
//!
//! Written by every step that needs a client, served by [`crate::health`].

mod course;
pub(crate) mod exposition;
mod families;
pub mod fleets;
mod labels;
pub mod view;

use crate::error::Class;
use fleets::FleetMetrics;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use view::FleetView;

type FloatGauge = Gauge<f64, AtomicU64>;

/// What becomes of writes of replicas, as [`Metrics::scaled`] is told.
pub const WRITE_RESULTS: [&str; 4] = ["written", "skipped", "overtaken", "failed"];

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Reconciles,
    passes: Passes,
    calls: Calls,
    fleets: Arc<FleetMetrics>,
}

/// What became of reconciles.
#[derive(Debug)]
struct Reconciles {
    decisions: Family<ReasonLabel, Counter>,
    errors: Family<ClassLabel, Counter>,
    panics: Counter,
    foreign_writes: Counter,
    scale_writes: Family<ResultLabel, Counter>,
    pod_removals: Family<RemovalLabel, Counter>,
    scale_write_seconds: Histogram,
    decision_to_write_seconds: Histogram,
}

/// The loop.
#[derive(Debug)]
struct Passes {
    seconds: Histogram,
    round_seconds: Histogram,
    period: FloatGauge,
    fleets: Gauge,
    leader: Gauge,
}

/// Calls to others.
#[derive(Debug)]
struct Calls {
    queries: Family<ResultLabel, Counter>,
    query_seconds: Histogram,
    kubernetes_failures: Family<CallLabel, Counter>,
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
struct RemovalLabel {
    how: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabel {
    call: &'static str,
    class: &'static str,
}

/// Registers a metric and returns the handle that is written to.
fn register<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Clone + Default,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn register_seconds(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let histogram = Histogram::new(exponential_buckets(0.001, 2.0, 14));
    registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    histogram
}

// === impl Reconciles ===

impl Reconciles {
    fn new(r: &mut Registry) -> Self {
        let made = Self {
            decisions: register(r, "decisions", "Decisions made, by reason"),
            errors: register(r, "reconcile_errors", "Failed reconciles, by class"),
            panics: register(r, "reconcile_panics", "Reconciles that panicked"),
            foreign_writes: register(r, "foreign_writes", "Writes of replicas by others"),
            scale_writes: register(r, "scale_writes", "Writes of replicas, by result"),
            pod_removals: register(
                r,
                "spot_pod_removals",
                "Pods moved off spot nodes that are being taken away, by way and result",
            ),
            scale_write_seconds: register_seconds(
                r,
                "scale_write_duration",
                "Time of one write of replicas",
            ),
            decision_to_write_seconds: register_seconds(
                r,
                "decision_to_write",
                "Time from a decision to the last write of replicas that it needed",
            ),
        };
        made.begin_at_zero();
        made
    }

    /// What is counted in trouble only is there from the start: a rate counts the first of them, too.
    fn begin_at_zero(&self) {
        for class in Class::ALL {
            drop(self.errors.get_or_create(&ClassLabel { class: class.as_str() }));
        }
        for result in WRITE_RESULTS {
            drop(self.scale_writes.get_or_create(&ResultLabel { result }));
        }
    }
}

// === impl Passes ===

impl Passes {
    fn new(r: &mut Registry) -> Self {
        Self {
            seconds: register_seconds(r, "pass_duration", "Time of one pass over all fleets"),
            round_seconds: register_seconds(
                r,
                "round_duration",
                "Time from the beginning of a pass until every reconcile that it started has ended",
            ),
            period: register(r, "pass_period_seconds", "Time between the last two passes"),
            fleets: register(r, "fleets", "Fleets that are managed"),
            leader: register(r, "leader", "1 on the copy that acts"),
        }
    }
}

// === impl Calls ===

impl Calls {
    fn new(r: &mut Registry) -> Self {
        Self {
            queries: register(r, "prometheus_queries", "Queries to Prometheus, by result"),
            query_seconds: register_seconds(r, "prometheus_query_duration", "Time of one query"),
            kubernetes_failures: register(
                r,
                "kubernetes_call_failures",
                "Failed calls to the Kubernetes API",
            ),
        }
    }
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("apifleet");
        let fleets = Arc::<FleetMetrics>::default();
        registry.register_collector(Box::new(Arc::clone(&fleets)));
        Self {
            reconciles: Reconciles::new(&mut registry),
            passes: Passes::new(&mut registry),
            calls: Calls::new(&mut registry),
            fleets,
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
        self.write(&mut body)?;
        Ok(body)
    }

    /// Writes all metrics as text.
    pub(crate) fn write(&self, body: &mut String) -> std::fmt::Result {
        text::encode(body, &self.registry)
    }

    /// A decision was made.
    pub fn decided(&self, reason: &'static str) {
        self.reconciles.decisions.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// A reconcile failed.
    pub fn reconcile_failed(&self, class: Class) {
        self.reconciles.errors.get_or_create(&ClassLabel { class: class.as_str() }).inc();
    }

    /// A reconcile panicked.
    pub fn panicked(&self) {
        self.reconciles.panics.inc();
    }

    /// Someone else wrote the replicas of a target.
    pub fn foreign_write(&self) {
        self.reconciles.foreign_writes.inc();
    }

    /// Replicas were written, or not.
    pub fn scaled(&self, result: &'static str, took: Duration) {
        self.reconciles.scale_writes.get_or_create(&ResultLabel { result }).inc();
        self.reconciles.scale_write_seconds.observe(took.as_secs_f64());
    }

    /// A decision was carried out, so long after it was made.
    pub fn carried_out(&self, took: Duration) {
        self.reconciles.decision_to_write_seconds.observe(took.as_secs_f64());
    }

    /// A pod was moved off a node that is being taken away, or not.
    pub fn removed(&self, how: &'static str, result: &'static str) {
        self.reconciles.pod_removals.get_or_create(&RemovalLabel { how, result }).inc();
    }

    /// Spot nodes of a fleet begin to be taken away.
    pub fn interrupted(&self, namespace: &str, fleet: &str, nodes: u64) {
        self.fleets.interrupted(namespace, fleet, nodes);
    }

    /// A pass over all fleets ended; `period` is the time since the last one began.
    pub fn passed(&self, took: Duration, period: Duration, fleets: usize) {
        self.passes.seconds.observe(took.as_secs_f64());
        self.passes.period.set(period.as_secs_f64());
        self.passes.fleets.set(i64::try_from(fleets).unwrap_or(i64::MAX));
    }

    /// Every reconcile that was under way has ended, so long after the pass began that started the first of them.
    pub fn round_ended(&self, took: Duration) {
        self.passes.round_seconds.observe(took.as_secs_f64());
    }

    /// Whether this copy acts.
    pub fn set_leader(&self, leads: bool) {
        self.passes.leader.set(i64::from(leads));
    }

    /// A query was answered, or not.
    pub fn queried(&self, result: &'static str, took: Duration) {
        self.calls.queries.get_or_create(&ResultLabel { result }).inc();
        self.calls.query_seconds.observe(took.as_secs_f64());
    }

    /// A call to the Kubernetes API failed.
    pub fn kubernetes_failed(&self, call: &'static str, class: Class) {
        let label = CallLabel { call, class: class.as_str() };
        self.calls.kubernetes_failures.get_or_create(&label).inc();
    }

    /// Shows a fleet as it is now; what was shown of it before and is no more is taken away.
    pub fn show(&self, namespace: &str, fleet: &str, view: &FleetView) {
        self.fleets.show(namespace, fleet, view);
    }

    /// Takes a fleet away that is gone.
    pub fn hide(&self, namespace: &str, fleet: &str) {
        self.fleets.hide(namespace, fleet);
    }
}

#[cfg(test)]
mod tests;

//! What the operator's metrics show of each fleet. A fleet that is gone, and a verdict that is no more, leave no
//! series behind.
//!
//! Written by [`crate::report`] through [`super::Metrics`]. A target that is no more keeps no number either.

use super::{FloatGauge, register};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The metrics of all fleets.
#[derive(Debug)]
pub(crate) struct FleetMetrics {
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
    /// The smallest and the largest size, where the spec says them.
    pub bounds: Option<(u32, u32)>,
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

// === impl FleetMetrics ===

impl FleetMetrics {
    pub(crate) fn new(r: &mut Registry) -> Self {
        Self {
            desired: register(r, "fleet_desired_replicas", "Replicas decided, per target"),
            ready: register(r, "fleet_ready_replicas", "Ready pods, per target"),
            pending: register(r, "fleet_pending_replicas", "Unscheduled pods, per target"),
            min: register(r, "fleet_min_replicas", "Smallest size"),
            max: register(r, "fleet_max_replicas", "Largest size"),
            verdict: register(r, "fleet_signal_verdict", "1 for the signal's verdict"),
            signal_age: register(r, "fleet_signal_age_seconds", "Age of the newest sample"),
            condition: register(r, "fleet_condition", "1 where the condition is True"),
            last_decision: register(
                r,
                "fleet_last_decision_timestamp_seconds",
                "When the last decision was made",
            ),
            shown: Mutex::default(),
        }
    }

    /// Shows a fleet as it is now; what was shown of it before and is no more is taken away.
    pub(crate) fn show(&self, namespace: &str, fleet: &str, view: &FleetView) {
        let label = FleetLabel { namespace: namespace.to_owned(), fleet: fleet.to_owned() };
        self.last_decision.get_or_create(&label).set(view.decided_at);
        if let Some((min, max)) = view.bounds {
            self.min.get_or_create(&label).set(i64::from(min));
            self.max.get_or_create(&label).set(i64::from(max));
        } else {
            self.min.remove(&label);
            self.max.remove(&label);
        }
        let now = self.write(&label, view);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = shown.remove(&label) {
            self.take_away(&before, &now);
        }
        shown.insert(label, now);
    }

    /// Takes a fleet away that is gone.
    pub(crate) fn hide(&self, namespace: &str, fleet: &str) {
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

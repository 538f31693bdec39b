//! What the operator's metrics show of each fleet. A fleet that is gone, and a word that is no more true, leave no
//! series behind. A target that is no more keeps no number either.
//!
//! Written by [`crate::report`] through [`super::Metrics`].

use super::course::Course;
use super::labels::{
    ActionLabel, ConditionLabel, FleetLabel, LimitLabel, ModeLabel, SignalLabel, StateLabel,
    TargetLabel, VerdictLabel,
};
use super::view::{FleetView, OverrideView, SignalView, TargetView};
use super::{FloatGauge, register};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// The metrics of all fleets.
#[derive(Debug)]
pub(crate) struct FleetMetrics {
    sizes: Sizes,
    words: Words,
    signal_age: Family<SignalLabel, FloatGauge>,
    last_decision: Family<FleetLabel, FloatGauge>,
    prewarm_lateness: Family<FleetLabel, FloatGauge>,
    override_begins: Family<ActionLabel, FloatGauge>,
    override_ends: Family<ActionLabel, FloatGauge>,
    reversals: Family<FleetLabel, Counter>,
    interruptions: Family<FleetLabel, Counter>,
    shown: Mutex<HashMap<FleetLabel, Shown>>,
}

/// Counts of replicas.
#[derive(Debug)]
struct Sizes {
    size: Family<FleetLabel, Gauge>,
    min: Family<FleetLabel, Gauge>,
    max: Family<FleetLabel, Gauge>,
    schedule_floor: Family<FleetLabel, Gauge>,
    spot_cover: Family<FleetLabel, Gauge>,
    on_demand_floor: Family<FleetLabel, Gauge>,
    desired: Family<TargetLabel, Gauge>,
    ready: Family<TargetLabel, Gauge>,
    pending: Family<TargetLabel, Gauge>,
}

/// What is said of a fleet by a word: its series is 1, or, of a condition, 0.
#[derive(Debug)]
struct Words {
    verdict: Family<VerdictLabel, Gauge>,
    condition: Family<ConditionLabel, Gauge>,
    spot_state: Family<StateLabel, Gauge>,
    limit: Family<LimitLabel, Gauge>,
    mode: Family<ModeLabel, Gauge>,
}

/// The labels under which a fleet is shown, so that they can be taken away again; and the course of its size.
#[derive(Debug, Default)]
struct Shown {
    targets: Vec<TargetLabel>,
    verdicts: Vec<VerdictLabel>,
    ages: Vec<SignalLabel>,
    conditions: Vec<ConditionLabel>,
    overrides: Vec<ActionLabel>,
    spot_state: Option<StateLabel>,
    limit: Option<LimitLabel>,
    mode: Option<ModeLabel>,
    course: Course,
}

// === impl Sizes ===

impl Sizes {
    fn new(r: &mut Registry) -> Self {
        Self {
            size: register(r, "fleet_size_replicas", "The size that is wanted, targets together"),
            min: register(r, "fleet_min_replicas", "Smallest size"),
            max: register(r, "fleet_max_replicas", "Largest size"),
            schedule_floor: register(
                r,
                "fleet_schedule_floor_replicas",
                "Floor of the schedule that is in force or pre-warms",
            ),
            spot_cover: register(
                r,
                "fleet_spot_cover_replicas",
                "On-demand replicas that stand in for spot that is being lost",
            ),
            on_demand_floor: register(
                r,
                "fleet_on_demand_floor_replicas",
                "Replicas that must be on demand where there is spot",
            ),
            desired: register(r, "fleet_desired_replicas", "Replicas decided, per target"),
            ready: register(r, "fleet_ready_replicas", "Ready pods, per target"),
            pending: register(r, "fleet_pending_replicas", "Unscheduled pods, per target"),
        }
    }

    /// Writes what is known of the fleet as a whole, and takes away what is not.
    fn set(&self, label: &FleetLabel, view: &FleetView) {
        let Self { size, min, max, schedule_floor, spot_cover, on_demand_floor, .. } = self;
        for (gauge, value) in [
            (size, view.size),
            (min, view.bounds.map(|(min, _)| min)),
            (max, view.bounds.map(|(_, max)| max)),
            (schedule_floor, view.schedule_floor),
            (spot_cover, view.spot.map(|spot| spot.cover)),
            (on_demand_floor, view.spot.map(|spot| spot.on_demand_floor)),
        ] {
            match value {
                Some(value) => {
                    gauge.get_or_create(label).set(i64::from(value));
                }
                None => {
                    gauge.remove(label);
                }
            }
        }
    }

    fn set_target(&self, key: &TargetLabel, view: &TargetView) {
        if let Some(desired) = view.desired {
            self.desired.get_or_create(key).set(i64::from(desired));
        }
        self.ready.get_or_create(key).set(i64::from(view.ready));
        self.pending.get_or_create(key).set(i64::from(view.pending));
    }

    fn remove_target(&self, key: &TargetLabel) {
        for gauge in [&self.desired, &self.ready, &self.pending] {
            gauge.remove(key);
        }
    }
}

// === impl Words ===

impl Words {
    fn new(r: &mut Registry) -> Self {
        Self {
            verdict: register(r, "fleet_signal_verdict", "1 for the signal's verdict"),
            condition: register(r, "fleet_condition", "1 where the condition is True"),
            spot_state: register(r, "fleet_spot_state", "1 for the state of the spot capacity"),
            limit: register(
                r,
                "fleet_limit",
                "1 for what holds the size away from what demand asks for",
            ),
            mode: register(r, "fleet_mode", "1 for the fleet's mode"),
        }
    }
}

// === impl FleetMetrics ===

impl FleetMetrics {
    pub(crate) fn new(r: &mut Registry) -> Self {
        Self {
            sizes: Sizes::new(r),
            words: Words::new(r),
            signal_age: register(r, "fleet_signal_age_seconds", "Age of the newest sample"),
            last_decision: register(
                r,
                "fleet_last_decision_timestamp_seconds",
                "When the last decision was made",
            ),
            prewarm_lateness: register(
                r,
                "fleet_prewarm_lateness_seconds",
                "How late the floor of the open window was Ready, 0 in time",
            ),
            override_begins: register(
                r,
                "fleet_override_begin_timestamp_seconds",
                "When the override that counts came into force",
            ),
            override_ends: register(
                r,
                "fleet_override_end_timestamp_seconds",
                "When the override that counts ends",
            ),
            reversals: register(
                r,
                "fleet_reversals",
                "Changes of the size within ten minutes after one in the other direction",
            ),
            interruptions: register(
                r,
                "fleet_spot_interruptions",
                "Spot nodes that were taken away from the fleet",
            ),
            shown: Mutex::default(),
        }
    }

    /// Spot nodes of a fleet begin to be taken away.
    pub(crate) fn interrupted(&self, namespace: &str, fleet: &str, nodes: u64) {
        self.interruptions.get_or_create(&FleetLabel::new(namespace, fleet)).inc_by(nodes);
    }

    /// Shows a fleet as it is now; what was shown of it before and is no more is taken away.
    pub(crate) fn show(&self, namespace: &str, fleet: &str, view: &FleetView) {
        let label = FleetLabel::new(namespace, fleet);
        self.sizes.set(&label, view);
        if let Some(decided_at) = view.decided_at {
            self.last_decision.get_or_create(&label).set(decided_at);
        }
        match view.prewarm_lateness {
            Some(late) => {
                self.prewarm_lateness.get_or_create(&label).set(late);
            }
            None => {
                self.prewarm_lateness.remove(&label);
            }
        }
        // There from the start, at zero: a rate counts the first of them, too.
        if view.spot.is_some() {
            drop(self.interruptions.get_or_create(&label));
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.remove(&label).unwrap_or_default();
        let (course, turns_back) = before.course.then(view.size, view.decided_at);
        self.reversals.get_or_create(&label).inc_by(u64::from(turns_back));
        let now = Shown { course, ..self.write(&label, view) };
        self.take_away(&before, &now);
        shown.insert(label, now);
    }

    /// Takes a fleet away that is gone.
    pub(crate) fn hide(&self, namespace: &str, fleet: &str) {
        let label = FleetLabel::new(namespace, fleet);
        self.sizes.set(&label, &FleetView::default());
        for gauge in [&self.last_decision, &self.prewarm_lateness] {
            gauge.remove(&label);
        }
        for counter in [&self.interruptions, &self.reversals] {
            counter.remove(&label);
        }
        let before = self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&label);
        if let Some(before) = before {
            self.take_away(&before, &Shown::default());
        }
    }

    fn write(&self, label: &FleetLabel, view: &FleetView) -> Shown {
        let mut now = Shown::default();
        for target in &view.targets {
            let key = TargetLabel { fleet: label.clone(), target: target.target };
            self.sizes.set_target(&key, target);
            now.targets.push(key);
        }
        for SignalView { signal, verdict, age } in &view.signals {
            if let Some(age) = age {
                let key = SignalLabel { fleet: label.clone(), signal };
                self.signal_age.get_or_create(&key).set(*age);
                now.ages.push(key);
            }
            let key = VerdictLabel { fleet: label.clone(), signal, verdict };
            self.words.verdict.get_or_create(&key).set(1);
            now.verdicts.push(key);
        }
        for (condition, holds) in &view.conditions {
            let key = ConditionLabel { fleet: label.clone(), condition };
            self.words.condition.get_or_create(&key).set(i64::from(*holds));
            now.conditions.push(key);
        }
        for OverrideView { action, begins_at, ends_at } in &view.overrides {
            let key = ActionLabel { fleet: label.clone(), action };
            self.override_begins.get_or_create(&key).set(*begins_at);
            self.override_ends.get_or_create(&key).set(*ends_at);
            now.overrides.push(key);
        }
        let fleet = || label.clone();
        let state = view.spot.map(|spot| StateLabel { fleet: fleet(), state: spot.state });
        now.spot_state = say(&self.words.spot_state, state);
        let limit = view.limit.map(|reason| LimitLabel { fleet: fleet(), reason });
        now.limit = say(&self.words.limit, limit);
        let mode = view.mode.map(|mode| ModeLabel { fleet: fleet(), mode });
        now.mode = say(&self.words.mode, mode);
        now
    }

    fn take_away(&self, before: &Shown, now: &Shown) {
        // Without `..`: whatever is shown is taken away again.
        let Shown {
            targets,
            verdicts,
            ages,
            conditions,
            overrides,
            spot_state,
            limit,
            mode,
            course: _,
        } = before;
        for key in targets.iter().filter(|key| !now.targets.contains(key)) {
            self.sizes.remove_target(key);
        }
        forget(&self.words.verdict, verdicts, &now.verdicts);
        forget(&self.words.condition, conditions, &now.conditions);
        forget(&self.words.spot_state, spot_state.as_slice(), now.spot_state.as_slice());
        forget(&self.words.limit, limit.as_slice(), now.limit.as_slice());
        forget(&self.words.mode, mode.as_slice(), now.mode.as_slice());
        forget(&self.signal_age, ages, &now.ages);
        forget(&self.override_begins, overrides, &now.overrides);
        forget(&self.override_ends, overrides, &now.overrides);
    }
}

/// Shows the series of a word that is true.
fn say<L: Clone + Eq + Hash>(family: &Family<L, Gauge>, key: Option<L>) -> Option<L> {
    key.inspect(|key| {
        family.get_or_create(key).set(1);
    })
}

/// Takes away what is shown no more.
fn forget<L: Clone + Eq + Hash, M>(family: &Family<L, M>, before: &[L], now: &[L]) {
    for key in before.iter().filter(|key| !now.contains(key)) {
        family.remove(key);
    }
}

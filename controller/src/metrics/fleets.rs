//! What the operator's metrics show of each fleet: the view of its last report, and what is counted of it. The series
//! are made of that whenever they are asked for, since with thousands of fleets they take more memory than it does. So a
//! fleet that is gone, and a word that is no more true, leave no series behind. A target that is no more keeps no number
//! either.
//!
//! Written by [`crate::report`] through [`super::Metrics`].

use super::course::Course;
use super::families::Families;
use super::view::FleetView;
use crate::caches::Key;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every fleet that is shown. A copy of it shares all that is in it.
pub(super) type Fleets = BTreeMap<Key, Arc<Shown>>;

/// The metrics of all fleets.
#[derive(Debug, Default)]
pub(crate) struct FleetMetrics {
    fleets: Mutex<Fleets>,
}

/// What is shown of one fleet.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) view: FleetView,
    /// So often its size has turned back.
    pub(super) reversals: u64,
    /// So many spot nodes were taken away from it, if it has ever had any.
    pub(super) interruptions: Option<u64>,
    course: Course,
}

// === impl Shown ===

impl Shown {
    /// Shows the fleet as it is now. What is not decided anew stays as it was decided last: when that was, and the size
    /// of a target that is still there.
    fn update(&mut self, view: &FleetView) {
        let (course, turns_back) = self.course.then(view.size, view.decided_at);
        self.course = course;
        self.reversals += u64::from(turns_back);
        // There from the start, at zero: a rate counts the first of them, too.
        self.interruptions = self.interruptions.or(view.spot.map(|_| 0));
        let before = mem::replace(&mut self.view, view.clone());
        self.view.decided_at = view.decided_at.or(before.decided_at);
        for target in &mut self.view.targets {
            let last = before.targets.iter().find(|it| it.target == target.target);
            target.desired = target.desired.or_else(|| last?.desired);
        }
    }
}

// === impl FleetMetrics ===

impl FleetMetrics {
    /// Spot nodes of a fleet begin to be taken away.
    pub(crate) fn interrupted(&self, namespace: &str, fleet: &str, nodes: u64) {
        self.change(namespace, fleet, |shown| *shown.interruptions.get_or_insert(0) += nodes);
    }

    /// Shows a fleet as it is now; what was shown of it before and is no more is taken away.
    pub(crate) fn show(&self, namespace: &str, fleet: &str, view: &FleetView) {
        self.change(namespace, fleet, |shown| shown.update(view));
    }

    /// Takes a fleet away that is gone.
    pub(crate) fn hide(&self, namespace: &str, fleet: &str) {
        self.lock().remove(&Key::new(namespace, fleet));
    }

    fn change(&self, namespace: &str, fleet: &str, change: impl FnOnce(&mut Shown)) {
        let key = Key::new(namespace, fleet);
        change(Arc::make_mut(self.lock().entry(key).or_default()));
    }

    fn lock(&self) -> MutexGuard<'_, Fleets> {
        self.fleets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for FleetMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Of a copy: no reconcile waits until the text is written, and all of it is of one moment.
        let fleets = self.lock().clone();
        Families::new(encoder, &fleets).write()
    }
}

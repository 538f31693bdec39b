//! A stage for tests of the adapters: a fleet at constant load that is as large as it was asked to be.

use crate::metrics::Metrics;
use crate::scaler::{Pod, Target, View};
use jiff::{SignedDuration, Timestamp};

/// Noon of a campaign day.
const NOON: &str = "2026-12-08T12:00:00Z";

/// A fleet that can be looked at.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) now: Timestamp,
    pub(crate) pods: Vec<Pod>,
    pub(crate) bounds: (u32, u32),
    rate: f64,
    metrics: Metrics,
}

/// So many pods that have long been Ready.
pub(crate) fn settled(pods: u32) -> Vec<Pod> {
    (0..pods)
        .map(|_| Pod { created: 0, scheduled: 0, ready: 60, target: Target::OnDemand })
        .collect()
}

/// A pod that was created at noon and takes two minutes.
pub(crate) fn starting() -> Pod {
    let noon: Timestamp = NOON.parse().unwrap();
    let created = noon.as_second();
    Pod { created, scheduled: created, ready: created + 120, target: Target::OnDemand }
}

impl Stage {
    /// At noon, with bounds of 10 and 30.
    pub(crate) fn new(pods: Vec<Pod>, rate: f64) -> Self {
        Self::at(NOON, pods, rate)
    }

    pub(crate) fn at(now: &str, pods: Vec<Pod>, rate: f64) -> Self {
        let now = now.parse().unwrap();
        Self { now, pods, bounds: (10, 30), rate, metrics: Metrics::constant(now, rate) }
    }

    pub(crate) fn view(&self) -> View<'_> {
        let size = |pods: usize| u32::try_from(pods).unwrap();
        View {
            now: self.now,
            wanted: size(self.pods.len()),
            existing: size(self.pods.len()),
            ready: size(self.pods.iter().filter(|pod| pod.is_ready(self.now)).count()),
            bounds: self.bounds,
            pods: &self.pods,
            metrics: &self.metrics,
            spot: None,
        }
    }

    /// The size that was asked for, at once and Ready.
    pub(crate) fn resize(&mut self, size: u32) {
        if size != self.view().wanted {
            self.pods = settled(size);
        }
    }

    /// Another load, as if it had always been so.
    pub(crate) fn load(&mut self, rate: f64) {
        self.rate = rate;
        self.metrics = Metrics::constant(self.now, rate);
    }

    pub(crate) fn advance(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.load(self.rate);
    }
}

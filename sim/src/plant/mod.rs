//! [`Plant`]: the fleet. Pods that become Ready after a lag, what they can carry, the queue in front of them.
//!
//! A pod saturates at 70 requests per second; its p95 is 200 ms at 85 % of that ([`latency`]). Requests above what all
//! Ready pods carry wait in a bounded queue; what does not fit is turned away. Nobody decides here: [`crate::run`]
//! tells how large the fleet is to be, and the plant does what a ReplicaSet, a scheduler and a cluster autoscaler do.

pub mod latency;
mod pods;
mod slots;
pub mod spot;

use crate::faults::Fault;
use crate::run::{Lag, Scenario};
use crate::scaler::{Pod, Target};
use latency::mean_millis;
use slots::Slots;
use spot::{Nodes, SpotView};

/// Requests per second that saturate a pod.
pub const SATURATION: f64 = 70.0;
/// The share of it at which p95 is [`SLO_MILLIS`].
pub const FULL: f64 = 0.85;
/// The p95 that is to be kept, in milliseconds.
pub const SLO_MILLIS: f64 = 200.0;
/// The queue in front of the pods holds so many seconds of their work.
const QUEUE_SECONDS: f64 = 1.0;
/// The weight of the newest second in the load that latency follows: about its last ten.
const NEWEST: f64 = 2.0 / 11.0;
/// Nobody asks for a fleet of more than so many times its largest size; a scaler that does is a runaway.
const RUNAWAY: u32 = 4;

/// The fleet.
#[derive(Debug)]
pub struct Plant {
    pods: Vec<Pod>,
    wanted: Wanted,
    most: u32,
    lag: Lag,
    slots: Slots,
    nodes: Option<Nodes>,
    ready: u32,
    next_ready: i64,
    started: u32,
    queue: f64,
    felt: Felt,
    /// Ready pods that went since the last look at it.
    gone: Vec<Pod>,
    changed: bool,
}

/// `spec.replicas` of the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Of the on-demand target.
    pub on_demand: u32,
    /// Of the spot target.
    pub spot: u32,
}

/// The arrivals of about the last ten seconds, in requests per second: the load that latency follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Felt(f64);

impl Felt {
    /// It has been so for long.
    #[must_use]
    pub const fn new(rate: f64) -> Self {
        Self(rate)
    }

    /// A second with so many requests; the load after it.
    pub fn add(&mut self, arrivals: f64) -> f64 {
        self.0 += (arrivals - self.0) * NEWEST;
        self.0
    }
}

/// What became of a second's requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// They arrived.
    pub arrived: f64,
    /// They were answered: some of them may have waited since the second before.
    pub answered: f64,
    /// They were turned away.
    pub unserved: f64,
    /// They wait.
    pub queued: f64,
    /// The mean time of those that were answered, in milliseconds.
    pub mean_millis: f64,
}

impl Wanted {
    /// Of both.
    #[must_use]
    pub const fn sum(self) -> u32 {
        self.on_demand.saturating_add(self.spot)
    }
}

/// The smallest size within bounds that carries a rate with its p95 kept.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; `as` saturates"
)]
pub fn demanded(rate: f64, (min, max): (u32, u32)) -> u32 {
    // A billionth too much is rounding, not load.
    ((rate / (SATURATION * FULL) - 1e-9).ceil() as u32).clamp(min, max.max(min))
}

impl Plant {
    /// A fleet of this size that has been Ready for a day, at this rate.
    #[must_use]
    pub fn new(scenario: &Scenario, size: u32, rate: f64) -> Self {
        let start = scenario.trace.start().as_second();
        let mut plant = Self {
            pods: Vec::new(),
            wanted: Wanted { on_demand: 0, spot: 0 },
            most: scenario.bounds.max().get().saturating_mul(RUNAWAY),
            lag: Lag { pod: 0, node: 0 },
            slots: Slots::default(),
            nodes: scenario.spot.map(|pool| Nodes::new(pool, scenario, start)),
            ready: 0,
            next_ready: i64::MAX,
            started: 0,
            queue: 0.0,
            felt: Felt::new(rate),
            gone: Vec::new(),
            changed: true,
        };
        plant.scale(size, None, start - 86_400);
        plant.advance(start);
        plant.lag = scenario.lag;
        plant.started = 0;
        plant
    }

    /// Every pod that exists, oldest first.
    #[must_use]
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// What is asked of the targets.
    #[must_use]
    pub const fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Pods that exist.
    #[must_use]
    pub fn existing(&self) -> u32 {
        u32::try_from(self.pods.len()).unwrap_or(u32::MAX)
    }

    /// Ready pods.
    #[must_use]
    pub const fn ready(&self) -> u32 {
        self.ready
    }

    /// Pods that were started so far.
    #[must_use]
    pub const fn started(&self) -> u32 {
        self.started
    }

    /// The arrivals of about the last ten seconds, in requests per second.
    #[must_use]
    pub const fn felt(&self) -> f64 {
        self.felt.0
    }

    /// The spot nodes, if there are any.
    #[must_use]
    pub fn spot(&self) -> Option<SpotView<'_>> {
        let nodes = self.nodes.as_ref()?;
        Some(SpotView { pool: nodes.pool(), wanted: self.wanted.spot, nodes: nodes.list() })
    }

    /// Whether pods came, went or were given a node since this was last asked; those that went while Ready go into
    /// `gone`.
    pub fn take_changes(&mut self, gone: &mut Vec<Pod>) -> bool {
        gone.append(&mut self.gone);
        std::mem::take(&mut self.changed)
    }

    /// Lives on to a second: nodes come and go, pods become Ready.
    pub fn advance(&mut self, now: i64) {
        if let Some(nodes) = &mut self.nodes
            && nodes.advance(now)
        {
            let nodes = &*nodes;
            let lost = |pod: &Pod| match pod.target {
                Target::Spot { node: Some(id) } => !nodes.has(id),
                Target::Spot { node: None } | Target::OnDemand => false,
            };
            self.gone.extend(self.pods.iter().filter(|pod| lost(pod) && pod.ready <= now));
            self.pods.retain(|pod| !lost(pod));
            self.reconcile(now);
        }
        if now >= self.next_ready {
            self.count(now);
        }
    }

    /// Takes what is asked for: `size` replicas, of which `spot` on spot; the pool's share where that is left to the
    /// plant.
    pub fn scale(&mut self, size: u32, spot: Option<u32>, now: i64) {
        let size = size.min(self.most);
        let spot = self
            .nodes
            .as_ref()
            .map_or(0, |nodes| spot.unwrap_or_else(|| nodes.pool().share(size)).min(size));
        let wanted = Wanted { on_demand: size - spot, spot };
        if wanted != self.wanted {
            self.wanted = wanted;
            self.reconcile(now);
        }
    }

    /// Lets a second's requests in.
    pub fn serve(&mut self, arrivals: u32) -> Served {
        let arrived = f64::from(arrivals);
        let felt = self.felt.add(arrived);
        let capacity = f64::from(self.ready) * SATURATION;
        let there = self.queue + arrived;
        let answered = there.min(capacity);
        let queued = (there - answered).min(capacity * QUEUE_SECONDS);
        self.queue = queued;
        let mean_millis = if capacity > 0.0 {
            mean_millis(felt / capacity, queued / capacity * 1000.0)
        } else {
            0.0
        };
        Served { arrived, answered, unserved: there - answered - queued, queued, mean_millis }
    }

    /// Counts Ready pods, and notes when there will be another.
    fn count(&mut self, now: i64) {
        let (mut ready, mut next) = (0, i64::MAX);
        for pod in &self.pods {
            if pod.ready <= now { ready += 1 } else { next = next.min(pod.ready) }
        }
        (self.ready, self.next_ready) = (ready, next);
    }
}

/// The losses of spot nodes among faults, as Unix seconds.
fn losses(faults: &[Fault], start: i64) -> impl Iterator<Item = (i64, i64, u8)> {
    faults.iter().filter_map(move |fault| match fault.kind {
        crate::faults::FaultKind::SpotLost(percent) => {
            Some((start + i64::from(fault.at), start + i64::from(fault.end()), percent))
        }
        crate::faults::FaultKind::MetricsGone
        | crate::faults::FaultKind::MetricsFrozen
        | crate::faults::FaultKind::MetricsEmpty
        | crate::faults::FaultKind::MetricsNan
        | crate::faults::FaultKind::MetricsPartial(_)
        | crate::faults::FaultKind::Restart => None,
    })
}

#[cfg(test)]
mod tests;

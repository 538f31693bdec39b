//! A fleet in a closed loop: it carries decisions out and answers as Kubernetes and Prometheus would.

use apifleet_core::decision::Decision;
use apifleet_core::observation::{
    NodeHealth, NodeId, Observation, Placeholders, PoolId, Reading, Readings, Rollout, SpotNode,
    SpotTarget, Surge, TargetObservation,
};
use apifleet_core::policy::{Bounds, FleetPolicy, LatencyPolicy, Mode};
use apifleet_core::{Memory, Replicas, Rps, decide};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How often Prometheus scrapes.
pub(crate) const SCRAPE: Duration = Duration::from_secs(5);
/// How long a pod takes to become Ready.
const POD_READY: SignedDuration = SignedDuration::from_secs(20);

pub(crate) fn replicas(count: u32) -> Replicas {
    Replicas::new(count)
}

/// An instant, in seconds after the first opening of the campaign.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_891_929_600 + seconds).unwrap()
}

/// T = 50, 10..30, default behavior, no latency or errors watched, no spot.
pub(crate) fn policy() -> FleetPolicy {
    FleetPolicy::new(bounds(10, 30), Rps::new(50.0).unwrap())
}

pub(crate) fn bounds(min: u32, max: u32) -> Bounds {
    Bounds::new(replicas(min), replicas(max)).unwrap()
}

/// p95 under 200 ms, 10 % tolerance.
pub(crate) fn guarded() -> FleetPolicy {
    let mut policy = policy();
    policy.signals.latency = Some(LatencyPolicy::default());
    policy
}

/// What is wrong with what Prometheus says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prometheus {
    Good,
    Unreachable,
    Empty,
    Several,
    NotANumber,
    Old,
    Warming,
    Partial,
}

/// The fleet.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    pub(crate) policy: FleetPolicy,
    pub(crate) memory: Memory,
    pub(crate) now: Timestamp,
    pub(crate) prometheus: Prometheus,
    pub(crate) rps: f64,
    pub(crate) p95: f64,
    /// The part of it that requests wait for behind the server, where that is measured.
    pub(crate) dependency: Option<f64>,
    pub(crate) errors_per_second: f64,
    pub(crate) rollout: Rollout,
    pub(crate) surge: Surge,
    /// Samples in the window.
    pub(crate) samples: f64,
    pub(crate) scraped: Option<f64>,
    pub(crate) spot: Option<Target>,
    pub(crate) on_demand: Target,
    /// Every size, with the seconds at which it began.
    pub(crate) sizes: Vec<(i64, u32)>,
}

/// A Deployment: each pod by the instant at which it is Ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub(crate) pods: Vec<Timestamp>,
}

impl Target {
    pub(crate) fn scale(&mut self, wanted: Replicas, now: Timestamp) {
        self.pods.resize(wanted.get() as usize, now + POD_READY);
    }

    fn observe(&self, now: Timestamp, rollout: Rollout) -> TargetObservation {
        let ready = self.pods.iter().filter(|ready| **ready <= now).count();
        TargetObservation {
            wanted: Some(count(self.pods.len())),
            ready: count(ready),
            pending: Replicas::ZERO,
            rollout,
            surge: Surge::default(),
        }
    }
}

/// Six healthy spot nodes, each a pool of its own, that share the pods.
fn six_nodes(spot: &Target, now: Timestamp) -> Vec<SpotNode> {
    let node = |index: usize| {
        let pods = || spot.pods.iter().skip(index).step_by(6);
        SpotNode {
            id: NodeId(index as u64),
            pool: PoolId(index as u64),
            health: NodeHealth::Ready,
            interruption: None,
            tainted_by_us: false,
            pods: count(pods().count()),
            ready: count(pods().filter(|ready| **ready <= now).count()),
        }
    };
    (0..6).map(node).collect()
}

fn count(pods: usize) -> Replicas {
    replicas(u32::try_from(pods).unwrap())
}

impl Fleet {
    /// A fleet that nobody has scaled yet, with `size` pods that have long been Ready.
    pub(crate) fn new(policy: FleetPolicy, size: u32) -> Self {
        let mut on_demand = Target::default();
        on_demand.scale(replicas(size), at(-100_000));
        Self {
            policy,
            memory: Memory::default(),
            now: at(0),
            prometheus: Prometheus::Good,
            rps: 0.0,
            p95: 20.0,
            dependency: None,
            errors_per_second: 0.0,
            rollout: Rollout::Settled,
            surge: Surge::default(),
            samples: 12.0,
            scraped: None,
            spot: None,
            on_demand,
            sizes: Vec::new(),
        }
    }

    /// A fleet that has run at this rate for so long that nothing is left to change, at time zero.
    pub(crate) fn settled(policy: FleetPolicy, size: u32, rps: f64) -> Self {
        let mut fleet = Self::new(policy, size);
        fleet.rps = rps;
        fleet.now = at(-900);
        fleet.run_until(0);
        assert_eq!(fleet.size(), size, "not settled: {:?}", fleet.sizes);
        fleet.sizes.clear();
        fleet
    }

    pub(crate) fn size(&self) -> u32 {
        self.memory.size.map_or(0, Replicas::get)
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.now.as_second() - at(0).as_second()
    }

    /// What is seen now.
    pub(crate) fn observe(&self) -> Observation {
        let spot = self.spot.as_ref();
        let pods = self.on_demand.pods.iter().chain(spot.map_or(&[][..], |spot| &spot.pods));
        let ready_since: Vec<_> = pods.copied().filter(|ready| *ready <= self.now).collect();
        Observation {
            on_demand: TargetObservation {
                surge: self.surge,
                ..self.on_demand.observe(self.now, self.rollout)
            },
            spot: spot.map_or(SpotTarget::None, |spot| {
                SpotTarget::Present(spot.observe(self.now, Rollout::Settled))
            }),
            spot_nodes: spot.map_or_else(Vec::new, |spot| six_nodes(spot, self.now)),
            spot_pending_since: Vec::new(),
            placeholders: Placeholders::default(),
            pods_started: Vec::new(),
            nodes_started: Vec::new(),
            scrape_interval: SCRAPE,
            readings: self.readings(count(ready_since.len()).get().into()),
            ready_since,
        }
    }

    fn readings(&self, ready: f64) -> Readings {
        let read = |value: f64| match self.prometheus {
            Prometheus::Good | Prometheus::Warming | Prometheus::Partial => {
                Reading::Value { value, sampled_at: self.now }
            }
            Prometheus::Old => {
                Reading::Value { value, sampled_at: self.now - SignedDuration::from_secs(91) }
            }
            Prometheus::NotANumber => Reading::Value { value: f64::NAN, sampled_at: self.now },
            Prometheus::Unreachable => Reading::Failed,
            Prometheus::Empty => Reading::Empty,
            Prometheus::Several => Reading::Several,
        };
        let partial = self.prometheus == Prometheus::Partial;
        let warming = self.prometheus == Prometheus::Warming;
        Readings {
            request_rate: read(self.rps),
            burst_rate: read(self.rps),
            latency: read(if self.rps > 0.0 { self.p95 } else { f64::NAN }),
            error_rate: read(self.errors_per_second),
            critical_rate: Reading::Empty,
            dependency_latency: self.dependency.map_or(Reading::Empty, read),
            scraped_pods: read(self.scraped.unwrap_or(if partial { 0.0 } else { ready })),
            window_samples: read(if warming { 3.0 } else { self.samples }),
        }
    }

    /// Decides now, and does nothing about it.
    pub(crate) fn decide_only(&self) -> (Decision, Memory) {
        decide(&self.policy, &self.observe(), &self.memory, self.now)
    }

    /// Decides now and carries it out.
    pub(crate) fn decide(&mut self) -> Decision {
        let (decision, memory) = self.decide_only();
        self.memory = memory;
        if self.policy.mode != Mode::Observe {
            if let Some(wanted) = decision.placement.on_demand {
                self.on_demand.scale(wanted, self.now);
            }
            if let (Some(wanted), Some(spot)) = (decision.placement.spot, &mut self.spot) {
                spot.scale(wanted, self.now);
            }
        }
        let size = decision.desired.get();
        if self.sizes.last().is_none_or(|(_, last)| *last != size) {
            self.sizes.push((self.seconds(), size));
        }
        decision
    }

    /// Decides every two seconds and whenever the last decision said so, until the instant; decides there, too.
    pub(crate) fn run_until(&mut self, seconds: i64) -> Decision {
        loop {
            let decision = self.decide();
            if self.now >= at(seconds) {
                return decision;
            }
            let period = self.now + SignedDuration::from_secs(2);
            let next = decision.next.map_or(period, |next| next.at.min(period));
            self.now = next.min(at(seconds));
        }
    }
}

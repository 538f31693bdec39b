//! A fleet in a closed loop, cheap enough that its decisions are what is measured: it carries them out, answers as
//! Kubernetes and Prometheus would, and knows the campaign's days. Used by the benches of this folder only.

#![allow(clippy::expect_used, reason = "a fixture that is none ends the bench, and says which")]

use apifleet_core::decision::Decision;
use apifleet_core::dependencies::Dependency;
use apifleet_core::name::Name;
use apifleet_core::observation::{
    Interruption, NodeHealth, NodeId, Observation, Placeholders, PoolId, Reading, Readings,
    SpotNode, SpotTarget, TargetObservation,
};
use apifleet_core::policy::{Bounds, FleetPolicy, LatencyPolicy, SpotPolicy};
use apifleet_core::schedule::{Calendar, Days, End, Floor, Point, Schedule, SpotReturn};
use apifleet_core::{Memory, Percent, Replicas, Rps, decide};
use jiff::civil::{date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::num::NonZeroU32;
use std::time::Duration;

/// How often Prometheus scrapes.
const SCRAPE: Duration = Duration::from_secs(5);
/// How long a pod takes to become Ready.
const POD_READY: SignedDuration = SignedDuration::from_secs(20);
/// Midnight UTC of the campaign's first day, 8 December 2026.
const FIRST_DAY: i64 = 1_796_688_000;
/// Spot nodes, each a pool of its own.
const NODES: u64 = 6;

/// 10 to 30 replicas of 50 requests/s each, latency and errors watched, our default behavior, no schedule, no spot.
pub(crate) fn policy() -> FleetPolicy {
    let bounds = Bounds::new(Replicas::new(10), Replicas::new(30)).expect("1 <= 10 <= 30");
    let mut policy = FleetPolicy::new(bounds, rps(50.0));
    policy.signals.latency = Some(LatencyPolicy::default());
    policy.signals.max_errors = Percent::new(0.5);
    policy
}

/// The same with all that the campaign asks for: its days with a curve, at most 60 % on spot, and a database that takes
/// so many connections.
pub(crate) fn campaign_policy() -> FleetPolicy {
    let spot = Some(SpotPolicy::new(60, Replicas::new(4)));
    let database = Dependency {
        name: Name::parse("mysql").expect("a name"),
        limit: 700,
        reserved: 60,
        per_replica: NonZeroU32::new(16).expect("more than none"),
    };
    let (schedules, dependencies) = (vec![december()], vec![database]);
    FleetPolicy { schedules, spot, dependencies, ..policy() }
}

/// 8 to 31 December, 08:00 to 20:00, with what is expected over the day.
pub(crate) fn december() -> Schedule {
    let points = [(0, 600.0), (60, 1000.0), (240, 1300.0), (480, 1100.0), (660, 700.0)];
    let point =
        |(minutes, demand)| Point { after: Duration::from_mins(minutes), demand: rps(demand) };
    Schedule {
        name: Name::parse("december").expect("a name"),
        calendar: Calendar {
            days: Days {
                from: Some(date(2026, 12, 8)),
                to: Some(date(2026, 12, 31)),
                yearly: false,
                exclude: Vec::new(),
                weekdays: [true; 7],
            },
            start: time(8, 0, 0, 0),
            end: End::SameDay(time(20, 0, 0, 0)),
            zone: TimeZone::UTC,
        },
        floor: Floor::Curve(points.map(point).to_vec()),
        ceiling: None,
        lead: None,
        ramp: Duration::from_mins(5),
        spot_return: SpotReturn::Forbidden,
    }
}

/// An instant of the campaign.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(FIRST_DAY + seconds).expect("a second of this century")
}

/// Requests per second of the campaign: quiet nights, a steep morning, a peak after noon, and noise of 4 %. Made of
/// integers, so that every machine has the same.
pub(crate) fn campaign_demand(seconds: i64) -> f64 {
    const HOURS: [u16; 24] = [
        120, 90, 80, 80, 90, 120, 200, 420, 760, 980, 1150, 1280, 1380, 1330, 1240, 1160, 1120,
        1060, 920, 700, 480, 330, 230, 160,
    ];
    let of_day = seconds.rem_euclid(86_400);
    let hour = usize::try_from(of_day / 3600).unwrap_or_default();
    let rate = |hour: usize| HOURS.iter().cycle().nth(hour).copied().map_or(0.0, f64::from);
    let share = f64::from(i32::try_from(of_day % 3600).unwrap_or_default()) / 3600.0;
    let smooth = rate(hour) + (rate(hour + 1) - rate(hour)) * share;
    let mixed = (seconds / 10).wrapping_mul(0x9E37_79B9).rem_euclid(1009);
    let noise = f64::from(i32::try_from(mixed).unwrap_or_default()) / 1009.0 - 0.5;
    smooth * (1.0 + 0.08 * noise)
}

fn rps(value: f64) -> Rps {
    Rps::new(value).expect("a rate")
}

/// The fleet.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    /// What its owner asked for.
    pub(crate) policy: FleetPolicy,
    /// What the last decision left.
    pub(crate) memory: Memory,
    /// When it is.
    pub(crate) now: Timestamp,
    /// Whether Prometheus answers.
    pub(crate) answers: bool,
    /// How many of its spot nodes are being taken away, and since when.
    pub(crate) interrupted: Option<(u64, Timestamp)>,
    on_demand: Vec<Timestamp>,
    spot: Vec<Timestamp>,
}

impl Fleet {
    /// A fleet of ten that nobody has scaled yet, whose pods have long been Ready.
    pub(crate) fn new(policy: FleetPolicy, now: Timestamp) -> Self {
        let on_demand = vec![now - SignedDuration::from_hours(24); 10];
        let memory = Memory::default();
        let (answers, interrupted, spot) = (true, None, Vec::new());
        Self { policy, memory, now, answers, interrupted, on_demand, spot }
    }

    /// Decides, carries it out, and lets so much time pass.
    pub(crate) fn step(&mut self, demand: f64, passes: SignedDuration) -> Decision {
        let seen = self.observe(demand);
        let (decision, memory) = decide(&self.policy, &seen, &self.memory, self.now);
        self.memory = memory;
        let ready_at = self.now + POD_READY;
        let targets = [&mut self.on_demand, &mut self.spot];
        let wanted = [decision.placement.on_demand, decision.placement.spot];
        for (pods, wanted) in targets.into_iter().zip(wanted) {
            if let Some(wanted) = wanted {
                pods.resize(wanted.get() as usize, ready_at);
            }
        }
        self.now += passes;
        decision
    }

    /// Lives with the campaign's demand, times a factor, until an instant; decides every two seconds.
    pub(crate) fn run_until(&mut self, end: Timestamp, factor: f64) {
        while self.now < end {
            let seconds = self.now.as_second() - FIRST_DAY;
            let _ = self.step(campaign_demand(seconds) * factor, SignedDuration::from_secs(2));
        }
    }

    /// What is seen now.
    pub(crate) fn observe(&self, demand: f64) -> Observation {
        let pods = self.on_demand.iter().chain(&self.spot).copied();
        // Grown once: it is the decision that is measured.
        let mut ready_since = Vec::with_capacity(self.on_demand.len() + self.spot.len());
        ready_since.extend(pods.filter(|ready| *ready <= self.now));
        let has_spot = self.policy.spot.is_some();
        Observation {
            on_demand: self.target(&self.on_demand),
            spot: if has_spot {
                SpotTarget::Present(self.target(&self.spot))
            } else {
                SpotTarget::None
            },
            spot_nodes: if has_spot { self.nodes() } else { Vec::new() },
            spot_pending_since: Vec::new(),
            placeholders: Placeholders::default(),
            pods_started: Vec::new(),
            nodes_started: Vec::new(),
            scrape_interval: SCRAPE,
            readings: self.readings(demand, ready_since.len()),
            ready_since,
        }
    }

    fn target(&self, pods: &[Timestamp]) -> TargetObservation {
        let ready = pods.iter().filter(|ready| **ready <= self.now).count();
        let (wanted, ready) = (Some(count(pods.len())), count(ready));
        TargetObservation { wanted, ready, ..TargetObservation::default() }
    }

    fn nodes(&self) -> Vec<SpotNode> {
        let node = |id: u64| {
            let pods = self.spot.iter().skip(usize::try_from(id).unwrap_or_default());
            let pods = || pods.clone().step_by(usize::try_from(NODES).unwrap_or(1));
            let notice = Duration::from_mins(2);
            let interrupted = self.interrupted.filter(|(nodes, _)| id < *nodes);
            SpotNode {
                id: NodeId(id),
                pool: PoolId(id),
                health: NodeHealth::Ready,
                interruption: interrupted.map(|(_, at)| Interruption { at, notice }),
                tainted_by_us: interrupted.is_some(),
                pods: count(pods().count()),
                ready: count(pods().filter(|ready| **ready <= self.now).count()),
            }
        };
        (0..NODES).map(node).collect()
    }

    fn readings(&self, demand: f64, ready: usize) -> Readings {
        let read = |value| {
            let sampled_at = self.now;
            if self.answers { Reading::Value { value, sampled_at } } else { Reading::Failed }
        };
        let pods = f64::from(count(ready).get());
        Readings {
            request_rate: read(demand),
            burst_rate: read(demand),
            latency: read(40.0 + demand / pods.max(1.0)),
            error_rate: read(demand / 10_000.0),
            critical_rate: read(demand * 0.3),
            dependency_latency: read(10.0),
            scraped_pods: read(pods),
            window_samples: read(12.0),
        }
    }
}

fn count(pods: usize) -> Replicas {
    Replicas::new(u32::try_from(pods).unwrap_or(u32::MAX))
}

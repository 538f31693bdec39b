//! D18 and D19, ten thousand cases each: the split, and what becomes of a fleet whose spot nodes go as they like.

use crate::fleet::{at, replicas};
use crate::scripts::{database, order, ten_thousand};
use crate::spot_fleet::{SpotFleet, spot_policy};
use apifleet_core::observation::{
    Interruption, NodeHealth, NodeId, Observation, PoolId, Reading, SpotNode, SpotTarget, Surge,
    TargetObservation,
};
use apifleet_core::overrides::Action;
use apifleet_core::policy::{SpotPolicy, SurviveLossOf};
use apifleet_core::{Decision, Memory, decide};
use jiff::SignedDuration;
use proptest::collection::vec as list;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::LazyLock;
use std::time::Duration;

fn any_policy() -> impl Strategy<Value = SpotPolicy> {
    let loss = select(&[SurviveLossOf::Node, SurviveLossOf::CapacityPool, SurviveLossOf::None][..]);
    (0..=100_u8, 0..30_u32, loss, 100..200_u32).prop_map(
        |(share, base, survive_loss_of, percent)| SpotPolicy {
            survive_loss_of,
            survivors_percent: percent,
            ..SpotPolicy::new(share, replicas(base))
        },
    )
}

fn any_node(id: u64) -> impl Strategy<Value = SpotNode> {
    let health = select(&[0, 0, 0, 0, 1, 2, 3][..]);
    (0..4_u64, health, any::<bool>(), 0..8_u32, 0..8_u32, 0..8_u8).prop_map(
        move |(pool, health, tainted_by_us, pods, unready, notice)| SpotNode {
            id: NodeId(id),
            pool: PoolId(pool),
            health: match health {
                0 => NodeHealth::Ready,
                1 => NodeHealth::Unschedulable,
                2 => NodeHealth::NotReady,
                _ => NodeHealth::Unreachable { since: at(-15) },
            },
            interruption: (notice == 0)
                .then_some(Interruption { at: at(-10), notice: Duration::from_mins(2) }),
            tainted_by_us,
            pods: replicas(pods),
            ready: replicas(pods.saturating_sub(unready)),
        },
    )
}

fn any_nodes() -> impl Strategy<Value = Vec<SpotNode>> {
    (any_node(0), any_node(1), any_node(2), any_node(3), any_node(4), any_node(5), 0..=6_usize)
        .prop_map(|(a, b, c, d, e, f, count)| {
            let mut nodes = vec![a, b, c, d, e, f];
            nodes.truncate(count);
            nodes
        })
}

fn look(
    nodes: Vec<SpotNode>,
    base: TargetObservation,
    spot_wanted: u32,
    critical: Option<f64>,
    rps: f64,
) -> Observation {
    let ready: u32 = nodes.iter().map(|node| node.ready.get()).sum();
    let mut fleet = crate::fleet::Fleet::new(crate::fleet::policy(), 0);
    fleet.rps = rps;
    let mut seen = fleet.observe();
    seen.on_demand = base;
    seen.spot = SpotTarget::Present(TargetObservation {
        wanted: Some(replicas(spot_wanted.max(ready))),
        ready: replicas(ready),
        ..TargetObservation::default()
    });
    seen.spot_nodes = nodes;
    seen.readings.scraped_pods = Reading::Empty;
    if let Some(value) = critical {
        seen.readings.critical_rate = Reading::Value { value, sampled_at: at(0) };
    }
    seen
}

fn targets(decision: &Decision) -> (u32, u32) {
    let placement = decision.placement;
    (placement.on_demand.unwrap().get(), placement.spot.unwrap().get())
}

proptest! {
    #![proptest_config(ten_thousand())]

    /// D18
    #[test]
    fn d18_the_base_alone_carries_what_is_critical_and_spot_stays_within_its_share(
        spot in any_policy(),
        size in 1..100_u32,
        nodes in any_nodes(),
        there in (0..100_u32, 0..=100_u32, 0..60_u32),
        critical in proptest::option::of(0..6000_u32),
        rps in 0..6000_u32,
    ) {
        let mut policy = spot_policy();
        policy.spot = Some(spot);
        policy.bounds = crate::fleet::bounds(size, size);
        let (base_there, percent, spot_there) = there;
        let base_target = TargetObservation {
            wanted: Some(replicas(base_there)),
            ready: replicas(base_there * percent / 100),
            ..TargetObservation::default()
        };
        let critical = critical.map(f64::from);
        let seen = look(nodes, base_target, spot_there, critical, f64::from(rps));
        let (decision, memory) = decide(&policy, &seen, &Memory::default(), at(0));
        let n = decision.desired.get();
        let (base, on_spot) = targets(&decision);
        let SpotTarget::Present(target) = seen.spot else { unreachable!() };
        let spot_now = target.wanted.unwrap().get();
        let cap = n * u32::from(spot.max_percent) / 100;
        prop_assert!(on_spot <= cap.max(spot_now), "{decision:?}");
        prop_assert!(base >= spot.min_on_demand.get().min(n));
        if let Some(critical) = critical {
            let carries = f64::from(base) * 50.0;
            prop_assert!(base >= n || carries >= critical - 1e-6, "{carries} for {critical}: {decision:?}");
        }
        prop_assert!(base <= n && base + on_spot >= n, "{decision:?}");

        // No move of ours takes a serving replica of those that are wanted.
        let doomed = |node: &&SpotNode| node.interruption.is_some() || !matches!(node.health, NodeHealth::Ready | NodeHealth::Unschedulable);
        let doomed_ready: u32 = seen.spot_nodes.iter().filter(doomed).map(|node| node.ready.get()).sum();
        let healthy = target.ready.get() - doomed_ready;
        let before = seen.on_demand.ready.get() + healthy;
        let after = base.min(seen.on_demand.ready.get()) + (on_spot.saturating_sub(doomed_ready)).min(healthy);
        prop_assert!(after >= before.min(n), "{before} {after} {decision:?}");

        // The same look again changes nothing.
        let (again, _) = decide(&policy, &seen, &memory, at(0));
        prop_assert_eq!(again.placement, decision.placement);
        prop_assert_eq!(again.drains, decision.drains);
        prop_assert_eq!(again.spot, decision.spot);
        for line in &decision.ledger {
            prop_assert!(!line.why.to_string().is_empty());
        }
        if let Some(next) = decision.next {
            prop_assert!(next.at > decision.at);
        }
    }
}

proptest! {
    #![proptest_config(ten_thousand())]

    /// D1, D18: what dependencies carry is not exceeded by any move or cover, unless it was before, and then not more.
    #[test]
    fn d1_d18_no_move_and_no_cover_exceeds_what_dependencies_carry(
        spot in any_policy(),
        size in 1..60_u32,
        nodes in any_nodes(),
        there in (0..60_u32, 0..=100_u32, 0..40_u32),
        carried in 1..80_u32,
        surges in (0..3_u32, 0..60_u32),
        leaves in any::<bool>(),
    ) {
        let mut policy = spot_policy();
        policy.spot = Some(spot);
        policy.bounds = crate::fleet::bounds(size, size);
        policy.dependencies = vec![database(carried, 1)];
        if leaves {
            policy.overrides = vec![order("leave", Action::NoSpot, at(-100), at(100))];
        }
        let (base_there, percent, spot_there) = there;
        let base = TargetObservation {
            wanted: Some(replicas(base_there)),
            ready: replicas(base_there * percent / 100),
            surge: Surge::Pods(replicas(surges.0)),
            ..TargetObservation::default()
        };
        let mut seen = look(nodes, base, spot_there, None, 1000.0);
        let SpotTarget::Present(target) = &mut seen.spot else { unreachable!() };
        target.surge = Surge::Percent(surges.1);
        let spot_there = target.wanted.unwrap().get();
        let (decision, memory) = decide(&policy, &seen, &Memory::default(), at(0));
        let (on_demand, on_spot) = targets(&decision);
        let pods = on_demand + surges.0 + on_spot + (on_spot * surges.1).div_ceil(100);
        let grows = on_demand > base_there || on_spot > spot_there;
        // One replica is kept whatever a dependency carries.
        prop_assert!(pods <= carried || !grows || on_demand + on_spot <= 1, "{pods} of {carried}: {decision:?}");
        prop_assert_eq!(decision.ledger.last().unwrap().output.get(), on_demand + on_spot);
        let (again, _) = decide(&policy, &seen, &memory, at(0));
        prop_assert_eq!(again.placement, decision.placement);
    }
}

/// What happens to a node.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Interrupt { node: usize, notice: i64 },
    Kill { node: usize },
    TakeBack { node: usize },
    Unwell { node: usize },
    Well { node: usize },
    NewNode { pool: u64 },
    Demand { rps: u32 },
    Calm,
}

fn any_blow() -> impl Strategy<Value = (i64, Blow)> {
    let node = || 0..6_usize;
    let blow = prop_oneof![
        4 => (node(), select(&[0_i64, 30, 120][..])).prop_map(|(node, notice)| Blow::Interrupt { node, notice }),
        1 => node().prop_map(|node| Blow::Kill { node }),
        1 => node().prop_map(|node| Blow::TakeBack { node }),
        1 => node().prop_map(|node| Blow::Unwell { node }),
        1 => node().prop_map(|node| Blow::Well { node }),
        3 => (0..4_u64).prop_map(|pool| Blow::NewNode { pool }),
        2 => (300..1500_u32).prop_map(|rps| Blow::Demand { rps }),
        2 => Just(Blow::Calm),
    ];
    (select(&[2_i64, 4, 10, 60, 330][..]), blow)
}

impl Blow {
    fn strike(self, fleet: &mut SpotFleet) {
        let id = |node: usize| fleet.nodes.get(node).map(|node| node.id);
        match self {
            Self::Interrupt { node, notice } => {
                if let Some(id) = id(node).filter(|id| {
                    fleet
                        .nodes
                        .iter()
                        .any(|node| node.id == *id && node.notice.is_none() && node.died.is_none())
                }) {
                    fleet.interrupt(id, notice);
                }
            }
            Self::Kill { node } => {
                if let Some(id) = id(node) {
                    fleet.kill(id);
                }
            }
            Self::TakeBack { node } => {
                if let Some(node) = fleet.nodes.get_mut(node) {
                    node.notice = None;
                }
            }
            Self::Unwell { node } | Self::Well { node } => {
                if let Some(node) = fleet.nodes.get_mut(node) {
                    node.not_ready = matches!(self, Self::Unwell { .. });
                }
            }
            Self::NewNode { pool } => {
                fleet.add_node(pool);
            }
            Self::Demand { rps } => fleet.fleet.rps = f64::from(rps),
            Self::Calm => {}
        }
    }
}

static PEAK: LazyLock<SpotFleet> =
    LazyLock::new(|| SpotFleet::settled(spot_policy(), 30, 1500.0, 4));

proptest! {
    #![proptest_config(ten_thousand())]

    /// D19; the fleet itself checks at every step that no serving replica is taken before its cover is Ready.
    #[test]
    fn d19_losses_are_covered_and_end_with_every_replica_serving(
        blows in list(any_blow(), 1..12),
        restart in proptest::option::of(0..12_usize),
        leaves in proptest::option::weighted(0.3, 0..600_i64),
    ) {
        let mut fleet = PEAK.clone();
        if let Some(from) = leaves {
            fleet.fleet.policy.overrides = vec![order("leave", Action::NoSpot, at(from), at(from + 900))];
        }
        for (index, (seconds, blow)) in blows.into_iter().enumerate() {
            blow.strike(&mut fleet);
            if restart == Some(index) {
                let stored = serde_json::to_string(&fleet.fleet.memory).unwrap();
                fleet.fleet.memory = Memory::resumed(serde_json::from_str(&stored).ok());
            }
            fleet.fleet.now += SignedDuration::from_secs(seconds.min(20));
            fleet.decide();
            let rest = fleet.fleet.seconds() + (seconds - 20).max(0);
            while fleet.fleet.seconds() < rest {
                fleet.fleet.now += SignedDuration::from_secs(20);
                fleet.decide();
            }
            let memory = &fleet.fleet.memory.spot;
            prop_assert!(memory.interruptions.len() <= 16 && memory.strikes.len() <= 2);
        }
        // All nodes that have to go are gone in the end, and cover has become Ready.
        for _ in 0..30 {
            fleet.fleet.now += SignedDuration::from_secs(20);
            fleet.decide();
        }
        let size = fleet.fleet.size();
        prop_assert!(fleet.serving() >= size, "{} of {size}: {:?} {:?}", fleet.serving(), fleet.targets, fleet.states);
        let (base, spot) = fleet.split();
        prop_assert!(base + spot >= size && base <= size, "{:?}", fleet.targets);
    }

    /// D19: all at once, whenever and however.
    #[test]
    fn d19_a_mass_loss_is_covered_once_and_without_thrash(
        notices in list(select(&[0_i64, 30, 120][..]), 6),
        delays in list(0..30_i64, 6),
        pod_ready in 5..90_i64,
        budget in 0..4_usize,
    ) {
        let mut fleet = PEAK.clone();
        fleet.pod_ready = SignedDuration::from_secs(pod_ready);
        fleet.budget = budget;
        // As often as the operator looks: every 2 s while something moves, then every 5 s.
        for second in (0..60_i64).step_by(2).chain((60..240).step_by(5)) {
            for node in 0..6_u64 {
                let index = usize::try_from(node).unwrap();
                if delays[index] / 2 == second / 2 {
                    fleet.interrupt(node, notices[index]);
                }
            }
            fleet.fleet.now = at(second);
            fleet.decide();
        }
        prop_assert_eq!(fleet.split(), (30, 0), "{:?}", fleet.targets);
        prop_assert_eq!(fleet.serving(), 30);
        // One step up for each node that is missed; down at most onto replicas that found a place between two blows.
        let mut bases: Vec<_> = fleet.targets.iter().map(|target| target.1).collect();
        bases.dedup();
        let falls = bases.windows(2).filter(|pair| pair[1] < pair[0]).count();
        prop_assert!(falls <= 2 && bases.len() <= 10, "{:?}", fleet.targets);
        let spots: Vec<_> = fleet.targets.iter().map(|target| target.2).collect();
        prop_assert!(spots.iter().rev().is_sorted(), "{:?}", fleet.targets);
    }
}

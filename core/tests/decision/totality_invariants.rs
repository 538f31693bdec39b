//! D12: every input has an answer, ten thousand of them, however odd.

use crate::fleet::{at, replicas};
use crate::scripts::{any_policy, database, order, ten_thousand};
use apifleet_core::behavior::Amount;
use apifleet_core::dependencies::Dependency;
use apifleet_core::observation::{
    Interruption, NodeHealth, NodeId, Observation, Placeholders, PoolId, Reading, Readings,
    Rollout, SpotLoss, SpotNode, SpotTarget, Surge, TargetObservation,
};
use apifleet_core::overrides::{Action, Override, Pace};
use apifleet_core::policy::{FleetPolicy, SpotPolicy};
use apifleet_core::{Memory, Percent, Reason, Replicas, Rps, decide};
use jiff::Timestamp;
use proptest::collection::vec as list;
use proptest::prelude::*;
use std::time::Duration;

/// Any number, the nasty ones often.
fn any_number() -> impl Strategy<Value = f64> {
    let nasty = proptest::sample::select(
        &[0.0, -0.0, 1.0, -1.0, 1e308, 1e-308, f64::NAN, f64::INFINITY, f64::NEG_INFINITY][..],
    );
    prop_oneof![nasty, any::<f64>(), 0.0..5000.0]
}

fn any_instant() -> impl Strategy<Value = Timestamp> {
    let ends =
        proptest::sample::select(&[Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH][..]);
    prop_oneof![1 => ends, 4 => (-400..400_i64).prop_map(at)]
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let value = (any_number(), any_instant())
        .prop_map(|(value, sampled_at)| Reading::Value { value, sampled_at });
    prop_oneof![4 => value, 1 => Just(Reading::Empty), 1 => Just(Reading::Several), 1 => Just(Reading::Failed)]
}

fn any_target() -> impl Strategy<Value = TargetObservation> {
    let wanted = proptest::option::weighted(0.9, any::<u32>().prop_map(Replicas::new));
    (wanted, any::<u16>(), proptest::option::of(any_instant())).prop_map(
        |(wanted, ready, since)| TargetObservation {
            wanted,
            ready: replicas(ready.into()),
            pending: Replicas::ZERO,
            rollout: since.map_or(Rollout::Settled, |since| Rollout::InProgress { since }),
            surge: if ready % 2 == 0 {
                Surge::Percent(u32::MAX)
            } else {
                Surge::Pods(Replicas::LIMIT)
            },
        },
    )
}

fn any_spot_node() -> impl Strategy<Value = SpotNode> {
    let health = prop_oneof![
        3 => Just(NodeHealth::Ready),
        1 => Just(NodeHealth::Unschedulable),
        1 => Just(NodeHealth::NotReady),
        1 => any_instant().prop_map(|since| NodeHealth::Unreachable { since }),
    ];
    let notice =
        proptest::sample::select(vec![Duration::ZERO, Duration::from_mins(2), Duration::MAX]);
    let interruption = proptest::option::of((any_instant(), notice));
    (0..4_u64, health, interruption, any::<(bool, u32, u32)>()).prop_map(
        |(id, health, interruption, (tainted_by_us, pods, ready))| SpotNode {
            id: NodeId(id),
            pool: PoolId(id % 2),
            health,
            interruption: interruption.map(|(at, notice)| Interruption { at, notice }),
            tainted_by_us,
            pods: replicas(pods),
            ready: replicas(ready),
        },
    )
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let spot = prop_oneof![
        Just(SpotTarget::None),
        Just(SpotTarget::Lost(SpotLoss::Missing)),
        any_target().prop_map(SpotTarget::Present)
    ];
    let interval = proptest::sample::select(vec![
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_secs(5),
        Duration::MAX,
    ]);
    let six =
        (any_reading(), any_reading(), any_reading(), any_reading(), any_reading(), any_reading());
    let readings = (six, any_reading());
    let nodes = (list(any_spot_node(), 0..6), list(any_instant(), 0..3));
    (any_target(), (spot, nodes), list(any_instant(), 0..3), interval, readings).prop_map(
        |(on_demand, (spot, nodes), ready_since, scrape_interval, readings)| {
            let (six, dependency_latency) = readings;
            let (request_rate, burst_rate, latency, error_rate, scraped_pods, window_samples) = six;
            let readings = Readings {
                request_rate,
                burst_rate,
                latency,
                error_rate,
                critical_rate: Reading::Empty,
                dependency_latency,
                scraped_pods,
                window_samples,
            };
            Observation {
                on_demand,
                spot,
                spot_nodes: nodes.0,
                spot_pending_since: nodes.1,
                placeholders: Placeholders::default(),
                pods_started: Vec::new(),
                nodes_started: Vec::new(),
                ready_since,
                scrape_interval,
                readings,
            }
        },
    )
}

/// Any override, also one that ends before it begins, and one that is called like another.
fn any_order() -> impl Strategy<Value = Override> {
    let action = (0..5_u8, any::<u32>()).prop_map(|(which, count)| match which {
        0 => Action::Floor(Replicas::new(count)),
        1 => Action::Ceiling(Replicas::new(count)),
        2 => Action::Pin(Replicas::new(count)),
        3 => Action::Hold,
        _ => Action::NoSpot,
    });
    let pace = proptest::sample::select(&[Pace::Gradual, Pace::Immediate][..]);
    let name = proptest::sample::select(&["a", "b", "c"][..]);
    (name, action, pace, any_instant(), any_instant()).prop_map(
        |(name, action, pace, not_before, expires_at)| Override {
            pace,
            ..order(name, action, not_before, expires_at)
        },
    )
}

fn any_dependency() -> impl Strategy<Value = Dependency> {
    (any::<u32>(), any::<u32>(), 1..u32::MAX).prop_map(|(limit, reserved, per_replica)| {
        Dependency { reserved, ..database(limit, per_replica) }
    })
}

fn extreme(policy: FleetPolicy, target: f64, long: bool) -> FleetPolicy {
    let mut policy = policy;
    policy.signals.target_per_replica = Rps::new(target).unwrap_or(Rps::ZERO);
    policy.signals.max_errors = Percent::new(0.5);
    policy.spot = Some(SpotPolicy::new(255, Replicas::LIMIT));
    if long {
        policy.signals.window = Duration::MAX;
        policy.signals.stale_after = Duration::MAX;
        policy.behavior.up.stabilization_window = Duration::MAX;
        policy.behavior.down.stabilization_window = Duration::MAX;
        for limit in
            policy.behavior.down.policies.iter_mut().chain(&mut policy.behavior.up.policies)
        {
            limit.period = Duration::MAX;
            limit.amount = Amount::Percent(u32::MAX);
        }
    }
    policy
}

proptest! {
    #![proptest_config(ten_thousand())]

    /// D12
    #[test]
    fn d12_every_input_has_an_answer(
        policy in any_policy(),
        target in any_number(),
        long in any::<bool>(),
        orders in list(any_order(), 0..20),
        shared in list(any_dependency(), 0..3),
        looks in list((any_observation(), any_instant()), 1..5),
    ) {
        let mut policy = extreme(policy, target, long);
        (policy.overrides, policy.dependencies) = (orders, shared);
        let mut memory = Memory::default();
        for (seen, now) in looks {
            let before = memory.clone();
            let (decision, after) = decide(&policy, &seen, &before, now);
            let unknown = decision.reason == Reason::ReplicasUnknown;
            let least = if policy.dependencies.is_empty() { policy.bounds.min() } else { replicas(1) };
            prop_assert!(decision.desired >= least || unknown, "{decision:?}");
            prop_assert!(decision.overrides.len() <= policy.overrides.len());
            for line in &decision.ledger {
                prop_assert!(!line.why.to_string().contains("NaN ") && !line.why.to_string().contains("inf "));
            }
            let stored = serde_json::to_string(&after).unwrap();
            let again: Memory = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), stored.clone());
            prop_assert!(stored.len() < 16_384);
            memory = Memory::resumed(Some(after));
        }
    }
}

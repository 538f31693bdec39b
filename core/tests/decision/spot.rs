//! The split between on demand and spot, and the single rules behind it, as tables.

use crate::fleet::{Fleet, at, policy, replicas};
use crate::spot_fleet::{SpotFleet, spot_policy};
use apifleet_core::decision::{DrainOrder, Placement, SpotState};
use apifleet_core::observation::{
    Interruption, NodeHealth, NodeId, Observation, PoolId, Reading, SpotLoss, SpotNode, SpotTarget,
    TargetObservation,
};
use apifleet_core::patience::Patience;
use apifleet_core::policy::{FleetPolicy, SpotPolicy, SurviveLossOf};
use apifleet_core::{Decision, Memory, Reason, Replicas, decide};
use jiff::SignedDuration;
use std::time::Duration;

/// A healthy node of a pool with Ready pods.
pub(crate) fn node(id: u64, pool: u64, pods: u32) -> SpotNode {
    SpotNode {
        id: NodeId(id),
        pool: PoolId(pool),
        health: NodeHealth::Ready,
        interruption: None,
        tainted_by_us: false,
        pods: replicas(pods),
        ready: replicas(pods),
    }
}

fn all_ready(wanted: u32) -> TargetObservation {
    TargetObservation {
        wanted: Some(replicas(wanted)),
        ready: replicas(wanted),
        ..TargetObservation::default()
    }
}

/// A fleet of one size whose base and spot are Ready, on nodes that are their own pool each.
fn seen(rps: f64, (base, spot): (u32, u32), pools: u64) -> Observation {
    let mut fleet = Fleet::new(policy(), 0);
    fleet.rps = rps;
    let mut seen = fleet.observe();
    seen.on_demand = all_ready(base);
    seen.spot = SpotTarget::Present(all_ready(spot));
    let pools = u32::try_from(pools).unwrap();
    let pods = |index| spot / pools + u32::from(index < spot % pools);
    seen.spot_nodes =
        (0..pools).map(|index| node(index.into(), index.into(), pods(index))).collect();
    let all = f64::from(base + spot);
    seen.readings.scraped_pods = Reading::Value { value: all, sampled_at: at(0) };
    seen
}

/// A policy that holds this size.
fn fixed(size: u32) -> FleetPolicy {
    let mut policy = spot_policy();
    policy.bounds = crate::fleet::bounds(size, size);
    policy
}

/// Decides for a fleet that has had its smallest size for long.
fn decide_once(policy: &FleetPolicy, seen: &Observation) -> Decision {
    let mut memory = Memory::default();
    memory.at = Some(at(-2));
    memory.size = Some(policy.bounds.min());
    let spot = match seen.spot {
        SpotTarget::Present(target) => target.wanted,
        SpotTarget::None | SpotTarget::Lost(_) => None,
    };
    memory.placement = Some(Placement { on_demand: seen.on_demand.wanted, spot });
    decide(policy, seen, &memory, at(0)).0
}

fn split_of(decision: &Decision) -> (u32, u32) {
    let placement = decision.placement;
    (placement.on_demand.unwrap().get(), placement.spot.unwrap().get())
}

/// Where the moves end: base and spot Ready as they were last asked for.
fn settle(policy: &FleetPolicy, rps: f64, size: u32, pools: u64) -> (Decision, (u32, u32)) {
    let mut split = (size, 0);
    for _ in 0..20 {
        split = split_of(&decide_once(policy, &seen(rps, split, pools)));
    }
    let decision = decide_once(policy, &seen(rps, split, pools));
    assert_eq!((decision.desired.get(), split_of(&decision)), (size, split), "{decision:?}");
    (decision, split)
}

#[test]
fn the_worked_splits_are_as_designed() {
    for (size, rps, pools, expected) in [
        (10, 300.0, 1, (5, 5)),
        (20, 900.0, 1, (13, 7)),
        (30, 1500.0, 1, (22, 8)),
        (30, 1500.0, 2, (14, 16)),
        (30, 1500.0, 6, (12, 18)),
        (10, 0.0, 1, (4, 6)),
    ] {
        let (decision, split) = settle(&fixed(size), rps, size, pools);
        assert_eq!(split, expected, "{size} at {rps} on {pools} pools");
        let healthy = decision.findings.spot_healthy.unwrap();
        assert!(healthy.holds, "{healthy:?}");
        assert_eq!(healthy.why.reason(), Reason::Placed);
    }
}

#[test]
fn nodes_of_one_pool_are_one_loss_unless_single_nodes_are_asked_for() {
    for (loss, expected) in [
        (SurviveLossOf::CapacityPool, (22, 8)),
        (SurviveLossOf::Node, (12, 18)),
        (SurviveLossOf::None, (12, 18)),
    ] {
        let mut policy = fixed(30);
        policy.spot = Some(SpotPolicy { survive_loss_of: loss, ..policy.spot.unwrap() });
        let mut seen = seen(1500.0, expected, 6);
        for node in &mut seen.spot_nodes {
            node.pool = PoolId(7);
        }
        assert_eq!(split_of(&decide_once(&policy, &seen)), expected, "{loss:?}");
    }
}

#[test]
fn nodes_that_go_or_take_no_pods_are_no_place_to_survive_on() {
    type Spoil = fn(&mut SpotNode);
    let spoil: [(&str, Spoil); 4] = [
        ("unschedulable", |node| node.health = NodeHealth::Unschedulable),
        ("not ready", |node| node.health = NodeHealth::NotReady),
        ("unreachable", |node| node.health = NodeHealth::Unreachable { since: at(-5) }),
        ("taken", |node| {
            node.interruption = Some(Interruption { at: at(0), notice: Duration::from_mins(2) });
        }),
    ];
    for (name, spoil) in spoil {
        let mut seen = seen(1500.0, (14, 16), 2);
        let mut empty = node(9, 9, 0);
        spoil(&mut empty);
        seen.spot_nodes.push(empty);
        assert_eq!(split_of(&decide_once(&fixed(30), &seen)), (14, 16), "{name}");
    }
}

#[test]
fn without_headroom_a_fifth_stays_on_spot_and_it_is_said() {
    let (decision, split) = settle(&fixed(10), 600.0, 10, 1);
    assert_eq!(split, (8, 2));
    let healthy = decision.findings.spot_healthy.unwrap();
    assert_eq!((healthy.holds, healthy.why.reason()), (false, Reason::NoLossHeadroom));
    // With a fifth a loss is just survived: nothing to complain about.
    let (decision, split) = settle(&fixed(10), 550.0, 10, 1);
    assert_eq!(split, (8, 2));
    assert!(decision.findings.spot_healthy.unwrap().holds);
}

#[test]
fn the_base_can_carry_the_critical_demand_alone() {
    for (critical, base) in [(0.0, 12), (600.0, 12), (601.0, 13), (1000.0, 20), (4000.0, 30)] {
        let mut seen = seen(1500.0, (12, 18), 6);
        seen.readings.critical_rate = Reading::Value { value: critical, sampled_at: at(0) };
        let decision = decide_once(&fixed(30), &seen);
        assert_eq!(decision.placement.on_demand, Some(replicas(base)), "{critical}");
    }
}

#[test]
fn critical_demand_asks_for_replicas_and_never_holds_them() {
    let mut policy = spot_policy();
    policy.bounds = crate::fleet::bounds(10, 60);
    let mut seen = seen(500.0, (4, 6), 6);
    seen.readings.critical_rate = Reading::Value { value: 900.0, sampled_at: at(0) };
    let decision = decide_once(&policy, &seen);
    assert_eq!((decision.desired, decision.reason), (replicas(18), Reason::CriticalDemand));

    let mut fleet = SpotFleet::settled(spot_policy(), 20, 1000.0, 6);
    fleet.critical = Some(300.0);
    fleet.fleet.rps = 300.0;
    for reading in [Some(-1.0), Some(f64::NAN), None] {
        let mut fleet = fleet.clone();
        fleet.critical = reading;
        let decision = fleet.run_until(1200);
        assert_eq!(fleet.fleet.size(), 10, "{reading:?}");
        assert!(decision.findings.signals_fresh.holds);
    }
}

#[test]
fn a_fleet_is_large_enough_to_lose_a_pool() {
    let mut policy = spot_policy();
    policy.bounds = crate::fleet::bounds(15, 100);
    policy.spot = Some(SpotPolicy {
        survivors_percent: 100,
        min_on_demand: replicas(1),
        ..policy.spot.unwrap()
    });
    for (pools, expected, reason) in [
        (1, 25, Reason::SurvivableLoss),
        (2, 23, Reason::SurvivableLoss),
        (6, 21, Reason::SurvivableLoss),
    ] {
        let mut seen = seen(1000.0, (12, 0), pools);
        seen.on_demand = all_ready(15);
        let decision = decide_once(&policy, &seen);
        assert_eq!((decision.desired.get(), decision.reason), (expected, reason), "{pools}");
    }
    policy.spot = Some(SpotPolicy { survive_loss_of: SurviveLossOf::None, ..policy.spot.unwrap() });
    let mut seen = seen(1000.0, (15, 0), 1);
    seen.on_demand = all_ready(15);
    assert_eq!(decide_once(&policy, &seen).reason, Reason::RequestRate);
}

#[test]
fn demand_of_the_whole_scale_down_window_is_survived() {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 1);
    assert_eq!(fleet.split(), (22, 8));
    fleet.fleet.policy.bounds = crate::fleet::bounds(30, 30);
    fleet.fleet.rps = 600.0;
    fleet.run_until(290);
    assert_eq!(fleet.split(), (22, 8));
    fleet.run_until(400);
    assert_eq!(fleet.split(), (12, 18));
}

#[test]
fn a_scale_down_window_that_was_learned_is_survived_whole_also_over_a_restart() {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 1);
    fleet.fleet.policy.bounds = crate::fleet::bounds(30, 30);
    fleet.fleet.memory.patience = Patience { doublings: 1, ..Patience::default() };
    fleet.fleet.rps = 600.0;
    fleet.run_until(590);
    assert_eq!(fleet.split(), (22, 8));
    // Nobody has looked since: what was known then has not grown old.
    let mut restarted = fleet.clone();
    restarted.fleet.memory = Memory::resumed(Some(restarted.fleet.memory));
    restarted.fleet.now += SignedDuration::from_mins(5);
    restarted.decide();
    assert_eq!(restarted.split(), (22, 8));
    fleet.run_until(700);
    assert_eq!(fleet.split(), (12, 18));
}

#[test]
fn an_outage_moves_nothing_to_spot() {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 1);
    fleet.fleet.prometheus = crate::fleet::Prometheus::Unreachable;
    fleet.run_until(3600);
    assert_eq!((fleet.split(), fleet.targets.len()), ((22, 8), 1), "{:?}", fleet.targets);
    // Nothing is known at all: the size is taken for needed.
    fleet.fleet.memory = Memory::default();
    fleet.run_until(3700);
    assert_eq!(fleet.split(), (22, 8));
}

#[test]
fn where_nodes_are_not_seen_the_share_and_the_base_rule_alone_and_it_is_said() {
    let mut unwatched = seen(1500.0, (12, 18), 1);
    unwatched.spot_nodes.clear();
    let decision = decide_once(&fixed(30), &unwatched);
    assert_eq!(split_of(&decision), (12, 18));
    let healthy = decision.findings.spot_healthy.unwrap();
    assert_eq!((healthy.holds, healthy.why.reason()), (false, Reason::SpotNodesUnknown));
    assert!(decision.drains.is_empty());
    // A node of others says nothing of ours.
    let foreign = Observation { spot_nodes: vec![node(9, 9, 0)], ..unwatched.clone() };
    let healthy = decide_once(&fixed(30), &foreign).findings.spot_healthy.unwrap();
    assert_eq!((healthy.holds, healthy.why.reason()), (false, Reason::SpotNodesUnknown));
    // No spot pod yet: perhaps no spot node yet.
    let none_yet = Observation { spot: SpotTarget::Present(all_ready(0)), ..unwatched };
    let decision = decide_once(&fixed(30), &none_yet);
    assert_ne!(decision.findings.spot_healthy.unwrap().why.reason(), Reason::SpotNodesUnknown);
}

#[test]
fn a_lost_spot_target_is_carried_on_demand_up_to_the_floor() {
    for loss in [SpotLoss::Missing, SpotLoss::Conflicted] {
        let mut lost = seen(100.0, (8, 0), 1);
        lost.spot = SpotTarget::Lost(loss);
        let (decision, _) = decide(&fixed(20), &lost, &Memory::default(), at(0));
        assert_eq!(decision.placement.on_demand, Some(replicas(20)));
        assert_eq!((decision.placement.spot, decision.spot), (None, None));
        assert!(!decision.findings.spot_healthy.unwrap().holds);
    }
}

#[test]
fn orders_follow_the_budget_of_the_notice() {
    // Seconds of notice; at these seconds after it, with so many Ready beyond the size: the order.
    for (notice, second, spare, order) in [
        (120, 0, 0, DrainOrder::Taint),
        (120, 10, 2, DrainOrder::Evict(replicas(2))),
        (120, 10, 9, DrainOrder::Evict(replicas(3))),
        (120, 74, 0, DrainOrder::Taint),
        (120, 75, 0, DrainOrder::Evict(replicas(3))),
        (120, 76, 0, DrainOrder::Evict(replicas(3))),
        (120, 77, 0, DrainOrder::Delete),
        (30, 7, 0, DrainOrder::Taint),
        (30, 8, 0, DrainOrder::Evict(replicas(3))),
        (30, 10, 0, DrainOrder::Delete),
        (0, 8, 0, DrainOrder::Evict(replicas(3))),
    ] {
        let mut seen = seen(1500.0, (12 + spare, 18), 6);
        let notice = Duration::from_secs(notice);
        seen.spot_nodes[1].interruption = Some(Interruption { at: at(-second), notice });
        let decision = decide_once(&fixed(30), &seen);
        let orders: Vec<_> =
            decision.drains.iter().map(|drain| (drain.node.0, drain.order)).collect();
        assert_eq!(orders, [(1, order)], "{notice:?} {second} {spare}");
    }
}

#[test]
fn a_node_without_pods_of_the_fleet_is_left_to_those_that_have_some() {
    let mut seen = seen(1500.0, (12, 18), 6);
    let calm = decide_once(&fixed(30), &seen);
    let taken = Some(Interruption { at: at(0), notice: Duration::from_mins(2) });
    seen.spot_nodes.push(SpotNode { interruption: taken, ..node(9, 9, 0) });
    let decision = decide_once(&fixed(30), &seen);
    assert_eq!((&decision.drains, decision.placement), (&calm.drains, calm.placement));
    // Until the node is forgotten it wakes nobody, either.
    let soon = |decision: &Decision| decision.next.filter(|next| next.at < at(600));
    assert_eq!(soon(&decision), soon(&calm));

    seen.spot_nodes[6].health = NodeHealth::Unreachable { since: at(-20) };
    let orders = decide_once(&fixed(30), &seen).drains;
    let orders: Vec<_> = orders.iter().map(|drain| drain.order).collect();
    assert_eq!(orders, [DrainOrder::ForceDelete], "pods that are leaving are not counted");
}

#[test]
fn spare_replicas_count_once_and_for_the_node_that_goes_first() {
    let mut seen = seen(1500.0, (15, 18), 6);
    for (index, minutes) in [(0, 6), (4, 2)] {
        let notice = Duration::from_mins(minutes);
        seen.spot_nodes[index].interruption = Some(Interruption { at: at(0), notice });
    }
    seen.spot_nodes[4].ready = replicas(2);
    let decision = decide_once(&fixed(30), &seen);
    let orders: Vec<_> = decision.drains.iter().map(|drain| (drain.node.0, drain.order)).collect();
    // 33 Ready, 30 wanted.
    assert_eq!(orders, [(4, DrainOrder::Evict(replicas(2))), (0, DrainOrder::Evict(replicas(1)))]);
}

#[test]
fn cover_that_a_late_or_dead_node_takes_does_not_pay_for_another() {
    let notice =
        |seconds| Some(Interruption { at: at(-100), notice: Duration::from_secs(seconds) });
    for (is_dead, order) in [(false, DrainOrder::Delete), (true, DrainOrder::ForceDelete)] {
        // 33 Ready, 30 wanted: one node of three pods is covered.
        let mut seen = seen(1500.0, (15, 18), 6);
        seen.spot_nodes[4].interruption = notice(120);
        if is_dead {
            seen.spot_nodes[4].interruption = None;
            seen.spot_nodes[4].health = NodeHealth::Unreachable { since: at(-100) };
        }
        seen.spot_nodes[0].interruption = notice(600);
        let decision = decide_once(&fixed(30), &seen);
        let orders: Vec<_> =
            decision.drains.iter().map(|drain| (drain.node.0, drain.order)).collect();
        assert_eq!(orders, [(4, order), (0, DrainOrder::Taint)]);
    }
}

#[test]
fn interruptions_of_nodes_without_our_pods_push_none_of_ours_out() {
    let mut seen = seen(1500.0, (12, 18), 6);
    let taken = Some(Interruption { at: at(0), notice: Duration::from_mins(2) });
    for node in &mut seen.spot_nodes[..2] {
        node.interruption = taken;
    }
    let foreign = (100..120).map(|id| SpotNode { interruption: taken, ..node(id, id, 0) });
    seen.spot_nodes.extend(foreign);
    let (_, memory) = decide(&fixed(30), &seen, &Memory::default(), at(0));
    let remembered = &memory.spot.interruptions;
    assert_eq!(remembered.len(), 16);
    let ours = remembered.iter().filter(|node| node.pods > Replicas::ZERO);
    assert_eq!(ours.map(|node| node.node.0).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_node_that_does_not_answer_is_given_up_after_twenty_seconds() {
    for (second, interrupted, order) in [
        (19, false, None),
        (20, false, Some(DrainOrder::ForceDelete)),
        (19, true, Some(DrainOrder::Taint)),
        (20, true, Some(DrainOrder::ForceDelete)),
    ] {
        let mut seen = seen(1500.0, (12, 18), 6);
        let node = &mut seen.spot_nodes[2];
        node.health = NodeHealth::Unreachable { since: at(-second) };
        node.ready = Replicas::ZERO;
        node.interruption =
            interrupted.then_some(Interruption { at: at(-second), notice: Duration::from_mins(2) });
        let decision = decide_once(&fixed(30), &seen);
        assert_eq!(decision.drains.first().map(|drain| drain.order), order, "{second}");
        assert_eq!(decision.spot.unwrap().state, SpotState::Covering);
    }
}

#[test]
fn nodes_that_are_only_unwell_are_never_drained() {
    for (health, state, cover) in [
        (NodeHealth::Unschedulable, SpotState::Normal, 0),
        (NodeHealth::NotReady, SpotState::Covering, 3),
    ] {
        let mut seen = seen(1500.0, (12, 18), 6);
        seen.spot_nodes[0].health = health;
        if health == NodeHealth::NotReady {
            seen.spot_nodes[0].ready = Replicas::ZERO;
            seen.spot =
                SpotTarget::Present(TargetObservation { ready: replicas(15), ..all_ready(18) });
        }
        let decision = decide_once(&fixed(30), &seen);
        assert!(decision.drains.is_empty());
        let spot = decision.spot.unwrap();
        assert_eq!((spot.state, spot.cover), (state, replicas(cover)));
        assert_eq!(decision.placement.on_demand, Some(replicas(12 + cover)));
        assert_eq!(decision.placement.spot, Some(replicas(18)));
    }
}

#[test]
fn a_notice_that_is_taken_back_is_undone_after_ten_calm_minutes() {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 6);
    fleet.interrupt(0, 120);
    fleet.run_until(4);
    fleet.node(0).notice = None;
    fleet.run_until(4 + 598);
    assert!(fleet.node(0).tainted);
    fleet.run_until(4 + 600);
    assert!(!fleet.node(0).tainted);

    // One that only another fleet knew of counts from when it is seen, as no loss.
    fleet.node(0).tainted = true;
    fleet.run_until(604 + 598);
    assert!(fleet.node(0).tainted);
    let pods: Vec<_> = fleet.fleet.memory.spot.interruptions.iter().map(|it| it.pods).collect();
    assert_eq!(pods, [Replicas::ZERO]);
    fleet.run_until(604 + 600);
    assert!(!fleet.node(0).tainted);

    // One that is not well meanwhile waits ten minutes more.
    fleet.interrupt(0, 120);
    fleet.run_until(1206);
    fleet.node(0).notice = None;
    fleet.node(0).cordoned = true;
    fleet.run_until(1500);
    fleet.node(0).cordoned = false;
    fleet.run_until(2096);
    assert!(fleet.node(0).tainted);
    fleet.run_until(2102);
    assert!(!fleet.node(0).tainted);
}

#[test]
fn a_strike_rests_spot_for_five_minutes_and_two_lead_to_a_fallback() {
    let mut fleet = SpotFleet::settled(spot_policy(), 20, 900.0, 6);
    for node in &mut fleet.nodes {
        node.room = 2;
    }
    fleet.fleet.rps = 1500.0;
    fleet.run_until(60);
    assert_eq!(fleet.split(), (12, 18));
    let waiting = fleet.run_until(80);
    assert!(waiting.findings.spot_healthy.unwrap().holds);
    let struck = fleet.run_until(100);
    let healthy = struck.findings.spot_healthy.unwrap();
    assert_eq!((healthy.holds, healthy.why.reason()), (false, Reason::SpotUnschedulable));
    fleet.run_until(200);
    assert_eq!(fleet.split(), (18, 12), "on demand takes the part of those that found no node");
    fleet.run_until(380);
    assert_eq!(fleet.states, [(0, SpotState::Normal)]);
    fleet.run_until(600);
    let (since, state) = fleet.states[1];
    assert_eq!(state, SpotState::Fallback);
    assert!((470..500).contains(&since), "{:?}", fleet.states);
    assert_eq!(fleet.split(), (18, 12), "what is well on spot stays");
    fleet.run_until(since + 30 * 60);
    assert_eq!(fleet.states[2], (since + 30 * 60, SpotState::Returning));
}

#[test]
fn the_share_that_is_said_is_the_one_that_is_meant() {
    let mut fleet = SpotFleet::settled(spot_policy(), 30, 1500.0, 6);
    let normal = fleet.decide().spot.unwrap();
    assert_eq!(
        (normal.state, normal.share_percent, normal.cover.get()),
        (SpotState::Normal, 60, 0)
    );
    fleet.interrupt(0, 120);
    fleet.fleet.now += SignedDuration::from_secs(2);
    let covering = fleet.decide().spot.unwrap();
    assert_eq!(
        (covering.state, covering.share_percent, covering.cover.get()),
        (SpotState::Covering, 50, 3)
    );
    assert_eq!(covering.since, at(2));
}

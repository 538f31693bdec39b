//! The plant alone: what comes in goes somewhere, pods come and go as in a cluster.

use super::*;
use crate::faults::FaultKind;
use crate::run::Scenario;
use crate::trace::Trace;
use apifleet_core::Replicas;
use apifleet_core::policy::Bounds;
use jiff::Timestamp;
use std::sync::Arc;

/// When the traces of these tests begin.
const START: i64 = 1_000_000;

fn scenario(lag: Lag) -> Scenario {
    let start = Timestamp::from_second(START).unwrap();
    let trace = Trace::new("t", start, 60, vec![500.0; 100]).unwrap();
    let bounds = Bounds::new(Replicas::new(2), Replicas::new(30)).unwrap();
    Scenario { lag, ..Scenario::new(Arc::new(trace), bounds, 0, 1) }
}

fn plant(size: u32, lag: Lag) -> Plant {
    Plant::new(&scenario(lag), size, 500.0)
}

const LAG: Lag = Lag { pod: 30, node: 0 };

#[test]
fn every_request_is_answered_turned_away_or_waits() {
    let mut plant = plant(10, LAG);
    let (mut arrived, mut answered, mut unserved, mut queued) = (0.0, 0.0, 0.0, 0.0);
    for second in 0..2000_u32 {
        let now = START + i64::from(second);
        plant.advance(now);
        if second % 97 == 0 {
            plant.scale(second / 97 % 13, None, now);
        }
        let served = plant.serve((second * 7919) % 1300);
        arrived += served.arrived;
        answered += served.answered;
        unserved += served.unserved;
        queued = served.queued;
        assert!(served.unserved >= 0.0 && served.answered >= 0.0 && served.queued >= 0.0);
        assert!(served.answered <= f64::from(plant.ready()) * SATURATION);
    }
    assert_eq!(arrived, answered + unserved + queued);
    assert!(unserved > 0.0 && answered > 0.0);
}

#[test]
fn what_pods_carry_is_not_turned_away_and_what_they_do_not_is() {
    let mut plant = plant(10, LAG);
    let served = plant.serve(700);
    assert_eq!((served.answered, served.queued, served.unserved), (700.0, 0.0, 0.0));
    // A second of work waits; more does not.
    let served = plant.serve(1500);
    assert_eq!((served.answered, served.queued, served.unserved), (700.0, 700.0, 100.0));
    let served = plant.serve(0);
    assert_eq!((served.answered, served.queued, served.unserved), (700.0, 0.0, 0.0));
}

#[test]
fn without_a_pod_everything_is_turned_away() {
    let mut plant = plant(1, LAG);
    plant.scale(0, None, START);
    let served = plant.serve(50);
    assert_eq!((served.answered, served.unserved), (0.0, 50.0));
}

#[test]
fn a_pod_is_ready_after_the_lag_and_paid_for_before() {
    let mut plant = plant(10, LAG);
    plant.scale(12, None, START);
    assert_eq!((plant.existing(), plant.ready(), plant.started()), (12, 10, 2));
    plant.advance(START + 29);
    assert_eq!(plant.ready(), 10);
    plant.advance(START + 30);
    assert_eq!(plant.ready(), 12);
}

#[test]
fn those_that_are_not_ready_go_first_then_the_youngest() {
    let mut plant = plant(2, LAG);
    plant.scale(3, None, START);
    plant.advance(START + 30);
    plant.scale(4, None, START + 40);
    plant.scale(3, None, START + 41);
    let mut gone = Vec::new();
    assert!(plant.take_changes(&mut gone));
    assert!(gone.is_empty(), "what was never Ready has counted nothing");
    assert_eq!(plant.ready(), 3);
    plant.scale(2, None, START + 42);
    plant.take_changes(&mut gone);
    assert_eq!(gone.iter().map(|pod| pod.ready).collect::<Vec<_>>(), [START + 30]);
    assert!(!plant.take_changes(&mut gone), "nothing changed since");
}

#[test]
fn a_pod_that_finds_no_room_waits_for_a_node() {
    let mut plant = plant(10, Lag { pod: 30, node: 90 });
    plant.scale(8, None, START);
    plant.scale(12, None, START + 300);
    let ready: Vec<i64> = plant.pods().iter().skip(8).map(|pod| pod.ready - START).collect();
    assert_eq!(ready, [330, 330, 420, 420], "two nodes' worth of room was still there");
    assert_eq!(plant.pods()[11].scheduled, START + 390);
}

#[test]
fn a_runaway_is_bounded() {
    let mut plant = plant(10, LAG);
    plant.scale(u32::MAX, None, START);
    assert_eq!(plant.existing(), 120);
}

#[test]
fn the_size_that_carries_a_rate_is_that_at_85_percent() {
    assert_eq!(demanded(595.0, (2, 30)), 10);
    assert_eq!(demanded(595.1, (2, 30)), 11);
    assert_eq!(demanded(0.0, (2, 30)), 2);
    assert_eq!(demanded(1e12, (2, 30)), 30);
}

mod spot {
    use super::*;
    use crate::plant::spot::SpotPool;

    fn lossy(notice: u32, lasts: u32, percent: u8) -> Plant {
        let pool = SpotPool { percent: 60, nodes: 6, notice };
        let fault = Fault { at: 100, lasts, kind: FaultKind::SpotLost(percent) };
        let scenario = Scenario { spot: Some(pool), faults: vec![fault], ..scenario(LAG) };
        Plant::new(&scenario, 30, 500.0)
    }

    fn on_spot(plant: &Plant) -> usize {
        plant.pods().iter().filter(|pod| pod.target != Target::OnDemand).count()
    }

    #[test]
    fn the_share_is_on_spot_and_spread_over_its_nodes() {
        let plant = lossy(0, 60, 30);
        assert_eq!(plant.wanted(), Wanted { on_demand: 12, spot: 18 });
        assert_eq!(plant.ready(), 30);
        for node in plant.spot().unwrap().nodes {
            let target = Target::Spot { node: Some(node.id) };
            let on = plant.pods().iter().filter(|pod| pod.target == target).count();
            assert_eq!(on, 3);
        }
    }

    #[test]
    fn a_loss_takes_nodes_with_their_pods_and_they_come_back_later() {
        let mut plant = lossy(0, 60, 30);
        plant.advance(START + 99);
        assert_eq!(plant.ready(), 30);
        // 30 % of six nodes, rounded up: two, of three pods each.
        plant.advance(START + 100);
        assert_eq!((plant.ready(), plant.existing()), (24, 30), "a ReplicaSet made others at once");
        assert_eq!(plant.spot().unwrap().nodes.len(), 4);
        plant.advance(START + 159);
        assert_eq!(plant.ready(), 24, "the other nodes are full");
        plant.advance(START + 160);
        assert_eq!(plant.spot().unwrap().nodes.len(), 6);
        plant.advance(START + 190);
        assert_eq!(plant.ready(), 30);
    }

    #[test]
    fn after_a_notice_pods_serve_until_the_node_goes() {
        let mut plant = lossy(120, 300, 30);
        plant.advance(START + 100);
        let noticed = plant.spot().unwrap().nodes.iter().filter(|node| node.notice.is_some());
        assert_eq!(noticed.count(), 2);
        plant.advance(START + 219);
        assert_eq!(plant.ready(), 30);
        plant.advance(START + 220);
        assert_eq!(plant.ready(), 24);
        plant.advance(START + 400);
        assert_eq!(plant.spot().unwrap().nodes.len(), 6);
        plant.advance(START + 430);
        assert_eq!(plant.ready(), 30);
    }

    #[test]
    fn the_scaler_may_place_as_it_likes() {
        let mut plant = lossy(0, 60, 30);
        plant.scale(30, Some(0), START);
        assert_eq!((on_spot(&plant), plant.existing()), (0, 30));
        plant.scale(30, Some(40), START);
        assert_eq!(plant.wanted(), Wanted { on_demand: 0, spot: 30 });
        plant.advance(START + 30);
        assert_eq!(plant.ready(), 18, "there is no room for more");
        plant.scale(20, Some(20), START + 31);
        assert_eq!(plant.ready(), 18, "those that wait go first");
    }

    #[test]
    fn all_nodes_can_go_and_twice() {
        let mut plant = lossy(0, 60, 100);
        plant.advance(START + 100);
        assert_eq!((plant.ready(), plant.spot().unwrap().nodes.len()), (12, 0));
        plant.advance(START + 200);
        assert_eq!(plant.spot().unwrap().nodes.len(), 6);
    }
}

//! Spot nodes are taken back at the peak: with two minutes' notice, with half a minute's, without any, one, two, and all
//! at once. Each on a fleet of its own at its full size.
//!
//! What runs every time is played at a third of the peak, so that a busy machine is not what is tested; the whole matrix
//! at 1,500 requests a second runs on demand.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::Platform;
use apifleet_local::fleet::Watch;
use apifleet_local::interruption::{Aftermath, Notice};
use apifleet_local::load::{Class, Outcome, Running, Tally, visits};
use apifleet_local::stack::{Fleet, MAX, Stack};
use apifleet_local::{Capacity, Name, NodeSpec};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    (
        "two_spot_nodes_taken_with_two_minutes_notice_cost_no_request_though_the_operator_dies",
        |p| drained(p, Taken { nodes: 2, notice: Notice::Aws120, rate: CALM, kill_operator: true }),
    ),
    ("a_spot_node_that_dies_without_notice_is_made_up_for_within_a_minute", |p| killed(p, CALM)),
    ("all_spot_taken_with_half_a_minutes_notice_costs_hardly_any_critical_request", |p| {
        all_gone(p, Notice::Gke30, CALM, FEW)
    }),
];

/// The whole matrix under the load of the peak: run on demand, with `--include-ignored`, on a machine that does nothing
/// else.
pub(crate) const MORE: &[Case] = &[
    ("peak_one_spot_node_taken_with_two_minutes_notice_costs_no_request", |p| {
        drained(p, Taken { nodes: 1, notice: Notice::Aws120, rate: PEAK, kill_operator: false })
    }),
    ("peak_one_spot_node_taken_with_half_a_minutes_notice_costs_no_request", |p| {
        drained(p, Taken { nodes: 1, notice: Notice::Gke30, rate: PEAK, kill_operator: false })
    }),
    ("peak_two_spot_nodes_taken_with_two_minutes_notice_cost_no_request", |p| {
        drained(p, Taken { nodes: 2, notice: Notice::Aws120, rate: PEAK, kill_operator: false })
    }),
    ("peak_two_spot_nodes_taken_with_half_a_minutes_notice_cost_no_request", |p| {
        drained(p, Taken { nodes: 2, notice: Notice::Gke30, rate: PEAK, kill_operator: false })
    }),
    ("peak_a_spot_node_that_dies_without_notice_is_made_up_for_within_a_minute", |p| {
        killed(p, PEAK)
    }),
    ("peak_all_spot_taken_with_two_minutes_notice_costs_no_critical_request", |p| {
        all_gone(p, Notice::Aws120, PEAK, NONE)
    }),
    ("peak_all_spot_taken_with_half_a_minutes_notice_costs_hardly_any_critical_request", |p| {
        all_gone(p, Notice::Gke30, PEAK, FEW)
    }),
];

/// Requests a second of the campaign's peak, and of what runs every time.
const PEAK: u32 = 1500;
const CALM: u32 = 500;
/// Spot nodes, two in each zone, each a pool of its own.
const POOLS: [(&str, &str); 6] = [
    ("eu-west-1b", "m6i.large"),
    ("eu-west-1c", "m5.large"),
    ("eu-west-1a", "m6i.large"),
    ("eu-west-1a", "m5.large"),
    ("eu-west-1b", "m5.large"),
    ("eu-west-1c", "m6i.large"),
];
const PATIENCE: Duration = Duration::from_secs(90);
/// Under load before anything is taken: a connection's life.
const SETTLED: Duration = Duration::from_secs(20);
/// How soon the operator must answer a notice.
const ANSWERED: Duration = Duration::from_secs(15);
/// How soon the fleet must be whole, and its latency good, again.
const MADE_UP: Duration = Duration::from_mins(1);
/// After that minute, while latency is judged.
const LATE: Duration = Duration::from_secs(15);
/// One critical request in so many may fail: hardly any where half a minute is too short to cover 18 of 30 replicas before
/// they go, or where the machine does other things, too.
const FEW: u64 = 1000;
/// None may.
const NONE: u64 = u64::MAX;
/// p95 of the answers that were admitted.
const GOOD: Duration = Duration::from_millis(200);
/// Its own load after the nodes are gone.
const AFTER: Duration = Duration::from_secs(25);
/// A node's object goes so long after the node, as a cloud's controller does.
const FORGET: Aftermath = Aftermath::Forget(Duration::from_secs(5));
/// At most this share of all requests may fail when a node dies without notice: what is on its way to it, and what its
/// connections lose until the Service forgets it.
const LOST_PERCENT: u64 = 2;

/// What is taken from a fleet.
#[derive(Clone, Copy)]
struct Taken {
    nodes: usize,
    notice: Notice,
    /// Requests a second meanwhile.
    rate: u32,
    /// While it covers: the next leader goes on.
    kill_operator: bool,
}

/// Nodes are given notice and end when it says: everything on them has moved before.
fn drained(platform: &Platform, taken: Taken) -> Result<()> {
    let Taken { nodes, notice, rate, kill_operator } = taken;
    let name = format!("taken-{nodes}-{}", notice.lasts().as_secs());
    on_full_fleet(platform, &name, |Scene { stack, fleet, watch, spot }| {
        let load = load(stack, fleet, rate, SETTLED + notice.lasts() + AFTER)?;
        std::thread::sleep(SETTLED);
        let taken: Vec<Name> = spot.iter().take(nodes).cloned().collect();
        let before = watch.elapsed();
        let reclaim = stack.cluster().interrupt_nodes(&taken, notice, FORGET)?;
        // Two of six are a storm: where both are seen at once, spot is left without a cover of its own first.
        let answer = watch.wait("an answer to it", ANSWERED, |m| m.spot_state != "Normal");
        let killed = if kill_operator { stack.kill_operator() } else { Ok(()) };
        // Whatever came of it, nothing of this case is left for the next one.
        reclaim.wait()?;
        let outcome = answered(load)?;
        let answer = answer?;
        killed?;
        say(&format!(
            "{nodes} taken with {} s notice at {rate}/s: {} after {:.1} s; {} of {} failed, p95 {:?}",
            notice.lasts().as_secs(),
            answer.spot_state,
            answer.at.saturating_sub(before).as_secs_f64(),
            outcome.failed(),
            outcome.total,
            outcome.latency(95.0),
        ));
        ensure!(outcome.failed() == 0, "{} failed: {:?}", outcome.failed(), outcome.by_status);
        watch.wait("all Ready", PATIENCE, |moment| moment.ready() >= MAX)?;
        Ok(())
    })
}

/// A node dies without a word.
fn killed(platform: &Platform, rate: u32) -> Result<()> {
    on_full_fleet(platform, "taken-unwarned", |Scene { stack, fleet, watch, spot }| {
        let load = load(stack, fleet, rate, SETTLED + MADE_UP + AFTER)?;
        std::thread::sleep(SETTLED);
        let taken: Vec<Name> = spot.iter().take(1).cloned().collect();
        let before = watch.elapsed();
        stack.cluster().kill_nodes(&taken)?;
        let whole = noticed_and_whole(watch, before);
        let outcome = answered(load)?;
        stack.cluster().forget_nodes(&taken)?;
        let [noticed, whole] = whole?.map(|at: Duration| at.saturating_sub(before).as_secs_f64());
        say(&format!(
            "killed at {rate}/s: noticed after {noticed:.1} s, whole after {whole:.1} s; {} of {} failed",
            outcome.failed(),
            outcome.total,
        ));
        ensure!(whole <= MADE_UP.as_secs_f64(), "whole only after {whole:.1} s");
        let most = outcome.total * LOST_PERCENT / 100;
        ensure!(
            outcome.failed() <= most,
            "{} failed, {LOST_PERCENT} % are {most}",
            outcome.failed()
        );
        Ok(())
    })
}

/// When fewer were Ready, and when all were again.
fn noticed_and_whole(watch: &Watch, before: Duration) -> Result<[Duration; 2]> {
    let noticed = watch.wait("fewer Ready", MADE_UP, |m| m.at > before && m.ready() < MAX)?;
    let whole = watch.wait("all Ready", MADE_UP, |m| m.at > noticed.at && m.ready() >= MAX)?;
    Ok([noticed.at, whole.at])
}

/// Every spot node is given the same notice at the same time.
fn all_gone(platform: &Platform, notice: Notice, rate: u32, one_in: u64) -> Result<()> {
    let name = format!("taken-all-{}", notice.lasts().as_secs());
    on_full_fleet(platform, &name, |Scene { stack, fleet, watch, spot }| {
        let load = load(stack, fleet, rate, SETTLED + notice.lasts() + MADE_UP + LATE)?;
        std::thread::sleep(SETTLED);
        let gone = stack.cluster().interrupt_nodes(spot, notice, FORGET)?.wait()?.gone;
        let tally = Tally::collect(load)?;
        let named = format!("all taken with {} s notice at {rate}/s", notice.lasts().as_secs());
        for class in [Class::Critical, Class::NonCritical, Class::Background] {
            let outcome = tally.of(class)?;
            say(&format!("{named}: {class:?} {} of {} failed", outcome.failed(), outcome.total));
        }
        let p95 = tally.admitted_latency(&(gone + MADE_UP..gone + MADE_UP + LATE), 95.0)?;
        say(&format!("{named}: p95 {p95:?} a minute after the nodes were gone"));
        ensure!(p95.is_some_and(|p95| p95 < GOOD), "p95 is {p95:?}");
        let critical = tally.of(Class::Critical)?;
        let most = critical.total / one_in;
        let failed = critical.failed();
        ensure!(failed <= most, "{failed} critical requests failed: {:?}", critical.by_status);
        watch.wait("all Ready on demand", PATIENCE, |moment| moment.on_demand.ready >= MAX)?;
        Ok(())
    })
}

/// What a case plays on.
struct Scene<'a> {
    stack: &'a Stack,
    fleet: &'a Fleet<'a>,
    watch: &'a Watch,
    /// Six Ready spot nodes, those of one zone beside each other.
    spot: &'a [Name],
}

/// Plays a case on a fleet of its own at its full size, which is removed whatever comes of it.
fn on_full_fleet(
    platform: &Platform,
    name: &str,
    case: impl FnOnce(&Scene) -> Result<()>,
) -> Result<()> {
    let stack = platform.stack()?;
    let spot = six_spot_nodes(stack)?;
    let fleet = stack.install_fleet(name, &[("minReplicas".to_owned(), json!(MAX))])?;
    let played = whole(&fleet)
        .and_then(|watch| case(&Scene { stack, fleet: &fleet, watch: &watch, spot: &spot }));
    played.and(fleet.remove().map_err(Into::into))
}

fn whole(fleet: &Fleet<'_>) -> Result<Watch> {
    let watch = fleet.watch()?;
    watch.wait("30 Ready on both targets", PATIENCE, |moment| {
        moment.ready() >= MAX && moment.spot.ready >= 6 && moment.spot_state == "Normal"
    })?;
    Ok(watch)
}

/// The names of six Ready spot nodes, those of one zone beside each other; makes what is missing.
fn six_spot_nodes(stack: &Stack) -> Result<Vec<Name>> {
    let present = stack.cluster().status()?.nodes;
    let mut nodes = Vec::new();
    for (zone, kind) in POOLS {
        let there = present.iter().find(|node| {
            let spec = &node.spec;
            spec.capacity == Capacity::Spot && spec.zone == zone && spec.instance_type == kind
        });
        let name = if let Some(node) = there {
            node.spec.name.clone()
        } else {
            let name: Name = format!("spot-{}", fresh()).parse()?;
            stack.cluster().add_node(NodeSpec::new(name.clone(), Capacity::Spot, zone, kind))?;
            name
        };
        nodes.push((zone, name));
    }
    nodes.sort();
    Ok(nodes.into_iter().map(|(_, name)| name).collect())
}

/// Numbers for the names of nodes, none of them used before.
fn fresh() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(10);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Requests in the mix of the campaign's visits.
fn load(stack: &Stack, fleet: &Fleet<'_>, rate: u32, lasts: Duration) -> Result<Vec<Running>> {
    let streams = visits(fleet.service, rate, 400, lasts);
    streams.into_iter().map(|stream| Ok(stack.load(stream)?)).collect()
}

/// What came back of all streams together.
fn answered(load: Vec<Running>) -> Result<Outcome> {
    let all = Tally::collect(load)?.all()?;
    ensure!(all.total > 30_000, "only {} requests were sent", all.total);
    Ok(all)
}

#[allow(clippy::print_stderr, reason = "figures of a test program, for whoever reads its log")]
fn say(figures: &str) {
    eprintln!("  {figures}");
}

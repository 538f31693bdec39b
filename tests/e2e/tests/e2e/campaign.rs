//! A campaign's hour in minutes, on one fleet under real load: the opening, the operator killed in the middle of it,
//! Prometheus gone at the peak, and the way back. Every moment is held against what must never be.

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::{Platform, under_load};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::load::{Kind, Outcome, Stream};
use apifleet_local::stack::{MAX, MIN, Stack};
use serde_json::json;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] =
    &[("fleet_follows_load_and_survives_a_killed_operator_and_a_silent_prometheus", campaign)];

/// Requests per second that flow all the time, and those that the peak adds: as in the campaign, but of replicas that take
/// two fifths as much, so that a busy machine is not what is tested. The peak asks for more than the largest size, so that
/// requests that came late do not make a smaller size right.
const CALM: u32 = 80;
const STEP: u32 = 640;
const TARGET: u32 = 20;
/// The peak lasts until Prometheus is gone, with time to spare.
const LASTS: Duration = Duration::from_secs(110);
/// Prometheus is gone for so long.
const OUTAGE: Duration = Duration::from_mins(3);
/// The fleet's signal window, as its manifest says by default: nothing is scaled in before one full window of fresh data.
const WINDOW: Duration = Duration::from_mins(1);

fn campaign(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let target = ("signals.requestRate.targetPerReplica".to_owned(), json!(TARGET));
    stack.demo().upgrade(&[target])?;
    let watch = stack.watch()?;
    watch.wait("the fleet at its smallest size", Duration::from_secs(30), |moment| {
        moment.wanted() == MIN && moment.ready() == MIN
    })?;
    let calm = |lasts| stack.load(stream(stack, CALM, 60, lasts));
    let (peak, calm) = under_load(calm, || {
        let peak = stack.load(stream(stack, STEP, 340, LASTS))?;
        opens_despite_a_killed_operator(stack, &watch)?;
        let back = holds_while_prometheus_is_silent(stack, &watch)?;
        returns_by_fresh_data_only(&watch, back)?;
        Ok(peak.wait()?)
    })?;
    no_request_was_lost(&[calm, peak])
}

/// 10 -> 30 although the operator is killed after its first step; what it had decided before is still in its status.
fn opens_despite_a_killed_operator(stack: &Stack, watch: &Watch) -> Result<()> {
    let began = watch.elapsed();
    let minute = Duration::from_mins(1);
    let first = watch.wait("the first step out", minute, |moment| moment.wanted() > MIN)?;
    stack.kill_operator().context("kill the leading operator")?;
    ensure!(first.wanted() < MAX, "the scale-out was over before the operator could be killed");
    watch.wait("30 Ready replicas", minute, |moment| {
        moment.desired == MAX && moment.ready() >= MAX
    })?;

    // What the targets ask for is now and then more than the size: replicas move between them.
    let (sizes, wanted): (Vec<_>, Vec<_>) =
        since(watch, began).iter().map(|moment| (moment.desired, moment.wanted())).unzip();
    ensure!(sizes.is_sorted(), "a replica was lost on the way out: {sizes:?}");
    ensure!(wanted.iter().all(|wanted| *wanted >= MIN), "fewer than {MIN} were wanted: {wanted:?}");
    let recent = stack.fleet_status("/recentDecisions")?;
    let from_min = recent.as_array().is_some_and(|changes| {
        changes.iter().any(|change| {
            change.get("previous").and_then(serde_json::Value::as_u64) == Some(u64::from(MIN))
        })
    });
    ensure!(from_min, "the first step is not in the history any more: {recent}");
    Ok(())
}

/// No replica is removed without data, and the condition says why. Returns when Prometheus was back.
fn holds_while_prometheus_is_silent(stack: &Stack, watch: &Watch) -> Result<Duration> {
    await_peak(stack)?;
    stack.stop_prometheus()?;
    let began = watch.elapsed();
    let patience = Duration::from_secs(30);
    let blind = watch.wait("SignalsFresh to be False", patience, |moment| {
        moment.conditions.get("SignalsFresh").is_some_and(|condition| condition.status == "False")
    })?;
    let left = OUTAGE.saturating_sub(watch.elapsed().saturating_sub(began));
    let shrunk = watch.wait("a replica to be removed", left, |moment| moment.wanted() < MAX);
    stack.start_prometheus()?;
    let back = watch.elapsed();
    let message = blind.message("SignalsFresh");
    ensure!(message.contains("Prometheus"), "the condition does not say what is wrong: {message}");
    ensure!(shrunk.is_err(), "replicas were removed without data: {shrunk:?}");
    let gone = back.saturating_sub(began);
    ensure!(gone >= OUTAGE, "Prometheus was gone for only {gone:?}");
    Ok(back)
}

/// Waits until the minute that the operator looks at is one of the peak; its status need not say so at once.
fn await_peak(stack: &Stack) -> Result<()> {
    let end = Instant::now() + Duration::from_mins(1);
    while stack.demand()?.rps.is_none_or(|rps| rps < f64::from(CALM + STEP) * 0.9) {
        ensure!(Instant::now() < end, "Prometheus sees no peak, but {:?}", stack.demand()?);
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// The load has gone down meanwhile; the fleet follows, but not before a full window of fresh data.
fn returns_by_fresh_data_only(watch: &Watch, back: Duration) -> Result<()> {
    let patience = Duration::from_secs(200);
    let first = watch.wait("the first step in", patience, |moment| moment.wanted() < MAX)?;
    ensure!(
        first.at >= back + WINDOW,
        "scaled in {:?} after Prometheus was back, with a window of {WINDOW:?}",
        first.at.saturating_sub(back)
    );
    watch.wait("the fleet back at its smallest size", patience, |moment| {
        moment.wanted() == MIN && moment.ready() == MIN
    })?;
    let below = since(watch, back).into_iter().find(|moment| moment.wanted() < MIN);
    ensure!(below.is_none(), "the fleet was below its smallest size: {below:?}");
    Ok(())
}

fn no_request_was_lost(outcomes: &[Outcome]) -> Result<()> {
    for outcome in outcomes {
        ensure!(outcome.total > 10_000, "only {} requests were sent", outcome.total);
        ensure!(
            outcome.failed() == 0,
            "{} of {} failed: {:?}",
            outcome.failed(),
            outcome.total,
            outcome.by_status
        );
    }
    Ok(())
}

fn stream(stack: &Stack, rate: u32, connections: u32, lasts: Duration) -> Stream {
    Stream { kind: Kind::Home, service: stack.service(), rate, connections, lasts }
}

fn since(watch: &Watch, began: Duration) -> Vec<Moment> {
    watch.history().into_iter().filter(|moment| moment.at >= began).collect()
}

//! New revisions under load, of a fleet and of the operator: no request is lost, and nobody's upgrade changes a fleet's size.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::audit::requests_since;
use apifleet_e2e::{Platform, kubectl, path_text, under_load};
use apifleet_local::fleet::Watch;
use apifleet_local::load::{Kind, Outcome};
use apifleet_local::stack::{FLEET, MIN, SYSTEM, Setting, Stack};
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

pub(crate) const CASES: &[Case] =
    &[("an_upgrade_under_load_changes_no_replicas_and_loses_no_request", in_calm)];

/// Only where it is asked for.
pub(crate) const MORE: &[Case] =
    &[("an_upgrade_at_the_peak_changes_no_replicas_and_loses_no_request", at_the_peak)];

const ROLLOUT: &str = "--timeout=120s";
/// Requests a second.
const LOAD: u32 = 300;
const CONNECTIONS: u32 = 80;
/// The fleet's largest size at the peak. The load asks for more than that, so that nothing but the upgrade could change it.
const PEAK: u32 = 20;
const PER_REPLICA: u32 = 10;
/// A fleet that grew, or was changed by another case, has its smallest size again.
const RETURNED: Duration = Duration::from_mins(4);

/// At its smallest size, which is enough for the load: there and back again.
fn in_calm(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    stack.demo().upgrade(&[])?;
    settled(stack)?;
    let watch = stack.watch()?;
    await_smallest(&watch)?;
    let (since, began) = (Timestamp::now(), watch.elapsed());
    let load = |lasts| stack.demo().load(Kind::Home, LOAD, CONNECTIONS, lasts);
    let ((), outcome) = under_load(load, || {
        let rolled = roll(stack, &[]);
        // Whatever came of it, the fleet is as it was.
        let back = stack.demo().upgrade(&[]);
        rolled?;
        back?;
        settled(stack)
    })?;
    unchanged(&watch, began, MIN)?;
    let writes = requests_since(stack, since)?;
    let scales: Vec<_> = writes.iter().filter(|request| request.is_scale()).collect();
    ensure!(scales.is_empty(), "replicas were written: {scales:?}");
    nothing_lost(&outcome)
}

/// At its largest size, which is not enough for the load.
fn at_the_peak(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    stack.demo().upgrade(&peak())?;
    settled(stack)?;
    let watch = stack.watch()?;
    let load = |lasts| stack.demo().load(Kind::Home, LOAD, CONNECTIONS, lasts);
    let played = under_load(load, || {
        watch.wait("the peak", Duration::from_mins(1), |moment| {
            moment.desired == PEAK && moment.ready() == PEAK && moment.wanted() == PEAK
        })?;
        let began = watch.elapsed();
        roll(stack, &peak())?;
        unchanged(&watch, began, PEAK)
    });
    let back = stack.demo().upgrade(&[]);
    let ((), outcome) = played?;
    back?;
    nothing_lost(&outcome)?;
    await_smallest(&watch)
}

fn peak() -> [Setting; 2] {
    [
        ("maxReplicas".to_owned(), json!(PEAK)),
        ("signals.requestRate.targetPerReplica".to_owned(), json!(PER_REPLICA)),
    ]
}

/// New pods of the fleet with these settings, then new pods of the operator.
fn roll(stack: &Stack, settings: &[Setting]) -> Result<()> {
    let annotation = ("podAnnotations.upgraded".to_owned(), json!("yes"));
    stack.demo().upgrade(&[settings, &[annotation]].concat())?;
    settled(stack)?;

    let chart = path_text(&Platform::workspace().join("charts/apifleet"));
    // Never the same twice, so that there is always something to roll.
    let annotation = format!("operator.podAnnotations.upgraded={}", Timestamp::now());
    let upgrade = ["upgrade", "apifleet", &chart, "--reuse-values", "--set-string", &annotation];
    let place = ["--namespace", SYSTEM];
    stack.cluster().helm(&[&upgrade[..], &place].concat())?;
    let status = ["rollout", "status", "deployment/apifleet-controller", ROLLOUT];
    stack.kubectl(&[&status[..], &place].concat())?;
    Ok(())
}

/// No moment since then wants another size. Replicas that move between the targets are counted twice for a while.
fn unchanged(watch: &Watch, began: Duration, size: u32) -> Result<()> {
    let history = watch.history();
    let whole = history.iter().skip_while(|moment| moment.at < began);
    let sizes: Vec<_> = whole.map(|moment| (moment.desired, moment.wanted())).collect();
    let is_kept = |(desired, wanted): &(u32, u32)| *desired == size && *wanted >= size;
    ensure!(sizes.len() > 2 && sizes.iter().all(is_kept), "sizes seen: {sizes:?}");
    Ok(())
}

fn nothing_lost(outcome: &Outcome) -> Result<()> {
    ensure!(outcome.total > 3_000, "only {} requests were sent", outcome.total);
    ensure!(outcome.failed() == 0, "{} failed: {:?}", outcome.failed(), outcome.by_status);
    Ok(())
}

fn await_smallest(watch: &Watch) -> Result<()> {
    watch.wait("the smallest size", RETURNED, |moment| {
        moment.desired == MIN && moment.wanted() == MIN && moment.ready() == MIN
    })?;
    Ok(())
}

/// Both rollouts of the fleet are over.
fn settled(stack: &Stack) -> Result<()> {
    for target in [format!("deployment/{FLEET}"), format!("deployment/{FLEET}-spot")] {
        kubectl(stack, &["rollout", "status", &target, ROLLOUT])?;
    }
    Ok(())
}

//! New revisions under load: no request is lost, and nobody's upgrade changes a fleet's size.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Platform, kubectl};
use apifleet_local::fleet::Watch;
use apifleet_local::load::{Kind, Stream};
use apifleet_local::stack::{FLEET, MIN, Setting, Stack};
use serde_json::json;
use std::time::Duration;

pub(crate) const CASES: &[Case] =
    &[("a_rolling_restart_under_load_loses_no_request", rolling_restart)];

/// Only where it is asked for.
pub(crate) const MORE: &[Case] =
    &[("an_upgrade_at_the_peak_changes_no_replicas_and_loses_no_request", upgrade)];

const ROLLOUT: &str = "--timeout=120s";

fn rolling_restart(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let load = stack.load(Stream {
        kind: Kind::Home,
        service: stack.service(),
        rate: 300,
        connections: 80,
        lasts: Duration::from_mins(1),
    })?;
    for target in targets() {
        kubectl(stack, &["rollout", "restart", &target])?;
    }
    settled(stack)?;
    let outcome = load.wait()?;
    ensure!(outcome.total == 18_000, "{} requests were sent", outcome.total);
    ensure!(outcome.failed() == 0, "{} failed: {:?}", outcome.failed(), outcome.by_status);
    Ok(())
}

/// The fleet's largest size here. The load asks for more than that, so that nothing but the upgrade could change it.
const PEAK: u32 = 20;
const LOAD: u32 = 300;
const PER_REPLICA: u32 = 10;
const LASTS: Duration = Duration::from_mins(3);

fn upgrade(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    stack.demo().upgrade(&at_the_peak())?;
    settled(stack)?;
    let watch = stack.watch()?;
    let load = stack.demo().load(Kind::Home, LOAD, 80, LASTS)?;
    watch.wait("the peak", Duration::from_mins(1), |moment| {
        moment.desired == PEAK && moment.ready() == PEAK && moment.wanted() == PEAK
    })?;

    let began = watch.elapsed();
    let annotation = ("podAnnotations.upgraded".to_owned(), json!("yes"));
    stack.demo().upgrade(&[at_the_peak().to_vec(), vec![annotation]].concat())?;
    settled(stack)?;
    ensure!(load.began.elapsed() < LASTS, "the load was over before the rollout was");
    unchanged(&watch, began)?;
    let outcome = load.wait()?;
    ensure!(outcome.failed() == 0, "{} failed: {:?}", outcome.failed(), outcome.by_status);

    stack.demo().upgrade(&[])?;
    watch.wait("the smallest size", Duration::from_mins(4), |moment| moment.ready() == MIN)?;
    Ok(())
}

fn at_the_peak() -> [Setting; 2] {
    [
        ("maxReplicas".to_owned(), json!(PEAK)),
        ("signals.requestRate.targetPerReplica".to_owned(), json!(PER_REPLICA)),
    ]
}

/// No moment since then wants another size. Replicas that move between the targets are counted twice for a while.
fn unchanged(watch: &Watch, began: Duration) -> Result<()> {
    let history = watch.history();
    let whole = history.iter().skip_while(|moment| moment.at < began);
    let sizes: Vec<_> = whole.map(|moment| (moment.desired, moment.wanted())).collect();
    let is_kept = |(desired, wanted): &(u32, u32)| *desired == PEAK && *wanted >= PEAK;
    ensure!(sizes.len() > 2 && sizes.iter().all(is_kept), "sizes seen: {sizes:?}");
    Ok(())
}

fn settled(stack: &Stack) -> Result<()> {
    for target in targets() {
        kubectl(stack, &["rollout", "status", &target, ROLLOUT])?;
    }
    Ok(())
}

fn targets() -> [String; 2] {
    [format!("deployment/{FLEET}"), format!("deployment/{FLEET}-spot")]
}

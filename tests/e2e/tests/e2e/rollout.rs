//! New revisions under load: no request is lost, and nobody's upgrade changes a fleet's size.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::Platform;
use apifleet_local::load::{Kind, Stream};
use apifleet_local::stack::{FLEET, MIN, NAMESPACE, Stack};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    ("a_rolling_restart_under_load_loses_no_request", rolling_restart),
    ("an_upgrade_of_the_chart_changes_no_replicas", upgrade),
];

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

fn upgrade(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", Duration::from_mins(1), |moment| moment.wanted() == MIN)?;
    let began = watch.elapsed();
    stack.upgrade_fleet(&["fleetDefaults.podAnnotations.upgraded=yes"])?;
    settled(stack)?;
    let history = watch.history();
    let whole = history.iter().skip_while(|moment| moment.at < began);
    let sizes: Vec<_> = whole.map(apifleet_local::fleet::Moment::wanted).collect();
    ensure!(sizes.len() > 2 && sizes.iter().all(|size| *size == MIN), "sizes seen: {sizes:?}");
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

fn kubectl(stack: &Stack, arguments: &[&str]) -> Result<String> {
    Ok(stack.kubectl(&[arguments, &["--namespace", NAMESPACE]].concat())?)
}

//! What each mode writes, on the real API server.

use crate::Case;
use anyhow::{Result, ensure};
use apifleet_e2e::{Platform, kubectl};
use apifleet_local::stack::{FLEET, MIN, Stack};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[("each_mode_writes_what_it_says_and_no_more", modes)];

const PATIENCE: Duration = Duration::from_secs(30);
/// Above the demo fleet's minimum, so that an idle fleet is moved by its floor alone.
const LARGER: u32 = MIN + 2;
/// In Enforce it would have become smaller by then: the demo fleet's scale-in waits for 30 s.
const SHRINKS: Duration = Duration::from_secs(40);

fn modes(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;

    patch(stack, "Observe", LARGER)?;
    let decided = format!("{MIN} -> {LARGER} replicas");
    let observed = watch
        .wait("a decision for more", PATIENCE, |moment| moment.summary.starts_with(&decided))?;
    ensure!(observed.wanted() == MIN, "Observe wrote: {observed:?}");
    let written = watch.wait("a write", Duration::from_secs(6), |moment| moment.wanted() != MIN);
    ensure!(written.is_err(), "Observe wrote: {written:?}");

    patch(stack, "ScaleOutOnly", LARGER)?;
    watch.wait("more replicas", PATIENCE, |moment| moment.ready() == LARGER)?;
    patch(stack, "ScaleOutOnly", MIN)?;
    let smaller = watch.wait("fewer replicas", SHRINKS, |moment| moment.wanted() < LARGER);
    ensure!(smaller.is_err(), "ScaleOutOnly removed replicas: {smaller:?}");

    patch(stack, "Enforce", MIN)?;
    watch.wait("the smallest size", Duration::from_mins(2), |moment| moment.ready() == MIN)?;
    Ok(())
}

fn patch(stack: &Stack, mode: &str, min: u32) -> Result<()> {
    let patch = format!(r#"{{"spec":{{"mode":"{mode}","minReplicas":{min}}}}}"#);
    kubectl(stack, &["patch", "apifleet", FLEET, "--type=merge", "--patch", &patch])?;
    Ok(())
}

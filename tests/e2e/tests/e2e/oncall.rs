//! A night of somebody on call, with the role `apifleet-oncall` and no other: sees what the fleet does and why, orders more
//! for a while, stops it, lets it go; and may do nothing else.

use crate::Case;
use anyhow::{Context as _, Result, ensure};
use apifleet_e2e::{Person, Platform, everything};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{FLEET, MIN, Stack};
use std::time::Duration;

pub(crate) const CASES: &[Case] =
    &[("people_on_call_see_order_hold_and_resume_with_their_role_and_nothing_else", a_night)];

const NAME: &str = "night-shift";
const ROLE: &str = "apifleet-oncall";
const FLOOR: u32 = MIN + 3;
/// From the command to its being in force, everything included.
const AT_ONCE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
const RETURNED: Duration = Duration::from_mins(2);
/// What the role does not allow; tried without effect, should it be allowed after all.
const FORBIDDEN: [&[&str]; 9] = [
    &["scale", "deployment", FLEET, "--replicas=1", "--dry-run=server"],
    &[
        "patch",
        "apifleet",
        FLEET,
        "--type=merge",
        "--patch",
        r#"{"spec":{"minReplicas":1}}"#,
        "--dry-run=server",
    ],
    &["delete", "apifleet", FLEET, "--dry-run=server"],
    &["delete", "pods", "--all", "--dry-run=server"],
    &["rollout", "restart", "deployment", FLEET],
    &["create", "configmap", "mine", "--dry-run=server"],
    &[
        "create",
        "rolebinding",
        "mine",
        "--clusterrole=admin",
        "--serviceaccount=shop:night-shift",
        "--dry-run=server",
    ],
    &["get", "secrets"],
    &["get", "configmaps"],
];

fn a_night(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", PATIENCE, is_smallest)?;
    let person = Person::new(stack, NAME, ROLE)?;
    let played = sees(&person)
        .and_then(|()| orders_more(&person, &watch))
        .and_then(|()| holds(&person, stack))
        .and_then(|()| does_nothing_else(&person));
    let left = person.leave();
    played.and(left)?;
    watch.wait("the smallest size again", RETURNED, is_smallest)?;
    Ok(())
}

fn sees(person: &Person<'_>) -> Result<()> {
    let status = person.answer(&["status", FLEET])?;
    ensure!(status.contains("on-demand") && status.contains("why"), "{status}");
    let why = person.answer(&["explain", FLEET])?;
    ensure!(why.contains("Ceilings"), "{why}");
    let other = person.answer(&["explain", FLEET, "--why-not", "25"])?;
    ensure!(other.contains("for 25 demand would have to be 1250 requests/s"), "no stage: {other}");
    Ok(())
}

/// In force at once, ended by itself, and the fleet returns by its limits.
fn orders_more(person: &Person<'_>, watch: &Watch) -> Result<()> {
    let begun = watch.elapsed();
    let floor = FLOOR.to_string();
    let order = [
        "override", FLEET, "--floor", &floor, "--for", "20s", "--reason", "a drill", "--yes",
        "--wait",
    ];
    let said = person.answer(&order)?;
    ensure!(said.contains("created") && said.contains("it ends by itself at"), "{said}");
    let history = watch.history();
    let in_force = |moment: &&Moment| {
        moment.at >= begun && moment.wanted() == FLOOR && is_true(moment, "Overridden")
    };
    let raised = history.iter().find(in_force).context("it waited, and nothing is in force")?;
    let took = raised.at.saturating_sub(begun);
    ensure!(took <= AT_ONCE, "in force only after {took:?}: {said}");

    let listed = person.answer(&["override", FLEET, "--list"])?;
    ensure!(listed.contains("InForce") && listed.contains(&person.user()), "{listed}");
    let why = person.answer(&["explain", FLEET])?;
    ensure!(why.contains("OverrideFloor"), "{why}");
    let ended = watch.wait("its end", PATIENCE, |moment| !is_true(moment, "Overridden"))?;
    ensure!(ended.wanted() == FLOOR, "its end is a cliff: {ended:?}");
    watch.wait("the smallest size after its end", RETURNED, is_smallest)?;
    Ok(())
}

fn holds(person: &Person<'_>, stack: &Stack) -> Result<()> {
    person.answer(&["hold", FLEET, "--for", "10m", "--yes", "--wait"])?;
    let held = stack.fleet_status("/activeOverrides/0/action")?;
    ensure!(held == "Hold", "what is in force is {held}");
    person.answer(&["resume", FLEET, "--yes", "--wait"])?;
    let held = stack.fleet_status("/activeOverrides/0")?;
    ensure!(held.is_null(), "it is held still: {held}");
    let again = person.answer(&["resume", FLEET, "--yes"])?;
    ensure!(again.contains("nothing holds"), "{again}");
    Ok(())
}

fn does_nothing_else(person: &Person<'_>) -> Result<()> {
    for words in FORBIDDEN {
        let output = person.kubectl(words)?;
        let said = everything(&output);
        ensure!(!output.success && said.contains("forbidden"), "{words:?}: {said}");
    }
    Ok(())
}

fn is_smallest(moment: &Moment) -> bool {
    moment.wanted() == MIN && moment.ready() == MIN
}

fn is_true(moment: &Moment, condition: &str) -> bool {
    moment.conditions.get(condition).is_some_and(|condition| condition.status == "True")
}

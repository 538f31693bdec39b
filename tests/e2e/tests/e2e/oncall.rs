//! People on call, with the role `apifleet-oncall` and no other: one who has it in the fleet's namespace sees what the fleet
//! does and why, checks it, orders more for a while, stops it, lets it go; one who has it everywhere checks more of it, and
//! may do nothing that the role does not say ([`rights`]).

mod rights;

use crate::Case;
use crate::checks::{codes, findings};
use anyhow::{Context as _, Result, ensure};
use apifleet_e2e::{Person, Platform, everything};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{FLEET, MIN, Stack};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    ("people_on_call_see_check_order_hold_and_resume_with_their_role", a_night),
    ("people_on_call_may_do_what_their_role_says_and_nothing_else", a_day),
];

const NAME: &str = "night-shift";
const ROLE: &str = "apifleet-oncall";
const FLOOR: u32 = MIN + 3;
/// From the command to its being in force, everything included.
const AT_ONCE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
const RETURNED: Duration = Duration::from_mins(2);
/// What the role does not let `check` see: definitions, the operator's permissions, a Prometheus that is no Service of the
/// cluster and so what it knows of the fleet, and quotas.
const NOT_SEEN: [&str; 8] =
    ["AF0103", "AF0202", "AF0401", "AF0402", "AF0403", "AF0404", "AF0405", "AF0602"];
/// The same from one namespace: neither the operator nor nodes either.
const NOT_SEEN_FROM_THERE: [&str; 12] = [
    "AF0103", "AF0105", "AF0202", "AF0301", "AF0302", "AF0401", "AF0402", "AF0403", "AF0404",
    "AF0405", "AF0601", "AF0602",
];

fn a_night(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", PATIENCE, is_smallest)?;
    let person = Person::new(stack, NAME, ROLE)?;
    let played = sees(&person)
        .and_then(|()| checks_the_fleet(&person, &NOT_SEEN_FROM_THERE))
        .and_then(|()| orders_more(&person, &watch))
        .and_then(|()| holds(&person, stack));
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

/// With the role in every namespace, in which it allows the most.
fn a_day(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let person = Person::everywhere(stack, "day-shift", ROLE)?;
    let played = checks_the_fleet(&person, &NOT_SEEN)
        .and_then(|()| rights::are_those_of_the_role(&person, stack))
        .and_then(|()| rights::do_no_harm(&person));
    let left = person.leave();
    played.and(left)
}

/// Nothing fails, and nothing else is skipped.
fn checks_the_fleet(person: &Person<'_>, not_seen: &[&str]) -> Result<()> {
    let output = person.call(&["check", "--fleet", FLEET, "-o", "json"])?;
    ensure!(output.success, "{}: {}", output.status, everything(&output));
    let findings = findings(&output)?;
    let skipped = codes(&findings, "skipped");
    ensure!(skipped == not_seen, "{skipped:?} are skipped: {}", output.stdout);
    Ok(())
}

fn is_smallest(moment: &Moment) -> bool {
    moment.wanted() == MIN && moment.ready() == MIN
}

fn is_true(moment: &Moment, condition: &str) -> bool {
    moment.conditions.get(condition).is_some_and(|condition| condition.status == "True")
}

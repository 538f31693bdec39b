//! Two copies of the operator on the real cluster: one leads, and whatever happens to it the other follows in time, nothing
//! is lost and nobody writes twice. What each copy did is read from the API server's audit log.

use crate::Case;
use anyhow::{Context, Result, anyhow, ensure};
use apifleet_e2e::audit::{Request, requests_since};
use apifleet_e2e::{Platform, end_orders, order_floor};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{Blow, MIN, Stack};
use jiff::{SignedDuration, Timestamp};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("the_next_leader_acts_within_20_seconds_of_a_kill_and_changes_nothing", killed),
    ("the_next_leader_leads_within_two_seconds_of_an_orderly_end", told_to_end),
    ("a_leader_that_stood_still_writes_at_most_once_more_and_to_no_effect", stood_still),
];

/// How many copies the chart runs.
const COPIES: usize = 2;
const PATIENCE: Duration = Duration::from_secs(30);
/// After the kill of a leader.
const NEXT_ACTS: SignedDuration = SignedDuration::from_secs(20);
/// After its orderly end.
const NEXT_LEADS: SignedDuration = SignedDuration::from_secs(2);
/// How long a leader stands still: longer than its lease.
const STILL: Duration = Duration::from_secs(20);
/// What it would do late it does within this time.
const LATE: Duration = Duration::from_secs(8);
const RETURNED: Duration = Duration::from_mins(2);
/// Between two looks at the audit log.
const LOOK: Duration = Duration::from_millis(200);

fn killed(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = settled(stack)?;
    let began = watch.elapsed();
    stack.kill_operator()?;
    let killed = Timestamp::now();
    let leads = await_request(stack, killed, "a next leader", |request| {
        request.is_lease_write() && request.is_done()
    })?;
    let acts = await_request(stack, leads.at, "it to act", |request| {
        request.verb == "get" && request.resource == "apifleet.dev/apifleets" && request.is_done()
    })?;
    let took = acts.at.duration_since(killed);
    ensure!(took <= NEXT_ACTS, "the next leader acts only after {took:#}");
    nothing_changes(stack, (&watch, began), killed)
}

fn told_to_end(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = settled(stack)?;
    let began = watch.elapsed();
    let (leader, holder) = (stack.leader()?, stack.lease("{.spec.holderIdentity}")?);
    let told = Timestamp::now();
    stack.strike(&leader, Blow::Terminate)?;
    let took = await_next(stack, &holder)?.duration_since(told);
    ensure!(took <= NEXT_LEADS, "the next leads only after {took:#}");
    nothing_changes(stack, (&watch, began), told)
}

fn stood_still(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = settled(stack)?;
    let leader = stack.leader()?;
    let played = play_still(stack, &watch, &leader);
    // Whatever came of it, it goes on, and nothing is ordered any more.
    let goes_on = stack.strike(&leader, Blow::Continue);
    end_orders(stack)?;
    played?;
    goes_on?;
    watch.wait("the smallest size again", RETURNED, is_smallest)?;
    settled(stack).map(drop)
}

fn play_still(stack: &Stack, watch: &Watch, leader: &str) -> Result<()> {
    let Still { floor, ordered, stopped } = stand_still(stack, watch, leader)?;
    let patience = STILL + Duration::from_secs(10);
    watch.wait("the next leader's work", patience, |moment| is_raised(moment, floor))?;
    sleep(STILL.saturating_sub(stopped.elapsed()));
    let resumed = Timestamp::now();
    stack.strike(leader, Blow::Continue)?;
    let wrong = watch.wait("another size", LATE, |moment| !is_raised(moment, floor));
    ensure!(wrong.is_err(), "a late write had an effect: {wrong:?}");
    written_by_others(stack, ordered, leader)?;
    nothing_late(stack, resumed, leader)
}

/// An order of which a leader that stands still since then has written nothing.
struct Still {
    floor: u32,
    ordered: Timestamp,
    stopped: Instant,
}

/// Stops the leader in the moment of an order, so that it may have seen that there is something to write; where it has
/// written already, it goes on and the next order is larger. The last time it is stopped first.
fn stand_still(stack: &Stack, watch: &Watch, leader: &str) -> Result<Still> {
    for floor in [MIN + 1, MIN + 2] {
        let ordered = Timestamp::now();
        thread::scope(|scope| -> Result<()> {
            let ordering = scope.spawn(|| order(stack, floor));
            stack.strike(leader, Blow::Stop)?;
            ordering.join().unwrap_or_else(|_| Err(anyhow!("the thread of the order panicked")))
        })?;
        let stopped = Instant::now();
        // What is under way to the API server arrives.
        sleep(LOOK);
        if !scales(stack, ordered)?.iter().any(|request| request.pod == leader) {
            return Ok(Still { floor, ordered, stopped });
        }
        stack.strike(leader, Blow::Continue)?;
        watch.wait("what it has written", PATIENCE, |moment| is_raised(moment, floor))?;
    }
    let floor = MIN + 3;
    stack.strike(leader, Blow::Stop)?;
    let (ordered, stopped) = (Timestamp::now(), Instant::now());
    order(stack, floor)?;
    Ok(Still { floor, ordered, stopped })
}

fn order(stack: &Stack, floor: u32) -> Result<()> {
    order_floor(stack, &format!("still-{floor}"), floor)
}

/// The size is this one. A replica that moves between the targets is wanted twice for a while.
fn is_raised(moment: &Moment, floor: u32) -> bool {
    moment.desired == floor && moment.wanted() >= floor
}

/// The writes of replicas since then that were done.
fn scales(stack: &Stack, since: Timestamp) -> Result<Vec<Request>> {
    let requests = requests_since(stack, since)?.into_iter();
    Ok(requests.filter(|request| request.is_scale() && request.is_done()).collect())
}

/// The size that was ordered then was written, and not by this copy.
fn written_by_others(stack: &Stack, ordered: Timestamp, copy: &str) -> Result<()> {
    let scales = scales(stack, ordered)?;
    ensure!(
        !scales.is_empty() && scales.iter().all(|request| request.pod != copy),
        "the copy that stood still, {copy}, is not followed by another that writes: {scales:?}"
    );
    Ok(())
}

/// A copy that has gone on since then writes once at most, and that is refused.
fn nothing_late(stack: &Stack, resumed: Timestamp, leader: &str) -> Result<()> {
    let late: Vec<Request> = requests_since(stack, resumed)?
        .into_iter()
        .filter(|request| request.pod == leader && request.is_write())
        .collect();
    let renewed: Vec<_> =
        late.iter().filter(|request| request.is_lease_write() && request.is_done()).collect();
    ensure!(renewed.is_empty(), "it renewed a lease that is another's: {renewed:?}");
    let writes: Vec<_> = late.iter().filter(|request| is_of_fleet(request)).collect();
    ensure!(writes.len() <= 1, "more than one late write: {writes:?}");
    ensure!(
        writes.iter().all(|request| request.code == 409),
        "a late write was not refused: {writes:?}"
    );
    Ok(())
}

/// What changes a fleet or what is known of it; an event that comes late tells of what was.
fn is_of_fleet(request: &Request) -> bool {
    !request.is_lease_write() && !request.resource.starts_with("events.k8s.io/")
}

/// Both copies are Ready, one leads, and the fleet is at its smallest size; follows it from here.
fn settled(stack: &Stack) -> Result<Watch> {
    stack.run_operators(COPIES)?;
    let end = Instant::now() + PATIENCE;
    while stack.leader()?.is_empty() {
        ensure!(Instant::now() < end, "no copy leads");
        sleep(LOOK);
    }
    let watch = stack.watch()?;
    watch.wait("the smallest size", RETURNED, is_smallest)?;
    Ok(watch)
}

/// When another process took the lease: of the other copy, or of a pod that was quick to start again.
fn await_next(stack: &Stack, holder: &str) -> Result<Timestamp> {
    let end = Instant::now() + PATIENCE;
    loop {
        let lease = stack.lease("{.spec.holderIdentity} {.spec.acquireTime}")?;
        // Between two leaders it names nobody.
        let held = lease.split_once(' ').filter(|(next, _)| !next.is_empty() && *next != holder);
        if let Some((_, acquired)) = held {
            return acquired.trim().parse().context("read when the lease was taken");
        }
        ensure!(Instant::now() < end, "gave up after {PATIENCE:?}: the lease says {lease:?}");
        sleep(LOOK);
    }
}

fn await_request(
    stack: &Stack,
    since: Timestamp,
    what: &str,
    wanted: impl Fn(&Request) -> bool,
) -> Result<Request> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = requests_since(stack, since)?.into_iter().find(&wanted) {
            return Ok(found);
        }
        ensure!(Instant::now() < end, "gave up after {PATIENCE:?} while waiting for {what}");
        sleep(LOOK);
    }
}

/// All is well again, and nobody has written replicas since then.
fn nothing_changes(
    stack: &Stack,
    (watch, began): (&Watch, Duration),
    since: Timestamp,
) -> Result<()> {
    settled(stack)?;
    let requests = requests_since(stack, since).context("read what was written")?;
    let scales: Vec<_> = requests.iter().filter(|request| request.is_scale()).collect();
    ensure!(scales.is_empty(), "replicas were written: {scales:?}");
    ensure!(was_smallest_since(watch, began), "the size changed: {:?}", watch.history());
    Ok(())
}

/// What both targets want together may be more for a moment, while a replica moves from one to the other.
fn was_smallest_since(watch: &Watch, began: Duration) -> bool {
    let history = watch.history();
    let mut since = history.iter().filter(|moment| moment.at >= began);
    since.all(|moment| moment.desired == MIN && moment.wanted() >= MIN)
}

fn is_smallest(moment: &Moment) -> bool {
    moment.wanted() == MIN && moment.ready() == MIN
}

//! What the API server, or the way to it, does to the operator: two copies beside the cluster, each behind a TLS proxy of
//! its own, are put to work while their proxies break every kind of answer. No write may be wrong, at no moment, and a
//! minute after the fault everything is as it should be.

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::proxy::{Fault, On, Rule, journal};
use apifleet_e2e::{Outsider, Platform, end_orders, order_floor};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::stack::{MAX, MIN, Stack};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] =
    &[("faults_of_the_api_server_cause_no_wrong_write_and_are_over_within_a_minute", faults)];

/// How many copies the chart runs.
const COPIES: usize = 2;
/// How long each fault lasts, shorter than a lease, so that the same copy has to go through it.
const LASTS: Duration = Duration::from_secs(6);
/// After its end everything is as it should be.
const STEADY: Duration = Duration::from_mins(1);
/// A leader that is cut off is followed.
const FOLLOWED: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(30);
const RETURNED: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(200);

/// A fault of the API server: it hits both copies.
struct Trouble {
    what: &'static str,
    rules: &'static [Rule],
    /// Whether watches that are open break off, too.
    cuts: bool,
}

const TROUBLES: &[Trouble] = &[
    Trouble { what: "conflicts", rules: &[(On::Writes, Fault::Conflict)], cuts: false },
    Trouble { what: "overload", rules: &[(On::Everything, Fault::Busy(3))], cuts: false },
    Trouble { what: "errors", rules: &[(On::Everything, Fault::Broken)], cuts: false },
    Trouble { what: "torn answers", rules: &[(On::Everything, Fault::Truncated)], cuts: true },
    Trouble { what: "watches that are gone", rules: &[(On::Watches, Fault::Gone)], cuts: true },
    Trouble { what: "lost watches", rules: &[(On::Watches, Fault::Dropped)], cuts: true },
    Trouble {
        what: "lists of the past",
        rules: &[(On::Watches, Fault::Gone), (On::Lists, Fault::Past)],
        cuts: true,
    },
    Trouble { what: "a black hole", rules: &[(On::Everything, Fault::BlackHole)], cuts: false },
];

fn faults(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = stack.watch()?;
    watch.wait("the smallest size", RETURNED, is_smallest)?;
    stack.run_operators(0)?;
    let played = play(stack, &watch);
    // Whatever came of it, the cluster has its own copies again, and nothing is ordered any more.
    let back = stack.run_operators(COPIES);
    end_orders(stack)?;
    played?;
    back?;
    watch.wait("the smallest size again", RETURNED, is_smallest)?;
    Ok(())
}

/// The two copies, and the fleet that they look after.
struct Scene<'a> {
    stack: &'a Stack,
    watch: &'a Watch,
    copies: [Outsider; 2],
}

fn play(stack: &Stack, watch: &Watch) -> Result<()> {
    let began = watch.elapsed();
    let copies = [Outsider::start(stack, "outside-a")?, Outsider::start(stack, "outside-b")?];
    let scene = Scene { stack, watch, copies };
    let mut floor = MIN;
    for trouble in TROUBLES {
        floor += 1;
        scene.leader()?;
        let what = || format!("{}: {}", trouble.what, scene.logs());
        scene.suffer(trouble, floor).with_context(what)?;
    }
    floor += 1;
    let what = || format!("a leader that is cut off: {}", scene.logs());
    scene.cut_off(floor).with_context(what)?;
    scene.judge(began, floor)?;
    scene.copies.into_iter().try_for_each(Outsider::end)
}

impl Scene<'_> {
    /// More is ordered in the middle of a fault; it comes as soon as it can, and nothing else does.
    fn suffer(&self, trouble: &Trouble, floor: u32) -> Result<()> {
        for copy in &self.copies {
            copy.proxy.follow(trouble.rules);
            if trouble.cuts {
                copy.proxy.cut_watches();
            }
        }
        let ordered = order_floor(self.stack, &format!("fault-{floor}"), floor);
        let wrong = self.watch.wait("a wrong size", LASTS, |moment| is_wrong(moment, floor));
        for copy in &self.copies {
            copy.proxy.follow(&[]);
        }
        ordered?;
        ensure!(wrong.is_err(), "a wrong write: {wrong:?}");
        self.watch.wait("all to be well again", STEADY, |moment| is_well(moment, floor))?;
        Ok(())
    }

    /// The way of the leader alone breaks: the other follows, and it never writes again before it leads.
    fn cut_off(&self, floor: u32) -> Result<()> {
        let first = self.leader()?;
        first.proxy.follow(&[(On::Everything, Fault::BlackHole)]);
        let ordered = order_floor(self.stack, &format!("fault-{floor}"), floor);
        let followed =
            self.watch.wait("the other's work", FOLLOWED, |moment| moment.wanted() >= floor);
        let next = self.leader().map(|next| next.name.clone());
        first.proxy.follow(&[]);
        ordered?;
        followed?;
        ensure!(next? != first.name, "{} is cut off and leads", first.name);
        self.watch.wait("all to be well again", STEADY, |moment| is_well(moment, floor))?;
        Ok(())
    }

    /// At no moment was a size wrong, went anything back, or did anyone write who did not lead.
    fn judge(&self, began: Duration, floor: u32) -> Result<()> {
        let history = self.watch.history();
        let since: Vec<&Moment> = history.iter().filter(|moment| moment.at >= began).collect();
        let wrong = since.iter().find(|moment| is_wrong(moment, floor));
        ensure!(wrong.is_none(), "a wrong size: {wrong:?}");
        let sizes: Vec<u32> = since.iter().map(|moment| moment.desired).collect();
        let whole = sizes.len() > TROUBLES.len();
        ensure!(whole && sizes.is_sorted(), "it went back and forth: {sizes:?}");

        let entries: Vec<_> = self.copies.iter().flat_map(|copy| copy.proxy.journal()).collect();
        let unfenced = journal::unfenced(&entries);
        ensure!(unfenced.is_none(), "a write without the lease: {unfenced:?}");
        let scales = journal::scales(&entries);
        ensure!(scales.len() > TROUBLES.len(), "hardly anything was written: {scales:?}");
        // Each order is a write for each target at most, and as many again for a replica that moves to spot.
        let most = 4 * (TROUBLES.len() + 1);
        ensure!(scales.len() <= most, "{} writes of replicas: {scales:?}", scales.len());
        Ok(())
    }

    /// The copy that leads.
    fn leader(&self) -> Result<&Outsider> {
        let end = Instant::now() + PATIENCE;
        loop {
            let leader = self.stack.leader()?;
            if let Some(copy) = self.copies.iter().find(|copy| copy.name == leader) {
                return Ok(copy);
            }
            ensure!(Instant::now() < end, "{leader:?} leads; {}", self.logs());
            sleep(LOOK);
        }
    }

    fn logs(&self) -> String {
        let log = |copy: &Outsider| format!("{} logged: {}", copy.name, copy.log());
        self.copies.iter().map(log).collect::<Vec<_>>().join("\n")
    }
}

/// Fewer than the smallest or more than the largest size, or a decision for more than is asked for. What both targets want
/// together may be more than the size for a moment, while a replica moves from one to the other.
fn is_wrong(moment: &Moment, floor: u32) -> bool {
    moment.wanted() < MIN || moment.wanted() > MAX || moment.desired > floor
}

fn is_well(moment: &Moment, floor: u32) -> bool {
    moment.desired == floor
        && moment.wanted() >= floor
        && moment.ready() >= floor
        && moment.conditions.get("Ready").is_some_and(|ready| ready.status == "True")
}

fn is_smallest(moment: &Moment) -> bool {
    moment.wanted() == MIN && moment.ready() == MIN
}

//! Capacity that is known beforehand is there when it is needed: the floor is Ready when the window opens, to the last
//! replica, with nodes that were not there before, whatever happens to the operator and to spot on the way.

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::{Platform, kubectl};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::provisioner::{Provisioner, Provisioning};
use apifleet_local::stack::{Fleet, Setting, Stack};
use jiff::{RoundMode, SignedDuration, ToSpan, Unit, Zoned, ZonedRound};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[(
    "a_floor_is_ready_when_its_window_opens_though_the_operator_dies_and_spot_is_lost",
    floors_are_ready,
)];

/// Not the 23 at which an autoscaler with a tolerance of 10 % would stop.
const EXACT: u32 = 25;
/// The floor of the fleet whose spot target goes.
const ON_DEMAND: u32 = 20;
/// So many processors a replica that the floor does not fit on the on-demand node that is there.
const CPU: &str = "120m";
const LEAD: SignedDuration = SignedDuration::from_secs(45);
const RAMP: SignedDuration = SignedDuration::from_secs(30);
/// For two fleets to be installed and taken over before their pre-warm.
const INSTALLED: SignedDuration = SignedDuration::from_secs(45);
const PATIENCE: Duration = Duration::from_secs(45);

fn floors_are_ready(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let provisioner = Provisioner::start(stack.cluster(), Provisioning::default())?;
    let opens = opening()?;
    let exact = stack.install_fleet("warm-exact", &settings(&opens, EXACT)?)?;
    let lost = stack.install_fleet("warm-lost", &settings(&opens, ON_DEMAND)?)?;
    let played = play(stack, &opens, &exact, &lost);
    played.and(exact.remove().map_err(Into::into)).and(lost.remove().map_err(Into::into))?;
    let made = provisioner.stop()?;
    ensure!(!made.is_empty(), "no placeholder asked for a node");
    Ok(())
}

fn play(stack: &Stack, opens: &Zoned, exact: &Fleet<'_>, lost: &Fleet<'_>) -> Result<()> {
    let (exact_watch, lost_watch) = (exact.watch()?, lost.watch()?);
    for (watch, fleet) in [(&exact_watch, exact), (&lost_watch, lost)] {
        watch
            .wait(&format!("{} at its smallest size", fleet.name), PATIENCE, |m| m.ready() >= 10)?;
    }
    kubectl(stack, &["delete", "deployment", "warm-lost-spot"])?;
    dies_inside_the_ramp(stack, &exact_watch)?;

    let left = Zoned::now().duration_until(opens);
    std::thread::sleep(Duration::try_from(left).context("the window opened too early")?);
    let (exact_open, lost_open) = (exact_watch.now(), lost_watch.now());
    climbed_without_a_step_back(&exact_watch)?;
    is_warm(exact, &exact_watch, &exact_open, EXACT)?;
    is_warm(lost, &lost_watch, &lost_open, ON_DEMAND)?;
    ensure!(
        lost_open.on_demand.ready == ON_DEMAND
            && lost_open.has("Ready", "False", "SpotTargetMissing"),
        "not all of it is on demand: {lost_open:?}"
    );
    Ok(())
}

/// The first whole minute that leaves time for two fleets and their pre-warm.
fn opening() -> Result<Zoned> {
    let earliest = Zoned::now().in_tz("Europe/Paris")?.checked_add(INSTALLED + RAMP + LEAD)?;
    Ok(earliest.round(ZonedRound::new().smallest(Unit::Minute).mode(RoundMode::Ceil))?)
}

fn settings(opens: &Zoned, floor: u32) -> Result<Vec<Setting>> {
    let closes = opens.checked_add(10.minutes())?;
    let clock = |at: &Zoned| at.strftime("%H:%M").to_string();
    let schedule = json!([{
        "name": "opening", "from": opens.date(), "to": opens.date(), "start": clock(opens),
        "end": clock(&closes), "timeZone": "Europe/Paris", "floor": {"replicas": floor},
        "leadSeconds": LEAD.as_secs(), "rampSeconds": RAMP.as_secs(),
    }]);
    let setting = |key: &str, value: Value| (key.to_owned(), value);
    Ok(vec![setting("schedules", schedule), setting("resources.requests.cpu", json!(CPU))])
}

/// Its leading copy is killed once the floor has begun to climb; the next goes on from what status remembers.
fn dies_inside_the_ramp(stack: &Stack, watch: &Watch) -> Result<()> {
    let patience = Duration::from_mins(3);
    watch.wait("the ramp", patience, |moment| moment.phase == "Ramp" && moment.floor > 10)?;
    Ok(stack.kill_operator()?)
}

/// The next copy of the operator goes on where the one before was.
fn climbed_without_a_step_back(watch: &Watch) -> Result<()> {
    let floors: Vec<u32> =
        watch.history().iter().map(|moment| moment.floor).filter(|floor| *floor > 0).collect();
    ensure!(floors.len() > 5 && floors.is_sorted(), "the floor did not climb: {floors:?}");
    Ok(())
}

/// As many as the floor says are Ready at the opening, no fewer are wanted, and the condition says so.
fn is_warm(fleet: &Fleet<'_>, watch: &Watch, open: &Moment, floor: u32) -> Result<()> {
    let name = &fleet.name;
    ensure!(
        open.ready() >= floor,
        "{name}: {} of {floor} Ready at the opening: {open:?}",
        open.ready()
    );
    let wanted = watch.now().wanted();
    ensure!(wanted >= floor, "{name}: {wanted} of {floor} wanted");
    let warm = watch.wait("PreWarmed", PATIENCE, |moment| {
        moment.phase == "Window"
            && moment.conditions.get("PreWarmed").is_some_and(|warm| warm.status == "True")
    });
    warm.map(drop).with_context(|| format!("{name}: {:?}", watch.now().conditions.get("PreWarmed")))
}

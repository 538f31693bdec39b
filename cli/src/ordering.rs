//! `apifleet override`, `hold`, `resume`: what people order of a fleet for a while.
//!
//! Every verb reads the fleet and what is ordered of it, makes the object anew ([`order`]) with an end ([`end`]), shows
//! what that makes of the fleet ([`effect`]), and leaves asking and writing to [`crate::change`]. Nothing here is
//! without an end, and nothing but `FleetOverride`s is written: the role `apifleet-oncall` is enough.

pub mod effect;
pub mod end;
pub mod list;
pub mod order;
mod pick;
mod wait;

use crate::change::{Change, How, Plan, Writer};
use crate::cluster::{Problem, pressing};
use crate::document::document;
use crate::failure::Failure;
use crate::find::{Found, connect, find, warn};
use crate::names::{FleetName, OverrideName};
use crate::settings::{Format, Place, Settings};
use crate::terminal::Terminal;
use crate::time::Clock;
use apifleet_core::overrides::Action;
use apifleet_crds::FleetOverride;
use apifleet_crds::fleet_override::OverrideAction;
use effect::Effect;
use end::End;
use kube::ResourceExt as _;
use list::{OrderList, OrderView};
use order::{Why, Wish};
use std::time::{Duration, Instant};
use wait::{Awaited, wait};

/// The kind of the document about several.
const SEVERAL: &str = "FleetOverrideReport";
/// The resource, as `kubectl -o name` names it.
const RESOURCE: &str = "fleetoverride.apifleet.dev";

/// Something to be done about what is ordered of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The fleet.
    pub fleet: FleetName,
    /// What.
    pub deed: Deed,
    /// How it is made.
    pub how: How,
    /// How long the operator is waited for, if it is.
    pub wait: Option<Duration>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Something is ordered.
    Place(Wish),
    /// It ends later.
    Extend {
        /// Which; the only one where none is named.
        name: Option<OverrideName>,
        /// When.
        end: End,
        /// Why, where that changes.
        reason: Option<Why>,
    },
    /// It ends now.
    End {
        /// Which; the only one where none is named.
        name: Option<OverrideName>,
        /// Why, where that changes.
        reason: Option<Why>,
    },
    /// Every hold ends now.
    Resume,
}

/// What becomes of one override: it comes, it changes, or it goes.
struct Step {
    before: Option<FleetOverride>,
    after: Option<FleetOverride>,
}

/// Does it.
pub async fn order(
    settings: &Settings,
    order: &Order,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    order.how.refuse_silence(terminal)?;
    let found = find(settings, &order.fleet, terminal).await?;
    warn(&found.decided, terminal);
    let clock = Clock::system();
    let theirs = of_fleet(&found, &order.fleet).await?;
    let steps = steps(settings, order, (&found, &theirs), &clock).await?;
    if steps.is_empty() {
        terminal.say(&format!("nothing holds fleet {}", order.fleet));
        return Ok(());
    }
    let effect = Effect {
        fleet: &found.decided.fleet,
        before: pressing(effect::orders(&theirs), clock.now),
        after: pressing(effect::orders(&afterwards(&theirs, &steps)), clock.now),
    };
    let plan = Plan {
        preface: effect.render(&clock, terminal.width),
        changes: steps.iter().map(Step::change).collect::<Result<_, _>>()?,
    };
    let writer = Writer { cluster: &found.cluster, settings, how: order.how };
    writer.make(&plan, terminal).await?;
    if order.how.writes() {
        follow_up(settings, order, (&found, &steps, &clock), terminal).await?;
        let still = effect.after.iter().filter(|still| still.is_due(clock.now));
        for still in still.filter(|_| order.deed == Deed::Resume) {
            terminal.say(&format!("still ordered: {} ({})", effect::words(still), still.name));
        }
    }
    Ok(())
}

/// What is ordered of a fleet, and what was.
async fn of_fleet(found: &Found, fleet: &FleetName) -> Result<Vec<FleetOverride>, Problem> {
    let mut theirs = found.cluster.objects::<FleetOverride>(Some(&found.namespace)).await?;
    theirs.retain(|order| order.spec.fleet_ref.name == fleet.as_str());
    Ok(theirs)
}

async fn steps(
    settings: &Settings,
    order: &Order,
    (found, theirs): (&Found, &[FleetOverride]),
    clock: &Clock,
) -> Result<Vec<Step>, Failure> {
    let fleet = &order.fleet;
    let pick = |name: Option<&OverrideName>| {
        let asked = pick::Asked { program: settings.program, fleet, namespace: &found.namespace };
        pick::pick(theirs, name, &asked, clock)
    };
    match &order.deed {
        Deed::Place(wish) => {
            if wish.action == Action::NoSpot && found.decided.fleet.spec.targets.spot.is_none() {
                return Err(Failure::Usage(format!(
                    "fleet {fleet} has no spot target, so there is nothing that could leave it"
                )));
            }
            let user = found.cluster.user().await?;
            let after = order::place(wish, (&found.namespace, fleet), &user, clock)?;
            Ok(vec![Step { before: None, after: Some(after) }])
        }
        Deed::Extend { name, end, reason } => {
            let before = pick(name.as_ref())?;
            let after = explained(order::extend(before, *end, clock)?, reason.as_ref());
            Ok(vec![Step { before: Some(before.clone()), after: Some(after) }])
        }
        Deed::End { name, reason } => {
            let before = pick(name.as_ref())?;
            let after = order::ended(before, clock.now);
            let after = after.map(|after| explained(after, reason.as_ref()));
            Ok(vec![Step { before: Some(before.clone()), after }])
        }
        Deed::Resume => {
            let holds = theirs.iter().filter(|order| {
                order.spec.action == OverrideAction::Hold && order.spec.expires_at.0 > clock.now
            });
            let step = |hold: &FleetOverride| Step {
                before: Some(hold.clone()),
                after: order::ended(hold, clock.now),
            };
            Ok(holds.map(step).collect())
        }
    }
}

fn explained(mut order: FleetOverride, reason: Option<&Why>) -> FleetOverride {
    if let Some(reason) = reason {
        reason.as_str().clone_into(&mut order.spec.reason);
    }
    order
}

/// What is ordered once the steps are taken.
fn afterwards(theirs: &[FleetOverride], steps: &[Step]) -> Vec<FleetOverride> {
    let step_of = |order: &FleetOverride| {
        let is_it = |before: &FleetOverride| before.metadata.name == order.metadata.name;
        steps.iter().find(|step| step.before.as_ref().is_some_and(is_it))
    };
    let kept = theirs.iter().filter_map(|order| match step_of(order) {
        Some(step) => step.after.clone(),
        None => Some(order.clone()),
    });
    let new = steps.iter().filter(|step| step.before.is_none());
    kept.chain(new.filter_map(|step| step.after.clone())).collect()
}

/// After it is written: waits for the operator where that is wanted, and says what comes and the next command.
async fn follow_up(
    settings: &Settings,
    order: &Order,
    (found, steps, clock): (&Found, &[Step], &Clock),
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let program = settings.program.words();
    let place = format!("{} -n {}", order.fleet, found.namespace);
    if let Some(limit) = order.wait {
        let written = Instant::now();
        let names: Vec<String> = steps.iter().filter_map(Step::name).collect();
        let awaited = match (&order.deed, names.first()) {
            (Deed::Place(_) | Deed::Extend { .. }, Some(name)) => Awaited::InForce(name),
            (Deed::Place(_) | Deed::Extend { .. } | Deed::End { .. } | Deed::Resume, _) => {
                Awaited::Over(&names)
            }
        };
        let summary = wait(settings, (found, &order.fleet), awaited, limit).await?;
        let took = written.elapsed().as_secs_f64();
        terminal.say(&format!("the operator acts on it after {took:.1} s: {summary}"));
    }
    let last = steps.last().and_then(|step| step.after.as_ref());
    match &order.deed {
        Deed::End { .. } | Deed::Resume => terminal
            .say(&format!("the fleet returns by its usual limits: {program} status {place} -w")),
        Deed::Place(_) | Deed::Extend { .. } => {
            if let Some(after) = last {
                let ends = effect::ends(after.spec.expires_at.0, clock);
                terminal.say(&format!("it ends by itself at {ends}"));
            }
            let sooner = match &order.deed {
                Deed::Place(Wish { action: Action::Hold, .. }) => {
                    format!("{program} resume {place}")
                }
                Deed::Place(_) | Deed::Extend { .. } | Deed::End { .. } | Deed::Resume => {
                    let name = steps.last().and_then(Step::name).unwrap_or_default();
                    format!(
                        "{program} override {} {name} -n {} --end",
                        order.fleet, found.namespace
                    )
                }
            };
            terminal
                .say(&format!("watch it: {program} status {place} -w; end it sooner: {sooner}"));
        }
    }
    Ok(())
}

/// Shows what is ordered and what was: of one fleet, or of all.
pub async fn list(
    settings: &Settings,
    fleet: Option<&FleetName>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let cluster = connect(settings, terminal).await?;
    let namespace = cluster.namespace(&settings.place).map(str::to_owned);
    let mut orders = cluster.objects::<FleetOverride>(namespace.as_deref()).await?;
    if let Some(fleet) = fleet {
        orders.retain(|order| order.spec.fleet_ref.name == fleet.as_str());
        if orders.is_empty() {
            // Nothing is ordered of a fleet that does not exist: that is a slip of the finger.
            cluster.fleet(namespace.as_deref().unwrap_or_default(), fleet).await?;
        }
    }
    let clock = Clock::system();
    let list = OrderList::new(&orders, clock.now);
    let text = match settings.format {
        Format::People(columns) => list.table(settings.place == Place::All, columns, &clock),
        Format::Document(syntax) => document(syntax, SEVERAL, &list)?,
        Format::Name => list.items.iter().map(name_line).collect(),
    };
    terminal.data(&text)?;
    terminal.say(&list.summary());
    Ok(())
}

/// An override's name as `-o name` writes it.
fn name_line(order: &OrderView) -> String {
    format!("{RESOURCE}/{}\n", order.name)
}

// === impl Step ===

impl Step {
    fn change(&self) -> Result<Change, Failure> {
        match (&self.before, &self.after) {
            (None, Some(after)) => Change::create(after),
            (Some(before), Some(after)) => Change::edit(before, after),
            (Some(before), None) => Change::delete(before),
            (None, None) => Err(Failure::NotKnown("nothing is to be done".to_owned())),
        }
    }

    fn name(&self) -> Option<String> {
        self.after.as_ref().or(self.before.as_ref()).map(FleetOverride::name_any)
    }
}

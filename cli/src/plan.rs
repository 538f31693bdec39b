//! `apifleet plan`: how large a fleet is for a load, on which nodes, what of it may be lost, and what it costs; without a
//! cluster.
//!
//! [`sizes`] is the arithmetic, with the operator's own rules; [`nodes`] and [`prices`] are what it is given, [`screen`]
//! shows it. With `-o yaml` the plan is a manifest: an `ApiFleet` that the operator accepts ([`manifest`]). Nothing here
//! measures: what one replica carries is typed, and should have been measured.

pub mod amount;
pub mod manifest;
pub mod nodes;
pub mod prices;
pub mod screen;
pub mod sizes;

use crate::document::{Syntax, document, write};
use crate::failure::Failure;
use crate::names::{FleetName, Namespace};
use crate::settings::{Format, Place, Settings};
use crate::terminal::Terminal;
use apifleet_crds::FleetIntent;
use prices::Price;
use screen::View;
use sizes::{Ground, Load, SizeError};
use std::path::PathBuf;

/// The kind of the document.
const KIND: &str = "CapacityPlan";

/// What is to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What the fleet is called.
    pub name: FleetName,
    /// For what.
    pub load: Load,
    /// On what.
    pub ground: Ground,
    /// What stands behind it.
    pub database: Database,
    /// What an hour of a node costs.
    pub prices: Option<PathBuf>,
}

/// The connections of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Database {
    /// So many each replica may open.
    pub per_replica: u32,
    /// So many there are for the fleet, where that was typed.
    pub limit: Option<u32>,
}

/// Plans, and shows the plan.
pub fn plan(
    settings: &Settings,
    planned: &Planned,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let unusable = |error: SizeError| Failure::Usage(error.to_string());
    let (quiet, peak) = planned.load.fleets(&planned.ground).map_err(unusable)?;
    let per_node = planned.ground.replicas_per_node().map_err(unusable)?;
    let with_spot = planned.ground.spot_percent > 0;
    let node = planned.ground.node.name.as_deref();
    let price = planned.prices.as_deref().map(|path| Price::read(path, node, with_spot));
    let view = View::new(planned, (quiet, peak), per_node, price.transpose()?.as_ref());
    let text = match settings.format {
        Format::People(_) => screen::screen(&view, terminal.width),
        Format::Document(Syntax::Json) => document(Syntax::Json, KIND, &view)?,
        Format::Document(Syntax::Yaml) => {
            let namespace = typed(&settings.place).map(Namespace::as_str);
            let fleet = manifest::fleet(planned, namespace, (quiet, peak));
            FleetIntent::try_from(&fleet.spec)
                .map_err(|error| Failure::Usage(error.to_string()))?;
            write(Syntax::Yaml, &fleet)?
        }
        Format::Name => format!("{}\n", planned.name),
    };
    terminal.data(&text)?;
    for notice in view.notices() {
        terminal.say(&notice);
    }
    match settings.format {
        Format::People(_) => say_more(settings, planned, terminal),
        Format::Document(_) | Format::Name => {}
    }
    Ok(())
}

/// What else can be asked.
fn say_more(settings: &Settings, planned: &Planned, terminal: &mut Terminal) {
    if planned.prices.is_none() {
        terminal.say(
            "what it costs is not said, for no prices are known: write what an hour of a node costs into a file, and name \
             it with --prices FILE (currency: USD, nodes: {m6i.large: {onDemand: 0.107, spot: 0.041}})",
        );
    }
    let program = settings.program.words();
    terminal.say(&format!(
        "a manifest of it: -o yaml > fleet.yaml; then see what it makes of traffic: {program} simulate -f fleet.yaml"
    ));
}

fn typed(place: &Place) -> Option<&Namespace> {
    match place {
        Place::Namespace(namespace) => Some(namespace),
        Place::Usual | Place::All => None,
    }
}

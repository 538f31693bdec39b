//! A plan as a manifest: an `ApiFleet` to start from. Pure.

use super::sizes::{Fleet, MIN_ON_DEMAND};
use super::{Database, Planned};
use apifleet_core::Rps;
use apifleet_crds::dependencies::Dependency;
use apifleet_crds::signals::{Errors, Latency, RequestRate, Signals};
use apifleet_crds::spec::{Mode, Target, Targets};
use apifleet_crds::spot::Spot;
use apifleet_crds::{ApiFleet, ApiFleetSpec};

/// What the database is called in the manifest.
const DATABASE: &str = "database";

/// The fleet of a plan: from its quiet size to that of its peak.
#[must_use]
pub fn fleet(
    planned: &Planned,
    namespace: Option<&str>,
    (quiet, peak): (Fleet, Fleet),
) -> ApiFleet {
    let name = planned.name.as_str();
    let target = |name: String| Target { deployment_name: name };
    let percent = planned.ground.spot_percent;
    let with_spot = percent > 0;
    let spec = ApiFleetSpec {
        mode: Mode::Enforce,
        policy_ref: None,
        min_replicas: whole(quiet.replicas),
        max_replicas: whole(peak.replicas),
        targets: Targets {
            on_demand: target(name.to_owned()),
            spot: with_spot.then(|| target(format!("{name}-spot"))),
        },
        signals: Some(signals(planned.load.per_replica)),
        behavior: None,
        schedules: None,
        spot: with_spot.then(|| Spot {
            max_percent: Some(percent.into()),
            min_on_demand_replicas: Some(whole(MIN_ON_DEMAND)),
            ..Spot::default()
        }),
        dependencies: dependency(planned.database).map(|dependency| vec![dependency]),
    };
    let mut fleet = ApiFleet::new(name, spec);
    fleet.metadata.namespace = namespace.map(str::to_owned);
    fleet
}

/// What is carried, and both guards with their defaults.
fn signals(per_replica: Rps) -> Signals {
    let target = Some(whole_rate(per_replica));
    Signals {
        request_rate: Some(RequestRate { target_per_replica: target }),
        latency: Some(Latency {
            percentile: Some(95),
            target_milliseconds: Some(200),
            ..Latency::default()
        }),
        errors: Some(Errors::default()),
        ..Signals::default()
    }
}

fn dependency(database: Database) -> Option<Dependency> {
    let Database { per_replica, limit } = database;
    limit.map(|limit| Dependency {
        name: DATABASE.to_owned(),
        limit: whole(limit),
        reserved: None,
        per_replica: whole(per_replica),
    })
}

fn whole(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[allow(clippy::cast_possible_truncation, reason = "`as` saturates, and a whole number was typed")]
fn whole_rate(rate: Rps) -> i32 {
    rate.get().round() as i32
}

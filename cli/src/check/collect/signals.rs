//! Asks Prometheus about one fleet.

use super::super::facts::Signals;
use super::super::finding::{Known, Unknown};
use super::super::prometheus::{Failed, Row, Way};
use super::super::series::{Queries, queries};
use super::fleets::Subject;
use super::unknown;
use crate::names::{FleetName, Namespace};
use apifleet_crds::FleetIntent;

/// What Prometheus says of the fleet; `None` where it cannot be asked about it.
pub(super) async fn of_fleet(way: Option<&Way<'_>>, subject: &Subject) -> Option<Signals> {
    let intent = FleetIntent::try_from(subject.spec.as_ref().ok()?).ok()?;
    let namespace = Namespace::parse(&subject.namespace).ok()?;
    let name = FleetName::parse(&subject.name).ok()?;
    let way = way?;
    let Queries { rate, age, samples, edges } = queries(&intent.source, &namespace, &name);
    let (rate, age, samples) = tokio::join!(one(way, &rate), one(way, &age), one(way, &samples));
    let edges = match edges {
        Some(edges) => Some(rows(way, &edges).await.map(|rows| finite(&rows))),
        None => None,
    };
    Some(Signals { rate, age, samples, edges })
}

async fn rows(way: &Way<'_>, query: &str) -> Known<Vec<Row>> {
    way.query(query).await.map_err(|failed| match failed {
        Failed::Said(why) => Unknown(format!("Prometheus: {why}")),
        Failed::Proxy(problem) => unknown(problem),
    })
}

/// The value of the one row; `None` where there is no row.
async fn one(way: &Way<'_>, query: &str) -> Known<Option<f64>> {
    rows(way, query).await.map(|rows| rows.first().map(|row| row.value))
}

/// The finite edges of a histogram's buckets.
fn finite(rows: &[Row]) -> Vec<f64> {
    let edge = |row: &Row| row.labels.get("le")?.parse::<f64>().ok();
    rows.iter().filter_map(edge).filter(|edge| edge.is_finite()).collect()
}

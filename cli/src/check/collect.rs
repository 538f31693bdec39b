//! Reads what checks are judged by. Every call has the deadline of `--request-timeout`; few are made at a time, and lists
//! end. What cannot be read becomes [`Unknown`], with why: a permission that is missing hides no other check. Only where
//! the API server itself does not answer, nothing is checked.

mod around;
mod fleets;
mod operator;
mod reviews;
mod signals;

use super::facts::{Facts, InstallRights, Installed, NodeFact, Prometheus, Server, Stage};
use super::finding::{Known, Unknown};
use super::prometheus::{Failed, Way};
use super::rights;
use crate::cluster::{Cluster, Problem};
use crate::failure::Failure;
use crate::names::FleetName;
use crate::simulate::typed::Address;
use apifleet_crds::Kind;
use apifleet_crds::revision::revision_of;
use fleets::Subject;
use futures::{StreamExt as _, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::core::PartialObjectMeta;
use std::time::Duration;

/// So many calls are made at a time.
const AT_ONCE: usize = 8;

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Before the operator is installed.
    pub before: bool,
    /// The one fleet that is meant; else all of the namespace, or of all.
    pub fleet: Option<FleetName>,
    /// Where Prometheus is asked.
    pub prometheus: Option<Address>,
    /// Where the operator is.
    pub operator_namespace: Option<crate::names::Namespace>,
}

/// Reads everything.
///
/// # Errors
/// Where the API server does not answer, or the fleet that was named is not there.
pub async fn collect(
    cluster: &Cluster,
    scope: &Scope,
    namespace: Option<&str>,
    deadline: Duration,
) -> Result<Facts, Failure> {
    let greeting = cluster.greet().await?;
    let server = Server { version: greeting.version, clock: greeting.clock, asked: greeting.asked };
    let (kinds, definitions) = tokio::join!(served(cluster), definitions(cluster));
    let none_served =
        matches!(&kinds, Ok(kinds) if !kinds.iter().any(|it| it == Kind::ApiFleet.as_str()));
    let subjects = if scope.before || none_served {
        Vec::new()
    } else {
        fleets::read(cluster, namespace, scope.fleet.as_ref()).await?
    };
    let operator = if scope.before {
        Ok(None)
    } else {
        operator::find(cluster, scope.operator_namespace.as_ref()).await
    };
    let way = Way::find(cluster, scope.prometheus.as_ref(), &operator, deadline);
    let prometheus = answers(&way).await;
    let stage = if scope.before {
        Stage::Before(before(cluster).await)
    } else {
        Stage::After(Box::new(after(cluster, operator, &server, namespace).await))
    };
    let way = way.ok().filter(|_| matches!(prometheus, Prometheus::Answers(_)));
    let nodes = nodes(cluster, &subjects).await;
    let fleets = around::fleets(cluster, subjects, way.as_ref()).await;
    Ok(Facts { server, served: kinds, definitions, stage, prometheus, nodes, fleets })
}

/// Why something is not known.
fn unknown(problem: Problem) -> Unknown {
    Unknown(match problem {
        Problem::Forbidden { verb, resource, namespace } => {
            let place = namespace.map_or_else(String::new, |name| format!(" in namespace {name}"));
            format!("you may not {verb} {resource}{place}")
        }
        other => other.to_string(),
    })
}

/// The kinds of ours that are served; none where the group is not.
async fn served(cluster: &Cluster) -> Known<Vec<String>> {
    let client = cluster.client();
    let call = client.list_api_group_resources("apifleet.dev/v1alpha1");
    match cluster.ask("get", "/apis/apifleet.dev", None, call).await {
        Ok(list) => Ok(list.resources.into_iter().map(|resource| resource.kind).collect()),
        Err(Problem::Refused { code: 404, .. }) => Ok(Vec::new()),
        Err(problem) => Err(unknown(problem)),
    }
}

async fn definitions(cluster: &Cluster) -> Vec<(Kind, Known<Option<u32>>)> {
    let read = |kind: Kind| async move {
        let api = Api::<CustomResourceDefinition>::all(cluster.client());
        let name = kind.definition();
        let call = api.get_metadata_opt(&name);
        let found: Result<Option<PartialObjectMeta<_>>, _> =
            cluster.ask("get", "customresourcedefinitions.apiextensions.k8s.io", None, call).await;
        let revision = found.map(|it| it.map(|it| revision_of(it.metadata.annotations.as_ref())));
        (kind, revision.map_err(unknown))
    };
    stream::iter(Kind::ALL).map(read).buffered(AT_ONCE).collect().await
}

/// Whether Prometheus answers at all.
async fn answers(way: &Known<Way<'_>>) -> Prometheus {
    let way = match way {
        Ok(way) => way,
        Err(Unknown(why)) => return Prometheus::NotAsked(why.clone()),
    };
    match way.query("vector(1)").await {
        Ok(rows) if rows.len() == 1 => Prometheus::Answers(way.shown()),
        Ok(_) => Prometheus::Fails("it does not answer as Prometheus does".to_owned()),
        Err(Failed::Said(why)) => Prometheus::Fails(why),
        // A Service that is not there, or has no pods, answers nobody.
        Err(Failed::Proxy(problem @ Problem::Refused { .. })) => {
            Prometheus::Fails(problem.to_string())
        }
        Err(Failed::Proxy(problem)) => {
            let Unknown(why) = unknown(problem);
            Prometheus::NotAsked(format!(
                "{why}; name an address that you reach with --prometheus-url"
            ))
        }
    }
}

async fn before(cluster: &Cluster) -> InstallRights {
    let hold = [
        rights::operator(),
        rights::spot(),
        rights::lease(),
        rights::definitions(),
        rights::on_call(),
        rights::policies(),
    ];
    let mut hold = hold.concat();
    hold.sort_unstable();
    hold.dedup();
    InstallRights {
        make: reviews::own(cluster, rights::install(), None).await,
        hold: reviews::own(cluster, hold, None).await,
        escalate: reviews::one(cluster, rights::ESCALATE, None).await,
    }
}

async fn after(
    cluster: &Cluster,
    operator: Known<Option<super::facts::Operator>>,
    server: &Server,
    namespace: Option<&str>,
) -> Installed {
    let (lease, (needs, spot)) = tokio::join!(
        operator::lease(cluster, &operator, server),
        reviews::of_operator(cluster, &operator)
    );
    Installed {
        lease,
        needs,
        spot,
        on_call: reviews::own(cluster, rights::on_call(), namespace).await,
        policies: reviews::own(cluster, rights::policies(), namespace).await,
        operator,
    }
}

/// The nodes, where a fleet wants to know.
async fn nodes(cluster: &Cluster, subjects: &[Subject]) -> Known<Vec<NodeFact>> {
    if subjects.is_empty() {
        return Err(Unknown("no fleet asks for them".to_owned()));
    }
    around::nodes(cluster).await
}

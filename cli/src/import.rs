//! `apifleet import`: an `ApiFleet` like another autoscaler, in Observe mode, to begin with.
//!
//! Reads the object, and what it refers to; [`hpa`], [`scaled_object`] and [`scaling_schedule`] make a [`draft`] of it, and
//! the manifest goes to standard output. What could not be carried over is named in its comments and on standard error.
//! Nothing is written to the cluster.

pub mod cron;
pub mod draft;
pub mod hpa;
pub mod promql;
pub mod scaled_object;
pub mod scaling_schedule;

use crate::args::Program;
use crate::cluster::{Cluster, Problem};
use crate::document::Syntax;
use crate::failure::Failure;
use crate::find::connect;
use crate::near::{hint, nearest};
use crate::settings::{Format, Settings};
use crate::status::name_line;
use crate::terminal::Terminal;
use apifleet_crds::names::ObjectName;
use draft::Draft;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use serde_json::Value;

const HPAS: &str = "horizontalpodautoscalers.autoscaling";

/// What is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The kind of the autoscaler.
    pub from: Kind,
    /// Its name.
    pub name: ObjectName,
}

/// The kind of an autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// `HorizontalPodAutoscaler` of autoscaling/v2
    Hpa,
    /// KEDA's `ScaledObject`
    #[value(name = "scaledobject")]
    ScaledObject,
    /// `ScalingSchedule` or `ClusterScalingSchedule` of zalando.org, with the HPA that reads it
    #[value(name = "scalingschedule")]
    ScalingSchedule,
}

/// Shows a fleet like an autoscaler.
///
/// # Errors
/// Where the autoscaler is not there, or can be no fleet.
pub async fn import(
    settings: &Settings,
    asked: &Import,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let cluster = connect(settings, terminal).await?;
    let namespace = cluster.namespace(&settings.place).unwrap_or_default();
    let name = asked.name.as_str();
    let draft = match asked.from {
        Kind::Hpa => {
            let hpa = named(&cluster, namespace, name).await?;
            of_hpa(&cluster, namespace, &hpa).await?
        }
        Kind::ScaledObject => {
            let kind = resource("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects");
            let object = dynamic(&cluster, Some(namespace), &kind, name).await?;
            let object = object.ok_or_else(|| absent("ScaledObject", namespace, name, &[]))?;
            scaled_object::fleet(&object).map_err(Failure::NotKnown)?
        }
        Kind::ScalingSchedule => {
            let hpa = reading(&cluster, namespace, name).await?;
            of_hpa(&cluster, namespace, &hpa).await?
        }
    };
    show(settings.format, settings.program, &draft, terminal)
}

fn show(
    format: Format,
    program: Program,
    draft: &Draft,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let text = match format {
        Format::People(_) => draft.manifest(Syntax::Yaml, program)?,
        Format::Document(syntax) => draft.manifest(syntax, program)?,
        Format::Name => name_line(draft.place().1),
    };
    terminal.data(&text)?;
    for lost in draft.lost() {
        terminal.say(&format!("not carried over: {lost}"));
    }
    Ok(())
}

async fn named(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<HorizontalPodAutoscaler, Failure> {
    let api = Api::<HorizontalPodAutoscaler>::namespaced(cluster.client(), namespace);
    match cluster.ask("get", HPAS, Some(namespace), api.get(name)).await {
        Ok(found) => return Ok(found),
        Err(Problem::Refused { code: 404, .. }) => {}
        Err(problem) => return Err(problem.into()),
    }
    // Near names are a courtesy: without them the answer is the same.
    let all = hpas(cluster, namespace).await.unwrap_or_default();
    let names: Vec<String> = all.iter().map(ResourceExt::name_any).collect();
    Err(absent("HorizontalPodAutoscaler", namespace, name, &names))
}

async fn hpas(cluster: &Cluster, namespace: &str) -> Result<Vec<HorizontalPodAutoscaler>, Problem> {
    let api = Api::<HorizontalPodAutoscaler>::namespaced(cluster.client(), namespace);
    cluster.every(HPAS, Some(namespace), (&api, ListParams::default()), Some).await
}

/// The one HPA that reads a scaling schedule: it says whose Deployment that is, and what one replica takes of the value.
async fn reading(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<HorizontalPodAutoscaler, Failure> {
    let reads = |hpa: &HorizontalPodAutoscaler| {
        hpa::references(hpa).iter().any(|reference| reference.name == name)
    };
    let mut readers: Vec<HorizontalPodAutoscaler> =
        hpas(cluster, namespace).await?.into_iter().filter(reads).collect();
    match (readers.pop(), readers.len()) {
        (Some(reader), 0) => Ok(reader),
        (None, _) => Err(Failure::NotKnown(format!(
            "no HorizontalPodAutoscaler of namespace {namespace} reads scaling schedule {name}, so nothing says which \
             Deployment it is for: name another namespace with -n"
        ))),
        (Some(last), _) => {
            readers.push(last);
            let names: Vec<String> = readers.iter().map(ResourceExt::name_any).collect();
            Err(Failure::NotKnown(format!(
                "several read scaling schedule {name}; import one of them with --from hpa: {}",
                names.join(", ")
            )))
        }
    }
}

async fn of_hpa(
    cluster: &Cluster,
    namespace: &str,
    hpa: &HorizontalPodAutoscaler,
) -> Result<Draft, Failure> {
    let mut schedules = hpa::Read::new();
    for reference in hpa::references(hpa) {
        let (place, kind, plural) = if reference.of_cluster {
            (None, "ClusterScalingSchedule", "clusterscalingschedules")
        } else {
            (Some(namespace), "ScalingSchedule", "scalingschedules")
        };
        let kind = resource("zalando.org", "v1", kind, plural);
        let read = dynamic(cluster, place, &kind, &reference.name).await;
        let read = read.map_err(|problem| problem.to_string());
        let read = read.and_then(|it| it.ok_or_else(|| "it does not exist".to_owned()));
        schedules.insert(reference, read);
    }
    hpa::fleet(hpa, &schedules).map_err(Failure::NotKnown)
}

/// An object of a kind that this program has no type for; `None` where there is no such object, or no such kind.
async fn dynamic(
    cluster: &Cluster,
    namespace: Option<&str>,
    kind: &ApiResource,
    name: &str,
) -> Result<Option<Value>, Problem> {
    let client = cluster.client();
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, kind),
        None => Api::all_with(client, kind),
    };
    let resource = match kind.plural.as_str() {
        "scaledobjects" => "scaledobjects.keda.sh",
        "scalingschedules" => "scalingschedules.zalando.org",
        _ => "clusterscalingschedules.zalando.org",
    };
    match cluster.ask("get", resource, namespace, api.get(name)).await {
        Ok(object) => Ok(serde_json::to_value(object).ok()),
        Err(Problem::Refused { code: 404, .. }) => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

fn absent(kind: &str, namespace: &str, name: &str, known: &[String]) -> Failure {
    let near = nearest(name, known.iter().map(String::as_str));
    Failure::NotKnown(format!(
        "{kind} {name:?} was not found in namespace {namespace:?}{}",
        hint(&near)
    ))
}

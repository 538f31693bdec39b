//! The whole of ApiFleet on a local cluster: images, MariaDB, Prometheus, the operator and a fleet, installed with Helm
//! as a user would. `up` and the end-to-end tests start from the same stack. It never scales anything itself.

mod fleet;
mod operator;

pub use fleet::{Fleet, Setting};
pub use operator::Blow;

use crate::cluster::Cluster;
use crate::error::{Because, Error, Result};
use crate::fleet::Watch;
use crate::load::{self, Running, Stream};
use crate::options::{Image, Name, Options};
use crate::prerequisites;
use crate::process::{Call, Output};
use crate::programs::Programs;
use crate::progress::Progress;
use crate::supervisor::{self, protocol::Place};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The namespace of the demo fleet.
pub const NAMESPACE: &str = "shop";
/// The demo fleet.
pub const FLEET: &str = "shop-api";
/// The namespace of the operator.
pub const SYSTEM: &str = "apifleet-system";
/// The lease that the leading operator holds.
const LEASE: &str = "apifleet-controller";
/// The demo fleet's smallest size, as its values file says.
pub const MIN: u32 = 10;
/// The demo fleet's largest size, as its values file says.
pub const MAX: u32 = 30;

/// Building takes minutes on a cold machine, installing seconds.
const BUILD_DEADLINE: Duration = Duration::from_mins(40);
const INSTALL_TIMEOUT: &str = "--timeout=2m";
/// The node whose network load comes from.
const LOAD_NODE: &str = "on-demand-1";
/// The operator's release of the chart.
const OPERATOR_RELEASE: &str = "apifleet";
/// The demo fleet's release of the chart.
const FLEET_RELEASE: &str = "shop";

/// What to start.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The cluster.
    pub options: Options,
    /// The checkout: its chart and its rules.
    pub workspace: PathBuf,
    /// What the demo's fleet has on top of its values file, such as a schedule.
    pub settings: Vec<Setting>,
    generator: PathBuf,
}

/// Programs that are built.
#[derive(Debug, Clone)]
pub struct Built {
    images: Vec<Image>,
    generator: PathBuf,
}

/// A running stack.
pub struct Stack {
    cluster: Cluster,
    workspace: PathBuf,
    generator: PathBuf,
    service: SocketAddr,
    prometheus: SocketAddr,
    front: SocketAddr,
}

/// Builds the programs of the cluster and of the images, where they are not built yet. Packages come first, so that after it
/// nothing is left that takes minutes: whoever starts a stack may have set its clock by then.
pub fn build(workspace: &Path, progress: &dyn Progress) -> Result<Built> {
    prerequisites::supported()?;
    prerequisites::cluster(progress)?;
    prerequisites::ensure_database(progress)?;
    Programs::ensure(progress)?;
    let generator = crate::oha::ensure_oha(progress)?;
    progress.step("building the operator and the API server");
    let [controller, api_server] =
        build_programs(workspace, ["apifleet-controller", "api-server"])?;
    let image = |name: &str, program: PathBuf| Image {
        reference: format!("localhost/apifleet/{name}:dev"),
        program,
    };
    let images = vec![image("controller", controller), image("api-server", api_server)];
    Ok(Built { images, generator })
}

/// Builds the programs of the workspace, where they are not built yet, and says where these are.
pub fn build_programs<const N: usize>(workspace: &Path, names: [&str; N]) -> Result<[PathBuf; N]> {
    Call::new("cargo")
        .args(["build", "--quiet", "--workspace", "--bins"])
        .directory(workspace)
        .deadline(BUILD_DEADLINE)
        .text()?;
    let beside = supervisor::program()?;
    Ok(names.map(|name| beside.with_file_name(name)))
}

impl Plan {
    /// The demo: three nodes, and a fleet of 10 to 30 replicas.
    #[must_use]
    pub fn demo(name: Name, workspace: PathBuf, built: Built) -> Self {
        let Built { images, generator } = built;
        let options = Options { name, images, ..Options::default() };
        Self { options, workspace, settings: Vec::new(), generator }
    }

    /// The same with one more setting of the demo's fleet: a key of its values, with dots, and what it is set to.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.settings.push((key.into(), value));
        self
    }
}

impl Stack {
    /// Starts everything and returns when the operator and the fleet are installed; their pods are still coming.
    pub fn up(plan: &Plan, progress: &dyn Progress) -> Result<Self> {
        let cluster = Cluster::up(plan.options.clone(), progress)?;
        progress.step("starting MariaDB and Prometheus");
        let database = cluster.start_mariadb(progress)?;
        cluster.start_prometheus(&rules(&plan.workspace))?;
        progress.step("installing the operator and the fleet");
        cluster.apply(&namespaces(&[SYSTEM, NAMESPACE]))?;
        cluster.apply(&database_secret(&database))?;
        let stack = Unserved { cluster, workspace: plan.workspace.clone() };
        stack.install_operator()?;
        stack.install_fleet(&plan.settings)?;
        stack.serve(plan.generator.clone())
    }

    /// Removes every trace of it.
    pub fn down(self) -> Result<()> {
        self.cluster.down()
    }

    /// The cluster underneath.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The fleet's Service, as a node sees it.
    #[must_use]
    pub fn service(&self) -> SocketAddr {
        self.service
    }

    /// Where Prometheus answers on this machine.
    #[must_use]
    pub fn prometheus_url(&self) -> String {
        format!("http://{}", self.prometheus)
    }

    /// Where the API server answers on this machine.
    #[must_use]
    pub fn service_url(&self) -> String {
        format!("http://{}/v1/campaign", self.front)
    }

    /// Begins to follow the fleet.
    pub fn watch(&self) -> Result<Watch> {
        self.demo().watch()
    }

    /// Starts a stream of load from a node's network.
    pub fn load(&self, stream: Stream) -> Result<Running> {
        let place = Place::Node(LOAD_NODE.parse()?);
        load::start(&self.cluster, &place, &self.generator, stream)
    }

    /// What kubectl prints; a failure is an error.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.cluster.kubectl(arguments)
    }

    /// What kubectl prints, whether it succeeds or not.
    pub fn try_kubectl(&self, arguments: &[&str]) -> Result<Output> {
        self.cluster.try_kubectl(arguments)
    }

    /// Upgrades the fleet's release with these values set on top.
    pub fn upgrade_fleet(&self, set: &[&str]) -> Result<()> {
        let mut upgrade =
            helm_arguments(&self.workspace, ["upgrade", FLEET_RELEASE], fleet::VALUES, &[]);
        upgrade.extend(set.iter().flat_map(|pair| ["--set", pair]).map(ToOwned::to_owned));
        self.cluster.helm(&fleet::borrowed(&upgrade)).map(drop)
    }

    /// A part of the fleet's status, by JSON pointer; null where there is none.
    pub fn fleet_status(&self, pointer: &str) -> Result<Value> {
        self.demo().status(pointer)
    }

    /// Ends Prometheus; its data stay.
    pub fn stop_prometheus(&self) -> Result<()> {
        self.cluster.stop_prometheus()
    }

    /// Starts Prometheus again.
    pub fn start_prometheus(&self) -> Result<()> {
        self.cluster.start_prometheus(&rules(&self.workspace))
    }

    /// Claims in the database.
    pub fn stored_claims(&self) -> Result<u64> {
        let count = self.cluster.mariadb_scalar("SELECT COUNT(*) FROM claims")?;
        count.trim().parse().map_err(|_| Error::Protocol(format!("the database counts {count:?}")))
    }

    /// Requests that each replica of the demo's fleet has answered in the last `window`, by Prometheus.
    pub fn requests_per_replica(&self, window: Duration) -> Result<Vec<f64>> {
        self.demo().requests_per_replica(window)
    }

    /// What Prometheus knows of the demo fleet's demand now, by the series that the operator reads.
    pub fn demand(&self) -> Result<Demand> {
        self.demo().demand()
    }

    /// The rows that Prometheus answers to an instant query with.
    pub fn query(&self, query: &str) -> Result<Vec<Value>> {
        let promtool = self.cluster.programs().path("promtool");
        let instant = ["query", "instant", "--format=json"];
        let answer =
            Call::new(promtool).args(instant).args([&self.prometheus_url(), query]).text()?;
        serde_json::from_str(&answer).because(|| format!("read the JSON {answer:?}"))
    }
}

/// The demand on a fleet; a value that is not there, or not a number, is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demand {
    /// Requests per second over a minute.
    pub rps: Option<f64>,
    /// The 95th percentile of latency over a minute.
    pub p95_ms: Option<f64>,
}

/// A row's value; NaN is none.
fn value_of(row: &Value) -> Option<f64> {
    let value: f64 = row.pointer("/value/1")?.as_str()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// A stack whose addresses are not known yet.
struct Unserved {
    cluster: Cluster,
    workspace: PathBuf,
}

impl Unserved {
    fn install_operator(&self) -> Result<()> {
        let chart = chart(&self.workspace);
        let values = format!("--values={chart}/ci/demo-operator.yaml");
        let install = ["install", OPERATOR_RELEASE, &chart, "--namespace", SYSTEM];
        self.cluster.helm(&[&install[..], &[INSTALL_TIMEOUT, &values]].concat()).map(drop)
    }

    fn install_fleet(&self, settings: &[Setting]) -> Result<()> {
        let release = ["install", FLEET_RELEASE];
        let install = helm_arguments(&self.workspace, release, fleet::VALUES, settings);
        self.cluster.helm(&fleet::borrowed(&install)).map(drop)
    }

    fn serve(self, generator: PathBuf) -> Result<Stack> {
        let service = fleet::service_of(&self.cluster, FLEET)?;
        let prometheus =
            self.cluster.forward(&Place::ControlPlane, Cluster::prometheus_address())?;
        let front = self.cluster.forward(&Place::Node(LOAD_NODE.parse()?), service)?;
        let Self { cluster, workspace } = self;
        Ok(Stack { cluster, workspace, generator, service, prometheus, front })
    }
}

/// The arguments that install or upgrade a release of one fleet, with these settings on top of a values file of the chart.
fn helm_arguments(
    workspace: &Path,
    [verb, release]: [&str; 2],
    values: &str,
    settings: &[Setting],
) -> Vec<String> {
    let chart = chart(workspace);
    let values = format!("--values={chart}/{values}");
    let fixed =
        [verb, release, &chart, "--namespace", NAMESPACE, INSTALL_TIMEOUT, &values].map(Into::into);
    let set = settings.iter().map(|(key, value)| format!("--set-json=fleets[0].{key}={value}"));
    fixed.into_iter().chain(set).collect()
}

fn chart(workspace: &Path) -> String {
    workspace.join("charts/apifleet").display().to_string()
}

/// What the operator reads, and what people are told.
fn rules(workspace: &Path) -> [PathBuf; 2] {
    ["rules.yaml", "alerts.yaml"].map(|file| workspace.join("deploy/prometheus").join(file))
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).because(|| format!("read the JSON {text:?}"))
}

/// Namespaces that hold every pod to the strictest standard.
fn namespaces(names: &[&str]) -> String {
    let namespace = |name: &&str| {
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let metadata = json!({"name": name, "labels": labels});
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    };
    let items: Vec<_> = names.iter().map(namespace).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn database_secret(url: &str) -> String {
    let metadata = json!({"name": "shop-database", "namespace": NAMESPACE});
    let data = json!({"DATABASE_URL": url});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
        .to_string()
}

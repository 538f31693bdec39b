//! The whole of ApiFleet on a local cluster: images, MariaDB, Prometheus, the operator and a fleet, installed with Helm
//! as a user would. `up` and the end-to-end tests start from the same stack. It never scales anything itself.

use crate::cluster::Cluster;
use crate::error::{Because, Error, Result};
use crate::fleet::Watch;
use crate::load::{self, Running, Stream};
use crate::options::{Image, Name, Options};
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
/// Releases of the chart: the operator's and the fleet's.
const OPERATOR_RELEASE: &str = "apifleet";
const FLEET_RELEASE: &str = "shop";

/// What to start.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The cluster.
    pub options: Options,
    /// The checkout: its chart and its rules.
    pub workspace: PathBuf,
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

/// Builds the programs of the cluster and of the images, where they are not built yet.
pub fn build(workspace: &Path, progress: &dyn Progress) -> Result<Vec<Image>> {
    Programs::ensure(progress)?;
    crate::oha::ensure_oha(progress)?;
    progress.step("building the operator and the API server");
    Call::new("cargo")
        .args(["build", "--quiet", "--workspace", "--bins"])
        .directory(workspace)
        .deadline(BUILD_DEADLINE)
        .text()?;
    let beside = supervisor::program()?;
    let image = |name: &str, program: &str| Image {
        reference: format!("localhost/apifleet/{name}:dev"),
        program: beside.with_file_name(program),
    };
    Ok(vec![image("controller", "apifleet-controller"), image("api-server", "api-server")])
}

impl Plan {
    /// The demo: three nodes, and a fleet of 10 to 30 replicas.
    #[must_use]
    pub fn demo(name: Name, workspace: PathBuf, images: Vec<Image>) -> Self {
        Self { options: Options { name, images, ..Options::default() }, workspace }
    }
}

impl Stack {
    /// Starts everything and returns when the operator and the fleet are installed; their pods are still coming.
    pub fn up(plan: &Plan, progress: &dyn Progress) -> Result<Self> {
        let generator = crate::oha::ensure_oha(progress)?;
        let cluster = Cluster::up(plan.options.clone(), progress)?;
        progress.step("starting MariaDB and Prometheus");
        let database = cluster.start_mariadb(progress)?;
        cluster.start_prometheus(&rules(&plan.workspace))?;
        progress.step("installing the operator and the fleet");
        cluster.apply(&namespaces(&[SYSTEM, NAMESPACE]))?;
        cluster.apply(&database_secret(&database))?;
        let stack = Unserved { cluster, workspace: plan.workspace.clone() };
        stack.install(OPERATOR_RELEASE, SYSTEM, "ci/demo-operator.yaml")?;
        stack.install(FLEET_RELEASE, NAMESPACE, "ci/demo.yaml")?;
        stack.serve(generator)
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
        Watch::start(&self.cluster.kubeconfig(), NAMESPACE, FLEET)
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
        let chart = chart(&self.workspace);
        let values = format!("{chart}/ci/demo.yaml");
        let fixed = ["upgrade", FLEET_RELEASE, &chart, "--namespace", NAMESPACE, INSTALL_TIMEOUT];
        let values = ["--values", &values];
        let set: Vec<_> = set.iter().flat_map(|pair| ["--set", *pair]).collect();
        self.cluster.helm(&[&fixed[..], &values, &set].concat()).map(drop)
    }

    /// A part of the fleet's status, by JSON pointer; null where there is none.
    pub fn fleet_status(&self, pointer: &str) -> Result<Value> {
        let get = ["get", "apifleet", FLEET, "--namespace", NAMESPACE, "--output=json"];
        let fleet = parse(&self.kubectl(&get)?)?;
        let path = format!("/status{pointer}");
        Ok(fleet.pointer(&path).cloned().unwrap_or_default())
    }

    /// Ends Prometheus; its data stay.
    pub fn stop_prometheus(&self) -> Result<()> {
        self.cluster.stop_prometheus()
    }

    /// Starts Prometheus again.
    pub fn start_prometheus(&self) -> Result<()> {
        self.cluster.start_prometheus(&rules(&self.workspace))
    }

    /// Ends the leading operator's process at once, as a crash of it would.
    pub fn kill_operator(&self) -> Result<()> {
        let holder = ["get", "lease", LEASE, "--namespace", SYSTEM];
        let path = ["--output=jsonpath={.spec.holderIdentity}"];
        let leader = self.kubectl(&[&holder[..], &path].concat())?;
        // The holder is the pod's name and a mark of that process: a pod that starts again is another candidate.
        let pod = leader.split('_').next().unwrap_or_default();
        let uid = ["get", "pod", pod, "--namespace", SYSTEM];
        let uid = self.kubectl(&[&uid[..], &["--output=jsonpath={.metadata.uid}"]].concat())?;
        crate::pod::kill(uid.trim())
    }

    /// Claims in the database.
    pub fn stored_claims(&self) -> Result<u64> {
        let count = self.cluster.mariadb_scalar("SELECT COUNT(*) FROM claims")?;
        count.trim().parse().map_err(|_| Error::Protocol(format!("the database counts {count:?}")))
    }

    /// Requests that each replica has answered in the last `window`, by Prometheus.
    pub fn requests_per_replica(&self, window: Duration) -> Result<Vec<f64>> {
        let seconds = window.as_secs();
        let rows = self.query(&format!(
            "sum by (pod) (increase(http_requests_total{{{}}}[{seconds}s]))",
            selector()
        ))?;
        Ok(rows.iter().filter_map(value_of).collect())
    }

    /// What Prometheus knows of the fleet's demand now, by the series that the operator reads.
    pub fn demand(&self) -> Result<Demand> {
        const RATE: &str = "apifleet:requests:rate1m";
        const LATENCY: &str = "apifleet:latency_p95:rate1m";
        let names = format!("__name__=~\"{RATE}|{LATENCY}\"");
        let rows = self.query(&format!("{{{names},{}}}", selector()))?;
        let value = |name: &str| {
            let found = rows
                .iter()
                .find(|row| row.pointer("/metric/__name__").and_then(Value::as_str) == Some(name));
            found.and_then(value_of)
        };
        Ok(Demand { rps: value(RATE), p95_ms: value(LATENCY).map(|seconds| seconds * 1000.0) })
    }

    fn query(&self, query: &str) -> Result<Vec<Value>> {
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

fn selector() -> String {
    format!("namespace={NAMESPACE:?},fleet={FLEET:?}")
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
    fn install(&self, release: &str, namespace: &str, values: &str) -> Result<()> {
        let chart = chart(&self.workspace);
        let values = format!("{chart}/{values}");
        let install = ["install", release, &chart, "--namespace", namespace, INSTALL_TIMEOUT];
        self.cluster.helm(&[&install[..], &["--values", &values]].concat()).map(drop)
    }

    fn serve(self, generator: PathBuf) -> Result<Stack> {
        let get = ["get", "service", FLEET, "--namespace", NAMESPACE];
        let path = ["--output=jsonpath={.spec.clusterIP}:{.spec.ports[0].port}"];
        let address = self.cluster.kubectl(&[&get[..], &path].concat())?;
        let service = address
            .trim()
            .parse()
            .map_err(|_| Error::Protocol(format!("the Service's address is {address:?}")))?;
        let prometheus =
            self.cluster.forward(&Place::ControlPlane, Cluster::prometheus_address())?;
        let front = self.cluster.forward(&Place::Node(LOAD_NODE.parse()?), service)?;
        let Self { cluster, workspace } = self;
        Ok(Stack { cluster, workspace, generator, service, prometheus, front })
    }
}

fn chart(workspace: &Path) -> String {
    workspace.join("charts/apifleet").display().to_string()
}

fn rules(workspace: &Path) -> PathBuf {
    workspace.join("deploy/prometheus/rules.yaml")
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

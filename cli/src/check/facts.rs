//! What checks are judged by: everything that was read, as it was read, or why it was not. Plain values; nothing here
//! asks anybody. Made by [`super::collect`], read by [`super::judge`].

use super::amount::Amount;
use super::finding::Known;
use super::rights::Right;
use apifleet_crds::{ApiFleetSpec, Kind};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, ResourceQuota};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that was read.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The API server.
    pub server: Server,
    /// Which kinds of ours it serves, by their words in a manifest.
    pub served: Known<Vec<String>>,
    /// The revision of each definition that is installed; `None` where it is not.
    pub definitions: Vec<(Kind, Known<Option<u32>>)>,
    /// Before or after the operator was installed.
    pub stage: Stage,
    /// Whether Prometheus answers.
    pub prometheus: Prometheus,
    /// The nodes that take pods.
    pub nodes: Known<Vec<NodeFact>>,
    /// The fleets that are looked at.
    pub fleets: Vec<FleetFacts>,
}

/// What the API server says of itself.
#[derive(Debug, Clone)]
pub struct Server {
    /// As in `v1.37.2`.
    pub version: String,
    /// Its clock, to the second, when it answered; `None` where it does not say.
    pub clock: Option<Timestamp>,
    /// This machine's clock, when it was asked and when it had answered.
    pub asked: (Timestamp, Timestamp),
}

/// Before or after the operator was installed.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Before: what the caller may make and grant.
    Before(InstallRights),
    /// After.
    After(Box<Installed>),
}

/// What the caller may make and grant.
#[derive(Debug, Clone)]
pub struct InstallRights {
    /// What making the chart's objects takes.
    pub make: Vec<Answer>,
    /// What must be held to be granted.
    pub hold: Vec<Answer>,
    /// Whether the caller may grant what they do not hold.
    pub escalate: Answer,
}

/// Whether a right is given.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The right.
    pub right: Right,
    /// Whether it is given.
    pub allowed: Known<bool>,
}

/// The operator, and what it may.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Its Deployment; `None` where there is none.
    pub operator: Known<Option<Operator>>,
    /// Its lease; `None` where there is none.
    pub lease: Known<Option<Lease>>,
    /// What it must be allowed.
    pub needs: Known<Vec<Answer>>,
    /// What it must be allowed for spot nodes.
    pub spot: Known<Vec<Answer>>,
    /// What the caller should be allowed on call.
    pub on_call: Vec<Answer>,
    /// What the caller may be allowed besides.
    pub policies: Vec<Answer>,
}

/// The operator as its Deployment says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operator {
    /// Its namespace.
    pub namespace: String,
    /// Its Deployment.
    pub name: String,
    /// Copies that are wanted.
    pub replicas: i32,
    /// Copies that are Ready.
    pub ready: i32,
    /// The address at which it asks Prometheus.
    pub prometheus_url: Option<String>,
    /// How often it believes that pods are scraped, in seconds.
    pub scrape_interval: Option<u64>,
    /// Its lease.
    pub lease_name: String,
    /// The one namespace that it watches.
    pub watch_namespace: Option<String>,
    /// Its service account.
    pub account: String,
}

/// The operator's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: Option<String>,
    /// When they renewed it, by their clock.
    pub renewed: Option<Timestamp>,
    /// Now, by the API server's clock where it is known.
    pub now: Timestamp,
}

/// Whether Prometheus answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prometheus {
    /// It does; asked in this way.
    Answers(String),
    /// It does not: why.
    Fails(String),
    /// Nobody could ask it from here: why, and how one could.
    NotAsked(String),
}

/// A node that takes pods.
#[derive(Debug, Clone)]
pub struct NodeFact {
    /// The node.
    pub node: Node,
    /// What the pods on it have asked for.
    pub taken: Amount,
}

/// A fleet, and what is around it.
#[derive(Debug, Clone)]
pub struct FleetFacts {
    /// As namespace/name.
    pub name: String,
    /// Its spec, laid over its policy; or why it is not known.
    pub spec: Known<ApiFleetSpec>,
    /// What the operator says of another autoscaler, where it says so.
    pub conflict: Option<String>,
    /// Whether the operator has looked at it at all.
    pub reported: bool,
    /// What its namespace holds.
    pub around: Arc<Around>,
    /// What Prometheus says of it; `None` where it was not asked.
    pub signals: Option<Signals>,
}

/// What a namespace holds that concerns fleets.
#[derive(Debug, Clone)]
pub struct Around {
    /// Its Deployments, by name.
    pub deployments: Known<BTreeMap<String, Deployment>>,
    /// Its autoscalers.
    pub autoscalers: Known<Vec<Autoscaler>>,
    /// Its disruption budgets.
    pub budgets: Known<Vec<PodDisruptionBudget>>,
    /// Its quotas.
    pub quotas: Known<Vec<ResourceQuota>>,
}

/// Another autoscaler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autoscaler {
    /// Its kind, as in a manifest.
    pub kind: &'static str,
    /// The word for it in commands.
    pub resource: &'static str,
    /// Its name.
    pub name: String,
    /// The Deployment that it scales.
    pub target: String,
}

/// What Prometheus says of a fleet. `None` inside means no row.
#[derive(Debug, Clone, PartialEq)]
pub struct Signals {
    /// Requests per second.
    pub rate: Known<Option<f64>>,
    /// The age of the newest sample, in seconds.
    pub age: Known<Option<f64>>,
    /// Samples of the last minute, of the pod that has the most.
    pub samples: Known<Option<f64>>,
    /// The finite edges of the histogram of durations, in seconds; `None` where no latency is guarded.
    pub edges: Option<Known<Vec<f64>>>,
}

//! One fleet of a stack: the demo's, or one of a test's own under a fresh name, which goes when the test is over. It is
//! installed, changed and removed with Helm, as a user would; it never scales anything itself.

use super::{Demand, NAMESPACE, Stack, helm_arguments, parse, value_of};
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::fleet::Watch;
use crate::load::{Kind, Running, Stream};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// A key of the fleet's values, with dots (`spot.maxPercent`), and what it is set to.
pub type Setting = (String, Value);

/// The values that every fleet starts from.
pub(super) const VALUES: &str = "ci/demo.yaml";
/// Pods are given their grace period.
const REMOVE_TIMEOUT: &str = "--timeout=2m";
/// A Deployment stays until its pods are gone.
const FOREGROUND: &str = "--cascade=foreground";
/// The names of a fleet's Deployments after its own.
const DEPLOYMENTS: [&str; 4] = ["", "-spot", "-placeholder", "-spot-placeholder"];

/// A fleet that is installed.
pub struct Fleet<'a> {
    stack: &'a Stack,
    /// Its name.
    pub name: String,
    /// Its Service, as a node sees it.
    pub service: SocketAddr,
    release: String,
}

impl Stack {
    /// Installs a fleet like the demo's, but for these settings, under a name of its own. Returns at once: its pods are
    /// still coming.
    pub fn install_fleet(&self, name: &str, settings: &[Setting]) -> Result<Fleet<'_>> {
        let mut all = vec![("name".to_owned(), Value::from(name))];
        all.extend_from_slice(settings);
        let install = helm_arguments(&self.workspace, ["install", name], VALUES, &all);
        self.cluster.helm(&borrowed(&install))?;
        let service = service_of(&self.cluster, name)?;
        Ok(Fleet { stack: self, name: name.into(), service, release: name.into() })
    }

    /// The demo's fleet.
    #[must_use]
    pub fn demo(&self) -> Fleet<'_> {
        let (name, release) = (super::FLEET.into(), super::FLEET_RELEASE.into());
        Fleet { stack: self, name, service: self.service, release }
    }
}

impl Fleet<'_> {
    /// Begins to follow it.
    pub fn watch(&self) -> Result<Watch> {
        Watch::start(&self.stack.cluster.kubeconfig(), NAMESPACE, &self.name)
    }

    /// Starts a stream of load on it.
    pub fn load(
        &self,
        kind: Kind,
        rate: u32,
        connections: u32,
        lasts: Duration,
    ) -> Result<Running> {
        self.stack.load(Stream { kind, service: self.service, rate, connections, lasts })
    }

    /// A part of its status, by JSON pointer; null where there is none.
    pub fn status(&self, pointer: &str) -> Result<Value> {
        let get = ["get", "apifleet", &self.name, "--namespace", NAMESPACE, "--output=json"];
        let fleet = parse(&self.stack.kubectl(&get)?)?;
        Ok(fleet.pointer(&format!("/status{pointer}")).cloned().unwrap_or_default())
    }

    /// Upgrades its release: as it was installed at first, but for these settings.
    pub fn upgrade(&self, settings: &[Setting]) -> Result<()> {
        let mut all = vec![("name".to_owned(), Value::from(self.name.as_str()))];
        all.extend_from_slice(settings);
        let upgrade = ["upgrade", &self.release];
        let arguments = helm_arguments(&self.stack.workspace, upgrade, VALUES, &all);
        self.stack.cluster.helm(&borrowed(&arguments)).map(drop)
    }

    /// Removes it, and returns when its pods are gone. Helm's own wait now and then gives up on a Deployment that is still
    /// going, so it is kubectl that waits.
    pub fn remove(self) -> Result<()> {
        let cluster = &self.stack.cluster;
        let uninstall = ["uninstall", &self.release, "--namespace", NAMESPACE];
        cluster.helm(&[&uninstall[..], &[FOREGROUND]].concat())?;
        let names = DEPLOYMENTS.map(|suffix| format!("{}{suffix}", self.name));
        let going = names.iter().map(String::as_str);
        let delete: Vec<_> = ["delete", "deployment", "--namespace", NAMESPACE]
            .into_iter()
            .chain(going)
            .chain(["--ignore-not-found", FOREGROUND, REMOVE_TIMEOUT])
            .collect();
        cluster.kubectl(&delete).map(drop)
    }

    /// What Prometheus knows of its demand now, by the series that the operator reads.
    pub fn demand(&self) -> Result<Demand> {
        const RATE: &str = "apifleet:requests:rate1m";
        const LATENCY: &str = "apifleet:latency_p95:rate1m";
        let names = format!("__name__=~\"{RATE}|{LATENCY}\"");
        let rows = self.stack.query(&format!("{{{names},{}}}", self.selector()))?;
        let value = |name: &str| {
            let found = rows
                .iter()
                .find(|row| row.pointer("/metric/__name__").and_then(Value::as_str) == Some(name));
            found.and_then(value_of)
        };
        Ok(Demand { rps: value(RATE), p95_ms: value(LATENCY).map(|seconds| seconds * 1000.0) })
    }

    /// Requests that each of its replicas has answered in the last `window`, by Prometheus.
    pub fn requests_per_replica(&self, window: Duration) -> Result<Vec<f64>> {
        let (selector, seconds) = (self.selector(), window.as_secs());
        let rows = self.stack.query(&format!(
            "sum by (pod) (increase(http_requests_total{{{selector}}}[{seconds}s]))"
        ))?;
        Ok(rows.iter().filter_map(value_of).collect())
    }

    fn selector(&self) -> String {
        format!("namespace={NAMESPACE:?},fleet={:?}", self.name)
    }
}

/// The address of a fleet's Service, as a node sees it.
pub(super) fn service_of(cluster: &Cluster, name: &str) -> Result<SocketAddr> {
    let get = ["get", "service", name, "--namespace", NAMESPACE];
    let path = ["--output=jsonpath={.spec.clusterIP}:{.spec.ports[0].port}"];
    let address = cluster.kubectl(&[&get[..], &path].concat())?;
    let refused = |_| Error::Protocol(format!("the Service's address is {address:?}"));
    address.trim().parse().map_err(refused)
}

pub(super) fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

//! The copies of the operator of a stack: which of them leads, how many run, and what can happen to a process. For tests of
//! what comes after; nothing here writes to a fleet.

use super::{LEASE, SYSTEM, Stack};
use crate::error::{Because, Error, Result};
use crate::{pod, probe, supervisor};
use std::path::PathBuf;
use std::time::Duration;

pub use crate::pod::Blow;

/// The operator's Deployment, its service account and the name of its pods.
const OPERATOR: &str = "apifleet-controller";
/// Its pods' own mark.
const PODS: &str = "--selector=app.kubernetes.io/name=apifleet-controller";
/// Pods are started, or given their grace period.
const SETTLED: Duration = Duration::from_mins(1);
/// Longer than any test.
const TOKEN_LASTS: &str = "--duration=2h";

impl Stack {
    /// The pod whose process holds the lease; empty where none does.
    pub fn leader(&self) -> Result<String> {
        let holder = self.lease("{.spec.holderIdentity}")?;
        // The holder is the pod's name and a mark of that process: a pod that starts again is another candidate.
        Ok(holder.split('_').next().unwrap_or_default().to_owned())
    }

    /// What the operator's lease says, by a `JSONPath`.
    pub fn lease(&self, path: &str) -> Result<String> {
        let path = format!("--output=jsonpath={path}");
        self.kubectl(&["get", "lease", LEASE, "--namespace", SYSTEM, &path])
    }

    /// Lets something happen to the operator's process in a pod.
    pub fn strike(&self, pod: &str, blow: Blow) -> Result<()> {
        let uid = ["get", "pod", pod, "--namespace", SYSTEM];
        let uid = self.kubectl(&[&uid[..], &["--output=jsonpath={.metadata.uid}"]].concat())?;
        pod::strike(uid.trim(), blow)
    }

    /// Ends the leading operator's process at once, as a crash of it would.
    pub fn kill_operator(&self) -> Result<()> {
        self.strike(&self.leader()?, Blow::Kill)
    }

    /// Has so many copies of the operator run in the cluster; returns when they are Ready and no other is there.
    pub fn run_operators(&self, copies: usize) -> Result<()> {
        let deployment = format!("deployment/{OPERATOR}");
        let replicas = format!("--replicas={copies}");
        self.kubectl(&["scale", &deployment, &replicas, "--namespace", SYSTEM])?;
        let ready = r#"--output=jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#;
        probe::until("the operator's copies", SETTLED, || {
            let pods = self.kubectl(&["get", "pods", PODS, "--namespace", SYSTEM, ready])?;
            let pods: Vec<&str> = pods.lines().filter(|line| !line.trim().is_empty()).collect();
            Ok(pods.len() == copies && pods.iter().all(|ready| *ready == "True"))
        })
    }

    /// A token of the operator's service account, by which a copy outside the cluster has the same rights.
    pub fn operator_token(&self) -> Result<String> {
        let create = ["create", "token", OPERATOR, TOKEN_LASTS, "--namespace", SYSTEM];
        Ok(self.kubectl(&create)?.trim().to_owned())
    }

    /// The operator's program, as its image has it.
    pub fn operator_program() -> Result<PathBuf> {
        let program = supervisor::program()?.with_file_name(OPERATOR);
        if program.is_file() {
            return Ok(program);
        }
        Err(Error::Missing {
            program: program.display().to_string(),
            install: "build it: `cargo build --workspace --bins`".into(),
        })
    }

    /// The certificate and the key by which the API server shows that it is the one, as PEM: whoever stands before it for
    /// clients on this machine is trusted by them as it is.
    pub fn api_server_identity(&self) -> Result<[String; 2]> {
        let read = |name: &str| {
            let path = self.cluster.state().pki(name);
            std::fs::read_to_string(&path).because(|| format!("read {}", path.display()))
        };
        Ok([read("apiserver.crt")?, read("apiserver.key")?])
    }
}

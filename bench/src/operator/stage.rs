//! The cluster that is measured, made ready for fleets: a real etcd and API server with nobody in it who acts, the
//! product's definitions, and the operator's identity. Everything written is in one folder that goes with it.

use super::monitoring::ApiServer;
use super::objects::{self, OPERATOR};
use super::scale::SYSTEM;
use crate::{Error, Result};
use apifleet_local::Cluster;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Longer than any measurement.
const TOKEN_LIFE: &str = "--duration=8h";

/// A cluster that is ready.
pub(crate) struct Stage {
    /// The administrator's kubeconfig.
    pub(crate) administrator: PathBuf,
    /// The operator's kubeconfig.
    pub(crate) operator: PathBuf,
    /// The API server, as it is scraped.
    pub(crate) api_server: ApiServer,
    /// The real program.
    pub(crate) prometheus: PathBuf,
    folder: TempDir,
}

impl Stage {
    /// Makes a cluster ready that has just come up.
    pub(crate) fn prepare(cluster: &Cluster, workspace: &Path) -> Result<Self> {
        // Before the first Deployment: nobody but the bench may say what becomes of one.
        cluster.stop_controllers()?;
        let definitions = workspace.join("crds/yaml").display().to_string();
        cluster.kubectl(&["apply", "--server-side", "--filename", &definitions])?;
        cluster.kubectl(&[
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=60s",
        ])?;
        cluster.apply(&objects::first().to_string())?;
        let token = ["create", "token", OPERATOR, "--namespace", SYSTEM, TOKEN_LIFE];
        let token = cluster.kubectl(&token)?;
        let folder = tempfile::Builder::new().prefix("apifleet-bench-").tempdir();
        let folder = folder.map_err(|source| Error::File {
            what: "make a folder in",
            file: std::env::temp_dir(),
            source,
        })?;
        let write = |name: &str, content: &[u8]| write(&folder.path().join(name), content);
        let token = write("token", token.trim().as_bytes())?;
        let (administrator, programs) = (cluster.kubeconfig(), cluster.programs());
        let text = std::fs::read_to_string(&administrator).map_err(|source| Error::File {
            what: "read",
            file: administrator.clone(),
            source,
        })?;
        let Access { kubeconfig, address, authority } = Access::of(&text, &token)?;
        Ok(Self {
            operator: write("kubeconfig", kubeconfig.as_bytes())?,
            api_server: ApiServer { address, authority: write("ca.crt", &authority)?, token },
            prometheus: programs.path("prometheus"),
            administrator,
            folder,
        })
    }

    /// Where everything is kept that goes with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn write(file: &Path, content: &[u8]) -> Result<PathBuf> {
    std::fs::write(file, content).map_err(|source| Error::File {
        what: "write",
        file: file.to_owned(),
        source,
    })?;
    Ok(file.to_owned())
}

/// The way to the API server for whoever holds a token.
struct Access {
    kubeconfig: String,
    address: String,
    authority: Vec<u8>,
}

impl Access {
    /// The administrator's way, with a token in the place of the administrator's certificate.
    fn of(administrator: &str, token: &Path) -> Result<Self> {
        let unreadable = |problem: &str| Error::Unreadable {
            what: "the cluster's kubeconfig",
            problem: problem.to_owned(),
        };
        let mut config: Value = serde_json::from_str(administrator)
            .map_err(|problem| unreadable(&problem.to_string()))?;
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
        let address = text("/clusters/0/cluster/server")
            .and_then(|server| server.strip_prefix("https://"))
            .ok_or_else(|| unreadable("it names no server"))?
            .to_owned();
        let authority = text("/clusters/0/cluster/certificate-authority-data")
            .and_then(|data| STANDARD.decode(data).ok())
            .ok_or_else(|| unreadable("it holds no authority"))?;
        let user = config.pointer_mut("/users/0/user");
        *user.ok_or_else(|| unreadable("it has no user"))? = json!({"tokenFile": token});
        Ok(Self { kubeconfig: config.to_string(), address, authority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn administrator() -> Value {
        json!({
            "clusters": [{"name": "c", "cluster": {
                "server": "https://127.0.0.1:6443",
                "certificate-authority-data": STANDARD.encode("CA"),
            }}],
            "users": [{"name": "u", "user": {"client-key-data": "KEY"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        })
    }

    #[test]
    fn the_operator_comes_in_with_a_token_and_never_with_the_administrators_key() {
        let text = administrator().to_string();
        let access = Access::of(&text, Path::new("/token")).expect("readable");
        assert_eq!(
            (access.address.as_str(), access.authority.as_slice()),
            ("127.0.0.1:6443", &b"CA"[..])
        );
        assert!(!access.kubeconfig.contains("KEY"));
        let config: Value = serde_json::from_str(&access.kubeconfig).expect("JSON");
        assert_eq!(config["users"][0]["user"], json!({"tokenFile": "/token"}));
        assert_eq!(config["current-context"], "c");
    }

    #[test]
    fn a_kubeconfig_that_leads_nowhere_is_refused() {
        for (pointer, problem) in [
            ("/clusters/0/cluster/server", "no server"),
            ("/clusters/0/cluster/certificate-authority-data", "no authority"),
        ] {
            let mut config = administrator();
            *config.pointer_mut(pointer).expect("there") = Value::Null;
            let refused = Access::of(&config.to_string(), Path::new("/token"));
            let message = refused.err().expect("refused").to_string();
            assert!(message.contains(problem), "{message}");
        }
        assert!(Access::of("no JSON", Path::new("/token")).is_err());
    }
}

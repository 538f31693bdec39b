//! Finds the API server: in the named kubeconfig, in `$KUBECONFIG`, in `~/.kube/config`, or in the pod's service
//! account, in this order, as `kubectl` does.

use super::Problem;
use crate::near::nearest;
use crate::settings::Access;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use std::time::Duration;

/// How the API server is reached, with every timeout set.
pub(super) async fn load(access: &Access) -> Result<Config, Problem> {
    let mut config = match read(access) {
        Ok(kubeconfig) => of_kubeconfig(kubeconfig, access).await?,
        Err(problem) => in_cluster(access).ok_or(problem)?,
    };
    config.default_retry = false;
    config.connect_timeout = Some(access.deadline);
    config.write_timeout = Some(access.deadline);
    // Longer than a quiet watch stays open, so that only a dead connection meets it.
    config.read_timeout = Some(Duration::from_secs(u64::from(super::WATCH_SECONDS) + 10));
    Ok(config)
}

fn read(access: &Access) -> Result<Kubeconfig, Problem> {
    let read = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    read.map_err(|error| match error {
        KubeconfigError::ReadConfig(source, path)
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Problem::NoKubeconfig { looked: path.display().to_string() }
        }
        KubeconfigError::FindPath => Problem::NoKubeconfig { looked: "~/.kube/config".to_owned() },
        other => Problem::BadKubeconfig { reason: other.to_string() },
    })
}

async fn of_kubeconfig(kubeconfig: Kubeconfig, access: &Access) -> Result<Config, Problem> {
    let contexts: Vec<String> =
        kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let options =
        KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| match error {
        KubeconfigError::LoadContext(context) => {
            let near = nearest(&context, contexts.iter().map(String::as_str));
            Problem::NoSuchContext { context, near }
        }
        KubeconfigError::CurrentContextNotSet => Problem::NoContext { known: contexts },
        other => Problem::BadKubeconfig { reason: other.to_string() },
    })
}

/// Inside a pod there is no kubeconfig; what was named explicitly must be there.
fn in_cluster(access: &Access) -> Option<Config> {
    let named = access.kubeconfig.is_some() || access.context.is_some();
    if named { None } else { Config::incluster().ok() }
}

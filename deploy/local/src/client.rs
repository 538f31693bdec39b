//! A client of a cluster's API server, for threads that follow what happens there. Each has a runtime of its own.

use crate::error::{Because, Error, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::Path;
use tokio::runtime::{Builder, Runtime};

/// The file's content, so that one that is unreadable is told to the caller and not in a thread.
pub(crate) fn read(kubeconfig: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(kubeconfig)
        .map_err(|error| Error::Refused(format!("cannot read the kubeconfig: {error}")))
}

/// A client with the credentials of a kubeconfig.
pub(crate) async fn connect(kubeconfig: Kubeconfig) -> Result<Client, kube::Error> {
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let config = config.map_err(|error| kube::Error::Service(Box::new(error)))?;
    Client::try_from(config)
}

/// What runs the client on the calling thread.
pub(crate) fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().because(|| "start a runtime".into())
}

//! Calls to the measured cluster's API server, as its administrator, who is never made to wait for others. Each has a
//! deadline and none is tried again.

use super::objects;
use super::scale::{self, NAMESPACE, Scale};
use crate::{Error, Result};
use apifleet_local::progress::{Event, Progress};
use futures::stream::{self, TryStreamExt as _};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::{Client, Config};
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// No call takes longer.
const DEADLINE: Duration = Duration::from_secs(15);
/// Fleets that are created at once.
const AT_ONCE: usize = 32;
/// Progress is told after so many.
const TOLD_EVERY: u64 = 100;

/// A kind of object, by where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Fleet,
    Deployment,
    Pod,
}

impl Kind {
    /// Its objects in the namespace of the fleets.
    fn request(self) -> Request {
        let (group, plural) = match self {
            Self::Fleet => ("apis/apifleet.dev/v1alpha1", "apifleets"),
            Self::Deployment => ("apis/apps/v1", "deployments"),
            Self::Pod => ("api/v1", "pods"),
        };
        Request::new(format!("/{group}/namespaces/{NAMESPACE}/{plural}"))
    }
}

/// A client of whom the kubeconfig names.
pub(crate) async fn connect(kubeconfig: &Path) -> Result<Client> {
    let failed = |problem: String| Error::Api { what: "connect", problem };
    let kubeconfig =
        Kubeconfig::read_from(kubeconfig).map_err(|error| failed(error.to_string()))?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| failed(error.to_string()))?;
    config.default_retry = false;
    config.connect_timeout = Some(DEADLINE);
    Client::try_from(config).map_err(|error| failed(error.to_string()))
}

/// Creates the fleets with their Deployments and pods, as if they had been there for long.
pub(crate) async fn populate(client: &Client, scale: Scale, progress: &dyn Progress) -> Result<()> {
    let created = AtomicU64::new(0);
    let (created, total) = (&created, u64::from(scale.fleets));
    stream::iter((0..scale.fleets).map(Ok))
        .try_for_each_concurrent(AT_ONCE, |index| async move {
            create(client, &scale::fleet(index), scale.pods).await?;
            let done = created.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(TOLD_EVERY) {
                progress.report(Event::Count { what: "fleets created".into(), done, total });
            }
            Ok(())
        })
        .await
}

/// The fleet itself comes last: whoever sees it sees all of it.
async fn create(client: &Client, name: &str, pods: u32) -> Result<()> {
    post(client, Kind::Deployment, &objects::deployment(name, pods)).await?;
    for index in 0..pods {
        let pod = scale::pod(name, index);
        post(client, Kind::Pod, &objects::pod(name, &pod)).await?;
        patch_status(client, Kind::Pod, &pod, &objects::pod_status(Timestamp::now())).await?;
    }
    patch_status(client, Kind::Deployment, name, &objects::deployment_status(pods)).await?;
    post(client, Kind::Fleet, &objects::fleet(name, pods)).await
}

async fn post(client: &Client, kind: Kind, object: &Value) -> Result<()> {
    let body = serde_json::to_vec(object)?;
    send(client, "create an object", kind.request().create(&PostParams::default(), body)).await
}

async fn patch_status(client: &Client, kind: Kind, name: &str, status: &Value) -> Result<()> {
    let (params, patch) = (PatchParams::default(), Patch::Merge(status));
    let request = kind.request().patch_subresource("status", name, &params, &patch);
    send(client, "write a status", request).await
}

/// Changes a part of an object.
pub(crate) async fn patch(client: &Client, kind: Kind, name: &str, change: &Value) -> Result<()> {
    let (params, patch) = (PatchParams::default(), Patch::Merge(change));
    send(client, "change an object", kind.request().patch(name, &params, &patch)).await
}

/// What comes back is not looked at, but for whether it is a refusal.
async fn send(
    client: &Client,
    what: &'static str,
    request: std::result::Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<()> {
    let failed = |problem: String| Error::Api { what, problem };
    let request = request.map_err(|error| failed(error.to_string()))?;
    match tokio::time::timeout(DEADLINE, client.request_text(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", DEADLINE.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_asked_for_where_it_is_served() {
        let path = |kind: Kind| kind.request().url_path;
        assert_eq!(path(Kind::Fleet), "/apis/apifleet.dev/v1alpha1/namespaces/bench/apifleets");
        assert_eq!(path(Kind::Deployment), "/apis/apps/v1/namespaces/bench/deployments");
        assert_eq!(path(Kind::Pod), "/api/v1/namespaces/bench/pods");
    }
}

//! Puts the parts together and takes them apart again: connects, checks that the cluster knows fleets, starts the
//! caches, the election, the health server and the loop, and stops in the order that leaves no second writer.
//!
//! Called by `main`.

use crate::cli::Settings;
use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::health::{self, Health};
use crate::kubernetes::Kubernetes;
use crate::lease::Candidate;
use crate::metrics::Metrics;
use crate::observe::prometheus::Prometheus;
use crate::reconcile::Context;
use anyhow::{Context as _, bail};
use kube::core::GroupVersionKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

/// How often, and how many times, it is asked whether the cluster knows fleets before the program gives up.
const CRD_EVERY: Duration = Duration::from_secs(2);
const CRD_TRIES: u32 = 15;
/// The lease is handed back within this time, or not at all.
const RELEASE: Duration = Duration::from_secs(4);

/// Runs the operator until it is told to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::default());
    let health = Arc::new(Health::default());
    let listener = TcpListener::bind(settings.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another --listen", settings.listen)
    })?;
    let server = tokio::spawn(health::serve(listener, Arc::clone(&health), Arc::clone(&metrics)));
    let kubernetes = Kubernetes::connect(Arc::clone(&metrics)).await?;
    let prometheus = Prometheus::new(&settings.prometheus_url, Arc::clone(&metrics))?;
    let stop = stop_signal()?;
    await_crd(&kubernetes, &health).await?;

    let wake = Arc::new(Notify::new());
    let cluster = Arc::new(Cluster::new(&wake));
    let filling = tokio::spawn({
        let (cluster, kubernetes) = (Arc::clone(&cluster), kubernetes.clone());
        let namespace = settings.watch_namespace.clone();
        async move { Box::pin(cluster.fill(&kubernetes, namespace.as_deref())).await }
    });
    let lease_namespace = settings
        .pod_namespace
        .clone()
        .unwrap_or_else(|| kubernetes.client().default_namespace().to_owned());
    let (candidate, leadership) = Candidate::new(
        kubernetes.clone(),
        lease_namespace,
        settings.lease_name.clone(),
        &settings.pod_name,
    );
    let (resign, resigned) = watch::channel(false);
    let election = tokio::spawn(candidate.run(told(resigned)));
    let context = Context {
        kubernetes,
        cluster,
        leadership,
        metrics,
        scrape_interval: settings.scrape_interval,
        instance: settings.pod_name,
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "the operator runs");
    Engine { context, prometheus, namespace: settings.watch_namespace, health, wake }
        .run(told(stop))
        .await;

    // First the writers stop, then the lease is handed back, then all else.
    resign.send_replace(true);
    let _ = tokio::time::timeout(RELEASE, election).await;
    filling.abort();
    server.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Becomes true on SIGTERM or SIGINT.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        sender.send_replace(true);
    });
    Ok(receiver)
}

async fn told(mut receiver: watch::Receiver<bool>) {
    // A sender that is gone will never tell; that, too, means stop.
    let _ = receiver.wait_for(|told| *told).await;
}

/// Waits a while for the kind `ApiFleet`, then says what is missing.
async fn await_crd(kubernetes: &Kubernetes, health: &Health) -> anyhow::Result<()> {
    let kind = GroupVersionKind::gvk("apifleet.dev", "v1alpha1", "ApiFleet");
    for _ in 0..CRD_TRIES {
        health.tick();
        match kubernetes.serves(&kind).await {
            Ok(true) => return Ok(()),
            Ok(false) => {
                tracing::warn!("the cluster does not know ApiFleet (apifleet.dev/v1alpha1) yet")
            }
            Err(error) => {
                tracing::warn!(%error, "cannot ask the cluster for the kinds that it knows")
            }
        }
        tokio::time::sleep(CRD_EVERY).await;
    }
    bail!(
        "the cluster does not serve ApiFleet in apifleet.dev/v1alpha1, or does not answer; install the definition: \
         kubectl apply --server-side -f crds/yaml/apifleets.yaml"
    )
}

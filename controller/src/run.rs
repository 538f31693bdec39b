//! Puts the parts together and takes them apart again: connects, waits for definitions that will do, starts the
//! caches, the election, the health server and the loop, and stops in the order that leaves no second writer.
//!
//! Called by `main`.

use crate::cli::Settings;
use crate::cluster::Cluster;
use crate::definitions;
use crate::engine::Engine;
use crate::health::{self, Health};
use crate::kubernetes::Kubernetes;
use crate::lease::{Candidate, Leadership};
use crate::metrics::Metrics;
use crate::observe::prometheus::Prometheus;
use crate::reconcile::Context;
use crate::records;
use anyhow::{Context as _, bail};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// The lease is handed back within this time, or not at all.
const RELEASE: Duration = Duration::from_secs(4);

/// Runs the operator until it is told to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::default());
    let health = Arc::new(Health::default());
    let listener = TcpListener::bind(settings.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another --listen", settings.listen)
    })?;
    let vital = Vital::listening()?;
    let server = vital.spawn(health::serve(listener, Arc::clone(&health), Arc::clone(&metrics)));
    let kubernetes = Kubernetes::connect(Arc::clone(&metrics)).await?;
    let prometheus = Prometheus::new(&settings.prometheus_url, Arc::clone(&metrics))?;
    tokio::select! {
        () = definitions::await_good(&kubernetes, &health) => {}
        () = vital.ends() => return vital.verdict(),
    }
    let wake = Arc::new(Notify::new());
    let cluster = Arc::new(Cluster::new(&wake));
    let filling = vital.spawn(fill(&cluster, &kubernetes, settings.watch_namespace.clone()));
    let (resign, resigned) = watch::channel(false);
    let (candidate, leadership) = candidate(&kubernetes, &settings);
    let election = vital.spawn(candidate.run(async move { wait_for(resigned).await }));
    let removing =
        records::keep_removing(kubernetes.clone(), leadership.clone(), Arc::clone(&cluster));
    let removing = vital.spawn(removing);
    let context = Context {
        kubernetes,
        cluster,
        leadership,
        metrics,
        scrape_interval: settings.scrape_interval,
        instance: settings.pod_name,
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "the operator runs");
    let engine = Engine { context, prometheus, namespace: settings.watch_namespace, health, wake };
    engine.run(vital.ends()).await;

    // First the writers stop, then the lease is handed back, then all else.
    let verdict = vital.verdict();
    removing.abort();
    resign.send_replace(true);
    let _ = tokio::time::timeout(RELEASE, election).await;
    filling.abort();
    server.abort();
    tracing::info!("stopped");
    verdict
}

fn candidate(kubernetes: &Kubernetes, settings: &Settings) -> (Candidate, Leadership) {
    let namespace = settings.pod_namespace.clone();
    let namespace = namespace.unwrap_or_else(|| kubernetes.client().default_namespace().to_owned());
    Candidate::new(kubernetes.clone(), namespace, settings.lease_name.clone(), &settings.pod_name)
}

fn fill(
    cluster: &Arc<Cluster>,
    kubernetes: &Kubernetes,
    namespace: Option<String>,
) -> impl Future<Output = ()> + Send + 'static {
    let (cluster, kubernetes) = (Arc::clone(cluster), kubernetes.clone());
    async move { Box::pin(cluster.fill(&kubernetes, namespace.as_deref())).await }
}

/// What the process cannot live without. When one of it ends, the process does: a copy that could never lead again,
/// or whose caches stand still, must be started anew, not kept.
struct Vital(watch::Sender<Ending>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotYet,
    Told,
    Broken,
}

/// Notes the end of a task, by whatever way it ends.
struct OnEnd(watch::Sender<Ending>);

impl Drop for OnEnd {
    fn drop(&mut self) {
        self.0.send_if_modified(|ending| {
            let first = *ending == Ending::NotYet;
            if first {
                *ending = Ending::Broken;
            }
            first
        });
    }
}

impl Vital {
    /// Ends on SIGTERM or SIGINT, too.
    fn listening() -> anyhow::Result<Self> {
        let sender = watch::Sender::new(Ending::NotYet);
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let told = sender.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("told to stop");
            told.send_replace(Ending::Told);
        });
        Ok(Self(sender))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let on_end = OnEnd(self.0.clone());
        tokio::spawn(async move {
            let _on_end = on_end;
            task.await;
        })
    }

    /// Ready when it is time to end.
    fn ends(&self) -> impl Future<Output = ()> + use<> {
        let mut receiver = self.0.subscribe();
        async move {
            // A sender that is gone will never tell; that, too, means to end.
            let _ = receiver.wait_for(|ending| *ending != Ending::NotYet).await;
        }
    }

    fn verdict(&self) -> anyhow::Result<()> {
        if *self.0.borrow() == Ending::Broken {
            bail!("a part of the operator ended by itself; the lines above say which");
        }
        Ok(())
    }
}

async fn wait_for(mut receiver: watch::Receiver<bool>) {
    let _ = receiver.wait_for(|told| *told).await;
}

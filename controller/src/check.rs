//! Whether an operator with these settings, these rights and this network could do its work: what `helm test` runs, in a
//! pod of its own. It asks the cluster for the definitions, Prometheus for an answer, and looks whether a copy of the
//! operator leads. It writes nothing and decides nothing. Needs a client. Called by `main` for `--check`.

use crate::cli::Settings;
use crate::definitions;
use crate::kubernetes::{CallError, Kubernetes};
use crate::metrics::Metrics;
use crate::observe::prometheus::Prometheus;
use anyhow::{Context as _, bail};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::Api;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A copy that leads renews the lease within this time; one that has just been installed leads within it.
const LEADS_WITHIN: Duration = Duration::from_mins(1);
/// Between two looks at the lease.
const EVERY: Duration = Duration::from_secs(1);

/// Checks, and logs what it finds; what is wrong ends it as an error.
pub async fn check(settings: Settings) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::default());
    let kubernetes = Kubernetes::connect(Arc::clone(&metrics)).await?;
    definitions::examine(&kubernetes).await?;
    tracing::info!("the definitions are good");
    let prometheus = Prometheus::new(&settings.prometheus_url, metrics)?;
    prometheus.query("vector(1)").await.context("ask Prometheus")?;
    tracing::info!("Prometheus answers");
    let namespace = settings.pod_namespace.as_deref();
    let namespace = namespace.unwrap_or_else(|| kubernetes.client().default_namespace());
    let holder = await_leader(&kubernetes, namespace, &settings.lease_name, LEADS_WITHIN).await?;
    tracing::info!(%holder, "a copy leads");
    Ok(())
}

/// Waits until the lease is renewed, and says by whom. A lease that only names somebody may be that of a copy which is
/// gone, and clocks of two machines are not compared.
pub async fn await_leader(
    kubernetes: &Kubernetes,
    namespace: &str,
    lease: &str,
    patience: Duration,
) -> anyhow::Result<String> {
    let end = Instant::now() + patience;
    let mut first: Option<Renewal> = None;
    while Instant::now() < end {
        let seen = renewal(kubernetes, namespace, lease).await?;
        if let (Some(before), Some(now)) = (&first, &seen)
            && before != now
        {
            return Ok(now.holder.clone());
        }
        first = first.or(seen);
        tokio::time::sleep(EVERY).await;
    }
    bail!(
        "no copy of the operator has renewed the lease {namespace}/{lease} for {} s; read their logs: kubectl logs -n \
         {namespace} -l app.kubernetes.io/name=apifleet-controller --prefix",
        patience.as_secs()
    )
}

/// The last renewal of a lease, and who made it.
#[derive(PartialEq, Eq)]
struct Renewal {
    holder: String,
    at: Option<MicroTime>,
}

/// What the lease says; `None` where nobody holds it.
async fn renewal(
    kubernetes: &Kubernetes,
    namespace: &str,
    lease: &str,
) -> Result<Option<Renewal>, CallError> {
    let api = Api::<Lease>::namespaced(kubernetes.client().clone(), namespace);
    let spec = match kubernetes.call("read the lease", api.get(lease)).await {
        Ok(lease) => lease.spec.unwrap_or_default(),
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
    Ok(holder.map(|holder| Renewal { holder, at: spec.renew_time }))
}

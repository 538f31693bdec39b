//! The command line: [`Args`] is what was typed, [`Settings`] is what it means. Reads nothing but its arguments and
//! the environment variables that it names.
//!
//! Called by `main`, once.

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};
use std::net::SocketAddr;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// The ApiFleet operator: keeps the Deployments of every `ApiFleet` at the size that demand, policy and safety ask for.
#[derive(Debug, Parser)]
#[command(
    version,
    after_long_help = "It reads request rates, latency and errors from Prometheus, decides, and writes only \
`spec.replicas` of the named Deployments, through the `/scale` subresource. On missing or invalid data it holds or \
adds, and never removes replicas.\n\n\
Run two or more copies: one acts (it holds the Lease), the others keep their caches warm and take over.\n\n\
Examples:\n  \
apifleet-controller --prometheus-url http://prometheus.monitoring:9090\n  \
apifleet-controller --prometheus-url http://localhost:9090 --log-format text --watch-namespace shop\n\n\
It connects to the cluster of its service account or, outside a cluster, of KUBECONFIG.\n\
/livez, /readyz and /metrics are served at --listen. What the operator did and why: \
`kubectl get apifleets`, `kubectl describe apifleet NAME`."
)]
pub struct Args {
    /// Where Prometheus (or a compatible server) answers, such as `http://prometheus.monitoring:9090`
    #[arg(long, env = "PROMETHEUS_URL", hide_env_values = true, value_name = "URL")]
    pub prometheus_url: String,

    /// How often Prometheus scrapes the fleets' pods. A pod counts as "should have been scraped" two intervals and
    /// one window after it became Ready. Bursts are seen only with 5 seconds or less.
    #[arg(
        long,
        env = "SCRAPE_INTERVAL_SECONDS",
        value_name = "SECONDS",
        default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(1..=300)
    )]
    pub scrape_interval_seconds: u64,

    /// Address of /livez, /readyz and /metrics
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8081")]
    pub listen: SocketAddr,

    /// Manage the fleets of this namespace only; all namespaces when absent or empty
    #[arg(long, env = "WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub watch_namespace: Option<String>,

    /// Name of the Lease by which copies of the operator agree on the one that acts
    #[arg(long, env = "LEASE_NAME", value_name = "NAME", default_value = "apifleet-controller")]
    pub lease_name: String,

    /// Namespace of the Lease (set by the downward API); the kubeconfig's namespace when absent
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub pod_namespace: Option<String>,

    /// This copy's name in the Lease and in events (set by the downward API)
    #[arg(long, env = "POD_NAME", value_name = "NAME", default_value = "apifleet-controller")]
    pub pod_name: String,

    /// Only check that an operator with these settings could do its work and that a copy of it leads, say so, and end
    #[arg(long)]
    pub check: bool,

    /// How log lines are written; `RUST_LOG` says which (default: info)
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, for log stores.
    Json,
    /// One line of text, for people.
    Text,
}

/// What the command line means.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base URL of Prometheus; `http` or `https`.
    pub prometheus_url: String,
    /// How often the fleets' pods are scraped.
    pub scrape_interval: Duration,
    /// Address of the health and metrics server.
    pub listen: SocketAddr,
    /// The one namespace to manage, or all.
    pub watch_namespace: Option<String>,
    /// Name of the Lease.
    pub lease_name: String,
    /// Namespace of the Lease, where it was given.
    pub pod_namespace: Option<String>,
    /// This copy's name.
    pub pod_name: String,
    /// Whether to check and end, instead of running.
    pub check: bool,
    /// How log lines are written.
    pub log_format: LogFormat,
}

impl Args {
    /// Checks what clap cannot, and gives the words their meaning.
    pub fn settings(self) -> anyhow::Result<Settings> {
        // What was typed is not repeated: an address may carry a password.
        let url = reqwest::Url::parse(&self.prometheus_url).context(
            "--prometheus-url is not a URL; give one such as http://prometheus.monitoring:9090",
        )?;
        ensure!(
            matches!(url.scheme(), "http" | "https") && url.host().is_some(),
            "--prometheus-url must start with http:// or https:// and name a host"
        );
        Ok(Settings {
            prometheus_url: self.prometheus_url,
            scrape_interval: Duration::from_secs(self.scrape_interval_seconds),
            listen: self.listen,
            // An empty variable is how charts say "not set".
            watch_namespace: self.watch_namespace.filter(|namespace| !namespace.is_empty()),
            lease_name: self.lease_name,
            pod_namespace: self.pod_namespace.filter(|namespace| !namespace.is_empty()),
            pod_name: self.pod_name,
            check: self.check,
            log_format: self.log_format,
        })
    }
}

impl LogFormat {
    /// Installs the log writer of the process. A second call changes nothing.
    pub fn install(self) {
        let wanted = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
        let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter(&wanted)));
        // Failing means that a writer is installed already: there is nothing better to do than to keep it.
        let _ = match self {
            Self::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
            Self::Text => builder.try_init(),
        };
    }
}

/// Which lines are written. Unless it is asked for, what kube says of failures is not: each is logged once, with what
/// was being done, by the caller.
fn filter(wanted: &str) -> String {
    let wanted = if wanted.trim().is_empty() { "info" } else { wanted };
    if wanted.contains("kube") {
        return wanted.to_owned();
    }
    format!("{wanted},kube_client=error,kube_client::client::builder=off,kube_runtime=error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_logged_once_unless_more_is_asked_for() {
        assert!(filter("").starts_with("info,kube_client=error"));
        assert!(filter("debug").starts_with("debug,kube_client=error"));
        assert_eq!(filter("info,kube_client=debug"), "info,kube_client=debug");
    }

    fn settings(arguments: &[&str]) -> anyhow::Result<Settings> {
        let program = std::iter::once("apifleet-controller");
        Args::try_parse_from(program.chain(arguments.iter().copied()))?.settings()
    }

    #[test]
    fn the_address_of_prometheus_is_the_only_thing_that_must_be_given() {
        let settings = settings(&["--prometheus-url", "http://localhost:9090"]).unwrap();
        assert_eq!(settings.scrape_interval, Duration::from_secs(15));
        assert_eq!(settings.listen.port(), 8081);
        assert_eq!(settings.watch_namespace, None);
        assert_eq!(settings.lease_name, "apifleet-controller");
        assert!(!settings.check);
    }

    #[test]
    fn an_empty_namespace_means_all() {
        let settings =
            settings(&["--prometheus-url", "http://localhost:9090", "--watch-namespace", ""])
                .unwrap();
        assert_eq!(settings.watch_namespace, None);
    }

    #[test]
    fn addresses_that_cannot_be_asked_are_refused_with_an_example() {
        for address in
            ["prometheus:9090", "ftp://u:hunter2@host/", "not a url", "file:///etc/passwd"]
        {
            let error = settings(&["--prometheus-url", address]).unwrap_err();
            assert!(format!("{error:#}").contains("http://"), "{address}: {error:#}");
            assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
        }
    }

    #[test]
    fn a_scrape_interval_of_zero_is_refused() {
        let arguments = ["--prometheus-url", "http://p:9090", "--scrape-interval-seconds", "0"];
        assert!(settings(&arguments).is_err());
    }
}

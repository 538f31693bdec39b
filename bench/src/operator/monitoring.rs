//! A real Prometheus beside the operator: it scrapes the fleets' page, evaluates the product's own rules, and answers the
//! operator. It also scrapes the operator and the API server, as monitoring does everywhere, and what they counted is
//! read from it.

use super::process::{Process, Usage};
use super::scale::Scale;
use super::wait::until;
use crate::{Error, Result};
use prometheus_http_query::Client;
use prometheus_http_query::response::Data;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How often fleets are scraped: what the burst rule needs.
pub(crate) const FLEETS_EVERY: Duration = Duration::from_secs(5);
/// How often the operator and the API server are scraped. Divides every window that is looked at, so that both ends of
/// one are scrapes.
pub(crate) const PROGRAMS_EVERY: Duration = Duration::from_secs(15);
/// From its start until it answers.
const START: Duration = Duration::from_mins(1);
/// A query over all fleets takes a while.
const QUERY: Duration = Duration::from_secs(30);
/// A full window of samples, and as long again for a machine that is busy creating fleets.
const FULL_WINDOW: Duration = Duration::from_mins(4);
/// Samples in a window of a minute when nothing is missing, but for one scrape that came late.
const SAMPLES: u32 = 11;

/// What of the operator is looked at; its thousands of series of fleets are not kept.
const OPERATOR: &str = "apifleet_(round_duration_seconds|pass_duration_seconds|prometheus_queries|decisions|reconcile_errors).*";
/// What of the API server is looked at.
const API_SERVER: &str = "apiserver_request_total";

/// Where everything is that it scrapes.
#[derive(Debug)]
pub(crate) struct Targets {
    pub(crate) fleets: SocketAddr,
    pub(crate) operator: SocketAddr,
    pub(crate) api_server: ApiServer,
}

/// The API server, and what it takes to be let in.
#[derive(Debug, Clone)]
pub(crate) struct ApiServer {
    /// As `host:port`.
    pub(crate) address: String,
    /// The file with the certificate of its authority.
    pub(crate) authority: PathBuf,
    /// The file with a token.
    pub(crate) token: PathBuf,
}

/// Prometheus, while it runs.
pub(crate) struct Monitoring {
    process: Process,
    client: Client,
    pub(crate) url: String,
}

impl Monitoring {
    /// Starts it with these rules and its data in this folder, and waits until it answers.
    pub(crate) async fn start(
        program: &Path,
        rules: &Path,
        folder: &Path,
        targets: &Targets,
    ) -> Result<Self> {
        let address = free_address()?;
        let config = folder.join("prometheus.json");
        let text = format!("{:#}", configuration(rules, targets));
        std::fs::write(&config, text).map_err(|source| Error::File {
            what: "write",
            file: config.clone(),
            source,
        })?;
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).args([
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("prometheus").display()),
            format!("--web.listen-address={address}"),
            "--log.level=warn".into(),
        ]);
        let process = Process::start("prometheus", &mut command, &folder.join("prometheus.log"))?;
        let url = format!("http://{address}");
        let mut monitoring = Self { process, client: client(&url)?, url };
        until("Prometheus to answer", (Duration::from_millis(200), START), async || {
            monitoring.process.check()?;
            Ok(matches!(monitoring.client.is_server_ready().await, Ok(true)).then_some(()))
        })
        .await?;
        Ok(monitoring)
    }

    /// Waits until what the operator reads of every fleet stands on a full window.
    pub(crate) async fn wait_for(&mut self, scale: Scale) -> Result<()> {
        let all = format!("count(apifleet:samples:count1m >= {SAMPLES})");
        let what = format!("a full window of samples of {} fleets in Prometheus", scale.fleets);
        until(&what, (Duration::from_secs(1), FULL_WINDOW), async || {
            self.process.check()?;
            let fleets = self.value(&all).await?;
            Ok(fleets.is_some_and(|fleets| fleets >= f64::from(scale.fleets)).then_some(()))
        })
        .await
    }

    /// What it uses now.
    pub(crate) fn usage(&mut self) -> Result<Usage> {
        self.process.usage()
    }

    /// What counters have come to by now, summed over all that match.
    pub(crate) async fn total(&self, selector: &str) -> Result<f64> {
        Ok(self.value(&format!("sum({selector})")).await?.unwrap_or_default())
    }

    /// By how much counters grew over a window that ends now, summed over all that match. `None` where a scrape at one of
    /// its ends failed: then nobody knows.
    pub(crate) async fn grown(&self, selector: &str, window: Duration) -> Result<Option<f64>> {
        self.value(&grown(selector, window)).await
    }

    /// The value of a query's one row; `None` where it has none.
    async fn value(&self, query: &str) -> Result<Option<f64>> {
        let failed = |problem: String| Error::Api { what: "ask Prometheus", problem };
        let asked = tokio::time::timeout(QUERY, self.client.query(query).post()).await;
        let asked = asked.map_err(|_| failed(format!("no answer within {} s", QUERY.as_secs())))?;
        let answer = asked.map_err(|error| failed(error.to_string()))?;
        Ok(match answer.data() {
            Data::Vector(rows) => rows.first().map(|row| row.sample().value()),
            Data::Scalar(sample) => Some(sample.value()),
            Data::Matrix(_) => None,
        })
    }
}

/// Exact, unlike `increase`, which estimates what lies between the scrapes and the ends of the window. A counter that was
/// not there began with zero, where the scrape succeeded that would have shown it.
fn grown(selector: &str, window: Duration) -> String {
    let at = |ago: &str| {
        let both = format!("(sum(up{{job=~\"operator|apiserver\"}}{ago}) == 2)");
        format!("((sum({selector}{ago}) or vector(0)) and on() {both})")
    };
    format!("{} - {}", at(""), at(&format!(" offset {}s", window.as_secs())))
}

/// A port that is free now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let refused = |source| Error::File { what: "listen on", file: "127.0.0.1".into(), source };
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(refused)?;
    listener.local_addr().map_err(refused)
}

fn client(url: &str) -> Result<Client> {
    let failed = |problem: String| Error::Api { what: "ask Prometheus", problem };
    // No certificates are needed where there is no TLS, and none may be missed.
    let http = reqwest::Client::builder().tls_certs_only([]).build();
    let http = http.map_err(|error| failed(error.to_string()))?;
    Client::from(http, url).map_err(|error| failed(error.to_string()))
}

fn configuration(rules: &Path, targets: &Targets) -> Value {
    let Targets { fleets, operator, api_server } = targets;
    let seconds = |period: Duration| format!("{}s", period.as_secs());
    let at = |address: String| json!([{"targets": [address]}]);
    let keep =
        |names: &str| json!([{"action": "keep", "source_labels": ["__name__"], "regex": names}]);
    json!({
        "global": {
            "scrape_interval": seconds(PROGRAMS_EVERY),
            "scrape_timeout": "12s",
            "evaluation_interval": seconds(FLEETS_EVERY),
        },
        "rule_files": [rules],
        "scrape_configs": [
            {
                "job_name": "fleets",
                // The page says itself which fleet and pod each line is of.
                "honor_labels": true,
                "scrape_interval": seconds(FLEETS_EVERY),
                "scrape_timeout": "4s",
                "static_configs": at(fleets.to_string()),
            },
            {
                "job_name": "operator",
                "static_configs": at(operator.to_string()),
                "metric_relabel_configs": keep(OPERATOR),
            },
            {
                "job_name": "apiserver",
                "scheme": "https",
                "tls_config": {"ca_file": api_server.authority},
                "authorization": {"credentials_file": api_server.token},
                "static_configs": at(api_server.address.clone()),
                "metric_relabel_configs": keep(API_SERVER),
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured() -> Value {
        let api_server = ApiServer {
            address: "127.0.0.1:6443".into(),
            authority: "/ca".into(),
            token: "/token".into(),
        };
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        configuration(Path::new("/rules"), &Targets { fleets: at(1), operator: at(2), api_server })
    }

    #[test]
    fn fleets_are_scraped_by_their_own_labels_and_by_the_products_rules() {
        let config = configured();
        assert_eq!(config["rule_files"][0], "/rules");
        let fleets = &config["scrape_configs"][0];
        assert_eq!(
            (&fleets["honor_labels"], &fleets["scrape_interval"]),
            (&json!(true), &json!("5s"))
        );
        assert_eq!(fleets["static_configs"][0]["targets"][0], "127.0.0.1:1");
        assert!(fleets.get("metric_relabel_configs").is_none());
    }

    #[test]
    fn the_api_server_is_verified_and_of_the_programs_only_counters_are_kept() {
        let config = configured();
        let server = &config["scrape_configs"][2];
        assert_eq!(server["tls_config"], json!({"ca_file": "/ca"}));
        for job in [1, 2] {
            assert_eq!(
                config["scrape_configs"][job]["metric_relabel_configs"][0]["action"],
                "keep"
            );
        }
    }

    #[test]
    fn growth_is_the_difference_of_two_scrapes_that_succeeded_and_of_nothing_it_is_zero() {
        let up = "up{job=~\"operator|apiserver\"}";
        assert_eq!(
            grown("a{b=\"c\"}", Duration::from_mins(5)),
            format!(
                "((sum(a{{b=\"c\"}}) or vector(0)) and on() (sum({up}) == 2)) - \
                 ((sum(a{{b=\"c\"}} offset 300s) or vector(0)) and on() (sum({up} offset 300s) == 2))"
            )
        );
    }

    #[test]
    fn windows_begin_and_end_with_a_scrape() {
        for window in [super::super::WINDOW, super::super::CALM] {
            assert_eq!(window.as_secs() % PROGRAMS_EVERY.as_secs(), 0, "{window:?}");
        }
    }
}

//! Asks Prometheus: at an address that was typed, or through the API server where the operator's is a Service of the
//! cluster. Each question is one instant query with a deadline and a bound on its answer; nothing is judged here.

use super::facts::Operator;
use super::finding::{Known, Unknown};
use crate::cluster::{Cluster, Problem};
use crate::names::Namespace;
use crate::prometheus::{body, client, innermost};
use crate::simulate::typed::Address;
use prometheus_http_query::Client;
use prometheus_http_query::response::{Data, InstantVector, PromqlResult};
use reqwest::Url;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// A row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// What it is about.
    pub(super) labels: BTreeMap<String, String>,
    /// Its value.
    pub(super) value: f64,
}

/// How Prometheus is asked.
pub(super) enum Way<'a> {
    /// At an address, within a deadline.
    Direct(Client, Duration),
    /// Through the API server.
    Proxy(&'a Cluster, Service),
}

/// A Service of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// Its namespace.
    namespace: Namespace,
    /// Its name.
    name: Namespace,
    /// As the API server's proxy wants it: scheme, name and port.
    target: String,
    /// The path before that of the API.
    path: String,
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<PromqlResult>,
}

// === impl Way ===

impl<'a> Way<'a> {
    /// The way that there is; else why there is none, and how one could be made.
    pub(super) fn find(
        cluster: &'a Cluster,
        typed: Option<&Address>,
        operator: &Known<Option<Operator>>,
        deadline: Duration,
    ) -> Known<Self> {
        if let Some(address) = typed {
            let unusable = |why| Unknown(format!("--prometheus-url cannot be used: {why}"));
            return Ok(Self::Direct(client(address).map_err(unusable)?, deadline));
        }
        let how = "name an address that you reach with --prometheus-url";
        let operator = match operator {
            Ok(Some(operator)) => operator,
            Ok(None) => return Err(Unknown(format!("there is no operator to ask for it; {how}"))),
            Err(Unknown(why)) => return Err(Unknown(format!("{why}; {how}"))),
        };
        let url = operator.prometheus_url.as_deref().unwrap_or_default();
        let service = Service::of(url, &operator.namespace);
        service.map(|service| Self::Proxy(cluster, service)).ok_or_else(|| {
            Unknown(format!("the operator's Prometheus is no Service of this cluster; {how}"))
        })
    }

    /// How it is asked, in words.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Direct(..) => "answers at the address that was typed".to_owned(),
            Self::Proxy(_, service) => {
                let Service { namespace, name, .. } = service;
                format!("Service {namespace}/{name} answers through the API server")
            }
        }
    }

    /// The rows of an instant query.
    pub(super) async fn query(&self, query: &str) -> Result<Vec<Row>, Failed> {
        let answer = match self {
            Self::Direct(client, deadline) => {
                let silent = |_| format!("no answer within {} s", deadline.as_secs_f64());
                let asked = tokio::time::timeout(*deadline, ask(client, query)).await;
                asked.map_err(silent).flatten().map_err(Failed::Said)?
            }
            Self::Proxy(cluster, service) => {
                let request = http::Request::get(service.path_of(query)).body(Vec::new());
                let request = request.map_err(|error| Failed::Said(error.to_string()))?;
                let client = cluster.client();
                let place = Some(service.namespace.as_str());
                let asked = client.request_text(request);
                cluster.ask("get", "services/proxy", place, asked).await.map_err(Failed::Proxy)?
            }
        };
        rows(&answer).map_err(Failed::Said)
    }
}

/// Why a query has no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The API server did not pass it on.
    Proxy(Problem),
    /// Prometheus did not answer, or refused.
    Said(String),
}

async fn ask(client: &Client, query: &str) -> Result<String, String> {
    let answer = client.query(query).get_raw().await.map_err(|error| innermost(&error))?;
    body(answer).await
}

fn rows(body: &str) -> Result<Vec<Row>, String> {
    let envelope: Envelope = serde_json::from_str(body)
        .map_err(|error| format!("its answer is none of Prometheus: {error}"))?;
    let Some(data) = envelope.data.filter(|_| envelope.status == "success") else {
        let error = envelope.error.unwrap_or_else(|| "without a reason".to_owned());
        return Err(format!(
            "it refused the query: {}",
            error.chars().take(200).collect::<String>()
        ));
    };
    let Data::Vector(rows) = data.into_inner().0 else {
        return Err("its answer is not what a query returns".to_owned());
    };
    let row = |row: InstantVector| {
        let (labels, sample) = row.into_inner();
        Row { labels: labels.into_iter().collect(), value: sample.value() }
    };
    Ok(rows.into_iter().map(row).collect())
}

// === impl Service ===

impl Service {
    /// The Service that an address of the operator names: `name`, `name.namespace`, or longer with `svc`.
    fn of(url: &str, own: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let host = url.host_str()?;
        if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return None;
        }
        let parts: Vec<&str> = host.split('.').collect();
        let (name, namespace) = match parts.as_slice() {
            [name] => (*name, own),
            [name, namespace] | [name, namespace, "svc", ..] => (*name, *namespace),
            _ => return None,
        };
        let (name, namespace) = (Namespace::parse(name).ok()?, Namespace::parse(namespace).ok()?);
        let target = format!("{}:{name}:{}", url.scheme(), url.port_or_known_default()?);
        Some(Self { namespace, name, target, path: url.path().trim_end_matches('/').to_owned() })
    }

    fn path_of(&self, query: &str) -> String {
        let Self { namespace, name: _, target, path } = self;
        let query = form(query);
        format!("/api/v1/namespaces/{namespace}/services/{target}/proxy{path}/api/v1/query?{query}")
    }
}

/// The query as the part of an address after its question mark.
fn form(query: &str) -> String {
    // Only the encoding of a Url is used, whatever its host.
    let Ok(mut url) = Url::parse("http://encoded") else { return String::new() };
    url.query_pairs_mut().append_pair("query", query);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_inside_of_the_cluster_is_a_service() {
        let service =
            |url: &str| Service::of(url, "apifleet-system").map(|it| it.path_of("up{a=\"b\"}"));
        let path = |namespace: &str, target: &str, rest: &str| {
            Some(format!(
                "/api/v1/namespaces/{namespace}/services/{target}/proxy{rest}/api/v1/query?query=up%7Ba%3D%22b%22%7D"
            ))
        };
        for (url, expected) in [
            ("http://prometheus:9090", path("apifleet-system", "http:prometheus:9090", "")),
            ("http://prometheus.monitoring:9090/", path("monitoring", "http:prometheus:9090", "")),
            ("https://p.m.svc.cluster.local/prom", path("m", "https:p:443", "/prom")),
            ("http://user:secret@p.m.svc", path("m", "http:p:80", "")),
            ("http://10.20.0.1:9090", None),
            ("http://[::1]:9090", None),
            ("https://prometheus.example.com", None),
            ("", None),
        ] {
            assert_eq!(service(url), expected, "{url}");
        }
    }

    #[test]
    fn an_answer_is_rows_or_a_reason() {
        let body = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"le":"0.2"},"value":[1.5,"1"]},{"metric":{},"value":[1,"NaN"]}]}}"#;
        let rows_of = rows(body).unwrap();
        assert_eq!((rows_of[0].labels["le"].as_str(), rows_of[0].value), ("0.2", 1.0));
        assert!(rows_of[1].value.is_nan());
        let refused = rows(r#"{"status":"error","error":"parse error"}"#).unwrap_err();
        assert!(refused.contains("parse error"), "{refused}");
        assert!(rows("<html>").is_err() && rows("{}").is_err());
    }
}

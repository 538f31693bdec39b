//! What the pods of all fleets would answer to a scrape, on one page: so many requests per second each, all of them quick.
//! A real Prometheus scrapes it and makes of it, by the product's own rules, what the operator reads.

use super::objects::TARGET_PER_REPLICA;
use super::scale::{self, NAMESPACE, Scale};
use crate::Result;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What each pod answers: less than it carries, so that no fleet wants to grow.
const RPS: u32 = 20;
const _: () = assert!(RPS < TARGET_PER_REPLICA / 2);
/// Upper bounds of the histogram's buckets; every request is in the first.
const BUCKETS: [&str; 3] = ["0.1", "0.5", "+Inf"];

/// The page after so long. Every line carries what a scrape of the pod would attach to it.
pub(crate) fn page(scale: Scale, elapsed: Duration) -> String {
    let count = (elapsed.as_secs_f64() * f64::from(RPS)).floor();
    let mut page = String::new();
    for fleet in (0..scale.fleets).map(scale::fleet) {
        for pod in (0..scale.pods).map(|index| scale::pod(&fleet, index)) {
            let labels = format!("namespace=\"{NAMESPACE}\",fleet=\"{fleet}\",pod=\"{pod}\"");
            // Writing into a String cannot fail.
            let _ = writeln!(
                page,
                "http_requests_total{{{labels},code=\"200\",class=\"critical\"}} {count}"
            );
            for le in BUCKETS {
                let _ = writeln!(
                    page,
                    "http_request_duration_seconds_bucket{{{labels},le=\"{le}\"}} {count}"
                );
            }
        }
    }
    page
}

/// The server of the page; it ends when this is dropped.
pub(crate) struct Exposition {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Exposition {
    /// Serves at a free port of 127.0.0.1.
    pub(crate) async fn serve(scale: Scale) -> Result<Self> {
        let refused =
            |source| crate::Error::File { what: "listen on", file: "127.0.0.1".into(), source };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { address, task: tokio::spawn(serve(listener, scale)) })
    }
}

impl Drop for Exposition {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, scale: Scale) {
    let started = Instant::now();
    while let Ok((stream, _)) = listener.accept().await {
        let service = service_fn(move |_: Request<Incoming>| {
            let body = Full::new(Bytes::from(page(scale, started.elapsed())));
            let mut response = Response::new(body);
            let kind = HeaderValue::from_static("text/plain; version=0.0.4");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            std::future::ready(Ok::<_, Infallible>(response))
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A scrape that breaks off is Prometheus' to notice: the measurement waits for whole windows.
            let _ = connection.await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pod_of_every_fleet_has_requests_and_all_its_buckets() {
        let page = page(Scale { fleets: 3, pods: 2 }, Duration::from_secs(5));
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines.len(), 3 * 2 * (1 + BUCKETS.len()));
        assert_eq!(
            lines[0],
            "http_requests_total{namespace=\"bench\",fleet=\"fleet-00000\",pod=\"fleet-00000-6f7-00\",\
             code=\"200\",class=\"critical\"} 100"
        );
        assert!(lines[3].ends_with("le=\"+Inf\"} 100"), "{}", lines[3]);
        assert!(lines.iter().all(|line| line.contains("namespace=\"bench\",fleet=\"fleet-0000")));
    }

    #[test]
    fn counters_only_grow() {
        let at = |millis| page(Scale { fleets: 1, pods: 1 }, Duration::from_millis(millis));
        let count = |page: String| -> u64 {
            let value =
                page.lines().next().and_then(|line| line.rsplit(' ').next()).map(str::to_owned);
            value.and_then(|value| value.parse().ok()).expect("a count")
        };
        assert_eq!([0, 49, 50, 1_000].map(|millis| count(at(millis))), [0, 0, 1, 20]);
    }

    #[tokio::test]
    async fn it_is_served_as_a_page_that_prometheus_reads() {
        let exposition = Exposition::serve(Scale { fleets: 1, pods: 1 }).await.expect("served");
        let url = format!("http://{}/metrics", exposition.address);
        let client = reqwest::Client::builder().tls_certs_only([]).build().expect("a client");
        let response = client.get(url).send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
        let text = response.text().await.expect("a text");
        assert!(text.starts_with("http_requests_total{"), "{text}");
    }
}

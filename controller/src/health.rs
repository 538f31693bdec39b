//! The operator's own small HTTP server: `/livez`, `/readyz` and `/metrics`, nothing else. Read only; bounded in
//! connections and time. Called by [`crate::run`].

use crate::metrics::Metrics;
use crate::metrics::exposition::Exposition;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// Without a pass for so long the process is restarted.
pub const LIVENESS_LIMIT: Duration = Duration::from_secs(30);
/// More connections wait.
const CONNECTIONS: usize = 32;
/// A connection is closed after this long, whatever it does.
const CONNECTION_LIMIT: Duration = Duration::from_mins(1);
/// What a copy waits for once it knows that it may run.
const CACHES: &str = "the caches are not filled yet";

/// What the probes ask about.
#[derive(Debug)]
pub struct Health {
    ticked: watch::Sender<Instant>,
    ready: AtomicBool,
    awaits: RwLock<String>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            ticked: watch::Sender::new(Instant::now()),
            ready: AtomicBool::new(false),
            awaits: RwLock::new(CACHES.to_owned()),
        }
    }
}

impl Health {
    /// The pass loop is alive.
    pub fn tick(&self) {
        self.ticked.send_replace(Instant::now());
    }

    /// The caches have been filled: this copy could act.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Why this copy could not act yet.
    pub fn awaits(&self, what: String) {
        *self.awaits.write().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// Nothing but the caches is awaited.
    pub fn awaits_caches(&self) {
        self.awaits(CACHES.to_owned());
    }

    /// Whether the pass loop has ticked lately.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.ticked.borrow().elapsed() < LIVENESS_LIMIT
    }

    /// Whether this copy could act.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Why it could not.
    #[must_use]
    pub fn awaited(&self) -> String {
        self.awaits.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, health: Arc<Health>, metrics: Arc<Metrics>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let exposition = Arc::new(Exposition::new(metrics));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: it passes, and a busy loop would not help.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let (health, exposition) = (Arc::clone(&health), Arc::clone(&exposition));
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let response =
                    respond(request.method(), request.uri().path(), &health, &exposition);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                // One answer each: the limit would cut into those of a connection that a scraper keeps.
                .keep_alive(false)
                .header_read_timeout(Duration::from_secs(10))
                .serve_connection(TokioIo::new(stream), service);
            // How a connection ends, by time or by error, is the client's concern only.
            let _ = tokio::time::timeout(CONNECTION_LIMIT, connection).await;
            drop(slot);
        });
    }
}

fn respond(
    method: &Method,
    path: &str,
    health: &Health,
    exposition: &Exposition,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
    }
    match path {
        "/livez" => verdict(health.is_live(), || "the pass loop has not run for 30 s".to_owned()),
        "/readyz" => verdict(health.is_ready(), || health.awaited()),
        "/metrics" => match exposition.text() {
            Ok(body) => with_type(StatusCode::OK, Metrics::CONTENT_TYPE, body),
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n"),
        },
        _ => text(StatusCode::NOT_FOUND, "try /livez, /readyz or /metrics\n"),
    }
}

fn verdict(good: bool, why_not: impl FnOnce() -> String) -> Response<Full<Bytes>> {
    if good {
        text(StatusCode::OK, "ok\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", why_not()))
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    with_type(status, "text/plain; charset=utf-8", body.into())
}

fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_stands_still_for_30_s_is_not_alive() {
        let health = Health::default();
        health.tick();
        assert!(health.is_live());
        tokio::time::advance(LIVENESS_LIMIT).await;
        assert!(!health.is_live());
        health.tick();
        assert!(health.is_live());
    }

    #[tokio::test]
    async fn probes_answer_what_they_were_told_and_nothing_else_is_served() {
        let (health, exposition) = (Health::default(), Exposition::new(Arc::default()));
        let status = |method, path| respond(&method, path, &health, &exposition).status();
        assert_eq!(status(Method::GET, "/readyz"), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(health.awaited(), CACHES);
        health.awaits("a newer definition".to_owned());
        assert_eq!(status(Method::GET, "/readyz"), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(health.awaited(), "a newer definition");
        health.set_ready();
        assert_eq!(status(Method::GET, "/readyz"), StatusCode::OK);
        assert_eq!(status(Method::GET, "/livez"), StatusCode::OK);
        assert_eq!(status(Method::GET, "/metrics"), StatusCode::OK);
        assert_eq!(status(Method::GET, "/debug"), StatusCode::NOT_FOUND);
        assert_eq!(status(Method::POST, "/livez"), StatusCode::METHOD_NOT_ALLOWED);
    }
}

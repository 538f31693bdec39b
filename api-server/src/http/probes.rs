//! What Kubernetes and Prometheus ask.
//!
//! No probe asks the database. A database that is away for a moment would otherwise take every replica
//! out of the Service at once, and its own refusals with `Retry-After` are better than no answer at all;
//! a restarted process would not bring it back either. Readiness depends on two things: start-up is
//! done, and the process is not draining.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;

use super::Api;
use crate::lifecycle::Phase;
use crate::metrics::MEDIA_TYPE;

/// The process answers, so it lives.
pub async fn livez() -> &'static str {
    "alive\n"
}

/// Whether new requests should come here.
pub async fn readyz(api: Data<Api>) -> HttpResponse {
    match api.lifecycle.phase() {
        Phase::Starting => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Ready => text(StatusCode::OK, "ready\n"),
        Phase::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
    }
}

/// Whether start-up is done.
pub async fn startupz(api: Data<Api>) -> HttpResponse {
    match api.lifecycle.phase() {
        Phase::Starting => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Ready | Phase::Draining => text(StatusCode::OK, "started\n"),
    }
}

/// The metrics of this process.
pub async fn metrics(api: Data<Api>) -> HttpResponse {
    api.store.store().observe_pools();
    api.admission.observe(&api.metrics);
    match api.metrics.render() {
        Ok(text) => HttpResponse::Ok().insert_header((CONTENT_TYPE, MEDIA_TYPE)).body(text),
        Err(error) => {
            tracing::error!("cannot write the metrics: {error}; this is a bug");
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn text(status: StatusCode, text: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body(text)
}

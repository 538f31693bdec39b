//! Around every request: counts it, times it, and ends its connection when it has lived long enough.
//!
//! From SIGTERM on every answer closes its connection. A request that was shed is counted as one that arrived, and
//! its latency is not: refusing is fast and would hide how slow the rest is. Allocates nothing beyond the future.

use std::rc::Rc;

use actix_http::ConnectionType;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use tokio::time::Instant;

use super::Api;
use crate::lifecycle::Phase;
use crate::metrics::{Method, RequestLabels, Route};
use crate::net::lifespan::Lifespan;
use crate::problem::Problem;

/// The middleware; see the module's page.
pub async fn measure(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(api) = request.app_data::<Data<Api>>().cloned() else {
        return next.call(request).await;
    };
    let lifespan = request.conn_data::<Rc<Lifespan>>().cloned();
    let now = Instant::now();
    let began = lifespan.as_ref().map_or(now, |lifespan| lifespan.request_began(now));
    let in_flight = (!is_probe(request.path())).then(|| api.metrics.begin());

    let mut response = next.call(request).await?;

    let now = Instant::now();
    let old = lifespan.as_ref().is_some_and(|lifespan| lifespan.is_old(now));
    if old || api.lifecycle.phase() == Phase::Draining {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some(lifespan) = lifespan {
        lifespan.request_answered(now);
    }
    if in_flight.is_some() {
        let labels = labels(&response);
        if was_shed(&response) {
            api.metrics.shed(&labels);
        } else {
            api.metrics.answered(&labels, now.duration_since(began));
        }
    }
    Ok(response)
}

fn was_shed(response: &ServiceResponse<BoxBody>) -> bool {
    let problem = response.response().error().and_then(Error::as_error::<Problem>);
    matches!(problem, Some(Problem::Overloaded(_)))
}

/// Requests of machines: they would hide how users fare, and keep an idle replica from looking idle.
fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/startupz" | "/metrics")
}

fn labels(response: &ServiceResponse<BoxBody>) -> RequestLabels {
    let route = response.request().app_data::<Route>().copied().unwrap_or(Route::Unmatched);
    RequestLabels {
        method: Method::from(response.request().method()),
        route,
        code: response.status().as_u16(),
        class: route.class(),
    }
}

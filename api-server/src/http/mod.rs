//! The routes, and what all of them share.
//!
//! * [`campaign`], [`users`], [`recommendations`], [`events`], [`probes`]: the handlers.
//! * [`body`]: strict JSON within size and time.
//! * [`measure`]: the middleware around every request.
//!
//! Handlers decide nothing: they parse, ask [`crate::admission`] for a slot, [`crate::campaign`] and
//! [`crate::store`] for the answer, and write.

pub mod body;
pub mod campaign;
pub mod events;
pub mod measure;
pub mod probes;
pub mod recommendations;
pub mod users;

use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, Resource};
use serde::Serialize;
use tokio::time::Instant;

use crate::admission::lag::Lag;
use crate::admission::{Admission, Slot};
use crate::campaign::Campaign;
use crate::claim::{UserId, UserIdError};
use crate::events::Buffer;
use crate::lifecycle::Lifecycle;
use crate::metrics::{Metrics, Route};
use crate::net::lifespan::{Lifespan, Limits};
use crate::problem::Problem;
use crate::store::StoreError;
use crate::store::cached::CachedStore;
use crate::time::{Clock, Deadline};

/// What a request's deadline leaves for writing its answer.
const WRITE_RESERVE: Duration = Duration::from_millis(100);

/// Everything that handlers need, shared by all worker threads.
#[derive(Debug)]
pub struct Api {
    /// The doors and their dates.
    pub campaign: Campaign,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The highest number that a user may have.
    pub max_user: i64,
    /// The times of connections and requests.
    pub limits: Limits,
    /// The claims and recommendations.
    pub store: CachedStore,
    /// Who may begin.
    pub admission: Admission,
    /// Events that wait to be stored.
    pub events: Buffer,
    /// What Prometheus sees.
    pub metrics: Metrics,
    /// Where this process stands.
    pub lifecycle: Lifecycle,
    /// The campaign's page as it was last written.
    pub page: campaign::PageCache,
}

impl Api {
    /// By when the work for a request must be done.
    fn deadline(&self, request: &HttpRequest) -> Deadline {
        let lifespan = request.conn_data::<Rc<Lifespan>>();
        let began = lifespan.map_or_else(Instant::now, |lifespan| lifespan.began());
        Deadline::after(began, self.limits.request).keeping(WRITE_RESERVE)
    }

    /// Lets a request begin; it may ask the store while it holds the slot.
    fn admit(&self, request: &HttpRequest, route: Route) -> Result<Slot<'_>, Problem> {
        let class = route.class();
        self.admission.slot(class, lag(request)).ok_or(Problem::Overloaded(class))
    }

    /// Refuses a request that could not begin now.
    fn check(&self, request: &HttpRequest, route: Route) -> Result<(), Problem> {
        let class = route.class();
        let open = self.admission.is_open(class, lag(request));
        if open { Ok(()) } else { Err(Problem::Overloaded(class)) }
    }

    /// The user in the path.
    fn user(&self, request: &HttpRequest) -> Result<UserId, Problem> {
        let id = request.match_info().get("id").ok_or(Problem::User(UserIdError::Malformed))?;
        UserId::parse(id, self.max_user).map_err(Problem::User)
    }

    /// Counts a body that was too slow.
    fn note_slow_body(&self, route: Route, problem: &Problem) {
        if *problem == Problem::SlowBody {
            self.metrics.deadline_passed(route);
        }
    }

    /// The client's view of a store error; counts passed deadlines.
    fn store_problem(&self, route: Route, error: StoreError) -> Problem {
        match error {
            StoreError::Timeout => {
                self.metrics.deadline_passed(route);
                Problem::StoreTimeout
            }
            StoreError::Busy | StoreError::Unavailable => Problem::StoreUnavailable,
        }
    }
}

/// How late the worker thread gets to its work.
fn lag(request: &HttpRequest) -> Duration {
    request.app_data::<Arc<Lag>>().map_or(Duration::ZERO, |lag| lag.for_request())
}

/// The application of one worker thread, whose lag is given: routes, their middleware, and an answer for everything
/// else.
pub fn app(
    api: Data<Api>,
    lag: Arc<Lag>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(api)
        .app_data(lag)
        .service(only_get("/v1/campaign", Route::Campaign).get(campaign::campaign))
        .service(only_get("/v1/users/{id}/home", Route::Home).get(users::home))
        .service(
            resource("/v1/users/{id}/claims", Route::Claims, "GET, POST")
                .route(web::get().to(users::claims))
                .route(web::post().to(users::claim)),
        )
        .service(
            only_get("/v1/users/{id}/recommendations", Route::Recommendations)
                .get(recommendations::recommendations),
        )
        .service(
            resource("/v1/events", Route::Events, "POST").route(web::post().to(events::events)),
        )
        .service(only_get("/livez", Route::Probe).get(probes::livez))
        .service(only_get("/readyz", Route::Probe).get(probes::readyz))
        .service(only_get("/startupz", Route::Probe).get(probes::startupz))
        .service(only_get("/metrics", Route::Probe).get(probes::metrics))
        .default_service(web::to(async || Err::<HttpResponse, _>(Problem::NoRoute)))
        .wrap(from_fn(measure::measure))
}

/// A path with its label, which answers other methods than `allowed` with 405.
fn resource(path: &str, route: Route, allowed: &'static str) -> Resource {
    web::resource(path)
        .app_data(route)
        .default_service(web::to(move || ready(Err::<HttpResponse, _>(Problem::Method(allowed)))))
}

/// A path that is only read.
struct ReadOnly(Resource);

fn only_get(path: &str, route: Route) -> ReadOnly {
    ReadOnly(resource(path, route, "GET"))
}

impl ReadOnly {
    fn get<F, Args>(self, handler: F) -> Resource
    where
        F: actix_web::Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        F::Output: actix_web::Responder + 'static,
    {
        self.0.route(web::get().to(handler))
    }
}

/// Writes `body` as JSON.
fn json(mut response: actix_web::HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    match serde_json::to_vec(body) {
        Ok(bytes) => response.insert_header((CONTENT_TYPE, JSON)).body(bytes),
        // Our own types: numbers, dates and fixed texts. Nothing in them can fail to serialize.
        Err(error) => {
            tracing::error!("cannot write an answer: {error}; this is a bug");
            HttpResponse::InternalServerError().finish()
        }
    }
}

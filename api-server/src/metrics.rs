//! What this process tells Prometheus, and the closed sets from which every label comes.
//!
//! Counted by [`crate::http::measure`], [`crate::store`] and the body reader; written by `/metrics`.
//! prometheus-client appends `_total` to counters and writes `OpenMetrics` text.

use std::fmt;
use std::time::Duration;

use actix_web::http::Method as HttpMethod;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Media type of what [`Metrics::render`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper edges of the latency buckets in seconds; with `+Inf` there are eight.
/// 0.2 is the promised p95, 0.1 and 0.5 its neighbours.
const LATENCY_EDGES: [f64; 7] = [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.5];

/// Makes an enum a label with the given texts.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$case_doc])* $case),+ }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                match self { $(Self::$case => $text.encode(encoder)),+ }
            }
        }
    };
}

label! {
    /// A request's method, from a closed set.
    Method {
        /// GET.
        Get => "GET",
        /// HEAD.
        Head => "HEAD",
        /// POST.
        Post => "POST",
        /// PUT.
        Put => "PUT",
        /// PATCH.
        Patch => "PATCH",
        /// DELETE.
        Delete => "DELETE",
        /// OPTIONS.
        Options => "OPTIONS",
        /// Anything else that a client may invent.
        Other => "other",
    }
}

label! {
    /// A route's pattern, never the path.
    Route {
        /// The campaign's doors.
        Campaign => "/v1/campaign",
        /// A user's home.
        Home => "/v1/users/{id}/home",
        /// A user's claims.
        Claims => "/v1/users/{id}/claims",
        /// No route.
        Unmatched => "unmatched",
        /// Probes and metrics; not counted, so never written.
        Probe => "probe",
    }
}

label! {
    /// Whether the campaign fails without this route.
    Class {
        /// It does.
        Critical => "critical",
        /// It does not.
        NonCritical => "non_critical",
    }
}

label! {
    /// What a cache had.
    CacheResult {
        /// The answer.
        Hit => "hit",
        /// Nothing.
        Miss => "miss",
    }
}

label! {
    /// A cache.
    Layer {
        /// Claims in this process' memory.
        Memory => "memory",
        /// The campaign's page, written once a day.
        Page => "page",
    }
}

label! {
    /// A question to the store.
    Operation {
        /// All claims of a user.
        Read => "read_claims",
        /// Store a claim.
        Claim => "claim",
        /// Look for an earlier claim.
        Find => "find_claim",
        /// Open a connection.
        Connect => "connect",
    }
}

label! {
    /// How a question to the store ended.
    StoreResult {
        /// With an answer.
        Ok => "ok",
        /// With an error.
        Error => "error",
        /// Too late.
        Timeout => "timeout",
    }
}

label! {
    /// A pool of connections to the store.
    PoolName {
        /// For reading; for both with MySQL.
        Read => "read",
        /// For writing, with SQLite.
        Write => "write",
    }
}

label! {
    /// What a pooled connection does.
    ConnectionState {
        /// Works.
        InUse => "in_use",
        /// Waits.
        Idle => "idle",
    }
}

impl From<&HttpMethod> for Method {
    fn from(method: &HttpMethod) -> Self {
        match *method {
            HttpMethod::GET => Self::Get,
            HttpMethod::HEAD => Self::Head,
            HttpMethod::POST => Self::Post,
            HttpMethod::PUT => Self::Put,
            HttpMethod::PATCH => Self::Patch,
            HttpMethod::DELETE => Self::Delete,
            HttpMethod::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

impl Route {
    /// The class of a route.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Home | Self::Claims => Class::Critical,
            Self::Campaign | Self::Unmatched | Self::Probe => Class::NonCritical,
        }
    }
}

/// Labels of `http_requests_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The method.
    pub method: Method,
    /// The route's pattern.
    pub route: Route,
    /// The status; the server's own codes only, so the set is small.
    pub code: u16,
    /// The route's class.
    pub class: Class,
}

/// A label set with the route only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    /// The route's pattern.
    pub route: Route,
}

/// Labels of `cache_requests_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CacheLabels {
    /// Which cache.
    pub layer: Layer,
    /// What it had.
    pub result: CacheResult,
}

/// Labels of `store_duration_seconds`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StoreLabels {
    /// The question.
    pub operation: Operation,
    /// How it ended.
    pub result: StoreResult,
}

/// Labels of `store_pool_connections`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ConnectionLabels {
    /// Which pool.
    pub pool: PoolName,
    /// What they do.
    pub state: ConnectionState,
}

/// Labels of `store_pool_size` and `store_pool_exhausted_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PoolLabels {
    /// Which pool.
    pub pool: PoolName,
}

/// Every metric of this process. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    deadlines: Family<RouteLabels, Counter>,
    cache: Family<CacheLabels, Counter>,
    store: Family<StoreLabels, Histogram, fn() -> Histogram>,
    connections: Family<ConnectionLabels, Gauge>,
    pool_size: Family<PoolLabels, Gauge>,
    pool_exhausted: Family<PoolLabels, Counter>,
}

fn latency() -> Histogram {
    Histogram::new(LATENCY_EDGES)
}

/// What each route answers when all is well.
const SERVED: [(Method, Route, u16); 4] = [
    (Method::Get, Route::Campaign, 200),
    (Method::Get, Route::Home, 200),
    (Method::Get, Route::Claims, 200),
    (Method::Post, Route::Claims, 201),
];

impl Default for Metrics {
    /// The good answers of every route are there from the start, at zero: a rate counts the first of them, and a
    /// replica without requests is seen to be idle, not missing.
    fn default() -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(latency),
            in_flight: Gauge::default(),
            deadlines: Family::default(),
            cache: Family::default(),
            store: Family::new_with_constructor(latency),
            connections: Family::default(),
            pool_size: Family::default(),
            pool_exhausted: Family::default(),
        };
        for (method, route, code) in SERVED {
            let labels = RequestLabels { method, route, code, class: route.class() };
            drop(metrics.requests.get_or_create(&labels));
            drop(metrics.durations.get_or_create(&RouteLabels { route }));
        }
        metrics
    }
}

impl Metrics {
    /// A request has begun; it is in flight until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered.
    pub fn answered(&self, labels: &RequestLabels, took: Duration) {
        self.requests.get_or_create(labels).inc();
        self.durations
            .get_or_create(&RouteLabels { route: labels.route })
            .observe(took.as_secs_f64());
    }

    /// A request's deadline passed before its work was done.
    pub fn deadline_passed(&self, route: Route) {
        self.deadlines.get_or_create(&RouteLabels { route }).inc();
    }

    /// A cache was asked.
    pub fn cache(&self, layer: Layer, result: CacheResult) {
        self.cache.get_or_create(&CacheLabels { layer, result }).inc();
    }

    /// The store was asked.
    pub fn store(&self, operation: Operation, result: StoreResult, took: Duration) {
        self.store.get_or_create(&StoreLabels { operation, result }).observe(took.as_secs_f64());
    }

    /// A pool had no connection in time.
    pub fn pool_exhausted(&self, pool: PoolName) {
        self.pool_exhausted.get_or_create(&PoolLabels { pool }).inc();
    }

    /// How a pool stands now.
    pub fn pool(&self, pool: PoolName, in_use: usize, idle: usize, size: usize) {
        let set = |state, count: usize| {
            let labels = ConnectionLabels { pool, state };
            self.connections.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        };
        set(ConnectionState::InUse, in_use);
        set(ConnectionState::Idle, idle);
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.pool_size.get_or_create(&PoolLabels { pool }).set(size);
        // Present from the start, so that its first increase is seen as one.
        drop(self.pool_exhausted.get_or_create(&PoolLabels { pool }));
    }

    /// A registry with all metrics under their names.
    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        let r = &mut registry;
        r.register("http_requests", "Requests answered", self.requests.clone());
        let help = "Time from a request's first byte to its answer";
        r.register_with_unit("http_request_duration", help, Unit::Seconds, self.durations.clone());
        let help = "Requests being answered, of the counted routes";
        r.register("http_requests_in_flight", help, self.in_flight.clone());
        let help = "Requests whose deadline passed before the work was done";
        r.register("http_request_deadline_exceeded", help, self.deadlines.clone());
        r.register("cache_requests", "Questions to a cache", self.cache.clone());
        let help = "Time of questions to the store";
        r.register_with_unit("store_duration", help, Unit::Seconds, self.store.clone());
        let help = "Open connections to the store";
        r.register("store_pool_connections", help, self.connections.clone());
        let help = "Most connections to the store that this replica opens";
        r.register("store_pool_size", help, self.pool_size.clone());
        let help = "Requests for which no connection to the store was free in time";
        r.register("store_pool_exhausted", help, self.pool_exhausted.clone());
        registry
    }

    /// All metrics as `OpenMetrics` text.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(8 * 1024);
        prometheus_client::encoding::text::encode(&mut text, &self.registry())?;
        Ok(text)
    }
}

/// Counts one request in flight while it lives.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(code: u16) -> RequestLabels {
        let route = Route::Home;
        RequestLabels { method: Method::Get, route, code, class: route.class() }
    }

    #[test]
    fn requests_are_exposed_under_the_agreed_name_and_labels() {
        let metrics = Metrics::default();
        metrics.answered(&labels(200), Duration::from_millis(3));
        let text = metrics.render().unwrap();
        let line = r#"http_requests_total{method="GET",route="/v1/users/{id}/home",code="200",class="critical"} 1"#;
        assert!(text.lines().any(|found| found == line), "{text}");
        assert!(!text.contains("total_total"), "{text}");
    }

    #[test]
    fn the_latency_histogram_has_eight_buckets_with_the_agreed_edges() {
        let metrics = Metrics::default();
        metrics.answered(&labels(200), Duration::from_millis(150));
        let text = metrics.render().unwrap();
        let buckets: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("http_request_duration_seconds_bucket"))
            .filter(|line| line.contains("/home"))
            .collect();
        assert_eq!(buckets.len(), 8, "{text}");
        for edge in ["0.1", "0.2", "0.5", "+Inf"] {
            assert!(text.contains(&format!("le=\"{edge}\"")), "no edge {edge}: {text}");
        }
    }

    #[test]
    fn a_replica_without_requests_shows_zero_and_not_nothing() {
        let text = Metrics::default().render().unwrap();
        let zeros = text.lines().filter(|line| line.starts_with("http_requests_total{"));
        let values: Vec<_> = zeros.filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(values, ["0"; 4], "{text}");
    }

    #[test]
    fn invented_methods_share_one_label() {
        let invented = HttpMethod::from_bytes(b"BREW").unwrap();
        assert_eq!(Method::from(&invented), Method::Other);
    }

    #[test]
    fn a_request_is_in_flight_while_its_guard_lives() {
        let metrics = Metrics::default();
        let guard = metrics.begin();
        assert!(metrics.render().unwrap().contains("http_requests_in_flight 1\n"));
        drop(guard);
        assert!(metrics.render().unwrap().contains("http_requests_in_flight 0\n"));
    }
}

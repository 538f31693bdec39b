//! What this process tells Prometheus.
//!
//! * [`labels`]: the closed sets from which every label comes.
//! * [`names`]: under which name and help each metric is written.
//!
//! Counted by [`crate::http::measure`], [`crate::admission`], [`crate::events`], [`crate::store`] and the body
//! reader; written by `/metrics`.

pub mod labels;
pub mod names;

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use labels::{
    CacheLabels, ClassLabels, ConnectionLabels, LossLabels, PoolLabels, RouteLabels, StoreLabels,
};
pub use labels::{
    CacheResult, Class, ConnectionState, Layer, Loss, Method, Operation, PoolName, RequestLabels,
    Route, StoreResult,
};
pub use names::MEDIA_TYPE;

/// Upper edges of the latency buckets in seconds; with `+Inf` there are eight.
/// 0.2 is the promised p95, 0.1 and 0.5 its neighbours.
const LATENCY_EDGES: [f64; 7] = [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.5];

/// Every metric of this process. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    deadlines: Family<RouteLabels, Counter>,
    shed: Family<ClassLabels, Counter>,
    limit: Gauge,
    in_use: Gauge,
    lag: Histogram,
    events_stored: Counter,
    events_dropped: Family<LossLabels, Counter>,
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
const SERVED: [(Method, Route, u16); 6] = [
    (Method::Get, Route::Campaign, 200),
    (Method::Get, Route::Home, 200),
    (Method::Get, Route::Claims, 200),
    (Method::Post, Route::Claims, 201),
    (Method::Get, Route::Recommendations, 200),
    (Method::Post, Route::Events, 202),
];

impl Default for Metrics {
    /// What is counted when all is well, or not at all, is there from the start, at zero: a rate counts the first of
    /// them, and a replica without requests is seen to be idle, not missing.
    fn default() -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(latency),
            in_flight: Gauge::default(),
            deadlines: Family::default(),
            shed: Family::default(),
            limit: Gauge::default(),
            in_use: Gauge::default(),
            lag: latency(),
            events_stored: Counter::default(),
            events_dropped: Family::default(),
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
        for class in Class::ALL {
            drop(metrics.shed.get_or_create(&ClassLabels { class }));
        }
        for reason in [Loss::Full, Loss::Store, Loss::Shutdown] {
            drop(metrics.events_dropped.get_or_create(&LossLabels { reason }));
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

    /// A request was refused because there is too much to do: it is demand all the same, but its latency is nobody's.
    pub fn shed(&self, labels: &RequestLabels) {
        self.requests.get_or_create(labels).inc();
        self.shed.get_or_create(&ClassLabels { class: labels.class }).inc();
    }

    /// A request's deadline passed before its work was done.
    pub fn deadline_passed(&self, route: Route) {
        self.deadlines.get_or_create(&RouteLabels { route }).inc();
    }

    /// How many requests may be worked on at once, and how many are.
    pub fn concurrency(&self, limit: u32, in_use: u32) {
        self.limit.set(i64::from(limit));
        self.in_use.set(i64::from(in_use));
    }

    /// A worker thread got to work this much later than it meant to.
    pub fn lag(&self, lag: Duration) {
        self.lag.observe(lag.as_secs_f64());
    }

    /// Events were stored.
    pub fn events_stored(&self, count: usize) {
        self.events_stored.inc_by(number(count));
    }

    /// Events were lost.
    pub fn events_dropped(&self, reason: Loss, count: usize) {
        self.events_dropped.get_or_create(&LossLabels { reason }).inc_by(number(count));
    }

    /// A cache was asked.
    pub fn cache(&self, layer: Layer, result: CacheResult) {
        self.cache.get_or_create(&CacheLabels { layer, result }).inc();
    }

    /// The store was asked.
    pub fn store(&self, operation: Operation, result: StoreResult, took: Duration) {
        let labels = StoreLabels { operation, result };
        self.store.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// No connection was free in time.
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
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
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
    fn a_refused_request_is_demand_without_a_latency() {
        let metrics = Metrics::default();
        metrics.shed(&labels(503));
        let text = metrics.render().unwrap();
        assert!(text.contains("http_requests_shed_total{class=\"critical\"} 1\n"), "{text}");
        let line = r#"http_requests_total{method="GET",route="/v1/users/{id}/home",code="503",class="critical"} 1"#;
        assert!(text.lines().any(|found| found == line), "{text}");
        let count = r#"http_request_duration_seconds_count{route="/v1/users/{id}/home"} 0"#;
        assert!(text.lines().any(|found| found == count), "{text}");
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
        for (name, series) in [
            ("http_requests_total{", SERVED.len()),
            ("http_requests_shed_total{", 3),
            ("events_dropped_total{", 3),
        ] {
            let lines = text.lines().filter(|line| line.starts_with(name));
            let values: Vec<_> = lines.filter_map(|line| line.rsplit(' ').next()).collect();
            assert_eq!(values, vec!["0"; series], "{name} in {text}");
        }
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

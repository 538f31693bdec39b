//! Under which name and help each metric is written.
//!
//! prometheus-client appends `_total` to counters and the unit to names, and writes `OpenMetrics` text.

use std::fmt;

use prometheus_client::registry::{Registry, Unit};

use super::Metrics;

/// Media type of what [`Metrics::render`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    /// All metrics as `OpenMetrics` text.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        self.register_requests(&mut registry);
        self.register_overload(&mut registry);
        self.register_store(&mut registry);
        let mut text = String::with_capacity(8 * 1024);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register_requests(&self, r: &mut Registry) {
        r.register("http_requests", "Requests answered, refused ones too", self.requests.clone());
        let help = "Time from a request's first byte to its answer, of requests that were let in";
        r.register_with_unit("http_request_duration", help, Unit::Seconds, self.durations.clone());
        let help = "Requests being answered, of the counted routes";
        r.register("http_requests_in_flight", help, self.in_flight.clone());
        let help = "Requests whose deadline passed before the work was done";
        r.register("http_request_deadline_exceeded", help, self.deadlines.clone());
    }

    fn register_overload(&self, r: &mut Registry) {
        let help = "Requests refused because there was too much to do";
        r.register("http_requests_shed", help, self.shed.clone());
        let help = "Requests that may be worked on at once, as learned from their latency";
        r.register("http_concurrency_limit", help, self.limit.clone());
        let help = "Requests being worked on, of those that the limit counts";
        r.register("http_concurrency_in_use", help, self.in_use.clone());
        let help = "How late worker threads get to work that is ready";
        r.register_with_unit("worker_lag", help, Unit::Seconds, self.lag.clone());
        r.register("events_stored", "Events stored", self.events_stored.clone());
        r.register("events_dropped", "Events not stored", self.events_dropped.clone());
    }

    fn register_store(&self, r: &mut Registry) {
        r.register("cache_requests", "Questions to a cache", self.cache.clone());
        let help = "Time of questions to the store";
        r.register_with_unit("store_duration", help, Unit::Seconds, self.store.clone());
        let help = "Open connections to the store";
        r.register("store_pool_connections", help, self.connections.clone());
        let help = "Most connections to the store that this replica opens";
        r.register("store_pool_size", help, self.pool_size.clone());
        let help = "Requests for which no connection to the store was free in time";
        r.register("store_pool_exhausted", help, self.pool_exhausted.clone());
    }
}

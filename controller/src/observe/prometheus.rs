//! Asks Prometheus one instant query at a time: with a deadline, a bound on the size of the answer, and without
//! following redirects. Judges nothing: NaN and old samples are passed on as they are.
//!
//! One that answers nothing at all is waited for only briefly until it answers again, so that what does not depend on it
//! is followed at once: an override, a node that is taken away.
//!
//! Needs a client. Called by [`super::signals`].

use crate::metrics::Metrics;
use prometheus_http_query::Client;
use prometheus_http_query::response::{Data, InstantVector, PromqlResult};
use reqwest::redirect::Policy;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// No query takes longer, from the connection to the last byte.
pub const DEADLINE: Duration = Duration::from_millis(2500);
/// A larger answer is refused: 5,000 fleets need less than a megabyte.
pub const LARGEST_ANSWER: usize = 2 << 20;
/// After so many queries in a row without an answer Prometheus is silent. A pass asks as many at once.
const SILENT: u32 = 8;
/// A silent one is waited for no longer than this.
pub const BRIEFLY: Duration = Duration::from_millis(300);

/// Prometheus, as it is asked.
#[derive(Clone)]
pub struct Prometheus {
    client: Client,
    deadline: Duration,
    metrics: Arc<Metrics>,
    /// Queries in a row that had no answer, though it was waited for until the deadline.
    unanswered: Arc<AtomicU32>,
    /// Held by the one query that is waited for until the deadline while Prometheus is silent.
    listening: Arc<Semaphore>,
}

/// A query that was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The address cannot be asked at all.
    #[error("cannot set up the connection to Prometheus: {0}; check --prometheus-url")]
    Setup(String),
    /// No answer in time.
    #[error("Prometheus did not answer within {} s; it may be overloaded or unreachable", .0.as_secs_f64())]
    Deadline(Duration),
    /// The connection failed or broke.
    #[error("Prometheus cannot be reached: {0}")]
    Unreachable(String),
    /// It answered that it cannot do this query.
    #[error("Prometheus refused the query ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
    /// It answered with something else than a result: a redirect, an error page.
    #[error(
        "Prometheus answered with status {0} instead of a result; check --prometheus-url and proxies before it"
    )]
    Status(u16),
    /// The answer is too large.
    #[error("the answer is larger than {} MiB", LARGEST_ANSWER >> 20)]
    TooLarge,
    /// The answer cannot be read.
    #[error("the answer is not what a query returns: {0}")]
    Malformed(String),
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<PromqlResult>,
}

// === impl QueryError ===

impl QueryError {
    /// Whether asking for less at once may help: one fleet of a batch can spoil the query of all. A Prometheus that
    /// is overloaded is not asked again.
    #[must_use]
    pub const fn may_be_one_fleets_fault(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 422, .. } | Self::TooLarge)
    }

    /// Whether Prometheus said nothing.
    const fn is_silence(&self) -> bool {
        matches!(self, Self::Deadline(_) | Self::Unreachable(_))
    }

    const fn label(&self) -> &'static str {
        match self {
            Self::Setup(_) => "setup",
            Self::Deadline(_) => "deadline",
            Self::Unreachable(_) => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::Malformed(_) => "malformed",
        }
    }
}

// === impl Prometheus ===

impl Prometheus {
    /// Sets up the connection; asks nothing yet.
    pub fn new(url: &str, metrics: Arc<Metrics>) -> Result<Self, QueryError> {
        let builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(DEADLINE)
            .pool_max_idle_per_host(8);
        // An image of one file has no certificates of authorities, and without TLS none are missed.
        // With TLS they come from the system, or from the file that SSL_CERT_FILE names.
        let builder = if url.starts_with("http://") { builder.tls_certs_only([]) } else { builder };
        let http = builder.build().map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            QueryError::Setup(format!("{error}{}", cause.unwrap_or_default()))
        })?;
        let client =
            Client::from(http, url).map_err(|error| QueryError::Setup(error.to_string()))?;
        let (unanswered, listening) = (Arc::default(), Arc::new(Semaphore::new(1)));
        Ok(Self { client, deadline: DEADLINE, metrics, unanswered, listening })
    }

    /// The same with another deadline; tests cannot wait for so long.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The usual wait for an answer, or a brief one while Prometheus is silent.
    #[must_use]
    pub fn patience(&self, usual: Duration) -> Duration {
        if self.is_silent() { usual.min(BRIEFLY) } else { usual }
    }

    fn is_silent(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= SILENT
    }

    /// The rows of an instant query.
    pub async fn query(&self, query: &str) -> Result<Vec<InstantVector>, QueryError> {
        if self.is_silent() {
            self.listen(query);
        }
        self.ask_within(self.patience(self.deadline), query).await
    }

    /// Asks once more, and waits by itself until the deadline: an answer that takes its time ends the silence, too.
    fn listen(&self, query: &str) {
        let Ok(only) = Arc::clone(&self.listening).try_acquire_owned() else { return };
        let (prometheus, query) = (self.clone(), query.to_owned());
        tokio::spawn(async move {
            let _ = prometheus.ask_within(prometheus.deadline, &query).await;
            drop(only);
        });
    }

    async fn ask_within(
        &self,
        limit: Duration,
        query: &str,
    ) -> Result<Vec<InstantVector>, QueryError> {
        let started = Instant::now();
        let result = match tokio::time::timeout(limit, self.ask(query)).await {
            Ok(result) => result,
            Err(_) => Err(QueryError::Deadline(limit)),
        };
        if result.as_ref().is_err_and(QueryError::is_silence) {
            // To have waited only briefly proves nothing.
            self.unanswered.fetch_add(u32::from(limit == self.deadline), Ordering::Relaxed);
        } else {
            self.unanswered.store(0, Ordering::Relaxed);
        }
        let label = result.as_ref().map_or_else(QueryError::label, |_| "success");
        self.metrics.queried(label, started.elapsed());
        result
    }

    async fn ask(&self, query: &str) -> Result<Vec<InstantVector>, QueryError> {
        let timeout = i64::try_from(self.deadline.as_millis()).unwrap_or(i64::MAX);
        let response = self
            .client
            .query(query)
            .timeout(timeout)
            .post_raw()
            .await
            .map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let body = read(response).await?;
        rows(status, &body)
    }
}

/// Reads at most [`LARGEST_ANSWER`] bytes.
async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, QueryError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len().saturating_add(chunk.len()) > LARGEST_ANSWER {
            return Err(QueryError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn rows(status: u16, body: &[u8]) -> Result<Vec<InstantVector>, QueryError> {
    let envelope = match serde_json::from_slice::<Envelope>(body) {
        Ok(envelope) => envelope,
        Err(error) if status == 200 => return Err(QueryError::Malformed(error.to_string())),
        Err(_) => return Err(QueryError::Status(status)),
    };
    if status != 200 || envelope.status != "success" {
        let message = envelope.error.unwrap_or_default().chars().take(300).collect();
        return Err(QueryError::Refused { status, message });
    }
    match envelope.data.map(|data| data.into_inner().0) {
        Some(Data::Vector(rows)) => Ok(rows),
        Some(Data::Matrix(_) | Data::Scalar(_)) | None => {
            Err(QueryError::Malformed("no instant vector in it".to_owned()))
        }
    }
}

/// The innermost cause says what happened; the outer ones repeat the address, which may carry credentials.
fn unreachable(error: &dyn std::error::Error) -> QueryError {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    QueryError::Unreachable(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(rows: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{rows}]}}}}"#)
    }

    #[test]
    fn rows_are_passed_on_as_they_are_nan_included() {
        let body = vector(
            r#"{"metric":{"fleet":"a"},"value":[1.5,"NaN"]},{"metric":{},"value":[1,"+Inf"]}"#,
        );
        let rows = rows(200, body.as_bytes()).unwrap();
        assert!(rows[0].sample().value().is_nan());
        assert_eq!(rows[0].metric()["fleet"], "a");
        assert!(rows[1].sample().value().is_infinite());
    }

    #[test]
    fn an_empty_result_is_no_error_and_no_row() {
        assert!(rows(200, vector("").as_bytes()).unwrap().is_empty());
    }

    #[test]
    fn everything_but_a_successful_vector_is_an_error() {
        let refused = br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert!(matches!(rows(400, refused), Err(QueryError::Refused { status: 400, .. })));
        assert!(matches!(rows(200, refused), Err(QueryError::Refused { status: 200, .. })));
        assert!(matches!(rows(302, b""), Err(QueryError::Status(302))));
        assert!(matches!(rows(503, b"<html>"), Err(QueryError::Status(503))));
        assert!(matches!(rows(200, b"{\"status\":\"succ"), Err(QueryError::Malformed(_))));
        let scalar = br#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;
        assert!(matches!(rows(200, scalar), Err(QueryError::Malformed(_))));
        assert!(matches!(rows(200, br#"{"status":"success"}"#), Err(QueryError::Malformed(_))));
    }
}

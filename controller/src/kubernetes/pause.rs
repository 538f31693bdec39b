//! Until when the API server wants to be left alone: what it says with `429 Too Many Requests` and `Retry-After`.
//!
//! [`Pause`] reads the answers of one client as they pass, and [`super::Kubernetes::call`] and the watches of
//! [`crate::caches`] ask it before they ask the server. Two things it leaves out: a disruption budget that refuses an
//! eviction says 429, too, and means that pod only; and the lease is written whatever is said
//! ([`super::Kubernetes::regardless`]), since nobody would lead otherwise. It makes no request and decides nothing.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::{Layer, Service};

/// What is asked for without a number of seconds.
const DEFAULT: Duration = Duration::from_secs(1);
/// No server keeps the fleets unattended for longer, whatever it asks for.
const LONGEST: Duration = Duration::from_secs(20);

/// The pause that the API server has asked for, shared by everyone who uses the client.
#[derive(Debug, Clone, Default)]
pub struct Pause(Arc<Mutex<Option<Instant>>>);

/// A client's service whose answers are read.
#[derive(Debug, Clone)]
pub struct Listening<S> {
    inner: S,
    pause: Pause,
}

// === impl Pause ===

impl Pause {
    /// How much of it is left; `None` where the server may be asked.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let until = (*self.lock())?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Waits until the server may be asked.
    pub async fn over(&self) {
        while let Some(left) = self.left() {
            tokio::time::sleep(left).await;
        }
    }

    /// A pause that is running is never cut short.
    fn ask_for(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST);
        let mut there = self.lock();
        *there = Some(there.map_or(until, |there| there.max(until)));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for Pause {
    type Service = Listening<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Listening { inner, pause: self.clone() }
    }
}

// === impl Listening ===

impl<S, Q, A> Service<Request<Q>> for Listening<S>
where
    S: Service<Request<Q>, Response = Response<A>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    A: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let is_about_one_pod = request.uri().path().ends_with("/eviction");
        let (pause, answer) = (self.pause.clone(), self.inner.call(request));
        async move {
            let answer = answer.await?;
            if let Some(wait) = wanted(&answer).filter(|_| !is_about_one_pod) {
                tracing::warn!(?wait, "the API server is overloaded and is left alone");
                pause.ask_for(wait);
            }
            Ok(answer)
        }
        .boxed()
    }
}

/// How long the server wants to be left alone. A date instead of seconds, which it never sends, counts as no number.
fn wanted<A>(answer: &Response<A>) -> Option<Duration> {
    let seconds =
        answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS => Some(seconds.map_or(DEFAULT, Duration::from_secs)),
        // A server that starts or stops says for how long; one that is merely broken does not.
        StatusCode::SERVICE_UNAVAILABLE => seconds.map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, retry_after: Option<&str>) -> Response<()> {
        let mut answer = Response::builder().status(code);
        if let Some(value) = retry_after {
            answer = answer.header(RETRY_AFTER, value);
        }
        answer.body(()).unwrap()
    }

    #[test]
    fn only_a_server_that_says_so_is_left_alone() {
        let seconds = |code, value| wanted(&answer(code, value)).map(|wait| wait.as_secs());
        assert_eq!(seconds(429, Some("7")), Some(7));
        assert_eq!(seconds(429, None), Some(1));
        assert_eq!(seconds(429, Some("Wed, 21 Oct 2026 07:28:00 GMT")), Some(1));
        assert_eq!(seconds(429, Some("-3")), Some(1));
        assert_eq!(seconds(503, Some("2")), Some(2));
        for code in [200, 409, 500, 503] {
            assert_eq!(seconds(code, None), None, "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_by_itself_is_never_cut_short_and_is_bounded() {
        let pause = Pause::default();
        assert_eq!(pause.left(), None);
        pause.ask_for(Duration::from_secs(9));
        pause.ask_for(Duration::from_secs(1));
        assert_eq!(pause.left(), Some(Duration::from_secs(9)));
        let began = Instant::now();
        pause.over().await;
        assert!(began.elapsed() >= Duration::from_secs(9) && pause.left().is_none());
        pause.ask_for(Duration::from_hours(1));
        assert_eq!(pause.left(), Some(LONGEST));
    }
}

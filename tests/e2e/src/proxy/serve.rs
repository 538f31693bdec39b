//! How one request goes through a proxy: taken apart, held against the rules, passed on, and what came back.
//!
//! Needs a client of the real API server. Whose credentials a request carries is not looked at: they are passed on.

use super::journal::Entry;
use super::rules::{Asked, Fault, Kind, Rule, fault};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, TRANSFER_ENCODING,
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// No request of the operator is larger.
const LARGEST: usize = 1 << 20;
/// Writes that are kept; a test makes some hundred.
const LONGEST_JOURNAL: usize = 50_000;

/// What goes wrong on the way; it ends the connection.
pub(super) type Broken = std::io::Error;
type Answer = Response<UnsyncBoxBody<Bytes, Broken>>;

/// What all connections of a proxy share.
pub(super) struct Way {
    by: String,
    upstream: Client,
    rules: watch::Sender<Vec<Rule>>,
    /// Counts how often open watches were cut.
    cuts: watch::Sender<u64>,
    /// The first answer to each list.
    past: Mutex<HashMap<String, (HeaderMap, Bytes)>>,
    journal: Mutex<Vec<Entry>>,
}

// === impl Way ===

impl Way {
    pub(super) fn new(by: String, upstream: Client) -> Self {
        let (past, journal) = (Mutex::default(), Mutex::default());
        let (rules, cuts) = (watch::Sender::new(Vec::new()), watch::Sender::new(0));
        Self { by, upstream, rules, cuts, past, journal }
    }

    pub(super) fn follow(&self, rules: &[Rule]) {
        self.rules.send_replace(rules.to_vec());
    }

    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(super) fn journal(&self) -> Vec<Entry> {
        lock(&self.journal).clone()
    }

    /// Answers one request; an error closes its connection without an answer.
    pub(super) async fn serve(&self, request: Request<Incoming>) -> Result<Answer, Broken> {
        let asked = Asked::of(request.method(), request.uri());
        let fault = fault(&self.rules.borrow(), &asked);
        match fault {
            Some(Fault::Conflict) => Ok(refusal(409, "Conflict", None)),
            Some(Fault::Busy(seconds)) => Ok(refusal(429, "TooManyRequests", Some(seconds))),
            Some(Fault::Broken) => Ok(refusal(500, "InternalError", None)),
            Some(Fault::BlackHole) => std::future::pending().await,
            Some(Fault::Dropped) => Err(told("dropped")),
            Some(Fault::Gone) => Ok(gone()),
            Some(Fault::Past) => match self.remembered(&asked) {
                Some(answer) => Ok(answer),
                None => self.pass(request, asked, false).await,
            },
            Some(Fault::Truncated) => self.pass(request, asked, true).await,
            None => self.pass(request, asked, false).await,
        }
    }

    async fn pass(
        &self,
        request: Request<Incoming>,
        asked: Asked,
        truncated: bool,
    ) -> Result<Answer, Broken> {
        // From before the answer: what is cut meanwhile is cut.
        let cuts = self.cuts.subscribe();
        let (mut head, body) = request.into_parts();
        let sent = Limited::new(body, LARGEST).collect().await.map_err(Broken::other)?.to_bytes();
        forget_the_connection(&mut head.headers);
        let began = Instant::now();
        let passed_on = Request::from_parts(head, Body::from(sent.to_vec()));
        let (mut head, body) =
            self.upstream.send(passed_on).await.map_err(Broken::other)?.into_parts();
        forget_the_connection(&mut head.headers);
        if asked.kind == Kind::Watch && head.status.is_success() {
            let events = open(body, cuts, self.rules.subscribe());
            return Ok(Response::from_parts(head, streamed(torn(events, truncated))));
        }
        let body = body.collect().await.map_err(Broken::other)?.to_bytes();
        if head.status.is_success() {
            self.note(&asked, (&head.headers, &body), began, &sent);
        }
        let body = if truncated { half(&body) } else { whole(body) };
        Ok(Response::from_parts(head, body))
    }

    /// Remembers the first answer to a list, and every write that was done.
    fn note(
        &self,
        asked: &Asked,
        (headers, body): (&HeaderMap, &Bytes),
        began: Instant,
        sent: &Bytes,
    ) {
        match asked.kind {
            Kind::List => {
                let answer = || (headers.clone(), body.clone());
                lock(&self.past).entry(asked.path.clone()).or_insert_with(answer);
            }
            Kind::Write => {
                let body = serde_json::from_slice(sent).unwrap_or_default();
                let (by, asked, ended) = (self.by.clone(), asked.clone(), Instant::now());
                let mut journal = lock(&self.journal);
                if journal.len() < LONGEST_JOURNAL {
                    journal.push(Entry { by, asked, began, ended, body });
                }
            }
            Kind::Read | Kind::Watch => {}
        }
    }

    fn remembered(&self, asked: &Asked) -> Option<Answer> {
        let (headers, body) = lock(&self.past).get(&asked.path).cloned()?;
        let mut answer = Response::new(whole(body));
        *answer.headers_mut() = headers;
        Some(answer)
    }
}

/// A panic elsewhere leaves it as it was; it is still true.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What concerns one connection is not passed on to the other.
fn forget_the_connection(headers: &mut HeaderMap) {
    for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// What an open watch says, until it is cut. It stands still while everything goes into a black hole.
fn open(
    body: Body,
    cuts: watch::Receiver<u64>,
    rules: watch::Receiver<Vec<Rule>>,
) -> BoxStream<'static, Result<Bytes, Broken>> {
    let state = Some((body.into_data_stream().boxed(), cuts, rules));
    let events = stream::unfold(state, |state| async move {
        let (mut body, mut cuts, mut rules) = state?;
        let event = tokio::select! {
            biased;
            // A sender that is gone means that the proxy is.
            _ = cuts.changed() => Some(Err(told("cut"))),
            event = body.next() => event.map(|event| event.map_err(Broken::other)),
        }?;
        let flows = |rules: &Vec<Rule>| !rules.iter().any(|(_, fault)| *fault == Fault::BlackHole);
        let _ = rules.wait_for(flows).await;
        let goes_on = event.is_ok();
        Some((event, goes_on.then_some((body, cuts, rules))))
    });
    events.boxed()
}

/// The same, or only half of the first event.
fn torn(
    events: BoxStream<'static, Result<Bytes, Broken>>,
    truncated: bool,
) -> BoxStream<'static, Result<Bytes, Broken>> {
    if !truncated {
        return events;
    }
    let first = events.take(1).map(|event| event.map(|bytes| bytes.slice(..bytes.len() / 2)));
    first.chain(stream::once(async { Err(told("broken off")) })).boxed()
}

fn streamed(
    bytes: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
) -> UnsyncBoxBody<Bytes, Broken> {
    StreamBody::new(bytes.map(|bytes| bytes.map(Frame::data))).boxed_unsync()
}

fn whole(body: Bytes) -> UnsyncBoxBody<Bytes, Broken> {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

fn half(body: &Bytes) -> UnsyncBoxBody<Bytes, Broken> {
    let first = body.slice(..body.len() / 2);
    streamed(stream::iter([Ok(first), Err(told("broken off"))]))
}

fn told(what: &str) -> Broken {
    Broken::other(format!("{what}, as the proxy was told"))
}

/// An error as the API server gives it.
fn refusal(code: u16, reason: &str, retry_after: Option<u32>) -> Answer {
    let mut answer = Response::new(whole(Bytes::from(status(code, reason).to_string())));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// A watch whose version is gone, as the API server says it: in the stream.
fn gone() -> Answer {
    let event = json!({"type": "ERROR", "object": status(410, "Expired")});
    Response::new(whole(Bytes::from(format!("{event}\n"))))
}

fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": reason, "message": format!("{reason}, as the proxy was told")})
}

//! An API server that is a function in the test's own process: with it time can be paused, so that what takes minutes
//! takes none.

use apifleet_controller::kubernetes::Kubernetes;
use apifleet_controller::metrics::Metrics;
use futures::{Stream, StreamExt as _};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;

/// What it answers.
pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// The operator's way to a server that answers like this.
pub(crate) fn kubernetes<A>(answer: impl Fn(Request<Body>) -> A + Send + 'static) -> Kubernetes
where
    A: Future<Output = Answer> + Send + 'static,
{
    let service = tower::service_fn(move |request: Request<Body>| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    Kubernetes::new(Client::new(service, "ops"), Arc::new(Metrics::default()))
}

/// A body as it is.
pub(crate) fn text(code: u16, body: String) -> Answer {
    let body = Full::new(Bytes::from(body)).boxed_unsync();
    Response::builder().status(code).body(body).unwrap()
}

/// A body of JSON.
pub(crate) fn json(code: u16, body: &Value) -> Answer {
    text(code, body.to_string())
}

/// The lines of a watch, as they come.
pub(crate) fn lines(lines: impl Stream<Item = String> + Send + 'static) -> Answer {
    let frames = lines.map(|line| Ok::<_, Infallible>(Frame::data(Bytes::from(line))));
    Response::new(StreamBody::new(frames).boxed_unsync())
}

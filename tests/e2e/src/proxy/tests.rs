//! The proxy by itself: a small API server behind it, a client before it, both in this process.

use super::{Fault, Identity, On, Proxy, Rule};
use futures::{StreamExt as _, stream};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use kube::{Client, Config};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const LISTS: &str = "/api/v1/pods";
const WATCHES: &str = "/api/v1/pods?watch=true";
const SCALE: &str = "/apis/apps/v1/namespaces/shop/deployments/api/scale";
/// Long enough for an answer from this machine.
const PATIENCE: Duration = Duration::from_secs(2);

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Lists are numbered, watches say one thing and stay open, and who asks is told.
fn answer(request: &Request<Incoming>, lists: &AtomicUsize) -> Answer {
    let text = |text: String| Response::new(Full::new(Bytes::from(text)).boxed_unsync());
    let who = request.headers().get("authorization").and_then(|it| it.to_str().ok());
    if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
        let event = stream::iter([Ok(Frame::data(Bytes::from("an event\n")))]);
        return Response::new(StreamBody::new(event.chain(stream::pending())).boxed_unsync());
    }
    if request.uri().path() == LISTS {
        return text(format!("list {}", lists.fetch_add(1, Ordering::SeqCst)));
    }
    text(format!("for {}", who.unwrap_or("nobody")))
}

async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let lists = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let lists = Arc::clone(&lists);
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&request, &lists);
                async move { Ok::<_, Infallible>(answer) }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// A server, a proxy before it, and a client that trusts the proxy.
struct World {
    runtime: Runtime,
    proxy: Proxy,
    client: Client,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let upstream = runtime.block_on(upstream());
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let identity =
            Identity { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() };
        let behind = Config::new(format!("http://{upstream}").parse().unwrap());
        let proxy = Proxy::start("a", &identity, behind).unwrap();
        let mut config = Config::new(format!("https://{}", proxy.address()).parse().unwrap());
        config.root_cert = Some(vec![made.cert.der().to_vec()]);
        config.default_retry = false;
        let client = {
            let _in = runtime.enter();
            Client::try_from(config).unwrap()
        };
        Self { runtime, proxy, client }
    }

    fn follow(&self, rules: &[Rule]) -> &Self {
        self.proxy.follow(rules);
        self
    }

    /// The code, `Retry-After` and body of an answer; `None` where there is none, or not the whole of one.
    fn ask(&self, verb: Method, path: &str) -> Option<(u16, Option<String>, String)> {
        let request = Request::builder()
            .method(verb)
            .uri(path)
            .header("authorization", "Bearer me")
            .body(Body::from(br#"{"spec":{"replicas":11}}"#.to_vec()))
            .unwrap();
        let ask = async {
            let (head, body) = self.client.send(request).await.ok()?.into_parts();
            let after = head.headers.get("retry-after").map(|it| it.to_str().unwrap().to_owned());
            let body = body.collect().await.ok()?.to_bytes();
            Some((head.status.as_u16(), after, String::from_utf8_lossy(&body).into_owned()))
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, ask).await.ok().flatten() })
    }

    fn text(&self, verb: Method, path: &str) -> String {
        self.ask(verb, path).map(|(_, _, text)| text).unwrap_or_default()
    }
}

#[test]
fn what_no_rule_fits_is_passed_on_with_its_credentials() {
    let world = World::new();
    world.follow(&[(On::Watches, Fault::Broken)]);
    assert_eq!(world.text(Method::PUT, SCALE), "for Bearer me");
    assert_eq!(world.text(Method::GET, LISTS), "list 0");
    let journal = world.proxy.journal();
    assert_eq!(journal.len(), 1, "reads are not written down");
    assert_eq!((journal[0].by.as_str(), journal[0].asked.scales()), ("a", Some("api")));
    assert_eq!(journal[0].body["spec"]["replicas"], 11);
}

#[test]
fn refusals_are_those_of_the_api_server_and_nothing_is_done() {
    let world = World::new();
    for (fault, code) in [(Fault::Conflict, 409), (Fault::Busy(3), 429), (Fault::Broken, 500)] {
        let answer = world.follow(&[(On::Writes, fault)]).ask(Method::PUT, SCALE).unwrap();
        assert_eq!(answer.0, code);
        assert_eq!(answer.1.as_deref(), (code == 429).then_some("3"));
        assert!(answer.2.contains(&format!("\"code\":{code}")), "{}", answer.2);
    }
    assert_eq!(world.proxy.journal().len(), 0);
}

#[test]
fn a_truncated_answer_breaks_off_and_what_was_asked_is_done() {
    let world = World::new();
    world.follow(&[(On::Everything, Fault::Truncated)]);
    assert_eq!(world.ask(Method::PUT, SCALE), None);
    assert_eq!(world.ask(Method::GET, LISTS), None);
    assert_eq!(world.proxy.journal().len(), 1);
}

#[test]
fn a_black_hole_answers_nothing_and_afterwards_all_is_well() {
    let world = World::new();
    assert_eq!(world.follow(&[(On::Everything, Fault::BlackHole)]).ask(Method::GET, LISTS), None);
    assert_eq!(world.follow(&[]).text(Method::GET, LISTS), "list 0");
}

#[test]
fn a_dropped_connection_is_no_answer() {
    let world = World::new();
    assert_eq!(world.follow(&[(On::Lists, Fault::Dropped)]).ask(Method::GET, LISTS), None);
    assert_eq!(world.text(Method::PUT, SCALE), "for Bearer me");
}

#[test]
fn a_list_of_the_past_is_the_first_that_there_was() {
    let world = World::new();
    assert_eq!(world.text(Method::GET, LISTS), "list 0");
    assert_eq!(world.text(Method::GET, LISTS), "list 1");
    world.follow(&[(On::Lists, Fault::Past)]);
    assert_eq!(world.text(Method::GET, LISTS), "list 0");
    assert_eq!(world.follow(&[]).text(Method::GET, LISTS), "list 2");
}

#[test]
fn a_watch_that_is_gone_says_so_in_its_stream() {
    let world = World::new();
    let answer = world.follow(&[(On::Watches, Fault::Gone)]).ask(Method::GET, WATCHES).unwrap();
    assert_eq!(answer.0, 200);
    assert!(answer.2.contains("\"ERROR\"") && answer.2.contains("410"), "{}", answer.2);
}

#[test]
fn a_watch_goes_on_until_it_is_cut() {
    let world = World::new();
    let request = Request::get(WATCHES).body(Body::empty()).unwrap();
    world.runtime.block_on(async {
        let body = world.client.send(request).await.unwrap().into_body();
        let mut events = body.into_data_stream().boxed();
        let first = tokio::time::timeout(PATIENCE, events.next()).await.unwrap();
        assert_eq!(first.unwrap().unwrap(), "an event\n");
        let quiet = tokio::time::timeout(Duration::from_millis(200), events.next()).await;
        assert!(quiet.is_err(), "it says no more, and stays open");
        world.proxy.cut_watches();
        let end = tokio::time::timeout(PATIENCE, events.next()).await.expect("it stays open");
        assert!(end.is_none_or(|event| event.is_err()));
    });
}

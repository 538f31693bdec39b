//! Caches against an API server whose lists and watches hang, break off, are gone, or tell of the past. Time is paused:
//! every wait is as long as it would be, and takes none.

use crate::fixtures::{deployment, status};
use crate::in_process::{self, Answer};
use apifleet_controller::caches::{Cache, Key};
use apifleet_controller::facts::DeploymentFact;
use apifleet_controller::kubernetes::Kubernetes;
use apifleet_controller::metrics::Metrics;
use futures::{StreamExt as _, stream};
use http::Request;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::Api;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// How a list or a watch is answered.
#[derive(Clone)]
enum Reply {
    /// Not at all.
    Never,
    /// With a body as it is.
    Body(u16, String),
    /// With these lines of a watch, which stays open.
    Open(Vec<String>),
    /// With these lines of a watch, which ends then.
    Ended(Vec<String>),
}

impl Reply {
    async fn answer(self) -> Answer {
        match self {
            Self::Never => std::future::pending().await,
            Self::Body(code, body) => in_process::text(code, body),
            Self::Open(lines) => in_process::lines(stream::iter(lines).chain(stream::pending())),
            Self::Ended(lines) => in_process::lines(stream::iter(lines)),
        }
    }
}

/// A cache of Deployments that is being filled, and what the server was asked, without the pages' size.
struct Filling {
    cache: Arc<Cache<DeploymentFact>>,
    asked: Arc<Mutex<Vec<String>>>,
    began: Instant,
}

/// What is answered to lists and to watches, in their order; the last of each again and again.
struct Script {
    lists: VecDeque<Reply>,
    watches: VecDeque<Reply>,
}

impl Script {
    fn next(&mut self, query: &str) -> Reply {
        let replies =
            if query.contains("watch=true") { &mut self.watches } else { &mut self.lists };
        let reply = replies.front().cloned().unwrap();
        if replies.len() > 1 {
            replies.pop_front();
        }
        reply
    }
}

/// Begins to fill a cache from a server that answers like this.
fn filling<const L: usize, const W: usize>(lists: [Reply; L], watches: [Reply; W]) -> Filling {
    let script = Mutex::new(Script { lists: lists.into(), watches: watches.into() });
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let kubernetes = in_process::kubernetes(move |request: Request<Body>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let reply = script.lock().unwrap().next(&query);
        log.lock().unwrap().push(query);
        reply.answer()
    });
    Filling { cache: fill(kubernetes), asked, began: Instant::now() }
}

fn fill(kubernetes: Kubernetes) -> Arc<Cache<DeploymentFact>> {
    let cache = Arc::new(Cache::new(Arc::new(Notify::new())));
    let filled = Arc::clone(&cache);
    tokio::spawn(async move {
        let api = Api::<Deployment>::all(kubernetes.client().clone());
        filled.fill(&kubernetes, api).await;
    });
    cache
}

impl Filling {
    /// The replicas of `api` as the cache has them.
    fn replicas(&self) -> Option<u32> {
        let facts = self.cache.under(&Key::new("shop", "api"));
        facts.first().and_then(|fact| fact.replicas).map(apifleet_core::Replicas::get)
    }

    /// Waits until the cache shows so many; returns how long that took since the start.
    async fn shows(&self, replicas: u32) -> Duration {
        let shown = async {
            while self.replicas() != Some(replicas) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(30), shown).await.expect("it never shows them");
        self.began.elapsed()
    }

    fn queries(&self, of: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|query| query.contains("watch=true") == (of == "watch"))
            .cloned()
            .collect()
    }
}

/// A list of this version with `api` at so many replicas and this version.
fn listed(version: &str, replicas: i32, of: &str) -> Reply {
    page(version, None, &[deployment("api", Some(replicas), of)])
}

fn page(version: &str, next: Option<&str>, items: &[Value]) -> Reply {
    let list = json!({"kind": "DeploymentList", "apiVersion": "apps/v1",
        "metadata": {"resourceVersion": version, "continue": next}, "items": items});
    Reply::Body(200, list.to_string())
}

fn modified(replicas: i32, version: &str) -> String {
    let event = json!({"type": "MODIFIED", "object": deployment("api", Some(replicas), version)});
    format!("{event}\n")
}

fn gone() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired",
        "message": "too old resource version"})
}

fn told_gone() -> String {
    format!("{}\n", json!({"type": "ERROR", "object": gone()}))
}

fn quiet() -> Reply {
    Reply::Open(Vec::new())
}

#[tokio::test(start_paused = true)]
async fn a_dead_watch_is_noticed_within_65_seconds_and_what_it_missed_is_made_up_for() {
    let filling = filling([listed("10", 3, "7")], [quiet(), Reply::Open(vec![modified(5, "11")])]);
    let took = filling.shows(5).await;
    assert!(took > Duration::from_mins(1), "a quiet watch is left alone: {took:?}");
    assert!(took <= Duration::from_secs(66), "{took:?}");
    assert_eq!(filling.queries("list").len(), 1, "it is resumed and nothing is listed anew");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_never_answered_is_asked_for_again() {
    let filling = filling([Reply::Never, listed("10", 3, "7")], [quiet()]);
    let took = filling.shows(3).await;
    assert!(took <= Duration::from_secs(12), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_beginning_is_never_answered_is_begun_again() {
    let filling =
        filling([listed("10", 3, "7")], [Reply::Never, Reply::Open(vec![modified(5, "11")])]);
    let took = filling.shows(5).await;
    assert!(took <= Duration::from_secs(12), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_the_past_is_refused_and_what_is_known_is_kept() {
    let past = listed("12", 3, "7");
    let filling = filling(
        [listed("20", 5, "20"), past.clone(), past, listed("30", 9, "30")],
        [Reply::Ended(vec![told_gone()]), quiet()],
    );
    filling.shows(5).await;
    let mut shown = Vec::new();
    while filling.replicas() != Some(9) {
        shown.push(filling.replicas());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(shown.iter().all(|shown| *shown == Some(5)), "{shown:?}");
    assert_eq!(filling.queries("list").len(), 4, "each list of the past was asked for and refused");
}

#[tokio::test(start_paused = true)]
async fn after_two_minutes_a_past_that_stays_is_a_store_that_was_restored() {
    let filling = filling(
        [listed("20", 5, "20"), listed("12", 3, "7")],
        [Reply::Ended(vec![told_gone()]), quiet()],
    );
    filling.shows(5).await;
    let took = filling.shows(3).await;
    assert!(took >= Duration::from_mins(2) && took < Duration::from_secs(130), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_gone_leads_to_a_new_list_however_that_is_said() {
    for reply in [Reply::Ended(vec![told_gone()]), Reply::Body(410, gone().to_string())] {
        let filling = filling([listed("10", 3, "7"), listed("20", 5, "20")], [reply, quiet()]);
        let took = filling.shows(5).await;
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_off_in_the_middle_of_an_event_is_resumed_after_the_last_whole_one() {
    let torn = modified(9, "12").chars().take(40).collect();
    let filling = filling(
        [listed("10", 3, "7")],
        [Reply::Ended(vec![modified(4, "11"), torn]), Reply::Open(vec![modified(5, "12")])],
    );
    let took = filling.shows(5).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    let watches = filling.queries("watch");
    assert!(watches[0].contains("resourceVersion=10"), "{watches:?}");
    assert!(watches[1].contains("resourceVersion=11"), "{watches:?}");
    assert_eq!(filling.queries("list").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_is_not_asked_for_without_end() {
    let filling = filling([listed("10", 3, "7")], [Reply::Ended(Vec::new())]);
    filling.shows(3).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let watches = filling.queries("watch").len();
    assert!((30..=62).contains(&watches), "{watches} watches in a minute");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_missed_is_found_by_the_next_list() {
    let filling = filling([listed("10", 3, "7"), listed("11", 5, "11")], [quiet()]);
    let took = filling.shows(5).await;
    assert!(took > Duration::from_mins(8) && took < Duration::from_mins(12), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_truncated_list_and_an_error_page_are_no_lists() {
    let torn =
        Reply::Body(200, r#"{"kind":"DeploymentList","apiVersion":"apps/v1","met"#.to_owned());
    let page = Reply::Body(502, "<html>".repeat(1000));
    let filling = filling([torn, page, listed("10", 3, "7")], [quiet()]);
    let took = filling.shows(3).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_in_pages_is_taken_as_a_whole_or_not_at_all() {
    let one = [deployment("api", Some(3), "7")];
    let other = [deployment("other", Some(4), "8")];
    let expired = Reply::Body(410, gone().to_string());
    let first = page("10", Some("next"), &one);
    let filling = filling([first.clone(), expired, first, page("10", None, &other)], [quiet()]);
    filling.shows(3).await;
    assert_eq!(filling.cache.all().len(), 2);
    let lists = filling.queries("list");
    let continued: Vec<bool> = lists.iter().map(|query| query.contains("continue=next")).collect();
    assert_eq!(continued, [false, true, false, true], "{lists:?}");
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is_not_listed_meanwhile() {
    let server = MockServer::start().await;
    let busy = status(429, "TooManyRequests").insert_header("retry-after", "2");
    Mock::given(any()).respond_with(busy).up_to_n_times(1).mount(&server).await;
    let list = json!({"kind": "DeploymentList", "apiVersion": "apps/v1",
        "metadata": {"resourceVersion": "10"}, "items": []});
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(list))
        .mount(&server)
        .await;
    let config = kube::Config::new(server.uri().parse().unwrap());
    let kubernetes = Kubernetes::with_config(config, Arc::new(Metrics::default())).unwrap();
    let (began, cache) = (std::time::Instant::now(), fill(kubernetes));
    let filled = async {
        while !cache.is_filled() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), filled).await.expect("it is never filled");
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
}

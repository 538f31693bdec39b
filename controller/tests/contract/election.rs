//! Two copies of the operator and one Lease: one acts, the next follows soon, and nobody acts without a lease.

use crate::fixtures::{kubernetes, status};
use apifleet_controller::lease::{Candidate, Leadership, RENEW_DEADLINE};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// One Lease as the API server keeps it: with versions, and refusing what is not written on the newest.
#[derive(Clone, Default)]
struct Lease(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    version: u64,
    object: Option<Value>,
    broken: bool,
}

impl Respond for Lease {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut kept = self.0.lock().unwrap();
        if kept.broken {
            return status(500, "Broken");
        }
        let there = kept.object.clone();
        match (request.method.as_str(), there) {
            ("GET", Some(object)) => ResponseTemplate::new(200).set_body_json(object),
            ("GET" | "PUT", None) => status(404, "NotFound"),
            ("POST", Some(_)) => status(409, "AlreadyExists"),
            (verb, there) => {
                let mut object: Value = request.body_json().unwrap();
                let on = object["metadata"]["resourceVersion"].clone();
                if there.is_some_and(|there| there["metadata"]["resourceVersion"] != on) {
                    return status(409, "Conflict");
                }
                kept.version += 1;
                object["metadata"]["resourceVersion"] = json!(kept.version.to_string());
                kept.object = Some(object.clone());
                ResponseTemplate::new(if verb == "POST" { 201 } else { 200 }).set_body_json(object)
            }
        }
    }
}

struct Copy {
    leadership: Leadership,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Copy {
    fn start(server: &MockServer, pod: &str) -> Self {
        let (candidate, leadership) = Candidate::new(
            kubernetes(server),
            "ops".to_owned(),
            "apifleet-controller".to_owned(),
            pod,
        );
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(candidate.run(async move {
            let _ = stopped.await;
        }));
        Self { leadership, stop, task }
    }

    async fn leads(&mut self, within: Duration) {
        let wait = async {
            while !self.leadership.is_held() {
                self.leadership.changed().await;
            }
        };
        tokio::time::timeout(within, wait).await.expect("it does not lead in time");
    }
}

async fn serving(lease: &Lease) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(lease.clone()).mount(&server).await;
    server
}

#[tokio::test]
async fn one_of_two_leads_and_the_other_follows_within_two_seconds_of_a_stop() {
    let lease = Lease::default();
    let server = serving(&lease).await;
    let mut first = Copy::start(&server, "a");
    first.leads(Duration::from_secs(2)).await;
    let mut second = Copy::start(&server, "b");
    assert!(
        tokio::time::timeout(Duration::from_millis(1500), second.leads(Duration::from_secs(9)))
            .await
            .is_err()
    );
    first.stop.send(()).unwrap();
    first.task.await.unwrap();
    assert!(!first.leadership.is_held());
    let stopped = Instant::now();
    second.leads(Duration::from_secs(2)).await;
    assert!(stopped.elapsed() < Duration::from_secs(2));
    let spec = lease.0.lock().unwrap().object.clone().unwrap()["spec"].clone();
    assert!(spec["holderIdentity"].as_str().unwrap().starts_with("b_"), "{spec}");
    assert_eq!(spec["leaseTransitions"], 2);
    assert_eq!(spec["leaseDurationSeconds"], 15);
    second.stop.send(()).unwrap();
    second.task.await.unwrap();
}

#[tokio::test]
async fn a_holder_that_cannot_renew_stops_acting_at_its_deadline() {
    let lease = Lease::default();
    let server = serving(&lease).await;
    let mut copy = Copy::start(&server, "a");
    copy.leads(Duration::from_secs(2)).await;
    let acquired = Instant::now();
    lease.0.lock().unwrap().broken = true;
    let lost = async {
        while copy.leadership.is_held() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(RENEW_DEADLINE + Duration::from_secs(1), lost)
        .await
        .expect("it still acts");
    assert!(acquired.elapsed() + Duration::from_secs(1) > RENEW_DEADLINE, "it gave up too soon");
    // When the API server is back, it leads again: the lease is still its own.
    lease.0.lock().unwrap().broken = false;
    copy.leads(Duration::from_secs(3)).await;
    copy.stop.send(()).unwrap();
    copy.task.await.unwrap();
}

#[tokio::test]
async fn a_lease_that_somebody_took_is_not_renewed() {
    let lease = Lease::default();
    let server = serving(&lease).await;
    let mut copy = Copy::start(&server, "a");
    copy.leads(Duration::from_secs(2)).await;
    {
        let mut kept = lease.0.lock().unwrap();
        kept.version += 1;
        let version = kept.version.to_string();
        let object = kept.object.as_mut().unwrap();
        object["metadata"]["resourceVersion"] = json!(version);
        object["spec"]["holderIdentity"] = json!("thief");
    }
    let lost = async {
        while copy.leadership.is_held() {
            copy.leadership.changed().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(7), lost).await.expect("it still acts");
    let spec = lease.0.lock().unwrap().object.clone().unwrap()["spec"].clone();
    assert_eq!(spec["holderIdentity"], "thief");
    copy.stop.send(()).unwrap();
    copy.task.await.unwrap();
    let spec = lease.0.lock().unwrap().object.clone().unwrap()["spec"].clone();
    assert_eq!(spec["holderIdentity"], "thief", "nor is it handed back");
}

//! Two copies of the operator and one Lease: one acts, the next follows soon, and nobody acts without a lease.

use crate::fixtures::{kubernetes, status};
use crate::in_process::{self, Answer};
use apifleet_controller::kubernetes::Kubernetes;
use apifleet_controller::lease::{Candidate, DURATION, Leadership, RENEW_DEADLINE};
use http::Request as Asked;
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
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

impl Kept {
    /// The code of the answer, and the lease where it is one of success.
    fn answer(
        &mut self,
        verb: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), (u16, &'static str)> {
        match (verb, self.object.clone(), body) {
            ("GET", Some(object), _) => Ok((200, object)),
            ("GET" | "PUT", None, _) => Err((404, "NotFound")),
            ("POST", Some(_), _) => Err((409, "AlreadyExists")),
            (verb, there, Some(mut object)) => {
                let on = object["metadata"]["resourceVersion"].clone();
                if there.is_some_and(|there| there["metadata"]["resourceVersion"] != on) {
                    return Err((409, "Conflict"));
                }
                self.version += 1;
                object["metadata"]["resourceVersion"] = json!(self.version.to_string());
                self.object = Some(object.clone());
                Ok((if verb == "POST" { 201 } else { 200 }, object))
            }
            (_, _, None) => Err((400, "BadRequest")),
        }
    }
}

impl Respond for Lease {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut kept = self.0.lock().unwrap();
        if kept.broken {
            return status(500, "Broken");
        }
        match kept.answer(request.method.as_str(), request.body_json().ok()) {
            Ok((code, object)) => ResponseTemplate::new(code).set_body_json(object),
            Err((code, reason)) => status(code, reason),
        }
    }
}

impl Lease {
    /// The same in the test's own process, so that time can be paused; `fate` says what becomes of each call.
    fn in_process(&self, fate: impl Fn() -> Fate + Send + 'static) -> Kubernetes {
        let lease = self.clone();
        in_process::kubernetes(move |request: Asked<Body>| {
            let (lease, fate) = (lease.clone(), fate());
            async move { lease.serve(request, fate).await }
        })
    }

    async fn serve(&self, request: Asked<Body>, fate: Fate) -> Answer {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        match fate {
            Fate::Lost => std::future::pending().await,
            Fate::Broken => return in_process::text(500, "broken".to_owned()),
            Fate::Answered | Fate::AnswerLost => {}
        }
        let body = serde_json::from_slice(&body).ok();
        let answer = self.0.lock().unwrap().answer(head.method.as_str(), body);
        if matches!(fate, Fate::AnswerLost) {
            std::future::pending::<()>().await;
        }
        match answer {
            Ok((code, object)) => in_process::json(code, &object),
            Err((code, reason)) => in_process::json(
                code,
                &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                    "reason": reason, "message": reason}),
            ),
        }
    }

    /// Somebody else writes it, with this time of renewal.
    fn renewed_by(&self, holder: &str, renew_time: &str) {
        let mut kept = self.0.lock().unwrap();
        kept.version += 1;
        kept.object = Some(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "apifleet-controller", "namespace": "ops",
                "resourceVersion": kept.version.to_string()},
            "spec": {"holderIdentity": holder, "renewTime": renew_time, "acquireTime": renew_time,
                "leaseDurationSeconds": 15, "leaseTransitions": 1}}));
    }
}

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Fate {
    Answered,
    /// It never arrives.
    Lost,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It is refused with 500.
    Broken,
}

struct Copy {
    leadership: Leadership,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Copy {
    fn start(server: &MockServer, pod: &str) -> Self {
        Self::with(kubernetes(server), pod)
    }

    fn with(kubernetes: Kubernetes, pod: &str) -> Self {
        let (namespace, name) = ("ops".to_owned(), "apifleet-controller".to_owned());
        let (candidate, leadership) = Candidate::new(kubernetes, namespace, name, pod);
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

#[tokio::test(start_paused = true)]
async fn times_that_are_written_in_the_lease_are_never_believed() {
    for (what, time) in [
        ("an hour ago", "2026-12-10T09:00:00.000000Z"),
        ("in an hour", "2036-12-10T11:00:00.000000Z"),
    ] {
        let lease = Lease::default();
        lease.renewed_by("them", time);
        let mut copy = Copy::with(lease.in_process(|| Fate::Answered), "a");
        // Renewed every five seconds with a clock that is wrong: nobody else may lead.
        for renewal in 0..12 {
            lease.renewed_by("them", &time.replace(".000000", &format!(".{renewal:06}")));
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert!(!copy.leadership.is_held(), "two leaders: they renew {what}");
        }
        let silent = tokio::time::Instant::now();
        copy.leads(DURATION + Duration::from_secs(2)).await;
        // The last renewal was five seconds before.
        assert!(
            silent.elapsed() + Duration::from_secs(5) >= DURATION,
            "{what}: {:?}",
            silent.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_stopped_for_20_seconds_knows_before_its_first_write() {
    let lease = Lease::default();
    let mut copy = Copy::with(lease.in_process(|| Fate::Answered), "a");
    copy.leads(Duration::from_secs(2)).await;
    lease.renewed_by("b", "2026-12-10T10:00:00.000000Z");
    // The clock goes on while the process does not.
    tokio::time::advance(Duration::from_secs(20)).await;
    assert!(!copy.leadership.is_held());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!copy.leadership.is_held(), "another leads by now");
    let holder = lease.0.lock().unwrap().object.clone().unwrap()["spec"]["holderIdentity"].clone();
    assert_eq!(holder, "b", "its renewal was refused");
}

/// The first renewal fares like this: it comes after a look at the lease, which is not there, and its creation.
fn first_renewal(fate: Fate) -> impl Fn() -> Fate + Send + 'static {
    let calls = AtomicUsize::new(0);
    move || if calls.fetch_add(1, Ordering::Relaxed) == 2 { fate } else { Fate::Answered }
}

#[tokio::test(start_paused = true)]
async fn one_renewal_that_is_never_answered_does_not_cost_the_lead() {
    for fate in [Fate::Lost, Fate::AnswerLost] {
        let lease = Lease::default();
        let mut copy = Copy::with(lease.in_process(first_renewal(fate)), "a");
        copy.leads(Duration::from_secs(2)).await;
        for tenths in 0..300 {
            assert!(copy.leadership.is_held(), "lost after {tenths} tenths of a second");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_told_to_end_while_its_renewal_hangs_hands_the_lease_back_at_once() {
    for fate in [Fate::Lost, Fate::AnswerLost] {
        let lease = Lease::default();
        let mut copy = Copy::with(lease.in_process(first_renewal(fate)), "a");
        copy.leads(Duration::from_secs(2)).await;
        tokio::time::sleep(Duration::from_millis(5_500)).await;
        let told = tokio::time::Instant::now();
        copy.stop.send(()).unwrap();
        copy.task.await.unwrap();
        assert!(told.elapsed() < Duration::from_secs(1), "{:?}", told.elapsed());
        let spec = lease.0.lock().unwrap().object.clone().unwrap()["spec"].clone();
        assert_eq!(spec["holderIdentity"], "", "{spec}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_never_two_leaders_whatever_becomes_of_their_calls() {
    for seed in 1..=8_u64 {
        let lease = Lease::default();
        let luck = Arc::new(Mutex::new((seed, true)));
        let mut copies = ["a", "b"].map(|pod| {
            let luck = Arc::clone(&luck);
            Copy::with(lease.in_process(move || drawn(&luck)), pod)
        });
        for _ in 0..6_000 {
            let held = copies.iter().filter(|copy| copy.leadership.is_held()).count();
            assert!(held <= 1, "two leaders with seed {seed}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // In good weather one leads again.
        luck.lock().unwrap().1 = false;
        let [first, second] = &mut copies;
        tokio::select! {
            () = first.leads(DURATION * 2) => {}
            () = second.leads(DURATION * 2) => {}
        }
    }
}

/// What becomes of the next call: half of them go wrong while the weather is bad.
fn drawn(luck: &Mutex<(u64, bool)>) -> Fate {
    let mut luck = luck.lock().unwrap();
    let (state, bad) = *luck;
    // Numbers that look random and are the same in every run with the seed.
    let next =
        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    luck.0 = next;
    match (bad, (next >> 33) % 8) {
        (true, 0) => Fate::Lost,
        (true, 1 | 2) => Fate::AnswerLost,
        (true, 3) => Fate::Broken,
        _ => Fate::Answered,
    }
}

//! The loop over many fleets: who is served when one of them is broken, how soon a change is followed, and that a
//! copy that does not lead only looks on.

use crate::fixtures::{ON_DEMAND, deployment, guarded, kubernetes, list, status};
use apifleet_controller::cluster::Cluster;
use apifleet_controller::engine::Engine;
use apifleet_controller::health::Health;
use apifleet_controller::lease::Leadership;
use apifleet_controller::metrics::Metrics;
use apifleet_controller::observe::prometheus::Prometheus;
use apifleet_controller::reconcile::Context;
use apifleet_crds::ApiFleet;
use futures::stream;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// A running loop, the API server and Prometheus that it talks to, and its caches.
struct Running {
    api: MockServer,
    cluster: Arc<Cluster>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn fleet(name: &str) -> ApiFleet {
    let manifest = ON_DEMAND
        .replace("name: api,", &format!("name: {name},"))
        .replace("deploymentName: api}", &format!("deploymentName: {name}}}"));
    serde_saphyr::from_str(&manifest).unwrap()
}

fn named(name: &str, replicas: i32, version: &str) -> k8s_openapi::api::apps::v1::Deployment {
    serde_json::from_value(deployment(name, Some(replicas), version)).unwrap()
}

/// Answers reads with the fleets and their Deployments of 3, and takes every write.
async fn serve(api: &MockServer) {
    let last =
        |request: &Request| request.url.path().rsplit('/').next().unwrap_or_default().to_owned();
    Mock::given(method("GET"))
        .and(path_regex("/apifleets/[a-z0-9-]+$"))
        .respond_with(move |request: &Request| {
            ResponseTemplate::new(200).set_body_json(fleet(&last(request)))
        })
        .with_priority(9)
        .mount(api)
        .await;
    Mock::given(method("GET"))
        .and(path_regex("/deployments/[a-z0-9-]+$"))
        .respond_with(move |request: &Request| {
            ResponseTemplate::new(200).set_body_json(deployment(&last(request), Some(3), "7"))
        })
        .with_priority(9)
        .mount(api)
        .await;
    Mock::given(method("PUT"))
        .respond_with(|request: &Request| {
            let mut scale: Value = request.body_json().unwrap();
            scale["metadata"]["resourceVersion"] = json!("1000");
            ResponseTemplate::new(200).set_body_json(scale)
        })
        .with_priority(9)
        .mount(api)
        .await;
    for verb in ["PATCH", "POST"] {
        Mock::given(method(verb))
            .respond_with(|request: &Request| {
                let event = request.body_json::<Value>().unwrap();
                let fleet = json!(fleet("api"));
                ResponseTemplate::new(200).set_body_json(if event.get("note").is_some() {
                    event
                } else {
                    fleet
                })
            })
            .with_priority(9)
            .mount(api)
            .await;
    }
}

impl Running {
    async fn start(names: &[&str], leads: bool, prepare: impl AsyncFnOnce(&MockServer)) -> Self {
        let (api, wake) = (MockServer::start().await, Arc::new(Notify::new()));
        prepare(&api).await;
        serve(&api).await;
        let prometheus = MockServer::start().await;
        let metrics = Arc::new(Metrics::default());
        let cluster = Arc::new(Cluster::new(&wake));
        list(&cluster.fleets, names.iter().map(|name| DeserializeGuard(Ok(fleet(name)))).collect())
            .await;
        list(&cluster.deployments, names.iter().map(|name| named(name, 3, "7")).collect()).await;
        list(&cluster.pods, Vec::new()).await;
        list(&cluster.hpas, Vec::new()).await;
        let health = Arc::new(Health::default());
        let engine = Engine {
            context: Context {
                kubernetes: kubernetes(&api),
                cluster: Arc::clone(&cluster),
                leadership: Leadership::fixed(leads),
                metrics: Arc::clone(&metrics),
                scrape_interval: Duration::from_secs(5),
                instance: "test".to_owned(),
            },
            prometheus: Prometheus::new(&prometheus.uri(), Arc::clone(&metrics)).unwrap(),
            namespace: None,
            health: Arc::clone(&health),
            wake,
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(engine.run(async move {
            let _ = stopped.await;
        }));
        Self { api, cluster, metrics, health, stop, task }
    }

    /// Waits until a Deployment has been given so many replicas `times` times; returns how long it took.
    async fn scaled(&self, name: &str, replicas: i64, times: usize) -> Duration {
        let started = Instant::now();
        let done = async {
            loop {
                let requests = self.api.received_requests().await.unwrap();
                let written = |request: &&Request| {
                    request.method.as_str() == "PUT"
                        && request.url.path().ends_with(&format!("/{name}/scale"))
                        && request.body_json::<Value>().unwrap()["spec"]["replicas"] == replicas
                };
                if requests.iter().filter(written).count() >= times {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), done).await.expect("it was not scaled");
        started.elapsed()
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(7), self.task)
            .await
            .expect("it does not stop")
            .unwrap();
    }
}

#[tokio::test]
async fn one_fleet_that_cannot_be_read_delays_no_other() {
    let running = Running::start(&["good", "hangs", "refused"], true, async |api: &MockServer| {
        let hang = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
        Mock::given(method("GET"))
            .and(path_regex("/apifleets/hangs$"))
            .respond_with(hang)
            .mount(api)
            .await;
        let refused = status(403, "Forbidden");
        Mock::given(method("GET"))
            .and(path_regex("/apifleets/refused$"))
            .respond_with(refused)
            .mount(api)
            .await;
    })
    .await;
    assert!(running.scaled("good", 10, 1).await < Duration::from_secs(2));
    assert!(running.metrics.encode().unwrap().contains("apifleet_fleets 3"));
    running.end().await;
}

#[tokio::test]
async fn one_fleet_that_is_no_fleet_hides_no_other_and_is_stalled() {
    let running = Running::start(&["good"], true, async |api: &MockServer| {
        let mut broken = json!(fleet("broken"));
        broken["spec"]["minReplicas"] = json!("ten");
        Mock::given(method("GET"))
            .and(path_regex("/apifleets/broken$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(broken))
            .mount(api)
            .await;
    })
    .await;
    let broken = ON_DEMAND
        .replace("name: api,", "name: broken,")
        .replace("minReplicas: 10", "minReplicas: ten");
    let found = [guarded(&broken), guarded(&ON_DEMAND.replace("api", "good"))];
    list(&running.cluster.fleets, found.into()).await;
    running.scaled("good", 10, 1).await;
    let stalled = async {
        loop {
            let requests = running.api.received_requests().await.unwrap();
            let told = |request: &&Request| {
                request.method.as_str() == "PATCH"
                    && request.url.path().ends_with("/apifleets/broken/status")
                    && String::from_utf8_lossy(&request.body).contains("InvalidSpec")
            };
            if requests.iter().any(|request| told(&request)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), stalled).await.expect("it is not stalled");
    running.end().await;
}

#[tokio::test]
async fn a_target_that_somebody_changes_is_followed_within_two_seconds() {
    let running = Running::start(&["api"], true, async |_: &MockServer| {}).await;
    running.scaled("api", 10, 1).await;
    let change = |replicas, version: &str| Ok(Event::Apply(named("api", replicas, version)));
    running.cluster.deployments.follow(stream::iter([change(10, "1000")])).await;
    running.cluster.deployments.follow(stream::iter([change(4, "1001")])).await;
    assert!(running.scaled("api", 10, 2).await < Duration::from_secs(2));
    running.end().await;
}

#[tokio::test]
async fn a_spec_that_changes_is_followed_within_two_seconds() {
    let running = Running::start(&["api"], true, async |_: &MockServer| {}).await;
    running.scaled("api", 10, 1).await;
    running
        .cluster
        .deployments
        .follow(stream::iter([Ok(Event::Apply(named("api", 10, "1000")))]))
        .await;
    let mut larger = fleet("api");
    larger.metadata.generation = Some(2);
    larger.spec.min_replicas = 14;
    running
        .cluster
        .fleets
        .follow(stream::iter([Ok(Event::Apply(DeserializeGuard(Ok(larger))))]))
        .await;
    assert!(running.scaled("api", 14, 1).await < Duration::from_secs(2));
    running.end().await;
}

#[tokio::test]
async fn a_copy_that_does_not_lead_looks_on_and_is_ready() {
    let running = Running::start(&["api"], false, async |_: &MockServer| {}).await;
    let ready = async {
        while !running.health.is_ready() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), ready).await.expect("its caches are filled");
    assert!(running.health.is_live());
    assert!(
        running.api.received_requests().await.unwrap().is_empty(),
        "it has asked nothing and written nothing"
    );
    assert!(running.metrics.encode().unwrap().contains("apifleet_leader 0"));
    running.end().await;
}

#[tokio::test]
async fn a_fleet_that_is_gone_leaves_no_series_and_keeps_its_size() {
    let running = Running::start(&["api"], true, async |_: &MockServer| {}).await;
    running.scaled("api", 10, 1).await;
    running
        .cluster
        .fleets
        .follow(stream::iter([Ok(Event::Delete(DeserializeGuard(Ok(fleet("api")))))]))
        .await;
    let hidden = async {
        while running.metrics.encode().unwrap().contains(r#"fleet="api""#) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), hidden).await.expect("its series stay");
    running.scaled("api", 10, 1).await;
    running.end().await;
}

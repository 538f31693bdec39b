//! The loop over many fleets: who is served when one of them is broken, how soon a change is followed, and that a
//! copy that does not lead only looks on.

use crate::fixtures::{
    ON_DEMAND, WITH_SPOT, deployment, guarded, kubernetes, list, node, notice, order, pod, status,
};
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
    /// Kept, or another test would be given it while it is asked.
    _prometheus: Option<MockServer>,
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
        let prometheus = MockServer::start().await;
        let uri = prometheus.uri();
        Self { _prometheus: Some(prometheus), ..Self::asking(&uri, names, leads, prepare).await }
    }

    /// The same with another Prometheus than one that knows nothing.
    async fn asking(
        prometheus: &str,
        names: &[&str],
        leads: bool,
        prepare: impl AsyncFnOnce(&MockServer),
    ) -> Self {
        let (api, wake) = (MockServer::start().await, Arc::new(Notify::new()));
        prepare(&api).await;
        serve(&api).await;
        let metrics = Arc::new(Metrics::default());
        let cluster = Arc::new(Cluster::new(&wake));
        list(&cluster.fleets, names.iter().map(|name| DeserializeGuard(Ok(fleet(name)))).collect())
            .await;
        list(&cluster.deployments, names.iter().map(|name| named(name, 3, "7")).collect()).await;
        list(&cluster.pods, Vec::new()).await;
        list(&cluster.hpas, Vec::new()).await;
        list(&cluster.scaled_objects, Vec::new()).await;
        list(&cluster.policies, Vec::new()).await;
        list(&cluster.orders, Vec::new()).await;
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
            prometheus: Prometheus::new(prometheus, Arc::clone(&metrics)).unwrap(),
            namespace: None,
            health: Arc::clone(&health),
            wake,
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(engine.run(async move {
            let _ = stopped.await;
        }));
        Self { api, _prometheus: None, cluster, metrics, health, stop, task }
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

    /// Waits until `api` has been given ten replicas, and shows that to the operator.
    async fn rests_at_ten(&self) {
        self.scaled("api", 10, 1).await;
        let written = Ok(Event::Apply(named("api", 10, "1000")));
        self.cluster.deployments.follow(stream::iter([written])).await;
    }

    /// Orders so many replicas of `api`, from so many seconds from now on.
    async fn pin(&self, begins: i64, replicas: u32) {
        let mut pin = order("inc-412", "Pin", begins, 3600);
        pin["spec"]["replicas"] = json!(replicas);
        let ordered = Event::Apply(serde_json::from_value(pin).unwrap());
        self.cluster.orders.follow(stream::iter([Ok(ordered)])).await;
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
    running.rests_at_ten().await;
    let changed = Ok(Event::Apply(named("api", 4, "1001")));
    running.cluster.deployments.follow(stream::iter([changed])).await;
    assert!(running.scaled("api", 10, 2).await < Duration::from_secs(2));
    running.end().await;
}

#[tokio::test]
async fn a_spec_that_changes_is_followed_within_two_seconds() {
    let running = Running::start(&["api"], true, async |_: &MockServer| {}).await;
    running.rests_at_ten().await;
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
async fn an_override_is_in_force_within_two_seconds() {
    let running = Running::start(&["api"], true, async |_: &MockServer| {}).await;
    running.rests_at_ten().await;
    running.pin(-1, 14).await;
    assert!(running.scaled("api", 14, 1).await < Duration::from_secs(2));
    running.end().await;
}

#[tokio::test]
async fn an_override_is_in_force_within_two_seconds_while_prometheus_says_nothing() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let running = Running::asking(&url, &["api"], true, async |_: &MockServer| {}).await;
    // Only the first pass waits for all that time.
    running.rests_at_ten().await;
    running.pin(-1, 14).await;
    assert!(running.scaled("api", 14, 1).await < Duration::from_secs(2));
    running.end().await;
}

#[tokio::test]
async fn an_override_goes_before_hundreds_of_fleets_that_wait_and_a_stop_waits_for_none_of_them() {
    // All of them take four seconds.
    let waiting: Vec<String> = (0..600).map(|n| format!("aa-{n:03}")).collect();
    let names: Vec<&str> = waiting.iter().map(String::as_str).chain(["api"]).collect();
    let running = Running::start(&names, true, async |api: &MockServer| {
        Mock::given(method("GET"))
            .and(path_regex("/apifleets/aa-[0-9]+$"))
            .respond_with(|request: &Request| {
                let name = request.url.path().rsplit('/').next().unwrap();
                ResponseTemplate::new(200)
                    .set_body_json(fleet(name))
                    .set_delay(Duration::from_millis(200))
            })
            .mount(api)
            .await;
    })
    .await;
    running.scaled("aa-000", 10, 1).await;
    running.pin(-1, 10).await;
    assert!(running.scaled("api", 10, 1).await < Duration::from_secs(2));
    let told = Instant::now();
    running.end().await;
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
}

#[tokio::test]
async fn an_override_that_begins_later_is_in_force_at_its_instant() {
    let running = Running::start(&["api"], true, async |_: &MockServer| {}).await;
    running.rests_at_ten().await;
    running.pin(3, 14).await;
    let took = running.scaled("api", 14, 1).await;
    assert!(took > Duration::from_secs(2) && took < Duration::from_secs(5), "{took:?}");
    running.end().await;
}

#[tokio::test]
async fn a_policy_that_changes_is_followed_within_two_seconds() {
    let sharing = format!("{ON_DEMAND}  policyRef: {{name: steady}}\n");
    let served: Value = serde_saphyr::from_str(&sharing).unwrap();
    let running = Running::start(&[], true, async |api: &MockServer| {
        Mock::given(method("GET"))
            .and(path_regex("/apifleets/api$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(served))
            .mount(api)
            .await;
    })
    .await;
    // Ten are there, and the fleet's policy is not.
    list(&running.cluster.deployments, vec![named("api", 10, "7")]).await;
    list(&running.cluster.fleets, vec![guarded(&sharing)]).await;
    let stalled = async {
        while !running.metrics.encode().unwrap().contains(r#"condition="Stalled"} 1"#) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), stalled).await.expect("it is not stalled");
    let policy = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": "steady", "namespace": "shop", "uid": "p", "generation": 1},
        "spec": {"signals": {"onMissing": "Fallback", "fallbackReplicas": 15}},
    });
    let told = Event::Apply(serde_json::from_value(policy).unwrap());
    running.cluster.policies.follow(stream::iter([Ok(told)])).await;
    assert!(running.scaled("api", 15, 1).await < Duration::from_secs(2));
    running.end().await;
}

/// A fleet with five on demand and five on a spot node, in the caches of a running loop.
async fn with_spot(running: &Running) {
    let deployments = [named("api", 5, "7"), named("api-spot", 5, "7")];
    list(&running.cluster.deployments, deployments.into()).await;
    let base = (0..5).map(|n| pod("api", &format!("base-{n}"), "base"));
    let spot = (0..5).map(|n| pod("api-spot", &format!("spot-{n}"), "spot-1"));
    let pods = base.chain(spot).map(|pod| serde_json::from_value(pod).unwrap());
    list(&running.cluster.pods, pods.collect()).await;
    list(&running.cluster.fleets, vec![guarded(WITH_SPOT)]).await;
}

/// Serves the fleet and its Deployments as [`with_spot`] has them.
async fn serve_spot(api: &MockServer) {
    let fleet: Value = serde_saphyr::from_str(WITH_SPOT).unwrap();
    Mock::given(method("GET"))
        .and(path_regex("/apifleets/api$"))
        .respond_with(ResponseTemplate::new(200).set_body_json(fleet))
        .mount(api)
        .await;
    for name in ["api", "api-spot"] {
        Mock::given(method("GET"))
            .and(path_regex(format!("/deployments/{name}$")))
            .respond_with(ResponseTemplate::new(200).set_body_json(deployment(name, Some(5), "7")))
            .mount(api)
            .await;
    }
}

fn spot_node(taints: &[Value]) -> k8s_openapi::api::core::v1::Node {
    serde_json::from_value(node("spot-1", taints)).unwrap()
}

#[tokio::test]
async fn a_spot_node_that_is_announced_to_go_is_covered_within_two_seconds() {
    let running = Running::start(&[], true, serve_spot).await;
    list(&running.cluster.nodes, vec![spot_node(&[])]).await;
    with_spot(&running).await;
    let decided = async {
        while !running.metrics.encode().unwrap().contains(r#"spot_state{namespace="shop""#) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), decided).await.expect("it is not decided");
    let announced = Event::Apply(spot_node(&[notice()]));
    running.cluster.nodes.follow(stream::iter([Ok(announced)])).await;
    assert!(running.scaled("api", 10, 1).await < Duration::from_secs(2));
    running.end().await;
}

#[tokio::test]
async fn a_fleet_on_spot_is_not_decided_before_its_nodes_are_known() {
    let running = Running::start(&[], true, serve_spot).await;
    with_spot(&running).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let metrics = running.metrics.encode().unwrap();
    assert!(metrics.contains("apifleet_fleets 1"), "{metrics}");
    assert!(!metrics.contains("spot_state{"), "a loss under way would look as if it were over");
    list(&running.cluster.nodes, vec![spot_node(&[notice()])]).await;
    assert!(running.scaled("api", 10, 1).await < Duration::from_secs(2));
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

//! One fleet with its Deployments, a Kubernetes API that answers as it is told, and what was asked of it.

use apifleet_controller::caches::{Cache, Fact, Key};
use apifleet_controller::cluster::Cluster;
use apifleet_controller::conflicts::Claims;
use apifleet_controller::facts::FleetFact;
use apifleet_controller::kubernetes::Kubernetes;
use apifleet_controller::lease::Leadership;
use apifleet_controller::metrics::Metrics;
use apifleet_controller::observe::Fleet;
use apifleet_controller::reconcile::Context;
use apifleet_controller::state::FleetState;
use apifleet_core::observation::Readings;
use apifleet_crds::{ApiFleet, ApiFleetStatus};
use futures::stream;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// Fleets and Deployments go into a cache as a first list.
pub(crate) async fn list<F: Fact>(cache: &Cache<F>, objects: Vec<F::Object>) {
    let listed = objects.into_iter().map(|object| Ok(Event::InitApply(object)));
    let events = std::iter::once(Ok(Event::Init)).chain(listed).chain([Ok(Event::InitDone)]);
    cache.follow(stream::iter(events)).await;
}

/// Calls of tests end after this long.
pub(crate) const DEADLINE: Duration = Duration::from_millis(300);

/// A manifest of fleet `api` in namespace `shop`, on demand only.
pub(crate) const ON_DEMAND: &str = "
apiVersion: apifleet.dev/v1alpha1
kind: ApiFleet
metadata: {name: api, namespace: shop, uid: fleet-uid, generation: 1, creationTimestamp: 2026-12-01T00:00:00Z}
spec:
  minReplicas: 10
  maxReplicas: 30
  targets: {onDemand: {deploymentName: api}}
";

/// The same with a spot target.
pub(crate) const WITH_SPOT: &str = "
apiVersion: apifleet.dev/v1alpha1
kind: ApiFleet
metadata: {name: api, namespace: shop, uid: fleet-uid, generation: 1, creationTimestamp: 2026-12-01T00:00:00Z}
spec:
  minReplicas: 10
  maxReplicas: 30
  targets: {onDemand: {deploymentName: api}, spot: {deploymentName: api-spot}}
  spot: {maxPercent: 50, minOnDemandReplicas: 2}
";

/// A client of the server, without retries and with a short deadline.
pub(crate) fn kubernetes(server: &MockServer) -> Kubernetes {
    let mut config = kube::Config::new(server.uri().parse().unwrap());
    config.default_retry = false;
    let client = kube::Client::try_from(config).unwrap();
    Kubernetes::new(client, Arc::new(Metrics::default())).with_deadline(DEADLINE)
}

/// A manifest as the API server hands it out, whether it can be read or not.
pub(crate) fn guarded(manifest: &str) -> DeserializeGuard<ApiFleet> {
    let object: Value = serde_saphyr::from_str(manifest).unwrap();
    serde_json::from_value(object).unwrap()
}

/// A Deployment of namespace `shop`.
pub(crate) fn deployment(name: &str, replicas: Option<i32>, version: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("{name}-uid"), "resourceVersion": version,
            "managedFields": [{"manager": "apifleet-controller", "operation": "Update", "apiVersion": "apps/v1",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]},
        "spec": {"replicas": replicas, "selector": {}, "template": {}},
        "status": {"replicas": replicas, "updatedReplicas": replicas},
    })
}

/// An error as the API server gives it.
pub(crate) fn status(code: u16, reason: &str) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": format!("{reason} as told"),
    }))
}

/// One fleet, and everything that its reconcile needs.
pub(crate) struct World {
    pub(crate) server: MockServer,
    pub(crate) context: Context,
    pub(crate) fleet: Fleet,
    pub(crate) state: FleetState,
}

impl World {
    /// A fleet from its manifest, and these Deployments in the caches and on the server.
    pub(crate) async fn new(manifest: &str, deployments: &[Value]) -> Self {
        let server = MockServer::start().await;
        let (key, fact) = FleetFact::of(&guarded(manifest)).unwrap();
        let fact = Arc::new(fact);
        let cluster = Arc::new(Cluster::new(&Arc::new(Notify::new())));
        let kubernetes = kubernetes(&server);
        let world = Self {
            context: Context {
                kubernetes,
                cluster,
                leadership: Leadership::fixed(true),
                metrics: Arc::new(Metrics::default()),
                scrape_interval: Duration::from_secs(5),
                instance: "test".to_owned(),
            },
            fleet: Fleet {
                claims: Arc::new(Claims::settle(&[(key.clone(), Arc::clone(&fact))])),
                key,
                fact,
                readings: Readings::default(),
            },
            state: FleetState::resumed("fleet-uid".to_owned(), ApiFleetStatus::default()),
            server,
        };
        world.cache(deployments).await;
        for object in deployments {
            world.serve(object).await;
        }
        world
    }

    /// The fleet's owner applies another manifest.
    pub(crate) fn edit(&mut self, manifest: &str) {
        self.fleet.fact = Arc::new(FleetFact::of(&guarded(manifest)).unwrap().1);
    }

    /// Puts Deployments into the cache.
    pub(crate) async fn cache(&self, deployments: &[Value]) {
        let objects = deployments.iter().map(|it| serde_json::from_value(it.clone()).unwrap());
        list(&self.context.cluster.deployments, objects.collect()).await;
    }

    /// Serves a Deployment to whoever reads it; what is mounted later is asked first if its priority says so.
    pub(crate) async fn serve(&self, deployment: &Value) {
        let name = deployment["metadata"]["name"].as_str().unwrap();
        Mock::given(method("GET"))
            .and(path(format!("/apis/apps/v1/namespaces/shop/deployments/{name}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(deployment))
            .with_priority(9)
            .mount(&self.server)
            .await;
    }

    /// Takes every write as a working API server would.
    pub(crate) async fn take_writes(&self) {
        Mock::given(method("PUT"))
            .and(path_regex("/scale$"))
            .respond_with(|request: &Request| {
                let mut scale: Value = request.body_json().unwrap();
                scale["metadata"]["resourceVersion"] = json!("1000");
                ResponseTemplate::new(200).set_body_json(scale)
            })
            .with_priority(9)
            .mount(&self.server)
            .await;
        self.take_reports().await;
    }

    /// Takes status and events, and nothing else.
    pub(crate) async fn take_reports(&self) {
        Mock::given(method("PATCH"))
            .and(path("/apis/apifleet.dev/v1alpha1/namespaces/shop/apifleets/api/status"))
            .respond_with(|_: &Request| {
                let object: ApiFleet = serde_saphyr::from_str(ON_DEMAND).unwrap();
                ResponseTemplate::new(200).set_body_json(object)
            })
            .mount(&self.server)
            .await;
        Mock::given(method("POST"))
            .and(path("/apis/events.k8s.io/v1/namespaces/shop/events"))
            .respond_with(|request: &Request| {
                ResponseTemplate::new(201).set_body_json(request.body_json::<Value>().unwrap())
            })
            .mount(&self.server)
            .await;
    }

    /// Reconciles once, now.
    pub(crate) async fn reconcile(
        &mut self,
    ) -> Result<apifleet_controller::schedule::Pace, apifleet_controller::reconcile::ReconcileError>
    {
        let now = jiff::Timestamp::now();
        apifleet_controller::reconcile::reconcile(&self.context, &self.fleet, &mut self.state, now)
            .await
    }

    /// What was asked of the server: method, path without query, body.
    pub(crate) async fn asked(&self) -> Vec<(String, String, Value)> {
        let requests = self.server.received_requests().await.unwrap();
        let told = |request: &Request| {
            let body = request.body_json().unwrap_or(Value::Null);
            (request.method.to_string(), request.url.path().to_owned(), body)
        };
        requests.iter().map(told).collect()
    }

    /// The writes of replicas: Deployment and replicas, in their order.
    pub(crate) async fn scaled(&self) -> Vec<(String, i64)> {
        let written = |(verb, path, body): &(String, String, Value)| {
            let name = path.strip_suffix("/scale")?.rsplit('/').next()?;
            (verb == "PUT").then(|| (name.to_owned(), body["spec"]["replicas"].as_i64().unwrap()))
        };
        self.asked().await.iter().filter_map(written).collect()
    }

    /// The last status that was written.
    pub(crate) async fn status(&self) -> Value {
        let asked = self.asked().await;
        let mut statuses = asked.iter().filter(|(verb, _, _)| verb == "PATCH");
        statuses.next_back().map(|(_, _, body)| body["status"].clone()).unwrap_or_default()
    }

    /// The status and reason of a condition in the last status.
    pub(crate) async fn condition(&self, kind: &str) -> (String, String) {
        let status = self.status().await;
        let conditions = status["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|it| it["type"] == kind).unwrap();
        (found["status"].as_str().unwrap().to_owned(), found["reason"].as_str().unwrap().to_owned())
    }

    /// Reason and note of every event.
    pub(crate) async fn events(&self) -> Vec<(String, String)> {
        let told = |(verb, path, body): &(String, String, Value)| {
            (verb == "POST" && path.ends_with("/events")).then(|| {
                (
                    body["reason"].as_str().unwrap().to_owned(),
                    body["note"].as_str().unwrap().to_owned(),
                )
            })
        };
        self.asked().await.iter().filter_map(told).collect()
    }
}

/// The key of the fleet.
pub(crate) fn api() -> Key {
    Key::new("shop", "api")
}

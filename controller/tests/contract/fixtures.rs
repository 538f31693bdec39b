//! One fleet with its Deployments, a Kubernetes API that answers as it is told, and what was asked of it.

use apifleet_controller::caches::{Cache, Fact, Key};
use apifleet_controller::cluster::Cluster;
use apifleet_controller::conflicts::Claims;
use apifleet_controller::facts::{FleetFact, PolicyFact};
use apifleet_controller::kubernetes::Kubernetes;
use apifleet_controller::lease::Leadership;
use apifleet_controller::metrics::Metrics;
use apifleet_controller::observe::Fleet;
use apifleet_controller::reconcile::Context;
use apifleet_controller::state::FleetState;
use apifleet_core::observation::{Reading, Readings};
use apifleet_crds::{ApiFleet, ApiFleetStatus};
use futures::stream;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use std::cell::Cell;
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
metadata: {name: api, namespace: shop, uid: fleet-uid, generation: 1, resourceVersion: '1', creationTimestamp: 2026-12-01T00:00:00Z}
spec:
  minReplicas: 10
  maxReplicas: 30
  targets: {onDemand: {deploymentName: api}}
";

/// The same with a spot target.
pub(crate) const WITH_SPOT: &str = "
apiVersion: apifleet.dev/v1alpha1
kind: ApiFleet
metadata: {name: api, namespace: shop, uid: fleet-uid, generation: 1, resourceVersion: '1', creationTimestamp: 2026-12-01T00:00:00Z}
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

/// A spot node, Ready, with these taints.
pub(crate) fn node(name: &str, taints: &[Value]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "uid": format!("{name}-uid"), "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {
                "karpenter.sh/capacity-type": "spot", "node.kubernetes.io/instance-type": "m6i.large",
                "topology.kubernetes.io/zone": name}},
        "spec": {"taints": taints},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
    })
}

/// A taint by which AWS' handler says that a spot node is being taken away.
pub(crate) fn notice() -> Value {
    json!({"key": "aws-node-termination-handler/spot-itn", "effect": "NoSchedule"})
}

/// A pod of a Deployment on a node, Ready for an hour.
pub(crate) fn pod(deployment: &str, name: &str, node: &str) -> Value {
    let since = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": format!("{name}-uid"), "creationTimestamp": since,
            "labels": {"pod-template-hash": "6f7"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "uid": "r",
                "name": format!("{deployment}-6f7"), "controller": true}]},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": "Running", "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True", "lastTransitionTime": since}]},
    })
}

/// An override of fleet `api` by alice, which begins and ends so many seconds from now.
pub(crate) fn order(name: &str, action: &str, from: i64, to: i64) -> Value {
    let at = |seconds| jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("{name}-uid"), "resourceVersion": "7",
            "creationTimestamp": at(from)},
        "spec": {"fleetRef": {"name": "api"}, "action": action, "notBefore": at(from), "expiresAt": at(to),
            "reason": "a test", "requestedBy": "alice"},
    })
}

/// An error as the API server gives it.
pub(crate) fn status(code: u16, reason: &str) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": format!("{reason} as told"),
    }))
}

/// What Prometheus says of a fleet that is scraped as a whole and gets so many requests per second.
fn readings(rate: f64, sampled_at: jiff::Timestamp) -> Readings {
    let value = |value| Reading::Value { value, sampled_at };
    Readings {
        request_rate: value(rate),
        burst_rate: value(rate),
        scraped_pods: value(1000.0),
        window_samples: value(12.0),
        ..Readings::default()
    }
}

/// One fleet, and everything that its reconcile needs.
pub(crate) struct World {
    pub(crate) server: MockServer,
    pub(crate) context: Context,
    pub(crate) fleet: Fleet,
    pub(crate) state: FleetState,
    /// Requests per second, as Prometheus tells them afresh whenever it is asked; `None`: it has no such series.
    pub(crate) demand: Option<f64>,
    /// Of answers for the same node the latest wins.
    latest: Cell<u8>,
}

impl World {
    /// A fleet from its manifest, and these Deployments in the caches and on the server.
    pub(crate) async fn new(manifest: &str, deployments: &[Value]) -> Self {
        // On its own, since it is large.
        Box::pin(Self::build(manifest, deployments)).await
    }

    async fn build(manifest: &str, deployments: &[Value]) -> Self {
        let server = MockServer::start().await;
        let (key, fact) = FleetFact::of(&guarded(manifest)).unwrap();
        let fact = Arc::new(fact);
        let cluster = Arc::new(Cluster::new(&Arc::new(Notify::new())));
        let kubernetes = kubernetes(&server);
        let mut state = FleetState::resumed("fleet-uid".to_owned(), ApiFleetStatus::default());
        state.version = Some("1".to_owned());
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
            state,
            demand: None,
            latest: Cell::new(u8::MAX),
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

    /// The policy that the fleet names says this.
    pub(crate) fn share(&mut self, policy: &PolicyFact) {
        self.fleet.fact = Arc::new(self.fleet.fact.on(Some(policy)));
    }

    /// These overrides are all that there are.
    pub(crate) async fn orders(&self, orders: &[Value]) {
        let objects = orders.iter().map(|it| serde_json::from_value(it.clone()).unwrap());
        list(&self.context.cluster.orders, objects.collect()).await;
    }

    /// Puts nodes into the cache, and serves them.
    pub(crate) async fn nodes(&self, nodes: &[Value]) {
        let objects = nodes.iter().map(|it| serde_json::from_value(it.clone()).unwrap());
        list(&self.context.cluster.nodes, objects.collect()).await;
        self.serve_nodes(nodes).await;
    }

    /// Serves nodes to whoever reads them, and tells no watch.
    pub(crate) async fn serve_nodes(&self, nodes: &[Value]) {
        self.latest.set(self.latest.get() - 1);
        for node in nodes {
            let name = node["metadata"]["name"].as_str().unwrap();
            Mock::given(method("GET"))
                .and(path(format!("/api/v1/nodes/{name}")))
                .respond_with(ResponseTemplate::new(200).set_body_json(node))
                .with_priority(self.latest.get())
                .mount(&self.server)
                .await;
        }
    }

    /// Puts pods into the cache.
    pub(crate) async fn pods(&self, pods: &[Value]) {
        let objects = pods.iter().map(|it| serde_json::from_value(it.clone()).unwrap());
        list(&self.context.cluster.pods, objects.collect()).await;
    }

    /// Takes taints, evictions and deletions as a working API server would.
    pub(crate) async fn take_drains(&self) {
        let success =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
        Mock::given(method("PATCH"))
            .and(path_regex("^/api/v1/nodes/[a-z0-9-]+$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(node("any", &[])))
            .with_priority(9)
            .mount(&self.server)
            .await;
        Mock::given(method("POST"))
            .and(path_regex("/eviction$"))
            .respond_with(ResponseTemplate::new(201).set_body_json(&success))
            .with_priority(9)
            .mount(&self.server)
            .await;
        Mock::given(method("DELETE"))
            .and(path_regex("^/api/v1/namespaces/shop/pods/"))
            .respond_with(ResponseTemplate::new(200).set_body_json(&success))
            .with_priority(9)
            .mount(&self.server)
            .await;
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
        Mock::given(method("GET"))
            .and(path("/apis/apifleet.dev/v1alpha1/namespaces/shop/apifleets/api"))
            .respond_with(|_: &Request| {
                let object: ApiFleet = serde_saphyr::from_str(ON_DEMAND).unwrap();
                ResponseTemplate::new(200).set_body_json(object)
            })
            .with_priority(9)
            .mount(&self.server)
            .await;
        Mock::given(method("PATCH"))
            .and(path("/apis/apifleet.dev/v1alpha1/namespaces/shop/apifleets/api/status"))
            .respond_with(|_: &Request| {
                let object: ApiFleet = serde_saphyr::from_str(ON_DEMAND).unwrap();
                ResponseTemplate::new(200).set_body_json(object)
            })
            .mount(&self.server)
            .await;
        Mock::given(method("PATCH"))
            .and(path_regex("/fleetoverrides/[a-z0-9-]+/status$"))
            .respond_with(ResponseTemplate::new(200).set_body_json(order("any", "Hold", 0, 60)))
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
        self.reconcile_at(jiff::Timestamp::now()).await
    }

    /// Reconciles once, then.
    pub(crate) async fn reconcile_at(
        &mut self,
        now: jiff::Timestamp,
    ) -> Result<apifleet_controller::schedule::Pace, apifleet_controller::reconcile::ReconcileError>
    {
        self.fleet.readings =
            self.demand.map_or_else(Readings::default, |rate| readings(rate, now));
        // Boxed, as the loop does: a reconcile is large.
        Box::pin(apifleet_controller::reconcile::reconcile(
            &self.context,
            &self.fleet,
            &mut self.state,
            now,
        ))
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

    /// The pods that were evicted or deleted, in their order: the verb and the last parts of the path.
    pub(crate) async fn removed(&self) -> Vec<String> {
        let asked = self.asked().await.into_iter();
        let removal = |(verb, path, _): (String, String, Value)| {
            let pod = path.strip_prefix("/api/v1/namespaces/shop/pods/")?;
            Some(format!("{verb} {pod}"))
        };
        asked.filter_map(removal).collect()
    }

    /// The patches of nodes: name and body.
    pub(crate) async fn tainted(&self) -> Vec<(String, Value)> {
        let patch = |(verb, path, body): (String, String, Value)| {
            let node = path.strip_prefix("/api/v1/nodes/").filter(|_| verb == "PATCH")?;
            Some((node.to_owned(), body))
        };
        self.asked().await.into_iter().filter_map(patch).collect()
    }

    /// The version that each write of the status names, in their order.
    pub(crate) async fn reported_on(&self) -> Vec<String> {
        let version = |(verb, path, body): (String, String, Value)| {
            let is_status = verb == "PATCH" && path.ends_with("/apifleets/api/status");
            is_status.then(|| body["metadata"]["resourceVersion"].as_str().unwrap().to_owned())
        };
        self.asked().await.into_iter().filter_map(version).collect()
    }

    /// The last status that was written.
    pub(crate) async fn status(&self) -> Value {
        let asked = self.asked().await;
        let is_status = |(verb, path, _): &&(String, String, Value)| {
            verb == "PATCH" && path.ends_with("/apifleets/api/status")
        };
        let mut statuses = asked.iter().filter(is_status);
        statuses.next_back().map(|(_, _, body)| body["status"].clone()).unwrap_or_default()
    }

    /// The status and reason of a condition in the last status.
    pub(crate) async fn condition(&self, kind: &str) -> (String, String) {
        let status = self.status().await;
        let conditions = status["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|it| it["type"] == kind).unwrap();
        (found["status"].as_str().unwrap().to_owned(), found["reason"].as_str().unwrap().to_owned())
    }

    /// What overrides were told, in its order: name, status and reason.
    pub(crate) async fn told(&self) -> Vec<(String, String, String)> {
        let asked = self.asked().await.into_iter();
        let told = |(verb, path, body): (String, String, Value)| {
            let name = path.strip_suffix("/status").filter(|_| verb == "PATCH")?;
            let (folder, name) = name.rsplit_once('/')?;
            folder.ends_with("/fleetoverrides").then(|| {
                let condition = &body["status"]["conditions"][0];
                let text = |field: &str| condition[field].as_str().unwrap().to_owned();
                (name.to_owned(), text("status"), text("reason"))
            })
        };
        asked.filter_map(told).collect()
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

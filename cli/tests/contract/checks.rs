//! `check` against an API server that answers by hand: what is well, what is not, what may not be seen; before and after
//! the operator is installed.

use crate::fixture::fleet;
use crate::program::{Home, Ran};
use crate::server::{crowded, knowing_more, knowing_these, refusing};
use apifleet_crds::revision::{ANNOTATION, REVISION};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param_contains};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const PROXY: &str =
    "/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/api/v1/query";
const HPAS: &str = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";
const QUOTAS: &str = "/api/v1/namespaces/shop/resourcequotas";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// A cluster in which everything is as it should be, but for what a test spoils.
struct World<'a> {
    /// Whether the operator and its definitions are there.
    installed: bool,
    /// What Kubernetes has for scaling the fleet's Deployments.
    autoscalers: Vec<Value>,
    /// Samples of a pod in a minute.
    samples: &'a str,
    /// Whether whoever asks may do things.
    allowed: bool,
    /// To what nobody may do anything all the same.
    denied: &'a [&'static str],
    /// Paths that the caller may not use.
    forbidden: &'a [&'a str],
}

impl Default for World<'_> {
    fn default() -> Self {
        Self {
            installed: true,
            autoscalers: Vec::new(),
            samples: "12",
            allowed: true,
            denied: &[],
            forbidden: &[],
        }
    }
}

impl World<'_> {
    async fn begin(self) -> MockServer {
        // The shared server knows the fleets; of two answers of the same priority the first that was given counts.
        let server = knowing_these(&[fleet("peak")]).await;
        for at in self.forbidden {
            forbid(&server, at).await;
        }
        greeting(&server).await;
        if self.installed {
            definitions(&server).await;
            operator(&server).await;
        } else {
            no_definitions(&server).await;
        }
        reviews(&server, self.allowed, self.denied).await;
        around(&server, &self.autoscalers).await;
        measures(&server, self.samples).await;
        server
    }
}

fn list(items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

async fn forbid(server: &MockServer, at: &str) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
        "reason": "Forbidden", "message": "forbidden: User \"jo\" cannot create resource"});
    Mock::given(path(at))
        .respond_with(ResponseTemplate::new(403).set_body_json(status))
        .with_priority(1)
        .mount(server)
        .await;
}

async fn greeting(server: &MockServer) {
    knowing_more(server, "/version", 200, json!({"gitVersion": "v1.37.2"})).await;
}

const OURS: [(&str, &str); 3] = [
    ("ApiFleet", "apifleets"),
    ("ScalingPolicy", "scalingpolicies"),
    ("FleetOverride", "fleetoverrides"),
];

fn definition_at(plural: &str) -> String {
    format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.apifleet.dev")
}

/// As an API server answers for what is not there.
async fn no_definitions(server: &MockServer) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
        "reason": "NotFound", "message": "not found"});
    for (_, plural) in OURS {
        knowing_more(server, &definition_at(plural), 404, status.clone()).await;
    }
}

async fn definitions(server: &MockServer) {
    let resources: Vec<Value> = OURS
        .iter()
        .map(|(kind, plural)| {
            json!({"kind": kind, "name": plural, "singularName": "", "namespaced": true, "verbs": []})
        })
        .collect();
    let group = json!({"kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": "apifleet.dev/v1alpha1", "resources": resources});
    knowing_more(server, "/apis/apifleet.dev/v1alpha1", 200, group).await;
    for (_, plural) in OURS {
        let name = format!("{plural}.apifleet.dev");
        let annotations = json!({ANNOTATION: REVISION.to_string()});
        let definition = json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": name, "annotations": annotations}});
        knowing_more(server, &definition_at(plural), 200, definition).await;
    }
}

async fn operator(server: &MockServer) {
    let env = json!([{"name": "PROMETHEUS_URL", "value": "http://prometheus.monitoring:9090"},
        {"name": "SCRAPE_INTERVAL_SECONDS", "value": "5"}]);
    let pod = json!({"serviceAccountName": "apifleet-controller",
        "containers": [{"name": "controller", "env": env}]});
    let operator = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "apifleet-controller", "namespace": "apifleet-system"},
        "spec": {"replicas": 2, "selector": {}, "template": {"spec": pod}},
        "status": {"readyReplicas": 2},
    });
    knowing_more(server, DEPLOYMENTS, 200, list(&[operator])).await;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "apifleet-controller", "namespace": "apifleet-system"},
        "spec": {"holderIdentity": "apifleet-controller-1", "renewTime": now}});
    let at = "/apis/coordination.k8s.io/v1/namespaces/apifleet-system/leases/apifleet-controller";
    knowing_more(server, at, 200, lease).await;
}

/// Whoever asks may do everything, or nothing; but nothing to what is denied.
async fn reviews(server: &MockServer, allowed: bool, denied: &[&'static str]) {
    for kind in ["SelfSubjectAccessReview", "SubjectAccessReview"] {
        let plural = format!("{}s", kind.to_lowercase());
        let denied = denied.to_vec();
        let answer = move |request: &Request| {
            let asked: Value = request.body_json().unwrap();
            let resource = asked["spec"]["resourceAttributes"]["resource"].as_str().unwrap();
            let allowed = allowed && !denied.contains(&resource);
            ResponseTemplate::new(201).set_body_json(json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": {}, "spec": {},
                "status": {"allowed": allowed},
            }))
        };
        Mock::given(method("POST"))
            .and(path(format!("/apis/authorization.k8s.io/v1/{plural}")))
            .respond_with(answer)
            .with_priority(5)
            .mount(server)
            .await;
    }
}

/// What the fleet's namespace holds, and a node of which nothing is taken.
async fn around(server: &MockServer, autoscalers: &[Value]) {
    let deployment = |name: &str, replicas: i32| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"replicas": replicas, "selector": {}, "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "api", "resources": {"requests": {"cpu": "100m"}}}]}}},
            "status": {"replicas": replicas},
        })
    };
    let budget = |name: &str| {
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}}})
    };
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"},
        "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}]}});
    let deployments = [deployment("shop-api", 12), deployment("shop-api-spot", 8)];
    let budgets = [budget("shop-api"), budget("shop-api-spot")];
    for (at, items) in [
        ("/apis/apps/v1/namespaces/shop/deployments", &deployments[..]),
        (HPAS, autoscalers),
        ("/apis/policy/v1/namespaces/shop/poddisruptionbudgets", &budgets),
        (QUOTAS, &[]),
        ("/api/v1/nodes", &[node]),
        ("/api/v1/pods", &[]),
    ] {
        knowing_more(server, at, 200, list(items)).await;
    }
}

/// Prometheus through the API server.
async fn measures(server: &MockServer, samples: &str) {
    let one = |value: &str| vec![(json!({}), value.to_owned())];
    let edges = ["0.1", "0.2", "0.5", "+Inf"].map(|edge| (json!({"le": edge}), "1".to_owned()));
    for (part, rows) in [
        ("vector(1)", one("1")),
        ("rate(", one("1512.5")),
        ("timestamp(", one("2.1")),
        ("count_over_time(", one(samples)),
        ("group by (le)", edges.to_vec()),
    ] {
        let rows: Vec<Value> = rows
            .into_iter()
            .map(|(metric, value)| json!({"metric": metric, "value": [1.0, value]}))
            .collect();
        let body = json!({"status": "success", "data": {"resultType": "vector", "result": rows}});
        Mock::given(method("GET"))
            .and(path(PROXY))
            .and(query_param_contains("query", part))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .with_priority(2)
            .mount(server)
            .await;
    }
}

async fn checked(server: &MockServer, flags: &[&str]) -> Ran {
    Home::of(&server.uri()).run(&[&["check"], flags].concat()).await
}

/// Without the length of time that changes from run to run.
fn settled(text: &str) -> String {
    let line = |line: &str| match line.split_once("renewed the lease ") {
        Some((before, _)) => format!("{before}renewed the lease a moment ago"),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn verdict(document: &Value, code: &str) -> String {
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["code"] == code);
    found.map_or("absent", |check| check["verdict"].as_str().unwrap()).to_owned()
}

async fn document(server: &MockServer, flags: &[&str]) -> (i32, Value) {
    let ran = checked(server, &[flags, &["-o", "json"]].concat()).await;
    (ran.code, serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}")))
}

#[tokio::test]
async fn a_fleet_that_has_all_it_needs_is_ok_in_every_respect() {
    let server = World::default().begin().await;
    let ran = checked(&server, &["--fleet", "shop-api"]).await;
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "21 ok, 0 warnings, 0 failed, 0 skipped\n"),
        "{}",
        ran.out
    );
    insta::assert_snapshot!("check_ok", settled(&ran.out));
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_told_with_what_helps() {
    let autoscaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "old", "namespace": "shop"},
        "spec": {"maxReplicas": 10, "scaleTargetRef": {"kind": "Deployment", "name": "shop-api"}}});
    let world = World { autoscalers: vec![autoscaler], samples: "4", ..World::default() };
    let server = world.begin().await;
    let ran = checked(&server, &["--fleet", "shop-api"]).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.ends_with("error: failed: AF0504\n"), "{}", ran.err);
    insta::assert_snapshot!("check_failed", settled(&ran.out));
    let names = checked(&server, &["-o", "name", "-q"]).await;
    assert_eq!((names.code, names.out.as_str()), (3, "AF0504\n"), "all fleets of the namespace");
}

#[tokio::test]
async fn what_may_not_be_seen_is_skipped_with_why() {
    let forbidden = [HPAS, QUOTAS, REVIEWS, PROXY];
    let server = World { forbidden: &forbidden, ..World::default() }.begin().await;
    let (code, document) = document(&server, &["--fleet", "shop-api"]).await;
    assert_eq!(code, 0, "{document:#}");
    for skipped in ["AF0202", "AF0401", "AF0402", "AF0403", "AF0404", "AF0405", "AF0602"] {
        assert_eq!(verdict(&document, skipped), "skipped", "{skipped}: {document:#}");
    }
    assert_eq!(verdict(&document, "AF0504"), "ok", "the operator's word");
    let said = document.to_string();
    for words in [
        "you may not list resourcequotas in namespace shop",
        "you may not get services/proxy in namespace monitoring",
        "--prometheus-url",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[tokio::test]
async fn an_operator_that_may_not_be_looked_for_is_named_by_its_namespace() {
    let server = World { forbidden: &[DEPLOYMENTS], ..World::default() }.begin().await;
    let (code, document) = document(&server, &["--fleet", "shop-api"]).await;
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(verdict(&document, "AF0301"), "skipped");
    assert!(document.to_string().contains("--operator-namespace"), "{document:#}");
}

#[tokio::test]
async fn whoever_is_on_call_for_one_namespace_has_all_it_takes_there() {
    let elsewhere = [DEPLOYMENTS, REVIEWS, "/api/v1/nodes"];
    let world = World { denied: &["nodes"], forbidden: &elsewhere, ..World::default() };
    let server = world.begin().await;
    let (code, document) = document(&server, &["--fleet", "shop-api"]).await;
    assert_eq!((code, verdict(&document, "AF0203").as_str()), (0, "ok"), "{document:#}");
    for skipped in ["AF0202", "AF0301", "AF0302", "AF0601"] {
        assert_eq!(verdict(&document, skipped), "skipped", "{skipped}: {document:#}");
    }
    let said = document.to_string();
    for words in
        ["all but: get nodes, list nodes, watch nodes", "you may not list deployments.apps"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[tokio::test]
async fn a_cluster_is_checked_before_the_install_and_needs_no_definitions() {
    for (allowed, code, granted) in [(true, 0, "ok"), (false, 3, "failed")] {
        let world = World { installed: false, allowed, ..World::default() };
        let server = world.begin().await;
        let ran = checked(&server, &["--pre"]).await;
        assert_eq!(ran.code, code, "{ran:?}");
        insta::assert_snapshot!(format!("check_pre_{granted}"), ran.out);
        let (ended, document) = document(&server, &["--pre"]).await;
        assert_eq!(ended, code, "{document:#}");
        assert_eq!(verdict(&document, "AF0101"), "ok");
        assert_eq!(verdict(&document, "AF0102"), "ok");
        assert_eq!(verdict(&document, "AF0201"), granted);
        assert_eq!(verdict(&document, "AF0301"), "absent");
    }
}

#[tokio::test]
async fn a_cluster_without_the_operator_fails_and_says_so() {
    let server = World { installed: false, ..World::default() }.begin().await;
    let (code, document) = document(&server, &[]).await;
    assert_eq!(code, 3, "{document:#}");
    assert_eq!(verdict(&document, "AF0102"), "failed");
}

#[tokio::test]
async fn prometheus_at_an_address_is_asked_there_and_its_silence_is_a_failure() {
    let server = World::default().begin().await;
    let prometheus = MockServer::start().await;
    let url = prometheus.uri();
    let flags = ["--fleet", "shop-api", "--prometheus-url", &url];
    let (code, document) = document(&server, &flags).await;
    assert_eq!((code, verdict(&document, "AF0401").as_str()), (3, "failed"), "{document:#}");
    assert_eq!(verdict(&document, "AF0402"), "skipped", "one failure, not five");
}

#[tokio::test]
async fn more_fleets_than_a_run_checks_are_said_to_be_too_many() {
    let server = crowded(600, false).await;
    greeting(&server).await;
    definitions(&server).await;
    let ran = checked(&server, &["-A"]).await;
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{ran:?}");
    assert!(ran.err.contains("600 fleets") && ran.err.contains("--fleet"), "{}", ran.err);
}

#[tokio::test]
async fn a_server_that_refuses_all_is_one_line() {
    for code in [401, 403, 500] {
        let server = refusing(code).await;
        let ran = checked(&server, &[]).await;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (1, "", 1), "{ran:?}");
    }
}

#[tokio::test]
async fn what_means_nothing_is_wrong_usage() {
    let home = Home::of("http://127.0.0.1:1");
    for flags in [
        &["--pre", "--fleet", "a"][..],
        &["--pre", "--operator-namespace", "a"],
        &["--fleet", "../a"],
        &["--fleet", "a", "-A"],
        &["--prometheus-url", "localhost:9090"],
        &["--operator-namespace", "A"],
        &["shop-api"],
    ] {
        let ran = home.run(&[&["check"], flags].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{flags:?}: {ran:?}");
    }
}

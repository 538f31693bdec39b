//! `import` from objects of an API server that answers by hand: what is made of them, and what is said.

use crate::program::{Home, Ran};
use crate::server::{knowing, knowing_more, refusing};
use apifleet_crds::spec::Mode;
use apifleet_crds::{ApiFleet, FleetIntent};
use serde_json::{Value, json};
use wiremock::MockServer;

const HPAS: &str = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";

fn hpa(name: &str, metrics: &Value) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-api"},
            "minReplicas": 4, "maxReplicas": 30, "metrics": metrics,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 120}},
        },
    })
}

fn metrics() -> Value {
    json!([
        {"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 60}}},
        {"type": "Pods", "pods": {"metric": {"name": "http_requests_per_second"},
            "target": {"type": "AverageValue", "averageValue": "40"}}},
        {"type": "Object", "object": {
            "describedObject": {"apiVersion": "zalando.org/v1", "kind": "ScalingSchedule", "name": "sale"},
            "metric": {"name": "sale"}, "target": {"type": "AverageValue", "averageValue": "50"}}},
    ])
}

async fn server() -> MockServer {
    let server = knowing(&[]).await;
    let shop = hpa("shop", &metrics());
    let items = json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": [shop]});
    knowing_more(&server, HPAS, 200, items).await;
    knowing_more(&server, &format!("{HPAS}/shop"), 200, shop).await;
    let sale = json!({"apiVersion": "zalando.org/v1", "kind": "ScalingSchedule",
        "metadata": {"name": "sale", "namespace": "shop"},
        "spec": {"schedules": [{"type": "Repeating", "value": 1000, "durationMinutes": 90,
            "period": {"startTime": "08:00", "days": ["Mon"], "timezone": "Europe/Berlin"}}]}});
    knowing_more(&server, "/apis/zalando.org/v1/namespaces/shop/scalingschedules/sale", 200, sale)
        .await;
    let scaled = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"name": "shop-api"}, "minReplicaCount": 2, "maxReplicaCount": 20,
            "triggers": [
                {"type": "prometheus", "metadata": {"serverAddress": "http://prometheus:9090",
                    "query": "sum(rate(envoy_requests{app=\"shop\"}[2m]))", "threshold": "45"}},
                {"type": "cron", "metadata": {"timezone": "Europe/Paris", "start": "0 8 * * 1-5",
                    "end": "0 20 * * 1-5", "desiredReplicas": "12"}},
                {"type": "kafka", "metadata": {}}]}});
    knowing_more(&server, "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects/shop", 200, scaled)
        .await;
    server
}

async fn imported(server: &MockServer, arguments: &[&str]) -> Ran {
    Home::of(&server.uri()).run(&[&["import"], arguments].concat()).await
}

/// The fleet of an answer; it means something, and observes.
fn fleet(ran: &Ran) -> ApiFleet {
    assert_eq!(ran.code, 0, "{ran:?}");
    let fleet: ApiFleet = serde_saphyr::from_str(&ran.out).unwrap();
    FleetIntent::try_from(&fleet.spec).unwrap();
    assert_eq!(fleet.spec.mode, Mode::Observe);
    fleet
}

#[tokio::test]
async fn an_hpa_becomes_a_manifest_that_names_what_it_lacks() {
    let ran = imported(&server().await, &["shop", "--from", "hpa"]).await;
    let spec = fleet(&ran).spec;
    assert_eq!((spec.min_replicas, spec.max_replicas), (4, 30));
    assert_eq!(spec.schedules.unwrap()[0].floor.replicas, Some(20));
    insta::assert_snapshot!("import_hpa", ran.out);
    assert!(ran.err.contains("not carried over: metric cpu at 60 %"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), ran.out.matches("\n# - ").count(), "the same is said");
}

#[tokio::test]
async fn a_scaled_object_becomes_a_manifest_that_names_what_it_lacks() {
    let ran = imported(&server().await, &["shop", "--from", "scaledobject"]).await;
    let spec = fleet(&ran).spec;
    let signals = spec.signals.unwrap();
    assert_eq!(signals.custom.unwrap().requests_total, "envoy_requests");
    insta::assert_snapshot!("import_scaledobject", ran.out);
}

#[tokio::test]
async fn a_scaling_schedule_comes_with_the_hpa_that_reads_it() {
    let server = server().await;
    let ran = imported(&server, &["sale", "--from", "scalingschedule"]).await;
    let same = imported(&server, &["shop", "--from", "hpa"]).await;
    assert_eq!((fleet(&ran).spec, ran.out.as_str()), (fleet(&same).spec, same.out.as_str()));
    let none = imported(&server, &["other", "--from", "scalingschedule"]).await;
    assert_eq!((none.code, none.out.as_str()), (1, ""), "{none:?}");
    assert!(
        none.err.contains("no HorizontalPodAutoscaler of namespace shop reads"),
        "{}",
        none.err
    );
}

#[tokio::test]
async fn json_is_the_manifest_alone_and_quiet_says_nothing_beside_it() {
    let server = server().await;
    let json = imported(&server, &["hpa/shop", "--from", "hpa", "-o", "json", "-q"]).await;
    assert_eq!(json.err, "");
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["kind"], "ApiFleet");
    let name = imported(&server, &["shop", "--from", "hpa", "-o", "name", "-q"]).await;
    assert_eq!(name.out, "apifleet.apifleet.dev/shop-api\n");
}

#[tokio::test]
async fn what_is_not_there_is_said_with_near_names() {
    let server = server().await;
    let near = imported(&server, &["shopp", "--from", "hpa"]).await;
    assert_eq!(near.code, 1, "{near:?}");
    assert!(near.err.contains("did you mean shop?"), "{}", near.err);
    let absent = imported(&server, &["other", "--from", "scaledobject"]).await;
    assert_eq!((absent.code, absent.err.lines().count()), (1, 1), "{absent:?}");
    assert!(absent.err.contains("ScaledObject \"other\" was not found"), "{}", absent.err);
}

#[tokio::test]
async fn a_refusal_is_one_line_that_names_the_permission() {
    let server = refusing(403).await;
    for (from, resource) in [
        ("hpa", "horizontalpodautoscalers.autoscaling"),
        ("scaledobject", "scaledobjects.keda.sh"),
        ("scalingschedule", "horizontalpodautoscalers.autoscaling"),
    ] {
        let ran = imported(&server, &["shop", "--from", from]).await;
        assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
        assert!(ran.err.contains(resource) && !ran.err.contains("oncall"), "{}", ran.err);
    }
}

#[tokio::test]
async fn what_means_nothing_is_wrong_usage() {
    let home = Home::of("http://127.0.0.1:1");
    for arguments in [
        &[][..],
        &["shop"],
        &["--from", "hpa"],
        &["shop", "--from", "helm"],
        &["a b", "--from", "hpa"],
        &["shop/", "--from", "hpa"],
        &["shop", "--from", "hpa", "-A"],
    ] {
        let ran = home.run(&[&["import"], arguments].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {ran:?}");
    }
}

//! `simulate --compare`: another version on the very same work, out of a file or as the cluster has it now.

use crate::fixture::{fleet, object};
use crate::program::{Home, Ran};
use crate::server::{in_shop, knowing_more, knowing_these, listing, refusing};
use crate::shared::sharing;
use crate::simulations::{DAY, FLEET, POLICY, json, simulate};
use apifleet_crds::ScalingPolicy;
use serde_json::{Value, json};
use wiremock::MockServer;

/// The manifest of the fleet, with something else in it.
fn changed(from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(FLEET).unwrap();
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

/// The same with a target that needs more replicas.
fn calmer() -> String {
    changed("targetPerReplica: 50", "targetPerReplica: 30")
}

fn file(home: &Home, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A day of `manifest` beside `version`, ended by `more`.
async fn compare(home: &Home, manifest: &str, version: &str, more: &[&str]) -> Ran {
    simulate(home, manifest, &[&DAY[..], &["--compare", version], more].concat()).await
}

/// Its rows, without other autoscalers.
async fn rows(home: &Home, manifest: &str, version: &str) -> Vec<Value> {
    let ran = compare(home, manifest, version, &["--baseline", "none", "-o", "json"]).await;
    json(&ran)["policies"].as_array().unwrap().clone()
}

fn hours(row: &Value) -> f64 {
    row["replicaHours"].as_f64().unwrap()
}

/// All of a row but whose it is.
fn figures(row: &Value) -> Value {
    let mut row = row.clone();
    let fields = row.as_object_mut().unwrap();
    fields.remove("policy").unwrap();
    fields.remove("role").unwrap();
    row
}

fn one_line(ran: &Ran, code: i32, words: &str) {
    assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (code, "", 1), "{ran:?}");
    assert!(ran.err.contains(words), "{words}: {}", ran.err);
}

/// A server whose fleet is as in the manifest, but for what `change` does to it.
async fn server_with(change: impl FnOnce(&mut Value)) -> MockServer {
    let mut changed = serde_json::to_value(fleet("peak")).unwrap();
    change(&mut changed);
    knowing_these(&[serde_json::from_value(changed).unwrap()]).await
}

fn calm(object: &mut Value) {
    object["spec"]["signals"]["requestRate"]["targetPerReplica"] = 30.into();
}

/// A server that serves this kind, and has no such object.
async fn lacking(server: &MockServer, kind: &str, name: &str) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound",
        "message": "not found", "details": {"name": name, "group": "apifleet.dev", "kind": kind}});
    knowing_more(server, &in_shop(&format!("{kind}/{name}")), 404, status).await;
}

/// What a server was asked.
async fn asked(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|it| format!("{} {}", it.method, it.url.path())).collect()
}

#[tokio::test]
async fn a_change_is_compared_with_how_it_was_before() {
    let home = Home::empty();
    let before = file(&home, "before.yaml", &calmer());
    let rows = rows(&home, FLEET, &before).await;
    let expected = [("shop/shop-api", "ours"), ("before.yaml", "peer")];
    for (row, (name, role)) in rows.iter().zip(expected) {
        assert_eq!((&row["policy"], &row["role"]), (&name.into(), &role.into()));
    }
    assert!(hours(&rows[1]) > hours(&rows[0]), "a lower target needs more replicas: {rows:?}");
}

#[tokio::test]
async fn the_other_version_has_a_line_below_ours_in_the_table_and_in_the_page() {
    let home = Home::empty();
    let before = file(&home, "before.yaml", &calmer());
    let page = home.path().join("report.html");
    let html = ["--baseline", "hpa", "--html", page.to_str().unwrap()];
    let ran = compare(&home, FLEET, &before, &html).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.out.lines().skip_while(|line| !line.starts_with("POLICY")).skip(1);
    let names: Vec<_> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names[..3], ["shop/shop-api", "before.yaml", "hpa"], "{}", ran.out);
    insta::assert_snapshot!("simulate_compare", ran.out);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("before.yaml"), "the page has no such row");
}

#[tokio::test]
async fn the_same_file_has_the_same_figures() {
    let home = Home::empty();
    for (manifest, name) in [(FLEET, "peak.yaml"), (POLICY, "steady.yaml")] {
        let rows = rows(&home, manifest, manifest).await;
        assert_eq!(rows[1]["policy"], name);
        assert_eq!(figures(&rows[0]), figures(&rows[1]), "{name}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_valid_is_refused_in_the_words_that_f_has_for_it() {
    let home = Home::empty();
    for text in [
        String::new(),
        "a: [".to_owned(),
        changed("Europe/Paris", "Europe/Pariss"),
        changed("maxReplicas: 30", "maxReplicas: 3"),
        changed("targetPerReplica: 50", "targetPerReplica: 0"),
        changed("minReplicas: 10", "minReplicas: many"),
        changed("spec:\n", "spec:\n  policyRef: {name: steady}\n"),
    ] {
        let bad = file(&home, "bad.yaml", &text);
        let alone = simulate(&home, &bad, &DAY).await;
        let compared = compare(&home, FLEET, &bad, &[]).await;
        assert_eq!((compared.code, compared.out.as_str()), (1, ""), "{compared:?}");
        assert!(compared.err.contains("bad.yaml: "), "{}", compared.err);
        assert_eq!(compared.err, alone.err, "{text}");
    }
    let nowhere = compare(&home, FLEET, "/nowhere.yaml", &[]).await;
    one_line(&nowhere, 1, "/nowhere.yaml: No such file");
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused() {
    let home = Home::empty();
    let order = "apiVersion: apifleet.dev/v1alpha1\nkind: FleetOverride\nmetadata: {name: a}\n";
    let order = file(&home, "order.yaml", order);
    let service = file(&home, "service.yaml", "apiVersion: v1\nkind: Service\n");
    for (manifest, version, words) in [
        (FLEET, POLICY, "steady.yaml: holds ScalingPolicy steady and no ApiFleet"),
        (POLICY, FLEET, "peak.yaml: holds ApiFleet shop/shop-api and no ScalingPolicy"),
        (FLEET, &order, "order.yaml: holds no ApiFleet and no ScalingPolicy"),
        (POLICY, &service, "service.yaml: holds no ApiFleet and no ScalingPolicy"),
    ] {
        one_line(&compare(&home, manifest, version, &[]).await, 1, words);
    }
}

#[tokio::test]
async fn a_limit_is_about_the_policy_of_f_only() {
    let home = Home::empty();
    let slow = changed("    latency: {percentile: 95, targetMilliseconds: 200}\n", "")
        .replace("targetPerReplica: 50", "targetPerReplica: 500");
    let slow = file(&home, "slow.yaml", &slow);
    let rows = rows(&home, FLEET, &slow).await;
    let under = |at: usize| rows[at]["underPercent"].as_f64().unwrap();
    assert!(under(1) > under(0), "{rows:?}");
    let limit = format!("{}%", f64::midpoint(under(0), under(1)));
    let limited = ["--baseline", "none", "--max-under", &limit];
    let kept = compare(&home, FLEET, &slow, &limited).await;
    assert_eq!(kept.code, 0, "{kept:?}");
    let broken = compare(&home, &slow, FLEET, &limited).await;
    assert_eq!(broken.code, 3, "{broken:?}");
}

#[tokio::test]
async fn current_is_what_the_cluster_has_under_the_same_name() {
    let server = server_with(calm).await;
    let home = Home::of(&server.uri());
    let rows = rows(&home, FLEET, "current").await;
    assert_eq!((&rows[1]["policy"], &rows[1]["role"]), (&"current".into(), &"peer".into()));
    assert!(hours(&rows[1]) > hours(&rows[0]), "a lower target needs more replicas: {rows:?}");
    let read = format!("GET {}", in_shop("apifleets/shop-api"));
    assert_eq!(asked(&server).await, [read], "it reads, and no more than that");
}

#[tokio::test]
async fn current_of_what_is_applied_has_the_same_figures() {
    let server = server_with(|_| ()).await;
    let home = Home::of(&server.uri());
    // Where the manifest says no namespace, that of the kubeconfig is meant.
    let anywhere = file(&home, "fleet.yaml", &changed("  namespace: shop\n", ""));
    for manifest in [FLEET, &anywhere] {
        let rows = rows(&home, manifest, "current").await;
        assert_eq!(figures(&rows[0]), figures(&rows[1]), "{manifest}");
    }
}

#[tokio::test]
async fn what_is_no_difference_of_the_rules_is_said_of_the_current_version() {
    let server = server_with(|fleet| {
        fleet["spec"]["mode"] = "Observe".into();
        fleet["spec"]["maxReplicas"] = 40.into();
    })
    .await;
    let home = Home::of(&server.uri());
    let ran = compare(&home, FLEET, "current", &["--baseline", "none"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        ran.err.lines().collect::<Vec<_>>(),
        [
            "current is in mode Observe; it is simulated as if it were enforced",
            "current says 10..40 replicas; it is played within 10..30, as shop/shop-api is"
        ]
    );
}

#[tokio::test]
async fn the_current_policy_is_read_where_a_policy_is_simulated() {
    let mut policy = serde_json::to_value(object::<ScalingPolicy>("steady")).unwrap();
    calm(&mut policy);
    let server = knowing_these(&[]).await;
    knowing_more(&server, &in_shop("scalingpolicies/steady"), 200, policy).await;
    let rows = rows(&Home::of(&server.uri()), POLICY, "current").await;
    assert_eq!(rows[1]["policy"], "current");
    assert!(hours(&rows[1]) > hours(&rows[0]), "a lower target needs more replicas: {rows:?}");
}

#[tokio::test]
async fn a_fleet_that_names_a_policy_is_current_with_that() {
    let mut policy = serde_json::to_value(object::<ScalingPolicy>("steady")).unwrap();
    calm(&mut policy);
    let server = knowing_these(&[sharing()]).await;
    let home = Home::of(&server.uri());
    lacking(&server, "scalingpolicies", "steady").await;
    one_line(
        &compare(&home, FLEET, "current", &[]).await,
        1,
        "names ScalingPolicy \"steady\", which is not in namespace \"shop\"",
    );
    let server = knowing_these(&[sharing()]).await;
    let home = Home::of(&server.uri());
    knowing_more(&server, &in_shop("scalingpolicies/steady"), 200, policy).await;
    let rows = rows(&home, FLEET, "current").await;
    assert!(hours(&rows[1]) > hours(&rows[0]), "a lower target needs more replicas: {rows:?}");
}

#[tokio::test]
async fn nothing_of_that_name_in_the_cluster_says_so_and_what_to_do() {
    let server = server_with(|fleet| fleet["metadata"]["name"] = "shop-apis".into()).await;
    let home = Home::of(&server.uri());
    lacking(&server, "apifleets", "shop-api").await;
    one_line(
        &compare(&home, FLEET, "current", &[]).await,
        1,
        "the cluster has no ApiFleet \"shop-api\" in namespace \"shop\", so nothing of it is current: compare with a \
         FILE, or choose another namespace with -n or another cluster with --context; did you mean shop-apis?",
    );
    one_line(&compare(&home, POLICY, "current", &[]).await, 1, "does not serve scalingpolicies");
    lacking(&server, "scalingpolicies", "steady").await;
    listing(&server, &in_shop("scalingpolicies"), &[], None).await;
    let none = "the cluster has no ScalingPolicy \"steady\" in namespace \"shop\"";
    one_line(&compare(&home, POLICY, "current", &[]).await, 1, none);
}

#[tokio::test]
async fn a_cluster_that_cannot_be_asked_says_why() {
    let server = refusing(403).await;
    one_line(
        &compare(&Home::of(&server.uri()), FLEET, "current", &[]).await,
        1,
        "no permission to get apifleets.apifleet.dev in namespace shop",
    );
    one_line(&compare(&Home::empty(), FLEET, "current", &[]).await, 1, "no kubeconfig");
}

#[tokio::test]
async fn a_cluster_is_asked_for_nothing_but_names_in_the_namespace_that_is_meant() {
    let server = knowing_these(&[fleet("peak")]).await;
    let home = Home::of(&server.uri());
    let unnamed = file(&home, "name.yaml", &changed("  name: shop-api\n", "  name: ../x\n"));
    let unplaced =
        file(&home, "namespace.yaml", &changed("  namespace: shop\n", "  namespace: a/b\n"));
    for (manifest, more, code, words) in [
        (unnamed.as_str(), &[][..], 1, "whose metadata.name is no name"),
        (&unplaced, &[], 2, "the manifest's namespace \"a/b\" is none"),
        (FLEET, &["-n", "other"], 2, "the manifest says namespace shop, and -n says other"),
    ] {
        one_line(&compare(&home, manifest, "current", more).await, code, words);
    }
    assert_eq!(asked(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_version_that_does_not_fit_the_bounds_says_whose_they_are() {
    let home = Home::empty();
    let small = changed("maxReplicas: 30", "maxReplicas: 15")
        .replace("floor: {replicas: 20}", "floor: {replicas: 12}")
        .replace("    ceilingReplicas: 30\n", "");
    let small = file(&home, "small.yaml", &small);
    let ran = compare(&home, &small, FLEET, &[]).await;
    one_line(&ran, 1, "it is played within 10..15, the bounds of shop/shop-api");
    assert!(ran.err.contains("peak.yaml: shop/shop-api: spec.schedules[0]"), "{}", ran.err);
}

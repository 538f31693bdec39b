//! Policies: listed, shown, compared and changed against an API server, with what is said before a change.

use crate::fixture::{fleet, object};
use crate::program::{Home, Ran};
use crate::server::{in_shop, knowing_more, knowing_these, listing, named};
use crate::simulations::{matrix, prometheus};
use apifleet_crds::{ApiFleet, FleetIntent, ScalingPolicy, effective};
use serde_json::{Value, json};
use std::path::PathBuf;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A fleet that takes its signals and schedules from policy `steady`.
fn sharing() -> ApiFleet {
    let mut fleet = fleet("peak");
    (fleet.spec.signals, fleet.spec.schedules) = (None, None);
    fleet.spec.policy_ref = serde_json::from_value(json!({"name": "steady"})).unwrap();
    fleet
}

/// The policy as a server has it.
fn steady() -> Value {
    let mut policy = json!(object::<ScalingPolicy>("steady"));
    policy["metadata"]["resourceVersion"] = json!("41");
    policy["spec"]["description"] = json!("Follows the load.");
    policy
}

fn with_target(target: i32) -> Value {
    let mut policy = steady();
    policy["spec"]["signals"]["requestRate"]["targetPerReplica"] = json!(target);
    policy
}

/// A server with one policy, and the fleet that follows it.
async fn server_with(policy: &Value) -> MockServer {
    let server = knowing_these(&[sharing(), fleet("silent")]).await;
    let calm = named(policy, "calm");
    listing(&server, &in_shop("scalingpolicies"), &[policy.clone(), calm.clone()], None).await;
    for (name, policy) in [("steady", policy), ("calm", &calm)] {
        knowing_more(&server, &in_shop(&format!("scalingpolicies/{name}")), 200, policy.clone())
            .await;
    }
    for name in ["steedy", "new"] {
        let missing = refusal(404, "NotFound", "not found");
        knowing_more(&server, &in_shop(&format!("scalingpolicies/{name}")), 404, missing).await;
    }
    server
}

/// The same, which answers patches so.
async fn server_that_patches(code: u16, body: Value) -> MockServer {
    let server = server_with(&steady()).await;
    Mock::given(method("PATCH"))
        .and(path(in_shop("scalingpolicies/steady")))
        .and(query_param("fieldManager", "apifleet-cli"))
        .respond_with(ResponseTemplate::new(code).set_body_json(body))
        .mount(&server)
        .await;
    server
}

fn refusal(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message, "details": {"name": "steady", "kind": "scalingpolicies"}})
}

/// The bodies of the patches that a server was sent.
async fn patches(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let patches = requests.iter().filter(|request| request.method.as_str() == "PATCH");
    patches.map(|request| request.body_json().unwrap()).collect()
}

fn file(home: &Home, documents: &[Value]) -> PathBuf {
    let path = home.path().join("policies.yaml");
    let text: Vec<String> = documents.iter().map(Value::to_string).collect();
    std::fs::write(&path, text.join("\n---\n")).unwrap();
    path
}

/// The policy as a person would write it.
fn manifest(policy: &Value) -> Value {
    json!({"apiVersion": "apifleet.dev/v1alpha1", "kind": "ScalingPolicy",
        "metadata": {"name": policy["metadata"]["name"], "namespace": "shop"}, "spec": policy["spec"]})
}

fn set<'a>(assignment: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["policy", "set", "steady", assignment][..], more].concat()
}

fn one_line(ran: &Ran, code: i32, words: &str) {
    assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (code, "", 1), "{ran:?}");
    assert!(ran.err.contains(words), "{words}: {}", ran.err);
}

#[tokio::test]
async fn policies_are_listed_with_how_many_fleets_follow_them() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let ran = home.run(&["policy", "list"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, "2 policies\n"), "{ran:?}");
    insta::assert_snapshot!("policy_list", ran.out);
    let ran = home.run(&["policy", "list", "-o", "json"]).await;
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["apiVersion"], "cli.apifleet.dev/v1");
    assert_eq!(document["kind"], "PolicyList");
    assert_eq!(document["items"][1]["fleets"], 1, "{document:#}");
    let names = home.run(&["policy", "list", "-o", "name", "-q"]).await;
    assert_eq!(names.out, "scalingpolicy.apifleet.dev/calm\nscalingpolicy.apifleet.dev/steady\n");
    for name in names.out.lines() {
        assert_eq!(home.run(&["policy", "show", name]).await.code, 0, "{name}");
    }
}

#[tokio::test]
async fn a_policy_is_shown_with_the_fleets_that_follow_it() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let ran = home.run(&["policy", "show", "steady"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    insta::assert_snapshot!("policy_show", ran.out);
    let ran = home.run(&["policy", "show", "calm"]).await;
    assert!(ran.out.contains("no fleet follows it"), "{}", ran.out);
}

#[tokio::test]
async fn a_policy_is_shown_as_a_manifest_that_can_be_checked_and_compared() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let ran = home.run(&["policy", "show", "steady", "-o", "yaml"]).await;
    let path = home.path().join("steady.yaml");
    std::fs::write(&path, &ran.out).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(home.run(&["policy", "lint", path]).await.code, 0, "{}", ran.out);
    let ran = home.run(&["policy", "diff", path]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.err, "nothing differs from the cluster\n");
}

#[tokio::test]
async fn a_name_that_is_none_says_which_was_perhaps_meant() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    for arguments in [
        &["policy", "show", "steedy"][..],
        &["policy", "set", "steedy", "windowSeconds=30", "--yes"],
    ] {
        one_line(
            &home.run(arguments).await,
            1,
            "no policy \"steedy\" in namespace \"shop\"; did you mean steady?",
        );
    }
}

#[tokio::test]
async fn differences_have_their_own_exit_code_and_say_whom_they_concern() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let mut changed = manifest(&with_target(45));
    changed["spec"]["description"] = json!("Follows the load, sooner.");
    let path = file(&home, &[changed, manifest(&named(&steady(), "calm"))]);
    let diff = ["policy", "diff", path.to_str().unwrap()];
    let ran = home.run(&diff).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("1 of 2 policies would change"), "{}", ran.err);
    insta::assert_snapshot!("policy_diff", ran.out);
    let ran = home.run(&[&diff[..], &["-o", "json"]].concat()).await;
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let differ = |at: usize| document["policies"][at]["differs"].as_bool().unwrap();
    assert_eq!(
        (ran.code, &document["kind"], differ(0), differ(1)),
        (4, &json!("PolicyDiff"), true, false)
    );
    assert!(patches(&server).await.is_empty(), "it only reads");
}

#[tokio::test]
async fn a_policy_that_there_is_not_yet_is_a_difference() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let path = file(&home, &[manifest(&named(&steady(), "new"))]);
    let ran = home.run(&["policy", "diff", path.to_str().unwrap()]).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.out.contains("scalingpolicy.apifleet.dev/new   new"), "{}", ran.out);
}

#[tokio::test]
async fn a_value_is_set_by_one_patch_of_the_version_that_was_shown() {
    let server = server_that_patches(200, with_target(45)).await;
    let home = Home::of(&server.uri());
    let ran = home.run(&set("targetPerReplica=45", &["--yes", "--no-simulation"])).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    insta::assert_snapshot!("policy_set", ran.out);
    let expected = json!({"metadata": {"resourceVersion": "41"},
        "spec": {"signals": {"requestRate": {"targetPerReplica": 45}}}});
    assert_eq!(patches(&server).await, [expected]);
}

#[tokio::test]
async fn several_values_are_one_patch() {
    let server = server_that_patches(200, with_target(45)).await;
    let arguments = [
        "policy",
        "set",
        "steady",
        "targetPerReplica=45",
        "spec.spot.maxPercent=40",
        "--yes",
        "--no-simulation",
    ];
    let ran = Home::of(&server.uri()).run(&arguments).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = patches(&server).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["spec"]["spot"], json!({"maxPercent": 40}));
}

#[tokio::test]
async fn a_value_that_is_there_already_changes_nothing() {
    let server = server_with(&steady()).await;
    let ran = Home::of(&server.uri()).run(&set("targetPerReplica=50", &["--yes"])).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("unchanged") && !ran.out.contains("simulated"), "{}", ran.out);
    assert!(patches(&server).await.is_empty());
}

#[tokio::test]
async fn before_a_change_a_simulation_says_what_it_makes_of_a_fleet() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let ran = home.run(&set("targetPerReplica=25", &["--dry-run=client"])).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("no Prometheus was named (--prometheus-url)"), "{}", ran.err);
    for words in
        ["fleet shop-api, simulated: a made-up campaign", "SLOW MINUTES", "is decided otherwise"]
    {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let hours = |policy: &str| {
        let row = ran.out.lines().find(|line| line.starts_with(policy)).unwrap();
        let cell = row.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).nth(3).unwrap();
        cell.replace(',', "").parse::<f64>().unwrap()
    };
    assert!(hours("then") > hours("now"), "half the target needs more replicas: {}", ran.out);
    assert!(patches(&server).await.is_empty());
}

#[tokio::test]
async fn what_prometheus_has_seen_is_simulated_or_it_is_said_that_it_is_not_known() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let seen = prometheus(200, &matrix()).await;
    let down = prometheus(502, "bad gateway").await;
    let try_with = async |address: String| {
        let more = ["--dry-run=client", "--prometheus-url", &address];
        home.run(&set("targetPerReplica=45", &more)).await
    };
    let ran = try_with(seen.uri()).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains("simulated: what Prometheus has seen"), "{}", ran.out);
    let ran = try_with(down.uri()).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.err.contains("the last 7 days are not known") && ran.err.contains("status 502"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("simulated: a made-up campaign"), "{}", ran.out);
}

#[tokio::test]
async fn a_policy_that_would_stall_a_fleet_is_refused() {
    let server = server_that_patches(200, steady()).await;
    let home = Home::of(&server.uri());
    let mut high = manifest(&steady());
    high["spec"]["schedules"][0]["floor"]["replicas"] = json!(40);
    let path = file(&home, &[high.clone()]);
    let apply = ["policy", "apply", path.to_str().unwrap(), "--yes"];
    one_line(
        &home.run(&apply).await,
        3,
        "fleet shop-api would be stalled: spec.schedules[0].floor.replicas 40",
    );
    assert!(patches(&server).await.is_empty());
    let policy: ScalingPolicy = serde_json::from_value(high).unwrap();
    let laid = effective(&sharing().spec, Some(&policy.spec));
    assert!(FleetIntent::try_from(&laid).is_err(), "the operator thinks so, too");
}

#[tokio::test]
async fn a_manifest_is_applied_whole() {
    let server = server_that_patches(200, with_target(45)).await;
    let home = Home::of(&server.uri());
    let mut document = manifest(&with_target(45));
    document["spec"].as_object_mut().unwrap().remove("schedules");
    document["metadata"]["labels"] = json!({"team": "shop"});
    let path = file(&home, &[document]);
    let apply = ["policy", "apply", path.to_str().unwrap(), "--yes", "--no-simulation"];
    let ran = home.run(&apply).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!("policy_apply", ran.out);
    let expected = json!({"metadata": {"resourceVersion": "41", "labels": {"team": "shop"}},
        "spec": {"signals": {"requestRate": {"targetPerReplica": 45}}, "schedules": null}});
    assert_eq!(patches(&server).await, [expected]);
}

#[tokio::test]
async fn whoever_owns_a_policy_in_git_is_named() {
    let mut policy = steady();
    policy["metadata"]["managedFields"] = json!([{"manager": "argocd-controller", "operation": "Apply",
        "apiVersion": "apifleet.dev/v1alpha1", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}]);
    let server = server_with(&policy).await;
    let more = ["--dry-run=client", "--no-simulation"];
    let ran = Home::of(&server.uri()).run(&set("targetPerReplica=45", &more)).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("Argo CD owns it"), "{}", ran.out);
    assert!(ran.out.contains("--for 2h --reason \"...\""), "it can be typed: {}", ran.out);
}

#[tokio::test]
async fn a_script_without_yes_is_told_before_anything_is_asked() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let path = file(&home, &[manifest(&with_target(45))]);
    for arguments in
        [set("targetPerReplica=45", &[]), vec!["policy", "apply", path.to_str().unwrap()]]
    {
        one_line(&home.run(&arguments).await, 2, "--yes");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_patch_is_one_clear_line() {
    let arguments = set("targetPerReplica=45", &["--yes", "--no-simulation", "-o", "name"]);
    let forbidden = "scalingpolicies.apifleet.dev \"steady\" is forbidden: User \"jo\" cannot patch resource \
                     \"scalingpolicies\" in API group \"apifleet.dev\" in the namespace \"shop\"";
    for (code, reason, message, words) in [
        (
            403,
            "Forbidden",
            forbidden,
            "no permission to patch scalingpolicies.apifleet.dev in namespace shop",
        ),
        (409, "Conflict", "the object has been modified", "somebody else wrote meanwhile"),
        (422, "Invalid", "spec.signals: Invalid value", "spec.signals: Invalid value"),
        (500, "InternalError", "no luck", "no luck"),
    ] {
        let server = server_that_patches(code, refusal(code, reason, message)).await;
        let ran = Home::of(&server.uri()).run(&arguments).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{code}: {ran:?}");
        let errors: Vec<&str> = ran.err.lines().filter(|line| line.contains("error:")).collect();
        assert_eq!(errors.len(), 1, "{code}: {}", ran.err);
        assert!(errors[0].contains(words), "{code}: {}", ran.err);
    }
}

#[tokio::test]
async fn what_is_typed_wrong_says_what_would_be_right() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    for (typed, words) in [
        ("targetPerReplca=45", "did you mean targetPerReplica"),
        ("targetPerReplica=many", "a whole number"),
        ("targetPerReplica", "KEY=VALUE"),
        (
            "targetPerReplica=0",
            "spec.signals.requestRate.targetPerReplica is 0, outside 1..1000000",
        ),
        ("onMissing=Fallback", "fallbackReplicas is absent"),
    ] {
        let ran = home.run(&set(typed, &["--yes"])).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{typed}: {ran:?}");
        assert!(ran.err.contains(words), "{typed}: {}", ran.err);
    }
    assert!(patches(&server).await.is_empty());
}

#[tokio::test]
async fn a_manifest_that_cannot_be_used_is_refused_before_the_cluster_is_asked() {
    let server = server_with(&steady()).await;
    let home = Home::of(&server.uri());
    let mut misspelt = manifest(&steady());
    misspelt["spec"]["signal"] = json!({});
    for (documents, code, words) in [
        (vec![misspelt], 3, "spec.signal is no field; did you mean signals?"),
        (vec![json!(sharing())], 1, "holds no ScalingPolicy"),
    ] {
        let path = file(&home, &documents);
        for verb in ["diff", "apply"] {
            let path = path.to_str().unwrap();
            let yes: &[&str] = if verb == "apply" { &["--yes"] } else { &[] };
            let ran = home.run(&[&["policy", verb, path], yes].concat()).await;
            assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{verb}: {ran:?}");
            assert!(ran.err.contains(words), "{verb}: {}", ran.err);
        }
    }
    assert!(server.received_requests().await.unwrap().is_empty());
    let path = file(&home, &[manifest(&steady())]);
    let ran = home.run(&["policy", "diff", path.to_str().unwrap(), "-n", "other"]).await;
    one_line(&ran, 2, "the manifest says namespace shop, and -n says other");
}

#[tokio::test]
async fn a_cluster_without_policies_or_permission_says_so() {
    for (code, words) in
        [(403, "no permission to"), (404, "does not serve scalingpolicies.apifleet.dev")]
    {
        let server = MockServer::start().await;
        let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "X",
            "message": "no"});
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(code).set_body_json(body))
            .mount(&server)
            .await;
        let home = Home::of(&server.uri());
        for arguments in [&["policy", "list"][..], &["policy", "show", "steady"]] {
            one_line(&home.run(arguments).await, 1, words);
        }
    }
}

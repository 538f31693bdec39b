//! Fleets that share a policy, and fleets that are overridden: every verb decides as the operator does.

use crate::fixture::{clock, fleet, object, plain};
use crate::program::Home;
use crate::server::{in_shop, knowing_more, knowing_these, listing, watched};
use apifleet_cli::args::Program;
use apifleet_cli::cluster::Decided;
use apifleet_cli::explain::what_if::Replayed;
use apifleet_cli::explain::{Assumption, effective};
use apifleet_cli::settings::Columns;
use apifleet_cli::status::screen::screen;
use apifleet_cli::view::FleetView;
use apifleet_crds::{ApiFleet, FleetIntent, FleetOverride, OverrideIntent, ScalingPolicy};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use wiremock::MockServer;

/// The fleet of the peak, which takes signals and schedules from policy `steady`.
pub(crate) fn sharing() -> ApiFleet {
    let mut fleet = fleet("peak");
    (fleet.spec.signals, fleet.spec.schedules) = (None, None);
    fleet.spec.policy_ref = serde_json::from_value(json!({"name": "steady"})).unwrap();
    fleet
}

fn steady() -> ScalingPolicy {
    object("steady")
}

/// A server that knows the fleet, and this of its policy.
async fn answering(code: u16, policy: Value) -> MockServer {
    let server = knowing_these(&[sharing()]).await;
    knowing_more(&server, &in_shop("scalingpolicies/steady"), code, policy).await;
    server
}

fn refusal(code: u16) -> Value {
    let reason = if code == 404 { "NotFound" } else { "Forbidden" };
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": "no", "details": {"name": "steady", "kind": "scalingpolicies"}})
}

/// An override of the fleet: from a minute before `now` on, for so many minutes.
fn order(action: &str, replicas: Option<i32>, now: Timestamp, minutes: i64) -> Value {
    let at = |minutes: i64| now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
    let mut order = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": "inc-412", "namespace": "shop", "creationTimestamp": at(-1)},
        "spec": {"fleetRef": {"name": "shop-api"}, "action": action, "pace": "Immediate",
            "notBefore": at(-1), "expiresAt": at(minutes), "reason": "INC-412 checkout slow", "requestedBy": "alice"},
    });
    if let Some(replicas) = replicas {
        order["spec"]["replicas"] = json!(replicas);
    }
    order
}

#[test]
fn the_effective_spec_says_what_comes_from_the_policy() {
    let decided = Decided::new(sharing(), Ok(Some(&steady().spec)));
    let intent = FleetIntent::try_from(&decided.fleet.spec).unwrap();
    let table = effective::table(&decided.typed, &decided.fleet.spec, &intent).unwrap();
    insta::assert_snapshot!("effective_shared", plain(&table));
    assert_eq!(
        decided.origin().unwrap(),
        "from ScalingPolicy steady: signals, schedules; a block that the fleet sets is its own"
    );
}

#[test]
fn a_policy_in_another_namespace_of_the_file_is_another_policy() {
    let text = |namespace: &str| {
        let mut policy = steady();
        policy.metadata.namespace = Some(namespace.to_owned());
        format!("{}\n---\n{}\n", json!(policy), json!(sharing()))
    };
    let folder = tempfile::tempdir().unwrap();
    let warning = |namespace: &str| {
        let path = folder.path().join(namespace);
        std::fs::write(&path, text(namespace)).unwrap();
        let manifest = apifleet_cli::manifest::Manifest::read(&path).unwrap();
        manifest.decided(None).unwrap()[0].warning()
    };
    assert_eq!(warning("shop"), None);
    assert!(warning("other").unwrap().contains("not in the file"));
}

#[test]
fn an_override_that_is_due_has_a_clock_on_the_screen() {
    let clock = clock("Europe/Paris");
    let mut fleet = fleet("peak");
    let active = |name: &str, action: &str, replicas: i32, by: Option<&str>| {
        json!({"name": name, "summary": "", "action": action, "replicas": replicas, "supersededBy": by,
            "expiresAt": "2026-12-08T09:00:00Z", "reason": "INC-412 checkout slow", "requestedBy": "alice"})
    };
    let orders =
        json!([active("inc-412", "Pin", 30, None), active("calm", "Ceiling", 20, Some("inc-412"))]);
    fleet.status.as_mut().unwrap().active_overrides = serde_json::from_value(orders).unwrap();
    let shown = |now| {
        let view = FleetView::new(&fleet, now);
        plain(&screen(&view, Columns::Usual, &clock, Some(120), Program::Apifleet))
    };
    insta::assert_snapshot!("status_overridden", shown(clock.now));
    let over = shown("2026-12-08T09:00:00Z".parse().unwrap());
    assert!(!over.contains("override"), "it has ended: {over}");
}

#[test]
fn what_is_ordered_is_decided_again_until_it_ends() {
    let clock = clock("Europe/Paris");
    let order: FleetOverride =
        serde_json::from_value(order("Pin", Some(25), clock.now, 10)).unwrap();
    let orders = [OverrideIntent::try_from(&order).unwrap().order];
    let assumption = Assumption::parse("rps=1512").unwrap();
    let answer = Replayed::new(&fleet("peak"), &orders, &assumption, clock.now).unwrap();
    assert_eq!((answer.desired, answer.settles_at), (25, 30), "{answer:?}");
    insta::assert_snapshot!("what_if_pinned", plain(&answer.render(&clock, Some(120))));
}

#[tokio::test]
async fn every_verb_lays_the_fleet_over_its_policy() {
    let server = answering(200, json!(steady())).await;
    let home = Home::of(&server.uri());
    for (arguments, words) in [
        (&["status", "shop-api"][..], "target 200 ms"),
        (&["explain", "shop-api", "--effective"], "spec.schedules[opening].floor.replicas"),
        (&["calendar", "shop-api", "--next", "366d", "-o", "json"], "\"schedules\": 1"),
    ] {
        let ran = home.run(arguments).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(words), "{arguments:?}: {}", ran.out);
        assert!(!ran.err.contains("does not exist"), "{}", ran.err);
    }
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 6, "one call for the fleet, and one for its policy");
}

#[tokio::test]
async fn a_list_reads_the_policies_of_its_fleets_at_once() {
    let server = knowing_these(&[sharing(), fleet("silent")]).await;
    listing(&server, &in_shop("scalingpolicies"), &[json!(steady())], None).await;
    let ran = Home::of(&server.uri()).run(&["status"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("142 ms") && ran.out.contains("orders-api"), "{}", ran.out);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_fleet_that_is_waited_for_is_shown_on_its_policy() {
    let mut ready = json!(sharing());
    ready["status"]["readyReplicas"] = json!(30);
    ready["status"]["conditions"][0]["status"] = json!("True");
    ready["metadata"]["resourceVersion"] = json!("101");
    let server = watched(&sharing(), &[("MODIFIED", ready)]).await;
    knowing_more(&server, &in_shop("scalingpolicies/steady"), 200, json!(steady())).await;
    let arguments = ["status", "shop-api", "--wait=ready", "--timeout=20s"];
    let ran = Home::of(&server.uri()).run(&arguments).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("target 200 ms"), "{}", ran.out);
}

#[tokio::test]
async fn a_policy_that_does_not_exist_is_said_once_with_what_to_do() {
    let server = answering(404, refusal(404)).await;
    let home = Home::of(&server.uri());
    for arguments in [
        &["status", "shop-api"][..],
        &["explain", "shop-api", "--effective"],
        &["calendar", "shop-api"],
    ] {
        let ran = home.run(arguments).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(
            ran.err,
            "ScalingPolicy steady, which fleet shop-api names, does not exist: create it, or name another in \
             spec.policyRef; until then only the fleet's own blocks are shown\n",
            "{arguments:?}"
        );
        assert!(!ran.out.contains("opening"), "{}", ran.out);
    }
}

#[tokio::test]
async fn a_policy_that_may_not_be_read_ends_only_answers_that_rest_on_it() {
    let server = answering(403, refusal(403)).await;
    let home = Home::of(&server.uri());
    for (arguments, code) in [
        (&["status", "shop-api"][..], 0),
        (&["explain", "shop-api"], 0),
        (&["explain", "shop-api", "--effective"], 1),
        (&["explain", "shop-api", "--what-if", "rps=1"], 1),
        (&["calendar", "shop-api"], 1),
    ] {
        let ran = home.run(arguments).await;
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
        let words = "no permission to get scalingpolicies.apifleet.dev in namespace shop";
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}

#[tokio::test]
async fn a_calendar_of_a_file_finds_the_policy_in_it() {
    let home = Home::empty();
    let path = home.path().join("fleet.yaml");
    let run = async |documents: &[Value]| {
        let text: Vec<String> = documents.iter().map(Value::to_string).collect();
        std::fs::write(&path, text.join("\n---\n")).unwrap();
        home.run(&["calendar", "-f", path.to_str().unwrap(), "-o", "json"]).await
    };
    let ran = run(&[json!(sharing()), json!(steady())]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["fleets"][0]["schedules"], 1);
    let ran = run(&[json!(sharing())]).await;
    assert_eq!((ran.code, ran.err.lines().count()), (0, 1), "{ran:?}");
    assert!(ran.err.contains("steady") && ran.err.contains("not in the file"), "{}", ran.err);
}

#[tokio::test]
async fn a_replay_knows_what_is_ordered_or_says_that_it_does_not() {
    let now = Timestamp::now();
    let mut fleet = json!(fleet("peak"));
    fleet["status"]["lastDecision"]["time"] = json!(now);
    fleet["status"]["memory"] =
        json!({"version": 1, "at": now, "size": 30, "placement": {"onDemand": 12, "spot": 18}});
    let fleet: ApiFleet = serde_json::from_value(fleet).unwrap();
    let arguments = ["explain", "shop-api", "--what-if", "rps=1512", "-o", "json"];
    let other = {
        let mut other = order("Pin", Some(11), now, 60);
        other["spec"]["fleetRef"]["name"] = json!("cart-api");
        other
    };
    let orders = [order("Pin", Some(25), now, 60), other];
    for (code, desired, said) in [(200, 25, ""), (403, 30, "no permission to list fleetoverrides")]
    {
        let server = knowing_these(std::slice::from_ref(&fleet)).await;
        let list = json!({"kind": "FleetOverrideList", "apiVersion": "apifleet.dev/v1alpha1", "metadata": {},
            "items": orders});
        let body = if code == 200 { list } else { refusal(code) };
        knowing_more(&server, &in_shop("fleetoverrides"), code, body).await;
        let ran = Home::of(&server.uri()).run(&arguments).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(document["desired"], desired, "{document:#}");
        assert!(ran.err.contains(said), "{}", ran.err);
        assert_eq!(ran.err.is_empty(), said.is_empty(), "{}", ran.err);
    }
}

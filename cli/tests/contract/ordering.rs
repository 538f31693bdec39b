//! What people order for a while: the screens, and the program against an API server that keeps what it is given.

use crate::fixture::{clock, fleet, plain, timeless};
use crate::program::{Home, Ran};
use crate::server::{in_shop, knowing, knowing_alice, knowing_more, knowing_these};
use apifleet_cli::ordering::effect::{Effect, orders};
use apifleet_cli::ordering::list::OrderList;
use apifleet_cli::settings::Columns;
use apifleet_crds::{ApiFleet, FleetOverride};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// An override of the fleet of the peak: from so many minutes after `now` on, to so many.
fn order(name: &str, what: (&str, Option<i32>), now: Timestamp, minutes: (i64, i64)) -> Value {
    let at = |minutes: i64| {
        let at = now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        Timestamp::from_second(at.as_second()).unwrap().to_string()
    };
    let ((action, replicas), (from, to)) = (what, minutes);
    let mut order = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "41", "uid": "u-1",
            "creationTimestamp": at(from)},
        "spec": {"fleetRef": {"name": "shop-api"}, "action": action, "notBefore": at(from), "expiresAt": at(to),
            "reason": "INC-412 checkout slow", "requestedBy": "alice"},
    });
    if let Some(replicas) = replicas {
        order["spec"]["replicas"] = json!(replicas);
    }
    order
}

fn typed(orders: &[Value]) -> Vec<FleetOverride> {
    orders.iter().map(|order| serde_json::from_value(order.clone()).unwrap()).collect()
}

/// What a change of what is ordered makes of a fleet, as people see it.
fn effect(fleet: &ApiFleet, before: &[Value], after: &[Value]) -> String {
    let (before, after) = (orders(&typed(before)), orders(&typed(after)));
    plain(&Effect { fleet, before, after }.render(&clock("Europe/Paris"), Some(120)))
}

#[test]
fn what_an_order_makes_of_a_fleet() {
    let now = clock("UTC").now;
    let floor = order("floor-26-x7k2p", ("Floor", Some(26)), now, (0, 120));
    let peak = fleet("peak");
    insta::assert_snapshot!("order_floor", effect(&peak, &[], std::slice::from_ref(&floor)));
    let mut ceiling = order("ceiling-12-b4d7c", ("Ceiling", Some(12)), now, (0, 30));
    ceiling["spec"]["pace"] = json!("Immediate");
    let both = [floor.clone(), ceiling.clone()];
    insta::assert_snapshot!("order_ceiling", effect(&peak, &both[..1], &both));
    let pin = order("pin-40-c5f8d", ("Pin", Some(40)), now, (0, 30));
    insta::assert_snapshot!("order_pin_outside", effect(&peak, &[], &[pin]));
    let hold = order("hold-d6g9f", ("Hold", None), now, (0, 30));
    insta::assert_snapshot!("order_hold", effect(&peak, &[], std::slice::from_ref(&hold)));
    let mut ended = hold.clone();
    ended["spec"]["expiresAt"] = json!("2026-12-08T07:00:29Z");
    insta::assert_snapshot!("order_resume", effect(&peak, &[hold], &[ended]));
    insta::assert_snapshot!("order_unknown", effect(&fleet("silent"), &[], &[floor]));
}

#[test]
fn what_is_ordered_is_listed_with_what_matters_now_first() {
    let clock = clock("Europe/Paris");
    let mut orders = [
        order("over-a", ("Hold", None), clock.now, (-300, -200)),
        order("over-b", ("NoSpot", None), clock.now, (-300, -100)),
        order("coming", ("Ceiling", Some(12)), clock.now, (30, 60)),
        order("new", ("Floor", Some(26)), clock.now, (0, 120)),
        order("counts", ("Floor", Some(28)), clock.now, (-1, 90)),
        order("beaten", ("Floor", Some(20)), clock.now, (-1, 100)),
    ];
    let condition = |status: &str, reason: &str| {
        json!({"conditions": [{"type": "InForce", "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2026-12-08T07:00:00Z"}]})
    };
    orders[4]["status"] = condition("True", "OverrideFloor");
    orders[5]["status"] = condition("False", "Superseded");
    let list = OrderList::new(&typed(&orders), clock.now);
    let shown = |namespaces, columns| plain(&list.table(namespaces, columns, &clock));
    let usual = shown(false, Columns::Usual);
    let all = shown(true, Columns::Wide);
    insta::assert_snapshot!("orders", format!("{usual}\n{all}\n{}\n", list.summary()));
    assert!(OrderList::new(&[], clock.now).table(false, Columns::Usual, &clock).is_empty());
}

/// The fleet of the peak as if it had been decided just now; without the schedule, which is one of December.
fn of_now() -> ApiFleet {
    let now = Timestamp::now();
    let mut fleet = json!(fleet("peak"));
    fleet["spec"].as_object_mut().unwrap().remove("schedules");
    fleet["status"]["lastDecision"]["time"] = json!(now);
    fleet["status"]["memory"] =
        json!({"version": 1, "at": now, "size": 30, "placement": {"onDemand": 12, "spot": 18}});
    serde_json::from_value(fleet).unwrap()
}

/// A server that knows this fleet and these overrides of it, and keeps what it is given.
async fn keeping(overrides: &[Value]) -> MockServer {
    let server = knowing_these(&[of_now()]).await;
    let list = json!({"kind": "FleetOverrideList", "apiVersion": "apifleet.dev/v1alpha1", "metadata": {},
        "items": overrides});
    knowing_more(&server, &in_shop("fleetoverrides"), 200, list).await;
    knowing_alice(&server).await;
    for (verb, code) in [("POST", 201), ("PATCH", 200), ("DELETE", 200)] {
        Mock::given(method(verb))
            .and(path_regex("/fleetoverrides(/[a-z0-9-]+)?$"))
            .respond_with(move |request: &Request| {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                ResponseTemplate::new(code).set_body_json(body)
            })
            .with_priority(5)
            .mount(&server)
            .await;
    }
    server
}

/// A server that refuses one verb on overrides.
async fn refusing(verb: &str, code: u16, message: &str, overrides: &[Value]) -> MockServer {
    let server = keeping(overrides).await;
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
        "reason": "Whatever", "details": {"name": "x", "kind": "fleetoverrides"}});
    Mock::given(method(verb))
        .and(path_regex("/fleetoverrides"))
        .respond_with(ResponseTemplate::new(code).set_body_json(status))
        .with_priority(1)
        .mount(&server)
        .await;
    server
}

async fn run(server: &MockServer, line: &str) -> Ran {
    // A reason is one word here.
    Home::of(&server.uri()).run(&line.split(' ').collect::<Vec<_>>()).await
}

/// What was written: the verb, the path with its query, and the body.
async fn written(server: &MockServer) -> Vec<(String, String, Value)> {
    let requests = server.received_requests().await.unwrap();
    let writes = requests.iter().filter(|request| {
        request.method.as_str() != "GET" && request.url.path().contains("/fleetoverrides")
    });
    let told = |request: &Request| {
        let query = request.url.query().unwrap_or_default();
        let body = serde_json::from_slice(&request.body).unwrap();
        (request.method.to_string(), format!("{}?{query}", request.url.path()), body)
    };
    writes.map(told).collect()
}

const FLOOR: &str = "override shop-api --floor 26 --for 2h --reason INC-412";

#[tokio::test]
async fn an_order_is_one_creation_in_the_name_of_whoever_asks() {
    let server = keeping(&[]).await;
    let ran = run(&server, &format!("{FLOOR} --immediate --yes")).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let writes = written(&server).await;
    let [(verb, at, body)] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(verb, "POST");
    assert!(at.starts_with(&format!("{}?", in_shop("fleetoverrides"))), "{at}");
    assert!(at.ends_with("fieldManager=apifleet-cli") && !at.contains("dryRun"), "{at}");
    let made: FleetOverride = serde_json::from_value(body.clone()).unwrap();
    assert_eq!(body["spec"]["requestedBy"], "alice");
    assert_eq!(body["spec"]["pace"], "Immediate");
    let lasts = made.spec.expires_at.0.duration_since(made.spec.not_before.0);
    assert_eq!(lasts, SignedDuration::from_hours(2));
    let name = made.metadata.name.unwrap();
    assert!(ran.out.contains("26 and 30"), "{}", ran.out);
    assert!(ran.out.contains("+   action: Floor"), "{}", ran.out);
    assert!(
        ran.out.ends_with(&format!("fleetoverride.apifleet.dev/{name} created\n")),
        "{}",
        ran.out
    );
    for words in ["it ends by itself at", " UTC (in 120m)", "apifleet status shop-api -n shop -w"] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert!(
        ran.err.contains(&format!("apifleet override shop-api {name} -n shop --end")),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn an_end_is_shown_on_the_readers_clock_and_in_utc() {
    let server = keeping(&[]).await;
    let home = Home::of(&server.uri());
    let mut command = home.command(&["hold", "shop-api", "--for", "2h", "--dry-run=client"]);
    command.env("TZ", "Asia/Tokyo");
    let ran = crate::program::finish(command).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("Hold, until 2") && ran.out.contains(" JST ("), "{}", ran.out);
}

#[tokio::test]
async fn a_dry_run_shows_everything_and_keeps_nothing() {
    let server = keeping(&[]).await;
    let ran = run(&server, &format!("{FLOOR} --dry-run=client")).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("+   action: Floor") && ran.out.ends_with(" created (dry run)\n"),
        "{}",
        ran.out
    );
    assert!(!ran.err.contains("it ends by itself"), "{}", ran.err);
    assert!(written(&server).await.is_empty());

    let ran = run(&server, &format!("{FLOOR} --dry-run=server")).await;
    assert!(ran.out.ends_with(" created (server dry run)\n"), "{ran:?}");
    let writes = written(&server).await;
    assert!(writes.iter().all(|(_, at, _)| at.contains("dryRun=All")), "{writes:?}");
    assert_eq!(writes.len(), 1);
}

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_is_done() {
    let server = keeping(&[]).await;
    for line in [FLOOR, "hold shop-api --for 30m", "resume shop-api", "override shop-api --end"] {
        let ran = run(&server, line).await;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (2, "", 1), "{ran:?}");
        assert!(ran.err.contains("--yes") && ran.err.contains("--dry-run=client"), "{}", ran.err);
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn programs_get_the_object_alone() {
    let server = keeping(&[]).await;
    let json = run(&server, &format!("{FLOOR} --yes -q -o json")).await;
    assert_eq!((json.code, json.err.as_str()), (0, ""), "{json:?}");
    let made: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&made["kind"], &made["spec"]["replicas"]), (&json!("FleetOverride"), &json!(26)));
    let yaml = run(&server, &format!("{FLOOR} --dry-run=client -q -o yaml")).await;
    let would: Value = serde_saphyr::from_str(&yaml.out).unwrap();
    assert_eq!(would["spec"]["action"], "Floor", "{yaml:?}");
    let name = run(&server, &format!("{FLOOR} --yes -q -o name")).await;
    assert!(name.out.starts_with("fleetoverride.apifleet.dev/floor-26-"), "{name:?}");
    assert_eq!(name.out.lines().count(), 1);
    let talk = run(&server, &format!("{FLOOR} --yes -o name")).await;
    assert!(talk.err.contains("+   action: Floor"), "what is done is said: {talk:?}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_written() {
    let server = keeping(&[]).await;
    for (line, code, words) in [
        ("hold shop-api --until 2020-01-01T00:00:00Z --yes", 2, "is past"),
        ("hold shop-api --until 2120-01-01T00:00:00Z --yes", 2, "24h at most"),
        ("hold shop-apii --for 1h --yes", 1, "did you mean shop-api?"),
        ("override shop-api --extend --for 1h --yes", 1, "nothing is ordered of fleet shop-api"),
        ("override shop-api --end --yes", 1, "nothing is ordered of fleet shop-api"),
        ("override shop-api calm --end --yes", 1, "has no override calm"),
        ("override shop-apii --list", 1, "did you mean shop-api?"),
    ] {
        let ran = run(&server, line).await;
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{line}: {ran:?}");
        assert!(ran.err.contains(words), "{line}: {}", ran.err);
    }
    assert!(written(&server).await.is_empty());
}

#[tokio::test]
async fn spot_cannot_be_left_by_a_fleet_that_has_none() {
    let server = knowing(&["silent"]).await;
    let ran = run(&server, "override orders-api --no-spot --for 1h --reason why --yes").await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("has no spot target"), "{}", ran.err);
}

#[tokio::test]
async fn a_refusal_says_whether_a_role_is_missing_or_a_rule_is_broken() {
    let unbound = "fleetoverrides.apifleet.dev is forbidden: User \"jo\" cannot create resource \"fleetoverrides\" in API \
                group \"apifleet.dev\" in the namespace \"shop\"";
    let rule = "fleetoverrides.apifleet.dev \"x\" is forbidden: ValidatingAdmissionPolicy 'apifleet-override-author' with \
                binding 'apifleet-override-author' denied request: spec.requestedBy is alice, and the API server knows \
                you as jo: write that name";
    let schema = "FleetOverride.apifleet.dev \"x\" is invalid: spec.expiresAt: Invalid value: an override lasts 24 h at most";
    for (code, message, words) in [
        (403, unbound, "no permission to create fleetoverrides.apifleet.dev in namespace shop"),
        (403, unbound, "apifleet-oncall"),
        (403, rule, "the API server refuses it:"),
        (403, rule, "write that name"),
        (422, schema, "lasts 24 h at most"),
        (409, "fleetoverrides \"x\" already exists", "repeat the command"),
        (500, "no", "try again"),
    ] {
        let server = refusing("POST", code, message, &[]).await;
        let ran = run(&server, &format!("{FLOOR} --yes")).await;
        assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
        assert!(!ran.out.contains("created"), "{}", ran.out);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_said_at_once() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::of(&format!("http://127.0.0.1:{port}"));
    for arguments in
        [&["hold", "shop-api", "--for", "30m", "--yes"][..], &["resume", "shop-api", "--yes"]]
    {
        let ran = home.run(arguments).await;
        assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
        assert!(ran.err.contains("cannot reach the API server"), "{}", ran.err);
        assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
    }
}

#[tokio::test]
async fn a_hold_is_ended_by_resume_and_nothing_else_is() {
    let now = Timestamp::now();
    let overrides = [
        order("hold-d6g9f", ("Hold", None), now, (-10, 20)),
        order("hold-over", ("Hold", None), now, (-60, -30)),
        order("calm", ("Ceiling", Some(28)), now, (-10, 20)),
    ];
    let server = keeping(&overrides).await;
    let ran = run(&server, "resume shop-api --yes").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let writes = written(&server).await;
    let [(verb, at, body)] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(verb, "PATCH");
    assert!(at.starts_with(&in_shop("fleetoverrides/hold-d6g9f?")), "{at}");
    assert_eq!(body["metadata"], json!({"resourceVersion": "41"}));
    let ends: Timestamp = body["spec"]["expiresAt"].as_str().unwrap().parse().unwrap();
    assert!(now.duration_since(ends).abs() < SignedDuration::from_secs(30), "{ends}");
    assert_eq!(body["spec"].as_object().unwrap().len(), 1, "the end alone changes: {body}");
    assert!(ran.out.contains("-   expiresAt:") && ran.out.contains("ends now"), "{}", ran.out);
    assert!(ran.err.contains("still ordered: Ceiling 28 (calm)"), "{}", ran.err);
}

#[tokio::test]
async fn where_nothing_is_held_resume_has_nothing_to_do() {
    let server =
        keeping(&[order("calm", ("Ceiling", Some(28)), Timestamp::now(), (-10, 20))]).await;
    let ran = run(&server, "resume shop-api --yes").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, "nothing holds fleet shop-api\n"), "{ran:?}");
    assert!(written(&server).await.is_empty());
}

#[tokio::test]
async fn an_override_that_has_not_begun_goes_when_it_is_ended() {
    let server =
        keeping(&[order("later", ("Ceiling", Some(12)), Timestamp::now(), (30, 60))]).await;
    let ran = run(&server, "override shop-api --end --yes").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let writes = written(&server).await;
    let [(verb, at, body)] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(verb, "DELETE");
    assert!(at.starts_with(&in_shop("fleetoverrides/later?")), "{at}");
    assert_eq!(body["preconditions"], json!({"resourceVersion": "41"}));
    assert!(ran.out.ends_with("fleetoverride.apifleet.dev/later deleted\n"), "{}", ran.out);
    insta::assert_snapshot!("override_end", timeless(&ran.out));
}

#[tokio::test]
async fn of_several_one_is_named() {
    let now = Timestamp::now();
    let overrides = [
        order("calm", ("Ceiling", Some(28)), now, (-10, 20)),
        order("more", ("Floor", Some(20)), now, (-10, 20)),
        order("past", ("Floor", Some(20)), now, (-60, -20)),
    ];
    let server = keeping(&overrides).await;
    let ran = run(&server, "override shop-api --end --yes").await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("calm, more"), "{}", ran.err);
    let ran = run(&server, "override shop-api past --end --yes").await;
    assert!(ran.code == 1 && ran.err.contains("has ended already"), "{ran:?}");
    let ran = run(&server, "override shop-api mor --end --yes").await;
    assert!(ran.code == 1 && ran.err.contains("did you mean more?"), "{ran:?}");
    assert!(written(&server).await.is_empty());
    let ran = run(&server, "override shop-api more --extend --for 1h --reason INC-413 --yes").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!("override_extend", timeless(&ran.out));
    let (_, at, body) = written(&server).await.remove(0);
    assert!(at.starts_with(&in_shop("fleetoverrides/more?")), "{at}");
    assert_eq!(body["spec"]["reason"], "INC-413");
    let ends: Timestamp = body["spec"]["expiresAt"].as_str().unwrap().parse().unwrap();
    let (least, most) = (SignedDuration::from_mins(78), SignedDuration::from_mins(81));
    assert!((least..most).contains(&ends.duration_since(now)), "an hour later than before: {ends}");
}

#[tokio::test]
async fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
    let held = order("hold-d6g9f", ("Hold", None), Timestamp::now(), (-10, 20));
    let message = "Operation cannot be fulfilled on fleetoverrides.apifleet.dev \"hold-d6g9f\": the object has been modified";
    let server = refusing("PATCH", 409, message, &[held]).await;
    let ran = run(&server, "resume shop-api --yes").await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.err.contains("somebody else wrote meanwhile"), "{}", ran.err);
}

#[tokio::test]
async fn what_is_ordered_is_listed_for_people_and_programs() {
    let now = Timestamp::now();
    let mut other = order("other", ("Pin", Some(9)), now, (-10, 20));
    other["spec"]["fleetRef"]["name"] = json!("cart-api");
    let server = keeping(&[order("calm", ("Ceiling", Some(28)), now, (-10, 20)), other]).await;
    let ran = run(&server, "override shop-api --list").await;
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "1 ordered, 0 ended in the last 7 days\n"),
        "{ran:?}"
    );
    assert!(ran.out.contains("calm") && !ran.out.contains("other"), "{}", ran.out);
    let ran = run(&server, "override --list -q -o name").await;
    assert_eq!(ran.out, "fleetoverride.apifleet.dev/calm\nfleetoverride.apifleet.dev/other\n");
    let ran = run(&server, "override --list -q -o json").await;
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["kind"], "FleetOverrideReport");
    assert_eq!(document["items"][0]["state"], "NotTakenUp");
}

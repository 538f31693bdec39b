//! `history`: the changes of a fleet's size, from its status and from events.

use crate::fixture::{clock, fleet, plain};
use crate::program::Home;
use crate::server::{knowing, knowing_more};
use apifleet_cli::history::History;
use apifleet_cli::history::screen::{screen, summary};
use k8s_openapi::api::events::v1::Event;
use serde_json::{Value, json};

/// Where the events of namespace `shop` are.
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/shop/events";

fn event(at: &str, reason: &str, note: &str) -> Value {
    json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "eventTime": at, "reason": reason, "note": note,
        "action": "Scale", "type": "Normal", "metadata": {"name": format!("shop-api.{at}").to_lowercase().replace(':', "-"),
        "namespace": "shop"}, "regarding": {"kind": "ApiFleet", "name": "shop-api", "namespace": "shop"}})
}

/// An older change, one that the status has as well, and something else.
fn events() -> Vec<Value> {
    vec![
        event(
            "2026-12-08T06:54:10.250000Z",
            "ScaledOut",
            "10 -> 18 replicas: schedule december pre-warms",
        ),
        event(
            "2026-12-07T19:10:00.000000Z",
            "ScaledIn",
            "12 -> 10 replicas: 400 requests/s / 50 per replica asks for 8",
        ),
        event(
            "2026-12-08T06:55:00.750000Z",
            "ScaledOut",
            "18 -> 20 replicas: schedule december pre-warms",
        ),
        event("2026-12-08T06:50:00.000000Z", "Stale", "the newest sample is 95 s old"),
        event("2026-12-08T06:40:00.000000Z", "ScaledIn", "something else"),
    ]
}

fn list() -> Value {
    json!({"apiVersion": "events.k8s.io/v1", "kind": "EventList", "metadata": {}, "items": events()})
}

#[test]
fn changes_of_the_status_come_first_and_events_tell_of_the_time_before() {
    let clock = clock("Europe/Paris");
    let read = |event: Value| serde_json::from_value::<Event>(event).unwrap();
    let events: Vec<Event> = events().into_iter().map(read).collect();
    let history = History::new(&fleet("peak"), &events, clock.now);
    assert_eq!(summary(&history), "2 from the status, 3 older ones from events");
    insta::assert_snapshot!("history", plain(&screen(&history, &clock, Some(120))));
    let none = History::new(&fleet("silent"), &[], clock.now);
    assert!(screen(&none, &clock, None).contains("no change of its size is known"));
}

#[tokio::test]
async fn the_events_of_one_fleet_are_asked_for() {
    let server = knowing(&["peak"]).await;
    knowing_more(&server, EVENTS, 200, list()).await;
    let home = Home::of(&server.uri());
    let ran = home.run(&["history", "shop-api", "-o", "json"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["kind"], "FleetHistory");
    let changes = document["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 5, "{document:#}");
    assert_eq!((&changes[0]["source"], &changes[2]["source"]), (&json!("status"), &json!("event")));
    assert_eq!((&changes[2]["previous"], &changes[2]["desired"]), (&json!(10), &json!(18)));
    let asked = server.received_requests().await.unwrap();
    let events = asked.iter().find(|request| request.url.path() == EVENTS).unwrap();
    let selector = events.url.query_pairs().find(|(key, _)| key == "fieldSelector").unwrap().1;
    assert_eq!(selector, "regarding.kind=ApiFleet,regarding.name=shop-api");
    assert!(home.run(&["history", "shop-api"]).await.err.contains("3 older ones from events"));
}

#[tokio::test]
async fn without_events_the_status_is_shown_all_the_same() {
    let server = knowing(&["peak"]).await;
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden",
        "message": "no"});
    knowing_more(&server, EVENTS, 403, body).await;
    let ran = Home::of(&server.uri()).run(&["history", "shop-api"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("20 -> 30"), "{}", ran.out);
    assert!(
        ran.err.contains("no permission to list events.events.k8s.io in namespace shop"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn what_is_typed_wrong_says_so() {
    let server = knowing(&["peak"]).await;
    let home = Home::of(&server.uri());
    for (arguments, code, words) in [
        (&["history"][..], 2, "FLEET"),
        (&["history", "shop-api", "-o", "name"], 2, "another -o"),
        (&["history", "shop-api", "-A"], 2, "-n"),
        (&["history", "shop-apy"], 1, "did you mean shop-api?"),
    ] {
        let ran = home.run(arguments).await;
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}

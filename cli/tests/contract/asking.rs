//! What writes asks on a terminal, and waits for the operator where that is wanted.

use crate::fixture::fleet;
use crate::program::Home;
use crate::server::{in_shop, knowing, knowing_alice, knowing_more};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::Termios;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const HOLD: [&str; 4] = ["hold", "shop-api", "--for", "30m"];

/// What the operator makes of an override that is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    ActsOnIt,
    GivesOtherWay,
    Sleeps,
}

/// A server that keeps overrides, and whose operator tells the watchers of the fleet what it makes of them. Returns the
/// names of those that were created as well.
async fn server(operator: Operator) -> (MockServer, Arc<Mutex<Vec<String>>>) {
    let server = knowing(&["peak"]).await;
    knowing_alice(&server).await;
    let created = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&created);
    Mock::given(method("POST"))
        .and(path(in_shop("fleetoverrides")))
        .respond_with(move |request: &Request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            keep.lock().unwrap().push(body["metadata"]["name"].as_str().unwrap().to_owned());
            ResponseTemplate::new(201).set_body_json(body)
        })
        .mount(&server)
        .await;
    let seen = Arc::clone(&created);
    Mock::given(method("GET"))
        .and(path(in_shop("apifleets")))
        .and(query_param("watch", "true"))
        .respond_with(move |_: &Request| match (operator, seen.lock().unwrap().first()) {
            (Operator::Sleeps, _) | (_, None) => {
                ResponseTemplate::new(200).set_delay(Duration::from_hours(1))
            }
            (Operator::ActsOnIt | Operator::GivesOtherWay, Some(name)) => {
                let event = json!({"type": "MODIFIED", "object": ordered(name, operator)});
                ResponseTemplate::new(200).set_body_string(format!("{event}\n"))
            }
        })
        .with_priority(1)
        .mount(&server)
        .await;
    (server, created)
}

/// The fleet of the peak, with an override that the operator knows of.
fn ordered(name: &str, operator: Operator) -> Value {
    let mut fleet = json!(fleet("peak"));
    fleet["metadata"]["resourceVersion"] = json!("101");
    let beaten = (operator == Operator::GivesOtherWay).then_some("pin-30-zzzzz");
    fleet["status"]["activeOverrides"] = json!([{"name": name, "summary": "", "action": "Hold",
        "expiresAt": "2126-12-08T09:00:00Z", "reason": "why", "requestedBy": "alice", "supersededBy": beaten}]);
    fleet
}

/// Runs the program on a terminal on which this is typed. Returns its exit code, and what the terminal shows.
async fn on_terminal(home: &Home, arguments: &[&str], typed: &str) -> (i32, String) {
    let size = Winsize { ws_row: 50, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None::<&Termios>).unwrap();
    let end = || Stdio::from(terminal.slave.try_clone().unwrap());
    let mut command = home.command(arguments);
    command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "dumb");
    let mut child = command.spawn().unwrap();
    // Only the program has the other end now, so that reading ends with it.
    drop((command, terminal.slave));
    let mut master = File::from(terminal.master);
    master.write_all(typed.as_bytes()).unwrap();
    let shown = tokio::task::spawn_blocking(move || {
        let mut shown = Vec::new();
        // It ends with an error where nobody has the other end any more.
        let _ = master.read_to_end(&mut shown);
        String::from_utf8_lossy(&shown).into_owned()
    });
    let code = tokio::time::timeout(Duration::from_secs(30), child.wait()).await;
    let code = code.expect("the program hangs").unwrap().code().unwrap();
    (code, shown.await.unwrap())
}

#[tokio::test]
async fn on_a_terminal_nothing_is_written_without_a_yes() {
    for (typed, code, count) in [("y\n", 0, 1), ("yes\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)] {
        let (server, created) = server(Operator::Sleeps).await;
        let (ended, shown) = on_terminal(&Home::of(&server.uri()), &HOLD, typed).await;
        assert_eq!((ended, created.lock().unwrap().len()), (code, count), "{typed:?}: {shown}");
        let (page, asked) = (shown.find("+   action: Hold"), shown.find("make this change? [y/N]"));
        assert!(page.is_some() && page < asked, "it asks before it shows: {shown}");
        assert_eq!(shown.contains("nothing was changed"), code == 1, "{shown}");
    }
}

#[tokio::test]
async fn whoever_says_yes_beforehand_is_not_asked() {
    let (server, created) = server(Operator::Sleeps).await;
    let arguments = [&HOLD[..], &["--yes"]].concat();
    let (code, shown) = on_terminal(&Home::of(&server.uri()), &arguments, "").await;
    assert_eq!((code, created.lock().unwrap().len()), (0, 1), "{shown}");
    assert!(!shown.contains("[y/N]"), "{shown}");
}

#[tokio::test]
async fn an_order_is_waited_for_until_the_operator_acts_on_it() {
    for (operator, code, words) in [
        (Operator::ActsOnIt, 0, "the operator acts on it after"),
        (Operator::GivesOtherWay, 3, "gives way to pin-30-zzzzz"),
        (Operator::Sleeps, 5, "the operator does not act on it after 1s"),
    ] {
        let (server, created) = server(operator).await;
        let arguments = [&HOLD[..], &["--yes", "--wait", "--timeout", "1s"]].concat();
        let ran = Home::of(&server.uri()).run(&arguments).await;
        assert_eq!(ran.code, code, "{operator:?}: {ran:?}");
        assert!(ran.err.contains(words), "{operator:?}: {}", ran.err);
        assert_eq!(created.lock().unwrap().len(), 1, "it is written all the same");
    }
}

#[tokio::test]
async fn an_object_of_a_git_tool_is_not_changed_unsaid() {
    let now = jiff::Timestamp::now();
    let at = |minutes: i64| now.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
    let (server, _) = server(Operator::Sleeps).await;
    let item = json!({
        "apiVersion": "apifleet.dev/v1alpha1", "kind": "FleetOverride",
        "metadata": {"name": "calm", "namespace": "shop", "resourceVersion": "7", "managedFields": [
            {"manager": "argocd-controller", "operation": "Apply", "apiVersion": "apifleet.dev/v1alpha1",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:action": {}}}}]},
        "spec": {"fleetRef": {"name": "shop-api"}, "action": "Hold", "notBefore": at(-5).to_string(),
            "expiresAt": at(60).to_string(), "reason": "why", "requestedBy": "argocd"},
    });
    let list = json!({"kind": "FleetOverrideList", "apiVersion": "apifleet.dev/v1alpha1", "metadata": {},
        "items": [item]});
    knowing_more(&server, &in_shop("fleetoverrides"), 200, list).await;
    let ran = Home::of(&server.uri()).run(&["resume", "shop-api", "--dry-run=client"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("! Argo CD owns it (field manager argocd-controller)"), "{}", ran.out);
    assert!(!ran.out.contains("managedFields"), "{}", ran.out);
}

//! Watching fleets, and waiting for one.

use crate::fixture::fleet;
use crate::program::Home;
use crate::server::watched;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// The fleet of the peak with all its replicas.
fn ready() -> Value {
    let mut fleet = json!(fleet("peak"));
    fleet["metadata"]["resourceVersion"] = json!("101");
    fleet["status"]["readyReplicas"] = json!(30);
    fleet["status"]["conditions"][0]["status"] = json!("True");
    fleet["status"]["conditions"][0]["reason"] = json!("Available");
    fleet
}

#[tokio::test]
async fn waiting_ends_when_the_fleet_is_ready() {
    let server = watched(&fleet("peak"), &[("MODIFIED", ready())]).await;
    let ran =
        Home::of(&server.uri()).run(&["status", "shop-api", "--wait=ready", "--timeout=20s"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("shop/shop-api   Available"), "{}", ran.out);
}

#[tokio::test]
async fn waiting_in_vain_ends_with_its_own_exit_code_and_the_reason() {
    let server = watched(&fleet("peak"), &[]).await;
    let ran =
        Home::of(&server.uri()).run(&["status", "shop-api", "--wait=ready", "--timeout=1s"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{ran:?}");
    assert!(ran.err.contains("is not Ready after 1s"), "{}", ran.err);
    assert!(ran.err.contains("apifleet explain shop-api -n shop"), "{}", ran.err);
}

#[tokio::test]
async fn an_edit_that_is_not_taken_up_is_waited_for() {
    let mut edited = ready();
    edited["metadata"]["generation"] = json!(5);
    let server = watched(&fleet("peak"), &[("MODIFIED", edited)]).await;
    let ran =
        Home::of(&server.uri()).run(&["status", "shop-api", "--wait=ready", "--timeout=1s"]).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.contains("generation 5"), "{}", ran.err);
}

#[tokio::test]
async fn a_fleet_that_is_deleted_ends_the_watch() {
    for arguments in [&["status", "shop-api", "-w"][..], &["status", "shop-api", "--wait=ready"]] {
        let server = watched(&fleet("peak"), &[("DELETED", ready())]).await;
        let ran = Home::of(&server.uri()).run(arguments).await;
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("fleet shop-api was deleted"), "{}", ran.err);
    }
}

/// The first lines that the program writes; it is stopped then.
async fn first_lines(arguments: &[&str], count: usize) -> Vec<String> {
    let server = watched(&fleet("peak"), &[("MODIFIED", ready())]).await;
    let home = Home::of(&server.uri());
    let mut child = home.command(arguments).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    while seen.len() < count {
        let line = tokio::time::timeout(Duration::from_secs(20), out.next_line()).await;
        seen.push(line.expect("a change is shown at once").unwrap().expect("the watch goes on"));
    }
    child.kill().await.unwrap();
    seen
}

#[tokio::test]
async fn a_watch_without_a_terminal_is_a_row_per_change() {
    for arguments in [&["status", "-w"][..], &["status", "shop-api", "-w"]] {
        let lines = first_lines(arguments, 3).await;
        assert!(lines[0].starts_with("NAME"), "{lines:?}");
        assert!(lines[1].contains("BelowDesired") && lines[2].contains("Available"), "{lines:?}");
        let column = |line: &str, word: &str| line.find(word).unwrap();
        assert_eq!(
            column(&lines[1], "AtMax"),
            column(&lines[2], "AtMax"),
            "rows line up: {lines:?}"
        );
    }
}

#[tokio::test]
async fn a_watch_for_programs_is_a_document_per_line() {
    let lines = first_lines(&["status", "shop-api", "-w", "-o", "json"], 2).await;
    for (line, ready) in lines.iter().zip([false, true]) {
        let document: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&document["kind"], &document["ready"]), (&json!("FleetStatus"), &json!(ready)));
    }
}

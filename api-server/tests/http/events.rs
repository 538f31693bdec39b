//! Events: stored soon, once, before the process ends, or counted as lost.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::{Connection, Row, SqliteConnection};

use super::client::{Client, batch, get, value};
use super::mariadb::MariaDb;
use super::proxy::Proxy;
use super::server::Server;

const PATIENCE: Duration = Duration::from_secs(20);
const COUNT: &str = "SELECT COUNT(*) FROM events";

async fn rows_in(directory: &std::path::Path) -> i64 {
    let file = format!("sqlite://{}/claims.sqlite3", directory.display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    sqlx::query(COUNT).fetch_one(&mut connection).await.unwrap().get(0)
}

/// Waits until a metric has reached a value.
async fn reaches(server: &Server, series: &str, expected: f64) {
    let began = Instant::now();
    loop {
        let metrics = get(server.address, "/metrics").await.text();
        let now = value(&metrics, series).unwrap();
        if now >= expected {
            assert!(now <= expected, "{series} is {now}, more than {expected}");
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{series} stays at {now}, below {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reports each of two batches twice; what was stored is for the caller to count.
async fn reports_twice(server: &Server) {
    let mut client = Client::connect(server.address).await.unwrap();
    for (user, prefix) in [(1, "a"), (2, "a"), (1, "a"), (2, "a")] {
        let answer = client.report(&batch(user, prefix, 100)).await.unwrap();
        assert_eq!((answer.status, answer.json()), (202, json!({"accepted": 100})));
    }
    reaches(server, "events_stored_total", 400.0).await;
    // Once more, now that the first are surely stored.
    assert_eq!(client.report(&batch(1, "a", 3)).await.unwrap().status, 202);
    reaches(server, "events_stored_total", 403.0).await;
}

#[tokio::test]
async fn events_that_are_reported_twice_are_stored_once_with_the_embedded_store() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::embedded_in(directory.path(), &[]).await;
    reports_twice(&server).await;
    assert_eq!(rows_in(directory.path()).await, 200);
}

#[tokio::test]
async fn events_that_are_reported_twice_are_stored_once_with_mariadb() {
    let database = MariaDb::new().await;
    let server = Server::with_database(&database.url(), &[]).await;
    reports_twice(&server).await;
    assert_eq!(database.number(COUNT).await, 200);
    let as_sent = "SELECT COUNT(*) FROM events WHERE user_id = 2 AND id = 'a-99' \
                   AND kind = 'door_opened' AND at_ms = 1796720400000";
    assert_eq!(database.number(as_sent).await, 1);
}

/// Reports batches on four connections until they close; returns how many events were accepted.
async fn reports_until_the_end(server: &mut Server) -> i64 {
    let lanes: Vec<_> = (1..=4)
        .map(|user| {
            let address = server.address;
            tokio::spawn(async move {
                let mut client = Client::connect(address).await.unwrap();
                let mut accepted = 0;
                for step in 0.. {
                    let Ok(answer) = client.report(&batch(user, &step.to_string(), 10)).await
                    else {
                        break;
                    };
                    assert_eq!(answer.status, 202, "{}", answer.text());
                    accepted += 10;
                    if answer.closes() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                accepted
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal(Signal::SIGTERM);
    let mut accepted = 0;
    for lane in lanes {
        accepted += lane.await.unwrap();
    }
    let (status, stderr) = server.ended().await;
    assert!(status.success() && stderr.is_empty(), "{stderr}");
    assert!(accepted >= 100, "{accepted}");
    accepted
}

#[tokio::test]
async fn every_accepted_event_is_stored_before_the_process_ends_with_the_embedded_store() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [("DRAIN_DELAY_SECONDS", "0")];
    let mut server = Server::embedded_in(directory.path(), &settings).await;
    let accepted = reports_until_the_end(&mut server).await;
    assert_eq!(rows_in(directory.path()).await, accepted);
}

#[tokio::test]
async fn every_accepted_event_is_stored_before_the_process_ends_with_mariadb() {
    let database = MariaDb::new().await;
    let settings = [("DRAIN_DELAY_SECONDS", "0")];
    let mut server = Server::with_database(&database.url(), &settings).await;
    let accepted = reports_until_the_end(&mut server).await;
    assert_eq!(database.number(COUNT).await, accepted);
}

#[tokio::test]
async fn while_the_store_is_away_events_wait_within_bounds_and_the_rest_is_refused_and_counted() {
    let database = MariaDb::new().await;
    let proxy = Proxy::to(([127, 0, 0, 1], database.port()).into()).await;
    let server = Server::with_database(&database.url_at(proxy.port), &[]).await;
    proxy.freeze(true);
    let mut client = Client::connect(server.address).await.unwrap();
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for step in 0..120 {
        let answer = client.report(&batch(1, &step.to_string(), 100)).await.unwrap();
        if answer.status == 202 {
            accepted += 100;
        } else {
            answer.assert_problem(503, "no room");
            assert_eq!(answer.header("retry-after"), Some("10"));
            refused += 100;
        }
    }
    assert!((10_000..=10_500).contains(&accepted), "{accepted}");
    reaches(&server, "events_dropped_total{reason=\"full\"}", f64::from(refused)).await;
    reaches(&server, "http_requests_shed_total{class=\"background\"}", f64::from(refused / 100))
        .await;
    proxy.freeze(false);
    reaches(&server, "events_stored_total", f64::from(accepted)).await;
    assert_eq!(database.number(COUNT).await, i64::from(accepted));
}

#[tokio::test]
async fn events_that_no_try_could_store_are_counted_and_do_not_stand_in_the_way_of_others() {
    let database = MariaDb::new().await;
    let server = Server::with_database(&database.url(), &[]).await;
    let mut connection = database.connect().await;
    sqlx::raw_sql("RENAME TABLE events TO gone").execute(&mut connection).await.unwrap();
    let mut client = Client::connect(server.address).await.unwrap();
    assert_eq!(client.report(&batch(1, "lost", 7)).await.unwrap().status, 202);
    reaches(&server, "events_dropped_total{reason=\"store\"}", 7.0).await;
    sqlx::raw_sql("RENAME TABLE gone TO events").execute(&mut connection).await.unwrap();
    assert_eq!(client.report(&batch(1, "kept", 5)).await.unwrap().status, 202);
    reaches(&server, "events_stored_total", 5.0).await;
    assert_eq!(database.number(COUNT).await, 5);
}

#[tokio::test]
async fn a_store_that_is_away_at_the_end_cannot_hold_the_exit_back() {
    let database = MariaDb::new().await;
    let proxy = Proxy::to(([127, 0, 0, 1], database.port()).into()).await;
    let settings = [("DRAIN_DELAY_SECONDS", "0")];
    let mut server = Server::with_database(&database.url_at(proxy.port), &settings).await;
    let mut client = Client::connect(server.address).await.unwrap();
    proxy.freeze(true);
    for step in 0..50 {
        assert_eq!(client.report(&batch(1, &step.to_string(), 100)).await.unwrap().status, 202);
    }
    let told = Instant::now();
    server.signal(Signal::SIGTERM);
    let (status, stderr) = server.ended().await;
    assert!(status.success() && stderr.is_empty(), "{status}: {stderr}");
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    let lines = server.logged();
    assert!(lines.iter().any(|line| line.contains("events: gave up")), "{lines:?}");
    assert!(lines.len() < 20, "{lines:?}");
}

//! Many at once: one gift per door, and every acknowledged claim is stored.

use std::collections::BTreeMap;

use futures::future::join_all;
use nix::sys::signal::Signal;
use sqlx::{Connection, Row, SqliteConnection};

use super::client::Client;
use super::mariadb::MariaDb;
use super::server::Server;

/// Sends one claim on each of `count` connections at once; returns how often each status came.
async fn claim_at_once(
    server: &Server,
    count: u64,
    request: impl Fn(u64) -> (u64, String, u8),
) -> BTreeMap<u16, usize> {
    let clients = join_all((0..count).map(|_| Client::connect(server.address))).await;
    let claims = clients.into_iter().zip(0..count).map(|(client, number)| {
        let (user, key, day) = request(number);
        async move { client.unwrap().claim(user, &key, day).await.unwrap().status }
    });
    let mut statuses = BTreeMap::new();
    for status in join_all(claims).await {
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

/// Returns how many claims the store must hold afterwards.
async fn gives_each_gift_once(server: &Server) -> usize {
    let same_door = claim_at_once(server, 200, |number| (1, format!("key-{number}"), 8)).await;
    assert_eq!(same_door, BTreeMap::from([(201, 1), (409, 199)]), "different keys, one door");

    let same_key = claim_at_once(server, 200, |_| (2, "key".into(), 8)).await;
    assert_eq!(same_key, BTreeMap::from([(200, 199), (201, 1)]), "one key, one door");

    let same_key_other_doors =
        claim_at_once(server, 96, |n| (3, "key".into(), u8::try_from(8 + n % 24).unwrap())).await;
    assert_eq!(same_key_other_doors.get(&201), Some(&1), "one key, 24 doors");
    assert_eq!(same_key_other_doors.get(&200), Some(&3), "one key, 24 doors");
    assert_eq!(same_key_other_doors.get(&422), Some(&92), "one key, 24 doors");

    let users = claim_at_once(server, 200, |number| (100 + number, "key".into(), 9)).await;
    let busy = users.get(&503).copied().unwrap_or_default();
    let stored = users.get(&201).copied().unwrap_or_default();
    assert_eq!(busy + stored, 200, "{users:?}");
    assert!(stored >= 16, "{users:?}");
    3 + stored
}

#[tokio::test]
async fn gives_each_gift_once_with_the_embedded_store() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::embedded_in(directory.path(), &[]).await;
    let acknowledged = gives_each_gift_once(&server).await;
    drop(server);
    assert_eq!(rows_in(directory.path()).await, i64::try_from(acknowledged).unwrap());
}

#[tokio::test]
async fn gives_each_gift_once_with_mariadb() {
    let database = MariaDb::new().await;
    let server = Server::with_database(&database.url(), &[]).await;
    let acknowledged = gives_each_gift_once(&server).await;
    let rows = database.number("SELECT COUNT(*) FROM claims").await;
    assert_eq!(rows, i64::try_from(acknowledged).unwrap());
}

#[tokio::test]
async fn gives_each_gift_once_across_replicas() {
    let database = MariaDb::new().await;
    let here = Server::with_database(&database.url(), &[]).await;
    let there = Server::with_database(&database.url(), &[]).await;
    let (a, b) = tokio::join!(
        claim_at_once(&here, 100, |number| (1, format!("here-{number}"), 8)),
        claim_at_once(&there, 100, |number| (1, format!("there-{number}"), 8)),
    );
    let created: usize = [&a, &b].iter().filter_map(|statuses| statuses.get(&201)).sum();
    assert_eq!(created, 1, "{a:?} {b:?}");
    assert_eq!(database.number("SELECT COUNT(*) FROM claims").await, 1);
}

#[tokio::test]
async fn acknowledged_claims_survive_a_killed_process() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::embedded_in(directory.path(), &[]).await;
    let clients = (0..8_u64).map(|lane| {
        let address = server.address;
        async move {
            let mut client = Client::connect(address).await.unwrap();
            let mut acknowledged = 0_i64;
            for user in (0..).map(|step| 1 + lane + 8 * step) {
                match client.claim(user, "key", 8).await {
                    Ok(answer) if answer.status == 201 => acknowledged += 1,
                    Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                    Err(_) => break,
                }
            }
            acknowledged
        }
    });
    let load = tokio::spawn(join_all(clients.collect::<Vec<_>>()));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.signal(Signal::SIGKILL);
    server.ended().await;
    let acknowledged: i64 = load.await.unwrap().into_iter().sum();
    let rows = rows_in(directory.path()).await;
    assert!(acknowledged > 0, "nothing was claimed before the end");
    assert!((acknowledged..=acknowledged + 8).contains(&rows), "{acknowledged} of {rows}");
}

async fn rows_in(directory: &std::path::Path) -> i64 {
    let file = format!("sqlite://{}/claims.sqlite3", directory.display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM claims").fetch_one(&mut connection).await.unwrap().get(0)
}

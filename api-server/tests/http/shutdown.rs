//! Leaving without failing anyone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::sync::watch;

use super::client::{Client, get};
use super::mariadb::MariaDb;
use super::server::Server;

/// What one client saw.
#[derive(Debug, Default)]
struct Seen {
    answered: u64,
    claimed: i64,
    failures: Vec<String>,
}

/// A client with a kept-alive connection: claims and reads at its own pace, honours
/// `Connection: close`, and opens new connections where `target` says.
async fn visits(
    lane: u64,
    pace: Duration,
    target: watch::Receiver<SocketAddr>,
    stop: Arc<AtomicBool>,
) -> Seen {
    let mut seen = Seen::default();
    let mut connection: Option<Client> = None;
    for step in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut client = match connection.take() {
            Some(open) if !open.is_closed() => open,
            _ => {
                let address = *target.borrow();
                match Client::connect(address).await {
                    Ok(client) => client,
                    Err(error) => {
                        seen.failures.push(format!("connect: {error}"));
                        continue;
                    }
                }
            }
        };
        let user = 1 + lane + 100 * step;
        let answer = if step % 2 == 0 {
            client.claim(user, "key", 8).await
        } else {
            client.get(&format!("/v1/users/{user}/home")).await
        };
        match answer {
            Ok(answer) if [200, 201].contains(&answer.status) => {
                seen.answered += 1;
                seen.claimed += i64::from(answer.status == 201);
                connection = (!answer.closes()).then_some(client);
            }
            Ok(answer) => seen.failures.push(format!("{}: {}", answer.status, answer.text())),
            Err(error) => seen.failures.push(format!("request: {error}")),
        }
        tokio::time::sleep(pace).await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_replaced_under_load_fails_no_request() {
    let database = MariaDb::new().await;
    let settings = [("DRAIN_DELAY_SECONDS", "2")];
    let mut old = Server::with_database(&database.url(), &settings).await;
    let new = Server::with_database(&database.url(), &settings).await;
    let (switch, target) = watch::channel(old.address);
    let stop = Arc::new(AtomicBool::new(false));
    let lanes: Vec<_> = (0..12)
        .map(|lane| {
            let pace = Duration::from_millis([2, 10, 50, 400][usize::try_from(lane % 4).unwrap()]);
            tokio::spawn(visits(lane, pace, target.clone(), Arc::clone(&stop)))
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;

    old.signal(Signal::SIGTERM);
    let told = Instant::now();
    while get(old.address, "/readyz").await.status != 503 {
        assert!(told.elapsed() < Duration::from_millis(500), "readyz does not turn");
    }
    // Endpoints follow a moment after the probe; until then new connections still come here.
    tokio::time::sleep(Duration::from_millis(500)).await;
    switch.send_replace(new.address);

    let (status, stderr) = old.ended().await;
    let took = told.elapsed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let mut total = Seen::default();
    for lane in lanes {
        let seen = lane.await.unwrap();
        total.answered += seen.answered;
        total.claimed += seen.claimed;
        total.failures.extend(seen.failures);
    }
    println!("{} answered, {} failed; ended after {took:?}", total.answered, total.failures.len());
    assert_eq!(total.failures, Vec::<String>::new());
    assert!(total.answered > 500, "{}", total.answered);
    assert_eq!(database.number("SELECT COUNT(*) FROM claims").await, total.claimed);
    assert!(status.success() && stderr.is_empty(), "{status}: {stderr}");
    assert!(took >= Duration::from_secs(2), "left before the drain delay: {took:?}");
    assert!(took < Duration::from_secs(7), "{took:?}");
}

#[tokio::test]
async fn serves_until_the_drain_delay_is_over_and_closes_every_connection() {
    let mut server = Server::embedded(&[("DRAIN_DELAY_SECONDS", "1")]).await;
    let mut idle = Client::connect(server.address).await.unwrap();
    let mut late = Client::connect(server.address).await.unwrap();
    for client in [&mut idle, &mut late] {
        assert!(!client.get("/v1/campaign").await.unwrap().closes());
    }
    server.signal(Signal::SIGTERM);
    let told = Instant::now();
    while get(server.address, "/readyz").await.status != 503 {
        assert!(told.elapsed() < Duration::from_millis(500), "readyz does not turn");
    }
    assert_eq!(get(server.address, "/livez").await.status, 200, "a draining replica lives");
    assert_eq!(get(server.address, "/startupz").await.status, 200, "and has started");

    let answer = late.get("/v1/users/1/home").await.unwrap();
    assert!(answer.status == 200 && answer.closes(), "kept-alive connections are told to go");
    let fresh = get(server.address, "/v1/users/1/home").await;
    assert!(fresh.status == 200 && fresh.closes(), "new connections are served, once");

    assert!(!idle.is_closed(), "an idle connection was closed before the delay was over");
    idle.closed().await.unwrap();
    assert!(told.elapsed() >= Duration::from_millis(950), "{:?}", told.elapsed());
    let (status, stderr) = server.ended().await;
    assert!(status.success() && stderr.is_empty(), "{status}: {stderr}");
    assert!(told.elapsed() < Duration::from_secs(4), "{:?}", told.elapsed());
}

#[tokio::test]
async fn a_request_that_arrives_as_connections_close_is_answered() {
    let mut server = Server::embedded(&[("DRAIN_DELAY_SECONDS", "0")]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    client.get("/v1/campaign").await.unwrap();
    let request = super::client::claim_request(1, "k", r#"{"day":8}"#);
    client.send(&request[..request.len() - 4]).await.unwrap();
    // Both its head and the signal are on the way; whichever is first, it has begun.
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.signal(Signal::SIGTERM);
    tokio::time::sleep(Duration::from_millis(300)).await;
    client.send(&request[request.len() - 4..]).await.unwrap();
    let answer = client.answer().await.unwrap();
    assert!(answer.status == 201 && answer.closes(), "{}", answer.text());
    assert!(server.ended().await.0.success());
}

#[tokio::test]
async fn a_client_that_never_finishes_cannot_hold_the_exit_back() {
    let mut server = Server::embedded(&[("DRAIN_DELAY_SECONDS", "0")]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let request = super::client::claim_request(1, "k", r#"{"day":8}"#);
    client.send(&request[..request.len() - 4]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let told = Instant::now();
    server.signal(Signal::SIGTERM);
    assert!(server.ended().await.0.success());
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
}

#[tokio::test]
async fn an_interrupt_ends_at_once() {
    let mut server = Server::embedded(&[("DRAIN_DELAY_SECONDS", "20")]).await;
    let told = Instant::now();
    server.signal(Signal::SIGINT);
    assert!(server.ended().await.0.success());
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
}

//! How connections end: by age, by silence, by slowness; never in the middle of an answer.

use std::time::{Duration, Instant};

use futures::future::join_all;

use super::client::Client;
use super::server::Server;

/// Asks every 20 ms until an answer closes the connection; returns its age then.
async fn age_at_close(server: &Server) -> Duration {
    let mut client = Client::connect(server.address).await.unwrap();
    let opened = Instant::now();
    loop {
        let answer = client.get("/v1/users/1/home").await.unwrap();
        assert_eq!(answer.status, 200);
        if answer.closes() {
            client.closed().await.unwrap();
            return opened.elapsed();
        }
        assert!(opened.elapsed() < Duration::from_secs(5), "the connection never ends");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_connection_ends_with_an_answer_around_its_greatest_age() {
    let server = Server::embedded(&[("CONNECTION_MAX_AGE_SECONDS", "2")]).await;
    let ages = join_all((0..16).map(|_| age_at_close(&server))).await;
    let (youngest, oldest) = (ages.iter().min().unwrap(), ages.iter().max().unwrap());
    assert!(*youngest >= Duration::from_millis(1_590), "{ages:?}");
    // The upper bar is 2.4 s; the rest is for a machine with other things to do.
    assert!(*oldest <= Duration::from_millis(2_900), "{ages:?}");
    assert!(oldest.abs_diff(*youngest) > Duration::from_millis(100), "all end together: {ages:?}");
}

#[tokio::test]
async fn an_old_connection_serves_one_more_request_rather_than_fail_it() {
    let server = Server::embedded(&[("CONNECTION_MAX_AGE_SECONDS", "1")]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    assert!(!client.get("/v1/campaign").await.unwrap().closes());
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!client.is_closed(), "idle connections are not ended by age");
    let last = client.get("/v1/campaign").await.unwrap();
    assert!(last.status == 200 && last.closes());
    client.closed().await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_ends_after_the_idle_timeout() {
    let server = Server::embedded(&[("KEEP_ALIVE_SECONDS", "1")]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    client.get("/v1/campaign").await.unwrap();
    let silent = Instant::now();
    client.closed().await.unwrap();
    assert!(silent.elapsed() >= Duration::from_millis(950), "{:?}", silent.elapsed());
    assert!(silent.elapsed() < Duration::from_millis(1_600), "{:?}", silent.elapsed());
}

#[tokio::test]
async fn a_slow_head_ends_the_connection_on_the_first_and_on_later_requests() {
    let server = Server::embedded(&[]).await;
    for requests_before in [0, 1] {
        let mut client = Client::connect(server.address).await.unwrap();
        for _ in 0..requests_before {
            client.get("/v1/campaign").await.unwrap();
        }
        let began = Instant::now();
        client.send(b"GET /v1/campaign HTTP/1.1\r\nho").await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        // One more byte does not buy more time.
        client.send(b"s").await.unwrap();
        client.closed().await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::embedded(&[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let requests = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        .map(|user| format!("GET /v1/users/{user}/home HTTP/1.1\r\nhost: t\r\n\r\n"))
        .concat();
    client.send(requests.as_bytes()).await.unwrap();
    for user in 1..=10 {
        assert_eq!(client.answer().await.unwrap().json()["user"]["id"], user);
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_is_answered_and_disconnected() {
    let server = Server::embedded(&[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    client.send(b"GET /v1/campaign HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!(client.answer().await.unwrap().status, 200);
    client.closed().await.unwrap();
}

#[tokio::test]
async fn two_thousand_idle_connections_take_little_memory() {
    let server = Server::embedded(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..2_000 {
        let mut client = Client::connect(server.address).await.unwrap();
        client.get("/v1/users/1/home").await.unwrap();
        clients.push(client);
    }
    let resident = server.resident_mib();
    println!("2,000 idle connections: {resident} MiB resident (bar 128)");
    assert!(resident < 128, "{resident} MiB");
}

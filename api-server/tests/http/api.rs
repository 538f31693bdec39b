//! What users see, with both stores.

use serde_json::json;

use super::client::{Client, get};
use super::mariadb::MariaDb;
use super::server::Server;

/// The whole story of one user: new, claims, repeats, errs, comes back.
async fn tells_the_story_of_a_user(server: &Server) {
    let mut client = Client::connect(server.address).await.unwrap();

    let home = client.get("/v1/users/7/home").await.unwrap();
    assert_eq!(home.status, 200);
    let home = home.json();
    assert_eq!(home["user"], json!({"id": 7, "claims_made": 0, "first_claim_at": null}));
    assert_eq!(home["claims"], json!([]));
    assert_eq!(home["today"]["claimed"], false);
    let today = u8::try_from(home["today"]["day"].as_u64().unwrap()).unwrap();

    let first = client.claim(7, "key-1", today).await.unwrap();
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!((&first.json()["user_id"], &first.json()["day"]), (&json!(7), &json!(today)));

    let seen = client.get("/v1/users/7/home").await.unwrap().json();
    assert_eq!(seen["user"]["claims_made"], 1, "what was remembered before the claim is forgotten");

    let repeated = client.claim(7, "key-1", today).await.unwrap();
    assert_eq!(repeated.status, 200);
    assert_eq!(repeated.body, first.body, "a repeated request gets the same claim, byte for byte");

    let other_day = if today == 31 { 30 } else { today + 1 };
    client.claim(7, "key-1", other_day).await.unwrap().assert_problem(422, "key of another day");
    client.claim(7, "key-2", today).await.unwrap().assert_problem(409, "claimed day, new key");
    assert_eq!(client.claim(7, "key-3", other_day).await.unwrap().status, 201);
    assert_eq!(client.claim(8, "key-1", today).await.unwrap().status, 201, "keys are per user");

    let claims = client.get("/v1/users/7/claims").await.unwrap().json();
    assert_eq!(claims["user_id"], 7);
    assert_eq!(claims["claims"].as_array().unwrap().len(), 2, "own writes are seen at once");
    assert!(claims["claims"].as_array().unwrap().iter().any(|claim| {
        claim["day"] == first.json()["day"] && claim["claimed_at"] == first.json()["claimed_at"]
    }));
    let home = client.get("/v1/users/7/home").await.unwrap().json();
    assert_eq!(home["user"]["claims_made"], 2);
    assert_eq!(home["today"]["claimed"], true);
}

#[tokio::test]
async fn tells_the_story_of_a_user_with_the_embedded_store() {
    tells_the_story_of_a_user(&Server::embedded(&[]).await).await;
}

#[tokio::test]
async fn tells_the_story_of_a_user_with_mariadb() {
    let database = MariaDb::new().await;
    tells_the_story_of_a_user(&Server::with_database(&database.url(), &[]).await).await;
}

#[tokio::test]
async fn keys_that_differ_in_case_are_different_keys() {
    let database = MariaDb::new().await;
    for server in [Server::embedded(&[]).await, Server::with_database(&database.url(), &[]).await] {
        let mut client = Client::connect(server.address).await.unwrap();
        assert_eq!(client.claim(1, "Key", 8).await.unwrap().status, 201);
        assert_eq!(client.claim(1, "kEY", 9).await.unwrap().status, 201);
    }
}

#[tokio::test]
async fn shows_the_campaign_as_it_stands_on_the_rehearsed_day() {
    let settings = [
        ("OPEN_DAYS", "calendar"),
        ("CAMPAIGN_START", "2026-12-08"),
        ("CAMPAIGN_NOW", "2026-12-10T09:00:00Z"),
    ];
    let server = Server::embedded(&settings).await;
    let campaign = get(server.address, "/v1/campaign").await;
    assert_eq!(campaign.header("content-type"), Some("application/json"));
    let campaign = campaign.json();
    assert_eq!(campaign["today"], 10);
    assert_eq!(campaign["doors"].as_array().unwrap().len(), 24);
    assert_eq!(campaign["doors"][2], json!({"day": 10, "date": "2026-12-10", "state": "open"}));
    assert_eq!(campaign["doors"][3]["state"], "closed");

    let mut client = Client::connect(server.address).await.unwrap();
    assert_eq!(client.claim(1, "past-door", 8).await.unwrap().status, 201);
    let refused = client.claim(1, "future-door", 11).await.unwrap();
    refused.assert_problem(403, "a door of tomorrow");
    assert!(refused.text().contains("2026-12-11"), "{}", refused.text());
}

#[tokio::test]
async fn repeats_an_answer_even_after_the_campaign_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let during = [("OPEN_DAYS", "calendar"), ("CAMPAIGN_START", "2026-12-08")];
    let at = |moment| [&during[..], &[("CAMPAIGN_NOW", moment)]].concat();

    let server = Server::embedded_in(directory.path(), &at("2026-12-31T23:59:59Z")).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let first = client.claim(1, "last-minute", 31).await.unwrap();
    assert_eq!(first.status, 201);
    drop(server);

    let server = Server::embedded_in(directory.path(), &at("2027-01-01T00:00:01Z")).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let repeated = client.claim(1, "last-minute", 31).await.unwrap();
    assert_eq!((repeated.status, repeated.body), (200, first.body));
    client.claim(1, "too-late", 30).await.unwrap().assert_problem(403, "campaign over");
    assert_eq!(client.get("/v1/users/1/home").await.unwrap().json()["today"], json!(null));
}

#[tokio::test]
async fn another_replica_sees_a_claim_after_the_cache_has_aged() {
    let database = MariaDb::new().await;
    let settings = [("CACHE_TTL_MILLIS", "1000")];
    let here = Server::with_database(&database.url(), &settings).await;
    let there = Server::with_database(&database.url(), &settings).await;
    assert_eq!(get(there.address, "/v1/users/5/home").await.json()["user"]["claims_made"], 0);
    let mut client = Client::connect(here.address).await.unwrap();
    assert_eq!(client.claim(5, "k", 8).await.unwrap().status, 201);
    let claimed = std::time::Instant::now();
    while get(there.address, "/v1/users/5/home").await.json()["user"]["claims_made"] != 1 {
        assert!(claimed.elapsed().as_millis() < 2_000, "stale for longer than the cache may be");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Claims ask the store, never the cache: the other replica refuses at once.
    let mut client = Client::connect(there.address).await.unwrap();
    client.claim(5, "other", 8).await.unwrap().assert_problem(409, "claimed elsewhere");
}

//! A database that does not answer: every request still ends within two seconds, and says why.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::net::TcpListener;

use super::client::{Answer, Client, get};
use super::mariadb::MariaDb;
use super::proxy::Proxy;
use super::server::Server;

/// Longest time that any answer may take.
const BAR: Duration = Duration::from_secs(2);

async fn timed(request: impl Future<Output = Answer>) -> Answer {
    let began = Instant::now();
    let answer = request.await;
    assert!(began.elapsed() < BAR, "{} after {:?}", answer.status, began.elapsed());
    answer
}

/// Sends 20 reads and 20 claims at once; all must be refused in time.
async fn refuses_everything_in_time(server: &Server, first_user: u64) {
    let address = server.address;
    let reads = join_all((0..20).map(|n| {
        timed(async move { get(address, &format!("/v1/users/{}/home", first_user + n)).await })
    }));
    let claims = join_all((0..20).map(|n| {
        timed(async move {
            let mut client = Client::connect(address).await.unwrap();
            client.claim(first_user + n, "key", 8).await.unwrap()
        })
    }));
    let (reads, claims) = tokio::join!(reads, claims);
    for answer in reads.iter().chain(&claims) {
        assert!([503, 504].contains(&answer.status), "{}", answer.text());
        answer.assert_problem(answer.status, "stalled");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn a_database_that_accepts_and_never_answers_is_refused_within_two_seconds() {
    let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = hole.local_addr().unwrap().port();
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = hole.accept().await {
            held.push(socket);
        }
    });
    let url = format!("mysql://api:secret@127.0.0.1:{port}/campaign");
    let server = Server::start(&[("DATABASE_URL", &url)]);
    refuses_everything_in_time(&server, 1).await;
    assert_eq!(timed(get(server.address, "/livez")).await.status, 200);
    assert_eq!(timed(get(server.address, "/readyz")).await.status, 503);
    assert_eq!(timed(get(server.address, "/v1/campaign")).await.status, 200);
    holding.abort();
}

#[tokio::test]
async fn a_database_that_freezes_is_survived_without_leaving_the_service() {
    let database = MariaDb::new().await;
    let proxy = Proxy::to(([127, 0, 0, 1], database.port()).into()).await;
    let server = Server::with_database(&database.url_at(proxy.port), &[("POOL_SIZE", "4")]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    assert_eq!(client.claim(1, "before", 8).await.unwrap().status, 201);

    proxy.freeze(true);
    // More often than there are connections: the first find open ones that stall, the rest none.
    for round in 0..3 {
        refuses_everything_in_time(&server, 1_000 + 100 * round).await;
    }
    assert_eq!(get(server.address, "/readyz").await.status, 200);
    assert_eq!(get(server.address, "/livez").await.status, 200);
    let metrics = get(server.address, "/metrics").await.text();
    assert!(metrics.contains("store_pool_exhausted_total{pool=\"read\"} "), "{metrics}");

    proxy.freeze(false);
    let thawed = Instant::now();
    while get(server.address, "/v1/users/1/home").await.status != 200 {
        assert!(thawed.elapsed() < Duration::from_secs(3), "does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut client = Client::connect(server.address).await.unwrap();
    assert_eq!(client.claim(1, "before", 8).await.unwrap().status, 200, "the claim is there");
}

#[tokio::test]
async fn connections_that_the_server_killed_are_replaced_without_a_failed_request() {
    let database = MariaDb::new().await;
    let server = Server::with_database(&database.url(), &[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    for round in 0..3_u8 {
        database.kill_connections_of_others().await;
        let user = 50 + u64::from(round);
        assert_eq!(client.claim(user, "key", 8).await.unwrap().status, 201, "round {round}");
        database.kill_connections_of_others().await;
        let home = client.get(&format!("/v1/users/{user}/home")).await.unwrap();
        assert_eq!(home.status, 200, "round {round}: {}", home.text());
    }
}

#[tokio::test]
async fn a_locked_row_is_given_up_in_time_and_by_the_server_too() {
    let database = MariaDb::new().await;
    let server = Server::with_database(&database.url(), &[]).await;
    let mut holder = database.connect().await;
    sqlx::raw_sql("BEGIN; INSERT INTO claims VALUES (1, 8, 'held', 0)")
        .execute(&mut holder)
        .await
        .unwrap();
    let mut client = Client::connect(server.address).await.unwrap();
    let answer = timed(async { client.claim(1, "mine", 8).await.unwrap() }).await;
    assert!([503, 504].contains(&answer.status), "{}", answer.text());
    nothing_runs_on(&database).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    assert_eq!(client.claim(1, "mine", 8).await.unwrap().status, 201);
    assert_eq!(database.number("SELECT COUNT(*) FROM claims").await, 1);
}

#[tokio::test]
async fn a_locked_table_is_given_up_in_time() {
    let database = MariaDb::new().await;
    let server = Server::with_database(&database.url(), &[]).await;
    let mut holder = database.connect().await;
    sqlx::raw_sql("LOCK TABLES claims WRITE").execute(&mut holder).await.unwrap();
    let address = server.address;
    let answers = join_all((1..=10).map(|user| {
        let path = format!("/v1/users/{user}/home");
        timed(async move { get(address, &path).await })
    }));
    for answer in answers.await {
        assert!([503, 504].contains(&answer.status), "{}", answer.text());
    }
    nothing_runs_on(&database).await;
}

/// Waits until the server works for nobody; what is locked still is, so only its own limits end that.
async fn nothing_runs_on(database: &MariaDb) {
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist \
                   WHERE db = DATABASE() AND id <> CONNECTION_ID() AND command <> 'Sleep'";
    let gave_up = Instant::now();
    while database.number(waiting).await > 0 {
        assert!(gave_up.elapsed() < BAR, "the server still works on what nobody waits for");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

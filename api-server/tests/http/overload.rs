//! Too much to do: who is refused, in which order, how fast, and that it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::client::{Answer, Client, batch, get, value};
use super::mariadb::MariaDb;
use super::proxy::Proxy;
use super::server::Server;

/// Bar for a refusal.
const REFUSED_WITHIN: Duration = Duration::from_millis(10);
/// Users whom nobody asked for before, so that nothing about them is remembered.
static NEXT_USER: AtomicU64 = AtomicU64::new(1_000_000);

/// How often each status was answered.
type Statuses = BTreeMap<u16, u64>;

/// Clients that each ask for the homes of new users, one after the other, until stopped.
struct Crowd {
    stop: Arc<AtomicBool>,
    lanes: Vec<JoinHandle<Statuses>>,
}

impl Crowd {
    fn of(lanes: usize, server: &Server) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let lane = |_| tokio::spawn(visits(server.address, Arc::clone(&stop)));
        Self { lanes: (0..lanes).map(lane).collect(), stop }
    }

    async fn leave(self) -> Statuses {
        self.stop.store(true, Ordering::Relaxed);
        let mut total = Statuses::new();
        for lane in self.lanes {
            for (status, count) in lane.await.unwrap() {
                *total.entry(status).or_default() += count;
            }
        }
        total
    }
}

async fn visits(address: std::net::SocketAddr, stop: Arc<AtomicBool>) -> Statuses {
    let mut seen = Statuses::new();
    let mut client = Client::connect(address).await.unwrap();
    while !stop.load(Ordering::Relaxed) {
        let user = NEXT_USER.fetch_add(1, Ordering::Relaxed);
        let answer = client.get(&format!("/v1/users/{user}/home")).await.unwrap();
        *seen.entry(answer.status).or_default() += 1;
        if answer.status != 200 {
            // Whoever is refused comes back later, or this test would only measure itself.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if answer.closes() {
            client = Client::connect(address).await.unwrap();
        }
    }
    seen
}

/// Asks 60 times with a moment in between; returns how many were refused. All others must be fine.
async fn refused(client: &mut Client, ask: impl AsyncFn(&mut Client) -> Answer) -> usize {
    let mut times = Vec::new();
    for _ in 0..60 {
        let began = Instant::now();
        let answer = ask(client).await;
        if answer.status == 503 {
            times.push(began.elapsed());
            answer.assert_problem(503, "shed");
            assert!(answer.text().contains("overloaded"), "{}", answer.text());
            assert!(answer.header("retry-after").is_some());
        } else {
            assert!([200, 202].contains(&answer.status), "{}", answer.text());
        }
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    times.sort();
    if let (Some(median), Some(worst)) = (times.get(times.len() / 2), times.last()) {
        println!("{} of 60 refused, median {median:?}, worst {worst:?}", times.len());
        // Other tests share the processors, so the median stands for a machine of its own.
        assert!(*median < REFUSED_WITHIN, "{times:?}");
    }
    times.len()
}

async fn ask_background(client: &mut Client) -> Answer {
    client.report(&batch(1, "k", 1)).await.unwrap()
}

async fn ask_non_critical(client: &mut Client) -> Answer {
    client.get("/v1/users/1/recommendations").await.unwrap()
}

/// A server that works on 20 requests at once, each for 100 ms or more, and has its recommendations in memory.
async fn slow_server(database: &MariaDb) -> (Proxy, Server) {
    let proxy = Proxy::to(([127, 0, 0, 1], database.port()).into()).await;
    let settings = [("CONCURRENCY_MIN", "20"), ("CONCURRENCY_MAX", "20"), ("POOL_SIZE", "20")];
    let server = Server::with_database(&database.url_at(proxy.port), &settings).await;
    assert_eq!(get(server.address, "/v1/users/1/recommendations").await.status, 200);
    open_all_connections(&proxy, &server).await;
    proxy.slow(Duration::from_millis(50));
    (proxy, server)
}

/// Makes the pool open its 20 connections: with the delay to come that would take longer than it waits.
async fn open_all_connections(proxy: &Proxy, server: &Server) {
    let began = Instant::now();
    proxy.slow(Duration::from_millis(5));
    loop {
        let crowd = Crowd::of(20, server);
        tokio::time::sleep(Duration::from_millis(200)).await;
        crowd.leave().await;
        let metrics = get(server.address, "/metrics").await.text();
        let idle = r#"store_pool_connections{pool="read",state="idle"}"#;
        if value(&metrics, idle) == Some(20.0) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{metrics}");
    }
}

/// Waits until as many requests are being worked on.
async fn works_on(server: &Server, count: f64) {
    let began = Instant::now();
    while value(&get(server.address, "/metrics").await.text(), "http_concurrency_in_use").unwrap()
        < count
    {
        assert!(began.elapsed() < Duration::from_secs(10), "never works on {count}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn background_is_refused_first_then_non_critical_and_no_critical_request_at_all() {
    let database = MariaDb::new().await;
    let (_proxy, server) = slow_server(&database).await;
    let mut client = Client::connect(server.address).await.unwrap();
    assert_eq!(refused(&mut client, ask_background).await, 0, "with nothing to do");

    // Of 20 places background may use the first 12 and non-critical the first 17.
    let crowd = Crowd::of(15, &server);
    works_on(&server, 14.0).await;
    let background = refused(&mut client, ask_background).await;
    let non_critical = refused(&mut client, ask_non_critical).await;
    let critical = crowd.leave().await;
    assert!(background >= 50, "{background} of 60 background requests refused");
    assert_eq!(non_critical, 0, "non-critical requests refused before their turn");
    assert_eq!(critical.keys().collect::<Vec<_>>(), [&200], "{critical:?}");

    let crowd = Crowd::of(19, &server);
    works_on(&server, 18.0).await;
    let background_then = refused(&mut client, ask_background).await;
    let non_critical = refused(&mut client, ask_non_critical).await;
    let critical = crowd.leave().await;
    assert!(background_then >= 50, "{background_then} of 60 background requests refused");
    assert!(non_critical >= 40, "{non_critical} of 60 non-critical requests refused");
    assert_eq!(critical.keys().collect::<Vec<_>>(), [&200], "{critical:?}");

    let metrics = get(server.address, "/metrics").await.text();
    let shed = |class| value(&metrics, &format!("http_requests_shed_total{{class=\"{class}\"}}"));
    let count = |count: usize| Some(f64::from(u32::try_from(count).unwrap()));
    assert_eq!(shed("background"), count(background + background_then), "{metrics}");
    assert_eq!(shed("non-critical"), count(non_critical), "{metrics}");
    assert_eq!(shed("critical"), Some(0.0));
    let arrived = r#"http_requests_total{method="GET",route="/v1/users/{id}/recommendations",code="503",class="non-critical"}"#;
    assert_eq!(value(&metrics, arrived), count(non_critical), "{metrics}");
    let timed = r#"http_request_duration_seconds_count{route="/v1/users/{id}/recommendations"}"#;
    assert_eq!(value(&metrics, timed), count(1 + 120 - non_critical), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_the_limit_critical_requests_are_refused_fast_and_probes_never() {
    let database = MariaDb::new().await;
    let (_proxy, server) = slow_server(&database).await;
    let crowd = Crowd::of(60, &server);
    works_on(&server, 20.0).await;
    for path in ["/livez", "/readyz", "/startupz", "/metrics"].repeat(10) {
        let began = Instant::now();
        assert_eq!(get(server.address, path).await.status, 200, "{path}");
        assert!(began.elapsed() < Duration::from_millis(500), "{path} {:?}", began.elapsed());
    }
    let mut client = Client::connect(server.address).await.unwrap();
    let home = async |client: &mut Client| client.get("/v1/users/1/home").await.unwrap();
    assert!(refused(&mut client, home).await > 0, "no critical request was refused");
    let in_use = value(&get(server.address, "/metrics").await.text(), "http_concurrency_in_use");
    assert!(in_use.unwrap() <= 20.0, "{in_use:?}");
    let critical = crowd.leave().await;
    assert!(critical[&200] >= 50 && critical[&503] > 0, "{critical:?}");
    assert_eq!(critical.len(), 2, "{critical:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_request_is_refused_before_its_body_is_read() {
    let database = MariaDb::new().await;
    let (_proxy, server) = slow_server(&database).await;
    let crowd = Crowd::of(19, &server);
    works_on(&server, 18.0).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let head = "POST /v1/events HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
                content-length: 60000\r\n\r\n";
    client.send(head.as_bytes()).await.unwrap();
    let answer = client.answer().await.unwrap();
    answer.assert_problem(503, "a body that never comes");
    assert!(crowd.leave().await.contains_key(&200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_take_no_places() {
    let server = Server::embedded(&[("CONCURRENCY_MIN", "2"), ("CONCURRENCY_MAX", "2")]).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(server.address).await.unwrap();
        let request = super::client::claim_request(1, "k", r#"{"day":8}"#);
        client.send(&request[..request.len() - 3]).await.unwrap();
        slow.push(client);
    }
    let mut client = Client::connect(server.address).await.unwrap();
    for user in 1..=50 {
        let home = client.get(&format!("/v1/users/{user}/home")).await.unwrap();
        assert_eq!(home.status, 200, "{}", home.text());
    }
    for mut client in slow {
        client.answer().await.unwrap().assert_problem(408, "slow body");
    }
}

async fn limit(server: &Server) -> f64 {
    value(&get(server.address, "/metrics").await.text(), "http_concurrency_limit").unwrap()
}

/// Waits until the limit is as it should be.
async fn limit_becomes(server: &Server, what: &str, right: impl Fn(f64) -> bool) -> Duration {
    let began = Instant::now();
    loop {
        let limit = limit(server).await;
        if right(limit) {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: the limit stays at {limit}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_follows_a_store_that_stalls_and_recovers() {
    let database = MariaDb::new().await;
    let proxy = Proxy::to(([127, 0, 0, 1], database.port()).into()).await;
    let settings = [("CONCURRENCY_MIN", "4"), ("CONCURRENCY_MAX", "64")];
    let server = Server::with_database(&database.url_at(proxy.port), &settings).await;
    assert!(limit(&server).await >= 64.0);
    let crowd = Crowd::of(64, &server);
    proxy.freeze(true);
    let down = limit_becomes(&server, "stalled", |limit| limit <= 8.0).await;
    proxy.freeze(false);
    let up = limit_becomes(&server, "recovered", |limit| limit >= 48.0).await;
    println!("down to 8 after {down:?}, up again after {up:?}");
    crowd.leave().await;
    let mut client = Client::connect(server.address).await.unwrap();
    for user in 1..=100 {
        assert_eq!(client.get(&format!("/v1/users/{user}/home")).await.unwrap().status, 200);
    }
}

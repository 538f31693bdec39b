//! Whatever clients send, they get an answer that says what to do, and never a 500.

use std::time::{Duration, Instant};

use super::client::{Client, batch, claim_request, value};
use super::server::Server;

/// A request with a body, from its parts.
fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: t\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n").into_bytes()
}

const CLAIMS: &str = "/v1/users/1/claims";
const JSON: &str = "content-type: application/json\r\n";
const KEYED: &str = "idempotency-key: k\r\ncontent-type: application/json\r\n";

/// What is sent, as a person would say it; its bytes; the status that it deserves.
type Case = (&'static str, Vec<u8>, u16);

fn wrong_paths_and_methods() -> Vec<Case> {
    let body = br#"{"day":8}"#;
    vec![
        ("user id is a word", get("/v1/users/abc/home"), 400),
        ("user id is zero", get("/v1/users/0/home"), 400),
        ("user id is negative", get("/v1/users/-1/home"), 400),
        ("user id has a leading zero", get("/v1/users/01/home"), 400),
        ("user id is a fraction", get("/v1/users/1.5/home"), 400),
        ("user id is encoded and not UTF-8", get("/v1/users/%ff%fe/home"), 400),
        ("user id holds an encoded slash", get("/v1/users/1%2f2/home"), 400),
        ("user id holds an encoded NUL", get("/v1/users/1%00/claims"), 400),
        ("user id tries SQL", get("/v1/users/1'%20OR%20'1'='1/home"), 400),
        ("user id is larger than any", get("/v1/users/10000001/home"), 404),
        ("user id overflows 64 bits", get("/v1/users/92233720368547758080/claims"), 404),
        (
            "user id is 8,000 digits long",
            get(&format!("/v1/users/{}/home", "9".repeat(8_000))),
            404,
        ),
        ("no such route", get("/v1/nothing"), 404),
        ("root", get("/"), 404),
        ("trailing slash", get("/v1/campaign/"), 404),
        ("path climbs", get("/v1/../../etc/passwd"), 404),
        (
            "DELETE on claims",
            b"DELETE /v1/users/1/claims HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(),
            405,
        ),
        ("POST on home", post("/v1/users/1/home", KEYED, body), 405),
        ("invented method", b"BREW /v1/campaign HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), 405),
        ("POST on a probe", post("/livez", "", b""), 405),
    ]
}

fn wrong_heads() -> Vec<Case> {
    let keyed = |key: &str| format!("idempotency-key: {key}\r\n{JSON}");
    let body = br#"{"day":8}"#;
    vec![
        ("no key", post(CLAIMS, JSON, body), 400),
        ("empty key", post(CLAIMS, &keyed(""), body), 400),
        ("key of 65 characters", post(CLAIMS, &keyed(&"k".repeat(65)), body), 400),
        ("key with a space", post(CLAIMS, &keyed("a b"), body), 400),
        ("key not ASCII", post(CLAIMS, &keyed("\u{fc}"), body), 400),
        ("two keys", post(CLAIMS, &format!("idempotency-key: a\r\n{}", keyed("b")), body), 400),
        ("no content type", post(CLAIMS, "idempotency-key: k\r\n", body), 415),
        (
            "form",
            post(
                CLAIMS,
                "idempotency-key: k\r\ncontent-type: application/x-www-form-urlencoded\r\n",
                b"day=8",
            ),
            415,
        ),
        (
            "text that is JSON",
            post(CLAIMS, "idempotency-key: k\r\ncontent-type: text/plain\r\n", body),
            415,
        ),
        ("compressed body", post(CLAIMS, &format!("{KEYED}content-encoding: gzip\r\n"), body), 415),
    ]
}

fn wrong_bodies() -> Vec<Case> {
    let huge = vec![b' '; 64 * 1024 + 1];
    vec![
        ("no body", post(CLAIMS, KEYED, b""), 400),
        ("null", post(CLAIMS, KEYED, b"null"), 400),
        ("array", post(CLAIMS, KEYED, b"[8]"), 400),
        ("cut short", post(CLAIMS, KEYED, br#"{"day":8"#), 400),
        ("trailing text", post(CLAIMS, KEYED, br#"{"day":8} x"#), 400),
        ("field missing", post(CLAIMS, KEYED, b"{}"), 400),
        ("unknown field", post(CLAIMS, KEYED, br#"{"day":8,"user":2}"#), 400),
        ("field twice", post(CLAIMS, KEYED, br#"{"day":8,"day":9}"#), 400),
        ("day is text", post(CLAIMS, KEYED, br#"{"day":"8"}"#), 400),
        ("day is a fraction", post(CLAIMS, KEYED, br#"{"day":8.5}"#), 400),
        ("day overflows", post(CLAIMS, KEYED, br#"{"day":1e99}"#), 400),
        ("body is not UTF-8", post(CLAIMS, KEYED, b"{\"day\":8,\"\xff\xfe\":1}"), 400),
        ("50,000 brackets", post(CLAIMS, KEYED, "[".repeat(50_000).as_bytes()), 400),
        (
            "unknown field of 60,000 characters",
            post(CLAIMS, KEYED, format!("{{\"{}\":1}}", "x".repeat(60_000)).as_bytes()),
            400,
        ),
        ("day 7", post(CLAIMS, KEYED, br#"{"day":7}"#), 422),
        ("day 32", post(CLAIMS, KEYED, br#"{"day":32}"#), 422),
        ("day 264, which is 8 in one byte", post(CLAIMS, KEYED, br#"{"day":264}"#), 422),
        ("day is negative", post(CLAIMS, KEYED, br#"{"day":-8}"#), 422),
        ("body one byte too large", post(CLAIMS, KEYED, &huge), 413),
        ("chunked body too large", chunked_huge(), 413),
    ]
}

/// 72 KiB in chunks, so that no length announces it.
fn chunked_huge() -> Vec<u8> {
    let head =
        format!("POST {CLAIMS} HTTP/1.1\r\nhost: t\r\n{KEYED}transfer-encoding: chunked\r\n\r\n");
    let chunk = [&b"2000\r\n"[..], &[b' '; 0x2000], b"\r\n"].concat();
    [head.as_bytes(), &chunk.repeat(9), b"0\r\n\r\n"].concat()
}

const EVENTS: &str = "/v1/events";

/// A batch with one event, of which one part is replaced.
fn event_with(part: &str, wrong: &str) -> Vec<u8> {
    let right =
        r#"{"events":[{"id":"k","user":7,"kind":"door_opened","at":"2026-12-08T09:00:00Z"}]}"#;
    assert!(right.contains(part), "{part}");
    right.replace(part, wrong).into_bytes()
}

fn wrong_events() -> Vec<Case> {
    let wrong = |part, replacement| post(EVENTS, JSON, &event_with(part, replacement));
    let long = "k".repeat(65);
    vec![
        ("events as a form", post(EVENTS, "content-type: text/plain\r\n", b"{}"), 415),
        ("GET on events", get(EVENTS), 405),
        ("no events field", post(EVENTS, JSON, b"{}"), 400),
        ("events are an object", post(EVENTS, JSON, br#"{"events":{}}"#), 400),
        ("events without their object", post(EVENTS, JSON, br"[[]]"), 400),
        (
            "an event as an array",
            post(EVENTS, JSON, br#"{"events":[["k",7,"x","2026-12-08T09:00:00Z"]]}"#),
            400,
        ),
        ("event field missing", wrong(r#""id":"k","#, ""), 400),
        ("unknown event field", wrong(r#""user":7"#, r#""user":7,"more":1"#), 400),
        ("event field twice", wrong(r#""user":7"#, r#""user":7,"user":8"#), 400),
        ("event user is text", wrong(":7", r#":"7""#), 400),
        ("event user is a fraction", wrong(":7", ":7.5"), 400),
        ("event time is no time", wrong("2026-12-08T09:00:00Z", "yesterday"), 400),
        ("event time without a zone", wrong("00Z", "00"), 400),
        ("event time is a number", wrong(r#""2026-12-08T09:00:00Z""#, "1"), 400),
        ("no events", post(EVENTS, JSON, br#"{"events":[]}"#), 422),
        ("101 events", post(EVENTS, JSON, batch(7, "k", 101).as_bytes()), 422),
        ("event of user 0", wrong(":7", ":0"), 422),
        ("event of a user who does not exist", wrong(":7", ":10000001"), 422),
        ("event id empty", wrong(r#""k""#, r#""""#), 422),
        ("event id of 65 characters", wrong(r#""k""#, &format!("\"{long}\"")), 422),
        ("event id not ASCII", wrong(r#""k""#, "\"\u{fc}\""), 422),
        ("event kind empty", wrong("door_opened", ""), 422),
        ("event kind with a space", wrong("door_opened", "door opened"), 422),
        ("event kind of 33 characters", wrong("door_opened", &"k".repeat(33)), 422),
        ("recommendations of nobody", get("/v1/users/abc/recommendations"), 400),
        ("recommendations of everyone", get("/v1/users/0/recommendations"), 400),
        ("recommendations of a user too far", get("/v1/users/10000001/recommendations"), 404),
        ("POST on recommendations", post("/v1/users/1/recommendations", JSON, b"{}"), 405),
    ]
}

#[tokio::test]
async fn every_bad_request_is_answered_with_a_problem_that_says_what_to_do() {
    let server = Server::embedded(&[]).await;
    let cases = [wrong_paths_and_methods(), wrong_heads(), wrong_bodies(), wrong_events()].concat();
    assert!(cases.len() >= 25);
    for (what, request, status) in cases {
        let mut client = Client::connect(server.address).await.unwrap();
        client.send(&request).await.unwrap();
        let answer = client.answer().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        answer.assert_problem(status, what);
        assert_eq!(answer.header("allow").is_some(), status == 405, "{what}");
    }
    let mut client = Client::connect(server.address).await.unwrap();
    let claims = client.get("/v1/users/1/claims").await.unwrap().json();
    assert_eq!(claims["claims"], serde_json::json!([]), "a refused request has stored something");
    // Whatever was accepted would have been stored a fifth of a second later.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let metrics = client.get("/metrics").await.unwrap().text();
    assert_eq!(value(&metrics, "events_stored_total"), Some(0.0), "{metrics}");
    assert!(server.logged().iter().all(|line| !line.contains("WARN") && !line.contains("ERROR")));
}

/// What breaks HTTP itself is answered below the routes: a bare status, then the connection ends.
#[tokio::test]
async fn what_is_not_http_is_refused_and_disconnected() {
    let server = Server::embedded(&[]).await;
    let cases: [(&str, Vec<u8>, &[u16]); 6] = [
        ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &[400]),
        ("no host", b"GET /v1/campaign HTTP/1.1\r\n\r\n".to_vec(), &[400]),
        ("raw bytes in the path", b"GET /v1/users/\xff\xfe/home HTTP/1.1\r\nhost: t\r\n\r\n".to_vec(), &[400]),
        ("two lengths", b"POST /v1/users/1/claims HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx".to_vec(), &[400]),
        ("length and chunks", b"POST /v1/users/1/claims HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(), &[400]),
        ("head of 200 KiB", format!("GET /v1/campaign HTTP/1.1\r\nhost: t\r\nx: {}", "a".repeat(200 * 1024)).into_bytes(), &[400, 431]),
    ];
    for (what, request, expected) in cases {
        let mut client = Client::connect(server.address).await.unwrap();
        // A server that has seen enough may close while we still write.
        let _ = client.send(&request).await;
        match client.answer().await {
            Ok(answer) => assert!(expected.contains(&answer.status), "{what}: {}", answer.status),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{what}"),
        }
    }
    assert_eq!(super::client::get(server.address, "/livez").await.status, 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let server = Server::embedded(&[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let request = claim_request(1, "k", r#"{"day":8}"#);
    client.send(&request[..request.len() - 3]).await.unwrap();
    drop(client);
    let claims = super::client::get(server.address, "/v1/users/1/claims").await.json();
    assert_eq!(claims["claims"], serde_json::json!([]));
}

#[tokio::test]
async fn a_slow_body_is_refused_within_two_seconds() {
    let server = Server::embedded(&[]).await;
    let mut client = Client::connect(server.address).await.unwrap();
    let request = claim_request(1, "k", r#"{"day":8}"#);
    let began = Instant::now();
    client.send(&request[..request.len() - 3]).await.unwrap();
    let answer = client.answer().await.unwrap();
    answer.assert_problem(408, "slow body");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let metrics = super::client::get(server.address, "/metrics").await.text();
    let line = "http_request_deadline_exceeded_total{route=\"/v1/users/{id}/claims\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

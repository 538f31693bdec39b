//! `simulate`, from outside: its screens from figures that are made up, and the program on small traffic.

use crate::fixture::plain;
use crate::program::{Home, Ran, finish};
use apifleet_cli::settings::Columns;
use apifleet_cli::simulate::screen::screen;
use apifleet_sim::report::{Comparison, Entry, Role, Work};
use apifleet_sim::score::Provisioning;
use apifleet_sim::{Run, Score, Series};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const FLEET: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/fixtures/peak.yaml");
pub(crate) const POLICY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/fixtures/steady.yaml");
/// One day of the campaign: short enough for tests.
pub(crate) const DAY: [&str; 4] = ["--start", "2026-12-08", "--end", "2026-12-09"];

/// The program on traffic of its own, ended by `more`.
pub(crate) async fn simulate(home: &Home, manifest: &str, more: &[&str]) -> Ran {
    home.run(&[&["simulate", "-f", manifest], more].concat()).await
}

/// The document that a run wrote.
pub(crate) fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

fn score(violating_minutes: u32, replica_hours: f64) -> Score {
    let worst: Timestamp = "2026-12-08T07:02:00Z".parse().unwrap();
    Score {
        minutes: 2880,
        violating_minutes,
        worst_minute: (violating_minutes > 0).then_some(worst),
        replica_hours,
        requests: 1e8,
        unserved_ppm: f64::from(violating_minutes),
        under: Provisioning { accuracy: 0.1, time: 0.4 },
        over: Provisioning { accuracy: 20.0, time: 71.3 },
        changes: 61,
        reversals_10min: 3,
        reversals_30min: 9,
        pods_started: 1204,
        days: 2.0,
        steps: 2,
        reaction_p50_s: Some(20.0),
        reaction_p95_s: Some(41.5),
    }
}

fn comparison() -> Comparison {
    let start: Timestamp = "2026-12-07T23:00:00Z".parse().unwrap();
    let entry = |role, policy: &str, violating, hours| Entry {
        role,
        run: Run {
            policy: policy.to_owned(),
            seed: 1,
            series: Series::new(start, 0),
            score: score(violating, hours),
            days: Vec::new(),
        },
    };
    let entries = vec![
        entry(Role::Ours, "shop/shop-api", 2, 1011.3),
        entry(Role::Peer, "hpa", 31, 955.0),
        entry(Role::Fixed, "static 30", 0, 1440.0),
        entry(Role::Oracle, "oracle", 0, 940.0),
    ];
    Comparison {
        oracle: entries.last().map(|oracle| oracle.run.score.clone()),
        entries,
        most_under_percent: Some(1.0),
        work: Work {
            subject: "shop/shop-api".to_owned(),
            source: "a made-up campaign".to_owned(),
            start,
            end: "2026-12-09T23:00:00Z".parse().unwrap(),
            zone: TimeZone::get("Europe/Paris").unwrap(),
            bounds: (10, 30),
            lag: 30,
            seed: 1,
            target_per_replica: 50.0,
        },
    }
}

#[test]
fn the_scorecard() {
    insta::assert_snapshot!("simulate", plain(&screen(&comparison(), Columns::Usual, Some(120))));
    insta::assert_snapshot!("simulate_wide", plain(&screen(&comparison(), Columns::Wide, None)));
}

#[tokio::test]
async fn a_fleet_is_compared_with_every_peer_without_a_cluster() {
    let home = Home::empty();
    let ran = simulate(&home, FLEET, &DAY).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.starts_with("With shop/shop-api, "), "{}", ran.out);
    let names: Vec<&str> =
        ran.out.lines().skip_while(|line| !line.starts_with("POLICY")).skip(1).collect();
    assert!(names[0].starts_with("shop/shop-api"), "ours is first: {}", ran.out);
    for peer in ["hpa", "keda", "kpa", "aws", "static", "oracle"] {
        assert!(names.iter().any(|line| line.contains(peer)), "{peer}: {}", ran.out);
    }
    assert!(!ran.out.contains('\x1b'), "a pipe gets no colours");
}

#[tokio::test]
async fn the_document_is_versioned_and_the_same_seed_gives_the_same_bytes() {
    let home = Home::empty();
    let arguments = [&DAY[..], &["--baseline", "hpa", "-o", "json"]].concat();
    let (one, two) =
        tokio::join!(simulate(&home, FLEET, &arguments), simulate(&home, FLEET, &arguments));
    assert_eq!(one.out, two.out);
    let document = json(&one);
    assert_eq!(document["apiVersion"], "cli.apifleet.dev/v1");
    assert_eq!(document["kind"], "Simulation");
    assert_eq!((&document["minReplicas"], &document["maxReplicas"]), (&10.into(), &30.into()));
    let policies = document["policies"].as_array().unwrap();
    assert_eq!(policies[0]["role"], "ours");
    assert_eq!(policies[0]["minutes"], 1440);
    let hours = policies[0]["replicaHours"].as_f64().unwrap();
    assert!((240.0..=720.0).contains(&hours), "between 10 and 30 replicas: {hours}");
    let yaml =
        simulate(&home, FLEET, &[&DAY[..], &["--baseline", "hpa", "-o", "yaml"]].concat()).await;
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml.out).unwrap(), document);
    let other = simulate(&home, FLEET, &[&arguments[..], &["--seed", "2"]].concat()).await;
    assert_ne!(other.out, one.out, "another seed is another campaign");
}

#[tokio::test]
async fn a_policy_has_usual_bounds_until_others_are_typed() {
    let home = Home::empty();
    let arguments = [&DAY[..], &["--baseline", "none", "-o", "json"]].concat();
    let document = json(&simulate(&home, POLICY, &arguments).await);
    assert_eq!((&document["minReplicas"], &document["maxReplicas"]), (&10.into(), &30.into()));
    assert_eq!(document["timeZone"], "Europe/Paris");
    let typed = [&arguments[..], &["--min", "2", "--max", "40"]].concat();
    let document = json(&simulate(&home, POLICY, &typed).await);
    assert_eq!((&document["minReplicas"], &document["maxReplicas"]), (&2.into(), &40.into()));
}

#[tokio::test]
async fn a_limit_that_is_not_kept_has_its_own_exit_code_and_the_answer_all_the_same() {
    let home = Home::empty();
    // Three replicas cannot carry the campaign.
    let small = ["--min", "1", "--max", "3", "--baseline", "none"];
    let fleet = home.path().join("small.yaml");
    let text = "apiVersion: apifleet.dev/v1alpha1\nkind: ScalingPolicy\nmetadata: {name: small}\nspec: {}\n";
    std::fs::write(&fleet, text).unwrap();
    let arguments = [&DAY[..], &small, &["--max-under", "1%"]].concat();
    let ran = simulate(&home, fleet.to_str().unwrap(), &arguments).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("POLICY"), "{}", ran.out);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(
        ran.err.contains("--max-under") && ran.err.contains("the worst minute is"),
        "{}",
        ran.err
    );
    let kept = [&DAY[..], &small, &["--max-under", "100%"]].concat();
    assert_eq!(simulate(&home, fleet.to_str().unwrap(), &kept).await.code, 0);
}

#[tokio::test]
async fn the_page_is_one_file_and_is_said_to_be_written() {
    let home = Home::empty();
    let page = home.path().join("report.html");
    let html = ["--html", page.to_str().unwrap()];
    let ran = simulate(&home, FLEET, &[&DAY[..], &["--baseline", "hpa"], &html].concat()).await;
    assert_eq!((ran.code, ran.err), (0, format!("wrote {}\n", page.display())));
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("<!doctype html>") && text.len() < 500_000, "{} bytes", text.len());
    let nowhere = ["--html", "/nowhere/report.html"];
    let ran = simulate(&home, FLEET, &[&DAY[..], &["--baseline", "none"], &nowhere].concat()).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("/nowhere/report.html: the page cannot be written"), "{}", ran.err);
}

#[tokio::test]
async fn counts_in_a_csv_are_replayed() {
    let home = Home::empty();
    let trace = home.path().join("hour.csv");
    let rows = (0..60)
        .map(|minute| format!("{},{}\n", minute * 60, 60 * 700))
        .collect::<Vec<_>>()
        .concat();
    std::fs::write(&trace, format!("second,requests\n{rows}")).unwrap();
    let csv = ["--from", "csv", "--trace", trace.to_str().unwrap(), "--baseline", "none"];
    let document = json(&simulate(&home, FLEET, &[&csv[..], &["-o", "json", "-q"]].concat()).await);
    assert_eq!(document["policies"][0]["minutes"], 60);
    assert_eq!(document["source"], "hour.csv");
    let placed = [&csv[..], &["--start", "2026-12-08T08:00", "-o", "json"]].concat();
    let document = json(&simulate(&home, FLEET, &placed).await);
    assert_eq!(document["start"], "2026-12-08T07:00:00Z", "on the clocks of the schedules");
    let ran = simulate(&home, FLEET, &csv).await;
    assert!(ran.err.contains("say when it was with --start"), "{}", ran.err);
    let scaled = [&csv[..], &["--scale-to", "1400", "-o", "json", "-q"]].concat();
    let requests =
        json(&simulate(&home, FLEET, &scaled).await)["policies"][0]["requests"].as_f64().unwrap();
    assert!((requests / (1400.0 * 3600.0) - 1.0).abs() < 0.01, "{requests}");
}

#[tokio::test]
async fn traffic_that_cannot_be_used_is_one_clear_line() {
    let home = Home::empty();
    let cases = [
        ("second;requests\n0;5\n", "line 1: the header is"),
        ("second,requests\n", "0 rows"),
        ("second,requests\n0,5\n60,many\n", "line 3: \"many\" is not a number"),
        ("second,requests\n0,5\n60,-1\n", "line 3: -1 requests"),
        ("second,requests\n60,5\n0,5\n", "line 3: not later than the row before"),
        ("second,requests\n0,5\n60,5\n600,5\n", "line 4: 540 seconds after the row before"),
        ("second,requests\n0,5,7\n", "line 2: 3 columns"),
    ];
    for (text, words) in cases {
        let trace = home.path().join("bad.csv");
        std::fs::write(&trace, text).unwrap();
        let csv = ["--from", "csv", "--trace", trace.to_str().unwrap()];
        let ran = simulate(&home, FLEET, &csv).await;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (1, "", 1), "{ran:?}");
        assert!(ran.err.contains(words) && ran.err.contains("bad.csv"), "{words}: {}", ran.err);
    }
    let ran = simulate(&home, FLEET, &["--from", "csv", "--trace", "/nowhere.csv"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("/nowhere.csv: No such file"), "{}", ran.err);
}

#[tokio::test]
async fn manifests_that_cannot_be_used_are_one_clear_line() {
    let home = Home::empty();
    let fleet = std::fs::read_to_string(FLEET).unwrap();
    let cases = [
        (String::new(), "holds no ApiFleet and no ScalingPolicy"),
        (fleet.replace("Europe/Paris", "Europe/Pariss"), "Europe/Pariss"),
        (fleet.replace("maxReplicas: 30", "maxReplicas: 3"), "shop/shop-api: "),
        (
            format!("{fleet}\n---\n{}", fleet.replace("shop-api", "cart")),
            "holds several: name one of",
        ),
    ];
    for (text, words) in cases {
        let manifest = home.path().join("bad.yaml");
        std::fs::write(&manifest, text).unwrap();
        let ran = simulate(&home, manifest.to_str().unwrap(), &DAY).await;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (1, "", 1), "{ran:?}");
        assert!(ran.err.contains(words) && ran.err.contains("bad.yaml"), "{words}: {}", ran.err);
    }
}

#[tokio::test]
async fn what_is_typed_wrong_says_what_would_be_right() {
    let home = Home::empty();
    for (arguments, words) in [
        (&["--baseline", "hpaa"][..], "did you mean hpa"),
        (&["--from", "csv"], "--trace"),
        (&["--from", "prometheus"], "--prometheus-url"),
        (&["--start", "2026-12-09", "--end", "2026-12-08"], "--end must be later"),
        (&["--start", "2026-01-01", "--end", "2026-12-31"], "1 to 100"),
        (&["--min", "20", "--max", "10"], "--min must not be above"),
        (&["--max-under", "many"], "1%"),
    ] {
        let ran = simulate(&home, FLEET, arguments).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}

/// Two hundred megabytes through a pipe: what is kept is the rows, not the file.
#[tokio::test]
async fn a_huge_file_is_read_as_it_comes() {
    const ROWS: u32 = 800_000;
    const MOST_KIB: u64 = 100 * 1024;
    let home = Home::empty();
    let hour = ["--start", "2026-12-08T12:00:00Z", "--end", "2026-12-08T13:00:00Z"];
    let csv = [
        "simulate",
        "-f",
        FLEET,
        "--from",
        "csv",
        "--trace",
        "-",
        "--baseline",
        "none",
        "-o",
        "json",
    ];
    let mut command = home.command(&[&csv[..], &hour].concat());
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"second,requests\n").await.unwrap();
    let padding = " ".repeat(240);
    for chunk in (0..ROWS).step_by(1000) {
        let rows = (chunk..chunk + 1000).map(|at| format!("{at},600{padding}\n"));
        let rows = rows.collect::<Vec<_>>().concat();
        input.write_all(rows.as_bytes()).await.unwrap();
    }
    // All but what the pipe holds has been read, and the simulation has not begun.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["policies"][0]["minutes"], 60);
    assert!(peak < MOST_KIB, "{peak} KiB for 200 MB");
}

#[tokio::test]
async fn a_file_without_an_end_is_given_up() {
    let home = Home::empty();
    let csv = ["simulate", "-f", FLEET, "--from", "csv", "--trace", "/dev/zero"];
    let ran = finish(home.command(&csv)).await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.err.contains("line 1: longer than"), "{}", ran.err);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_it_quietly() {
    let home = Home::empty();
    let arguments = ["simulate", "-f", FLEET, "--baseline", "none", "-o", "json"];
    let mut child = home.command(&[&arguments[..], &DAY].concat()).spawn().unwrap();
    // Gone before there is anything to read.
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
}

/// An answer of Prometheus with an hour of 700 requests a second.
pub(crate) fn matrix() -> String {
    let values: Vec<Value> =
        (0..60).map(|at| serde_json::json!([1_796_713_200 + at * 60, "700"])).collect();
    let result = serde_json::json!([{"metric": {"fleet": "shop-api"}, "values": values}]);
    serde_json::json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
        .to_string()
}

pub(crate) async fn prometheus(status: u16, body: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/api/v1/query_range"))
        .and(query_param(
            "query",
            "apifleet:requests:rate1m{namespace=\"shop\",fleet=\"shop-api\"}",
        ))
        .respond_with(ResponseTemplate::new(status).set_body_raw(body, "application/json"))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn what_prometheus_has_seen_of_the_fleet_is_replayed() {
    let home = Home::empty();
    let server = prometheus(200, &matrix()).await;
    let asked = [
        "--from",
        "prometheus",
        "--prometheus-url",
        &server.uri(),
        "--baseline",
        "none",
        "-o",
        "json",
    ];
    let document =
        json(&simulate(&home, FLEET, &[&asked[..], &["--end", "2026-12-09"]].concat()).await);
    assert_eq!(document["policies"][0]["minutes"], 60);
    let requests = server.received_requests().await.unwrap();
    let sent = |name: &str| {
        let (_, value) = requests[0].url.query_pairs().find(|(key, _)| key == name).unwrap();
        value.parse::<f64>().unwrap()
    };
    assert_eq!(requests.len(), 1);
    assert!((sent("end") - sent("start") - 7.0 * 86_400.0).abs() < 1.0, "a week");
    assert!((sent("step") - 60.0).abs() < 0.1);
}

#[tokio::test]
async fn a_saved_answer_of_prometheus_is_as_good() {
    let home = Home::empty();
    let saved = home.path().join("range.json");
    std::fs::write(&saved, matrix()).unwrap();
    let arguments = [
        "--from",
        "prometheus",
        "--trace",
        saved.to_str().unwrap(),
        "--baseline",
        "none",
        "-o",
        "json",
    ];
    assert_eq!(json(&simulate(&home, FLEET, &arguments).await)["policies"][0]["minutes"], 60);
    std::fs::write(&saved, "<html>").unwrap();
    let ran = simulate(&home, FLEET, &arguments).await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.err.contains("range.json: no answer of a Prometheus"), "{}", ran.err);
}

#[tokio::test]
async fn a_prometheus_that_does_not_help_is_one_clear_line() {
    let home = Home::empty();
    let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let refused = r#"{"status":"error","errorType":"execution","error":"query timed out"}"#;
    for (status, body, words) in [
        (200, empty, "0 series"),
        (422, refused, "query timed out"),
        (502, "bad gateway", "status 502"),
    ] {
        let server = prometheus(status, body).await;
        let ran =
            simulate(&home, FLEET, &["--from", "prometheus", "--prometheus-url", &server.uri()])
                .await;
        assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let down = ["--from", "prometheus", "--prometheus-url", &format!("http://127.0.0.1:{port}")];
    let ran = simulate(&home, FLEET, &down).await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
    assert!(ran.err.contains("Prometheus cannot be asked"), "{}", ran.err);
    let ran = simulate(&home, POLICY, &down).await;
    assert_eq!(ran.code, 2, "a policy has no traffic of its own: {ran:?}");
    assert!(ran.err.contains("--query"), "{}", ran.err);
}

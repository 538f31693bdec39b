//! What the program answers, and how it fails: one clear line, the right exit code, in time.

use crate::fixture::fleet;
use crate::program::{Home, finish};
use crate::server::{crowded, knowing, refusing};
use apifleet_crds::{ApiFleet, FleetIntent};
use serde_json::Value;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

#[tokio::test]
async fn data_goes_to_standard_output_and_a_pipe_gets_no_colours() {
    let server = knowing(&["peak"]).await;
    let ran = Home::of(&server.uri()).run(&["status", "shop-api"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.starts_with("shop/shop-api   BelowDesired   10..30 replicas"), "{}", ran.out);
    assert!(!ran.out.contains('\x1b'), "{}", ran.out);
}

#[tokio::test]
async fn colours_come_when_they_are_asked_for() {
    let server = knowing(&["peak"]).await;
    let home = Home::of(&server.uri());
    let ran = home.run(&["status", "--color", "always"]).await;
    assert!(ran.out.contains("\x1b["), "{}", ran.out);
    let mut command = home.command(&["status"]);
    command.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1");
    assert!(!finish(command).await.out.contains('\x1b'));
}

#[tokio::test]
async fn every_document_is_versioned() {
    let server = knowing(&["peak", "silent", "stalled"]).await;
    let home = Home::of(&server.uri());
    for (arguments, kind) in [
        (&["status", "shop-api"][..], "FleetStatus"),
        (&["status"], "FleetStatusList"),
        (&["explain", "shop-api"], "FleetExplanation"),
        (&["explain", "shop-api", "--why-not", "30"], "FleetCounterfactual"),
        (&["calendar", "shop-api"], "FleetCalendar"),
    ] {
        let json = home.run(&[arguments, &["-o", "json"]].concat()).await;
        let yaml = home.run(&[arguments, &["-o", "yaml"]].concat()).await;
        assert_eq!((json.code, yaml.code), (0, 0), "{json:?} {yaml:?}");
        let json: Value = serde_json::from_str(&json.out).unwrap();
        let yaml: Value = serde_saphyr::from_str(&yaml.out).unwrap();
        for document in [json, yaml] {
            assert_eq!(document["apiVersion"], "cli.apifleet.dev/v1", "{arguments:?}");
            assert_eq!(document["kind"], kind, "{arguments:?}");
        }
    }
}

#[tokio::test]
async fn the_effective_spec_is_a_manifest_that_means_the_same() {
    let server = knowing(&["peak"]).await;
    let ran =
        Home::of(&server.uri()).run(&["explain", "shop-api", "--effective", "-o", "yaml"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let effective: ApiFleet = serde_saphyr::from_str(&ran.out).unwrap();
    let meant = |fleet: &ApiFleet| FleetIntent::try_from(&fleet.spec).unwrap();
    assert_eq!(meant(&effective), meant(&fleet("peak")));
    assert_eq!(effective.spec.signals.unwrap().window_seconds, Some(60));
}

#[tokio::test]
async fn the_names_alone_can_be_given_back_to_the_program() {
    let server = knowing(&["peak", "stalled"]).await;
    let home = Home::of(&server.uri());
    let names = home.run(&["status", "-o", "name", "-q"]).await;
    assert_eq!(names.err, "");
    assert_eq!(names.out, "apifleet.apifleet.dev/cart-api\napifleet.apifleet.dev/shop-api\n");
    for name in names.out.lines() {
        assert_eq!(home.run(&["status", name]).await.code, 0, "{name}");
    }
}

#[tokio::test]
async fn five_thousand_fleets_are_read_page_by_page() {
    let server = crowded(5000, false).await;
    let ran = Home::of(&server.uri()).run(&["status", "-A"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 5001, "a row for each, and the titles");
    assert!(ran.err.starts_with("5000 fleets, 0 ready, 5000 not reported on yet"), "{}", ran.err);
    assert_eq!(server.received_requests().await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_list_whose_place_was_forgotten_is_begun_anew() {
    let server = crowded(1200, true).await;
    let ran = Home::of(&server.uri()).run(&["status", "-A", "-o", "name"]).await;
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1200), "{}", ran.err);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_program_quietly() {
    let server = crowded(5000, false).await;
    let home = Home::of(&server.uri());
    let mut child = home.command(&["status", "-A", "-o", "yaml"]).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 10];
    out.read_exact(&mut first).await.unwrap();
    drop(out);
    let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_fleet_that_is_not_there_names_those_that_are_near() {
    let server = knowing(&["peak", "silent"]).await;
    let ran = Home::of(&server.uri()).run(&["status", "shop-apii"]).await;
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (1, "error: no fleet \"shop-apii\" in namespace \"shop\"; did you mean shop-api?\n")
    );
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn a_missing_permission_names_the_verb_and_the_resource() {
    let server = refusing(403).await;
    let home = Home::of(&server.uri());
    for (arguments, words) in [
        (
            &["status", "shop-api"][..],
            "no permission to get apifleets.apifleet.dev in namespace shop",
        ),
        (&["status"], "no permission to list apifleets.apifleet.dev in namespace shop"),
        (&["status", "-A"], "no permission to list apifleets.apifleet.dev in all namespaces"),
        (&["status", "-w"], "no permission to watch apifleets.apifleet.dev in namespace shop"),
    ] {
        let ran = home.run(arguments).await;
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(words) && ran.err.contains("apifleet-oncall"), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_one_line_with_a_next_step() {
    for (code, words) in
        [(401, "log in again"), (404, "helm install"), (429, "try again"), (500, "try again")]
    {
        let server = refusing(code).await;
        let ran = Home::of(&server.uri()).run(&["status", "shop-api"]).await;
        assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
        assert!(ran.err.contains(words), "{code}: {}", ran.err);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_said_at_once() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ran = Home::of(&format!("http://127.0.0.1:{port}")).run(&["status", "shop-api"]).await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
    assert!(
        ran.err.contains("cannot reach the API server") && ran.err.contains("refused"),
        "{}",
        ran.err
    );
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_within_ten_seconds() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::of(&format!("http://{}", silent.local_addr().unwrap()));
    let (usual, short) = tokio::join!(
        home.run(&["status", "shop-api"]),
        home.run(&["status", "--request-timeout", "200ms"])
    );
    for ran in [&usual, &short] {
        assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
        assert!(ran.err.contains("did not answer within"), "{}", ran.err);
    }
    assert!(
        usual.took < Duration::from_secs(10) && short.took < Duration::from_secs(5),
        "{usual:?} {short:?}"
    );
}

#[tokio::test]
async fn a_fleet_that_is_not_understood_hides_no_other() {
    let server = knowing(&["peak"]).await;
    let mut strange = serde_json::json!(fleet("silent"));
    strange["spec"]["mode"] = "Telepathy".into();
    let list = serde_json::json!({"kind": "ApiFleetList", "apiVersion": "apifleet.dev/v1alpha1", "metadata": {},
        "items": [strange, fleet("peak")]});
    wiremock::Mock::given(wiremock::matchers::path("/apis/apifleet.dev/v1alpha1/apifleets"))
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(list))
        .with_priority(1)
        .mount(&server)
        .await;
    let ran = Home::of(&server.uri()).run(&["status", "-A"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("NotUnderstood") && ran.out.contains("BelowDesired"), "{}", ran.out);
}

#[tokio::test]
async fn without_a_kubeconfig_it_says_where_it_looked() {
    let home = Home::empty();
    let ran = home.run(&["status"]).await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{ran:?}");
    assert!(
        ran.err.contains(".kube/config does not exist") && ran.err.contains("--kubeconfig"),
        "{}",
        ran.err
    );
    let ran = home.run(&["status", "--kubeconfig", "/nowhere/config"]).await;
    assert!(ran.err.contains("/nowhere/config does not exist"), "{}", ran.err);
    std::fs::write(home.path().join("broken"), "contexts: [").unwrap();
    let broken = home.path().join("broken");
    let ran = home.run(&["status", "--kubeconfig", broken.to_str().unwrap()]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("kubectl config view"), "{}", ran.err);
}

#[tokio::test]
async fn a_context_that_is_not_there_names_those_that_are_near() {
    let home = Home::of("http://127.0.0.1:1");
    let ran = home.run(&["status", "--context", "tets"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("no context \"tets\"; did you mean test?"), "{}", ran.err);
}

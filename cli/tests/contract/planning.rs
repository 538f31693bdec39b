//! `plan`: how large a fleet is for a load, as a screen, a document and a manifest.

use crate::program::{Home, Ran};
use apifleet_crds::{ApiFleet, FleetIntent};
use serde_json::Value;

/// The campaign.
const CAMPAIGN: [&str; 11] = [
    "plan",
    "--users",
    "3000000",
    "--peak-rps",
    "1500",
    "--per-replica",
    "50",
    "--node",
    "m6i.large",
    "--spot-percent",
    "60",
];

async fn plan(home: &Home, more: &[&str]) -> Ran {
    home.run(&[&CAMPAIGN[..], more].concat()).await
}

fn prices(home: &Home, text: &str) -> String {
    let path = home.path().join("prices.yaml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_campaign_is_planned_without_a_cluster_and_without_prices() {
    let ran = plan(&Home::empty(), &[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!("plan", ran.out);
    assert!(ran.err.contains("--prices FILE"), "{}", ran.err);
    assert!(!ran.out.contains("COST"), "no price is made up: {}", ran.out);
}

#[tokio::test]
async fn prices_of_a_file_are_what_it_costs() {
    let home = Home::empty();
    let prices = prices(&home, "currency: USD\nnodes:\n  m6i.large: {onDemand: 0.1, spot: 0.04}\n");
    let ran = plan(&home, &["--prices", &prices, "--database-connections", "640"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!("plan_prices", ran.out);
    let ran = plan(&home, &["--prices", &prices, "-o", "json"]).await;
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&document["apiVersion"], &document["kind"]),
        (&"cli.apifleet.dev/v1".into(), &"CapacityPlan".into())
    );
    let cost = document["peak"]["costPerHour"].as_f64().unwrap();
    assert!((cost - (12.0 * 0.1 + 18.0 * 0.04)).abs() < 1e-9, "{document:#}");
}

#[tokio::test]
async fn the_manifest_of_a_plan_is_one_that_the_operator_accepts() {
    let home = Home::empty();
    for (more, with_spot) in [
        (&["--database-connections", "640"][..], true),
        (&["--spot-percent", "0"], false),
        (&["--peak-rps", "10", "--quiet-rps", "1"], true),
    ] {
        // What is typed last counts for none of these: each flag is typed once.
        let kept: Vec<&str> = without(&CAMPAIGN, more);
        let typed = [&kept[..], more, &["--name", "shop-api", "-n", "shop", "-o", "yaml"]].concat();
        let ran = home.run(&typed).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let fleet: ApiFleet = serde_saphyr::from_str(&ran.out).unwrap();
        let intent = FleetIntent::try_from(&fleet.spec).unwrap();
        assert_eq!(fleet.metadata.namespace.as_deref(), Some("shop"));
        assert_eq!(intent.policy.spot.is_some(), with_spot);
        let path = home.path().join("fleet.yaml");
        std::fs::write(&path, &ran.out).unwrap();
        let linted = home.run(&["policy", "lint", path.to_str().unwrap()]).await;
        assert_eq!((linted.code, linted.out.as_str()), (0, ""), "{}", ran.out);
    }
}

/// The arguments but for the flags that are typed again.
fn without<'a>(arguments: &[&'a str], again: &[&str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if again.contains(argument) {
            rest.next();
        } else {
            kept.push(*argument);
        }
    }
    kept
}

#[tokio::test]
async fn the_campaign_has_the_bounds_that_it_is_run_with() {
    let ran = plan(&Home::empty(), &["-o", "yaml"]).await;
    let fleet: ApiFleet = serde_saphyr::from_str(&ran.out).unwrap();
    assert_eq!((fleet.spec.min_replicas, fleet.spec.max_replicas), (10, 30));
    assert_eq!(fleet.spec.targets.spot.unwrap().deployment_name, "api-spot");
}

#[tokio::test]
async fn a_database_that_is_too_small_is_said() {
    let ran = plan(&Home::empty(), &["--database-connections", "400"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("400 connections carry 20 replicas"), "{}", ran.err);
}

#[tokio::test]
async fn a_node_of_another_type_is_typed_by_its_size() {
    let home = Home::empty();
    let sized = ["plan", "--peak-rps", "1500", "--node-cpu", "8", "--node-memory", "16Gi"];
    let ran = home.run(&sized).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("8 CPU, 16Gi") && ran.out.contains("4 replicas on each"),
        "{}",
        ran.out
    );
}

#[tokio::test]
async fn what_is_not_known_or_cannot_be_is_one_clear_line() {
    let home = Home::empty();
    let peak = ["plan", "--peak-rps", "1500"];
    let file = prices(&home, "currency: USD\nnodes: {m6i.large: {onDemand: 0.1}}\n");
    for (more, code, words) in [
        (&["--node", "m6i.larg"][..], 2, "did you mean m6i.large"),
        (&["--node", "x2.metal"], 2, "--node-cpu and --node-memory"),
        (&[], 2, "--node"),
        (&["--node-cpu", "4"], 2, "--node-memory"),
        (&["--node", "m6i.large", "--pod-cpu", "2"], 2, "finds room on m6i.large"),
        (&["--node", "m6i.large", "--pod-cpu", "much"], 2, "1500m"),
        (&["--node", "m6i.large", "--pod-memory", "2GB"], 2, "512Mi"),
        (&["--node", "m6i.large", "--quiet-rps", "2000"], 2, "--quiet-rps must not be above"),
        (&["--node", "m6i.large", "--per-replica", "1"], 2, "1500 replicas"),
        (&["--node", "m6i.large", "--spot-percent", "101"], 2, "101"),
        (&["--node", "m6i.large", "--zones", "0"], 2, "--zones"),
        (&["--node", "m6i.large", "--prices", "/nowhere.yaml"], 1, "/nowhere.yaml: No such file"),
        (&["--node", "m6i.large", "--prices", &file], 1, "no spot price of m6i.large"),
        (&["--node", "c6i.large", "--prices", &file], 1, "has no price of c6i.large"),
    ] {
        let ran = home.run(&[&peak[..], more].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{more:?}: {ran:?}");
        assert!(ran.err.contains(words), "{more:?}: {}", ran.err);
    }
    let ran = home.run(&["plan", "--node", "m6i.large"]).await;
    assert!(ran.code == 2 && ran.err.contains("--peak-rps"), "{ran:?}");
}

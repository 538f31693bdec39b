//! Queries, taken apart again by a PromQL parser: whatever a resource says, a query keeps its shape and every
//! selector stays in the fleet's namespace.

use super::query::{Question, batched, of_fleet, recorded};
use crate::caches::Key;
use apifleet_crds::{ApiFleetSpec, FleetIntent, SignalSource};
use promql_parser::label::{MatchOp, Matchers};
use promql_parser::parser::{Expr, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The source of a fleet whose `signals` block is this, if it means anything.
fn source(signals: &Value) -> Option<SignalSource> {
    let spec = json!({
        "minReplicas": 1, "maxReplicas": 9,
        "targets": {"onDemand": {"deploymentName": "api"}},
        "signals": signals,
    });
    let spec: ApiFleetSpec = serde_json::from_value(spec).ok()?;
    FleetIntent::try_from(&spec).ok().map(|intent| intent.source)
}

fn bundled() -> SignalSource {
    source(&json!({"latency": {}, "errors": {}})).unwrap()
}

fn custom(label: &str, value: &str, pattern: &str) -> Option<SignalSource> {
    source(&json!({
        "preset": "Custom", "latency": {}, "errors": {},
        "custom": {
            "requestsTotal": "requests_total", "durationSeconds": "duration_seconds",
            "errors": {"label": "status", "matches": [pattern]},
            "matchLabels": {label: value},
        },
    }))
}

/// Every selector of a query.
fn selectors(expression: &Expr, found: &mut Vec<Matchers>) {
    match expression {
        Expr::VectorSelector(selector) => found.push(selector.matchers.clone()),
        Expr::MatrixSelector(selector) => found.push(selector.vs.matchers.clone()),
        Expr::Aggregate(it) => {
            selectors(&it.expr, found);
            it.param.iter().for_each(|param| selectors(param, found));
        }
        Expr::Binary(it) => {
            selectors(&it.lhs, found);
            selectors(&it.rhs, found);
        }
        Expr::Paren(it) => selectors(&it.expr, found),
        Expr::Call(it) => it.args.args.iter().for_each(|argument| selectors(argument, found)),
        Expr::Unary(it) => selectors(&it.expr, found),
        Expr::Subquery(it) => selectors(&it.expr, found),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        Expr::Extension(_) => panic!("no extension is written"),
    }
}

/// The query with every string and duration that came from outside taken out: what is left is its shape.
fn shape(expression: &Expr) -> String {
    match expression {
        Expr::VectorSelector(selector) => {
            let names: Vec<String> = selector
                .matchers
                .matchers
                .iter()
                .map(|it| format!("{}{}", it.name, it.op))
                .collect();
            format!("{:?}[{}]", selector.name, names.join(","))
        }
        Expr::MatrixSelector(it) => {
            format!("range({})", shape(&Expr::VectorSelector(it.vs.clone())))
        }
        Expr::Aggregate(it) => format!("{}({})", it.op, shape(&it.expr)),
        Expr::Binary(it) => format!("({} {} {})", shape(&it.lhs), it.op, shape(&it.rhs)),
        Expr::Paren(it) => shape(&it.expr),
        Expr::Call(it) => {
            let arguments: Vec<String> =
                it.args.args.iter().map(|argument| shape(argument)).collect();
            format!("{}({})", it.func.name, arguments.join(";"))
        }
        Expr::NumberLiteral(it) => it.val.to_string(),
        Expr::StringLiteral(_) => "text".to_owned(),
        Expr::Unary(_) | Expr::Subquery(_) | Expr::Extension(_) => panic!("none is written"),
    }
}

/// Asserts that the query parses, keeps the shape of `like`, and reads nothing outside the namespace.
fn assert_confined(query: &str, like: &str, namespace: &str) {
    let parsed = parse(query).unwrap_or_else(|error| panic!("{error}: {query}"));
    assert_eq!(shape(&parsed), shape(&parse(like).unwrap()), "{query}");
    let mut found = Vec::new();
    selectors(&parsed, &mut found);
    assert!(!found.is_empty(), "{query}");
    for matchers in found {
        assert!(matchers.or_matchers.is_empty(), "{query}");
        let namespaces: Vec<_> =
            matchers.matchers.iter().filter(|it| it.name == "namespace").collect();
        assert_eq!(namespaces.len(), 1, "{query}");
        assert_eq!(namespaces[0].op, MatchOp::Equal, "{query}");
        assert_eq!(namespaces[0].value, namespace, "{query}");
    }
}

#[test]
fn queries_of_the_bundled_server_are_these() {
    let fleet = Key::new("shop", "api");
    let query = |question| of_fleet(question, &bundled(), &fleet).unwrap();
    insta::assert_snapshot!(Question::ALL.map(query).join("\n"), @r#"
    sum(max without (prometheus_replica) (rate(http_requests_total{namespace="shop",fleet="api"}[60s])))
    sum(max without (prometheus_replica) (rate(http_requests_total{namespace="shop",fleet="api"}[15s])))
    (sum(max without (prometheus_replica) (rate(http_requests_total{namespace="shop",fleet="api",code=~"5.."}[60s]))) or 0 * sum(max without (prometheus_replica) (rate(http_requests_total{namespace="shop",fleet="api"}[60s]))))
    histogram_quantile(0.95, sum by (le) (max without (prometheus_replica) (rate(http_request_duration_seconds_bucket{namespace="shop",fleet="api"}[60s]))))
    sum(max without (prometheus_replica) (rate(http_requests_total{namespace="shop",fleet="api",class="critical"}[60s])))
    count(count by (pod) (timestamp(http_requests_total{namespace="shop",fleet="api",pod!=""}) >= time() - 60))
    max(count_over_time(http_requests_total{namespace="shop",fleet="api"}[60s]))
    max(timestamp(http_requests_total{namespace="shop",fleet="api"}))
    "#);
}

#[test]
fn what_a_fleet_does_not_watch_is_not_asked() {
    let fleet = Key::new("shop", "api");
    let plain = source(&json!({})).unwrap();
    assert_eq!(of_fleet(Question::Latency, &plain, &fleet), None);
    assert_eq!(of_fleet(Question::ErrorRate, &plain, &fleet), None);
    let custom = custom("app", "shop", "5..").unwrap();
    assert_eq!(of_fleet(Question::CriticalRate, &custom, &fleet), None, "nobody says which are");
}

#[test]
fn the_window_and_the_percentile_are_in_the_query() {
    let fleet = Key::new("shop", "api");
    let slow = source(&json!({"windowSeconds": 300, "latency": {"percentile": 99}})).unwrap();
    assert!(of_fleet(Question::RequestRate, &slow, &fleet).unwrap().contains("[300s]"));
    assert!(of_fleet(Question::BurstRate, &slow, &fleet).unwrap().contains("[15s]"));
    assert!(
        of_fleet(Question::Latency, &slow, &fleet).unwrap().contains("histogram_quantile(0.99,")
    );
    assert!(!super::query::is_recorded(&slow));
    assert!(super::query::is_recorded(&bundled()));
}

#[test]
fn a_batch_names_its_rows_and_nothing_else() {
    let query = batched([(0, "sum(a)"), (1, "sum(b)")]);
    let parsed = parse(&query).unwrap();
    assert!(matches!(&parsed, Expr::Binary(binary) if binary.op.to_string() == "or"), "{query}");
    assert!(query.contains(r#""apifleet_row", "1""#), "{query}");
}

#[test]
fn a_full_batch_of_every_question_parses() {
    let fleets: Vec<Key> =
        (0..super::query::BATCH).map(|n| Key::new("shop", format!("fleet-{n}"))).collect();
    for question in Question::ALL {
        let expressions: Vec<String> =
            fleets.iter().map(|fleet| of_fleet(question, &bundled(), fleet).unwrap()).collect();
        let query = batched(expressions.iter().map(String::as_str).enumerate());
        assert!(parse(&query).is_ok(), "{question:?}");
    }
}

#[test]
fn recorded_series_are_read_for_one_namespace_or_for_all() {
    assert_eq!(
        recorded(Question::RequestRate, None, &[]),
        "max without (prometheus_replica) (apifleet:requests:rate1m)"
    );
    assert_eq!(
        recorded(Question::RequestRate, Some("shop"), &[]),
        "max without (prometheus_replica) (apifleet:requests:rate1m{namespace=\"shop\"})"
    );
}

#[test]
fn recorded_series_are_read_for_some_fleets_by_name() {
    assert_eq!(
        recorded(Question::RequestRate, None, &["api", "base.v2"]),
        r#"max without (prometheus_replica) (apifleet:requests:rate1m{fleet=~"api|base\\.v2"})"#
    );
    assert_eq!(
        recorded(Question::RequestRate, Some("shop"), &["api"]),
        r#"max without (prometheus_replica) (apifleet:requests:rate1m{namespace="shop",fleet=~"api"})"#
    );
}

#[test]
fn pods_without_a_sample_in_the_window_are_not_counted() {
    let slow = source(&json!({"windowSeconds": 300})).unwrap();
    let query = of_fleet(Question::ScrapedPods, &slow, &Key::new("shop", "api")).unwrap();
    assert!(query.starts_with("count(count by (pod) (timestamp("), "{query}");
    assert!(query.ends_with(">= time() - 300))"), "{query}");
    assert!(parse(&query).is_ok(), "{query}");
}

#[test]
fn a_rule_that_stands_still_has_no_row() {
    let query = recorded(Question::SampledAt, Some("shop"), &[]);
    assert_eq!(
        query,
        "max without (prometheus_replica) (apifleet:sampled:timestamp_seconds{namespace=\"shop\"} and \
         timestamp(apifleet:sampled:timestamp_seconds{namespace=\"shop\"}) >= time() - 30)"
    );
    assert!(matches!(parse(&query), Ok(Expr::Aggregate(_))), "{query}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Even names that Kubernetes would never allow cannot leave their quotes.
    #[test]
    fn no_name_changes_the_shape_of_a_query(namespace in any::<String>(), name in any::<String>()) {
        let fleet = Key::new(namespace.clone(), name.clone());
        for question in Question::ALL {
            let query = of_fleet(question, &bundled(), &fleet).unwrap();
            let like = of_fleet(question, &bundled(), &Key::new("shop", "api")).unwrap();
            assert_confined(&query, &like, &namespace);
            let query = recorded(question, Some(&namespace), &[&name]);
            assert_confined(&query, &recorded(question, Some("shop"), &["api"]), &namespace);
        }
    }

    #[test]
    fn no_string_in_a_resource_changes_the_shape_of_a_query(
        value in prop_oneof![any::<String>(), r"[ -~]{0,40}", r#"[a-z"\\{}=,\n]{1,12}"#],
        pattern in prop_oneof![any::<String>(), r"[0-9a-z.\[\]*+?\\d-]{1,8}", r#"[0-9]"[,}\\()|]{1,6}"#],
        namespace in r#"[a-z"\\{}=,]{1,12}"#,
    ) {
        let Some(source) = custom("app", &value, &pattern) else { return Ok(()) };
        let plain = custom("app", "shop", "5..").unwrap();
        for question in Question::ALL {
            let query = of_fleet(question, &source, &Key::new(namespace.clone(), "api"));
            let like = of_fleet(question, &plain, &Key::new("shop", "api"));
            prop_assert_eq!(query.is_none(), question == Question::CriticalRate);
            if let Some((query, like)) = query.zip(like) {
                assert_confined(&query, &like, &namespace);
            }
        }
    }

    #[test]
    fn no_label_name_reaches_a_query_unless_it_is_one(
        label in prop_oneof![any::<String>(), "[a-z_]{1,9}", r#"[a-z]="[a-z]"#],
    ) {
        let Some(source) = custom(&label, "shop", "5..") else { return Ok(()) };
        for question in Question::ALL {
            let query = of_fleet(question, &source, &Key::new("shop", "api"));
            let Some(query) = query else { continue };
            let mut found = Vec::new();
            selectors(&parse(&query).unwrap(), &mut found);
            for matchers in found {
                let names: Vec<&str> = matchers.matchers.iter().map(|it| it.name.as_str()).collect();
                prop_assert_eq!(&names[..2], &["namespace", label.as_str()][..]);
            }
        }
    }
}

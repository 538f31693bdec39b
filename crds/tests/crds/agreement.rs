//! Admission and the operator agree: an API server accepts exactly the specs that have a meaning.
//!
//! What admission cannot see, and is left out: nothing of a single spec so far. What only admission sees: changes
//! (the name of a target may not change; a spec alone has no past) and unknown fields (the types have no place for
//! them).

use crate::admission::Admission;
use apifleet_crds::behavior::{
    PolicyType, ScalingBehavior, ScalingPolicyRule, ScalingRules, SelectPolicy,
};
use apifleet_crds::names::{self, DeploymentName, LabelName, LabelPattern, LabelValue, MetricName};
use apifleet_crds::signals::{
    Custom, CustomErrors, Errors, Latency, OnMissing, Preset, RequestRate, Signals,
};
use apifleet_crds::spec::{Mode, Spot, Target, Targets};
use apifleet_crds::{ApiFleet, ApiFleetSpec, FleetIntent, schema};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::cell::Cell;
use std::ops::RangeInclusive;

/// Mostly within the range and on its edges, sometimes just outside, rarely anything.
fn near(range: RangeInclusive<i32>) -> impl Strategy<Value = i32> + Clone {
    let (min, max) = (*range.start(), *range.end());
    prop_oneof![
        150 => range,
        20 => Just(min),
        20 => Just(max),
        1 => Just(min - 1),
        1 => Just(max + 1),
        1 => any::<i32>(),
    ]
}

/// Mostly good, rarely nearly good.
fn text(good: &'static str, nearly: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![40 => good, 1 => nearly]
}

fn metric() -> impl Strategy<Value = String> {
    text("[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", "[a-z0-9_:{\"-]{0,4}|a{127,130}")
}

fn label() -> impl Strategy<Value = String> {
    text("[a-zA-Z][a-zA-Z0-9_]{0,20}", "namespace|le|__name__|_|_a|[a-z0-9_=\"é]{0,4}|a{62,65}")
}

fn label_value() -> impl Strategy<Value = String> {
    text("[a-z .:/{}'-]{1,20}", "[a-z\"\\\\\né]{0,3}|a{127,130}")
}

fn label_pattern() -> impl Strategy<Value = String> {
    text("[45][0-9.]{1,2}|4\\[0-9\\]9|grpc_\\.\\*", "[a0.*+?()|\\[\\]\\\\^d-]{0,4}|a{63,66}")
}

fn quantity(good: &'static str) -> impl Strategy<Value = IntOrString> {
    prop_oneof![
        20 => good.prop_map(IntOrString::String),
        10 => (0..=1).prop_map(IntOrString::Int),
        1 => "[0-9.mue+-]{0,8}".prop_map(IntOrString::String),
        1 => near(0..=100).prop_map(IntOrString::Int),
    ]
}

fn targets() -> impl Strategy<Value = Targets> {
    let name = || text("[a-c]([a-z0-9.]{0,3}[a-z0-9])?", "[a-zA-Z0-9._-]{0,4}|a{252,255}");
    (name(), of(name())).prop_map(|(on_demand, spot)| Targets {
        on_demand: Target { deployment_name: on_demand },
        spot: spot.map(|deployment_name| Target { deployment_name }),
    })
}

fn custom() -> impl Strategy<Value = Custom> {
    let errors =
        (label(), prop_oneof![30 => vec(label_pattern(), 1..4), 1 => vec(label_pattern(), 0..=9)])
            .prop_map(|(label, matches)| CustomErrors { label, matches });
    let labels = prop_oneof![
        30 => btree_map(label(), label_value(), 0..3),
        1 => btree_map(label(), label_value(), 0..=10)
    ];
    (metric(), prop::option::weighted(0.9, metric()), prop::option::weighted(0.9, errors), labels)
        .prop_map(|(requests_total, duration_seconds, errors, match_labels)| Custom {
            requests_total,
            duration_seconds,
            errors,
            match_labels,
        })
}

fn series() -> impl Strategy<Value = (Option<Preset>, Option<Custom>)> {
    prop_oneof![
        10 => of(Just(Preset::ApiFleet)).prop_map(|preset| (preset, None)),
        10 => custom().prop_map(|custom| (Some(Preset::Custom), Some(custom))),
        1 => (of(prop_oneof![Just(Preset::ApiFleet), Just(Preset::Custom)]), of(custom())),
    ]
}

fn guards() -> impl Strategy<Value = (Option<RequestRate>, Option<Latency>, Option<Errors>)> {
    let rate =
        of(near(1..=1_000_000)).prop_map(|target_per_replica| RequestRate { target_per_replica });
    let latency = (of(near(50..=99)), of(near(1..=600_000)), of(near(0..=100))).prop_map(
        |(percentile, target_milliseconds, tolerance_percent)| Latency {
            percentile,
            target_milliseconds,
            tolerance_percent,
        },
    );
    let errors = of(quantity("[0-9]{1,2}(\\.[0-9]{1,3})?|100(\\.0)?|[0-9]{1,5}m"))
        .prop_map(|max_percent| Errors { max_percent });
    (of(rate), of(latency), of(errors))
}

fn signals() -> impl Strategy<Value = Signals> {
    let windows = (of(near(15..=900)), prop::option::weighted(0.3, near(600..=3600)));
    let missing = (
        of(prop_oneof![9 => Just(OnMissing::Hold), 1 => Just(OnMissing::Fallback)]),
        of(near(1..=1000)),
    );
    (series(), windows, missing, guards()).prop_map(
        |((preset, custom), windows, missing, (request_rate, latency, errors))| Signals {
            preset,
            custom,
            window_seconds: windows.0,
            stale_after_seconds: windows.1,
            on_missing: missing.0,
            fallback_replicas: missing.1.filter(|_| missing.0.is_some()),
            request_rate,
            latency,
            errors,
        },
    )
}

fn rules() -> impl Strategy<Value = ScalingRules> {
    let kind = prop_oneof![Just(PolicyType::Pods), Just(PolicyType::Percent)];
    let policy =
        (kind, near(1..=100_000), near(1..=1800)).prop_map(|(kind, value, period_seconds)| {
            ScalingPolicyRule { kind, value, period_seconds }
        });
    let policies = prop_oneof![
        30 => vec(policy.clone(), 1..=2),
        1 => vec(policy, 0..=9)
    ];
    let select =
        prop_oneof![Just(SelectPolicy::Max), Just(SelectPolicy::Min), Just(SelectPolicy::Disabled)];
    let tolerance = quantity("0(\\.[0-9]{1,6})?|1\\.0|[0-9]{1,3}m|1000m|[0-9]{1,6}u");
    (of(near(0..=3600)), of(select), of(policies), of(tolerance)).prop_map(
        |(stabilization_window_seconds, select_policy, policies, tolerance)| ScalingRules {
            stabilization_window_seconds,
            select_policy,
            policies,
            tolerance,
        },
    )
}

fn spec() -> impl Strategy<Value = ApiFleetSpec> {
    let mode = prop_oneof![Just(Mode::Enforce), Just(Mode::ScaleOutOnly), Just(Mode::Observe)];
    let sizes = prop_oneof![9 => (1..=500, 500..=1000), 2 => (near(1..=1000), near(1..=1000))];
    let behavior = (of(rules()), of(rules()))
        .prop_map(|(scale_up, scale_down)| ScalingBehavior { scale_up, scale_down });
    let spot = (of(near(0..=100)), of(near(0..=1000))).prop_map(
        |(max_percent, min_on_demand_replicas)| Spot { max_percent, min_on_demand_replicas },
    );
    (mode, sizes, targets(), of(signals()), of(behavior), prop::option::weighted(0.3, spot))
        .prop_map(|(mode, (min_replicas, max_replicas), targets, signals, behavior, spot)| {
            ApiFleetSpec { mode, min_replicas, max_replicas, targets, signals, behavior, spot }
        })
}

#[test]
fn the_api_server_accepts_exactly_what_has_a_meaning() {
    let admission = Admission::new();
    let (accepted, by_schema, by_cel) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let cases = 10_000;
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&spec(), |spec| {
        let meaning = FleetIntent::try_from(&spec);
        let fleet = serde_json::to_value(ApiFleet::new("shop", spec)).unwrap();
        let refusals = admission.refusals(&fleet, None);
        prop_assert_eq!(
            refusals.is_empty(),
            meaning.is_ok(),
            "refused: {:#?}, meaning: {:?}",
            refusals,
            meaning
        );
        let counted = match refusals.first() {
            None => &accepted,
            Some(refusal) if refusal.by == "cel" => &by_cel,
            Some(_) => &by_schema,
        };
        counted.set(counted.get() + 1);
        Ok(())
    });
    outcome.unwrap();
    for (what, count) in [("accepted", accepted), ("by schema", by_schema), ("by CEL", by_cel)] {
        assert!(count.get() > cases / 10, "only {} of {cases} specs were {what}", count.get());
    }
}

fn matches(pattern: &str, longest: u32) -> impl Fn(&str) -> bool {
    let schema =
        json!({"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern});
    let validator = jsonschema::validator_for(&schema).unwrap();
    move |text| validator.is_valid(&json!(text))
}

fn agree(inputs: &'static str, by_pattern: impl Fn(&str) -> bool, parsed: impl Fn(&str) -> bool) {
    let accepted = Cell::new(0);
    let cases = 5000;
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&inputs, |input| {
        prop_assert_eq!(by_pattern(&input), parsed(&input), "{:?}", input);
        accepted.set(accepted.get() + u32::from(parsed(&input)));
        Ok(())
    });
    outcome.unwrap();
    let accepted = accepted.get();
    assert!(accepted > cases / 50 && accepted < cases, "{accepted} of {cases} were accepted");
}

#[test]
fn names_parse_exactly_where_the_schema_matches() {
    let deployment = |text: &str| DeploymentName::parse(text).is_some();
    agree("[a-zA0.\\-é]{0,6}|a{250,256}", matches(names::DEPLOYMENT_NAME, 253), deployment);
    let metric = |text: &str| MetricName::parse(text).is_some();
    agree("[aZ0_:\\-{é]{0,4}|a{126,130}", matches(names::METRIC_NAME, 128), metric);
    let value = |text: &str| LabelValue::parse(text).is_some();
    agree("[ -~\\n\\té]{0,3}|a{126,130}", matches(names::LABEL_VALUE, 128), value);
    let by_pattern = matches(names::LABEL_NAME, 63);
    let by_schema_and_rule =
        move |text: &str| by_pattern(text) && !names::RESERVED_LABELS.contains(&text);
    let label = |text: &str| LabelName::parse(text).is_some();
    agree("[aZ0_\\-é]{0,4}|le|namespace|a{61,66}", by_schema_and_rule, label);
}

#[test]
fn label_patterns_parse_exactly_where_the_schema_matches_and_are_valid_regular_expressions() {
    let by_schema = matches(names::LABEL_PATTERN, 64);
    let parsed = move |text: &str| {
        let parsed = LabelPattern::parse(text).is_some();
        if parsed {
            jsonschema::validator_for(&json!({"pattern": text})).unwrap();
        }
        parsed
    };
    agree(
        "[ab09zAZ.*+?()|\\[\\]\\\\^$d\\-{\"é]{0,8}|a{62,66}|\\[(0-9|[a-z09_\\-])+\\][*+?]?",
        by_schema,
        parsed,
    );
}

#[test]
fn quantities_parse_exactly_where_the_schema_matches() {
    let of_spec = |text: &str, percent: bool| {
        let fleet = json!({
            "minReplicas": 1,
            "maxReplicas": 1,
            "targets": {"onDemand": {"deploymentName": "a"}},
            "signals": if percent { json!({"errors": {"maxPercent": text}}) } else { json!({}) },
            "behavior": if percent { json!({}) } else { json!({"scaleUp": {"tolerance": text}}) },
        });
        FleetIntent::try_from(&serde_json::from_value::<ApiFleetSpec>(fleet).unwrap()).is_ok()
    };
    let inputs =
        "[0-9]{0,4}(\\.[0-9]{0,7})?[mu]?|[01]{1,7}[mu]|[01](\\.0{1,7})|[0-9.mkne+\\-]{0,4}";
    agree(inputs, matches(schema::PERCENT_QUANTITY, 12), |text| of_spec(text, true));
    agree(inputs, matches(schema::SHARE_QUANTITY, 12), |text| of_spec(text, false));
}

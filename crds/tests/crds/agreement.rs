//! Admission and the operator agree: an API server accepts exactly the specs that have a meaning.
//!
//! What admission cannot see: which zones there are. It knows only how their names are written; a test of its own
//! says that every zone passes. What only admission sees: changes (the name of a target may not change; a spec alone
//! has no past) and unknown fields (the types have no place for them).

use crate::admission::Admission;
use crate::random;
use apifleet_crds::names::{
    self, DeploymentName, LabelName, LabelPattern, LabelValue, MetricName, NodeLabelName,
    NodeLabelValue,
};
use apifleet_crds::{
    ApiFleet, ApiFleetSpec, FleetIntent, Kind, OverrideIntent, ScalingPolicy, SpecError, clock,
    policy_for, schema,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::cell::Cell;

#[test]
fn the_api_server_accepts_exactly_what_has_a_meaning() {
    let admission = Admission::new();
    let (accepted, by_schema, by_cel) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let scheduled = Cell::new(0);
    let cases = 10_000;
    let outcome = runner(cases).run(&random::spec(), |spec| {
        let meaning = FleetIntent::try_from(&spec);
        if meaning.as_ref().is_ok_and(|meaning| !meaning.policy.schedules.is_empty()) {
            scheduled.set(scheduled.get() + 1);
        }
        let fleet = serde_json::to_value(ApiFleet::new("shop", spec)).unwrap();
        let refusals = admission.refusals(&fleet, None);
        let is_unseen = matches!(meaning, Err(SpecError::UnknownZone { .. }));
        prop_assert!(
            is_unseen || refusals.is_empty() == meaning.is_ok(),
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
    let scheduled = scheduled.get();
    assert!(
        scheduled > cases / 30,
        "only {scheduled} of {cases} specs had schedules with a meaning"
    );
}

/// A policy has no bounds of its own: those of a fleet are held against it when the fleet is decided.
#[test]
fn a_policy_is_accepted_exactly_where_it_means_something_for_the_widest_fleet() {
    let admission = Admission::of(Kind::ScalingPolicy);
    let accepted = Cell::new(0);
    let cases = 3000;
    let outcome = runner(cases).run(&random::policy(), |spec| {
        let meaning = policy_for(&spec, 1, 1000);
        let policy = serde_json::to_value(ScalingPolicy::new("steady", spec)).unwrap();
        let refusals = admission.refusals(&policy, None);
        let is_unseen = matches!(meaning, Err(SpecError::UnknownZone { .. }));
        prop_assert!(
            is_unseen || refusals.is_empty() == meaning.is_ok(),
            "refused: {:#?}, meaning: {:?}",
            refusals,
            meaning
        );
        accepted.set(accepted.get() + u32::from(refusals.is_empty()));
        Ok(())
    });
    outcome.unwrap();
    let accepted = accepted.get();
    assert!((cases / 10..cases * 9 / 10).contains(&accepted), "{accepted} of {cases}");
}

#[test]
fn an_override_is_accepted_exactly_where_it_means_something() {
    let admission = Admission::of(Kind::FleetOverride);
    let accepted = Cell::new(0);
    let cases = 5000;
    let outcome = runner(cases).run(&random::fleet_override(), |typed| {
        let meaning = OverrideIntent::try_from(&typed);
        let refusals = admission.refusals(&serde_json::to_value(&typed).unwrap(), None);
        prop_assert!(
            refusals.is_empty() == meaning.is_ok(),
            "refused: {:#?}, meaning: {:?}",
            refusals,
            meaning
        );
        accepted.set(accepted.get() + u32::from(refusals.is_empty()));
        Ok(())
    });
    outcome.unwrap();
    let accepted = accepted.get();
    assert!((cases / 10..cases * 9 / 10).contains(&accepted), "{accepted} of {cases}");
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
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
    let outcome = runner(cases).run(&inputs, |input| {
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
    let schedule = |text: &str| names::is_schedule_name(text);
    agree("[a-zA0.\\-é]{0,4}|a{30,34}", matches(names::SCHEDULE_NAME, 32), schedule);
    let node_label = |text: &str| NodeLabelName::parse(text).is_some();
    let inputs = "[a-zA0./_\\-é]{0,5}|a/a{61,65}|(a{60}\\.){4}a{1,8}/[aA]{1,3}";
    agree(inputs, matches(names::NODE_LABEL_NAME, 253), node_label);
    let node_value = |text: &str| NodeLabelValue::parse(text).is_some();
    agree("[aA0._\\-é]{0,4}|a{61,65}", matches(names::NODE_LABEL_VALUE, 63), node_value);
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

#[test]
fn times_and_days_parse_exactly_where_the_schema_matches() {
    let times = "[0-2][0-9]:[0-6][0-9]|[0-9:]{4,6}|24:0[0-1]|0٣:00";
    agree(times, matches(clock::TIME, 5), |text| clock::time(text).is_some());
    let end = |text: &str| text == clock::MIDNIGHT || clock::time(text).is_some();
    agree(times, matches(clock::END, 5), end);
    let days = "(19|20|21)[0-9]{2}-(02|0[0-9]|1[0-3])-(2[89]|3[0-2]|0[01])|20(00|24|28|99)-02-29|[0-9-]{9,11}";
    let schema =
        json!({"type": "string", "format": "date", "maxLength": 10, "pattern": clock::DATE});
    let by_schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    agree(days, move |text| by_schema.is_valid(&json!(text)), |text| clock::date(text).is_some());
}

#[test]
fn every_zone_of_the_database_is_accepted_and_found() {
    let by_pattern = matches(clock::ZONE, 40);
    let database = jiff::tz::TimeZoneDatabase::bundled();
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    assert!(names.len() > 400, "only {} zones", names.len());
    for name in names {
        assert!(by_pattern(&name), "{name} cannot be written");
        let is_place = name != "Factory" && name != "Etc/Unknown";
        assert_eq!(clock::zone(&name).is_some(), is_place, "{name}");
    }
}

#[test]
fn what_is_no_zone_is_not_taken_for_utc() {
    for name in [
        "",
        "Etc/Unknown",
        "etc/unknown",
        "Factory",
        "Europe/Pariss",
        "Paris",
        "+01:00",
        "CET-1CEST",
        "../UTC",
    ] {
        assert_eq!(clock::zone(name), None, "{name:?}");
    }
    let like = |name| clock::zone_like(name);
    assert_eq!(like("Europe/Pariss").as_deref(), Some("Europe/Paris"));
    assert_eq!(like("paris").as_deref(), Some("Europe/Paris"));
    assert_eq!(like("America/Newyork").as_deref(), Some("America/New_York"));
    assert_eq!(like("xyz"), None);
    assert_eq!(like(""), None);
}

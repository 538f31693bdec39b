//! The chart's admission policies: who may make what. Read from the chart as an API server would get them, and run where
//! that needs no API server; whether somebody may scale a Deployment is the cluster's to say, and asked of a real one end to
//! end.

use kube_cel::{AdmissionRequest, VapEvaluator, VapExpression};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The policies and their bindings, without what Helm fills in.
fn documents() -> Vec<Value> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/apifleet/templates/admission.yaml");
    let text = fs::read_to_string(file).unwrap();
    let (_, text) = text.split_once("*/ -}}\n").unwrap();
    let plain: Vec<&str> = text.lines().filter(|line| !line.contains("{{")).collect();
    let documents = plain.join("\n");
    documents.split("\n---\n").map(|one| serde_saphyr::from_str(one).unwrap()).collect()
}

fn policy(name: &str) -> Value {
    let named =
        |it: &Value| it["kind"] == "ValidatingAdmissionPolicy" && it["metadata"]["name"] == name;
    documents().into_iter().find(named).unwrap()
}

fn request(operation: &str, username: &str) -> AdmissionRequest {
    AdmissionRequest {
        operation: operation.to_owned(),
        username: username.to_owned(),
        namespace: "shop".to_owned(),
        ..AdmissionRequest::default()
    }
}

/// What an expression of a policy says.
fn outcome(
    rule: &Value,
    request: AdmissionRequest,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), String> {
    let text = |name: &str| rule[name].as_str().map(str::to_owned);
    let expression = VapExpression {
        expression: text("expression").unwrap(),
        message: text("message"),
        message_expression: text("messageExpression"),
    };
    let evaluator = VapEvaluator::builder().object(object.clone()).request(request);
    let evaluator = match old {
        Some(old) => evaluator.old_object(old.clone()),
        None => evaluator,
    };
    let result = evaluator.build().evaluate(&[expression]).remove(0);
    if result.passed { Ok(()) } else { Err(result.message.unwrap_or_default()) }
}

#[test]
fn an_override_carries_the_name_of_whoever_makes_it() {
    let policy = policy("apifleet-override-author");
    let rule = &policy["spec"]["validations"][0];
    let by = |name: &str| json!({"spec": {"requestedBy": name}});
    assert_eq!(outcome(rule, request("CREATE", "alice"), &by("alice"), None), Ok(()));
    let refused = outcome(rule, request("CREATE", "mallory"), &by("alice"), None).unwrap_err();
    assert!(refused.contains("knows you as mallory"), "{refused}");
    let operations = &policy["spec"]["matchConstraints"]["resourceRules"][0]["operations"];
    assert_eq!(*operations, json!(["CREATE"]), "whoever may edit one may end it");
}

#[test]
fn whoever_names_a_target_is_asked_and_whoever_edits_all_else_is_not() {
    let policy = policy("apifleet-fleet-author");
    let condition = &policy["spec"]["matchConditions"][0];
    let fleet = |name: &str, min: i32| json!({"spec": {"minReplicas": min, "targets": {"onDemand": {"deploymentName": name}}}});
    let asked = |operation, new: &Value, old: Option<&Value>| {
        outcome(condition, request(operation, "alice"), new, old).is_ok()
    };
    assert!(asked("CREATE", &fleet("api", 10), None));
    assert!(!asked("UPDATE", &fleet("api", 12), Some(&fleet("api", 10))));
    let mut with_spot = fleet("api", 10);
    with_spot["spec"]["targets"]["spot"] = json!({"deploymentName": "other"});
    assert!(asked("UPDATE", &with_spot, Some(&fleet("api", 10))));
}

#[test]
fn every_expression_is_one_and_asks_for_the_right_to_scale() {
    let policy = policy("apifleet-fleet-author");
    let rules = policy["spec"]["validations"].as_array().unwrap();
    assert_eq!(rules.len(), 2, "one for each target");
    for rule in rules {
        for part in ["expression", "messageExpression"] {
            let text = rule[part].as_str().unwrap();
            kube_cel::cel::Program::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        let text = rule["expression"].as_str().unwrap();
        for part in ["group('apps')", "subresource('scale')", "check('update').allowed()"] {
            assert!(text.contains(part), "{text}");
        }
    }
    let alone = json!({"spec": {"targets": {"onDemand": {"deploymentName": "api"}}}});
    let spot = outcome(&rules[1], request("CREATE", "alice"), &alone, None);
    assert_eq!(spot, Ok(()), "no spot target, nothing to ask");
}

#[test]
fn every_policy_is_bound_and_denies() {
    let documents = documents();
    let named = |kind: &str| -> Vec<Value> {
        let of_kind = documents.iter().filter(|it| it["kind"] == kind);
        of_kind.map(|it| it["metadata"]["name"].clone()).collect()
    };
    let policies = named("ValidatingAdmissionPolicy");
    assert_eq!(policies.len(), 2);
    assert_eq!(named("ValidatingAdmissionPolicyBinding"), policies);
    for binding in documents.iter().filter(|it| it["spec"]["policyName"].is_string()) {
        assert_eq!(binding["spec"]["policyName"], binding["metadata"]["name"]);
        assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
    }
}

//! The definition as it is installed: committed as generated, bounded, documented, and in the shape that the
//! reference page and `HorizontalPodAutoscaler` have.

use apifleet_crds::behavior::ScalingBehavior;
use apifleet_crds::{ConditionType, Kind};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn version(kind: Kind) -> Value {
    let definition = serde_json::to_value(apifleet_crds::crd(kind).unwrap()).unwrap();
    definition["spec"]["versions"][0].clone()
}

fn schema(kind: Kind) -> Value {
    version(kind)["schema"]["openAPIV3Schema"].clone()
}

/// Calls `visit` with every schema below the root's own properties, and its path.
fn visit_schemas(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            visit_schemas(&format!("{path}.{name}"), property, visit);
        }
    }
    for (keyword, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[keyword].is_object() {
            visit_schemas(&format!("{path}{suffix}"), &schema[keyword], visit);
        }
    }
}

/// Every schema of every kind, and its path: in all specs, and in the status of the kinds that have one.
fn visited() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let before = all.len();
        for part in ["spec", "status"] {
            let schema = &schema(kind)["properties"][part];
            if schema.is_object() {
                visit_schemas(part, schema, &mut |path, schema| {
                    all.push((path.to_owned(), schema.clone()));
                });
            }
        }
        assert!(all.len() > before + 8, "{kind:?}");
    }
    all
}

#[test]
fn the_committed_definitions_are_the_generated_ones() {
    for kind in Kind::ALL {
        let file = format!("yaml/{}.yaml", kind.plural());
        let committed = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file));
        assert!(
            committed.ok() == Some(apifleet_crds::yaml(kind).unwrap()),
            "crds/{file} is out of date: run cargo xtask generate"
        );
    }
}

#[test]
fn the_yaml_says_what_the_definition_says() {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    for kind in Kind::ALL {
        let read: CustomResourceDefinition =
            serde_saphyr::from_str(&apifleet_crds::yaml(kind).unwrap()).unwrap();
        assert_eq!(read, apifleet_crds::crd(kind).unwrap());
        assert_eq!(read.metadata.name, Some(format!("{}.apifleet.dev", kind.plural())));
        assert_eq!(read.spec.names.kind, kind.as_str());
        // It is also the singular of one kind: with others in it, `kubectl get apifleet NAME` asks for all of them.
        let category = (kind == Kind::ApiFleet).then(|| vec!["apifleet".to_owned()]);
        assert_eq!(read.spec.names.categories, category);
    }
}

#[test]
fn every_text_list_and_map_is_bounded() {
    for (path, schema) in visited() {
        let is_text = schema["type"] == "string" || schema["x-kubernetes-int-or-string"] == true;
        let is_closed = schema["enum"].is_array() || schema["format"] == "date-time";
        assert!(!is_text || is_closed || schema["maxLength"].is_u64(), "{path} is an endless text");
        assert!(
            schema["type"] != "array" || schema["maxItems"].is_u64(),
            "{path} is an endless list"
        );
        let is_map = schema["additionalProperties"].is_object();
        assert!(!is_map || schema["maxProperties"].is_u64(), "{path} is an endless map");
    }
}

#[test]
fn every_number_of_the_spec_is_bounded_and_none_is_a_float_or_unsigned() {
    for (path, schema) in visited() {
        assert_ne!(schema["type"], "number", "{path} is a float");
        if schema["type"] == "integer" {
            assert!(schema["format"] == "int32" || schema["format"] == "int64", "{path}: {schema}");
        }
        if path.starts_with("spec") && schema["type"] == "integer" {
            assert!(schema["minimum"].is_f64() && schema["maximum"].is_f64(), "{path}: {schema}");
        }
    }
}

#[test]
fn every_field_is_documented_with_an_example() {
    for (path, schema) in visited() {
        if path.ends_with("[]") || path.ends_with("{}") {
            continue;
        }
        let text = schema["description"].as_str().unwrap_or_default();
        assert!(
            text.ends_with('.') || text.ends_with("].") || text.ends_with("}."),
            "{path}: {text:?}"
        );
        assert!(!text.contains('`') && !text.contains('\n') || path == "spec", "{path}: {text:?}");
        let is_block = schema["properties"].is_object();
        if path.starts_with("spec.") && !is_block {
            assert!(text.contains("Example: "), "{path} has no example: {text:?}");
        }
    }
}

#[test]
fn nothing_inside_an_optional_block_has_a_default_and_nothing_is_nullable() {
    for (path, schema) in visited() {
        assert!(schema.get("default").is_none() || path == "spec.mode", "{path} has a default");
        assert!(schema.get("nullable").is_none(), "{path} is nullable");
        assert!(
            schema.get("anyOf").is_none() && schema.get("oneOf").is_none(),
            "{path} is a choice"
        );
    }
}

#[test]
fn the_conditions_are_listed_for_people() {
    let status = &schema(Kind::ApiFleet)["properties"]["status"];
    let text = status["properties"]["conditions"]["description"].to_string();
    for kind in ConditionType::ALL {
        assert!(text.contains(kind.as_str()), "{} is not in {text}", kind.as_str());
    }
}

#[test]
fn every_rule_says_what_to_do_in_one_line() {
    let mut rules = 0;
    for (path, schema) in visited() {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule["message"].as_str().unwrap();
            assert!(!message.contains('\n') && message.len() > 30, "{path}: {message:?}");
            rules += 1;
        }
    }
    assert!(rules >= 40, "{rules}");
}

#[test]
fn the_columns_are_those_of_the_reference() {
    let version = version(Kind::ApiFleet);
    let columns = version["additionalPrinterColumns"].as_array().unwrap();
    let named = |wide: bool| -> Vec<String> {
        let shown = columns.iter().filter(|column| column["priority"].is_null() != wide);
        shown.map(|column| column["name"].as_str().unwrap().to_uppercase()).collect()
    };
    assert_eq!(
        named(false),
        ["DESIRED", "READY", "MIN", "MAX", "RPS", "LATENCY", "WHY", "OVERRIDE", "STATUS", "AGE"]
    );
    assert_eq!(named(true), ["MODE", "POLICY", "SCHEDULE", "NEXT", "SPOT%"]);
    assert_eq!(
        version["subresources"],
        json!({"status": {}}),
        "the operator owns the size: no scale"
    );
}

/// A column that reads a field which is not there is always empty.
#[test]
fn every_column_reads_a_field_of_the_schema() {
    for kind in Kind::ALL {
        let (version, schema) = (version(kind), schema(kind));
        for column in version["additionalPrinterColumns"].as_array().unwrap() {
            let path = column["jsonPath"].as_str().unwrap();
            if !path.starts_with(".metadata") {
                assert!(field(&schema, path)["type"].is_string(), "{path} leads nowhere");
            }
        }
    }
}

/// The schema at a column's path.
fn field<'a>(schema: &'a Value, path: &str) -> &'a Value {
    let mut path = path.replace("[0]", "[]");
    for kind in ["Ready", "InForce"] {
        path = path.replace(&format!(r#"[?(@.type=="{kind}")]"#), "[]");
    }
    let mut at = schema;
    for name in path.trim_start_matches('.').split('.') {
        let (name, is_list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
        at = &at["properties"][name];
        at = if is_list { &at["items"] } else { at };
    }
    at
}

fn shape<T: schemars::JsonSchema>() -> BTreeSet<String> {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let mut paths = BTreeSet::new();
    collect("", &schema, &mut paths);
    paths
}

/// The paths of all properties, through whatever wraps an optional one.
fn collect(path: &str, schema: &Value, paths: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        paths.insert(path.clone());
        collect(&path, property, paths);
    }
    if schema["items"].is_object() {
        collect(&format!("{path}[]"), &schema["items"], paths);
    }
    for wrapped in ["anyOf", "allOf"] {
        for part in schema[wrapped].as_array().into_iter().flatten() {
            collect(path, part, paths);
        }
    }
}

#[test]
fn behavior_has_the_shape_of_the_horizontal_pod_autoscalers() {
    let ours = shape::<ScalingBehavior>();
    assert_eq!(ours, shape::<HorizontalPodAutoscalerBehavior>());
    assert!(ours.contains(".scaleDown.policies[].periodSeconds"), "{ours:?}");
}

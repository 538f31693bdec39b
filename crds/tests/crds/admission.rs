//! What an API server does with a manifest, from the definition alone: refuse unknown fields (`kubectl apply` asks
//! for strict validation), drop nulls, hold it against the schema, look for duplicates, then run the CEL rules.
//!
//! The end-to-end test sends the same manifests to a real API server; here the messages are only as close as the
//! manifests' expectations need.

use apifleet_crds::Kind;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value, json};

pub(crate) struct Admission {
    schema: Value,
    shape: jsonschema::Validator,
    rules: kube_cel::CompiledSchema,
}

impl Admission {
    /// Of fleets.
    pub(crate) fn new() -> Self {
        Self::of(Kind::ApiFleet)
    }

    pub(crate) fn of(kind: Kind) -> Self {
        let definition = serde_json::to_value(apifleet_crds::crd(kind).unwrap()).unwrap();
        let schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
        let rules = kube_cel::compile_schema(&schema);
        assert!(!rules.has_errors(), "{:?}", rules.compilation_errors());
        let mut shape = schema.clone();
        for implied in ["apiVersion", "kind", "metadata"] {
            shape["properties"][implied] = json!({});
        }
        close(&mut shape);
        // Of the formats that an API server checks, `date` and `date-time` are used in a spec.
        let options = jsonschema::options().should_validate_formats(true);
        Self { schema, shape: options.build(&shape).unwrap(), rules }
    }

    /// Everything that speaks against creating the object, or changing it from `old`.
    pub(crate) fn refusals(&self, object: &Value, old: Option<&Value>) -> Vec<Refusal> {
        let mut object = object.clone();
        drop_nulls(&mut object);
        let mut by_schema: Vec<Refusal> =
            self.shape.iter_errors(&object).flat_map(|error| describe(&error)).collect();
        collect_duplicates("", &self.schema, &object, &mut by_schema);
        if !by_schema.is_empty() {
            return by_schema;
        }
        let checked = kube_cel::Validator::new().validate_compiled(&self.rules, &object, old);
        checked.err().map(|errors| errors.iter().map(Refusal::from).collect()).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) by: &'static str,
    pub(crate) message: String,
}

impl From<&kube_cel::ValidationError> for Refusal {
    fn from(error: &kube_cel::ValidationError) -> Self {
        assert!(
            matches!(error.kind, kube_cel::ErrorKind::ValidationFailure),
            "the rule {:?} cannot be evaluated: {error}",
            error.rule
        );
        Self { by: "cel", message: error.to_string() }
    }
}

/// Translates Kubernetes' extensions of a schema, and closes every object.
fn close(schema: &mut Value) {
    if let Value::Object(keywords) = schema {
        if keywords.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
            keywords.insert("type".to_owned(), json!(["integer", "string"]));
        }
        if keywords.contains_key("properties") {
            keywords.insert("additionalProperties".to_owned(), json!(false));
        }
    }
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(fields) => fields.values_mut().for_each(close),
        _ => {}
    }
}

/// What is twice in a list whose entries Kubernetes tells apart by themselves (a set) or by keys (a map).
fn collect_duplicates(path: &str, schema: &Value, value: &Value, found: &mut Vec<Refusal>) {
    for (name, field) in value.as_object().into_iter().flatten() {
        collect_duplicates(&format!("{path}.{name}"), &schema["properties"][name], field, found);
    }
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let identity = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Some(json!(item)),
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().unwrap().iter();
            Some(keys.map(|key| item[key.as_str().unwrap()].clone()).collect())
        }
        _ => None,
    };
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        collect_duplicates(&path, &schema["items"], item, found);
        let known = |earlier: &Value| identity(earlier) == identity(item);
        if identity(item).is_some() && items[..index].iter().any(known) {
            let message = format!("{}: Duplicate value: {item}", path.trim_start_matches('.'));
            found.push(Refusal { by: "schema", message });
        }
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .filter(|(_, v)| !v.is_null())
                .collect::<Map<_, _>>();
            fields.values_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}

/// The refusal with the path as an API server writes it.
fn describe(error: &jsonschema::ValidationError<'_>) -> Vec<Refusal> {
    let path = dotted(error.instance_path().as_str());
    let join =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let messages = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|name| format!("unknown field {:?}", join(name))).collect()
        }
        ValidationErrorKind::Required { property } => {
            vec![format!("{}: Required value", join(property.as_str().unwrap()))]
        }
        _ => vec![format!("{path}: Invalid value: {error}")],
    };
    messages.into_iter().map(|message| Refusal { by: "schema", message }).collect()
}

fn dotted(pointer: &str) -> String {
    let part = |part: &str| {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.parse::<usize>().is_ok() { format!("[{part}]") } else { format!(".{part}") }
    };
    let path: String = pointer.split('/').skip(1).map(part).collect();
    path.trim_start_matches('.').to_owned()
}

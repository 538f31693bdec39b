//! What `policy set` may change: a small set of values that people change under load, each by a short name, or by its
//! path in the manifest. Everything else is edited in a manifest and applied.

use crate::near;
use apifleet_crds::ScalingPolicySpec;
use serde_json::{Map, Value};

/// A value that can be set.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    /// What people type.
    name: &'static str,
    /// Where it is in the spec.
    path: &'static [&'static str],
    /// What it holds.
    kind: Kind,
}

/// What a value is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// A whole number.
    Whole,
    /// A share in percent, which may have a fraction.
    Percent,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A sentence.
    Text,
}

const KEYS: &[Key] = &[
    whole("targetPerReplica", &["signals", "requestRate", "targetPerReplica"]),
    whole("windowSeconds", &["signals", "windowSeconds"]),
    whole("staleAfterSeconds", &["signals", "staleAfterSeconds"]),
    Key {
        name: "onMissing",
        path: &["signals", "onMissing"],
        kind: Kind::Word(&["Hold", "Fallback"]),
    },
    whole("fallbackReplicas", &["signals", "fallbackReplicas"]),
    whole("latencyTargetMilliseconds", &["signals", "latency", "targetMilliseconds"]),
    whole("latencyPercentile", &["signals", "latency", "percentile"]),
    whole("latencyTolerancePercent", &["signals", "latency", "tolerancePercent"]),
    Key {
        name: "maxErrorPercent",
        path: &["signals", "errors", "maxPercent"],
        kind: Kind::Percent,
    },
    whole("scaleUpWindowSeconds", &["behavior", "scaleUp", "stabilizationWindowSeconds"]),
    whole("scaleDownWindowSeconds", &["behavior", "scaleDown", "stabilizationWindowSeconds"]),
    whole("spotMaxPercent", &["spot", "maxPercent"]),
    whole("minOnDemandReplicas", &["spot", "minOnDemandReplicas"]),
    Key {
        name: "surviveLossOf",
        path: &["spot", "surviveLossOf"],
        kind: Kind::Word(&["Node", "CapacityPool", "None"]),
    },
    whole("survivorsMaxPercentOfTarget", &["spot", "survivorsMaxPercentOfTarget"]),
    Key { name: "description", path: &["description"], kind: Kind::Text },
];

const fn whole(name: &'static str, path: &'static [&'static str]) -> Key {
    Key { name, path, kind: Kind::Whole }
}

/// A value that is to be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    key: &'static Key,
    value: Value,
}

// === impl Assignment ===

impl Assignment {
    /// `targetPerReplica=45`, or `signals.requestRate.targetPerReplica=45`.
    ///
    /// # Errors
    /// Where it is none, or the key cannot be set, or the value is not what the key holds.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| "write KEY=VALUE, such as targetPerReplica=45".to_owned())?;
        let name = name.trim();
        let path = name.strip_prefix("spec.").unwrap_or(name);
        let is_it = |key: &&Key| key.name == name || key.path.join(".") == path;
        let key = KEYS.iter().find(is_it).ok_or_else(|| unknown(name))?;
        let value = key.read(value.trim())?;
        Ok(Self { key, value })
    }
}

/// A policy with these values.
///
/// # Errors
/// Where the values do not fit into a policy: a sentence that names the field.
pub fn assign(
    spec: &ScalingPolicySpec,
    assignments: &[Assignment],
) -> Result<ScalingPolicySpec, String> {
    let mut document = serde_json::to_value(spec).map_err(|error| error.to_string())?;
    for assignment in assignments {
        put(&mut document, assignment.key.path, assignment.value.clone());
    }
    serde_json::from_value(document).map_err(|error| error.to_string())
}

/// Writes a value; blocks on the way to it are made.
fn put(document: &mut Value, path: &[&str], value: Value) {
    let Some((field, rest)) = path.split_first() else {
        *document = value;
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    if let Value::Object(fields) = document {
        put(fields.entry((*field).to_owned()).or_insert(Value::Null), rest, value);
    }
}

fn unknown(name: &str) -> String {
    let near = near::nearest(name, KEYS.iter().map(|key| key.name));
    let hint = if near.is_empty() {
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        format!(
            "; there are {}. All else is changed by a manifest: policy apply FILE",
            known.join(", ")
        )
    } else {
        near::hint(&near)
    };
    format!("{name:?} cannot be set{hint}")
}

// === impl Key ===

impl Key {
    fn read(&self, text: &str) -> Result<Value, String> {
        let wrong = |expected: &str| format!("{} is {expected}, not {text:?}", self.name);
        match &self.kind {
            Kind::Whole => {
                let number = text.parse::<i32>().map_err(|_| wrong("a whole number"))?;
                Ok(Value::from(number))
            }
            Kind::Percent => {
                let number = text.strip_suffix('%').unwrap_or(text).trim();
                // As a text: fractions are written so in a manifest.
                let percent = number.parse::<f64>().ok().filter(|it| (0.0..=100.0).contains(it));
                percent.map(|_| Value::from(number)).ok_or_else(|| wrong("a share such as 0.5"))
            }
            Kind::Word(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
                let word = word.ok_or_else(|| wrong(&format!("one of {}", words.join(", "))))?;
                Ok(Value::from(*word))
            }
            Kind::Text if text.is_empty() => Err(wrong("a sentence")),
            Kind::Text => Ok(Value::from(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_crds::policy_for;

    fn set(assignments: &[&str]) -> ScalingPolicySpec {
        let typed: Vec<_> =
            assignments.iter().map(|text| Assignment::parse(text).unwrap()).collect();
        assign(&ScalingPolicySpec::default(), &typed).unwrap()
    }

    #[test]
    fn every_key_is_a_field_of_a_policy() {
        for key in KEYS {
            let value = match key.kind {
                Kind::Whole => "100",
                Kind::Percent => "0.5",
                Kind::Word(words) => words[0],
                Kind::Text => "Busy days.",
            };
            for name in
                [key.name.to_owned(), key.path.join("."), format!("spec.{}", key.path.join("."))]
            {
                let typed = Assignment::parse(&format!("{name}={value}")).unwrap();
                let spec = assign(&ScalingPolicySpec::default(), &[typed]).unwrap();
                let document = serde_json::to_value(&spec).unwrap();
                let pointer = format!("/{}", key.path.join("/"));
                assert!(document.pointer(&pointer).is_some(), "{name} is not in {document}");
            }
        }
    }

    #[test]
    fn what_is_not_set_stays_as_it_is() {
        let before = set(&["targetPerReplica=50", "spotMaxPercent=60", "description=Busy days."]);
        let typed = Assignment::parse("targetPerReplica=45").unwrap();
        let after = assign(&before, &[typed]).unwrap();
        let expected = set(&["targetPerReplica=45", "spotMaxPercent=60", "description=Busy days."]);
        assert_eq!(after, expected);
        assert!(policy_for(&after, 1, 1000).is_ok());
    }

    #[test]
    fn what_cannot_be_set_says_what_can() {
        for (typed, words) in [
            ("targetPerReplca=45", "did you mean targetPerReplica"),
            ("ramp=[]", "policy apply FILE"),
            ("targetPerReplica", "KEY=VALUE"),
            ("targetPerReplica=many", "a whole number"),
            ("targetPerReplica=", "a whole number"),
            ("maxErrorPercent=101", "a share"),
            ("maxErrorPercent=NaN", "a share"),
            ("onMissing=Panic", "one of Hold, Fallback"),
            ("description=", "a sentence"),
        ] {
            let said = Assignment::parse(typed).unwrap_err();
            assert!(said.contains(words), "{typed}: {said}");
        }
        assert_eq!(Assignment::parse("onMissing=hold"), Assignment::parse("onMissing=Hold"));
        assert_eq!(
            Assignment::parse("maxErrorPercent=0.5%"),
            Assignment::parse("maxErrorPercent=0.5")
        );
    }
}

//! Fleets and policies from a manifest: every `ApiFleet` and `ScalingPolicy` of a YAML or JSON file; what else is in it
//! is left alone. Read by the verbs that need no cluster.

use crate::cluster::Decided;
use crate::failure::Failure;
use crate::names::FleetName;
use crate::near;
use apifleet_crds::{ApiFleet, ScalingPolicy};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// No manifest is longer.
const LONGEST: u64 = 10 * 1024 * 1024;

/// What a manifest holds of ours.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    pub(crate) path: PathBuf,
    /// In the order of the file.
    pub fleets: Vec<ApiFleet>,
    /// In the order of the file.
    pub policies: Vec<ScalingPolicy>,
}

// === impl Manifest ===

impl Manifest {
    /// Reads a file; `-` is standard input.
    ///
    /// # Errors
    /// Where it cannot be read or understood.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        Self::of(path, &text(path)?)
    }

    /// What the text of a file holds.
    ///
    /// # Errors
    /// Where it cannot be understood.
    pub fn of(path: &Path, text: &str) -> Result<Self, Failure> {
        let bad = |reason: String| Failure::File { path: path.to_owned(), reason };
        let manifest = parse(text).map_err(bad)?;
        Ok(Self { path: path.to_owned(), ..manifest })
    }

    /// The fleets as they are decided, or the named one of them; at least one. Each is laid over the policy that it
    /// names, where the file holds that.
    ///
    /// # Errors
    /// Where there is no such fleet.
    pub fn decided(mut self, name: Option<&FleetName>) -> Result<Vec<Decided>, Failure> {
        let policies = std::mem::take(&mut self.policies);
        let decided = |fleet: ApiFleet| {
            let is_it = |policy: &&ScalingPolicy| is_named(policy, &fleet);
            let policy = policies.iter().find(is_it).map(|policy| policy.spec.clone());
            Decided::in_file(fleet, policy.as_ref())
        };
        Ok(self.into_fleets(name)?.into_iter().map(decided).collect())
    }

    fn into_fleets(self, name: Option<&FleetName>) -> Result<Vec<ApiFleet>, Failure> {
        let Some(name) = name else {
            return if self.fleets.is_empty() {
                Err(self.bad("holds no ApiFleet".to_owned()))
            } else {
                Ok(self.fleets)
            };
        };
        let names = self.fleets.iter().filter_map(|fleet| fleet.metadata.name.as_deref());
        let near = near::nearest(name.as_str(), names);
        let missing = self.bad(format!("holds no ApiFleet {name}{}", near::hint(&near)));
        let is_it = |fleet: &ApiFleet| fleet.metadata.name.as_deref() == Some(name.as_str());
        let found: Vec<ApiFleet> = self.fleets.into_iter().filter(is_it).collect();
        if found.is_empty() { Err(missing) } else { Ok(found) }
    }

    /// What is wrong with the file.
    #[must_use]
    pub fn bad(&self, reason: String) -> Failure {
        Failure::File { path: self.path.clone(), reason }
    }
}

/// Whether a fleet names this policy. Where the file does not say a namespace, any may be meant.
fn is_named(policy: &ScalingPolicy, fleet: &ApiFleet) -> bool {
    let named = fleet.spec.policy_ref.as_ref().map(|reference| reference.name.as_str());
    let places = policy.metadata.namespace.as_ref().zip(fleet.metadata.namespace.as_ref());
    named == policy.metadata.name.as_deref() && places.is_none_or(|(one, other)| one == other)
}

/// The text of a file; `-` is standard input.
///
/// # Errors
/// Where it cannot be read.
pub fn text(path: &Path) -> Result<String, Failure> {
    load(path).map_err(|error| Failure::unread(path, &error))
}

/// Its documents, those inside of a `List` one by one.
///
/// # Errors
/// Where it is no YAML: why.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| format!("is no YAML: {error}"))?;
    Ok(documents.into_iter().flat_map(items).collect())
}

fn load(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    }
    if text.len() as u64 > LONGEST {
        return Err(std::io::Error::other("is longer than 10 MiB, which no manifest is"));
    }
    Ok(text)
}

fn parse(text: &str) -> Result<Manifest, String> {
    let mut manifest = Manifest::default();
    for document in documents(text)? {
        match kind(&document) {
            Some("ApiFleet") => manifest.fleets.push(typed("ApiFleet", document)?),
            Some("ScalingPolicy") => manifest.policies.push(typed("ScalingPolicy", document)?),
            Some(_) | None => {}
        }
    }
    Ok(manifest)
}

/// The kind, if it is one of our group.
fn kind(document: &Value) -> Option<&str> {
    let version = document.get("apiVersion").and_then(Value::as_str)?;
    let kind = document.get("kind").and_then(Value::as_str)?;
    version.starts_with("apifleet.dev/").then_some(kind)
}

fn typed<T: DeserializeOwned>(kind: &str, document: Value) -> Result<T, String> {
    let name = document.pointer("/metadata/name").and_then(Value::as_str);
    let name = name.unwrap_or("without a name").to_owned();
    serde_json::from_value(document)
        .map_err(|error| format!("{kind} {name} is not understood: {error}"))
}

/// A `List` holds its documents inside.
fn items(document: Value) -> Vec<Value> {
    match document.get("items") {
        Some(Value::Array(items)) => items.clone(),
        Some(_) | None => vec![document],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLEET: &str = "apiVersion: apifleet.dev/v1alpha1\nkind: ApiFleet\nmetadata: {name: shop-api}\nspec:\n  \
                         minReplicas: 1\n  maxReplicas: 2\n  targets: {onDemand: {deploymentName: a}}\n";
    const POLICY: &str = "apiVersion: apifleet.dev/v1alpha1\nkind: ScalingPolicy\nmetadata: {name: steady}\nspec: {}\n";

    #[test]
    fn fleets_and_policies_are_found_among_other_documents() {
        let text =
            format!("kind: Service\napiVersion: v1\n---\n{FLEET}---\n# nothing\n---\n{POLICY}");
        let manifest = parse(&text).unwrap();
        assert_eq!((manifest.fleets.len(), manifest.policies.len()), (1, 1));
        let nothing = parse("").unwrap();
        assert!(nothing.fleets.is_empty() && nothing.policies.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(parse("a: [").unwrap_err().contains("YAML"));
        let bad = FLEET.replace("minReplicas: 1", "minReplicas: many");
        let said = parse(&bad).unwrap_err();
        assert!(said.contains("ApiFleet shop-api"), "{said}");
        let said = parse(&POLICY.replace("{}", "{schedules: 5}")).unwrap_err();
        assert!(said.contains("ScalingPolicy steady"), "{said}");
    }
}

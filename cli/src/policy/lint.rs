//! `apifleet policy lint`: everything that is wrong with manifests, without a cluster, one line each.
//!
//! A document is held against the schema of its kind ([`shape`](super::shape)), then given its meaning by the code that
//! the operator uses; fleets on the policy that they name, where one of the files holds it. A test holds that meaning
//! to the rules of the API server, so what passes here is accepted there. Pure but for [`lint`].

use super::shape::faults;
use crate::document::document;
use crate::failure::Failure;
use crate::manifest;
use crate::near;
use crate::settings::{Format, Settings};
use crate::terminal::Terminal;
use apifleet_crds::convert::bounded;
use apifleet_crds::names::ObjectName;
use apifleet_crds::{
    ApiFleet, FleetIntent, FleetOverride, Kind, OverrideIntent, ScalingPolicy, effective,
    policy_for,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// The kind of the document.
const KIND: &str = "PolicyLint";
/// The group of our kinds, and its version.
const GROUP: &str = "apifleet.dev/";
const VERSION: &str = "apifleet.dev/v1alpha1";
/// The smallest and the largest bounds that a fleet may have: a policy must fit one of those at least.
const WIDEST: (i32, i32) = (1, 1000);
/// A finding is no longer.
const LONGEST: usize = 400;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// In which file.
    pub file: String,
    /// In which object; absent where it is about the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What, with the path of the field, and what to do.
    pub message: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Files.
    pub files: usize,
    /// Objects of our kinds.
    pub objects: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub file: String,
    /// What it holds.
    pub text: String,
}

/// An object of one of our kinds.
struct Object<'a> {
    file: &'a str,
    kind: Kind,
    document: Value,
}

/// Checks files, and says what is wrong with them.
///
/// # Errors
/// Where anything is.
pub fn lint(
    settings: &Settings,
    files: &[PathBuf],
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if settings.format == Format::Name {
        return Err(Failure::Usage(
            "lint has more to say than a name: choose another -o".to_owned(),
        ));
    }
    if files.iter().filter(|file| file.as_path() == Path::new("-")).count() > 1 {
        return Err(Failure::Usage(
            "standard input can be one of the files, not several".to_owned(),
        ));
    }
    let sources = files.iter().map(|path| {
        manifest::text(path).map(|text| Source { file: path.display().to_string(), text })
    });
    let report = check(&sources.collect::<Result<Vec<_>, _>>()?);
    terminal.data(&match settings.format {
        Format::Document(syntax) => document(syntax, KIND, &report)?,
        Format::People(_) | Format::Name => {
            let lines = report.findings.iter();
            lines.flat_map(|finding| [finding.to_string(), "\n".to_owned()]).collect()
        }
    })?;
    for note in &report.notes {
        terminal.say(note);
    }
    report.verdict().inspect(|said| terminal.say(said)).map(drop)
}

/// Everything that is wrong with these files.
#[must_use]
pub fn check(sources: &[Source]) -> Report {
    let mut report = Report { files: sources.len(), ..Report::default() };
    let mut objects = Vec::new();
    for Source { file, text } in sources {
        match manifest::documents(text) {
            Ok(documents) => {
                let before = (objects.len(), report.findings.len());
                for document in documents {
                    sort(file, document, &mut objects, &mut report);
                }
                if before == (objects.len(), report.findings.len()) {
                    report
                        .notes
                        .push(format!("{file} holds no ApiFleet, ScalingPolicy or FleetOverride"));
                }
            }
            Err(reason) => report.find(file, None, &reason),
        }
    }
    report.objects = objects.len();
    find_doubles(&objects, &mut report);
    let policies: Vec<ScalingPolicy> = objects.iter().filter_map(policy).collect();
    for object in &objects {
        look(object, &policies, &mut report);
    }
    report
}

/// Takes what is of our group, and of a kind that there is.
fn sort<'a>(file: &'a str, document: Value, objects: &mut Vec<Object<'a>>, report: &mut Report) {
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if !version.starts_with(GROUP) {
        return;
    }
    if version != VERSION {
        return report.find(
            file,
            None,
            &format!("apiVersion {version:?} is not known: write {VERSION}"),
        );
    }
    if let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) {
        objects.push(Object { file, kind, document });
    } else {
        let near = near::hint(&near::nearest(kind, Kind::ALL.map(Kind::as_str)));
        report.find(file, None, &format!("kind {kind:?} is not known{near}"));
    }
}

/// What is there twice overwrites itself when it is applied.
fn find_doubles(objects: &[Object<'_>], report: &mut Report) {
    let mut seen = BTreeSet::new();
    for object in objects {
        if !seen.insert(object.key()) {
            report.find(
                object.file,
                Some(object.key()),
                "is there twice: remove or rename one of them",
            );
        }
    }
}

fn look(object: &Object<'_>, policies: &[ScalingPolicy], report: &mut Report) {
    let faults = object.faults();
    if !faults.is_empty() {
        // What it means cannot be told, and would only say the same in other words.
        for fault in faults {
            report.find(object.file, Some(object.key()), &fault);
        }
        return;
    }
    match object.meaning(policies) {
        Ok(None) => {}
        Ok(Some(note)) => report.notes.push(format!("{}: {}: {note}", object.file, object.key())),
        Err(reason) => report.find(object.file, Some(object.key()), &reason),
    }
}

fn policy(object: &Object<'_>) -> Option<ScalingPolicy> {
    let is_whole = object.kind == Kind::ScalingPolicy && object.faults().is_empty();
    is_whole.then(|| serde_json::from_value(object.document.clone()).ok()).flatten()
}

// === impl Object ===

impl Object<'_> {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.document.pointer(pointer).and_then(Value::as_str)
    }

    /// Its kind, namespace and name.
    fn key(&self) -> String {
        let name = self.text("/metadata/name").unwrap_or("without a name");
        let namespace = self.text("/metadata/namespace");
        let place = namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
        format!("{} {place}{name}", self.kind.as_str())
    }

    /// What the schema and the name of it say.
    fn faults(&self) -> Vec<String> {
        let definition =
            apifleet_crds::crd(self.kind).ok().and_then(|it| serde_json::to_value(it).ok());
        let schema = definition
            .as_ref()
            .and_then(|definition| definition.pointer("/spec/versions/0/schema/openAPIV3Schema"));
        let name = self.text("/metadata/name");
        let unnamed = name.is_none_or(|name| ObjectName::parse(name).is_none());
        let unnamed = unnamed.then(|| {
            "metadata.name must be a name: lower case letters, digits, - and .".to_owned()
        });
        let schema = schema.cloned().map(open_metadata);
        let faults = schema.map(|schema| faults(&schema, &self.document)).unwrap_or_default();
        unnamed.into_iter().chain(faults).collect()
    }

    /// Gives it its meaning; a note where not all of it could be looked at.
    fn meaning(&self, policies: &[ScalingPolicy]) -> Result<Option<String>, String> {
        match self.kind {
            Kind::ApiFleet => fleet(&self.typed()?, policies),
            Kind::ScalingPolicy => {
                let policy: ScalingPolicy = self.typed()?;
                let meant = policy_for(&policy.spec, WIDEST.0, WIDEST.1);
                meant.map(|_| None).map_err(|error| error.to_string())
            }
            Kind::FleetOverride => {
                let order: FleetOverride = self.typed()?;
                OverrideIntent::try_from(&order).map(|_| None).map_err(|error| error.to_string())
            }
        }
    }

    fn typed<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_value(self.document.clone()).map_err(|error| error.to_string())
    }
}

/// What every object has is not in the schema of a kind; and nobody applies a status.
fn open_metadata(mut schema: Value) -> Value {
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        for name in ["apiVersion", "kind", "metadata", "status"] {
            fields.insert(name.to_owned(), json!({}));
        }
    }
    schema
}

/// A fleet alone, and on its policy.
fn fleet(fleet: &ApiFleet, policies: &[ScalingPolicy]) -> Result<Option<String>, String> {
    let named = fleet.spec.policy_ref.as_ref().map(|reference| reference.name.as_str());
    let policy = named.and_then(|name| {
        policies.iter().find(|policy| {
            let places = policy.metadata.namespace.as_ref().zip(fleet.metadata.namespace.as_ref());
            let is_near = places.is_none_or(|(one, other)| one == other);
            is_near && policy.metadata.name.as_deref() == Some(name)
        })
    });
    let alone = FleetIntent::try_from(&fleet.spec).map_err(|error| error.to_string());
    match (named, policy) {
        (None, _) => alone.map(|_| None),
        (Some(name), None) => alone.map(|_| {
            Some(format!("ScalingPolicy {name} is in none of the files: only the fleet's own blocks were checked"))
        }),
        (Some(name), Some(policy)) => {
            alone?;
            let laid = effective(&fleet.spec, Some(&policy.spec));
            let meant = FleetIntent::try_from(&laid);
            meant.map(|_| None).map_err(|error| format!("with ScalingPolicy {name}: {error}"))
        }
    }
}

// === impl Report ===

impl Report {
    fn find(&mut self, file: &str, object: Option<String>, message: &str) {
        let line: String = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = bounded(&line, LONGEST);
        self.findings.push(Finding { file: file.to_owned(), object, message });
    }

    /// What is said beside the findings.
    ///
    /// # Errors
    /// Where something was found, or nothing was looked at.
    pub fn verdict(&self) -> Result<String, Failure> {
        let Self { files, objects, findings, notes: _ } = self;
        let counted = |count: usize, one: &str| {
            if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
        };
        let looked = format!("{} in {}", counted(*objects, "object"), counted(*files, "file"));
        if !findings.is_empty() {
            return Err(Failure::Limit(format!(
                "{} in {looked}",
                counted(findings.len(), "finding")
            )));
        }
        if *objects == 0 {
            return Err(Failure::NotKnown(
                "there is nothing to check: none of the files holds an ApiFleet, ScalingPolicy or FleetOverride"
                    .to_owned(),
            ));
        }
        Ok(format!("nothing is wrong with {looked}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, object, message } = self;
        let object = object.as_ref().map_or_else(String::new, |object| format!("{object}: "));
        // What is in a file must not steer a terminal.
        let line = format!("{file}: {object}{message}").replace(char::is_control, " ");
        f.write_str(&line)
    }
}

#[cfg(test)]
mod tests;

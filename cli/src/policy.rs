//! `apifleet policy`: the rules that fleets share. Lists and shows them, checks manifests of them without a cluster
//! ([`lint`]), and changes them: from a manifest, or single values ([`assignment`]).
//!
//! Before a policy is written it is shown what changes, which fleets follow it ([`followers`]), and what a simulation says
//! of one of them ([`forecast`]). A change that would stall a fleet is refused. The writing itself is
//! [`crate::change`]'s: one patch of the version that was shown.

pub mod assignment;
pub mod followers;
pub mod forecast;
mod goal;
pub mod lint;
pub mod screen;
pub mod shape;

use crate::change::{self, How, Plan, Writer};
use crate::cluster::{Cluster, Read};
use crate::document::{document, write as written};
use crate::failure::Failure;
use crate::find::connect;
use crate::names::PolicyName;
use crate::near;
use crate::page::Page;
use crate::settings::{Format, Settings};
use crate::simulate::typed::Address;
use crate::terminal::Terminal;
use crate::time::Clock;
use apifleet_crds::ScalingPolicy;
use assignment::Assignment;
use followers::Follower;
use forecast::{Forecast, Question};
use goal::Goal;
use jiff::Timestamp;
use screen::Row;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The kind of the document about all.
const LIST: &str = "PolicyList";
/// The kind of the document about differences.
const DIFF: &str = "PolicyDiff";
/// The resource, as `kubectl -o name` names it.
const RESOURCE: &str = "scalingpolicy.apifleet.dev";

/// What is to be done with policies.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyTask {
    /// All in a table.
    List,
    /// One.
    Show(PolicyName),
    /// Files are checked.
    Lint(Vec<PathBuf>),
    /// A file is compared with the cluster.
    Diff(PathBuf),
    /// Policies are written.
    Write(Wanted),
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// What.
    pub content: Content,
    /// What is looked at before.
    pub look: Look,
    /// How.
    pub how: How,
}

/// Where a policy that is to be written comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// From a manifest; `-` is standard input.
    File(PathBuf),
    /// From the cluster, with other values.
    Set {
        /// Which.
        name: PolicyName,
        /// Which values.
        assignments: Vec<Assignment>,
    },
}

/// What is looked at before a policy is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// Nothing but the change.
    Change,
    /// What a simulation says, on what this Prometheus has seen where one was named.
    Simulation(Option<Address>),
}

#[derive(Serialize)]
struct List<'a> {
    items: &'a [Row],
}

#[derive(Serialize)]
struct Differences {
    policies: Vec<Difference>,
}

#[derive(Serialize)]
struct Difference {
    namespace: String,
    name: String,
    differs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    after: Option<Value>,
}

/// Does what is to be done in a cluster; files are checked by [`lint::lint`], which needs none.
pub async fn policy(
    settings: &Settings,
    task: &PolicyTask,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match task {
        PolicyTask::List => list(settings, terminal).await,
        PolicyTask::Show(name) => show(settings, name, terminal).await,
        PolicyTask::Lint(files) => lint::lint(settings, files, terminal),
        PolicyTask::Diff(file) => diff(settings, file, terminal).await,
        PolicyTask::Write(wanted) => write(settings, wanted, terminal).await,
    }
}

async fn list(settings: &Settings, terminal: &mut Terminal) -> Result<(), Failure> {
    let cluster = connect(settings, terminal).await?;
    let namespace = cluster.namespace(&settings.place);
    let policies = cluster.objects::<ScalingPolicy>(namespace).await?;
    let counts = match follow_counts(&cluster, namespace).await {
        Ok(counts) => Some(counts),
        Err(failure) => {
            terminal.say(&format!("how many fleets follow each is not known: {failure}"));
            None
        }
    };
    let count = |policy: &ScalingPolicy| {
        let key = (policy.metadata.namespace.clone()?, policy.metadata.name.clone()?);
        counts.as_ref().map(|counts| counts.get(&key).copied().unwrap_or_default())
    };
    let mut rows: Vec<Row> =
        policies.iter().map(|policy| Row::new(policy, count(policy))).collect();
    rows.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    let text = match settings.format {
        Format::People(_) => screen::list(&rows, namespace.is_none(), &Clock::system()),
        Format::Document(syntax) => document(syntax, LIST, &List { items: &rows })?,
        Format::Name => {
            rows.iter().flat_map(|row| [RESOURCE, "/", row.name.as_str(), "\n"]).collect()
        }
    };
    terminal.data(&text)?;
    terminal.say(&screen::summary(&rows, namespace));
    Ok(())
}

/// How many fleets name each policy.
async fn follow_counts(
    cluster: &Cluster,
    namespace: Option<&str>,
) -> Result<HashMap<(String, String), usize>, Failure> {
    let keep = |read: Read| {
        let fleet = read.ok()?;
        Some((fleet.metadata.namespace?, fleet.spec.policy_ref?.name))
    };
    let mut counts = HashMap::new();
    for named in cluster.fleets(namespace, keep).await?.into_iter().flatten() {
        *counts.entry(named).or_default() += 1;
    }
    Ok(counts)
}

async fn show(
    settings: &Settings,
    name: &PolicyName,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let cluster = connect(settings, terminal).await?;
    let namespace = cluster.namespace(&settings.place).unwrap_or_default();
    let policy = existing(&cluster, namespace, name).await?;
    let spec =
        serde_json::to_value(&policy.spec).map_err(|error| Failure::Document(error.to_string()))?;
    let text = match settings.format {
        Format::People(_) => {
            let fleets = followers::read(&cluster, namespace, name.as_str()).await?;
            let same = |fleet| Follower::new(fleet, Some(&policy.spec), &policy.spec);
            let followers: Vec<Follower> = fleets.iter().map(same).collect();
            screen::one(&policy, &spec, &followers, terminal.width)
        }
        Format::Document(syntax) => written(syntax, &manifest_of(&policy, &spec))?,
        Format::Name => format!("{RESOURCE}/{name}\n"),
    };
    terminal.data(&text)
}

/// A policy as a manifest that may be applied.
fn manifest_of(policy: &ScalingPolicy, spec: &Value) -> Value {
    json!({
        "apiVersion": "apifleet.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": policy.metadata.name, "namespace": policy.metadata.namespace},
        "spec": spec,
    })
}

/// The policy of that name; where there is none, those of near names are named.
async fn existing(
    cluster: &Cluster,
    namespace: &str,
    name: &PolicyName,
) -> Result<ScalingPolicy, Failure> {
    if let Some(policy) = cluster.object::<ScalingPolicy>(namespace, name.as_str()).await? {
        return Ok(policy);
    }
    // Where the cluster does not serve policies at all, this says so.
    let policies = cluster.objects::<ScalingPolicy>(Some(namespace)).await?;
    let names: Vec<&str> = policies.iter().filter_map(|it| it.metadata.name.as_deref()).collect();
    let near = near::nearest(name.as_str(), names.iter().copied());
    let hint = if near.is_empty() {
        format!("; list them with: kubectl get scalingpolicies -n {namespace}")
    } else {
        near::hint(&near)
    };
    Err(Failure::NotKnown(format!(
        "no policy {:?} in namespace {namespace:?}{hint}",
        name.as_str()
    )))
}

async fn diff(settings: &Settings, file: &Path, terminal: &mut Terminal) -> Result<(), Failure> {
    let policies = goal::of_file(file, settings.program, terminal)?;
    let cluster = connect(settings, terminal).await?;
    let goals = Goal::read_all(&cluster, settings, policies).await?;
    let all = goals.len();
    let text = match settings.format {
        Format::People(_) => {
            let mut text = String::new();
            for goal in goals.iter().filter(|goal| !goal.change.is_nothing()) {
                let followers = goal.followers(&cluster).await?;
                let preface = followed(&followers, terminal.width);
                let plan = Plan { preface, changes: vec![goal.change.clone()] };
                text.push_str(&change::page(&plan, settings.program, terminal.width)?);
            }
            text
        }
        Format::Document(syntax) => {
            let policies = goals.iter().map(Difference::new).collect();
            document(syntax, DIFF, &Differences { policies })?
        }
        Format::Name => {
            let differ = goals.iter().filter(|goal| !goal.change.is_nothing());
            differ.flat_map(|goal| [goal.change.key(), "\n".to_owned()]).collect()
        }
    };
    terminal.data(&text)?;
    let differ = goals.iter().filter(|goal| !goal.change.is_nothing()).count();
    if differ == 0 {
        terminal.say("nothing differs from the cluster");
        return Ok(());
    }
    let policies = if all == 1 { "policy" } else { "policies" };
    Err(Failure::Different(format!("{differ} of {all} {policies} would change")))
}

async fn write(
    settings: &Settings,
    wanted: &Wanted,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    // Before anything is read: a script is told at once.
    wanted.how.refuse_silence(terminal)?;
    let (cluster, goals) = match &wanted.content {
        Content::File(file) => {
            let policies = goal::of_file(file, settings.program, terminal)?;
            let cluster = connect(settings, terminal).await?;
            let goals = Goal::read_all(&cluster, settings, policies).await?;
            (cluster, goals)
        }
        Content::Set { name, assignments } => {
            let cluster = connect(settings, terminal).await?;
            let namespace = cluster.namespace(&settings.place).unwrap_or_default();
            let policy = existing(&cluster, namespace, name).await?;
            let goal = Goal::set(policy, assignments)?;
            (cluster, vec![goal])
        }
    };
    let mut preface = String::new();
    for goal in goals.iter().filter(|goal| !goal.change.is_nothing()) {
        preface.push_str(&look_before(&cluster, goal, &wanted.look, terminal).await?);
    }
    let writer = Writer { cluster: &cluster, settings, how: wanted.how };
    let changes = goals.into_iter().map(|goal| goal.change).collect();
    writer.make(&Plan { preface, changes }, terminal).await.map(drop)
}

/// Who follows a policy, and what a simulation says of its change.
async fn look_before(
    cluster: &Cluster,
    goal: &Goal,
    look: &Look,
    terminal: &mut Terminal,
) -> Result<String, Failure> {
    let followers = goal.followers(cluster).await?;
    if let Some(stalled) = followers::stalled(&followers) {
        return Err(Failure::Limit(format!("nothing was written: {stalled}")));
    }
    let mut text = followed(&followers, terminal.width);
    let (Look::Simulation(prometheus), Some(question)) = (look, Question::about(&followers)) else {
        return Ok(text);
    };
    let (prometheus, now) = (prometheus.clone(), Timestamp::now());
    // It takes seconds and starts threads of its own.
    let answer = tokio::task::spawn_blocking(move || question.answer(prometheus.as_ref(), now));
    let Forecast { title, table, notes } =
        answer.await.map_err(|error| Failure::Document(error.to_string()))??;
    for note in notes {
        terminal.say(&note);
    }
    let page = Page::new(terminal.width).gap().line([crate::table::plain(title)]).grid(&table);
    text.push_str(&page.finish());
    Ok(text)
}

/// Which fleets follow, as lines.
fn followed(followers: &[Follower], width: Option<u16>) -> String {
    if followers.is_empty() {
        return "no fleet follows it\n".to_owned();
    }
    followers::table(followers, true).render(width)
}

// === impl Difference ===

impl Difference {
    fn new(goal: &Goal) -> Self {
        Self {
            namespace: goal.namespace.clone(),
            name: goal.name.clone(),
            differs: !goal.change.is_nothing(),
            before: goal.change.before().cloned(),
            after: goal.change.after().cloned(),
        }
    }
}

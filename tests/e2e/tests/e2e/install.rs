//! What whoever installs ApiFleet does with Helm, on the real API server: `helm test`, definitions that are older than the
//! operator, taking a Deployment over from another autoscaler, removing the operator, having one for a namespace only, and
//! bringing it back. In all of it no fleet changes its size.

mod tenant;

use crate::Case;
use anyhow::{Context, Result, bail, ensure};
use apifleet_e2e::{Platform, everything, kubectl, path_text, under_load};
use apifleet_local::fleet::{Moment, Watch};
use apifleet_local::load::Kind;
use apifleet_local::stack::{FLEET, Fleet, MIN, SYSTEM, Stack};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("helm_test_finds_an_operator_that_works", helm_test),
    ("an_older_definition_is_refused_with_the_command_that_heals_it", older_definition),
    ("replicas_that_are_owned_twice_can_be_taken_out_of_a_manifest", taken_out),
    ("a_fleet_takes_over_from_an_autoscaler_without_a_dip", |p| takes_over(p, CALM)),
    ("without_the_operator_fleets_keep_their_size_and_one_of_a_tenant_keeps_to_itself", uninstall),
];

/// Only where it is asked for.
pub(crate) const MORE: &[Case] =
    &[("a_fleet_takes_over_from_an_autoscaler_at_the_peak_without_a_dip", |p| takes_over(p, PEAK))];

/// The operator's release.
const OPERATOR: &str = "apifleet";
/// The chart of definitions, and its release.
const DEFINITIONS: &str = "apifleet-crds";
const DEPLOYMENT: &str = "deployment/apifleet-controller";
const PODS: &str = "--selector=app.kubernetes.io/name=apifleet-controller";
const IN_SYSTEM: [&str; 2] = ["--namespace", SYSTEM];
const MINUTE: Duration = Duration::from_mins(1);

/// The size of the fleet that is handed over.
const LARGE: u32 = 14;
/// What it carries: that size's worth.
#[derive(Clone, Copy)]
struct Load {
    /// Requests a second.
    rate: u32,
    /// How many of them one replica takes.
    per_replica: u32,
}
const CALM: Load = Load { rate: 275, per_replica: 20 };
const PEAK: Load = Load { rate: 1500, per_replica: 110 };

fn helm_test(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let said = helm(stack, &["test", OPERATOR, "--timeout=2m"])?;
    ensure!(said.contains("Succeeded"), "{said}");
    let left = system(stack, &["get", "pods", "--output=name"])?;
    ensure!(!left.contains("test"), "the test has left its pod: {left}");
    Ok(())
}

fn older_definition(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = settled(stack)?;
    let began = watch.elapsed();
    let older = older_chart()?;
    let chart = path_text(&older.path().join(OPERATOR));
    helm(stack, &["upgrade", OPERATOR, &chart, "--reset-then-reuse-values"])?;
    system(stack, &["rollout", "restart", DEPLOYMENT])?;

    let (pod, command) = await_refusal(stack)?;
    let path = "--output=jsonpath={.status.readyReplicas}";
    let ready = system(stack, &["get", DEPLOYMENT, path])?;
    ensure!(ready == "2", "{ready} copies are Ready: the old ones must go on");
    type_in_checkout(stack, &command)?;
    system(stack, &["rollout", "status", DEPLOYMENT, "--timeout=60s"])?;

    let status = "--output=jsonpath={.status.containerStatuses[0].ready} \
                  {.status.containerStatuses[0].restartCount}";
    let healed = system(stack, &["get", "pod", &pod, status])?;
    ensure!(healed == "true 0", "{pod} is not healed without a restart: {healed}");
    kept(&watch, began, MIN)
}

fn takes_over(platform: &Platform, load: Load) -> Result<()> {
    let stack = platform.stack()?;
    let set = |key: &str, value: Value| (key.to_owned(), value);
    let fleet = stack.install_fleet(
        "handed-over",
        &[
            set("mode", json!("Observe")),
            set("spot", Value::Null),
            set("signals.requestRate.targetPerReplica", json!(load.per_replica)),
        ],
    )?;
    let taken = without_a_dip(stack, &fleet, load.rate);
    // Whatever has happened, it is not left to the cases that follow.
    let hpa = ["delete", "horizontalpodautoscaler", &fleet.name, "--ignore-not-found"];
    let cleaned = kubectl(stack, &hpa).map(drop).and(fleet.remove().map_err(Into::into));
    taken.and(cleaned)
}

/// The autoscaler has made it 14, goes, and the operator goes on from there.
fn without_a_dip(stack: &Stack, fleet: &Fleet<'_>, rate: u32) -> Result<()> {
    let watch = fleet.watch()?;
    let min = format!("--min={LARGE}");
    kubectl(stack, &["autoscale", "deployment", &fleet.name, &min, "--max=20", "--cpu=50%"])?;
    // As the autoscaler does, but half a minute sooner.
    let replicas = format!("--replicas={LARGE}");
    kubectl(stack, &["scale", "deployment", &fleet.name, &replicas])?;
    watch.wait("the autoscaler's 14", MINUTE * 2, |moment| moment.ready() == LARGE)?;
    watch
        .wait("Stalled", MINUTE, |moment| moment.has("Stalled", "True", "ConflictingAutoscaler"))?;
    let began = watch.elapsed();
    let load = |lasts| fleet.load(Kind::Home, rate, rate / 4, lasts);
    let ((), outcome) = under_load(load, || hand_over(stack, fleet, &watch, rate))?;
    kept(&watch, began, LARGE)?;
    ensure!(outcome.failed() == 0, "{} failed: {:?}", outcome.failed(), outcome.by_status);
    Ok(())
}

fn hand_over(stack: &Stack, fleet: &Fleet<'_>, watch: &Watch, rate: u32) -> Result<()> {
    kubectl(stack, &["delete", "horizontalpodautoscaler", &fleet.name])?;
    watch.wait("a decision", MINUTE, |moment| moment.has("Stalled", "False", "AsExpected"))?;
    let enforce = r#"{"spec":{"mode":"Enforce"}}"#;
    kubectl(stack, &["patch", "apifleet", &fleet.name, "--type=merge", "--patch", enforce])?;
    await_demand(fleet, rate)?;
    let available = |moment: &Moment| moment.has("Ready", "True", "Available");
    watch.wait("all Ready", MINUTE, available)?;
    Ok(())
}

/// Waits until the minute that the operator looks at is one of the load; its status tells numbers later.
fn await_demand(fleet: &Fleet<'_>, rate: u32) -> Result<()> {
    let end = Instant::now() + MINUTE * 2;
    while fleet.demand()?.rps.is_none_or(|rps| rps < f64::from(rate) * 0.9) {
        ensure!(Instant::now() < end, "Prometheus sees {:?}", fleet.demand()?);
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// As docs/gitops.md says it.
fn taken_out(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let name = "taken-out";
    let taken = owned_twice(stack, name);
    let cleaned = kubectl(stack, &["delete", "deployment", name, "--ignore-not-found"]);
    taken.and(cleaned.map(drop))
}

fn owned_twice(stack: &Stack, name: &str) -> Result<()> {
    let labels = json!({"app": name});
    let containers = json!([{"name": "pause", "image": "localhost/apifleet/pause:1"}]);
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
    let spec = json!({"selector": {"matchLabels": labels}, "template": template});
    let mut with_replicas = spec.clone();
    if let Some(spec) = with_replicas.as_object_mut() {
        spec.insert("replicas".to_owned(), json!(3));
    }
    apply_as(stack, "git", name, &with_replicas)?;
    apply_as(stack, "hand-over", name, &json!({"replicas": 3}))?;
    apply_as(stack, "git", name, &spec)?;
    let path = "--output=jsonpath={.spec.replicas}";
    let left = kubectl(stack, &["get", "deployment", name, path])?;
    ensure!(left == "3", "of 3 replicas {left} are left");
    Ok(())
}

/// Applies a Deployment server-side, as this field manager.
fn apply_as(stack: &Stack, manager: &str, name: &str, spec: &Value) -> Result<()> {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec,
    });
    let file = tempfile::NamedTempFile::with_suffix(".json").context("make a file")?;
    fs::write(file.path(), deployment.to_string()).context("write a manifest")?;
    let manager = format!("--field-manager={manager}");
    let path = path_text(file.path());
    kubectl(stack, &["apply", "--server-side", &manager, "--filename", &path]).map(drop)
}

fn uninstall(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let watch = settled(stack)?;
    let began = watch.elapsed();
    helm(stack, &["uninstall", OPERATOR])?;
    system(stack, &["wait", "pod", PODS, "--for=delete", "--timeout=60s"])?;
    let fleet = kubectl(stack, &["get", "apifleet", FLEET, "--output=name"])?;
    ensure!(fleet.contains(FLEET), "the fleet is gone: {fleet}");
    // Meanwhile somebody has one of their own.
    let apart = tenant::keeps_to_itself(stack, &watch);

    // It comes back as others install it: the definitions by a release of their own.
    let charts = Platform::workspace().join("charts");
    let chart = path_text(&charts.join(DEFINITIONS));
    helm(stack, &["install", DEFINITIONS, &chart, "--take-ownership"])?;
    let chart = path_text(&charts.join(OPERATOR));
    let values = format!("--values={chart}/ci/demo-operator.yaml");
    helm(stack, &["install", OPERATOR, &chart, &values, "--set=crds.enabled=false"])?;
    system(stack, &["rollout", "status", DEPLOYMENT, "--timeout=120s"])?;
    let holder = "--output=jsonpath={.metadata.annotations.meta\\.helm\\.sh/release-name}";
    let holder = stack.kubectl(&["get", "crd", "apifleets.apifleet.dev", holder])?;
    ensure!(holder == DEFINITIONS, "the definition belongs to the release {holder}");
    helm(stack, &["test", OPERATOR, "--timeout=2m"])?;
    apart?;
    kept(&watch, began, MIN)
}

/// The demo's fleet at its smallest size, with nothing under way.
fn settled(stack: &Stack) -> Result<Watch> {
    let watch = stack.watch()?;
    watch.wait("the smallest size", MINUTE * 2, |moment| {
        moment.wanted() == MIN && moment.ready() == MIN && moment.has("Ready", "True", "Available")
    })?;
    Ok(watch)
}

/// No moment since then has fewer replicas wanted, or Ready, than these.
fn kept(watch: &Watch, began: Duration, replicas: u32) -> Result<()> {
    let history = watch.history();
    let dip = history
        .iter()
        .filter(|moment| moment.at >= began)
        .find(|moment| moment.wanted() < replicas || moment.ready() < replicas);
    ensure!(dip.is_none(), "fewer than {replicas}: {dip:?}");
    Ok(())
}

/// A copy of the chart whose definitions are of the revision before the first.
fn older_chart() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let chart = folder.path().join(OPERATOR);
    copy(&Platform::workspace().join("charts").join(OPERATOR), &chart)?;
    let definitions = chart.join("files/crds");
    for file in fs::read_dir(&definitions).context("list the definitions")?.flatten() {
        let text = fs::read_to_string(file.path()).context("read a definition")?;
        let older: Vec<_> = text
            .lines()
            .map(|line| match line.split_once("definition-revision:") {
                Some((key, _)) => format!("{key}definition-revision: '0'"),
                None => line.to_owned(),
            })
            .collect();
        ensure!(older.join("\n") != text.trim_end(), "{} has no revision", file.path().display());
        fs::write(file.path(), older.join("\n")).context("write a definition")?;
    }
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("an entry has a name")?);
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// Waits for a copy of the operator that does nothing because of a definition; returns its pod, and the command that it names.
fn await_refusal(stack: &Stack) -> Result<(String, String)> {
    let end = Instant::now() + MINUTE;
    loop {
        let pods = system(stack, &["get", "pods", PODS, "--output=json"])?;
        let pods: Value = serde_json::from_str(&pods).context("read the pods")?;
        for pod in pods.pointer("/items").and_then(Value::as_array).into_iter().flatten() {
            let ready = pod.pointer("/status/containerStatuses/0/ready") == Some(&json!(true));
            let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            if let (false, Some(command)) = (ready, refusal(stack, name)?) {
                return Ok((name.to_owned(), command));
            }
        }
        ensure!(Instant::now() < end, "no copy refuses the older definition: {pods}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The command that a copy's log names, if it refuses a definition.
fn refusal(stack: &Stack, pod: &str) -> Result<Option<String>> {
    // A pod that is only being made has no log yet.
    let log = stack.try_kubectl(&[&["logs", pod], &IN_SYSTEM[..]].concat())?;
    let lines = log.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut told = lines.filter_map(|line| Some(line.get("obstacle")?.as_str()?.to_owned()));
    let Some(obstacle) = told.find(|obstacle| obstacle.contains("older than this operator")) else {
        return Ok(None);
    };
    let command = obstacle.rsplit_once(": ").map(|(_, command)| command.to_owned());
    command.map(Some).with_context(|| format!("no command is named: {obstacle}"))
}

/// Does what the operator says: a command of Helm, typed in a checkout.
fn type_in_checkout(stack: &Stack, command: &str) -> Result<()> {
    let Some(arguments) = command.strip_prefix("helm ") else { bail!("not Helm's: {command}") };
    let root = Platform::workspace();
    let words = arguments.split_whitespace().map(|word| {
        if word.starts_with("charts/") { path_text(&root.join(word)) } else { word.to_owned() }
    });
    let words: Vec<_> = words.collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    stack.cluster().helm(&words).map(drop).context("the command that the operator names")
}

fn helm(stack: &Stack, arguments: &[&str]) -> Result<String> {
    Ok(stack.cluster().helm(&[arguments, &IN_SYSTEM[..]].concat())?)
}

/// What kubectl prints about the operator's namespace.
fn system(stack: &Stack, arguments: &[&str]) -> Result<String> {
    let output = stack.try_kubectl(&[arguments, &IN_SYSTEM[..]].concat())?;
    ensure!(output.success, "{arguments:?}: {}", everything(&output));
    Ok(output.stdout.trim().to_owned())
}

//! Where commands are typed: a folder with the files that pages show and the checkout's, a search path with our programs,
//! and words of the shared fleet for the holders of pages.

use super::way::Who;
use crate::dashboards::{self, Order};
use anyhow::{Context, Result, ensure};
use apifleet_e2e::{Person, Platform, built, kubectl};
use apifleet_local::stack::{FLEET, NAMESPACE, SYSTEM, Stack};
use apifleet_local::{Call, Output};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Long enough for 24 simulated days.
const PATIENCE: Duration = Duration::from_mins(3);
/// For what runs until somebody stops it.
const MOMENT: &str = "timeout 3 ";
/// How `timeout` ends when it had to end the command.
const STOPPED: &str = "exit status: 124";
/// Folders of the checkout that commands name.
const FOLDERS: [&str; 5] = ["charts", "policies", "docs", "deploy", "crds"];
/// Where cargo puts programs, below the home of whoever types.
const PROGRAMS: &str = ".cargo/bin";
/// Where pages have people reach a Prometheus.
const PROMETHEUS: &str = "http://localhost:9090";
/// What follows is an instant of the past, which on this cluster is perhaps yet to come, or before it began.
const AT: &str = " --at ";
/// An instant that is not.
const RECENTLY: &str = "1m";
/// The holders of pages, as `docs/runbooks/README.md` explains them, and what they are here. Those without a word are looked
/// up: a pod of the fleet (or of the operator, in its namespace), and a node.
const HOLDERS: [(&str, &str); 10] = [
    ("NAME", FLEET),
    ("NS", NAMESPACE),
    ("RELEASE_NS", SYSTEM),
    ("RELEASE", "shop"),
    ("OVERRIDE", FLOOR.name),
    ("OTHER", HOLD.name),
    ("N", "12"),
    ("POD", ""),
    ("NODE", ""),
    ("POLICY", POLICY),
];
/// The NAME of a bench, and of nothing else with `cargo`.
const BENCH: &str = "core";
/// What pages show and change.
const POLICY: &str = "december-campaign";
/// What pages prolong and end.
const FLOOR: Order = Order { name: "documented-floor", action: "Floor" };
/// What pages resume from.
const HOLD: Order = Order { name: "documented-hold", action: "Hold" };

/// The place.
pub(super) struct Place<'a> {
    stack: &'a Stack,
    on_call: Person<'a>,
    folder: tempfile::TempDir,
    xtask: PathBuf,
    pod: String,
    operator: String,
    node: String,
}

impl<'a> Place<'a> {
    pub(super) fn new(stack: &'a Stack) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).context("make a folder for programs")?;
        fs::create_dir_all(folder.path().join(PROGRAMS)).context("make a folder for programs")?;
        let root = Platform::workspace();
        for name in FOLDERS {
            symlink(root.join(name), folder.path().join(name)).context("link the checkout")?;
        }
        let apifleet = built("apifleet")?;
        for name in ["apifleet", "kubectl-apifleet"] {
            symlink(&apifleet, bin.join(name)).context("link the command line")?;
        }
        let programs = stack.cluster().programs();
        symlink(programs.path("helm"), bin.join("helm")).context("link helm")?;
        script(&bin.join("kubectl"), &programs.component("kubectl"))?;
        for order in [FLOOR, HOLD] {
            dashboards::order(stack, order)?;
        }
        let policy = root.join(format!("policies/{POLICY}.yaml")).display().to_string();
        kubectl(stack, &["apply", "--server-side", "--filename", &policy])?;
        let pods = |namespace: &str, label: &str| {
            let label = format!("--selector={label}");
            first(stack, &["pods", "--namespace", namespace, &label])
        };
        Ok(Self {
            stack,
            on_call: Person::everywhere(stack, "documented-shift", "apifleet-oncall")?,
            folder,
            xtask: built("apifleet-xtask")?,
            pod: pods(NAMESPACE, &format!("apifleet.dev/fleet={FLEET}"))?,
            operator: pods(SYSTEM, "app.kubernetes.io/name=apifleet-controller")?,
            node: first(stack, &["nodes"])?,
        })
    }

    /// Takes away what was ordered for it.
    pub(super) fn leave(self) -> Result<()> {
        let orders = ["delete", "fleetoverride", FLOOR.name, HOLD.name];
        kubectl(self.stack, &orders)?;
        kubectl(self.stack, &["delete", "scalingpolicy", POLICY])?;
        self.on_call.leave()
    }

    /// Keeps the files that a page shows.
    pub(super) fn keep(&self, files: &[(String, String)]) -> Result<()> {
        for (name, content) in files {
            let path = self.folder.path().join(name);
            fs::write(path, self.fill(content)).with_context(|| format!("write {name}"))?;
        }
        Ok(())
    }

    /// Puts words for holders.
    pub(super) fn fill(&self, typed: &str) -> String {
        if typed.starts_with("cargo ") {
            return replace(typed, |word| (word == "NAME").then_some(BENCH));
        }
        let pod = if typed.contains(SYSTEM) { self.operator.as_str() } else { self.pod.as_str() };
        let filled = replace(typed, |word| match word {
            "POD" => Some(pod),
            "NODE" => Some(self.node.as_str()),
            _ => HOLDERS.iter().find(|(holder, _)| *holder == word).map(|(_, here)| *here),
        });
        recently(&filled).replace(PROMETHEUS, &self.stack.prometheus_url())
    }

    /// Runs a command to its end; what it writes goes on into the next one as people typed it, but its own end counts.
    pub(super) fn run(&self, who: Who, command: &str) -> Result<Output> {
        self.bash(who, &format!("{command}\nexit ${{PIPESTATUS[0]}}"))
    }

    /// Runs a command for a moment, which it must survive.
    pub(super) fn run_briefly(&self, who: Who, command: &str) -> Result<Output> {
        let command = command.trim_end_matches('&').trim_end();
        let output = self.bash(who, &format!("{MOMENT}{command}"))?;
        Ok(Output { success: output.success || output.status == STOPPED, ..output })
    }

    /// Asks Prometheus, which must understand it; that it has no row is an answer.
    pub(super) fn ask(&self, query: &str) -> Result<()> {
        self.stack.query(query).map(drop).context("ask Prometheus")
    }

    /// What the help of a command does not know of it, if there is anything.
    pub(super) fn unknown(&self, command: &str) -> Result<Option<String>> {
        let words: Vec<_> = command.split_whitespace().skip(1).collect();
        let (flags, others): (Vec<&str>, Vec<&str>) =
            words.into_iter().partition(|word| word.starts_with("--"));
        let is_verb = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let verbs: Vec<_> = others.into_iter().take_while(is_verb).collect();
        let output = match command.split_whitespace().next() {
            // As cargo calls it.
            Some("cargo") => {
                Call::new(&self.xtask).args(verbs.iter().skip(1)).args(["--help"]).output()?
            }
            program => {
                let help = format!("{} {} --help", program.unwrap_or_default(), verbs.join(" "));
                self.bash(Who::Administrator, &help)?
            }
        };
        if !output.success {
            return Ok(Some(format!("{}{}", output.stdout, output.stderr)));
        }
        let typed = flags.iter().map(|flag| flag.split('=').next().unwrap_or(flag));
        let unknown: Vec<_> = typed.filter(|flag| !output.stdout.contains(*flag)).collect();
        Ok((!unknown.is_empty()).then(|| format!("unknown: {unknown:?}")))
    }

    /// What a command names of the checkout and is not there, if anything.
    pub(super) fn absent(command: &str) -> Option<String> {
        let root = Platform::workspace();
        let is_absent = |word: &&str| {
            let folder = word.split('/').next().unwrap_or_default();
            root.join(folder).is_dir() && !root.join(word).exists()
        };
        command.split_whitespace().find(is_absent).map(|word| format!("there is no {word}"))
    }

    fn bash(&self, who: Who, script: &str) -> Result<Output> {
        let mut path = OsString::from(self.folder.path().join("bin"));
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let call = Call::new("bash").args(["-c", script]).directory(self.folder.path());
        let call = call.env("PATH", path).env("HOME", self.folder.path());
        // An editor that changes nothing.
        let call = call.env("KUBE_EDITOR", "true").env("NO_COLOR", "1");
        let kubeconfig = match who {
            Who::Administrator => self.stack.cluster().kubeconfig(),
            Who::OnCall => self.on_call.kubeconfig(),
        };
        Ok(call.env("KUBECONFIG", kubeconfig).deadline(PATIENCE).output()?)
    }
}

/// Whether a text names something to be filled in.
pub(super) fn has_holder(text: &str) -> bool {
    let mut words = text.split(|c: char| !is_part(c));
    words.any(|word| HOLDERS.iter().any(|(holder, _)| *holder == word))
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Puts other words for some, whole words only.
fn replace<'a>(text: &str, other: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_part) {
        let (before, from) = rest.split_at(begin);
        let (word, after) = from.split_at(from.find(|c: char| !is_part(c)).unwrap_or(from.len()));
        filled.push_str(before);
        filled.push_str(other(word).unwrap_or(word));
        rest = after;
    }
    filled + rest
}

/// Another instant of the past for the one that a page shows.
fn recently(typed: &str) -> String {
    let Some((before, from)) = typed.split_once(AT) else { return typed.to_owned() };
    let after = from.find(' ').and_then(|end| from.get(end..)).unwrap_or_default();
    format!("{before}{AT}{RECENTLY}{after}")
}

/// A program that calls another with its first arguments.
fn script(path: &Path, call: &[String]) -> Result<()> {
    let words: Vec<_> = call.iter().map(|word| format!("'{word}'")).collect();
    fs::write(path, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).context("make it a program")
}

/// The name of the first object of a list.
fn first(stack: &Stack, list: &[&str]) -> Result<String> {
    let name = ["--output=jsonpath={.items[0].metadata.name}"];
    Ok(stack.kubectl(&[&["get"][..], list, &name].concat())?.trim().to_owned())
}

/// A word that is filled in where it is only a part would make another command.
pub(super) fn fills_whole_words() -> Result<()> {
    let other = |word: &str| (word == "NAME").then_some("api");
    for (typed, expected) in [
        ("get NAME -n x", "get api -n x"),
        ("deployment/NAME-spot", "deployment/api-spot"),
        ("POD_NAME RENAME '{NAME}'", "POD_NAME RENAME '{api}'"),
        ("NAME", "api"),
        ("", ""),
    ] {
        let filled = replace(typed, other);
        ensure!(filled == expected, "{typed}: {filled}");
    }
    for (typed, expected) in [
        ("explain x --at 08:03 --color never", "explain x --at 1m --color never"),
        ("explain x --at 08:03", "explain x --at 1m"),
        ("explain x", "explain x"),
    ] {
        let asked = recently(typed);
        ensure!(asked == expected, "{typed}: {asked}");
    }
    ensure!(has_holder("kubectl get x NAME") && !has_holder("kubectl scale"), "holders are lost");
    Ok(())
}

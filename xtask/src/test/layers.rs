//! What the layers are, in their order: the cheap ones that fail often come first.

use crate::{book, generate, workspace};
use anyhow::Context;
use apifleet_local::ensure_database;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A group of checks that people name together.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) steps: Vec<Action>,
}

/// One step of a layer.
pub(crate) enum Action {
    Run { command: Box<Command>, deadline: Duration },
    Call(fn() -> anyhow::Result<()>),
}

const MINUTE: Duration = Duration::from_mins(1);
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");
const TARPAULIN: (&str, &str) = ("cargo-tarpaulin", "0.37.5");

/// The names that `cargo xtask test` takes.
pub(crate) fn names() -> Vec<&'static str> {
    all().iter().map(|layer| layer.name).collect()
}

/// All layers.
pub(crate) fn all() -> Vec<Layer> {
    vec![
        style(),
        generated(),
        unit(),
        chart(),
        simulate(),
        contract(),
        quality(),
        pages(),
        coverage(),
        cluster(),
        e2e(),
    ]
}

fn style() -> Layer {
    let clippy =
        cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    Layer {
        name: "style",
        about: "format, lints, licences",
        steps: vec![
            run(cargo(&["fmt", "--all", "--check"]), 1),
            run(clippy, 30),
            Action::Call(|| install(DENY)),
            run(tool(DENY, &["deny", "check", "licenses", "bans", "sources"]), 5),
        ],
    }
}

fn generated() -> Layer {
    let steps = vec![Action::Call(generate::verify), Action::Call(book::build)];
    Layer {
        name: "generated",
        about: "no generated file is out of date; the docs are a book",
        steps,
    }
}

fn unit() -> Layer {
    let pure =
        ["--lib", "--bins", "--test", "decision", "--test", "crds", "--test", "architecture"];
    Layer { name: "unit", about: "T0: pure code, no server", steps: vec![run(tests(&pure), 40)] }
}

fn chart() -> Layer {
    let steps = vec![Action::Call(super::manifests::validate)];
    Layer { name: "chart", about: "what the chart renders, by the schemas of Kubernetes", steps }
}

fn simulate() -> Layer {
    Layer {
        name: "simulate",
        about: "T5: campaigns under random fault plans, and every policy within its limit",
        steps: vec![
            run(tests(&["--test", "campaigns"]), 25),
            Action::Call(super::policies::simulate),
        ],
    }
}

fn contract() -> Layer {
    Layer {
        name: "contract",
        about: "T1: what Prometheus, Kubernetes and databases answer",
        steps: vec![
            Action::Call(|| Ok(ensure_database(&super::tell)?)),
            run(tests(&["--test", "http", "--test", "contract"]), 25),
        ],
    }
}

fn pages() -> Layer {
    Layer {
        name: "pages",
        about: "the pages that the command line writes, in a real browser",
        steps: vec![
            run(cargo(&["build", "--quiet", "--workspace", "--bins"]), 20),
            Action::Call(super::pages::open),
        ],
    }
}

fn quality() -> Layer {
    Layer {
        name: "quality",
        about: "how well ours scales beside its peers, a quick look",
        steps: vec![Action::Call(crate::bench::quick)],
    }
}

fn coverage() -> Layer {
    // Instrumented programs are others: a target folder of their own keeps them from being built in turn.
    let folder = workspace::cache().join("coverage");
    let fixed = "tarpaulin --packages apifleet-core --include-files core/src/* --engine llvm --skip-clean \
                 --fail-under 95 --timeout 300 --target-dir";
    let mut command = tool(TARPAULIN, &fixed.split_whitespace().collect::<Vec<_>>());
    // What is reached is reached in few cases; the unit layer tries all of them.
    command.arg(folder).env("PROPTEST_CASES", "500");
    Layer {
        name: "coverage",
        about: "lines of core that its tests reach: at least 95 %",
        steps: vec![Action::Call(|| install(TARPAULIN)), run(command, 15)],
    }
}

fn cluster() -> Layer {
    Layer {
        name: "cluster",
        about: "T2: the local cluster comes up, heals and leaves no trace",
        steps: vec![
            run(cargo(&["build", "--quiet", "--workspace", "--bins"]), 20),
            run(tests(&["--test", "cluster"]), 40),
        ],
    }
}

fn e2e() -> Layer {
    Layer {
        name: "e2e",
        about: "T2: the operator on the real local cluster",
        steps: vec![run(tests(&["--test", "e2e"]), 55)],
    }
}

/// Chosen test programs. Always of the whole workspace: with other packages chosen cargo unites other features, and
/// compiles the same dependencies again.
fn tests(chosen: &[&str]) -> Command {
    cargo(&[&["test", "--quiet", "--workspace"], chosen].concat())
}

fn run(command: Command, minutes: u32) -> Action {
    Action::Run { command: Box::new(command), deadline: MINUTE * minutes }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(workspace::root());
    command
}

/// A cargo subcommand of the cache, so that the version is ours and not whatever the machine has.
fn tool(named: (&str, &str), arguments: &[&str]) -> Command {
    let mut command = Command::new(tool_path(named));
    command.args(arguments).current_dir(workspace::root());
    command
}

fn tool_path((name, version): (&str, &str)) -> PathBuf {
    workspace::cache().join("tools").join(format!("{name}-{version}")).join("bin").join(name)
}

/// A program of the cache that people ask for by themselves, built first if it is not there.
pub(crate) fn install_tool(named: (&str, &str)) -> anyhow::Result<PathBuf> {
    install(named)?;
    Ok(tool_path(named))
}

/// Builds a program of cargo's registry into the cache, once for each version.
fn install(named @ (name, version): (&str, &str)) -> anyhow::Result<()> {
    let path = tool_path(named);
    if path.exists() {
        return Ok(());
    }
    let root = path.parent().and_then(Path::parent).context("a cache folder has a parent")?;
    println!("building {name} {version} (once)");
    let mut command = Command::new("cargo");
    // Speed of building counts here, not speed of running. The target folder goes with the build.
    command
        .args(["install", "--quiet", "--locked", name, "--version", version, "--root"])
        .arg(root)
        .args(["--config", "profile.release.lto=false", "--config", "profile.release.opt-level=1"])
        .args(["--config", "profile.release.codegen-units=16", "--target-dir"])
        .arg(root.join("build"))
        .current_dir(std::env::temp_dir());
    let built = crate::process::run(&mut command, MINUTE * 20);
    let removed = std::fs::remove_dir_all(root.join("build"));
    built.and(removed.context("remove the build folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_has_its_own_name_and_something_to_do() {
        let layers = all();
        let names: std::collections::BTreeSet<_> = layers.iter().map(|layer| layer.name).collect();
        assert_eq!(names.len(), layers.len());
        assert!(layers.iter().all(|layer| !layer.steps.is_empty()));
    }
}

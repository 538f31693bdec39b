//! What the README, the docs and the runbooks tell people to type is typed here, on the real cluster.
//!
//! A command is a line of a fenced block `sh` or `console`, or code in a sentence, that begins with `apifleet`, `kubectl`,
//! `helm` or another program that is ours to try; in a sentence only where it names what it is for by one of the [`place`]
//! holders, since `kubectl scale` is a mention. A block of YAML whose first line is a comment with a file's name is that
//! file. Nothing stays changed: [`way`] says how each kind of command is tried, and by whom: what pages tell people on call
//! to type is tried with their role and no other, but for what these pages have done by hand. `cargo xtask` is asked whether
//! it knows what is typed. Each line of a block `promql` is put to the real Prometheus.
//!
//! A command that fails fails the case, unless it says that one of the [`EXAMPLES`] is not there, or that something else is
//! not so on this cluster ([`EXCUSES`]).

mod markdown;
mod place;
mod way;

use crate::Case;
use anyhow::{Context, Result, ensure};
use apifleet_e2e::{Platform, everything};
use apifleet_local::Output;
use apifleet_local::stack::FLEET;
use markdown::Page;
use place::Place;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use way::{Way, Who};

pub(crate) const CASES: &[Case] = &[
    ("commands_are_found_in_pages_and_tried_without_harm", reads_pages),
    ("every_command_in_readme_docs_and_runbooks_works", commands_work),
];

/// For all of them together.
const DEADLINE: Duration = Duration::from_mins(15);
/// Pages outside `docs`.
const PAGES: [&str; 4] = [
    "README.md",
    "charts/apifleet/README.md",
    "charts/apifleet-crds/README.md",
    "policies/README.md",
];
/// What pages change or take away, and this cluster has not: kind and name.
const EXAMPLES: [(&str, &str); 4] = [
    // Another autoscaler of the fleet's Deployment, as kubectl and as `apifleet` call it.
    ("horizontalpodautoscalers.autoscaling", FLEET),
    ("HorizontalPodAutoscaler", FLEET),
    ("taint", "apifleet.dev/spot-interrupted"),
    ("taint", "aws-node-termination-handler/spot-itn:NoSchedule"),
];
/// A command may fail with one of these: it was understood, and what it is about is not so on this cluster.
const EXCUSES: [&str; 9] = [
    "(AlreadyExists)",
    "already exists",
    "no rollout history found",
    "no last revision to roll back to",
    "release has no 0 version",
    "last-applied-configuration annotation",
    "previous terminated container",
    // A manifest with another size than the operator's.
    "conflict with \"apifleet-controller\" with subresource \"scale\"",
    // KEDA is not installed.
    "resource type \"scaledobjects\"",
];
/// Exit codes of `apifleet` that are answers: a check or limit failed, differences found.
const ANSWERS: [&str; 2] = ["exit status: 3", "exit status: 4"];

fn reads_pages(_: &Platform) -> Result<()> {
    markdown::reads_what_is_typed()?;
    way::leaves_nothing_changed()?;
    way::is_tried_by_those_who_read()?;
    place::fills_whole_words()?;
    excuses_examples_only()
}

fn commands_work(platform: &Platform) -> Result<()> {
    let stack = platform.stack()?;
    let pages = pages()?;
    let place = Place::new(stack)?;
    for page in &pages {
        place.keep(&page.files)?;
    }
    let tried = try_all(&place, &pages).and_then(|tried| Ok((tried, ask_all(&place, &pages)?)));
    place.leave()?;
    let (tried, asked) = tried?;
    ensure!(tried > 100 && asked > 20, "only {tried} commands and {asked} queries found");
    Ok(())
}

/// Tries each command once with the same rights, and tells all that do not work.
fn try_all(place: &Place<'_>, pages: &[Page]) -> Result<usize> {
    let end = Instant::now() + DEADLINE;
    let (mut tried, mut faults) = (BTreeSet::new(), Vec::new());
    for page in pages {
        for typed in &page.commands {
            let command = place.fill(typed);
            let who = way::who(&page.name, &command);
            if !tried.insert((who, command.clone())) {
                continue;
            }
            ensure!(Instant::now() < end, "out of time after {} commands", tried.len());
            if let Some(fault) = fault(place, who, &command) {
                let how = format!("tried by {who:?} as: {command}");
                faults.push(format!("{}: {typed}\n    {how}\n    {fault}", page.name));
            }
        }
    }
    ensure!(faults.is_empty(), "{} commands do not work:\n{}", faults.len(), faults.join("\n"));
    Ok(tried.len())
}

/// Asks each query once, and tells all that are not understood.
fn ask_all(place: &Place<'_>, pages: &[Page]) -> Result<usize> {
    let (mut asked, mut faults) = (BTreeSet::new(), Vec::new());
    for page in pages {
        for typed in &page.queries {
            let query = place.fill(typed);
            if !asked.insert(query.clone()) {
                continue;
            }
            if let Err(error) = place.ask(&query) {
                faults.push(format!("{}: {query}\n    {error:#}", page.name));
            }
        }
    }
    ensure!(faults.is_empty(), "{} queries do not work:\n{}", faults.len(), faults.join("\n"));
    Ok(asked.len())
}

/// What is wrong with a command, if anything is; one that does not end in time is, too.
fn fault(place: &Place<'_>, who: Who, command: &str) -> Option<String> {
    judge(place, who, command).unwrap_or_else(|error| Some(format!("{error:#}")))
}

fn judge(place: &Place<'_>, who: Who, command: &str) -> Result<Option<String>> {
    let output = match way::of(command) {
        Way::AsItIs => place.run(who, command)?,
        Way::With(flags) => place.run(who, &markdown::with(command, flags))?,
        Way::ForAMoment => {
            let output = place.run_briefly(who, command)?;
            return Ok((!output.success).then(|| everything(&output)));
        }
        Way::Known => return place.unknown(command),
        Way::Elsewhere => return Ok(Place::absent(command)),
        Way::Unsaid => return Ok(Some("say in way.rs how it is tried".to_owned())),
    };
    let said = everything(&output);
    let is_well = output.success || is_answer(command, &output) || is_excused(&said);
    Ok((!is_well).then(|| format!("{}: {}", output.status, said.trim())))
}

fn is_answer(command: &str, output: &Output) -> bool {
    let ours = command.starts_with("apifleet ") || command.starts_with("kubectl apifleet ");
    ours && ANSWERS.contains(&output.status.as_str())
}

/// Wrong usage is never excused, nor that something is not there which is no example, whatever else is said.
fn is_excused(said: &str) -> bool {
    let misused =
        ["unknown flag", "unknown command", "unknown shorthand", "command not found", "Usage:"];
    let is_misused = misused.iter().any(|words| said.contains(words));
    let mut missing = said.lines().filter(|line| line.contains("not found"));
    !is_misused && said.lines().any(is_excuse) && missing.all(is_excuse)
}

fn is_excuse(line: &str) -> bool {
    is_example(line) || EXCUSES.iter().any(|words| line.contains(words))
}

fn is_example(line: &str) -> bool {
    EXAMPLES.iter().any(|(kind, name)| {
        let rest = line.split_once(&format!("{kind} \"{name}\" ")).map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest.starts_with("not found") || rest.starts_with("was not found"))
    })
}

/// A name that a page misspells is no example.
fn excuses_examples_only() -> Result<()> {
    for (said, excused) in [
        (r#"(NotFound): horizontalpodautoscalers.autoscaling "shop-api" not found"#, true),
        (r#"HorizontalPodAutoscaler "shop-api" was not found in namespace "default""#, true),
        (r#"(NotFound): horizontalpodautoscalers.autoscaling "shop-apu" not found"#, false),
        (r#"(NotFound): deployments.apps "shop-api" not found"#, false),
        ("Error: release: not found", false),
        (r#"previous terminated container "api" in pod "a" not found"#, true),
        ("(AlreadyExists)\n(NotFound): deployments.apps \"shop-api\" not found", false),
        ("(AlreadyExists)\nUsage: a", false),
        ("everything is well", false),
    ] {
        ensure!(is_excused(said) == excused, "{said}");
    }
    Ok(())
}

/// The pages for users, in a fixed order.
fn pages() -> Result<Vec<Page>> {
    let root = Platform::workspace();
    let mut files: Vec<PathBuf> = PAGES.map(|page| root.join(page)).into();
    collect(&root.join("docs"), &mut files)?;
    let read = |file: &PathBuf| -> Result<Page> {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let name = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        Ok(markdown::read(name, &text))
    };
    files.iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    Ok(())
}

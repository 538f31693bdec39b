//! Counts instructions: runs a bench of the core twice under valgrind's callgrind, with two numbers of decisions, and
//! takes the difference. What starting the program costs falls out of it, and no clock is in it.

use super::bench;
use crate::Result;
use apifleet_local::progress::Progress;
use apifleet_local::{Call, ensure_packages};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Decisions of the shorter run; the longer has twice as many.
const DECISIONS: u64 = 500;
/// For one run under callgrind, which is some fifty times slower.
const DEADLINE: Duration = Duration::from_mins(2);
/// How often each is counted, to see that it is repeatable.
const TIMES: usize = 2;

/// Installs valgrind where it is missing.
pub(crate) fn ensure(progress: &dyn Progress) -> Result<()> {
    let is_there = || version().is_ok();
    ensure_packages(&["valgrind"], is_there, progress)?;
    Ok(())
}

/// Its version.
pub(crate) fn version() -> Result<String> {
    let printed = Call::new("valgrind").args(["--version"]).text()?;
    Ok(printed.trim().trim_start_matches("valgrind-").to_owned())
}

/// Instructions per decision by shape, counted several times.
pub(crate) fn count(workspace: &Path, shapes: &[&str]) -> Result<BTreeMap<String, Vec<f64>>> {
    let program = build(workspace)?;
    let counted = |shape: &&str| {
        let runs = (0..TIMES).map(|_| per_decision(&program, shape));
        Ok((String::from(*shape), runs.collect::<Result<Vec<_>>>()?))
    };
    shapes.iter().map(counted).collect()
}

#[allow(clippy::cast_precision_loss, reason = "instructions of a second are far below 2^52")]
fn per_decision(program: &Path, shape: &str) -> Result<f64> {
    let few = run(program, shape, DECISIONS)?;
    let many = run(program, shape, DECISIONS * 2)?;
    Ok(many.saturating_sub(few) as f64 / DECISIONS as f64)
}

fn run(program: &Path, shape: &str, decisions: u64) -> Result<u64> {
    let decisions = decisions.to_string();
    let call = Call::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args([program])
        .args([shape, &decisions])
        .deadline(DEADLINE);
    let output = call.output()?;
    let collected = collected(&output.stderr).filter(|_| output.success);
    collected.ok_or_else(|| super::unreadable(format!("callgrind said: {}", output.stderr)))
}

/// Builds the bench that makes a fixed number of decisions; where the program is.
fn build(workspace: &Path) -> Result<PathBuf> {
    let call = bench(workspace, "instructions").args(["--no-run", "--message-format=json"]);
    executable(&call.text()?)
        .ok_or_else(|| super::unreadable("cargo named no program `instructions`".into()))
}

/// The program in what cargo says about a build.
fn executable(messages: &str) -> Option<PathBuf> {
    let parsed = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut programs = parsed.filter(|message: &serde_json::Value| {
        message.pointer("/target/name").is_some_and(|name| name == "instructions")
    });
    Some(programs.find_map(|message| Some(message.get("executable")?.as_str()?.to_owned()))?.into())
}

/// How many instructions callgrind collected.
fn collected(stderr: &str) -> Option<u64> {
    let line = stderr.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_callgrind_says() {
        let said =
            "==7== Events    : Ir\n==7== Collected : 123456\n==7==\n==7== I   refs: 123,456\n";
        assert_eq!(collected(said), Some(123_456));
        assert_eq!(collected("==7== Collected : many"), None);
        assert_eq!(collected("valgrind: no such program"), None);
    }

    #[test]
    fn the_program_is_the_one_that_cargo_built_for_the_target() {
        let other = r#"{"reason":"compiler-artifact","target":{"name":"jiff"},"executable":null}"#;
        let ours = r#"{"reason":"compiler-artifact","target":{"name":"instructions"},"executable":"/t/x"}"#;
        let text = format!("{other}\nnot json\n{ours}\n");
        assert_eq!(executable(&text), Some(PathBuf::from("/t/x")));
        assert_eq!(executable(other), None);
    }
}

//! What decisions cost: how long they take, what they allocate, how many instructions they are. The benches themselves
//! are in `core/benches`, built as a user builds a release; here they are run and read.
//!
//! Times are divan's ([`table`]) and as noisy as the machine. Instructions are callgrind's ([`callgrind`]) and the same
//! on every run: what a change costs is seen there. The figures are [`rows`].

mod callgrind;
mod rows;
mod table;

use crate::{Machine, Report, Result, commit, toolchain};
use apifleet_local::Call;
use apifleet_local::progress::Progress;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// To compile with all optimizations, and to measure.
const DEADLINE: Duration = Duration::from_mins(15);
/// The moments of a fleet's life that the bar is held against; `core/benches/shapes` says what they are.
const SHAPES: [&str; 5] = ["calm", "burst", "curve", "covering", "silent"];
/// The worst that can be asked for: shown, and held against nothing.
const EXTREME: &str = "sixteen-schedules";

/// Measures in a checkout.
pub fn measure(workspace: &Path, progress: &dyn Progress) -> Result<Report> {
    let machine = Machine::here();
    let say = |text: &str| progress.step(text);
    callgrind::ensure(progress)?;
    say("building the benches of core and timing decisions");
    let printed = bench(workspace, "decide").text()?;
    let timed = table::parse(&printed).map_err(unreadable)?;
    say("counting instructions under callgrind");
    let counted = callgrind::count(workspace, &[&SHAPES[..], &[EXTREME]].concat())?;
    Ok(Report {
        bench: "core".into(),
        commit: commit(workspace),
        machine,
        versions: versions(workspace)?,
        seed: None,
        rows: rows::of(&SHAPES, EXTREME, &timed, &counted).map_err(unreadable)?,
    })
}

fn versions(workspace: &Path) -> Result<BTreeMap<String, String>> {
    let divan = toolchain::locked(workspace, "divan")?;
    let rustc = toolchain::rustc()?;
    let valgrind = callgrind::version()?;
    let versions = [("divan", divan), ("rustc", rustc), ("valgrind", valgrind)];
    Ok(versions.map(|(name, version)| (name.to_owned(), version)).into())
}

/// A bench of the core, built with the profile that programs are released with.
fn bench(workspace: &Path, target: &str) -> Call {
    let fixed = ["bench", "--quiet", "--package", "apifleet-core", "--bench", target];
    Call::new("cargo").args(fixed).directory(workspace).deadline(DEADLINE)
}

fn unreadable(problem: String) -> crate::Error {
    crate::Error::Unreadable { what: "the benches of core", problem }
}

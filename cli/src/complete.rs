//! Completion while somebody types `kubectl apifleet ...`: kubectl runs `kubectl_complete-apifleet` with the words, the last
//! one unfinished, and reads candidates, one a line, and a number for the shell.
//!
//! This program is that one, too, where it is called by that name, or with `__complete` before the words. The names of
//! fleets come from the cluster, within two seconds or not at all: a completion never says what went wrong, and never waits.

pub mod candidates;

use crate::args::{LowArgs, Program};
use crate::cluster::{Cluster, Read};
use crate::names::Namespace;
use crate::settings::{Access, Place};
use candidates::{Candidate, Next, Typed, next};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name under which kubectl looks for it.
const NAME: &str = "kubectl_complete-apifleet";
/// What stands before the words otherwise.
const WORD: &str = "__complete";
/// Nobody waits longer for names.
const DEADLINE: Duration = Duration::from_secs(2);
/// More names than this are no help.
const MOST: usize = 1000;

/// For the shell, in the words of cobra: no files.
const NO_FILES: u32 = 4;
/// Files, as usual.
const FILES: u32 = 0;

/// The words that are to be completed, where that is what the program was called for.
#[must_use]
pub fn words(arguments: &[OsString]) -> Option<Vec<String>> {
    let (program, rest) = arguments.split_first()?;
    let stem = Path::new(program).file_stem();
    let words = match rest.split_first() {
        _ if stem == Some(OsStr::new(NAME)) => rest,
        Some((first, words)) if first == WORD => words,
        Some(_) | None => return None,
    };
    Some(words.iter().map(|word| word.to_string_lossy().into_owned()).collect())
}

/// The answer to the words.
#[must_use]
pub fn answer(words: &[String]) -> String {
    let mut command = LowArgs::command_of(Program::KubectlPlugin);
    command.build();
    let last = words.last().map(String::as_str).unwrap_or_default();
    let (candidates, directive) = match next(&command, words) {
        (Next::Words(words), _) => (words, NO_FILES),
        (Next::Files, _) => (Vec::new(), FILES),
        (Next::Fleets, typed) => (fleets(typed, last), NO_FILES),
    };
    let line = |Candidate { word, about }: Candidate| {
        if about.is_empty() { format!("{word}\n") } else { format!("{word}\t{about}\n") }
    };
    let lines: String = candidates.into_iter().map(line).collect();
    format!("{lines}:{directive}\n")
}

/// The fleets whose names begin so; none where they are not told in time.
fn fleets(typed: Typed, begin: &str) -> Vec<Candidate> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    let names = runtime.block_on(async {
        tokio::time::timeout(DEADLINE, names(typed)).await.ok().flatten().unwrap_or_default()
    });
    // A name server that does not answer is not waited for.
    runtime.shutdown_background();
    let candidate = |word: String| Candidate { word, about: String::new() };
    names.into_iter().filter(|name| name.starts_with(begin)).take(MOST).map(candidate).collect()
}

async fn names(typed: Typed) -> Option<Vec<String>> {
    let Typed { namespace, context, kubeconfig } = typed;
    let place = match namespace {
        Some(namespace) => Place::Namespace(Namespace::parse(&namespace).ok()?),
        None => Place::Usual,
    };
    let kubeconfig = kubeconfig.map(PathBuf::from);
    let cluster =
        Cluster::connect(&Access { kubeconfig, context, deadline: DEADLINE }).await.ok()?;
    let name = |read: Read| match read {
        Ok(fleet) => fleet.metadata.name,
        Err(invalid) => invalid.metadata.name,
    };
    let read = cluster.fleets(cluster.namespace(&place), name).await.ok()?;
    Some(read.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(arguments: &[&str]) -> Option<Vec<String>> {
        words(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn it_completes_when_it_is_called_for_that_alone() {
        let expected = Some(vec!["status".to_owned(), String::new()]);
        assert_eq!(called(&["/x/kubectl_complete-apifleet", "status", ""]), expected);
        assert_eq!(called(&["apifleet", "__complete", "status", ""]), expected);
        assert_eq!(called(&["apifleet", "status", "__complete"]), None);
        assert_eq!(called(&["kubectl-apifleet"]), None);
        assert_eq!(called(&["kubectl_complete-apifleet"]), Some(Vec::new()));
        assert_eq!(called(&[]), None);
    }

    #[test]
    fn an_answer_is_lines_and_what_the_shell_is_to_do() {
        let of = |words: &[&str]| {
            answer(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert!(of(&["stat"]).starts_with("status\tWhat a fleet does"), "{}", of(&["stat"]));
        assert!(of(&["stat"]).ends_with("\n:4\n"));
        assert_eq!(of(&["simulate", "-f", ""]), ":0\n");
        assert_eq!(of(&["nonsense"]), ":4\n");
    }
}

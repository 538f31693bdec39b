//! `apifleet man`: the manual pages, made of what `--help` says. Needs no cluster.

use crate::args::{LowArgs, Program};
use crate::failure::Failure;
use crate::near::{hint, nearest};
use crate::terminal::Terminal;
use clap::Command;
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Which pages, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pages {
    /// That of the program, or of a verb, to standard output.
    One(Vec<String>),
    /// All of them, into a folder.
    All(PathBuf),
}

/// Writes manual pages.
///
/// # Errors
/// Where there is no such verb, or a page cannot be written.
pub fn man(pages: &Pages, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut command = LowArgs::command_of(Program::Apifleet);
    command.build();
    match pages {
        Pages::One(verbs) => {
            let (_, text) = page(find(&command, verbs)?.clone());
            terminal.data(&text)
        }
        Pages::All(folder) => {
            let failed = |error: std::io::Error| unwritable(folder, &error);
            std::fs::create_dir_all(folder).map_err(failed)?;
            for command in all(&command) {
                let (name, text) = page(command);
                let path = folder.join(name);
                std::fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
            }
            Ok(())
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::File { path: path.to_owned(), reason: format!("cannot be written: {error}") }
}

/// The command and everything under it that people see.
fn all(command: &Command) -> Vec<Command> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    std::iter::once(command.clone()).chain(shown.flat_map(all)).collect()
}

fn find<'a>(command: &'a Command, verbs: &[String]) -> Result<&'a Command, Failure> {
    verbs.iter().try_fold(command, |command, verb| {
        command.find_subcommand(verb).ok_or_else(|| {
            let near = nearest(verb, command.get_subcommands().map(Command::get_name));
            Failure::Usage(format!("there is no command {verb:?}{}", hint(&near)))
        })
    })
}

/// The name of the page's file, and the page.
fn page(command: Command) -> (String, String) {
    let man = Man::new(command)
        .source(concat!("apifleet ", env!("CARGO_PKG_VERSION")))
        .manual("ApiFleet");
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = man.render(&mut text);
    (man.get_filename(), String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_people_see_has_a_page_of_its_own() {
        let mut command = LowArgs::command_of(Program::Apifleet);
        command.build();
        let names: Vec<String> = all(&command).into_iter().map(|it| page(it).0).collect();
        for name in ["apifleet.1", "apifleet-status.1", "apifleet-check.1", "apifleet-man.1"] {
            assert!(names.iter().any(|it| it == name), "{name}: {names:?}");
        }
        let unique: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "{names:?}");
    }
}

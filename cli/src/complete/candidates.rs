//! What may come next on a command line that is being typed. Pure: what only the cluster knows is asked for by
//! [`Next::Fleets`].

use clap::{Arg, ArgAction, Command, ValueHint};

/// What may be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The word.
    pub word: String,
    /// What it is, in a few words.
    pub about: String,
}

/// What may come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// One of these words.
    Words(Vec<Candidate>),
    /// A file.
    Files,
    /// The name of a fleet.
    Fleets,
}

/// How the cluster is reached, as far as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// `--namespace`
    pub namespace: Option<String>,
    /// `--context`
    pub context: Option<String>,
    /// `--kubeconfig`
    pub kubeconfig: Option<String>,
}

/// The command line up to the word that is being typed.
struct Line<'a> {
    command: &'a Command,
    /// The flag whose value comes next.
    pending: Option<&'a Arg>,
    /// How many arguments without a flag were typed.
    positional: usize,
    /// Whether `--` was typed.
    literal: bool,
    typed: Typed,
}

/// What may come next, after all words but the last, which is being typed; and what was typed of the cluster.
#[must_use]
pub fn next(command: &Command, words: &[String]) -> (Next, Typed) {
    let mut line =
        Line { command, pending: None, positional: 0, literal: false, typed: Typed::default() };
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", &[][..]),
    };
    for word in before {
        line.take(word);
    }
    (line.next(last), line.typed)
}

// === impl Line ===

impl<'a> Line<'a> {
    fn take(&mut self, word: &str) {
        if let Some(flag) = self.pending.take() {
            self.remember(flag, word);
        } else if self.literal {
            self.positional += 1;
        } else if word == "--" {
            self.literal = true;
        } else if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=') {
                Some((name, value)) => {
                    if let Some(flag) = self.long(name) {
                        self.remember(flag, value);
                    }
                }
                None => self.pending = self.long(long).filter(|flag| takes_value(flag)),
            }
        } else if let Some(shorts) = word.strip_prefix('-').filter(|shorts| !shorts.is_empty()) {
            self.shorts(shorts);
        } else if let Some(verb) = self.command.find_subcommand(word) {
            (self.command, self.positional) = (verb, 0);
        } else {
            self.positional += 1;
        }
    }

    /// Short flags may stand together; the first that takes a value takes what is behind it, or the next word.
    fn shorts(&mut self, shorts: &str) {
        for (index, letter) in shorts.char_indices() {
            let Some(flag) = self.command.get_arguments().find(|it| it.get_short() == Some(letter))
            else {
                return;
            };
            if takes_value(flag) {
                match shorts.get(index + letter.len_utf8()..).filter(|rest| !rest.is_empty()) {
                    Some(value) => self.remember(flag, value.trim_start_matches('=')),
                    None => self.pending = Some(flag),
                }
                return;
            }
        }
    }

    fn remember(&mut self, flag: &Arg, value: &str) {
        let value = Some(value.to_owned());
        match flag.get_id().as_str() {
            "namespace" => self.typed.namespace = value,
            "context" => self.typed.context = value,
            "kubeconfig" => self.typed.kubeconfig = value,
            _ => {}
        }
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        self.command.get_arguments().find(|flag| flag.get_long() == Some(name))
    }

    fn next(&self, last: &str) -> Next {
        if let Some(flag) = self.pending {
            return values(flag, "", last);
        }
        if !self.literal && last.starts_with('-') {
            let long = last.strip_prefix("--").and_then(|long| long.split_once('='));
            return match long.and_then(|(name, value)| Some((self.long(name)?, name, value))) {
                Some((flag, name, value)) => values(flag, &format!("--{name}="), value),
                None => Next::Words(matching(self.flags(), last)),
            };
        }
        let verbs = self.command.get_subcommands().filter(|verb| !verb.is_hide_set());
        let verbs: Vec<Candidate> = verbs
            .map(|verb| candidate(verb.get_name(), verb.get_about().map(ToString::to_string)))
            .collect();
        if !verbs.is_empty() {
            return Next::Words(matching(verbs, last));
        }
        let mut positionals = self.command.get_positionals();
        positionals.nth(self.positional).map_or(Next::Words(Vec::new()), |it| values(it, "", last))
    }

    fn flags(&self) -> Vec<Candidate> {
        let shown = self.command.get_arguments().filter(|flag| !flag.is_hide_set());
        shown
            .filter_map(|flag| {
                let word = format!("--{}", flag.get_long()?);
                Some(candidate(&word, flag.get_help().map(ToString::to_string)))
            })
            .collect()
    }
}

fn takes_value(flag: &Arg) -> bool {
    matches!(flag.get_action(), ArgAction::Set | ArgAction::Append)
}

/// What a flag or an argument takes, each behind a prefix.
fn values(arg: &Arg, prefix: &str, last: &str) -> Next {
    if arg.get_id() == "fleet" && prefix.is_empty() {
        return Next::Fleets;
    }
    let hint = arg.get_value_hint();
    if matches!(hint, ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath) {
        return Next::Files;
    }
    let words = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    let words = words.map(|value| {
        let word = format!("{prefix}{}", value.get_name());
        candidate(&word, value.get_help().map(ToString::to_string))
    });
    Next::Words(matching(words.collect(), &format!("{prefix}{last}")))
}

fn matching(candidates: Vec<Candidate>, last: &str) -> Vec<Candidate> {
    candidates.into_iter().filter(|candidate| candidate.word.starts_with(last)).collect()
}

fn candidate(word: &str, about: Option<String>) -> Candidate {
    let about = about.unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    Candidate { word: word.to_owned(), about }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{LowArgs, Program};

    fn line(words: &[&str]) -> (Next, Typed) {
        let mut command = LowArgs::command_of(Program::KubectlPlugin);
        command.build();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        next(&command, &words)
    }

    fn words(words: &[&str]) -> Vec<String> {
        match line(words).0 {
            Next::Words(found) => found.into_iter().map(|it| it.word).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn verbs_come_first_and_those_that_begin_so() {
        assert!(words(&[""]).len() > 8 && words(&[]).len() > 8);
        assert_eq!(words(&["stat"]), ["status"]);
        assert_eq!(words(&["-n", "shop", "expl"]), ["explain"]);
        assert_eq!(words(&["nonsense"]), Vec::<String>::new());
    }

    #[test]
    fn a_verb_has_its_flags_and_those_of_every_verb() {
        assert_eq!(words(&["explain", "a", "--wh"]), ["--why-not", "--what-if"]);
        assert!(words(&["explain", "--"]).contains(&"--namespace".to_owned()));
        assert_eq!(words(&["status", "--wait", ""]), ["ready"]);
        assert_eq!(words(&["status", "--wait=r"]), ["--wait=ready"]);
        assert_eq!(words(&["status", "-o", "j"]), ["json"]);
    }

    #[test]
    fn a_fleet_is_asked_for_where_one_is_named() {
        for typed in [
            &["status", ""][..],
            &["explain", "sho"],
            &["explain", "--why-not", "3", ""],
            &["-n", "shop", "status", "-w", ""],
            &["check", "--fleet", ""],
            &["status", "--", ""],
        ] {
            assert_eq!(line(typed).0, Next::Fleets, "{typed:?}");
        }
        assert_eq!(
            words(&["status", "shop-api", ""]),
            Vec::<String>::new(),
            "there is one already"
        );
    }

    #[test]
    fn files_are_left_to_the_shell() {
        for typed in [
            &["simulate", "-f", ""][..],
            &["status", "--kubeconfig", "x"],
            &["calendar", "--file", ""],
        ] {
            assert_eq!(line(typed).0, Next::Files, "{typed:?}");
        }
    }

    #[test]
    fn what_was_typed_of_the_cluster_is_remembered() {
        for typed in [
            &["status", "-n", "shop", "--context=prod", "--kubeconfig", "/k", ""][..],
            &["-nshop", "--context", "prod", "--kubeconfig=/k", "status", ""],
            &["status", "-qn=shop", "--context", "prod", "--kubeconfig", "/k", ""],
        ] {
            let (next, cluster) = line(typed);
            assert_eq!(next, Next::Fleets, "{typed:?}");
            let of = |text: &str| Some(text.to_owned());
            let expected =
                Typed { namespace: of("shop"), context: of("prod"), kubeconfig: of("/k") };
            assert_eq!(cluster, expected, "{typed:?}");
        }
    }
}

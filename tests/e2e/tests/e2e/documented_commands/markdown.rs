//! Reads from a page what people are told to type, what they are told to ask Prometheus, and the files that it shows. Runs
//! nothing.

use super::place;
use anyhow::{Result, ensure};
use std::path::Path;

/// Words that begin a command. More may follow in a block: `curl`, `source`; those are not ours to try.
const PROGRAMS: [&str; 7] =
    ["apifleet ", "kubectl ", "helm ", "cargo xtask ", "cargo install ", "docker ", "ln -s "];

/// What a page says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Page {
    /// Its path from the root of the checkout.
    pub(super) name: String,
    /// What is typed, in the order of the page.
    pub(super) commands: Vec<String>,
    /// What Prometheus is asked: a line each.
    pub(super) queries: Vec<String>,
    /// Files that it shows: name and content.
    pub(super) files: Vec<(String, String)>,
}

/// Where a reader is.
enum Part {
    Sentences,
    Commands,
    Queries,
    Manifest(Vec<String>),
    Other,
}

/// Reads a page.
pub(super) fn read(name: String, text: &str) -> Page {
    let mut page = Page { name, ..Page::default() };
    let mut part = Part::Sentences;
    let (mut sentences, mut command) = (String::new(), String::new());
    for line in text.lines() {
        part = match (part, fence(line)) {
            (Part::Sentences, Some(language)) => begin(language),
            (Part::Manifest(lines), Some(_)) => {
                page.files.extend(file(&lines));
                Part::Sentences
            }
            (_, Some(_)) => Part::Sentences,
            (Part::Manifest(mut lines), None) => {
                lines.push(line.to_owned());
                Part::Manifest(lines)
            }
            (Part::Commands, None) => {
                page.commands.extend(typed(line, &mut command));
                Part::Commands
            }
            (Part::Queries, None) => {
                let query = without_comment(line).trim();
                page.queries.extend((!query.is_empty()).then(|| query.to_owned()));
                Part::Queries
            }
            (Part::Sentences, None) => {
                sentences.push_str(line.trim());
                // A paragraph ends a piece of code that nobody ended.
                sentences.push(if line.trim().is_empty() { '\n' } else { ' ' });
                Part::Sentences
            }
            (Part::Other, None) => Part::Other,
        };
    }
    page.commands.extend(sentences.lines().flat_map(in_sentences));
    page
}

/// The language of a line that begins a block, and nothing of one that ends it.
fn fence(line: &str) -> Option<&str> {
    line.trim().strip_prefix("```")
}

fn begin(language: &str) -> Part {
    match language {
        "sh" | "console" => Part::Commands,
        "promql" => Part::Queries,
        "yaml" => Part::Manifest(Vec::new()),
        _ => Part::Other,
    }
}

/// The command that a line of a block ends, if it does; a backslash leaves it open.
fn typed(line: &str, open: &mut String) -> Option<String> {
    let line = line.trim();
    let line = without_comment(line.strip_prefix("$ ").unwrap_or(line)).trim_end();
    if let Some(begun) = line.strip_suffix('\\') {
        open.push_str(begun);
        return None;
    }
    open.push_str(line);
    let command = std::mem::take(open);
    PROGRAMS.iter().any(|program| command.starts_with(program)).then_some(command)
}

/// Code in a paragraph that is a command, and says for what.
fn in_sentences(paragraph: &str) -> Vec<String> {
    let code = paragraph.split('`').skip(1).step_by(2).map(str::trim);
    let is_command = |code: &&str| {
        PROGRAMS.iter().any(|program| code.starts_with(program)) && place::has_holder(code)
    };
    code.filter(is_command).map(str::to_owned).collect()
}

/// A manifest whose first line names its file.
fn file(lines: &[String]) -> Option<(String, String)> {
    let (first, _) = lines.split_first()?;
    let name = first.trim().strip_prefix("# ")?.split([':', ' ']).next()?;
    let is_file = Path::new(name).extension().is_some_and(|it| it == "yaml") && !name.contains('/');
    is_file.then(|| (name.to_owned(), lines.join("\n") + "\n"))
}

/// A command with more flags, before whatever its output goes into.
pub(super) fn with(command: &str, flags: &str) -> String {
    let end = unquoted(command, |_, c| matches!(c, '|' | '&' | ';' | '>'));
    let (call, rest) = command.split_at(end.unwrap_or(command.len()));
    format!("{} {flags} {rest}", call.trim_end()).trim_end().to_owned()
}

fn without_comment(line: &str) -> &str {
    let begin = unquoted(line, |before, c| c == '#' && before.is_whitespace());
    begin.and_then(|begin| line.get(..begin)).unwrap_or(line)
}

/// Where the first character is that is looked for, outside of quotes. The line begins after a blank.
fn unquoted(text: &str, is_it: impl Fn(char, char) -> bool) -> Option<usize> {
    let (mut quote, mut before) = (None, ' ');
    for (index, c) in text.char_indices() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if is_it(before, c) => return Some(index),
            Some(_) | None => {}
        }
        before = c;
    }
    None
}

/// A reader that finds nothing would pass every page.
pub(super) fn reads_what_is_typed() -> Result<()> {
    let text = "Type `kubectl get apifleet NAME\n-n NS`, not `kubectl scale`.\n\n  ```sh\n  apifleet status -A    # all\n  \
                curl x | sh\n  kubectl get x -o jsonpath='{#|a}' \\\n    -n NS # b\n  ```\n```console\n$ helm list\n3\n```\n\
                ```yaml\n# a.yaml: this\nkind: A\n```\n```yaml\nkind: B\n```\n```\nkubectl no\n```\n\
                ```promql\nup{a=\"#\"}  # all\n\nrate(b[1m])\n```\n";
    let page = read("page".into(), text);
    let commands = [
        "apifleet status -A",
        "kubectl get x -o jsonpath='{#|a}' -n NS",
        "helm list",
        "kubectl get apifleet NAME -n NS",
    ];
    let found: Vec<_> = page.commands.iter().map(String::as_str).collect();
    ensure!(found == commands, "{found:?}");
    ensure!(page.queries == ["up{a=\"#\"}", "rate(b[1m])"], "{:?}", page.queries);
    let files = [("a.yaml".to_owned(), "# a.yaml: this\nkind: A\n".to_owned())];
    ensure!(page.files == files, "{:?}", page.files);
    for (command, expected) in [
        ("kubectl get x | tail -3", "kubectl get x --now | tail -3"),
        ("kubectl patch -p '{\"a|b\":1}'", "kubectl patch -p '{\"a|b\":1}' --now"),
    ] {
        let changed = with(command, "--now");
        ensure!(changed == expected, "{changed}");
    }
    Ok(())
}

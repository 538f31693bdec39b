//! What can be typed: every program's verbs and flags, read from the very commands that parse them.

use super::{Page, Section, Table, cell, code};
use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};

/// Every clap command has these two.
const OF_ALL: [&str; 2] = ["help", "version"];

pub(super) fn page() -> Page {
    let programs = [
        apifleet_cli::args::LowArgs::command_of(apifleet_cli::args::Program::Apifleet),
        apifleet_controller::cli::Args::command().bin_name("apifleet-controller"),
        crate::cli::Cli::command(),
    ];
    let mut sections = Vec::new();
    for mut program in programs {
        // Gives verbs their whole names, and the flags that they share.
        program.build();
        walk(&program, 2, &mut sections);
    }
    Page {
        file: "cli.md",
        title: "Commands",
        intro: "`apifleet`, the operator's program and the development commands. A flag of a program is understood by its \
                verbs, too; what an environment variable gives, a flag overrides. The API server has a page of its own: \
                [api-server](../../api-server/README.md).",
        source: "the programs' own help",
        sections,
    }
}

fn walk(command: &Command, level: usize, sections: &mut Vec<Section>) {
    sections.push(section(command, level));
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    for verb in verbs.filter(|verb| verb.get_name() != "help") {
        walk(verb, 3, sections);
    }
}

fn section(command: &Command, level: usize) -> Section {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let about = command.get_long_about().or_else(|| command.get_about());
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let examples = command.get_after_long_help().or_else(|| command.get_after_help());
    let examples = examples.map(|text| text.to_string().trim_end().to_owned());
    let is_program = level == 2;
    let rows = command.get_arguments().filter(|arg| {
        let is_shared = arg.is_global_set() && !is_program;
        !arg.is_hide_set() && !is_shared && !OF_ALL.contains(&arg.get_id().as_str())
    });
    let table = Table::of(["argument", "default", "environment", ""], rows.map(row));
    let typed = [Some(usage), examples].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    Section { code: Some(typed), ..Section::titled(level, &format!("`{name}`")) }
        .with_text(&plain(about))
        .with_table(table)
}

fn row(arg: &Arg) -> [String; 4] {
    let defaults: Vec<_> = arg.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
    let takes_value = arg.get_action().takes_values();
    let default = if takes_value { defaults.join(",") } else { String::new() };
    let environment = arg.get_env().map(|name| name.to_string_lossy().into_owned());
    let help = plain(arg.get_long_help().or_else(|| arg.get_help()));
    let required = if arg.is_required_set() { "required".to_owned() } else { code(&default) };
    [
        code(&name(arg, takes_value)),
        required,
        code(&environment.unwrap_or_default()),
        cell(&format!("{help}{}", values(arg))),
    ]
}

fn name(arg: &Arg, takes_value: bool) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags: Vec<_> = short.into_iter().chain(long).collect();
    let names = arg.get_value_names().unwrap_or_default();
    let value: Vec<_> = names.iter().map(|name| format!("<{name}>")).collect();
    // As clap itself names a value that has no name.
    let unnamed = || format!("<{}>", arg.get_id().as_str().to_uppercase());
    let value = if value.is_empty() { unnamed() } else { value.join(" ") };
    match (flags.is_empty(), takes_value) {
        (true, _) => value,
        (false, true) => format!("{} {value}", flags.join(", ")),
        (false, false) => flags.join(", "),
    }
}

/// The words that it takes, where only some are.
fn values(arg: &Arg) -> String {
    let possible = arg.get_possible_values();
    let shown: Vec<_> = possible
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({})", value.get_name(), plain(Some(help))),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if shown.is_empty() || arg.is_hide_possible_values_set() {
        return String::new();
    }
    format!(". One of {}", shown.join(", "))
}

/// Without colours.
fn plain(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ArgAction;

    #[test]
    fn every_verb_of_the_command_line_and_the_operators_flags_are_there() {
        let page = page();
        let headings: Vec<_> =
            page.sections.iter().map(|section| section.heading.as_str()).collect();
        for heading in [
            "## `apifleet`",
            "### `apifleet status`",
            "### `apifleet simulate`",
            "## `apifleet-controller`",
            "### `cargo xtask bench`",
        ] {
            assert!(headings.contains(&heading), "{heading} is not among {headings:?}");
        }
        let operator =
            page.sections.iter().find(|section| section.heading == "## `apifleet-controller`");
        let rows = &operator.and_then(|section| section.table.as_ref()).expect("flags").rows;
        let lease = rows.iter().find(|row| row.contains("--lease-name")).expect("the lease");
        assert!(
            lease.contains("`LEASE_NAME`") && lease.contains("`apifleet-controller`"),
            "{lease}"
        );
    }

    #[test]
    fn an_argument_says_how_it_is_typed_what_it_takes_and_what_it_is_without() {
        let arg = Arg::new("format").short('o').long("output").value_name("FORMAT");
        let arg = arg.value_parser(["json", "text"]).default_value("json").help("How");
        assert_eq!(
            row(&arg),
            ["`-o, --output <FORMAT>`", "`json`", "", "How. One of `json`, `text`"]
        );
        let flag = Arg::new("quiet").short('q').long("quiet").action(ArgAction::SetTrue);
        assert_eq!(row(&flag), ["`-q, --quiet`", "", "", ""]);
        let place = Arg::new("file").value_name("FILE").required(true);
        assert_eq!(row(&place), ["`<FILE>`", "required", "", ""]);
    }
}

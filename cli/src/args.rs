//! What can be typed: each flag and argument is parsed into a value that means something, and no more is done here.
//! What they mean together is decided once, in [`crate::settings`].

pub mod change;
pub mod check;
mod examples;
pub mod import;
pub mod man;
pub mod ordering;
pub mod plan;
pub mod policy;
pub mod simulate;

use crate::explain::{Assumption, When};
use crate::names::{FleetName, Namespace};
use crate::simulate::typed::Address;
use crate::time::parse_wait;
use check::CheckArgs;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use import::ImportArgs;
use man::ManArgs;
use ordering::{HoldArgs, OverrideArgs, ResumeArgs};
use plan::PlanArgs;
use policy::PolicyArgs;
use simulate::SimulateArgs;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// See what a fleet does, why it has its size, and what comes next; order something else for a while.
///
/// It uses your own credentials, as kubectl does; for people on call the role apifleet-oncall is enough. What writes shows
/// the change and asks before.
#[derive(Debug, Parser)]
#[command(
    name = "apifleet",
    version,
    after_help = examples::TOP,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct LowArgs {
    /// Flags of every verb.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags of every verb.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArgs {
    /// Namespace of the fleet [default: that of the kubeconfig's context]
    #[arg(short, long, global = true, value_name = "NAMESPACE", value_parser = Namespace::parse)]
    pub namespace: Option<Namespace>,

    /// The fleets of all namespaces
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace")]
    pub all_namespaces: bool,

    /// Context of the kubeconfig to use [default: its current one]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,

    /// The kubeconfig [default: $KUBECONFIG, else ~/.kube/config, else the pod's service account]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// How the answer is written; json and yaml are versioned
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum, default_value = "table")]
    pub output: Output,

    /// When to use colours; `NO_COLOR` is respected
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: Color,

    /// Wait so long for each answer of the API server
    #[arg(
        long, global = true, value_name = "LENGTH", value_parser = parse_wait, default_value = "8s"
    )]
    pub request_timeout: Duration,

    /// Say nothing besides the answer and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say what is asked of the API server; twice: every request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For people, with more columns
    Wide,
    /// For programs
    Json,
    /// For programs
    Yaml,
    /// The names alone
    Name,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// What a fleet does: size, signals, why, what comes next; without FLEET a table of all
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Why a fleet has its size: the last decision, stage by stage; and what it would take for another size
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArgs),
    /// Order something of a fleet for a while: a floor, a ceiling, a fixed size, no spot; it ends by itself
    #[command(after_help = examples::OVERRIDE)]
    Override(Box<OverrideArgs>),
    /// Stop a fleet from following demand for a while
    #[command(after_help = examples::HOLD)]
    Hold(HoldArgs),
    /// End a hold before its time
    #[command(after_help = examples::RESUME)]
    Resume(ResumeArgs),
    /// What is planned: windows, pre-warm and floors that are coming, with clock changes marked
    #[command(after_help = examples::CALENDAR)]
    Calendar(CalendarArgs),
    /// What a policy makes of traffic, beside other autoscalers; a table, or a page with plots
    #[command(after_help = examples::SIMULATE)]
    Simulate(Box<SimulateArgs>),
    /// The rules that fleets share: list, show, check, compare and change them
    #[command(after_help = examples::POLICY)]
    Policy(PolicyArgs),
    /// How large a fleet is for a load, on which nodes, and what of it may be lost; without a cluster
    #[command(after_help = examples::PLAN)]
    Plan(Box<PlanArgs>),
    /// The last changes of a fleet's size, and why
    #[command(after_help = examples::HISTORY)]
    History {
        /// The fleet
        #[arg(value_parser = FleetName::parse)]
        fleet: FleetName,
    },
    /// Whether everything that fleets need is as it should be: coded checks, each with what helps
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// A fleet like another autoscaler, as a manifest to begin with: it observes, and writes nothing
    #[command(after_help = examples::IMPORT)]
    Import(ImportArgs),
    /// Write a completion script for a shell
    #[command(after_help = examples::COMPLETION)]
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Write the manual page of apifleet or of a command; all pages with --dir
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
    /// Say which version this is
    Version,
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// The fleet; a table of all where none is named
    #[arg(value_parser = FleetName::parse)]
    pub fleet: Option<FleetName>,

    /// Show every change until you stop it
    #[arg(short, long)]
    pub watch: bool,

    /// Wait until the fleet is so, show it, and exit with 0; with 5 if the time runs out
    #[arg(long, value_name = "STATE", value_enum, requires = "fleet", conflicts_with = "watch")]
    pub wait: Option<WaitFor>,

    /// With --wait: no longer than this
    #[arg(
        long, value_name = "LENGTH", value_parser = parse_wait, default_value = "5m", requires = "wait"
    )]
    pub timeout: Duration,
}

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// The latest edit is taken up and as many replicas are Ready as are wanted
    Ready,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The fleet
    #[arg(value_parser = FleetName::parse)]
    pub fleet: FleetName,

    /// Say what was decided then: 08:03 today, 15m ago, 2026-12-08T08:03, or in UTC, 2026-12-08T07:03:00Z
    #[arg(
        long, value_name = "TIME", value_parser = When::parse,
        conflicts_with_all = ["effective", "why_not", "what_if"]
    )]
    pub at: Option<When>,

    /// With --at: replay what this Prometheus has seen, where the fleet's status does not hold the decision any more
    #[arg(
        long, value_name = "URL", value_parser = Address::parse, env = "PROMETHEUS_URL", hide_env_values = true
    )]
    pub prometheus_url: Option<Address>,

    /// Show the spec with every default applied
    #[arg(long, conflicts_with_all = ["why_not", "what_if"])]
    pub effective: bool,

    /// Say what would have to change for a fleet of N replicas
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000), conflicts_with = "what_if")]
    pub why_not: Option<u32>,

    /// Decide again with other signals: rps=1800,p95=260ms,errors=1%
    #[arg(long, value_name = "SIGNALS", value_parser = Assumption::parse)]
    pub what_if: Option<Assumption>,
}

/// Arguments of `calendar`.
#[derive(Debug, clap::Args)]
pub struct CalendarArgs {
    /// The fleet
    #[arg(value_parser = FleetName::parse, required_unless_present = "file")]
    pub fleet: Option<FleetName>,

    /// Look so far ahead
    #[arg(long, value_name = "LENGTH", value_parser = crate::calendar::Ahead::parse, default_value = "14d")]
    pub next: crate::calendar::Ahead,

    /// Read the fleets from a manifest instead of a cluster; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Under which name the program was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// As itself.
    Apifleet,
    /// By kubectl, as its plugin.
    KubectlPlugin,
}

// === impl Program ===

impl Program {
    /// The name by the first argument of the process.
    #[must_use]
    pub fn of(argument: Option<&OsStr>) -> Self {
        let stem = argument.map(Path::new).and_then(Path::file_stem).and_then(OsStr::to_str);
        match stem {
            Some("kubectl-apifleet") => Self::KubectlPlugin,
            Some(_) | None => Self::Apifleet,
        }
    }

    /// What people type to call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Apifleet => "apifleet",
            Self::KubectlPlugin => "kubectl apifleet",
        }
    }
}

// === impl LowArgs ===

impl LowArgs {
    /// The command with help for the name that it was called by.
    #[must_use]
    pub fn command_of(program: Program) -> clap::Command {
        let command = <Self as CommandFactory>::command().bin_name(program.words());
        match program {
            Program::Apifleet => command,
            Program::KubectlPlugin => examples::for_kubectl(command),
        }
    }

    /// What was typed.
    ///
    /// # Errors
    /// Where it means nothing, and where help or the version was asked for: clap says which.
    pub fn read(program: Program, arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let command = Self::command_of(program);
        let matches = command.try_get_matches_from(arguments)?;
        Self::from_arg_matches(&matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<LowArgs, clap::Error> {
        let program = std::iter::once("apifleet");
        LowArgs::read(
            Program::Apifleet,
            program.chain(arguments.iter().copied()).map(OsString::from).collect(),
        )
    }

    #[test]
    fn the_command_is_well_formed() {
        LowArgs::command_of(Program::Apifleet).debug_assert();
        LowArgs::command_of(Program::KubectlPlugin).debug_assert();
    }

    #[test]
    fn flags_of_every_verb_may_stand_on_either_side_of_it() {
        for arguments in [["-n", "shop", "status", "a"], ["status", "a", "-n", "shop"]] {
            let read = read(&arguments).unwrap();
            assert_eq!(read.global.namespace.unwrap().as_str(), "shop");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let bad: [&[&str]; 25] = [
            &["status", "-A", "-n", "shop"],
            &["status", "--wait", "ready"],
            &["status", "a", "--wait", "ready", "-w"],
            &["status", "a", "--timeout", "3m"],
            &["status", "a", "--wait", "happy"],
            &["status", "../a"],
            &["explain"],
            &["explain", "a", "--effective", "--why-not", "3"],
            &["explain", "a", "--why-not", "-1"],
            &["explain", "a", "--why-not", "4000000000"],
            &["explain", "a", "--at", "soon"],
            &["explain", "a", "--at", "15m", "--effective"],
            &["explain", "a", "--at", "15m", "--why-not", "3"],
            &["explain", "a", "--at", "15m", "--what-if", "rps=1"],
            &["calendar"],
            &["simulate"],
            &["simulate", "-f", "a", "--from", "csv"],
            &["simulate", "-f", "a", "--from", "thin-air"],
            &["simulate", "-f", "a", "--baseline", "hpa,hpaa"],
            &["simulate", "-f", "a", "--max-under", "101%"],
            &["simulate", "-f", "a", "--min", "0"],
            &["simulate", "-f", "a", "--query", "up"],
            &["simulate", "-f", "a", "--start", "soon"],
            &["status", "-q", "-v"],
            &["status", "--request-timeout", "0"],
        ];
        for arguments in bad {
            let error = read(arguments).expect_err(&format!("{arguments:?} was accepted"));
            assert_eq!(error.exit_code(), 2, "{arguments:?}: {error}");
        }
    }

    #[test]
    fn help_shows_the_name_that_was_typed() {
        for (called, shown) in [
            ("/usr/local/bin/apifleet", "apifleet"),
            ("kubectl-apifleet", "kubectl apifleet"),
            ("/x/kubectl-apifleet.exe", "kubectl apifleet"),
            ("renamed", "apifleet"),
        ] {
            assert_eq!(Program::of(Some(OsStr::new(called))).words(), shown);
        }
        let help = LowArgs::read(
            Program::KubectlPlugin,
            vec!["x".into(), "status".into(), "--help".into()],
        );
        let help = help.unwrap_err().to_string();
        assert!(help.contains("Usage: kubectl apifleet status"), "{help}");
        assert!(help.contains("  kubectl apifleet status -A"), "{help}");
        assert!(!help.contains("  apifleet"), "{help}");
    }
}

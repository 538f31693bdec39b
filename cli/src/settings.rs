//! What was typed, as what it means: [`LowArgs`] becomes [`Settings`] once, and nothing later looks at flags again.

mod ordering;
mod planning;
mod policies;
mod simulation;

use crate::args::{
    CalendarArgs, Color, ExplainArgs, GlobalArgs, LowArgs, Output, Program, StatusArgs, Verb,
    WaitFor,
};
use crate::calendar::Ahead;
use crate::check::collect::Scope;
use crate::document::Syntax;
use crate::explain::Assumption;
use crate::explain::at::Past;
use crate::failure::Failure;
use crate::import::Import;
use crate::man::Pages;
use crate::names::{FleetName, Namespace};
use crate::ordering::Order;
use crate::plan::Planned;
use crate::policy::PolicyTask;
use crate::simulate::Simulation;
use crate::terminal::Talk;
use anstream::ColorChoice;
use apifleet_core::Replicas;
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a run is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The name that was called; next commands are shown with it.
    pub program: Program,
    /// How the API server is reached.
    pub access: Access,
    /// Whose fleets are meant.
    pub place: Place,
    /// How the answer is written.
    pub format: Format,
    /// When colours are used.
    pub color: ColorChoice,
    /// How much is said.
    pub talk: Talk,
    /// Whether every request is logged.
    pub log_requests: bool,
    /// What to do.
    pub task: Task,
}

/// How the API server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The kubeconfig, where one was named.
    pub kubeconfig: Option<PathBuf>,
    /// Its context, where one was named.
    pub context: Option<String>,
    /// No call takes longer.
    pub deadline: Duration,
}

/// Whose fleets are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Those of the namespace of the kubeconfig's context.
    Usual,
    /// Those of this namespace.
    Namespace(Namespace),
    /// Those of all.
    All,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    People(Columns),
    /// For programs.
    Document(Syntax),
    /// The names alone.
    Name,
}

/// How many columns people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// The usual ones.
    Usual,
    /// More.
    Wide,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// A table of fleets.
    List {
        /// Whether changes are followed.
        watch: bool,
    },
    /// One fleet.
    Status {
        /// Which.
        fleet: FleetName,
        /// For how long.
        follow: Follow,
    },
    /// Why a fleet has its size.
    Explain {
        /// Which.
        fleet: FleetName,
        /// What is asked.
        question: Question,
    },
    /// Why a fleet had its size.
    ExplainAt {
        /// Which.
        fleet: FleetName,
        /// When, and who knows.
        past: Past,
    },
    /// Something is ordered of a fleet for a while, or ends.
    Order(Box<Order>),
    /// What is ordered, and what was.
    ListOverrides {
        /// Of this fleet, or of all.
        fleet: Option<FleetName>,
    },
    /// What is planned.
    Calendar {
        /// Where the schedules are.
        source: Source,
        /// How far to look.
        ahead: Ahead,
    },
    /// What a policy would make of traffic.
    Simulate(Box<Simulation>),
    /// Something about policies.
    Policy(Box<PolicyTask>),
    /// How large a fleet is for a load.
    Plan(Box<Planned>),
    /// The last changes of a fleet.
    History(FleetName),
    /// Whether everything is as it should be.
    Check(Scope),
    /// A fleet like another autoscaler.
    Import(Import),
    /// A completion script.
    Completion(Shell),
    /// Manual pages.
    Man(Pages),
    /// The version.
    Version,
}

/// For how long a fleet is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Once.
    Once,
    /// Until somebody stops it.
    Watch,
    /// Until it is Ready, and no longer than this.
    UntilReady(Duration),
}

/// What is asked about a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// How it came about.
    Ledger,
    /// What the spec means.
    Effective,
    /// What it would take for so many replicas.
    WhyNot(Replicas),
    /// What would be decided with other signals.
    WhatIf(Assumption),
}

/// Where schedules are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// From a fleet of the cluster.
    Fleet(FleetName),
    /// From a manifest, all fleets in it or the named one.
    File {
        /// The manifest; `-` is standard input.
        path: PathBuf,
        /// The fleet, where one was named.
        fleet: Option<FleetName>,
    },
}

// === impl Task ===

impl Task {
    /// Whether it may be about all namespaces.
    fn is_list(&self) -> bool {
        matches!(
            self,
            Self::List { .. }
                | Self::ListOverrides { fleet: None }
                | Self::Check(Scope { fleet: None, .. })
        ) || matches!(self, Self::Policy(task) if **task == PolicyTask::List)
    }
}

// === impl Settings ===

impl Settings {
    /// Gives what was typed its meaning.
    ///
    /// # Errors
    /// Where flags do not fit together in a way that clap cannot see.
    pub fn new(program: Program, typed: LowArgs) -> Result<Self, Failure> {
        // Without `..`: a new flag cannot be forgotten.
        let LowArgs { global, verb } = typed;
        let GlobalArgs {
            namespace,
            all_namespaces,
            context,
            kubeconfig,
            output,
            color,
            request_timeout,
            quiet,
            verbose,
        } = global;
        let task = task(verb)?;
        if all_namespaces && !task.is_list() {
            return Err(Failure::Usage(
                "-A goes with lists only, such as `status` and `override --list` without FLEET: name the namespace with -n"
                    .to_owned(),
            ));
        }
        let place = match namespace {
            _ if all_namespaces => Place::All,
            Some(namespace) => Place::Namespace(namespace),
            None => Place::Usual,
        };
        let said = match verbose {
            _ if quiet => Talk::Quiet,
            0 => Talk::Usual,
            _ => Talk::Verbose,
        };
        let access = Access { kubeconfig, context, deadline: request_timeout };
        Ok(Self {
            program,
            access,
            place,
            format: format(output),
            color: colors(color),
            talk: said,
            log_requests: verbose > 1,
            task,
        })
    }
}

fn format(output: Output) -> Format {
    match output {
        Output::Table => Format::People(Columns::Usual),
        Output::Wide => Format::People(Columns::Wide),
        Output::Json => Format::Document(Syntax::Json),
        Output::Yaml => Format::Document(Syntax::Yaml),
        Output::Name => Format::Name,
    }
}

fn colors(color: Color) -> ColorChoice {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
}

fn task(verb: Verb) -> Result<Task, Failure> {
    Ok(match verb {
        Verb::Status(StatusArgs { fleet: None, watch, wait: _, timeout: _ }) => {
            Task::List { watch }
        }
        Verb::Status(StatusArgs { fleet: Some(fleet), watch, wait, timeout }) => {
            let follow = match wait {
                Some(WaitFor::Ready) => Follow::UntilReady(timeout),
                None if watch => Follow::Watch,
                None => Follow::Once,
            };
            Task::Status { fleet, follow }
        }
        Verb::Explain(typed) => explaining(typed),
        Verb::Override(typed) => ordering::overriding(*typed)?,
        Verb::Hold(typed) => ordering::holding(typed)?,
        Verb::Resume(typed) => ordering::resuming(typed),
        Verb::Calendar(CalendarArgs { fleet, next: ahead, file }) => match (file, fleet) {
            (Some(path), fleet) => Task::Calendar { source: Source::File { path, fleet }, ahead },
            (None, Some(fleet)) => Task::Calendar { source: Source::Fleet(fleet), ahead },
            (None, None) => {
                return Err(Failure::Usage("name a fleet, or a manifest with -f".to_owned()));
            }
        },
        Verb::Simulate(typed) => Task::Simulate(Box::new(simulation::meant(*typed)?)),
        Verb::Policy(typed) => Task::Policy(Box::new(policies::meant(typed))),
        Verb::Plan(typed) => Task::Plan(Box::new(planning::meant(*typed)?)),
        Verb::History { fleet } => Task::History(fleet),
        Verb::Check(typed) => Task::Check(typed.into()),
        Verb::Import(typed) => Task::Import(typed.into()),
        Verb::Completion { shell } => Task::Completion(shell),
        Verb::Man(typed) => Task::Man(typed.into()),
        Verb::Version => Task::Version,
    })
}

/// What `explain` is asked. An address of Prometheus that only the environment names asks nothing.
fn explaining(typed: ExplainArgs) -> Task {
    let ExplainArgs { fleet, at, prometheus_url: prometheus, effective, why_not, what_if } = typed;
    let question = match (at, why_not, what_if) {
        (Some(when), _, _) => {
            return Task::ExplainAt { fleet, past: Past { when, prometheus } };
        }
        _ if effective => Question::Effective,
        (None, Some(replicas), _) => Question::WhyNot(Replicas::new(replicas)),
        (None, None, Some(assumption)) => Question::WhatIf(assumption),
        (None, None, None) => Question::Ledger,
    };
    Task::Explain { fleet, question }
}

#[cfg(test)]
mod tests;

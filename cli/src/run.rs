//! Carries out what was typed: one run, one exit code.

use crate::args::{LowArgs, Program};
use crate::failure::{Exit, Failure};
use crate::settings::{Settings, Task};
use crate::simulate::simulate;
use crate::terminal::{Talk, Terminal};
use crate::{
    calendar, check, complete, explain, history, import, man, ordering, plan, policy, status,
};
use anstream::ColorChoice;
use std::ffi::OsString;

/// Carries out a command line; the first argument is the name of the program.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> Exit {
    if let Some(words) = complete::words(&arguments) {
        let mut terminal = Terminal::new(ColorChoice::Never, Talk::Quiet);
        let result = terminal.data(&complete::answer(&words));
        return end(&mut terminal, &result);
    }
    let program = Program::of(arguments.first().map(OsString::as_os_str));
    let typed = match LowArgs::read(program, arguments) {
        Ok(typed) => typed,
        Err(error) => return refuse(&error),
    };
    let settings = match Settings::new(program, typed) {
        Ok(settings) => settings,
        Err(failure) => {
            return end(&mut Terminal::new(ColorChoice::Auto, Talk::Usual), &Err(failure));
        }
    };
    if settings.log_requests {
        log_requests();
    }
    let mut terminal = Terminal::new(settings.color, settings.talk);
    let result = carry_out(&settings, &mut terminal);
    end(&mut terminal, &result)
}

/// Help and the version are answers; all else that clap says is wrong usage.
fn refuse(error: &clap::Error) -> Exit {
    // Nobody is left to tell where this cannot be printed.
    let _ = error.print();
    if error.exit_code() == 0 { Exit::Ok } else { Exit::Usage }
}

fn end(terminal: &mut Terminal, result: &Result<(), Failure>) -> Exit {
    match result {
        Ok(()) => Exit::Ok,
        Err(failure @ Failure::ReaderGone) => failure.exit(),
        Err(failure) => {
            terminal.fail(failure);
            failure.exit()
        }
    }
}

fn carry_out(settings: &Settings, terminal: &mut Terminal) -> Result<(), Failure> {
    match &settings.task {
        Task::List { watch } => wait_for(status::list(settings, *watch, terminal)),
        Task::Status { fleet, follow } => wait_for(status::one(settings, fleet, *follow, terminal)),
        Task::Explain { fleet, question } => {
            wait_for(explain::explain(settings, fleet, question, terminal))
        }
        Task::ExplainAt { fleet, past } => {
            wait_for(explain::at::explain_at(settings, fleet, past, terminal))
        }
        Task::Order(order) => wait_for(ordering::order(settings, order, terminal)),
        Task::ListOverrides { fleet } => {
            wait_for(ordering::list(settings, fleet.as_ref(), terminal))
        }
        Task::Calendar { source, ahead } => {
            wait_for(calendar::calendar(settings, source, *ahead, terminal))
        }
        Task::Simulate(asked) => simulate(settings, asked, terminal),
        Task::Policy(task) => wait_for(policy::policy(settings, task, terminal)),
        Task::Plan(planned) => plan::plan(settings, planned, terminal),
        Task::History(fleet) => wait_for(history::history(settings, fleet, terminal)),
        Task::Check(scope) => wait_for(check::check(settings, scope, terminal)),
        Task::Import(asked) => wait_for(import::import(settings, asked, terminal)),
        Task::Completion(shell) => {
            let mut script = Vec::new();
            let mut command = LowArgs::command_of(Program::Apifleet);
            clap_complete::generate(*shell, &mut command, Program::Apifleet.words(), &mut script);
            terminal.data(&String::from_utf8_lossy(&script))
        }
        Task::Man(pages) => man::man(pages, terminal),
        Task::Version => terminal.data(&format!("apifleet {}\n", env!("CARGO_PKG_VERSION"))),
    }
}

/// Runs a verb, or the part of one, that asks the cluster.
pub(crate) fn wait_for<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?
        .block_on(verb)
}

/// Requests as kube-rs logs them, on standard error. It logs no credentials.
fn log_requests() {
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter("kube_client=debug,warn");
    // Failing means that a writer is installed already.
    let _ = builder.try_init();
}

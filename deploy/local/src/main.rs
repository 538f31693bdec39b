//! The daemon of a local cluster. It is started by the library, never by people: `cargo xtask up` and `down`
//! are the commands.

use std::{
    env,
    io::{Write, stderr},
    process::ExitCode,
};

use apifleet_local::daemon::{enter, serve, supervise};

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let ended = match args.as_slice() {
        ["supervise", name] => supervise(name),
        ["serve", name] => serve(name),
        ["enter", entry] => enter(entry).map(|never| match never {}),
        _ => {
            return refuse(
                "this program is started by `cargo xtask up`; to start a cluster, use that",
            );
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => refuse(&problem.to_string()),
    }
}

fn refuse(problem: &str) -> ExitCode {
    // There is nobody to tell if that fails.
    drop(writeln!(stderr(), "apifleet-local: {problem}"));
    ExitCode::from(2)
}

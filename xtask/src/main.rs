//! Development commands: `cargo xtask up | down | test | bench | generate | verify | docs`.
//!
//! Thin on purpose: what the commands do lives in files of its own here and in the crates; this file only parses
//! what was typed and says how it ended.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod bench;
mod book;
mod cli;
mod figures;
mod generate;
#[cfg(test)]
mod links;
mod process;
mod reference;
mod test;
mod up;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

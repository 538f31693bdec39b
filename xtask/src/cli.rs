//! What can be typed, and which command it starts.

use crate::{bench, book, generate, test, up};
use clap::{Parser, Subcommand};

/// Development commands of ApiFleet.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a real Kubernetes on this machine and watch a fleet scale under real load
    Up(up::Up),
    /// Remove every trace of a cluster that `up` started
    Down(up::Down),
    /// Run everything that CI runs, installing what it needs
    Test(test::Test),
    /// Measure, side by side with peers
    Bench(bench::Bench),
    /// Write the generated files: custom resources, the chart's copies, the reference and the figures in the docs
    Generate,
    /// Fail if a generated file is out of date
    Verify,
    /// Build the docs as a book (with mdbook, which is built first) and say where it is
    Docs,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up(up) => up.run(),
            Command::Down(down) => down.run(),
            Command::Test(test) => test.run(),
            Command::Bench(bench) => bench.run(),
            Command::Generate => generate::generate(),
            Command::Verify => generate::verify(),
            Command::Docs => book::build(),
        }
    }
}

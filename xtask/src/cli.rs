//! What can be typed, and which command it starts.

use crate::{generate, test, up};
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
    /// Write the generated files: custom resources and the chart's copies
    Generate,
    /// Fail if a generated file is out of date
    Verify,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up(up) => up.run(),
            Command::Down(down) => down.run(),
            Command::Test(test) => test.run(),
            Command::Generate => generate::generate(),
            Command::Verify => generate::verify(),
        }
    }
}

//! The stack of all end-to-end tests: started by the first that needs it, removed when the program ends.

use anyhow::{Context, Result};
use apifleet_local::progress::Event;
use apifleet_local::stack::{self, Plan, Stack};
use apifleet_local::{Name, Output};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// How long the fleet may take from nothing to its smallest size.
const FIRST_READY: Duration = Duration::from_mins(2);

/// The stack, once it is needed.
#[derive(Default)]
pub struct Platform {
    stack: OnceLock<Stack>,
    /// Only one test starts it.
    starting: Mutex<()>,
}

impl Platform {
    /// The checkout.
    #[must_use]
    pub fn workspace() -> PathBuf {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).unwrap_or(here).to_path_buf()
    }

    /// The running stack with its fleet at its smallest size, all Ready.
    pub fn stack(&self) -> Result<&Stack> {
        let _one = self.starting.lock();
        if let Some(stack) = self.stack.get() {
            return Ok(stack);
        }
        let name: Name = "e2e".parse()?;
        let images = stack::build(&Self::workspace(), &say)?;
        let stack = Stack::up(&Plan::demo(name, Self::workspace(), images), &say)?;
        stack.watch()?.wait("the fleet's first Ready replicas", FIRST_READY, |moment| {
            moment.ready() >= stack::MIN
        })?;
        Ok(self.stack.get_or_init(|| stack))
    }

    /// Removes the stack, if one was started.
    pub fn down(self) -> Result<()> {
        match self.stack.into_inner() {
            Some(stack) => stack.down().context("remove the cluster of the tests"),
            None => Ok(()),
        }
    }
}

/// What both streams of a program said: kubectl writes warnings to one and answers to the other.
#[must_use]
pub fn everything(output: &Output) -> String {
    format!("{}{}", output.stdout, output.stderr)
}

#[allow(clippy::print_stderr, reason = "progress of a test program, for whoever waits for it")]
fn say(event: Event) {
    if let Event::Step(text) = event {
        eprintln!("  {text}");
    }
}

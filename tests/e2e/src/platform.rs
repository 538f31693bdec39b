//! The stack of all end-to-end tests: started by the first that needs it, removed when the program ends.

use crate::keda;
use anyhow::{Context, Result};
use apifleet_local::Name;
use apifleet_local::progress::Event;
use apifleet_local::stack::{self, Plan, Stack};
use std::env;
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
        // As cargo says when it runs the tests: the target folder may be shared with other clones.
        let here = env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
        here.ancestors().nth(2).map_or_else(PathBuf::new, Path::to_path_buf)
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
        // The operator looks for KEDA's kind when it starts and every two minutes: by the case about it, it has found it.
        stack.cluster().apply(&keda::definition().to_string())?;
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

#[allow(clippy::print_stderr, reason = "progress of a test program, for whoever waits for it")]
fn say(event: Event) {
    if let Event::Step(text) = event {
        eprintln!("  {text}");
    }
}

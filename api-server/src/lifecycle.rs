//! Where this process stands between its start and its end, as every thread sees it.
//!
//! The steps go one way: starting, ready, draining, closing. [`crate::serve`] moves it; probes, the
//! measuring middleware and the connections read it. It never waits for anything itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// One step of a process' life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// The store is being opened.
    Starting = 0,
    /// Serving.
    Ready = 1,
    /// Told to end: still serving, while endpoints and load balancers learn of it.
    Draining = 2,
}

/// A shared handle to the process' phase.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    phase: Arc<AtomicU8>,
    closing: CancellationToken,
}

impl Lifecycle {
    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Moves on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// Tells idle connections to close.
    pub fn close_idle_connections(&self) {
        self.closing.cancel();
    }

    /// Resolves when idle connections are to close.
    pub fn closing(&self) -> WaitForCancellationFutureOwned {
        self.closing.clone().cancelled_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_draining_never_becomes_ready_again() {
        let lifecycle = Lifecycle::default();
        assert_eq!(lifecycle.phase(), Phase::Starting);
        lifecycle.advance(Phase::Draining);
        lifecycle.advance(Phase::Ready);
        assert_eq!(lifecycle.phase(), Phase::Draining);
    }
}

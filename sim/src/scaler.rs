//! [`Scaler`]: an autoscaler as the simulator runs it, and [`View`]: all that it can see.
//!
//! A scaler never sees the traffic itself, only what the metric path makes of it; the oracle, which does, is given it
//! when it is made. Called by [`crate::run`] alone.

use crate::metrics::Metrics;
use crate::plant::spot::SpotView;
use jiff::Timestamp;

/// An autoscaler: ours, a peer's, an oracle.
pub trait Scaler {
    /// What tables and reports call it.
    fn name(&self) -> String;

    /// Seconds to the next look, at least one; asked for after each look. When the first look is, is drawn per run.
    fn period(&self) -> u32;

    /// The size it wants now; `None` leaves the size as it is.
    fn look(&mut self, view: &View<'_>) -> Option<u32>;

    /// How many of the replicas of the last look are to be on spot; `None` leaves that to the plant, which keeps the
    /// scenario's share. Only asked where the scenario has spot.
    fn spot(&self) -> Option<u32> {
        None
    }

    /// The process died and is back: what it kept in memory only is gone.
    fn restart(&mut self, view: &View<'_>);
}

/// What an autoscaler can see.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The time.
    pub now: Timestamp,
    /// `spec.replicas`, of both targets together.
    pub wanted: u32,
    /// `status.replicas`: starting ones included.
    pub existing: u32,
    /// Ready pods.
    pub ready: u32,
    /// The smallest and the largest size.
    pub bounds: (u32, u32),
    /// Every pod that exists, oldest first.
    pub pods: &'a [Pod],
    /// The metric path: scrape phase, rate window, query delay, faults.
    pub metrics: &'a Metrics,
    /// The spot nodes; `None` where the scenario has none.
    pub spot: Option<SpotView<'a>>,
}

/// A pod of the fleet. Instants are whole seconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pod {
    /// Since when it exists.
    pub created: i64,
    /// When it has a node; `i64::MAX` while nobody knows.
    pub scheduled: i64,
    /// When it is Ready, if nothing happens to it before; `i64::MAX` while nobody knows.
    pub ready: i64,
    /// Which target it belongs to.
    pub target: Target,
}

/// Which target a pod belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Nobody takes its node away.
    OnDemand,
    /// It is on a spot node.
    Spot {
        /// The node by its place in [`SpotView::nodes`]' numbering; `None` while it waits for one.
        node: Option<u32>,
    },
}

impl Pod {
    /// Whether it is Ready.
    #[must_use]
    pub fn is_ready(&self, now: Timestamp) -> bool {
        self.ready <= now.as_second()
    }

    /// How long it has been Ready, in seconds; `None` where it is not.
    #[must_use]
    pub fn ready_for(&self, now: Timestamp) -> Option<i64> {
        let age = now.as_second().checked_sub(self.ready)?;
        (age >= 0).then_some(age)
    }
}

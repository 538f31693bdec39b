//! Lets every policy do the same work, as many at a time as the machine has cores.

use super::peers;
use super::subject::Subject;
use crate::failure::Failure;
use apifleet_core::FleetPolicy;
use apifleet_sim::baselines::{Settings, named};
use apifleet_sim::oracle::Oracle;
use apifleet_sim::ours::Ours;
use apifleet_sim::report::{Entry, Role};
use apifleet_sim::{Load, Run, Scaler, Scenario, simulate_load};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// A policy that is to do the work: what is needed to make its autoscaler, where it runs.
#[derive(Debug, Clone)]
pub enum Contestant {
    /// The operator.
    Ours {
        /// What it is beside the others: another version of a policy is a peer.
        role: Role,
        /// What tables call it.
        name: String,
        /// What it decides by.
        policy: Box<FleetPolicy>,
    },
    /// One of the simulator's list.
    Peer {
        /// Its name there.
        name: String,
        /// What it is told of the fleet.
        settings: Settings,
    },
    /// Knows what comes.
    Oracle,
}

// === impl Contestant ===

impl Contestant {
    /// The policy itself, then another version of it, then its peers, then the oracle.
    #[must_use]
    pub fn all(
        subject: &Subject,
        other: Option<&Subject>,
        typed: Option<&[peers::Peer]>,
    ) -> Vec<Self> {
        let decided = |role, subject: &Subject| Self::Ours {
            role,
            name: subject.title.clone(),
            policy: Box::new(subject.policy.clone()),
        };
        let ours = decided(Role::Ours, subject);
        let other = other.map(|other| decided(Role::Peer, other));
        let settings = peers::settings(subject);
        let names = peers::names(&subject.policy, typed);
        let peers = names.into_iter().map(|name| Self::Peer { name, settings: settings.clone() });
        std::iter::once(ours).chain(other).chain(peers).chain([Self::Oracle]).collect()
    }

    fn role(&self) -> Role {
        match self {
            Self::Ours { role, .. } => *role,
            Self::Peer { name, .. } if peers::is_fixed(name) => Role::Fixed,
            Self::Peer { .. } => Role::Peer,
            Self::Oracle => Role::Oracle,
        }
    }

    /// The autoscaler; `None` for a name that is none, which cannot be typed.
    fn build(&self, scenario: &Scenario, load: &Load) -> Option<Box<dyn Scaler>> {
        match self {
            Self::Ours { name, policy, role: _ } => {
                Some(Box::new(Ours::new(name.clone(), policy.as_ref().clone())))
            }
            Self::Peer { name, settings } => named(name, settings),
            Self::Oracle => Some(Box::new(Oracle::stable(scenario, load))),
        }
    }

    fn run(&self, scenario: &Scenario, load: &Load) -> Option<Run> {
        let mut scaler = self.build(scenario, load)?;
        Some(simulate_load(scenario, load, scaler.as_mut()))
    }
}

/// Runs all of them and returns their entries in the same order; `done` is told after each.
///
/// # Errors
/// Where one gave no answer, which is a defect.
pub fn run_all(
    contestants: &[Contestant],
    scenario: &Scenario,
    load: &Load,
    mut done: impl FnMut(),
) -> Result<Vec<Entry>, Failure> {
    let many = contestants.len();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(many);
    let next = AtomicUsize::new(0);
    let (sender, finished) = mpsc::sync_channel(many.max(1));
    let mut runs: Vec<Option<Run>> = vec![None; many];
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(contestant) = contestants.get(at) else { return };
                    if sender.send((at, contestant.run(scenario, load))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (at, run) in finished {
            if let Some(place) = runs.get_mut(at) {
                *place = run;
            }
            done();
        }
    });
    let whole: Option<Vec<Run>> = runs.into_iter().collect();
    let runs = whole.ok_or_else(|| Failure::Document("a run ended early".to_owned()))?;
    let roles = contestants.iter().map(Contestant::role);
    Ok(roles.zip(runs).map(|(role, run)| Entry { role, run }).collect())
}

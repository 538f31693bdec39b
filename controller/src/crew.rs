//! The reconciles under way: bounded in number and time, each on its own. One that hangs or panics ends alone.
//!
//! Knows nothing of fleets but their names; used by [`crate::engine`].

use crate::caches::Key;
use crate::error::Class;
use crate::roster::{Done, Ended, Ticket};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::task::JoinSet;

/// Fleets that are reconciled at once.
const AT_ONCE: usize = 32;
/// One reconcile takes no longer; a fleet that does is taken up anew from its status.
const LONGEST: Duration = Duration::from_secs(25);

/// The reconciles under way.
#[derive(Default)]
pub struct Crew {
    tasks: JoinSet<Done>,
}

impl Crew {
    /// Whether there is a slot for one more.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.tasks.len() < AT_ONCE
    }

    /// Starts a fleet's reconcile. Where there is no room, it has to wait elsewhere.
    pub fn start(&mut self, key: Key, ticket: Ticket, work: BoxFuture<'static, Ended>) {
        self.tasks.spawn(async move {
            let work = tokio::time::timeout(LONGEST, AssertUnwindSafe(work).catch_unwind());
            let ended = match work.await {
                Ok(Ok(ended)) => ended,
                Ok(Err(_)) => {
                    tracing::error!(fleet = %key, "the reconcile panicked: a bug; the fleet is taken up anew");
                    Ended::Without(Class::Bug)
                }
                Err(_) => {
                    tracing::warn!(fleet = %key, "the reconcile took too long; the fleet is taken up anew");
                    Ended::Without(Class::Transient)
                }
            };
            Done { key, ticket, ended }
        });
    }

    /// The next reconcile that ends; `None` while there are none.
    pub async fn ended(&mut self) -> Option<Done> {
        // A task that is cancelled ends only with the process.
        self.tasks.join_next().await.and_then(Result::ok)
    }

    /// Whether all have ended.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until all have ended.
    pub async fn drain(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn start(crew: &mut Crew, name: &str, work: impl Future<Output = Ended> + Send + 'static) {
        crew.start(Key::new("shop", name), Ticket::default(), work.boxed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_fleet_that_panics_or_hangs_delays_no_other() {
        let started = Instant::now();
        let mut crew = Crew::default();
        start(&mut crew, "hangs", std::future::pending());
        start(&mut crew, "panics", async { panic!("poisoned") });
        for n in 0..10 {
            start(&mut crew, &format!("good-{n}"), async { Ended::Without(Class::Transient) });
        }
        let mut ended = Vec::new();
        for _ in 0..11 {
            ended.push(crew.ended().await.unwrap());
        }
        assert_eq!(started.elapsed(), Duration::ZERO, "all but one end at once");
        let panicked = ended.iter().find(|done| &*done.key.name == "panics").unwrap();
        assert!(matches!(panicked.ended, Ended::Without(Class::Bug)));
        assert!(!crew.is_idle());
        let hung = crew.ended().await.unwrap();
        assert_eq!((&*hung.key.name, started.elapsed()), ("hangs", LONGEST));
        assert!(crew.is_idle() && crew.ended().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_so_many_and_for_one_more_whenever_one_ends() {
        let mut crew = Crew::default();
        for n in 0..AT_ONCE {
            assert!(crew.has_room());
            start(&mut crew, &n.to_string(), async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ended::Without(Class::Transient)
            });
        }
        assert!(!crew.has_room());
        crew.ended().await;
        assert!(crew.has_room());
        crew.drain().await;
        assert!(crew.is_idle());
    }
}

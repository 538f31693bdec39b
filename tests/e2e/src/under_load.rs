//! Load that lasts for as long as something takes, and no longer.

use anyhow::{Result, anyhow, bail};
use apifleet_local::load::{Outcome, Running};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long each of the streams is that make up such a load: it goes on for so long at most when what it was for is done.
const PIECE: Duration = Duration::from_secs(10);
/// More streams than any test needs.
const MOST: u32 = 90;

/// Does something under load, and returns what came of both. `load` starts a stream that lasts for so long; that is done again
/// and again.
pub fn under_load<T>(
    load: impl Fn(Duration) -> apifleet_local::Result<Running> + Sync,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Outcome)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| -> Result<(T, Outcome)> {
        let sending = scope.spawn(|| send_until(&done, &load));
        let worked = work();
        done.store(true, Ordering::Relaxed);
        let sent = sending.join();
        let sent = sent.unwrap_or_else(|_| Err(anyhow!("the thread of the load panicked")));
        Ok((worked?, sent?))
    })
}

fn send_until(
    done: &AtomicBool,
    load: &impl Fn(Duration) -> apifleet_local::Result<Running>,
) -> Result<Outcome> {
    let mut all = Outcome::none()?;
    let mut running = load(PIECE)?;
    for _ in 0..MOST {
        thread::sleep(PIECE.saturating_sub(running.began.elapsed()));
        if done.load(Ordering::Relaxed) {
            all.add(&running.wait()?)?;
            return Ok(all);
        }
        // It begins before the last answers of the one before are there, so that there is no gap.
        let next = load(PIECE)?;
        all.add(&running.wait()?)?;
        running = next;
    }
    bail!("a load was needed for longer than {:?}", PIECE * MOST)
}

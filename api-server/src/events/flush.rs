//! Stores accepted events in batches, when nothing more important wants the store.
//!
//! Each batch takes a background slot, so it waits while the server is loaded; meanwhile the buffer fills, and then
//! new events are refused. A batch that the store refuses is tried again, a bounded number of times: its events have
//! keys, so those of a try whose answer was lost are not stored twice. Told to stop, it writes what is left within
//! a bound. Run by [`crate::serve`] as one task.

use std::time::Duration;

use actix_web::web::Data;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::event::Event;
use crate::admission::Slot;
use crate::http::Api;
use crate::logs::Seldom;
use crate::metrics::{Class, Loss};
use crate::store::StoreError;
use crate::time::Deadline;

/// Most events in one statement.
const BATCH: usize = 500;
/// How long the first event of a batch waits for others.
const LINGER: Duration = Duration::from_millis(200);
/// Longest time for storing a batch.
const WRITE_LIMIT: Duration = Duration::from_secs(1);
/// Tries for one batch, and the pause before the next.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);
/// Pause between two looks for a free slot.
const SLOT_PAUSE: Duration = Duration::from_millis(50);
/// Longest time for storing what is left when told to stop.
pub const STOP_LIMIT: Duration = Duration::from_secs(1);

/// The task.
#[derive(Debug)]
pub struct Flusher {
    api: Data<Api>,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
    log: Seldom,
}

impl Flusher {
    /// Will store what comes out of `events` until told to `stop`.
    #[must_use]
    pub fn new(api: Data<Api>, events: mpsc::Receiver<Event>, stop: CancellationToken) -> Self {
        Self { api, events, stop, log: Seldom::default() }
    }

    /// Runs until told to stop; then stores what is left.
    pub async fn run(mut self) {
        let stop = self.stop.clone();
        let mut batch = Vec::with_capacity(BATCH);
        // Whatever is interrupted leaves its events in the batch; writing them again stores none twice.
        let _ = stop.run_until_cancelled(self.store_batches(&mut batch)).await;
        self.finish(batch).await;
    }

    async fn store_batches(&mut self, batch: &mut Vec<Event>) {
        while self.fill(batch).await {
            self.store_batch(batch).await;
        }
    }

    /// Waits for an event and a moment longer for others; false once there can be no more.
    async fn fill(&mut self, batch: &mut Vec<Event>) -> bool {
        if self.events.recv_many(batch, BATCH).await == 0 {
            return false;
        }
        let gather = async {
            while batch.len() < BATCH && self.events.recv_many(batch, BATCH - batch.len()).await > 0
            {
            }
        };
        // The rest of the batch is not worth waiting for any longer.
        let _ = timeout(LINGER, gather).await;
        true
    }

    /// Stores a batch or, after many tries, gives it up; it is empty afterwards.
    async fn store_batch(&self, batch: &mut Vec<Event>) {
        for _ in 0..ATTEMPTS {
            let slot = self.slot().await;
            let stored = self.write(batch, Deadline::after(Instant::now(), WRITE_LIMIT)).await;
            drop(slot);
            if stored.is_ok() {
                batch.clear();
                return;
            }
            sleep(PAUSE).await;
        }
        self.drop_batch(batch, Loss::Store);
    }

    async fn slot(&self) -> Slot<'_> {
        loop {
            if let Some(slot) = self.api.admission.slot(Class::Background, Duration::ZERO) {
                return slot;
            }
            sleep(SLOT_PAUSE).await;
        }
    }

    async fn write(&self, batch: &mut [Event], deadline: Deadline) -> Result<(), StoreError> {
        batch.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        self.api.store.store().store_events(batch, deadline).await?;
        self.api.metrics.events_stored(batch.len());
        Ok(())
    }

    async fn finish(&mut self, mut batch: Vec<Event>) {
        let deadline = Deadline::after(Instant::now(), STOP_LIMIT);
        loop {
            while batch.len() < BATCH
                && let Ok(event) = self.events.try_recv()
            {
                batch.push(event);
            }
            if batch.is_empty() {
                return;
            }
            match self.write(&mut batch, deadline).await {
                Ok(()) => batch.clear(),
                Err(_) => self.drop_batch(&mut batch, Loss::Shutdown),
            }
        }
    }

    fn drop_batch(&self, batch: &mut Vec<Event>, reason: Loss) {
        self.log.warn(&format_args!("events: gave up {}; the store takes none", batch.len()));
        self.api.metrics.events_dropped(reason, batch.len());
        batch.clear();
    }
}

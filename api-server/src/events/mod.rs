//! Events that clients report: taken at once, stored soon, the first thing to go when there is too much to do.
//!
//! * [`event`]: what is accepted.
//! * [`flush`]: the task that stores them in batches.
//!
//! [`Buffer`] stands between the two. What is in it was promised to the client as "accepted", no more: a killed
//! process loses it; a process that is told to end stores it first.

pub mod event;
pub mod flush;

use tokio::sync::mpsc;

use crate::metrics::{Loss, Metrics};
use event::Event;

/// Most events that wait to be stored: some 2 MiB.
const CAPACITY: usize = 10_000;

/// Where accepted events wait.
#[derive(Debug)]
pub struct Buffer {
    sender: mpsc::Sender<Event>,
    metrics: Metrics,
}

/// There is no room for so many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for so many events; try again later")]
pub struct Full;

impl Buffer {
    /// An empty buffer, and the end at which [`flush`] takes events out.
    #[must_use]
    pub fn new(metrics: Metrics) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self { sender, metrics }, receiver)
    }

    /// Takes all of `events` or, counted as dropped, none.
    pub fn offer(&self, events: Vec<Event>) -> Result<(), Full> {
        let count = events.len();
        let places = self.sender.try_reserve_many(count).map_err(|_| {
            self.metrics.events_dropped(Loss::Full, count);
            Full
        })?;
        for (place, event) in places.zip(events) {
            place.send(event);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{IdempotencyKey, UserId};
    use event::Kind;

    fn events(count: usize) -> Vec<Event> {
        let event = Event {
            user: UserId::parse("1", 1).unwrap(),
            id: IdempotencyKey::parse(b"k").unwrap(),
            kind: Kind::parse("door_opened".into()).unwrap(),
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        vec![event; count]
    }

    #[test]
    fn takes_all_of_a_batch_or_counts_it_as_dropped() {
        let metrics = Metrics::default();
        let (buffer, mut receiver) = Buffer::new(metrics.clone());
        assert_eq!(buffer.offer(events(CAPACITY - 10)), Ok(()));
        assert_eq!(buffer.offer(events(11)), Err(Full));
        assert_eq!(buffer.offer(events(10)), Ok(()));
        assert_eq!(buffer.offer(events(1)), Err(Full));
        assert!(receiver.try_recv().is_ok());
        assert_eq!(buffer.offer(events(1)), Ok(()));
        let text = metrics.render().unwrap();
        assert!(text.contains("events_dropped_total{reason=\"full\"} 12\n"), "{text}");
    }
}

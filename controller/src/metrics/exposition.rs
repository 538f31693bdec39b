//! The text of all metrics, as it is served: made once a second at most, shared by everyone who reads it, and gone once
//! it is old and has been read. For 10,000 fleets it has 20 MB; a dozen slow readers with a text each would take more
//! memory than all else.
//!
//! Used by [`crate::health`].

use super::Metrics;
use hyper::body::Bytes;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// For so long a text is new enough for the next reader.
const FRESH: Duration = Duration::from_secs(1);

/// The metrics, and the texts of them that are there.
#[derive(Debug)]
pub(crate) struct Exposition {
    metrics: Arc<Metrics>,
    texts: Mutex<Texts>,
}

/// Two at most, however slowly they are read.
#[derive(Debug, Default)]
struct Texts {
    /// Those that are fresh or being read, the newest last.
    held: Vec<Weak<Text>>,
    /// How many bytes the newest had.
    length: usize,
}

/// The metrics of one moment.
#[derive(Debug)]
struct Text {
    made: Instant,
    body: String,
}

/// Who holds a text.
struct Reader(Arc<Text>);

impl AsRef<[u8]> for Reader {
    fn as_ref(&self) -> &[u8] {
        self.0.body.as_bytes()
    }
}

impl Exposition {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, texts: Mutex::default() }
    }

    /// The text, a second old at most; older while two are being read that slowly. It is let go of by a task.
    pub(crate) fn text(&self) -> Result<Bytes, std::fmt::Error> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let Texts { held, length } = &mut *texts;
        held.retain(|text| text.strong_count() > 0);
        if let Some(text) = held.last().and_then(Weak::upgrade)
            && (text.made.elapsed() < FRESH || held.len() > 1)
        {
            return Ok(Bytes::from_owner(Reader(text)));
        }
        // With room for a little more than the last one had: a text that outgrows its room is moved to twice of it.
        let mut body = String::with_capacity(*length + *length / 16);
        self.metrics.write(&mut body)?;
        *length = body.len();
        let text = Arc::new(Text { made: Instant::now(), body });
        held.push(Arc::downgrade(&text));
        tokio::spawn(keep(Arc::clone(&text)));
        Ok(Bytes::from_owner(Reader(text)))
    }
}

/// Holds a text for the next reader while it is fresh.
async fn keep(text: Arc<Text>) {
    tokio::time::sleep_until(text.made + FRESH).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_text_is_shared_for_a_second_and_slow_readers_hold_two_at_most() {
        let exposition = Exposition::new(Arc::default());
        let text = || exposition.text().unwrap();
        let first = [text(), text()];
        assert_eq!(first[0].as_ptr(), first[1].as_ptr());
        tokio::time::advance(FRESH).await;
        let second = text();
        assert_ne!(second.as_ptr(), first[0].as_ptr(), "it was old");
        tokio::time::advance(FRESH).await;
        assert_eq!(text().as_ptr(), second.as_ptr(), "both are being read: there is no third");
        drop(first);
        assert_ne!(text().as_ptr(), second.as_ptr());
    }

    #[tokio::test(start_paused = true)]
    async fn a_text_is_let_go_once_it_is_old_and_has_been_read() {
        let exposition = Exposition::new(Arc::default());
        let held = || {
            let texts = exposition.texts.lock().unwrap();
            texts.held.iter().filter(|text| text.strong_count() > 0).count()
        };
        let slow = exposition.text().unwrap();
        tokio::time::sleep(FRESH * 2).await;
        assert_eq!(held(), 1, "it is being read");
        drop(slow);
        assert_eq!(held(), 0);
        drop(exposition.text().unwrap());
        tokio::time::sleep(FRESH / 2).await;
        assert_eq!(held(), 1, "it is fresh for the next reader");
        tokio::time::sleep(FRESH).await;
        assert_eq!(held(), 0);
    }
}

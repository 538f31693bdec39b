//! The text of all metrics, as it is served: made once a second at most, and shared by everyone who reads it. For 10,000
//! fleets it has 20 MB; a dozen slow readers with a text each would take more memory than all else.
//!
//! Used by [`crate::health`].

use super::Metrics;
use hyper::body::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The newest, and when it was made.
    newest: Option<(Instant, Bytes)>,
    /// The one before, while somebody still reads it.
    before: Option<Bytes>,
}

impl Exposition {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, texts: Mutex::default() }
    }

    /// The text, a second old at most; older while two are being read that slowly.
    pub(crate) fn text(&self) -> Result<Bytes, std::fmt::Error> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let Texts { newest, before } = &mut *texts;
        *before = before.take().filter(is_read);
        if let Some((made, text)) = newest
            && (made.elapsed() < FRESH || before.is_some())
        {
            return Ok(text.clone());
        }
        *before = newest.take().map(|(_, text)| text).filter(is_read);
        let text = Bytes::from(self.metrics.encode()?);
        *newest = Some((Instant::now(), text.clone()));
        Ok(text)
    }
}

/// Whether anybody but us holds the text.
fn is_read(text: &Bytes) -> bool {
    !text.is_unique()
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
}

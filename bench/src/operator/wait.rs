//! Waiting for something to become so: bounded, told to whoever watches.

use crate::Result;
use apifleet_local::Error;
use std::time::{Duration, Instant};

/// Asks every so often until the answer is something; an error ends it, and so does the deadline.
pub(crate) async fn until<T>(
    what: &str,
    (every, deadline): (Duration, Duration),
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if Instant::now() >= end {
            return Err(Error::Timeout { what: what.into(), seconds: deadline.as_secs() }.into());
        }
        tokio::time::sleep(every).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

    #[tokio::test]
    async fn the_first_answer_ends_it() {
        let mut asked = 0;
        let answer = until("it", SOON, async || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(answer.await.expect("an answer"), 3);
    }

    #[tokio::test]
    async fn what_never_comes_is_named_and_an_error_is_not_waited_out() {
        let never = until::<()>("the moon", SOON, async || Ok(None)).await;
        assert!(never.expect_err("too late").to_string().contains("the moon"));
        let long = (Duration::from_mins(1), Duration::from_mins(1));
        let failed = until::<()>("it", long, async || Err(Error::Refused("it died".into()).into()));
        assert!(failed.await.expect_err("an error").to_string().contains("it died"));
    }
}

//! One kind as an endless stream of events: lists it, then watches it, and begins again where that breaks. Nothing is
//! kept or decided here; used by [`super::Cache::fill`].
//!
//! It says what kube's `watcher` says, in the same words, and does four things that it does not: every page of a list and
//! every start of a watch has a deadline; a list that is older than what was seen before is refused ([`Horizon`]); a watch
//! that cannot be resumed because its version is gone is begun anew with a list however that is said; and the pause that
//! the server asks for is kept ([`Pause`]).

use super::horizon::Horizon;
use crate::kubernetes::{Pause, WATCH_SECONDS};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::core::ObjectList;
use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A page of a list, and the beginning of a watch, are waited for no longer.
const ANSWER: Duration = Duration::from_secs(10);
/// A watch that is silent for so long is dead: the server ends each after a minute, and sends bookmarks before.
const SILENCE: Duration = Duration::from_secs(65);
/// A watch that ends sooner is not begun again before: a server that ends each at once is not asked without end.
const SHORTEST: Duration = Duration::from_secs(1);
/// Objects on one page.
const PAGE: u32 = 500;

/// How one kind is looked at.
pub(super) struct Feed<K> {
    pub(super) api: Api<K>,
    pub(super) horizon: Arc<Horizon>,
    pub(super) pause: Pause,
}

/// How far it is. A version is that of the last thing seen, from which a watch goes on.
enum Stage<K> {
    Start,
    Listing { page: VecDeque<K>, rest: Option<String>, version: String },
    Listed { version: String },
    Watching { version: String, watch: Watch<K> },
}

/// A watch that is open.
struct Watch<K> {
    events: BoxStream<'static, kube::Result<WatchEvent<K>>>,
    began: Instant,
}

/// What a step says, if anything, and how far it came.
type Step<K> = (Option<watcher::Result<Event<K>>>, Stage<K>);

// === impl Feed ===

impl<K> Feed<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// Events without end. After an error whoever polls it decides when it goes on.
    pub(super) fn events(self) -> impl Stream<Item = watcher::Result<Event<K>>> + Send {
        stream::unfold((self, Stage::Start), |(feed, mut stage)| async move {
            loop {
                match feed.step(stage).await {
                    (Some(event), next) => return Some((event, (feed, next))),
                    (None, next) => stage = next,
                }
            }
        })
    }

    async fn step(&self, stage: Stage<K>) -> Step<K> {
        match stage {
            Stage::Start => self.begin_list().await,
            Stage::Listing { mut page, rest, version } => match page.pop_front() {
                Some(object) => {
                    (Some(Ok(Event::InitApply(object))), Stage::Listing { page, rest, version })
                }
                None => self.turn_page(rest, version).await,
            },
            Stage::Listed { version } => self.begin_watch(version).await,
            Stage::Watching { version, watch } => self.follow(version, watch).await,
        }
    }

    async fn begin_list(&self) -> Step<K> {
        let list = match self.list(None).await {
            Ok(list) => list,
            Err(error) => return failed(watcher::Error::InitialListFailed(error), Stage::Start),
        };
        let Some(version) = list.metadata.resource_version.clone().filter(|it| !it.is_empty())
        else {
            return failed(watcher::Error::NoResourceVersion, Stage::Start);
        };
        if !self.horizon.admits(&version, Instant::now()) {
            let why = "the list is older than what was seen before: the API server that answered lags behind";
            let error = kube::Error::Service(why.into());
            return failed(watcher::Error::InitialListFailed(error), Stage::Start);
        }
        let rest = rest_of(&list);
        (Some(Ok(Event::Init)), Stage::Listing { page: list.items.into(), rest, version })
    }

    async fn turn_page(&self, rest: Option<String>, version: String) -> Step<K> {
        let Some(token) = rest else {
            return (Some(Ok(Event::InitDone)), Stage::Listed { version });
        };
        match self.list(Some(&token)).await {
            Ok(list) => {
                let rest = rest_of(&list);
                (None, Stage::Listing { page: list.items.into(), rest, version })
            }
            // Its token may have expired: only a new list is a whole one.
            Err(error) => failed(watcher::Error::InitialListFailed(error), Stage::Start),
        }
    }

    async fn list(&self, token: Option<&str>) -> kube::Result<ObjectList<K>> {
        self.pause.over().await;
        let params = ListParams::default().limit(PAGE);
        let params = match token {
            Some(token) => params.continue_token(token),
            None => params,
        };
        within(self.api.list(&params)).await
    }

    async fn begin_watch(&self, version: String) -> Step<K> {
        self.pause.over().await;
        let params = WatchParams::default().timeout(WATCH_SECONDS);
        match within(self.api.watch(&params, &version)).await {
            Ok(events) => {
                let watch = Watch { events: events.boxed(), began: Instant::now() };
                (None, Stage::Watching { version, watch })
            }
            Err(error) => {
                let gone = matches!(&error, kube::Error::Api(status) if status.code == 410);
                let next = if gone { Stage::Start } else { Stage::Listed { version } };
                failed(watcher::Error::WatchStartFailed(error), next)
            }
        }
    }

    async fn follow(&self, version: String, mut watch: Watch<K>) -> Step<K> {
        let Ok(Some(event)) = tokio::time::timeout(SILENCE, watch.events.next()).await else {
            // It ended, or is dead: it is resumed, and misses nothing.
            tokio::time::sleep_until(watch.began + SHORTEST).await;
            return (None, Stage::Listed { version });
        };
        match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                self.tell(object, Event::Apply, watch)
            }
            Ok(WatchEvent::Deleted(object)) => self.tell(object, Event::Delete, watch),
            Ok(WatchEvent::Bookmark(mark)) => {
                let version = mark.metadata.resource_version;
                self.horizon.saw(&version);
                (None, Stage::Watching { version, watch })
            }
            Ok(WatchEvent::Error(status)) => {
                let next =
                    if status.code == 410 { Stage::Start } else { Stage::Listed { version } };
                failed(watcher::Error::WatchError(status), next)
            }
            // An event that cannot be read hides no other; a stream that is broken ends by itself.
            Err(error) => {
                failed(watcher::Error::WatchFailed(error), Stage::Watching { version, watch })
            }
        }
    }

    fn tell(&self, object: K, event: fn(K) -> Event<K>, watch: Watch<K>) -> Step<K> {
        match object.resource_version().filter(|version| !version.is_empty()) {
            Some(version) => {
                self.horizon.saw(&version);
                (Some(Ok(event(object))), Stage::Watching { version, watch })
            }
            None => failed(watcher::Error::NoResourceVersion, Stage::Start),
        }
    }
}

fn failed<K>(error: watcher::Error, next: Stage<K>) -> Step<K> {
    (Some(Err(error)), next)
}

/// Where the next page is found.
fn rest_of<K: Clone>(list: &ObjectList<K>) -> Option<String> {
    list.metadata.continue_.clone().filter(|token| !token.is_empty())
}

/// An answer in time, or an error.
async fn within<T>(call: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let late = || kube::Error::Service(format!("no answer within {} s", ANSWER.as_secs()).into());
    tokio::time::timeout(ANSWER, call).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_watch_is_noticed_within_65_seconds_and_a_quiet_one_is_left_in_peace() {
        assert!(SILENCE <= Duration::from_secs(65));
        assert!(SILENCE > Duration::from_secs(u64::from(WATCH_SECONDS)));
    }
}

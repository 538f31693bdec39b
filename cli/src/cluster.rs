//! Every call that this program makes to the API server, each with a deadline and without hidden retries, and a failure
//! that says what was being done and what helps ([`Problem`]). What writes is in `write`.
//!
//! Called by the verbs. What is read is returned as it is; [`crate::view`] makes sense of it.

mod config;
pub mod decided;
mod events;
mod foreign;
mod problem;
mod shared;
mod write;

pub use decided::Decided;
pub use problem::{Problem, Resource};
pub use shared::{Policies, pressing};
pub use write::{Ours, Target};

use crate::names::FleetName;
use crate::near::nearest;
use crate::settings::{Access, Place};
use apifleet_crds::ApiFleet;
use futures::{Stream, StreamExt as _};
use k8s_openapi::NamespaceResourceScope;
use kube::Client;
use kube::Resource as Kind;
use kube::api::{Api, ListParams};
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::{WatchStreamExt as _, watcher};
use problem::Asked;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

/// Objects of one page of a list.
const PAGE: u32 = 500;
/// More pages than this are not read.
const MOST_PAGES: usize = 400;
/// How often a list is begun anew because the server no longer knows its place.
const RESTARTS: usize = 2;
/// A watch is closed and resumed after this long; a dead connection is noticed five seconds later.
const WATCH_SECONDS: u32 = 60;

/// A fleet as it was read; or why it is not understood.
pub type Read = Result<ApiFleet, Box<InvalidObject>>;

/// What is read: an object of a namespace, of a kind of ours.
trait Object:
    Kind<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug
{
}

impl<K> Object for K where
    K: Kind<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned + Clone + Debug
{
}

/// The API server.
pub struct Cluster {
    client: Client,
    server: String,
    namespace: String,
    deadline: Duration,
}

/// What a watch tells.
pub enum Change {
    /// The fleet is there, like this.
    Is(Box<Read>),
    /// The fleet was deleted.
    Deleted(String),
    /// The watch is broken and tried again.
    Broken(Problem),
}

// === impl Cluster ===

impl Cluster {
    /// Finds the API server; nothing is sent yet.
    pub async fn connect(access: &Access) -> Result<Self, Problem> {
        let config = config::load(access).await?;
        let server = config.cluster_url.to_string();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| {
            Problem::of(error, &Asked::new("connect", Resource::Fleets, None, &server))
        })?;
        Ok(Self { client, server, namespace, deadline: access.deadline })
    }

    /// The address of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The one namespace that is meant, or all.
    #[must_use]
    pub fn namespace<'a>(&'a self, place: &'a Place) -> Option<&'a str> {
        match place {
            Place::Usual => Some(&self.namespace),
            Place::Namespace(namespace) => Some(namespace.as_str()),
            Place::All => None,
        }
    }

    /// Reads one fleet; where there is none, fleets with near names are named.
    pub async fn fleet(&self, namespace: &str, name: &FleetName) -> Result<ApiFleet, Problem> {
        let asked = self.asked("get", Resource::Fleets, Some(namespace));
        let api = self.api::<ApiFleet>(Some(namespace));
        match self.call(&asked, api.get(name.as_str())).await {
            Ok(DeserializeGuard(read)) => read.map_err(|error| Problem::NotUnderstood {
                what: format!("fleet \"{name}\""),
                reason: error.error,
            }),
            Err(Problem::NoSuchFleet { .. }) => Err(self.no_such_fleet(namespace, name).await),
            Err(problem) => Err(problem),
        }
    }

    async fn no_such_fleet(&self, namespace: &str, name: &FleetName) -> Problem {
        let name_of = |read: Read| match read {
            Ok(fleet) => fleet.metadata.name,
            Err(invalid) => invalid.metadata.name,
        };
        // Near names are a courtesy: without them the answer is the same.
        let known: Vec<String> = self
            .fleets(Some(namespace), name_of)
            .await
            .unwrap_or_default()
            .into_iter()
            .flatten()
            .collect();
        Problem::NoSuchFleet {
            name: name.to_string(),
            namespace: namespace.to_owned(),
            near: nearest(name.as_str(), known.iter().map(String::as_str)),
            none_at_all: known.is_empty(),
        }
    }

    /// Reads the fleets of a namespace, or of all, page by page; only what `keep` makes of each is kept.
    pub async fn fleets<T>(
        &self,
        namespace: Option<&str>,
        keep: impl Fn(Read) -> T,
    ) -> Result<Vec<T>, Problem> {
        self.list(Resource::Fleets, namespace, keep).await
    }

    async fn list<K: Object, T>(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        keep: impl Fn(Result<K, Box<InvalidObject>>) -> T,
    ) -> Result<Vec<T>, Problem> {
        let asked = self.asked("list", resource, namespace);
        let mut restarts = 0;
        loop {
            match self.pages(&asked, namespace, &keep).await {
                // The place in the list was forgotten by the server, as happens after minutes: what was read is
                // of another time than the rest would be.
                Err(Problem::Refused { code: 410, .. }) if restarts < RESTARTS => restarts += 1,
                result => return result,
            }
        }
    }

    async fn pages<K: Object, T>(
        &self,
        asked: &Asked,
        namespace: Option<&str>,
        keep: &impl Fn(Result<K, Box<InvalidObject>>) -> T,
    ) -> Result<Vec<T>, Problem> {
        let api = self.api::<K>(namespace);
        let mut kept = Vec::new();
        let mut params = ListParams::default().limit(PAGE);
        for _ in 0..MOST_PAGES {
            let page = self.call(asked, api.list(&params)).await?;
            kept.extend(
                page.items.into_iter().map(|DeserializeGuard(read)| keep(read.map_err(Box::new))),
            );
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(kept),
            }
        }
        Err(Problem::TooMany { resource: asked.resource(), most: MOST_PAGES * PAGE as usize })
    }

    /// Follows the fleets of a namespace, or of all; or the named one. It ends only where trying again is no use.
    pub fn watch(
        &self,
        namespace: Option<&str>,
        name: Option<&FleetName>,
    ) -> impl Stream<Item = Result<Change, Problem>> + Unpin + use<> {
        let asked = self.asked("watch", Resource::Fleets, namespace);
        let config = watcher::Config::default().timeout(WATCH_SECONDS);
        let config = match name {
            Some(name) => config.fields(&format!("metadata.name={name}")),
            None => config,
        };
        let changes = watcher(self.api::<ApiFleet>(namespace), config).default_backoff();
        let changes = changes.filter_map(move |event| {
            let change = match event {
                Ok(
                    watcher::Event::Apply(DeserializeGuard(read))
                    | watcher::Event::InitApply(DeserializeGuard(read)),
                ) => Some(Ok(Change::Is(Box::new(read.map_err(Box::new))))),
                Ok(watcher::Event::Delete(DeserializeGuard(read))) => {
                    Some(Ok(Change::Deleted(name_of(&read))))
                }
                Ok(watcher::Event::Init | watcher::Event::InitDone) => None,
                Err(error) => Some(broken(error, &asked)),
            };
            std::future::ready(change)
        });
        changes.boxed()
    }

    fn asked(&self, verb: &'static str, resource: Resource, namespace: Option<&str>) -> Asked {
        Asked::new(verb, resource, namespace, &self.server)
    }

    fn api<K: Object>(&self, namespace: Option<&str>) -> Api<DeserializeGuard<K>> {
        match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// Makes one call within the deadline.
    async fn call<T>(
        &self,
        asked: &Asked,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(self.deadline, call).await {
            Ok(result) => result.map_err(|error| Problem::of(error, asked)),
            Err(_) => Err(Problem::Silent { server: self.server.clone(), limit: self.deadline }),
        }
    }
}

fn name_of(read: &Result<ApiFleet, InvalidObject>) -> String {
    let metadata = match read {
        Ok(fleet) => &fleet.metadata,
        Err(invalid) => &invalid.metadata,
    };
    metadata.name.clone().unwrap_or_default()
}

/// A watch that is refused for good ends; any other is tried again by the watcher.
fn broken(error: watcher::Error, asked: &Asked) -> Result<Change, Problem> {
    let problem = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Problem::of(error, asked),
        watcher::Error::WatchError(status) => Problem::of(kube::Error::Api(status), asked),
        error @ watcher::Error::NoResourceVersion => {
            Problem::Refused { server: asked.server.clone(), code: 0, message: error.to_string() }
        }
    };
    if problem.is_final() { Err(problem) } else { Ok(Change::Broken(problem)) }
}

//! The claims of users who were here a moment ago, in front of the store.
//!
//! Reads only; a claim always goes to the store. An entry lives for the TTL, so another replica may show
//! a user's claims as they were that long ago. On the replica that took a claim they are never stale: the
//! key of an entry holds a version that each claim raises after its commit and before its answer, so a
//! load that began before the commit can only be found by requests that began before it too.
//! Recommendations change seldom and may be a minute old.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;

use super::{Store, StoreError};
use crate::claim::{Claim, ClaimRequest, Outcome, UserId};
use crate::metrics::{CacheResult, Layer, Metrics};
use crate::recommendation::Recommendations;
use crate::time::{Deadline, DeadlinePassed};

/// Most users remembered at once.
const CAPACITY: u64 = 20_000;
/// How long recommendations are remembered.
const RECOMMENDATIONS_TTL: Duration = Duration::from_mins(1);
/// Users share this many versions: a claim makes 1 in 4,096 entries be read again.
const VERSIONS: usize = 4_096;

/// The store with its memory.
#[derive(Debug)]
pub struct CachedStore {
    store: Store,
    cache: Cache<(UserId, u64), Arc<[Claim]>>,
    versions: Box<[AtomicU64]>,
    recommendations: Cache<UserId, Arc<Recommendations>>,
    metrics: Metrics,
}

impl CachedStore {
    /// Puts a memory of `ttl` in front of `store`.
    #[must_use]
    pub fn new(store: Store, ttl: Duration, metrics: Metrics) -> Self {
        Self {
            store,
            cache: Cache::builder().max_capacity(CAPACITY).time_to_live(ttl).build(),
            versions: (0..VERSIONS).map(|_| AtomicU64::new(0)).collect(),
            recommendations: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(RECOMMENDATIONS_TTL)
                .build(),
            metrics,
        }
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// All claims of a user, by door. Requests that miss at once share one question to the store.
    pub async fn claims(
        &self,
        user: UserId,
        deadline: Deadline,
    ) -> Result<Arc<[Claim]>, StoreError> {
        let version = self.version(user).map_or(0, |version| version.load(Ordering::Acquire));
        let key = (user, version);
        if let Some(claims) = self.cache.get(&key).await {
            self.metrics.cache(Layer::Memory, CacheResult::Hit);
            return Ok(claims);
        }
        self.metrics.cache(Layer::Memory, CacheResult::Miss);
        let load = async { self.store.claims(user, deadline).await.map(Arc::from) };
        // Boxed, so that the many requests that hit do not carry the room of a query around.
        let found = Box::pin(deadline.bound(self.cache.try_get_with(key, load))).await;
        match found {
            Ok(claims) => claims.map_err(|error| *error),
            Err(DeadlinePassed) => Err(StoreError::Timeout),
        }
    }

    /// What is recommended to a user.
    pub async fn recommendations(
        &self,
        user: UserId,
        deadline: Deadline,
    ) -> Result<Arc<Recommendations>, StoreError> {
        if let Some(found) = self.recommendations.get(&user).await {
            self.metrics.cache(Layer::Recommendations, CacheResult::Hit);
            return Ok(found);
        }
        self.metrics.cache(Layer::Recommendations, CacheResult::Miss);
        let load = async { self.store.recommendations(user, deadline).await.map(Arc::new) };
        let found = Box::pin(deadline.bound(self.recommendations.try_get_with(user, load))).await;
        match found {
            Ok(found) => found.map_err(|error| *error),
            Err(DeadlinePassed) => Err(StoreError::Timeout),
        }
    }

    /// Stores a claim; see [`Store::claim`].
    pub async fn claim(
        &self,
        request: &ClaimRequest,
        deadline: Deadline,
    ) -> Result<Outcome, StoreError> {
        let outcome = self.store.claim(request, deadline).await;
        // After an error the claim may be there all the same, so only what is known to have stored
        // nothing leaves the entry alone.
        let unchanged = matches!(outcome, Ok(Outcome::KeyReused(_) | Outcome::AlreadyClaimed(_)));
        if !unchanged && let Some(version) = self.version(request.user) {
            version.fetch_add(1, Ordering::AcqRel);
        }
        outcome
    }

    fn version(&self, user: UserId) -> Option<&AtomicU64> {
        let slot = usize::try_from(user.number()).unwrap_or_default() % VERSIONS;
        self.versions.get(slot)
    }
}

//! Where claims, events and recommendations are kept: SQLite in a file (one replica) or MySQL/MariaDB (many).
//!
//! * [`database`]: what both databases do, as a trait; [`sqlite`] and [`mysql`]: their SQL.
//! * [`pool`]: connections, deadlines and the retry after a broken connection.
//! * [`cached`]: the short-lived memory in front, which the routes use.
//! * [`migrate`]: the schema.
//!
//! An acknowledged claim is a committed claim. No call here outlives its deadline.

pub mod cached;
pub mod database;
pub mod migrate;
pub mod mysql;
pub mod pool;
pub mod sqlite;

use std::sync::Arc;

use crate::claim::{Claim, ClaimRequest, Outcome, UserId, resolve};
use crate::events::event::Event;
use crate::metrics::{Metrics, Operation, PoolName};
use crate::recommendation::{Recommendations, choose};
use crate::time::Deadline;
use database::Database;
use mysql::Mysql;
use pool::Pool;
use sqlite::Sqlite;

/// Why the store gave no answer. What exactly happened is in the log; clients need no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Every connection is busy.
    #[error("all connections to the store are busy")]
    Busy,
    /// It cannot be reached, or refuses.
    #[error("the store is unavailable")]
    Unavailable,
    /// It did not answer in time.
    #[error("the store did not answer in time")]
    Timeout,
}

/// Pools for reading and for writing; with MySQL both are the same pool.
#[derive(Debug)]
pub struct Backend<D: Database> {
    read: Arc<Pool<D>>,
    write: Arc<Pool<D>>,
}

/// The claims of all users.
#[derive(Debug)]
pub enum Store {
    /// In a file, for one replica.
    Sqlite(Backend<Sqlite>),
    /// On a server, for all replicas.
    Mysql(Backend<Mysql>),
}

/// Connections that read from SQLite; one more writes, since SQLite has one writer.
const SQLITE_READERS: usize = 4;

impl Store {
    /// Claims in a SQLite file.
    #[must_use]
    pub fn sqlite(database: &Sqlite, metrics: &Metrics) -> Self {
        let pool = |name, size| Arc::new(Pool::new(database.clone(), name, size, metrics.clone()));
        Self::Sqlite(Backend {
            read: pool(PoolName::Read, SQLITE_READERS),
            write: pool(PoolName::Write, 1),
        })
    }

    /// Claims on a MySQL or MariaDB server, over at most `size` connections.
    #[must_use]
    pub fn mysql(database: Mysql, size: usize, metrics: &Metrics) -> Self {
        let pool = Arc::new(Pool::new(database, PoolName::Read, size, metrics.clone()));
        Self::Mysql(Backend { read: Arc::clone(&pool), write: pool })
    }

    /// All claims of a user, by door.
    pub async fn claims(&self, user: UserId, deadline: Deadline) -> Result<Vec<Claim>, StoreError> {
        match self {
            Self::Sqlite(backend) => backend.claims(user, deadline).await,
            Self::Mysql(backend) => backend.claims(user, deadline).await,
        }
    }

    /// Stores a claim unless an earlier one stands in its way.
    pub async fn claim(
        &self,
        request: &ClaimRequest,
        deadline: Deadline,
    ) -> Result<Outcome, StoreError> {
        match self {
            Self::Sqlite(backend) => backend.claim(request, deadline).await,
            Self::Mysql(backend) => backend.claim(request, deadline).await,
        }
    }

    /// What an earlier claim says about a request, without storing anything.
    pub async fn find(
        &self,
        request: &ClaimRequest,
        deadline: Deadline,
    ) -> Result<Option<Outcome>, StoreError> {
        match self {
            Self::Sqlite(backend) => backend.find(request, deadline).await,
            Self::Mysql(backend) => backend.find(request, deadline).await,
        }
    }

    /// What is recommended to a user.
    pub async fn recommendations(
        &self,
        user: UserId,
        deadline: Deadline,
    ) -> Result<Recommendations, StoreError> {
        match self {
            Self::Sqlite(backend) => backend.recommendations(user, deadline).await,
            Self::Mysql(backend) => backend.recommendations(user, deadline).await,
        }
    }

    /// Stores those events that are not there yet: all or none.
    pub async fn store_events(
        &self,
        events: &[Event],
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(backend) => backend.store_events(events, deadline).await,
            Self::Mysql(backend) => backend.store_events(events, deadline).await,
        }
    }

    /// Opens connections before the first request needs them.
    pub async fn warm(&self) {
        match self {
            Self::Sqlite(backend) => backend.read.warm().await,
            Self::Mysql(backend) => backend.read.warm().await,
        }
    }

    /// Tells the metrics how the pools stand.
    pub fn observe_pools(&self) {
        match self {
            Self::Sqlite(backend) => {
                backend.read.observe();
                backend.write.observe();
            }
            Self::Mysql(backend) => backend.read.observe(),
        }
    }
}

impl<D: Database> Backend<D> {
    async fn claims(&self, user: UserId, deadline: Deadline) -> Result<Vec<Claim>, StoreError> {
        self.read
            .run(Operation::Read, deadline, async |connection| D::claims(connection, user).await)
            .await
    }

    async fn claim(
        &self,
        request: &ClaimRequest,
        deadline: Deadline,
    ) -> Result<Outcome, StoreError> {
        self.write
            .run(Operation::Claim, deadline, async |connection| {
                if D::insert(connection, request).await? {
                    return Ok(Outcome::Created(Claim { day: request.day, at: request.at }));
                }
                let earlier = D::earlier(connection, request).await?;
                // Nothing there although something was: deleted in between. The pool tries again.
                resolve(request.day, &earlier).ok_or(sqlx::Error::RowNotFound)
            })
            .await
    }

    async fn find(
        &self,
        request: &ClaimRequest,
        deadline: Deadline,
    ) -> Result<Option<Outcome>, StoreError> {
        self.write
            .run(Operation::Find, deadline, async |connection| {
                Ok(resolve(request.day, &D::earlier(connection, request).await?))
            })
            .await
    }

    async fn recommendations(
        &self,
        user: UserId,
        deadline: Deadline,
    ) -> Result<Recommendations, StoreError> {
        self.read
            .run(Operation::Recommend, deadline, async |connection| {
                D::recommendations(connection, user).await.map(choose)
            })
            .await
    }

    async fn store_events(&self, events: &[Event], deadline: Deadline) -> Result<(), StoreError> {
        self.write
            .run(Operation::Events, deadline, async |connection| {
                D::store_events(connection, events).await
            })
            .await
    }
}

//! A bounded set of connections to one database, and the only way to ask it anything.
//!
//! Every question has a deadline. A connection whose question was not finished is closed, never reused:
//! its answer may still be on the way. Our own, because sqlx' pool asks the server after every use
//! whether it is alive, one more round trip per request and unbounded when the server stalls.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::StoreError;
use super::database::{Database, Fault};
use crate::logs::Seldom;
use crate::metrics::{Metrics, Operation, PoolName, StoreResult};
use crate::time::{Deadline, DeadlinePassed};

/// Longest wait for a connection, including opening one.
pub const ACQUIRE_LIMIT: Duration = Duration::from_millis(250);
/// Most waits for a connection within one request, as far as its deadline goes.
const ACQUIRE_ATTEMPTS: u32 = 3;
/// Age at which a connection is replaced, so that a moved server is followed.
const MAX_AGE: Duration = Duration::from_mins(10);
/// Connections that are opened before the first request, and how long that may take.
const WARM: usize = 4;
const WARM_LIMIT: Duration = Duration::from_secs(2);
/// Most times that a question is asked when connections break or statements conflict.
const ATTEMPTS: u32 = 5;

/// Connections to one database.
#[derive(Debug)]
pub struct Pool<D: Database> {
    database: D,
    name: PoolName,
    size: usize,
    permits: Semaphore,
    idle: Mutex<Vec<Open<D::Connection>>>,
    metrics: Metrics,
    log: Seldom,
}

#[derive(Debug)]
struct Open<C> {
    connection: C,
    since: Instant,
}

/// A connection taken from the pool, with the permit to have it.
struct Lease<'pool, C> {
    open: Open<C>,
    _permit: SemaphorePermit<'pool>,
}

impl<D: Database> Pool<D> {
    /// An empty pool of at most `size` connections; opens nothing yet.
    #[must_use]
    pub fn new(database: D, name: PoolName, size: usize, metrics: Metrics) -> Self {
        Self {
            database,
            name,
            size,
            permits: Semaphore::new(size),
            idle: Mutex::new(Vec::with_capacity(size)),
            metrics,
            log: Seldom::default(),
        }
    }

    /// Opens a few connections, as far as that goes: a new replica gets its full share of requests at once, while
    /// its node is busy starting others, and the first requests would wait for connections to be opened.
    pub async fn warm(&self) {
        let deadline = Deadline::after(Instant::now(), WARM_LIMIT);
        for _ in 0..WARM.min(self.size) {
            let Ok(open) = self.open(deadline).await else { return };
            self.lock_idle().push(open);
        }
    }

    /// Asks `question` until it is answered, refused or too late.
    ///
    /// It may be asked again after a broken connection, so it must be safe to repeat: reads are, and a
    /// claim is, since its row then stands under its own key.
    pub async fn run<T>(
        &self,
        operation: Operation,
        deadline: Deadline,
        question: impl AsyncFn(&mut D::Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut failure = StoreError::Unavailable;
        for attempt in 1..=ATTEMPTS {
            let mut lease = match self.acquire(deadline).await {
                Ok(lease) => lease,
                // A machine that was short of time for a moment is no reason to refuse a request that has more.
                Err(StoreError::Busy) if attempt < ACQUIRE_ATTEMPTS => continue,
                Err(error) => return Err(error),
            };
            let began = Instant::now();
            let answer = deadline.bound(question(&mut lease.open.connection)).await;
            self.measure(operation, &answer, began);
            let error = match answer {
                Err(DeadlinePassed) => return Err(self.too_late(operation)),
                Ok(Ok(value)) => {
                    self.give_back(lease);
                    return Ok(value);
                }
                Ok(Err(error)) => error,
            };
            self.log.warn(&format_args!("store: {operation:?} failed: {error}"));
            failure = match D::fault(&error) {
                Fault::Connection => {
                    // Its siblings lead to the same server and are likely dead too.
                    self.lock_idle().clear();
                    StoreError::Unavailable
                }
                Fault::Conflict => {
                    self.give_back(lease);
                    StoreError::Busy
                }
                Fault::TooSlow => {
                    self.give_back(lease);
                    return Err(StoreError::Timeout);
                }
                Fault::Permanent => {
                    self.give_back(lease);
                    return Err(StoreError::Unavailable);
                }
            };
        }
        Err(failure)
    }

    /// Tells the metrics how many connections work and wait.
    pub fn observe(&self) {
        let in_use = self.size - self.permits.available_permits().min(self.size);
        self.metrics.pool(self.name, in_use, self.lock_idle().len(), self.size);
    }

    async fn acquire(&self, deadline: Deadline) -> Result<Lease<'_, D::Connection>, StoreError> {
        let deadline = deadline.at_most(ACQUIRE_LIMIT);
        let Ok(Ok(permit)) = deadline.bound(self.permits.acquire()).await else {
            self.metrics.pool_exhausted(self.name);
            self.log.warn(&format_args!("store: all {} connections were busy", self.size));
            return Err(StoreError::Busy);
        };
        let waiting = self.lock_idle().pop();
        let open = match waiting {
            Some(open) => open,
            None => self.open(deadline).await?,
        };
        Ok(Lease { open, _permit: permit })
    }

    async fn open(&self, deadline: Deadline) -> Result<Open<D::Connection>, StoreError> {
        let began = Instant::now();
        let opened = Box::pin(deadline.bound(self.database.open())).await;
        self.measure(Operation::Connect, &opened, began);
        match opened {
            Ok(Ok(connection)) => Ok(Open { connection, since: began }),
            Ok(Err(error)) => {
                self.log.warn(&format_args!("store: connecting failed: {error}"));
                Err(StoreError::Unavailable)
            }
            Err(DeadlinePassed) => {
                self.log.warn(&format_args!("store: no connection within {ACQUIRE_LIMIT:?}"));
                Err(StoreError::Busy)
            }
        }
    }

    fn give_back(&self, lease: Lease<'_, D::Connection>) {
        if lease.open.since.elapsed() < MAX_AGE {
            self.lock_idle().push(lease.open);
        }
    }

    fn too_late(&self, operation: Operation) -> StoreError {
        self.log.warn(&format_args!("store: {operation:?} passed the request's deadline"));
        StoreError::Timeout
    }

    fn measure<T>(
        &self,
        operation: Operation,
        answer: &Result<Result<T, sqlx::Error>, DeadlinePassed>,
        began: Instant,
    ) {
        let result = match answer {
            Ok(Ok(_)) => StoreResult::Ok,
            Ok(Err(_)) => StoreResult::Error,
            Err(DeadlinePassed) => StoreResult::Timeout,
        };
        self.metrics.store(operation, result, began.elapsed());
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Open<D::Connection>>> {
        // A list of connections is whole at every moment, whoever panicked while holding it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

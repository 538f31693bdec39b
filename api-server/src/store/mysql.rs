//! Claims, events and recommendations on a MySQL or MariaDB server, shared by all replicas.
//!
//! Statements are limited on the server too, so that a query that we gave up does not run on.

use std::str::FromStr;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError};
use sqlx::{ConnectOptions, MySql, QueryBuilder, Row};

use super::database::{Database, Fault, RECOMMENDATIONS, claim_of, fault_of_driver, row_of};
use crate::claim::{Claim, ClaimRequest, Earlier, UserId};
use crate::events::event::Event;
use crate::recommendation::Row as ProductRow;

/// Limits of a session on MariaDB; the statement limit is in seconds and covers every statement. Waits
/// for locks have limits of their own, below it: a server works on for a client that has hung up.
const MARIADB_LIMITS: &str = "SET SESSION max_statement_time = 1.2, \
                              SESSION lock_wait_timeout = 1, SESSION innodb_lock_wait_timeout = 1";
/// Limits of a session on MySQL; the statement limit is in milliseconds and covers reads.
const MYSQL_LIMITS: &str = "SET SESSION max_execution_time = 1200, \
                            SESSION lock_wait_timeout = 1, SESSION innodb_lock_wait_timeout = 1";
/// Longest wait for a connection outside requests.
const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// The server does not know a variable.
const UNKNOWN_VARIABLE: u16 = 1193;

/// A MySQL or MariaDB server.
#[derive(Debug, Clone)]
pub struct Mysql {
    options: MySqlConnectOptions,
}

impl Mysql {
    /// Parses `mysql://user:password@host:port/database`.
    pub fn from_url(url: &str) -> Result<Self, sqlx::Error> {
        let options = MySqlConnectOptions::from_str(url)?.disable_statement_logging();
        Ok(Self { options })
    }

    /// Whether the URL says in which database the claims are.
    #[must_use]
    pub fn names_a_database(&self) -> bool {
        self.options.get_database().is_some_and(|name| !name.is_empty())
    }

    /// Opens a connection without limits on its statements, for migrations.
    pub async fn open_unlimited(&self) -> Result<MySqlConnection, sqlx::Error> {
        let opened = tokio::time::timeout(OPEN_LIMIT, self.options.connect()).await;
        opened.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    }
}

impl Database for Mysql {
    type Connection = MySqlConnection;

    async fn open(&self) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        if let Err(error) = sqlx::raw_sql(MARIADB_LIMITS).execute(&mut connection).await {
            if number(&error) != Some(UNKNOWN_VARIABLE) {
                return Err(error);
            }
            sqlx::raw_sql(MYSQL_LIMITS).execute(&mut connection).await?;
        }
        Ok(connection)
    }

    async fn claims(
        connection: &mut MySqlConnection,
        user: UserId,
    ) -> Result<Vec<Claim>, sqlx::Error> {
        sqlx::query("SELECT day, claimed_at_ms FROM claims WHERE user_id = ? ORDER BY day")
            .bind(user.number())
            .fetch_all(connection)
            .await?
            .iter()
            .map(|row| claim_of(row.try_get(0)?, row.try_get(1)?))
            .collect()
    }

    async fn insert(
        connection: &mut MySqlConnection,
        request: &ClaimRequest,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO claims (user_id, day, idempotency_key, claimed_at_ms) VALUES (?, ?, ?, ?)",
        )
        .bind(request.user.number())
        .bind(request.day.number())
        .bind(request.key.as_str())
        .bind(request.at.as_millisecond())
        .execute(connection)
        .await;
        match done {
            Ok(_) => Ok(true),
            Err(error) => match error.as_database_error() {
                Some(refusal) if refusal.is_unique_violation() => Ok(false),
                _ => Err(error),
            },
        }
    }

    async fn earlier(
        connection: &mut MySqlConnection,
        request: &ClaimRequest,
    ) -> Result<Vec<Earlier>, sqlx::Error> {
        sqlx::query(
            "SELECT day, claimed_at_ms, CAST(idempotency_key = ? AS SIGNED) FROM claims \
             WHERE user_id = ? AND (day = ? OR idempotency_key = ?)",
        )
        .bind(request.key.as_str())
        .bind(request.user.number())
        .bind(request.day.number())
        .bind(request.key.as_str())
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| {
            let claim = claim_of(row.try_get(0)?, row.try_get(1)?)?;
            Ok(Earlier { claim, same_key: row.try_get::<i64, _>(2)? == 1 })
        })
        .collect()
    }

    async fn recommendations(
        connection: &mut MySqlConnection,
        user: UserId,
    ) -> Result<Vec<ProductRow>, sqlx::Error> {
        sqlx::query(RECOMMENDATIONS)
            .bind(user.number())
            .fetch_all(connection)
            .await?
            .iter()
            .map(|row| Ok(row_of(row.try_get(0)?, row.try_get(1)?)))
            .collect()
    }

    async fn store_events(
        connection: &mut MySqlConnection,
        events: &[Event],
    ) -> Result<(), sqlx::Error> {
        let mut insert =
            QueryBuilder::<MySql>::new("INSERT INTO events (user_id, id, kind, at_ms) ");
        insert.push_values(events, |mut row, event| {
            row.push_bind(event.user.number())
                .push_bind(event.id.as_str())
                .push_bind(event.kind.as_str())
                .push_bind(event.at.as_millisecond());
        });
        insert.push(" ON DUPLICATE KEY UPDATE user_id = user_id");
        // Not remembered by the connection: each size of batch is another statement.
        insert.build().persistent(false).execute(connection).await?;
        Ok(())
    }

    fn fault(error: &sqlx::Error) -> Fault {
        number(error).map_or_else(|| fault_of_driver(error), fault_of_number)
    }
}

fn number(error: &sqlx::Error) -> Option<u16> {
    error
        .as_database_error()?
        .try_downcast_ref::<MySqlDatabaseError>()
        .map(MySqlDatabaseError::number)
}

/// What the server's error numbers ask for.
fn fault_of_number(number: u16) -> Fault {
    match number {
        // After a failover this connection leads to a read-only server (1290, 1792, 1836); the server
        // stops (1053); the connection was killed (1927).
        1290 | 1792 | 1836 | 1053 | 1927 => Fault::Connection,
        // Lock wait timeout, deadlock, row changed since it was read.
        1205 | 1213 | 1020 => Fault::Conflict,
        // MariaDB's and MySQL's statement limits; interrupted.
        1969 | 3024 | 1317 => Fault::TooSlow,
        _ => Fault::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failover_asks_for_a_new_connection() {
        for number in [1290, 1792, 1836] {
            assert_eq!(fault_of_number(number), Fault::Connection, "{number}");
        }
    }

    #[test]
    fn a_deadlock_asks_for_another_try_and_a_syntax_error_for_nothing() {
        assert_eq!(fault_of_number(1213), Fault::Conflict);
        assert_eq!(fault_of_number(1064), Fault::Permanent);
    }
}

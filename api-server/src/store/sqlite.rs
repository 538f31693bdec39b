//! Claims, events and recommendations in one SQLite file: the embedded store of a single replica.
//!
//! Write-ahead log, one writer, and a sync before each acknowledgement. Never used by two processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, QueryBuilder, Row, Sqlite as SqliteDriver};

use super::database::{Database, Fault, RECOMMENDATIONS, claim_of, fault_of_driver, row_of};
use crate::claim::{Claim, ClaimRequest, Earlier, UserId};
use crate::events::event::Event;
use crate::recommendation::Row as ProductRow;

/// How long a statement waits for the writer before it fails.
const BUSY: Duration = Duration::from_millis(500);
/// Name of the file in the data directory.
const FILE: &str = "claims.sqlite3";

/// A SQLite file.
#[derive(Debug, Clone)]
pub struct Sqlite {
    options: SqliteConnectOptions,
}

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the data directory {directory:?} is not writable: {source}; mount a volume there or set DATA_DIR"
)]
pub struct DataDirError {
    directory: PathBuf,
    source: std::io::Error,
}

impl Sqlite {
    /// The file in `directory`, which is made if missing and must be writable.
    pub fn in_directory(directory: &Path) -> Result<Self, DataDirError> {
        probe(directory)
            .map_err(|source| DataDirError { directory: directory.to_path_buf(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(directory.join(FILE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With less than FULL a commit in the log may be lost with the machine's power.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        Ok(Self { options })
    }
}

/// Creates the directory and writes into it, so that a read-only volume is named at start.
fn probe(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let probe = directory.join(format!(".write-test-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(probe)
}

impl Database for Sqlite {
    type Connection = SqliteConnection;

    async fn open(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options.connect().await
    }

    async fn claims(
        connection: &mut SqliteConnection,
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
        connection: &mut SqliteConnection,
        request: &ClaimRequest,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO claims (user_id, day, idempotency_key, claimed_at_ms) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(request.user.number())
        .bind(request.day.number())
        .bind(request.key.as_str())
        .bind(request.at.as_millisecond())
        .execute(connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn earlier(
        connection: &mut SqliteConnection,
        request: &ClaimRequest,
    ) -> Result<Vec<Earlier>, sqlx::Error> {
        sqlx::query(
            "SELECT day, claimed_at_ms, idempotency_key = ?1 FROM claims \
             WHERE user_id = ?2 AND (day = ?3 OR idempotency_key = ?1)",
        )
        .bind(request.key.as_str())
        .bind(request.user.number())
        .bind(request.day.number())
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
        connection: &mut SqliteConnection,
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
        connection: &mut SqliteConnection,
        events: &[Event],
    ) -> Result<(), sqlx::Error> {
        let mut insert =
            QueryBuilder::<SqliteDriver>::new("INSERT INTO events (user_id, id, kind, at_ms) ");
        insert.push_values(events, |mut row, event| {
            row.push_bind(event.user.number())
                .push_bind(event.id.as_str())
                .push_bind(event.kind.as_str())
                .push_bind(event.at.as_millisecond());
        });
        insert.push(" ON CONFLICT DO NOTHING");
        // Not remembered by the connection: each size of batch is another statement.
        insert.build().persistent(false).execute(connection).await?;
        Ok(())
    }

    fn fault(error: &sqlx::Error) -> Fault {
        // The low byte is the primary code: 5 is BUSY, 6 is LOCKED, 10 is IOERR.
        let code = error
            .as_database_error()
            .and_then(|error| error.code()?.parse::<i64>().ok())
            .map(|code| code & 0xff);
        match code {
            Some(5 | 6) => Fault::Conflict,
            Some(10) => Fault::Connection,
            Some(_) => Fault::Permanent,
            None => fault_of_driver(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_cannot_be_written_is_named_with_the_way_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error =
            Sqlite::in_directory(&file.path().join("below-a-file")).unwrap_err().to_string();
        assert!(error.contains("below-a-file") && error.contains("DATA_DIR"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

//! Brings a database's schema up to this program's, and tells whether it is.
//!
//! Migrations are part of the program. On MySQL they run under a named lock, so that any number of
//! replicas may start at once: one migrates, the others wait and find nothing to do. They only add
//! to a schema, so a database that a newer program has migrated is as good. Called by the subcommand
//! `migrate` and at start.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{MySqlConnection, Row};

use super::database::Database;
use super::mysql::Mysql;
use super::sqlite::Sqlite;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static MYSQL: Migrator = sqlx::migrate!("migrations/mysql");

/// Seconds that a replica waits for another that is migrating.
const LOCK_WAIT_SECONDS: i64 = 30;
/// Longest look at a schema.
const CHECK_LIMIT: Duration = Duration::from_secs(5);
/// The lock's name: per database, and short enough whatever the database is called.
const LOCK: &str = "SELECT GET_LOCK(CONCAT('apifleet.', MD5(DATABASE())), ?)";
const UNLOCK: &str = "SELECT RELEASE_LOCK(CONCAT('apifleet.', MD5(DATABASE())))";

/// Why the schema is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database cannot be reached or refuses.
    #[error("cannot ask the database for its schema: {0}; check DATABASE_URL and that it is up")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("the migration failed: {0}; repair the database, then run `api-server migrate` again")]
    Migration(#[from] MigrateError),
    /// Another replica holds the lock.
    #[error(
        "another replica has been migrating for {LOCK_WAIT_SECONDS} s; look at it, then try again"
    )]
    Locked,
    /// The database takes the question and says nothing.
    #[error(
        "the database did not tell its schema within {CHECK_LIMIT:?}; look at its load and locks"
    )]
    Silent,
    /// The schema is older than the program.
    #[error(
        "the database lacks migration {0}; run `api-server migrate` or set MIGRATE_ON_START=true"
    )]
    Behind(i64),
}

/// Migrates a SQLite file.
pub async fn sqlite(database: &Sqlite) -> Result<(), SchemaError> {
    let mut connection = database.open().await?;
    of_any_version(&SQLITE).run(&mut connection).await?;
    Ok(())
}

/// Migrates a MySQL database; waits for its turn.
pub async fn mysql(database: &Mysql) -> Result<(), SchemaError> {
    let mut connection = database.open_unlimited().await?;
    // sqlx' own lock waits with a negative timeout, which MariaDB does not do.
    let got: Option<i64> =
        sqlx::query(LOCK).bind(LOCK_WAIT_SECONDS).fetch_one(&mut connection).await?.try_get(0)?;
    if got != Some(1) {
        return Err(SchemaError::Locked);
    }
    let done = run_without_lock(&mut connection).await;
    // The lock ends with its connection at the latest.
    let _ = sqlx::query(UNLOCK).execute(&mut connection).await;
    done
}

async fn run_without_lock(connection: &mut MySqlConnection) -> Result<(), SchemaError> {
    let mut migrator = of_any_version(&MYSQL);
    migrator.set_locking(false);
    migrator.run(connection).await?;
    Ok(())
}

/// These migrations, for a database that a newer program may have migrated: after a rollback, or while a rollout
/// replaces replicas that may yet restart.
fn of_any_version(migrator: &Migrator) -> Migrator {
    let mut tolerant = Migrator { migrations: migrator.migrations.clone(), ..Migrator::DEFAULT };
    tolerant.set_ignore_missing(true);
    tolerant
}

/// Checks that every migration of this program was applied to a MySQL database.
pub async fn check_mysql(database: &Mysql) -> Result<(), SchemaError> {
    let checked = tokio::time::timeout(CHECK_LIMIT, applied(database)).await;
    let applied = checked.map_err(|_| SchemaError::Silent)??;
    let missing = MYSQL.iter().map(|migration| migration.version).find(|v| !applied.contains(v));
    missing.map_or(Ok(()), |version| Err(SchemaError::Behind(version)))
}

/// The versions of the migrations that were applied.
async fn applied(database: &Mysql) -> Result<BTreeSet<i64>, SchemaError> {
    let mut connection = database.open().await?;
    let table = "SELECT COUNT(*) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query(table).fetch_one(&mut connection).await?.try_get(0)?;
    let mut applied = BTreeSet::new();
    if tables > 0 {
        let versions = "SELECT version FROM _sqlx_migrations WHERE success = TRUE";
        for row in sqlx::query(versions).fetch_all(&mut connection).await? {
            applied.insert(row.try_get::<i64, _>(0)?);
        }
    }
    Ok(applied)
}

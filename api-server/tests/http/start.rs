//! Starting: quickly, under any user, from many replicas at once, or not at all with a clear line.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::client::{Client, get};
use super::mariadb::{MariaDb, free_port};
use super::server::{Server, program};

/// The bar for becoming ready with the embedded store, migrations included.
const BAR: Duration = Duration::from_millis(300);

async fn time_to_ready() -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = program();
    command.env("LISTEN", format!("127.0.0.1:{port}")).env("DATA_DIR", directory.path());
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let ready = loop {
        if let Ok(mut client) = Client::connect(([127, 0, 0, 1], port).into()).await
            && client.get("/readyz").await.is_ok_and(|answer| answer.status == 200)
        {
            break began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "does not become ready");
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    child.kill().unwrap();
    child.wait().unwrap();
    ready
}

#[tokio::test]
async fn is_ready_within_300_ms_of_its_start() {
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push(time_to_ready().await);
    }
    times.sort();
    println!("start to ready: best {:?}, median {:?} (bar {BAR:?})", times[0], times[2]);
    // Other tests share the processors, so the best of five stands for a machine of its own.
    assert!(times[0] < BAR, "{times:?}");
    assert!(times[2] < BAR * 4, "{times:?}");
}

#[tokio::test]
async fn thirty_replicas_may_migrate_at_once() {
    let database = MariaDb::new().await;
    let children: Vec<_> = (0..30)
        .map(|_| program().arg("migrate").env("DATABASE_URL", database.url()).spawn().unwrap())
        .collect();
    for child in children {
        let output =
            tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM _sqlx_migrations").await, 3);
    assert_eq!(database.number("SELECT COUNT(*) FROM claims").await, 0);
}

/// What a newer program leaves after a migration that this one does not have.
const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'newer', TRUE, 'x', 1)";

#[tokio::test]
async fn an_older_program_takes_a_database_that_a_newer_one_has_migrated() {
    let database = MariaDb::new().await;
    let migrated = program().arg("migrate").env("DATABASE_URL", database.url()).status().unwrap();
    assert!(migrated.success());
    sqlx::query(NEWER).execute(&mut database.connect().await).await.unwrap();
    let _ready = Server::with_database(&database.url(), &[]).await;
}

#[tokio::test]
async fn an_older_program_takes_a_file_that_a_newer_one_has_migrated() {
    let directory = tempfile::tempdir().unwrap();
    drop(Server::embedded_in(directory.path(), &[]).await);
    let file = SqliteConnectOptions::new().filename(directory.path().join("claims.sqlite3"));
    let mut connection = file.connect().await.unwrap();
    sqlx::query(NEWER).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let _ready = Server::embedded_in(directory.path(), &[]).await;
}

#[tokio::test]
async fn waits_for_a_migration_by_someone_else() {
    let database = MariaDb::new().await;
    let server = Server::start(&[("DATABASE_URL", &database.url())]);
    assert_eq!(get(server.address, "/readyz").await.status, 503);
    assert_eq!(get(server.address, "/startupz").await.status, 503);
    assert_eq!(get(server.address, "/livez").await.status, 200);
    let migrated = program().arg("migrate").env("DATABASE_URL", database.url()).status().unwrap();
    assert!(migrated.success());
    server.ready().await;
    assert_eq!(get(server.address, "/startupz").await.status, 200);
}

#[tokio::test]
async fn gives_up_on_a_database_that_stays_behind() {
    let database = MariaDb::new().await;
    let settings = [("DATABASE_URL", &*database.url()), ("START_TIMEOUT_SECONDS", "1")];
    let mut server = Server::start(&settings);
    let (status, stderr) = server.ended().await;
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("api-server migrate"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

/// A copy of the program that every user may run, in a directory that every user may enter.
fn for_everyone() -> (tempfile::TempDir, Command) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = directory.path().join("api-server");
    std::fs::copy(env!("CARGO_BIN_EXE_api-server"), &copy).unwrap();
    assert!(nix::unistd::geteuid().is_root(), "this test changes users, so it must run as root");
    let mut command = Command::new(copy);
    command.env_clear().current_dir("/").uid(65_532).gid(65_532);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    (directory, command)
}

#[tokio::test]
async fn says_that_the_data_directory_is_not_writable() {
    let (_directory, mut command) = for_everyone();
    // The working directory is the root, which belongs to someone else, as in a read-only image.
    let output = command.env("LISTEN", "127.0.0.1:0").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("not writable") && stderr.contains("DATA_DIR"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[tokio::test]
async fn runs_as_an_unprivileged_user_with_a_data_directory() {
    let (directory, mut command) = for_everyone();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(65_532), Some(65_532)).unwrap();
    command.env("LISTEN", "127.0.0.1:0").env("DATA_DIR", &data).env("OPEN_DAYS", "all");
    let server = Server::spawn(command);
    server.ready().await;
    let mut client = Client::connect(server.address).await.unwrap();
    assert_eq!(client.claim(1, "k", 8).await.unwrap().status, 201);
}

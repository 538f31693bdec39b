//! A real MariaDB on a free port, shared by the tests that run at the same time.
//!
//! It lives in a temporary directory, ends with its last user, and after ten minutes in any case.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row};

/// Longest wait for the server to answer or to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// Life of a server whose test was killed.
const LIFE_SECONDS: &str = "600";
/// One statement a line, as the server reads them.
const ACCOUNT: &str = "CREATE USER api@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO api@'%';\n";

static SHARED: Mutex<Weak<Running>> = Mutex::new(Weak::new());
static NEXT: AtomicU32 = AtomicU32::new(1);

struct Running {
    port: u16,
    /// `timeout`, which passes its signals on to the server.
    child: Child,
    _directory: tempfile::TempDir,
}

/// An empty database of a test's own.
pub(super) struct MariaDb {
    running: Arc<Running>,
    name: String,
}

impl MariaDb {
    /// A new database; starts the server if no other test has.
    pub(super) async fn new() -> Self {
        let running = tokio::task::spawn_blocking(shared).await.expect("the server starts");
        let name = format!("campaign_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let database = Self { running, name };
        let mut connection = connect(&database.url_of("mysql")).await;
        let create = format!("CREATE DATABASE {}", database.name);
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("is created");
        database
    }

    pub(super) fn port(&self) -> u16 {
        self.running.port
    }

    pub(super) fn url(&self) -> String {
        self.url_of(&self.name)
    }

    /// The same database behind another port.
    pub(super) fn url_at(&self, port: u16) -> String {
        format!("mysql://api:secret@127.0.0.1:{port}/{}", self.name)
    }

    fn url_of(&self, name: &str) -> String {
        format!("mysql://api:secret@127.0.0.1:{}/{name}", self.port())
    }

    pub(super) async fn connect(&self) -> MySqlConnection {
        connect(&self.url()).await
    }

    /// Ends every connection to this database but the one that does it.
    pub(super) async fn kill_connections_of_others(&self) {
        let mut connection = self.connect().await;
        let others = "SELECT id FROM information_schema.processlist \
                      WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        for row in sqlx::query(others).fetch_all(&mut connection).await.expect("is answered") {
            let kill = format!("KILL CONNECTION {}", row.get::<i64, _>(0));
            // It may have ended by itself.
            let _ = sqlx::raw_sql(AssertSqlSafe(kill)).execute(&mut connection).await;
        }
    }

    /// The one number that `query` selects.
    pub(super) async fn number(&self, query: &'static str) -> i64 {
        let mut connection = connect(&self.url()).await;
        sqlx::query(query).fetch_one(&mut connection).await.expect("is answered").get(0)
    }
}

async fn connect(url: &str) -> MySqlConnection {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match MySqlConnection::connect(url).await {
            Ok(connection) => return connection,
            Err(error) => assert!(Instant::now() < give_up, "MariaDB does not answer: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn shared() -> Arc<Running> {
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let running = Arc::new(Running::start());
        *shared = Arc::downgrade(&running);
        running
    })
}

impl Running {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        std::fs::create_dir(&data).expect("the directory is ours");
        give_to_mysql(directory.path());
        give_to_mysql(&data);
        install(&data);
        let accounts = directory.path().join("accounts.sql");
        std::fs::write(&accounts, ACCOUNT).expect("the directory is ours");
        give_to_mysql(&accounts);
        let port = free_port();
        let child = Command::new("timeout")
            .args(["--kill-after=10", LIFE_SECONDS, "mariadbd", "--no-defaults", "--user=mysql"])
            .args([
                "--bind-address=127.0.0.1",
                "--max-connections=1000",
                "--skip-log-bin",
                "--skip-name-resolve",
            ])
            .args(["--innodb-buffer-pool-size=32M", "--innodb-fast-shutdown=2"])
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", directory.path().join("socket").display()))
            .arg(format!("--pid-file={}", directory.path().join("pid").display()))
            .arg(format!("--init-file={}", accounts.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`timeout` of coreutils is installed");
        Self { port, child, _directory: directory }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).expect("an id");
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn install(data: &Path) {
    let installed = Command::new("mariadb-install-db")
        .args(["--no-defaults", "--user=mysql", "--skip-test-db"])
        .arg("--auth-root-authentication-method=normal")
        .arg(format!("--datadir={}", data.display()))
        .output();
    let installed = installed.unwrap_or_else(|error| {
        panic!("these tests need MariaDB: {error}; install mariadb-server (Debian)")
    });
    let errors = String::from_utf8_lossy(&installed.stderr).into_owned();
    assert!(installed.status.success(), "mariadb-install-db failed: {errors}");
}

/// MariaDB does not run as root; when we are, its files belong to its own user.
fn give_to_mysql(path: &Path) {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    // By a program: to look a user up, a static one like ours would load modules of the system into itself.
    let given = Command::new("chown").arg("mysql:mysql").arg(path).status();
    let given = given.is_ok_and(|status| status.success());
    assert!(given, "there is no user `mysql`; install mariadb-server (Debian)");
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

//! MariaDB beside the control plane, with a database for the API server. It runs as the system's `mysql`
//! user on files of the cluster, whatever server the machine has besides.

use std::{fs, io::Read, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    Cluster,
    error::{Because, Error, Result},
    image::hex,
    network::CONTROL_PLANE,
    paths, prerequisites,
    probe::Ready,
    process::Call,
    program::Program,
    progress::Progress,
};

const NAME: &str = "mariadb";
const PORT: u16 = 3306;
const DATABASE: &str = "campaign";
const USER: &str = "campaign";
/// The owner of its files and process.
const OWNER: &str = "mysql";
const START: Duration = Duration::from_mins(1);

impl Cluster {
    /// Starts the database, and returns the URL under which pods reach it. The data outlives `stop`.
    pub fn start_mariadb(&self, progress: &dyn Progress) -> Result<String> {
        prerequisites::ensure_database(progress)?;
        let directory = self.mariadb_directory();
        let password = self.mariadb_password()?;
        let setup = directory.join("setup.sql");
        paths::write_secret(&setup, &setup_script(&password))?;
        let data = directory.join("data");
        if !data.join("mysql").is_dir() {
            progress.step("making a database");
            paths::make_directory(&data)?;
            let install = Call::new(required("mariadb-install-db")?);
            let flag = format!("--datadir={}", data.display());
            let socket_only = "--auth-root-authentication-method=socket";
            let install = install.args(["--no-defaults", "--user=mysql", "--skip-test-db"]);
            install.args([socket_only, &flag]).env("HOME", self.state().home()).text()?;
        }
        let owner = format!("{OWNER}:{OWNER}");
        Call::new("chown").args(["--recursive", &owner]).args([&directory]).text()?;
        let file = |name: &str| directory.join(name).display().to_string();
        self.start(Program {
            name: NAME.into(),
            argv: vec![
                required("mariadbd")?.display().to_string(),
                "--no-defaults".into(),
                format!("--user={OWNER}"),
                format!("--datadir={}", file("data")),
                format!("--socket={}", file("socket")),
                format!("--pid-file={}", file("pid")),
                format!("--init-file={}", file("setup.sql")),
                format!("--bind-address={CONTROL_PLANE}"),
                format!("--port={PORT}"),
                "--skip-name-resolve".into(),
                "--max-connections=1000".into(),
                "--innodb-buffer-pool-size=256M".into(),
            ],
            ready: Ready::Tcp(SocketAddr::from((CONTROL_PLANE, PORT))),
            patience: START,
        })?;
        Ok(format!("mysql://{USER}:{password}@{CONTROL_PLANE}:{PORT}/{DATABASE}"))
    }

    /// Ends the database and keeps its data.
    pub fn stop_mariadb(&self) -> Result<()> {
        self.stop(NAME)
    }

    /// The first column of the first row that a query of the database returns, as text.
    pub fn mariadb_scalar(&self, sql: &str) -> Result<String> {
        let socket = format!("--socket={}", self.mariadb_directory().join("socket").display());
        let client = Call::new(required("mariadb")?).env("HOME", self.state().home());
        let client = client.args(["--no-defaults", "--batch", "--skip-column-names", &socket]);
        let rows = client.args([DATABASE, "--execute", sql]).text()?;
        let first = rows.lines().next().and_then(|row| row.split('\t').next());
        first.map(ToOwned::to_owned).ok_or_else(|| Error::Invalid {
            field: "query",
            value: sql.into(),
            problem: "it returned no row".into(),
        })
    }

    fn mariadb_directory(&self) -> PathBuf {
        self.state().root.join(NAME)
    }

    /// Made once, so that the URL is the same after a restart.
    fn mariadb_password(&self) -> Result<String> {
        let path = self.state().root.join("mariadb-password");
        if let Ok(password) = fs::read_to_string(&path) {
            return Ok(password);
        }
        let mut random = [0; 16];
        let source = fs::File::open("/dev/urandom");
        let read = source.and_then(|mut source| source.read_exact(&mut random));
        read.because(|| "make a password".into())?;
        paths::write_secret(&path, &hex(&random))?;
        Ok(hex(&random))
    }
}

fn required(program: &str) -> Result<PathBuf> {
    prerequisites::find(program).ok_or_else(|| Error::Missing {
        program: program.into(),
        install: "install mariadb-server".into(),
    })
}

/// Runs at each start, so it must not mind what exists. The password is hexadecimal digits.
fn setup_script(password: &str) -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;\n\
         CREATE OR REPLACE USER '{USER}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON {DATABASE}.* TO '{USER}'@'%';\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setup_can_run_again_and_grants_one_database_only() {
        let script = setup_script("00ff");
        assert!(script.contains("IF NOT EXISTS") && script.contains("OR REPLACE"), "{script}");
        assert!(script.contains("ON campaign.* TO") && !script.contains("*.*"), "{script}");
        assert_eq!(script.lines().count(), 3);
    }
}

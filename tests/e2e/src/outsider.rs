//! A copy of the operator that runs beside the cluster instead of in it, with the rights of those inside, and reaches the
//! API server only through a [`Proxy`] of its own.

use crate::proxy::{Identity, Proxy};
use anyhow::{Context as _, Result, ensure};
use apifleet_local::stack::{SYSTEM, Stack};
use kube::Config;
use kube::config::Kubeconfig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// It hands the lease back, and ends.
const END: Duration = Duration::from_secs(15);
/// So much of its log is quoted.
const QUOTED: usize = 3_000;

/// A copy that runs until it is dropped.
pub struct Outsider {
    /// Its name in the lease.
    pub name: String,
    /// Its way to the API server.
    pub proxy: Proxy,
    child: Child,
    directory: TempDir,
}

impl Outsider {
    /// Starts one under this name.
    pub fn start(stack: &Stack, name: &str) -> Result<Self> {
        let administrator = stack.cluster().kubeconfig();
        let [certificate, key] = stack.api_server_identity()?;
        let upstream = Config::try_from(Kubeconfig::read_from(&administrator)?)?;
        let proxy = Proxy::start(name, &Identity { certificate, key }, upstream)?;
        let directory = TempDir::new().context("make a directory")?;
        let kubeconfig = directory.path().join("kubeconfig");
        let server = format!("https://{}", proxy.address());
        let text = fs::read_to_string(&administrator).context("read the kubeconfig")?;
        let text = kubeconfig_for(&text, &server, &stack.operator_token()?)?;
        fs::write(&kubeconfig, text).context("write a kubeconfig")?;
        let log = File::create(log_in(directory.path())).context("make a log")?;
        let child = Command::new(Stack::operator_program()?)
            .env_clear()
            .env("KUBECONFIG", &kubeconfig)
            .env("PROMETHEUS_URL", stack.prometheus_url())
            .env("SCRAPE_INTERVAL_SECONDS", "5")
            .env("LISTEN", "127.0.0.1:0")
            .env("POD_NAMESPACE", SYSTEM)
            .env("POD_NAME", name)
            .env("LOG_FORMAT", "text")
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share a log")?)
            .stderr(log)
            .spawn()
            .context("start a copy of the operator")?;
        Ok(Self { name: name.to_owned(), proxy, child, directory })
    }

    /// The end of what it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read_to_string(log_in(self.directory.path())).unwrap_or_default();
        let skipped = text.chars().count().saturating_sub(QUOTED);
        text.chars().skip(skipped).collect()
    }

    /// Tells it to end, and waits until it has.
    pub fn end(mut self) -> Result<()> {
        let id = i32::try_from(self.child.id()).context("a process has a number")?;
        kill(Pid::from_raw(id), Signal::SIGTERM).context("tell a copy to end")?;
        let until = Instant::now() + END;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < until, "{} does not end: {}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Outsider {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it stays.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn log_in(directory: &Path) -> PathBuf {
    directory.join("log")
}

/// The administrator's kubeconfig, but for another server and a token instead of their credentials.
fn kubeconfig_for(administrator: &str, server: &str, token: &str) -> Result<String> {
    let mut config: Value = serde_json::from_str(administrator).context("it is JSON")?;
    for (path, value) in
        [("/clusters/0/cluster/server", json!(server)), ("/users/0/user", json!({"token": token}))]
    {
        *config.pointer_mut(path).with_context(|| format!("the kubeconfig has {path}"))? = value;
    }
    Ok(config.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_its_own_server_and_token_and_no_credentials_of_the_administrator() {
        let administrator = r#"{"clusters": [{"name": "c", "cluster": {"server": "https://real",
            "certificate-authority-data": "CA"}}], "users": [{"name": "u", "user": {
            "client-key-data": "SECRET"}}], "current-context": "c"}"#;
        let text = kubeconfig_for(administrator, "https://proxy", "TOKEN").unwrap();
        for there in ["https://proxy", "TOKEN", "CA", "current-context"] {
            assert!(text.contains(there), "{text}");
        }
        assert!(!text.contains("SECRET") && !text.contains("https://real"), "{text}");
        assert!(kubeconfig_for("{}", "https://proxy", "TOKEN").is_err());
    }
}

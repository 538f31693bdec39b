//! The programs of a cluster: built once from their Go modules, then kept in the cache.
//!
//! The build's whole description (go.mod, go.sum and our two small programs) is part of this crate, and its
//! hash is the name of the directory in the cache: another description is another directory, and a fresh
//! checkout on the same machine builds nothing again.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Result},
    image::hex,
    once::once,
    paths, prerequisites,
    process::Call,
    progress::{Event, Progress},
};

/// The files of the Go module.
const SOURCES: [(&str, &str); 4] = [
    ("go.mod", include_str!("../go.mod")),
    ("go.sum", include_str!("../go.sum")),
    ("kube/main.go", include_str!("../kube/main.go")),
    ("pause/main.go", include_str!("../pause/main.go")),
];
/// What is built: our two programs and every `tool` of go.mod.
const PACKAGES: [&str; 3] = ["./kube", "./pause", "tool"];
/// Leaves out what needs C libraries or clouds.
const TAGS: &str = "providerless no_btrfs no_zfs no_devmapper no_aufs no_tracing";
/// Without the version a kubelet reports none, and charts refuse it.
const LINKER: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
                      -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37";
/// What the build must leave.
const EXPECTED: [&str; 15] = [
    "bridge",
    "containerd",
    "containerd-shim-runc-v2",
    "coredns",
    "ctr",
    "helm",
    "host-local",
    "kube",
    "kubeconform",
    "loopback",
    "pause",
    "portmap",
    "prometheus",
    "promtool",
    "vegeta",
];
const BUILD: Duration = Duration::from_hours(1);

/// The directory with all programs of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Programs {
    directory: PathBuf,
    /// `KUBEBUILDER_ASSETS`: etcd, kube-apiserver and kubectl that the user has already.
    assets: Option<PathBuf>,
}

impl Programs {
    /// The programs, built first if they are not in the cache. `APIFLEET_PROGRAMS` names a directory that
    /// has them already.
    pub fn ensure(progress: &dyn Progress) -> Result<Self> {
        let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let directory = match env::var_os("APIFLEET_PROGRAMS").map(PathBuf::from) {
            Some(given) => complete(given)?,
            None => build_into(&paths::cache()?.join("programs"), progress)?,
        };
        Ok(Self { directory, assets })
    }

    /// The directory, for a search path.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One program, such as `helm`.
    #[must_use]
    pub fn path(&self, program: &str) -> PathBuf {
        self.directory.join(program)
    }

    /// The command line of a Kubernetes component or etcd, such as `kubelet`.
    #[must_use]
    pub fn component(&self, component: &str) -> Vec<String> {
        let own_name = match component {
            "apiserver" => "kube-apiserver",
            other => other,
        };
        let given = self.assets.as_ref().map(|assets| assets.join(own_name));
        match given.filter(|path| path.is_file()) {
            Some(path) => vec![path.display().to_string()],
            None => vec![self.path("kube").display().to_string(), component.into()],
        }
    }
}

/// The name of this build in the cache.
fn key() -> String {
    let mut hash = Sha256::new();
    for (name, text) in SOURCES {
        hash.update(format!("{name}\0{}\0{text}", text.len()));
    }
    hash.update(format!("{TAGS}\0{LINKER}\0{PACKAGES:?}"));
    hex(&hash.finalize()).chars().take(16).collect()
}

fn complete(directory: PathBuf) -> Result<PathBuf> {
    let missing: Vec<_> =
        EXPECTED.into_iter().filter(|program| !directory.join(program).is_file()).collect();
    if missing.is_empty() {
        return Ok(directory);
    }
    let install = format!("{} does not have them", directory.display());
    Err(Error::Missing { program: missing.join(", "), install })
}

fn build_into(cache: &Path, progress: &dyn Progress) -> Result<PathBuf> {
    let done = cache.join(key());
    if done.is_dir() {
        return Ok(done);
    }
    if prerequisites::find("go").is_none() {
        return Err(Error::Missing {
            program: "go".into(),
            install: "install Go 1.26 or later (https://go.dev/dl/) and put it into PATH".into(),
        });
    }
    once(&done, BUILD, |work| {
        progress.step("building Kubernetes and its tools, once (about 10 minutes)");
        build(work, progress)?;
        complete(work.join("bin"))
    })?;
    Ok(done)
}

fn build(work: &Path, progress: &dyn Progress) -> Result<()> {
    for (name, text) in SOURCES {
        paths::write(&work.join("src").join(name), text)?;
    }
    paths::make_directory(&work.join("bin"))?;
    let go = |args: &[&str]| {
        Call::new("go")
            .args(args)
            .args(["-mod=readonly", "-tags", TAGS])
            .directory(&work.join("src"))
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off")
            .deadline(BUILD)
    };
    let mut modules = 0;
    go(&["list", "-deps"]).args(PACKAGES).watch(|line| {
        modules += u64::from(line.starts_with("go: downloading"));
        progress.report(Event::Count { what: "modules fetched".into(), done: modules, total: 0 });
    })?;
    let listed = go(&["list", "-deps"]).args(PACKAGES).text()?;
    let total = u64::try_from(listed.lines().count()).unwrap_or_default();
    let mut packages = 0;
    let output = format!("{}/", work.join("bin").display());
    let build = go(&["build", "-v", "-trimpath"]).args(["-ldflags", LINKER, "-o", &output]);
    build.args(PACKAGES).watch(|_| {
        packages += 1;
        let what = "packages built".to_owned();
        progress.report(Event::Count { what, done: packages, total: total.max(packages) });
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::progress::Silent;

    #[test]
    fn the_key_names_a_directory_and_is_the_same_each_time() {
        assert_eq!(key(), key());
        assert!(key().len() == 16 && key().chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn every_tool_of_the_go_module_is_expected() {
        let tools = SOURCES[0].1.split_once("\ntool (").unwrap().1.split_once(')').unwrap().0;
        for tool in tools.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut parts = tool.rsplit('/');
            let last = parts.next().unwrap();
            // A last element such as v12 is a version.
            let is_version = last.strip_prefix('v').is_some_and(|rest| rest.parse::<u8>().is_ok());
            let name = if is_version { parts.next().unwrap() } else { last };
            assert!(EXPECTED.contains(&name), "{name}");
        }
    }

    #[test]
    fn the_version_told_to_the_linker_is_that_of_the_module() {
        let required =
            SOURCES[0].1.lines().find(|line| line.trim().starts_with("k8s.io/kubernetes"));
        let version = required.unwrap().split_whitespace().nth(1).unwrap();
        assert!(LINKER.contains(&format!("gitVersion={version} ")), "{version}");
    }

    #[test]
    fn a_build_that_is_in_the_cache_is_used_as_it_is() {
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir(cache.path().join(key())).unwrap();
        assert_eq!(build_into(cache.path(), &Silent).unwrap(), cache.path().join(key()));
    }

    #[test]
    fn a_directory_that_lacks_programs_is_refused_by_naming_them() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("kube"), "").unwrap();
        let message = complete(directory.path().into()).unwrap_err().to_string();
        assert!(message.contains("helm") && !message.contains("kube,"), "{message}");
    }

    #[test]
    fn assets_of_kubebuilder_are_used_where_they_have_the_program() {
        let assets = tempfile::tempdir().unwrap();
        fs::write(assets.path().join("kube-apiserver"), "").unwrap();
        let programs =
            Programs { directory: "/p".into(), assets: Some(assets.path().to_path_buf()) };
        let apiserver = assets.path().join("kube-apiserver").display().to_string();
        assert_eq!(programs.component("apiserver"), [apiserver]);
        assert_eq!(programs.component("kubelet"), ["/p/kube", "kubelet"]);
    }
}

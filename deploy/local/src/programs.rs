//! The programs of a cluster: built once from their Go modules, then kept in the cache.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{error::Result, go_module::GoModule, progress::Progress};

/// Kubernetes and its tools: two small programs of ours and every `tool` of go.mod.
const MODULE: GoModule = GoModule {
    name: "programs",
    about: "Kubernetes and its tools, once (about 10 minutes)",
    sources: &[
        ("go.mod", include_str!("../go.mod")),
        ("go.sum", include_str!("../go.sum")),
        ("kube/main.go", include_str!("../kube/main.go")),
        ("pause/main.go", include_str!("../pause/main.go")),
    ],
    packages: &["./kube", "./pause", "tool"],
    // Leaves out what needs C libraries or clouds.
    tags: "providerless no_btrfs no_zfs no_devmapper no_aufs no_tracing",
    // Without the version a kubelet reports none, and charts refuse it.
    linker: "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
             -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37",
    programs: &[
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
    ],
};

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
            Some(given) => MODULE.complete(given)?,
            None => MODULE.ensure(progress)?,
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

    /// The version of a module that the programs are built from, such as `github.com/prometheus/prometheus`.
    #[must_use]
    pub fn version_of(module: &str) -> Option<&'static str> {
        MODULE.version_of(module)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_tool_of_the_go_module_is_expected() {
        let go_mod = MODULE.sources[0].1;
        let tools = go_mod.split_once("\ntool (").unwrap().1.split_once(')').unwrap().0;
        for tool in tools.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut parts = tool.rsplit('/');
            let last = parts.next().unwrap();
            // A last element such as v12 is a version.
            let is_version = last.strip_prefix('v').is_some_and(|rest| rest.parse::<u8>().is_ok());
            let name = if is_version { parts.next().unwrap() } else { last };
            assert!(MODULE.programs.contains(&name), "{name}");
        }
    }

    #[test]
    fn the_version_told_to_the_linker_is_that_of_the_module() {
        let version = MODULE.version_of("k8s.io/kubernetes").unwrap();
        assert!(MODULE.linker.contains(&format!("gitVersion={version} ")), "{version}");
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

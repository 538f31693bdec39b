//! KEDA, the peer through which Kubernetes' own HPA (`HorizontalPodAutoscaler`) gets figures of Prometheus. The real
//! programs, built from KEDA's module, run as pods under the manifests, rights and certificates that KEDA ships.
//!
//! It is given nothing of ours, and nothing of it is in this repository but the name of its version.

mod manifests;

pub(crate) use manifests::scaled_object;

use crate::Result;
use apifleet_local::progress::Progress;
use apifleet_local::{Cluster, GoModule, Image};
use std::path::{Path, PathBuf};

/// KEDA's operator and its server of external metrics. Without the version they would call themselves `main`.
const MODULE: GoModule = GoModule {
    name: "keda",
    about: "KEDA, once (about 5 minutes)",
    sources: &[
        ("go.mod", include_str!("../../keda/go.mod")),
        ("go.sum", include_str!("../../keda/go.sum")),
    ],
    packages: &["tool"],
    tags: "",
    linker: "-s -w -X github.com/kedacore/keda/v2/version.Version=2.21.0",
    programs: &["adapter", "operator"],
};
const NAME: &str = "github.com/kedacore/keda/v2";
/// The namespace of KEDA's manifests.
const NAMESPACE: &str = "keda";
/// The operator makes the certificates, and a kubelet may take more than a minute to hand them to pods.
const PATIENCE: &str = "--timeout=170s";
/// The group of figures that the HPA asks for.
const METRICS: &str = "apiservice/v1beta1.external.metrics.k8s.io";

/// KEDA, built.
pub(crate) struct Keda {
    programs: PathBuf,
    /// The manifests, in the sources of its module.
    manifests: PathBuf,
}

impl Keda {
    /// Builds it, if it is not in the cache.
    pub(crate) fn build(progress: &dyn Progress) -> Result<Self> {
        let programs = MODULE.ensure(progress)?;
        // Without its webhook, which checks manifests only.
        let manifests = MODULE.sources_of(NAME)?.join("config/minimal");
        Ok(Self { programs, manifests })
    }

    /// Its version.
    pub(crate) fn version() -> &'static str {
        MODULE.version_of(NAME).unwrap_or_default()
    }

    /// Installs it, and returns when the HPA can ask it.
    pub(crate) fn install(&self, cluster: &Cluster, progress: &dyn Progress) -> Result<()> {
        progress.step(format!("installing KEDA {}", Self::version()));
        for program in MODULE.programs {
            let program_file = self.programs.join(program);
            let reference = manifests::image(program);
            cluster.load_image(Image { reference, program: program_file })?;
        }
        let text = cluster.kubectl(&["kustomize", &display(&self.manifests)])?;
        cluster.apply(&manifests::for_this_cluster(&text)?)?;
        let available = ["wait", "--for=condition=Available", PATIENCE];
        let deployments = ["deployment", "--all", "--namespace", NAMESPACE];
        cluster.kubectl(&[&available[..], &deployments].concat())?;
        cluster.kubectl(&[&available[..], &[METRICS]].concat())?;
        Ok(())
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_told_to_the_linker_is_that_of_the_module() {
        let version = Keda::version().strip_prefix('v').expect("a version");
        assert!(MODULE.linker.ends_with(&format!("version.Version={version}")), "{version}");
    }

    #[test]
    fn every_tool_of_the_go_module_is_expected() {
        let (_, text) = MODULE.sources[0];
        let tools =
            text.split_once("\ntool (").expect("tools").1.split_once(')').expect("an end").0;
        let names: Vec<_> = tools.split_whitespace().filter_map(|t| t.rsplit('/').next()).collect();
        assert_eq!(names, MODULE.programs);
    }
}

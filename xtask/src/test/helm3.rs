//! Helm 3, which many pipelines still run. What it renders must be what Helm 4 renders, line by line: then all that is
//! tested of what Helm 4 renders holds for it.

use anyhow::ensure;
use apifleet_local::progress::Progress;
use apifleet_local::{Call, GoModule};
use std::path::{Path, PathBuf};

/// Its Kubernetes modules are those of the cluster's programs, so that little of it is compiled anew.
const MODULE: GoModule = GoModule {
    name: "helm3",
    about: "Helm 3, once (about a minute)",
    sources: &[
        ("go.mod", include_str!("../../helm3/go.mod")),
        ("go.sum", include_str!("../../helm3/go.sum")),
    ],
    packages: &["tool"],
    tags: "",
    // As its own build does; without them it would take Kubernetes for 1.20.
    linker: "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0 \
             -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
             -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37 \
             -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 \
             -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=37",
    programs: &["helm"],
};

/// The program, built first if it is not in the cache.
pub(crate) fn program(progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    Ok(MODULE.ensure(progress)?.join("helm"))
}

/// It lints a chart with these values as strictly as it can.
pub(crate) fn lint(helm: &Path, chart: &Path, values: &Path) -> anyhow::Result<()> {
    let call = Call::new(helm).args(["lint", "--strict", "--values"]).args([values, chart]);
    let output = call.output()?;
    let (values, said) = (values.display(), output.stdout + &output.stderr);
    ensure!(output.success, "Helm 3 does not accept {values}: {said}");
    Ok(())
}

/// What it renders with these values is what Helm 4 renders; only Helm 4 leaves more empty lines.
pub(crate) fn compare(values: &Path, by_helm_3: &str, by_helm_4: &str) -> anyhow::Result<()> {
    let lines = |text| str::lines(text).filter(|line| !line.trim().is_empty());
    let (mut threes, mut fours) = (lines(by_helm_3), lines(by_helm_4));
    loop {
        let (three, four) = (threes.next(), fours.next());
        if three.is_none() && four.is_none() {
            return Ok(());
        }
        let said = |line: Option<&str>| line.unwrap_or("nothing more").to_owned();
        ensure!(
            three == four,
            "{}: Helm 3 renders {:?} where Helm 4 renders {:?}",
            values.display(),
            said(three),
            said(four),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let said = |three: &str, four: &str| {
            let compared = compare(Path::new("demo.yaml"), three, four);
            compared.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(said("a\nb", "a\n  \nb\n\n"), "", "empty lines say nothing");
        let differs = said("a\nb\nc", "a\nx\nc");
        assert!(differs.contains("\"b\" where Helm 4 renders \"x\""), "{differs}");
        assert!(said("a", "a\nb").contains("\"nothing more\" where Helm 4 renders \"b\""));
    }

    #[test]
    fn it_is_helm_3() {
        let version = MODULE.version_of("helm.sh/helm/v3").expect("required");
        assert!(MODULE.linker.contains(&format!("version={version} ")), "{version}");
        let kubernetes = MODULE.version_of("k8s.io/api").expect("required");
        assert!(kubernetes.starts_with("v0.37."), "{kubernetes}");
    }
}

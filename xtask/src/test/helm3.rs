//! Helm 3, which many pipelines still run. What it renders must be what Helm 4 renders, to the letter: then all that is
//! tested of the charts with Helm 4 holds for it.

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
    linker: "-s -w",
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

/// What it renders with these values is what Helm 4 renders.
pub(crate) fn compare(values: &Path, by_helm_3: &str, by_helm_4: &str) -> anyhow::Result<()> {
    let mut lines = by_helm_3.lines().zip(by_helm_4.lines());
    let different = lines.position(|(three, four)| three != four);
    let shorter = by_helm_3.lines().count().min(by_helm_4.lines().count());
    let line = different.unwrap_or(shorter);
    let of = |text: &str| text.lines().nth(line).unwrap_or("nothing more").to_owned();
    ensure!(
        by_helm_3 == by_helm_4,
        "{}, line {} of what is rendered: Helm 3 says {:?}, Helm 4 {:?}",
        values.display(),
        line + 1,
        of(by_helm_3),
        of(by_helm_4),
    );
    Ok(())
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
        assert_eq!(said("a\nb", "a\nb"), "");
        let differs = said("a\nb\nc", "a\nx\nc");
        assert!(differs.contains("line 2") && differs.contains("\"b\", Helm 4 \"x\""), "{differs}");
        assert!(said("a", "a\nb").contains("\"nothing more\", Helm 4 \"b\""));
    }

    #[test]
    fn it_is_helm_3() {
        let version = MODULE.version_of("helm.sh/helm/v3").expect("required");
        assert!(version.starts_with("v3."), "{version}");
    }
}

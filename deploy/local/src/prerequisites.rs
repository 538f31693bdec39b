//! What the machine must have, and how it gets it. On Debian as root, missing packages are installed.

use std::{env, path::PathBuf, time::Duration};

use crate::{
    error::{Error, Result},
    process::Call,
    progress::Progress,
};

/// A program, and the Debian package that has it.
type Needed = (&'static str, &'static str);

/// What nodes and networks need.
const CLUSTER: [Needed; 4] =
    [("runc", "runc"), ("nft", "nftables"), ("ip", "iproute2"), ("conntrack", "conntrack")];
/// What the database needs.
const DATABASE: [Needed; 2] =
    [("mariadbd", "mariadb-server"), ("mariadb-install-db", "mariadb-server")];
/// Where system programs are, though not in everyone's PATH.
pub(crate) const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const INSTALL: Duration = Duration::from_mins(10);

/// Refuses a machine or a user that cannot run a cluster.
pub(crate) fn supported() -> Result<()> {
    supported_for(cfg!(target_os = "linux"), nix::unistd::Uid::effective().is_root())
}

fn supported_for(linux: bool, root: bool) -> Result<()> {
    match (linux, root) {
        (false, _) => Err(Error::Unsupported { needs: "Linux" }),
        (true, false) => Err(Error::Unsupported { needs: "root" }),
        (true, true) => Ok(()),
    }
}

/// Makes sure of what a cluster needs.
pub(crate) fn cluster(progress: &dyn Progress) -> Result<()> {
    ensure(&CLUSTER, progress)
}

/// Makes sure of what the database needs.
pub fn ensure_database(progress: &dyn Progress) -> Result<()> {
    ensure(&DATABASE, progress)
}

fn ensure(needed: &[Needed], progress: &dyn Progress) -> Result<()> {
    let lacking = || packages_of(needed, |program| find(program).is_some());
    ensure_packages(&lacking(), || lacking().is_empty(), progress)
}

/// Makes sure of Debian packages: installs them unless what is needed of them is there.
pub fn ensure_packages(
    packages: &[&str],
    is_there: impl Fn() -> bool,
    progress: &dyn Progress,
) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let named = packages.join(" ");
    if find("apt-get").is_none() {
        return Err(Error::Missing {
            program: named,
            install: "install these packages of your distribution, then try again".into(),
        });
    }
    progress.step(format!("installing {named}"));
    let apt = |args: &[&str]| {
        let call = Call::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
        call.args(args).deadline(INSTALL).text()
    };
    apt(&["update", "-qq"])?;
    apt(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())?;
    if is_there() {
        return Ok(());
    }
    let install =
        format!("apt-get installed it, but what is needed of it is not there (in {SYSTEM_PATH})");
    Err(Error::Missing { program: named, install })
}

fn packages_of(needed: &[Needed], is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let lacking = needed.iter().filter(|(program, _)| !is_there(program));
    let mut packages: Vec<_> = lacking.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

/// The path of a program.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var("PATH").unwrap_or_default();
    let directories = path.split(':').chain(SYSTEM_PATH.split(':'));
    directories.map(|directory| PathBuf::from(directory).join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_on_linux_can_run_a_cluster_and_others_are_told_about_kubeconfig() {
        assert!(supported_for(true, true).is_ok());
        for (linux, root, needs) in [(true, false, "root"), (false, true, "Linux")] {
            let message = supported_for(linux, root).unwrap_err().to_string();
            assert!(message.contains(needs) && message.contains("--kubeconfig"), "{message}");
            assert_eq!(message.lines().count(), 1);
        }
    }

    #[test]
    fn a_package_that_has_two_missing_programs_is_named_once() {
        assert_eq!(packages_of(&DATABASE, |_| false), ["mariadb-server"]);
        assert_eq!(packages_of(&CLUSTER, |program| program != "nft"), ["nftables"]);
        assert!(packages_of(&CLUSTER, |_| true).is_empty());
    }

    #[test]
    fn nothing_is_installed_where_all_is_there() {
        let packages = ["no-such-package-anywhere"];
        assert!(ensure_packages(&packages, || true, &crate::progress::Silent).is_ok());
    }

    #[test]
    fn programs_are_found_by_name() {
        assert!(find("sh").is_some_and(|path| path.ends_with("sh")));
        assert!(find("no-such-program-anywhere").is_none());
    }
}

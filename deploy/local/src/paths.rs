//! Where files are: the state of a cluster, which `down` removes, and the cache of programs, which stays.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    error::{Because, Error, Result},
    options::Name,
};

/// The state of all clusters. Short, because Unix sockets below it may be 107 characters long.
pub(crate) const STATE: &str = "/var/lib/apifleet";

/// The state of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Its directory.
    pub(crate) root: PathBuf,
    /// Held by the supervisor while it lives.
    pub(crate) lock: PathBuf,
    /// What the supervisor itself prints, which is nothing unless it cannot start.
    pub(crate) supervisor_log: PathBuf,
    /// The top of its control groups.
    pub(crate) group: String,
}

impl State {
    pub(crate) fn of(name: &Name) -> Self {
        let states = Path::new(STATE);
        Self {
            root: states.join(name.as_str()),
            lock: states.join(format!("{name}.lock")),
            supervisor_log: states.join(format!("{name}.log")),
            group: format!("/apifleet-{name}"),
        }
    }

    /// The names of all clusters that have left anything here, whether they run or not.
    pub(crate) fn names() -> BTreeSet<Name> {
        names_in(Path::new(STATE))
    }

    /// The supervisor's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("socket")
    }

    /// The administrator's kubeconfig, for programs on this machine.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    /// The kubeconfig of one component, for use inside the cluster's network.
    pub(crate) fn component_kubeconfig(&self, component: &str) -> PathBuf {
        self.root.join("kubeconfigs").join(component)
    }

    /// A certificate or key.
    pub(crate) fn pki(&self, file: &str) -> PathBuf {
        self.root.join("pki").join(file)
    }

    /// The log of one program.
    pub(crate) fn log(&self, program: &str) -> PathBuf {
        self.root.join("log").join(format!("{program}.log"))
    }

    /// What the API server wrote down about requests of service accounts.
    pub(crate) fn audit(&self) -> PathBuf {
        self.root.join("log/audit.log")
    }

    /// Home directory of every tool, so that none writes into the user's.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Where programs put temporary files.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The directory of one node.
    pub(crate) fn node(&self, name: &Name) -> PathBuf {
        self.root.join("nodes").join(name.as_str())
    }
}

fn names_in(states: &Path) -> BTreeSet<Name> {
    let entries = fs::read_dir(states).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let of_clusters =
        paths.filter(|path| path.is_dir() || path.extension() == Some("lock".as_ref()));
    of_clusters.filter_map(|path| path.file_stem()?.to_str()?.parse().ok()).collect()
}

/// What was built and is kept outside the checkout, shared by all clones on this machine:
/// `$XDG_CACHE_HOME/apifleet`.
pub fn cache() -> Result<PathBuf> {
    cache_from(env::var_os("XDG_CACHE_HOME").map(Into::into), env::var_os("HOME").map(Into::into))
}

fn cache_from(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf> {
    // The XDG specification has relative paths ignored.
    let given = xdg.filter(|path| path.is_absolute());
    let base = given.or_else(|| home.map(|home| home.join(".cache")));
    base.map(|base| base.join("apifleet")).ok_or_else(|| Error::Invalid {
        field: "HOME",
        value: String::new(),
        problem: "set HOME or XDG_CACHE_HOME, which tell where built programs are kept".into(),
    })
}

/// Makes a directory that others may pass through but not list.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o711);
    builder.create(path).because(|| format!("make {}", path.display()))
}

/// Makes a directory in which every user may make files.
pub(crate) fn make_shared_directory(path: &Path) -> Result<()> {
    make_directory(path)?;
    let everyone = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(path, everyone).because(|| format!("share {}", path.display()))
}

/// Writes a file that only root can read, from its first byte on.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).because(|| format!("write {}", path.display()))?;
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .because(|| format!("protect {}", path.display()))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .because(|| format!("write {}", path.display()))
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    fs::write(path, text).because(|| format!("write {}", path.display()))
}

/// Copies the files of a directory, not those below it.
pub(crate) fn copy_files(from: &Path, to: &Path) -> Result<()> {
    remove_directory(to)?;
    make_directory(to)?;
    let files = fs::read_dir(from).because(|| format!("read {}", from.display()))?;
    for file in files.flatten().filter(|file| file.file_type().is_ok_and(|kind| kind.is_file())) {
        fs::copy(file.path(), to.join(file.file_name()))
            .because(|| format!("copy {}", file.path().display()))?;
    }
    Ok(())
}

/// Removes a directory and all in it; one that does not exist is no error.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
            Err(problem).because(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_the_longest_names_fit() {
        let longest: Name = "abcdefghijklmnopqrst".parse().unwrap();
        let state = State::of(&longest);
        let socket = state.node(&longest).join("containerd.sock.ttrpc");
        assert!(socket.to_str().unwrap().len() < 108, "{}", socket.display());
        assert!(state.socket().to_str().unwrap().len() < 108);
    }

    #[test]
    fn a_cluster_is_known_by_its_directory_or_its_lock() {
        let states = tempfile::tempdir().unwrap();
        assert!(names_in(&states.path().join("none")).is_empty());
        fs::create_dir(states.path().join("whole")).unwrap();
        for file in ["whole.lock", "locked.lock", "before.json", "machine.guard", "gone.log"] {
            fs::write(states.path().join(file), "").unwrap();
        }
        let names: Vec<String> = names_in(states.path()).iter().map(Name::to_string).collect();
        assert_eq!(names, ["locked", "whole"]);
    }

    #[test]
    fn the_cache_is_where_xdg_says_or_in_the_home_directory() {
        let cache = |xdg: Option<&str>, home: Option<&str>| {
            cache_from(xdg.map(Into::into), home.map(Into::into))
        };
        assert_eq!(cache(Some("/c"), Some("/h")).unwrap(), Path::new("/c/apifleet"));
        assert_eq!(cache(Some("c"), Some("/h")).unwrap(), Path::new("/h/.cache/apifleet"));
        assert_eq!(cache(None, Some("/h")).unwrap(), Path::new("/h/.cache/apifleet"));
        assert!(cache(None, None).unwrap_err().to_string().contains("XDG_CACHE_HOME"));
    }

    #[test]
    fn a_secret_is_readable_by_its_owner_only_even_when_it_replaces_another_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/key");
        write(&path, "old").unwrap();
        write_secret(&path, "new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}

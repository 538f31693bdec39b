//! A Go module of this repository, built once into the cache: the cluster's own programs, and those of peers that
//! benchmarks run beside it.
//!
//! The build's whole description (go.mod, go.sum and small programs of ours) is part of the crate that names it, and
//! its hash is the name of the directory in the cache: another description is another directory, and a fresh
//! checkout on the same machine builds nothing again.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Result},
    image::hex,
    once::once,
    paths, prerequisites,
    process::Call,
    progress::{Event, Progress},
};

const BUILD: Duration = Duration::from_hours(1);

/// What to build, and how.
#[derive(Clone, Copy, Debug)]
pub struct GoModule {
    /// The directory in the cache that holds its builds.
    pub name: &'static str,
    /// What people read while it is built.
    pub about: &'static str,
    /// The files of the module: path and text; the first is go.mod.
    pub sources: &'static [(&'static str, &'static str)],
    /// What is built, as `go build` names it.
    pub packages: &'static [&'static str],
    /// Build tags.
    pub tags: &'static str,
    /// Flags for the linker.
    pub linker: &'static str,
    /// The programs that the build must leave.
    pub programs: &'static [&'static str],
}

impl GoModule {
    /// The directory with its programs, built first if they are not in the cache.
    pub fn ensure(&self, progress: &dyn Progress) -> Result<PathBuf> {
        self.ensure_in(&paths::cache()?.join(self.name), progress)
    }

    /// The version of a module that it requires.
    #[must_use]
    pub fn version_of(&self, module: &str) -> Option<&'static str> {
        let (_, text) = self.sources.first()?;
        text.lines().find_map(|line| {
            let line = line.trim();
            let mut words = line.strip_prefix("require ").unwrap_or(line).split_whitespace();
            words.next().filter(|name| *name == module).and_then(|_| words.next())
        })
    }

    /// Where the sources of a module that it requires are, fetched first if they are not there.
    pub fn sources_of(&self, module: &str) -> Result<PathBuf> {
        let work = tempfile::tempdir().map_err(|source| Error::Io {
            what: "make a directory for a Go module".into(),
            source,
        })?;
        self.write_sources(work.path())?;
        let list = go(work.path(), &["mod", "download", "-json", module]).text()?;
        let answer: serde_json::Value = serde_json::from_str(&list).unwrap_or_default();
        let directory = answer.get("Dir").and_then(serde_json::Value::as_str).map(PathBuf::from);
        directory.ok_or_else(|| Error::Missing {
            program: format!("the sources of {module}"),
            install: format!("`go mod download` said {list:?}"),
        })
    }

    pub(crate) fn ensure_in(&self, cache: &Path, progress: &dyn Progress) -> Result<PathBuf> {
        let done = cache.join(self.key());
        if done.is_dir() {
            return Ok(done);
        }
        if prerequisites::find("go").is_none() {
            return Err(Error::Missing {
                program: "go".into(),
                install: "install Go 1.26 or later (https://go.dev/dl/) and put it into PATH"
                    .into(),
            });
        }
        once(&done, BUILD, |work| {
            progress.step(format!("building {}", self.about));
            self.build(work, progress)?;
            self.complete(work.join("bin"))
        })?;
        Ok(done)
    }

    /// A directory that has all its programs, or which are missing.
    pub(crate) fn complete(&self, directory: PathBuf) -> Result<PathBuf> {
        let missing: Vec<_> =
            self.programs.iter().filter(|program| !directory.join(program).is_file()).collect();
        if missing.is_empty() {
            return Ok(directory);
        }
        let missing: Vec<_> = missing.into_iter().copied().collect();
        let install = format!("{} does not have them", directory.display());
        Err(Error::Missing { program: missing.join(", "), install })
    }

    /// The name of this build in the cache.
    fn key(&self) -> String {
        let mut hash = Sha256::new();
        for (name, text) in self.sources {
            hash.update(format!("{name}\0{}\0{text}", text.len()));
        }
        hash.update(format!("{}\0{}\0{:?}", self.tags, self.linker, self.packages));
        hex(&hash.finalize()).chars().take(16).collect()
    }

    fn write_sources(&self, directory: &Path) -> Result<()> {
        self.sources.iter().try_for_each(|(name, text)| paths::write(&directory.join(name), text))
    }

    fn build(&self, work: &Path, progress: &dyn Progress) -> Result<()> {
        let sources = work.join("src");
        self.write_sources(&sources)?;
        paths::make_directory(&work.join("bin"))?;
        let go = |args: &[&str]| go(&sources, args).args(["-mod=readonly", "-tags", self.tags]);
        let mut modules = 0;
        go(&["list", "-deps"]).args(self.packages).watch(|line| {
            modules += u64::from(line.starts_with("go: downloading"));
            let what = "modules fetched".to_owned();
            progress.report(Event::Count { what, done: modules, total: 0 });
        })?;
        let listed = go(&["list", "-deps"]).args(self.packages).text()?;
        let total = u64::try_from(listed.lines().count()).unwrap_or_default();
        let mut packages = 0;
        let output = format!("{}/", work.join("bin").display());
        let build =
            go(&["build", "-v", "-trimpath"]).args(["-ldflags", self.linker, "-o", &output]);
        build.args(self.packages).watch(|_| {
            packages += 1;
            let what = "packages built".to_owned();
            progress.report(Event::Count { what, done: packages, total: total.max(packages) });
        })
    }
}

/// A call of Go on the module in a directory, and on nothing else of the machine.
fn go(directory: &Path, args: &[&str]) -> Call {
    Call::new("go")
        .args(args)
        .directory(directory)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .deadline(BUILD)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::progress::Silent;

    const MODULE: GoModule = GoModule {
        name: "test",
        about: "a test",
        sources: &[(
            "go.mod",
            "module x\n\nrequire example.org/one v1.2.3\n\nrequire (\n\texample.org/two v0.4.0\n)\n",
        )],
        packages: &["tool"],
        tags: "",
        linker: "",
        programs: &["one", "two"],
    };

    #[test]
    fn the_key_names_a_directory_and_follows_the_description() {
        let key = MODULE.key();
        assert!(key.len() == 16 && key.chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(key, MODULE.key());
        assert_ne!(key, GoModule { linker: "-s", ..MODULE }.key());
        assert_ne!(key, GoModule { sources: &[("go.mod", "module y\n")], ..MODULE }.key());
    }

    #[test]
    fn versions_are_those_that_go_mod_requires() {
        assert_eq!(MODULE.version_of("example.org/one"), Some("v1.2.3"));
        assert_eq!(MODULE.version_of("example.org/two"), Some("v0.4.0"));
        assert_eq!(MODULE.version_of("example.org"), None);
    }

    #[test]
    fn a_build_that_is_in_the_cache_is_used_as_it_is() {
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir(cache.path().join(MODULE.key())).unwrap();
        let found = MODULE.ensure_in(cache.path(), &Silent).unwrap();
        assert_eq!(found, cache.path().join(MODULE.key()));
    }

    #[test]
    fn a_directory_that_lacks_programs_is_refused_by_naming_them() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("one"), "").unwrap();
        let message = MODULE.complete(directory.path().into()).unwrap_err().to_string();
        assert!(message.contains("two") && !message.contains("one,"), "{message}");
    }
}

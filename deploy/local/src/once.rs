//! Builds something into the cache once, however many ask for it at the same time, and however often a build is
//! interrupted.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    error::{Because, Result},
    lock::Lock,
    paths,
};

/// Makes sure that the directory `done` is there. `build` is given a directory to work in, which an interrupted
/// build may have used before, and returns what becomes `done`.
pub(crate) fn once(
    done: &Path,
    patience: Duration,
    build: impl FnOnce(&Path) -> Result<PathBuf>,
) -> Result<()> {
    if done.is_dir() {
        return Ok(());
    }
    let beside = |suffix: &str| {
        let mut name = done.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let lock = Lock::wait(&beside(".lock"), patience)?;
    // Whoever held the lock may have built it.
    if !done.is_dir() {
        let work = beside(".work");
        paths::make_directory(&work)?;
        let result = build(&work)?;
        fs::rename(&result, done).because(|| format!("keep {}", done.display()))?;
        paths::remove_directory(&work)?;
    }
    lock.remove()
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicU32, sync::atomic::Ordering, thread};

    use super::*;
    use crate::error::Error;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn built(work: &Path) -> Result<PathBuf> {
        paths::write(&work.join("out/program"), "")?;
        Ok(work.join("out"))
    }

    #[test]
    fn what_several_ask_for_is_built_once_and_nothing_else_stays() {
        let cache = tempfile::tempdir().unwrap();
        let done = cache.path().join("x-1.0");
        let builds = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let build = |work: &Path| {
                        builds.fetch_add(1, Ordering::Relaxed);
                        built(work)
                    };
                    once(&done, PATIENCE, build).unwrap();
                });
            }
        });
        assert_eq!(builds.into_inner(), 1);
        assert!(done.join("program").is_file());
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_build_that_failed_is_done_again_where_it_was() {
        let cache = tempfile::tempdir().unwrap();
        let done = cache.path().join("x-1.0");
        let fail = |work: &Path| {
            paths::write(&work.join("half"), "")?;
            Err(Error::Refused("interrupted".into()))
        };
        assert!(once(&done, PATIENCE, fail).is_err() && !done.exists());
        let resume = |work: &Path| {
            assert!(work.join("half").is_file());
            built(work)
        };
        once(&done, PATIENCE, resume).unwrap();
        assert!(done.join("program").is_file());
    }
}

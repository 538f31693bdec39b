//! Locks: a file that is held open and locked. The kernel lets go of it when the holder ends, however it ends.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    error::{Because, Result},
    paths, probe,
};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock, or tells that another holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>> {
        if let Some(directory) = path.parent() {
            paths::make_directory(directory)?;
        }
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(path);
            let file = file.because(|| format!("open {}", path.display()))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(problem)) => {
                    return Err(problem).because(|| format!("lock {}", path.display()));
                }
            }
            // Between opening and locking its last holder may have removed the file.
            let ours = file.metadata().because(|| format!("look at {}", path.display()))?.ino();
            if fs::metadata(path).is_ok_and(|there| there.ino() == ours) {
                return Ok(Some(Self { path: path.into(), _file: file }));
            }
        }
    }

    /// Takes the lock, waiting for its holder.
    pub(crate) fn wait(path: &Path, deadline: Duration) -> Result<Self> {
        let mut taken = None;
        let what = format!("the holder of {} to let go", path.display());
        loop {
            probe::until(&what, deadline, || {
                taken = Self::take(path)?;
                Ok(taken.is_some())
            })?;
            if let Some(lock) = taken {
                return Ok(lock);
            }
        }
    }

    /// Whether another holds the lock. Makes no file.
    pub(crate) fn is_held(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Removes the file. Whoever opened it before tries again with a new one.
    pub(crate) fn remove(&self) -> Result<()> {
        fs::remove_file(&self.path).because(|| format!("remove {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        assert!(!Lock::is_held(&path));
        let held = Lock::take(&path).unwrap().unwrap();
        assert!(Lock::take(&path).unwrap().is_none() && Lock::is_held(&path));
        drop(held);
        assert!(!Lock::is_held(&path));
        Lock::take(&path).unwrap().unwrap().remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn waiting_for_a_lock_ends_at_the_deadline() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let _held = Lock::take(&path).unwrap();
        assert!(Lock::wait(&path, Duration::from_millis(30)).is_err());
    }
}

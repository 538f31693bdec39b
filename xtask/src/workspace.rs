//! Where the checkout and the cache outside it are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The checkout that `cargo xtask` was called in. Cargo names it when it runs a program; what it named when it
/// built this one may be another clone that shares the target folder, or have been moved since.
pub(crate) fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or_else(|| xtask.clone(), Path::to_path_buf)
}

/// The cache outside the checkout, shared by all clones on this machine.
pub(crate) fn cache() -> PathBuf {
    apifleet_local::cache().unwrap_or_else(|_| env::temp_dir().join("apifleet"))
}

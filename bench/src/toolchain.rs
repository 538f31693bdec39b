//! What programs are made with: the versions of the compiler and of locked libraries.

use crate::{Error, Result};
use apifleet_local::Call;
use std::path::Path;

/// The compiler's version.
pub(crate) fn rustc() -> Result<String> {
    let printed = Call::new("rustc").args(["--version"]).text()?;
    Ok(printed.split_whitespace().nth(1).unwrap_or("unknown").to_owned())
}

/// The version of a library in the checkout's `Cargo.lock`.
pub(crate) fn locked(workspace: &Path, library: &str) -> Result<String> {
    let file = workspace.join("Cargo.lock");
    let text = std::fs::read_to_string(&file).map_err(|source| Error::File {
        what: "read",
        file,
        source,
    })?;
    Ok(version_in(&text, library).unwrap_or("unknown").to_owned())
}

fn version_in<'a>(lock: &'a str, library: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{library}\"\nversion = \""))?;
    after.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_locked_one_of_that_library() {
        let lock = "[[package]]\nname = \"divan-macros\"\nversion = \"9.9.9\"\n\n[[package]]\nname = \"divan\"\n\
                    version = \"0.1.21\"\n";
        assert_eq!(version_in(lock, "divan"), Some("0.1.21"));
        assert_eq!(version_in(lock, "nothing"), None);
    }
}

//! The load generator, built once from its crate and then kept in the cache.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    error::{Error, Result},
    once::once,
    paths, prerequisites,
    process::Call,
    progress::{Event, Progress},
};

/// The version whose output format `load` reads.
const VERSION: &str = "1.16.0";
const BUILD: Duration = Duration::from_mins(30);

/// The path of `oha`, built first if it is not in the cache.
pub fn ensure_oha(progress: &dyn Progress) -> Result<PathBuf> {
    ensure_in(&paths::cache()?, progress)
}

fn ensure_in(cache: &Path, progress: &dyn Progress) -> Result<PathBuf> {
    let root = cache.join(format!("oha-{VERSION}"));
    let program = root.join("bin/oha");
    if program.is_file() {
        return Ok(program);
    }
    if prerequisites::find("cargo").is_none() {
        return Err(Error::Missing {
            program: "cargo".into(),
            install: "install Rust (https://rustup.rs) and put it into PATH".into(),
        });
    }
    once(&root, BUILD, |work| {
        progress.step(format!("building the load generator oha {VERSION}, once (some minutes)"));
        build(work, progress)?;
        Ok(work.join("root"))
    })?;
    Ok(program)
}

/// Link-time optimization would double the build's time; the generator is fast enough without.
fn build(work: &Path, progress: &dyn Progress) -> Result<()> {
    let root = work.join("root").display().to_string();
    let mut crates = 0;
    Call::new("cargo")
        .args(["install", "oha", "--locked", "--version", VERSION, "--root", &root])
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2")
        .directory(work)
        .deadline(BUILD)
        .watch(|line| {
            crates += u64::from(line.trim_start().starts_with("Compiling"));
            progress.report(Event::Count { what: "crates built".into(), done: crates, total: 0 });
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::progress::Silent;

    #[test]
    fn a_generator_that_is_in_the_cache_is_used_as_it_is() {
        let cache = tempfile::tempdir().unwrap();
        let program = cache.path().join(format!("oha-{VERSION}/bin/oha"));
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "").unwrap();
        assert_eq!(ensure_in(cache.path(), &Silent).unwrap(), program);
    }
}

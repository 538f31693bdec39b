//! `tests/pages`: the pages that the command line writes, opened in a real browser, on a phone and on a desktop.

use super::tell;
use crate::{process, workspace};
use anyhow::Context;
use apifleet_local::{Call, ensure_packages};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Where Debian's package puts it.
const CHROMIUM: &str = "/usr/bin/chromium";
const MINUTE: Duration = Duration::from_mins(1);

/// Opens them. The command line must have been built.
pub(crate) fn open() -> anyhow::Result<()> {
    ensure_packages(&["chromium"], has_chromium, &tell).context("install chromium")?;
    ensure_packages(&["nodejs", "npm"], has_npm, &tell).context("install nodejs and npm")?;
    let folder = workspace::root().join("tests/pages");
    process::run(Command::new("npm").arg("ci").current_dir(&folder), MINUTE * 3)?;
    process::run(Command::new("npm").arg("test").current_dir(&folder), MINUTE * 10)
}

fn has_chromium() -> bool {
    Path::new(CHROMIUM).exists()
}

fn has_npm() -> bool {
    Call::new("npm").args(["--version"]).output().is_ok_and(|output| output.success)
}

//! What can be typed after `man`.

use crate::man::Pages;
use std::path::PathBuf;

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The command that the page is of [default: apifleet itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub commands: Vec<String>,

    /// Write all pages into this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl From<ManArgs> for Pages {
    fn from(ManArgs { commands, dir }: ManArgs) -> Self {
        dir.map_or(Self::One(commands), Self::All)
    }
}

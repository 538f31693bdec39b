//! The flags of every verb that writes: try it first, and do not ask. Flattened into the arguments of each; what they
//! mean together is [`How`].

use crate::change::How;
use clap::ValueEnum;

/// Flags of every verb that writes.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Before it is written")]
pub struct ChangeArgs {
    /// Show the change without making it; server: have the API server check it as well
    #[arg(long, value_name = "WHERE", value_enum, default_value = "none")]
    pub dry_run: DryRun,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,
}

/// How far a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// It is made
    None,
    /// Nothing is sent
    Client,
    /// The API server checks it and keeps nothing
    Server,
}

impl From<ChangeArgs> for How {
    fn from(ChangeArgs { dry_run, yes }: ChangeArgs) -> Self {
        match dry_run {
            DryRun::Client => Self::Show,
            DryRun::Server => Self::Check,
            DryRun::None if yes => Self::Make,
            DryRun::None => Self::Ask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_only_tries_is_not_asked() {
        for (dry_run, yes, how) in [
            (DryRun::None, false, How::Ask),
            (DryRun::None, true, How::Make),
            (DryRun::Client, false, How::Show),
            (DryRun::Client, true, How::Show),
            (DryRun::Server, false, How::Check),
        ] {
            assert_eq!(How::from(ChangeArgs { dry_run, yes }), how);
        }
    }
}

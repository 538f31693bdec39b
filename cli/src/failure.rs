//! How a run ends: the exit codes, and everything that can keep a verb from its answer, as one clear line.

use crate::cluster::Problem;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit codes; documented in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The answer was given.
    Ok = 0,
    /// It could not be given.
    Error = 1,
    /// What was typed means nothing.
    Usage = 2,
    /// A check or a limit failed.
    CheckFailed = 3,
    /// Differences were found.
    Different = 4,
    /// What was waited for did not come in time.
    TimedOut = 5,
}

/// What keeps a verb from its answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The cluster did not give what was asked of it.
    #[error(transparent)]
    Cluster(#[from] Problem),
    /// What was typed cannot be what was meant.
    #[error("{0}")]
    Usage(String),
    /// Whoever read our output has gone, as `head` does: nothing is wrong and nobody is left to tell.
    #[error("nobody reads the output any more")]
    ReaderGone,
    /// The output cannot be written.
    #[error("cannot write the output: {0}; is the disk full?")]
    Output(std::io::Error),
    /// The answer cannot be written in the format that was asked for.
    #[error("cannot write the answer as a document, which is a defect of this program: {0}")]
    Document(String),
    /// What was waited for did not come.
    #[error("{what} after {waited}: {last}; ask why with: {next}")]
    TimedOut {
        /// What was not reached.
        what: String,
        /// How long it was waited for.
        waited: String,
        /// The last that was heard.
        last: String,
        /// The next command.
        next: String,
    },
    /// The fleet was deleted while it was watched.
    #[error("fleet {0} was deleted")]
    Deleted(String),
    /// Whoever was asked did not agree.
    #[error("nothing was changed, as you did not agree")]
    Declined,
    /// The fleet's status does not hold what the answer needs.
    #[error("{0}")]
    NotKnown(String),
    /// A file cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The answer was given: there are differences.
    #[error("{0}")]
    Different(String),
    /// The answer was given, and a limit that was typed is not kept.
    #[error("{0}")]
    Limit(String),
    /// The process cannot do its work at all.
    #[error("cannot start: {0}; check the limits on threads and file descriptors")]
    Runtime(std::io::Error),
}

// === impl Failure ===

impl Failure {
    /// A file that cannot be read, with what helps where that is known.
    #[must_use]
    pub fn unread(path: &Path, error: &std::io::Error) -> Self {
        let next = match error.kind() {
            ErrorKind::NotFound => "; correct the path (- reads standard input)",
            ErrorKind::PermissionDenied => "; you may not read it: change its mode, or its owner",
            ErrorKind::IsADirectory => "; name a file in it",
            _ => "",
        };
        Self::File { path: path.to_owned(), reason: format!("{error}{next}") }
    }

    /// The exit code that it ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::ReaderGone => Exit::Ok,
            Self::Usage(_) => Exit::Usage,
            Self::TimedOut { .. } => Exit::TimedOut,
            Self::Different(_) => Exit::Different,
            Self::Limit(_) => Exit::CheckFailed,
            Self::Cluster(_)
            | Self::Output(_)
            | Self::Document(_)
            | Self::Deleted(_)
            | Self::Declined
            | Self::NotKnown(_)
            | Self::File { .. }
            | Self::Runtime(_) => Exit::Error,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Output(error) }
    }
}

// === impl Exit ===

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

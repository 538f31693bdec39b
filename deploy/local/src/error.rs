//! What can go wrong with a local cluster, each with what to do next.
//!
//! Used by every module of this crate; callers print it as it is.

use std::{io, path::PathBuf};

/// A failure of the local cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine or this user cannot run one.
    #[error(
        "a local cluster needs {needs}; to use a cluster that you have, pass `--kubeconfig FILE`"
    )]
    Unsupported {
        /// What is missing.
        needs: &'static str,
    },
    /// A program is not installed and cannot be installed for the caller.
    #[error("{program} is not installed: {install}")]
    Missing {
        /// The program or programs.
        program: String,
        /// What to do.
        install: String,
    },
    /// A cluster of that name runs already.
    #[error(
        "a cluster named {name:?} is running: take it down first, or start another with `--name`"
    )]
    AlreadyRunning {
        /// Its name.
        name: String,
    },
    /// A cluster could not be started; nothing of it runs.
    #[error("the cluster did not come up: {problem}; its logs are in {}", logs.display())]
    NotUp {
        /// What went wrong.
        problem: Box<Error>,
        /// Where its logs were kept.
        logs: PathBuf,
    },
    /// No cluster of that name runs.
    #[error("no cluster named {name:?} is running: start it with `cargo xtask up --name {name}`")]
    NotRunning {
        /// Its name.
        name: String,
    },
    /// An argument that cannot be used.
    #[error("{field} {value:?} cannot be used: {problem}")]
    Invalid {
        /// Which argument.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The operating system refused something.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried, as a verb and an object.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// Something did not happen in time.
    #[error("gave up after {seconds} s while waiting for {what}")]
    Timeout {
        /// What was awaited.
        what: String,
        /// For how long.
        seconds: u64,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The supervisor answered with an error.
    #[error("{0}")]
    Refused(String),
    /// The supervisor answered with something else than what was asked.
    #[error("unexpected answer of the cluster's supervisor: {0}; run `down` and `up` again")]
    Protocol(String),
}

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what was tried when the operating system refuses.
pub(crate) trait Because<T> {
    /// `what` is a verb and an object: "read /proc/mounts".
    fn because(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Because<T> for std::result::Result<T, E> {
    fn because(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io { what: what(), source: source.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_machine_is_told_about_kubeconfig() {
        let message = Error::Unsupported { needs: "root" }.to_string();
        assert!(message.contains("needs root") && message.contains("--kubeconfig"), "{message}");
        assert!(!message.contains('\n'));
    }

    #[test]
    fn a_second_cluster_of_the_same_name_is_told_about_name() {
        let message = Error::AlreadyRunning { name: "dev".into() }.to_string();
        assert!(message.contains("\"dev\"") && message.contains("--name"), "{message}");
    }

    #[test]
    fn a_refusal_of_the_system_says_what_was_tried() {
        let refused: std::result::Result<(), _> = Err(io::Error::from(io::ErrorKind::NotFound));
        let message = refused.because(|| "open /nowhere".into()).unwrap_err().to_string();
        assert!(message.starts_with("cannot open /nowhere: "), "{message}");
    }
}

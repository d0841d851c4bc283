//! Errors of starting and steering a server.

use std::path::PathBuf;

/// Why there is no server, or it did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No server is installed.
    #[error(
        "no PostgreSQL server is installed: run 'apt-get install postgresql', or name the folder of its programs in \
         KBGAP_POSTGRES_BIN"
    )]
    NotInstalled,
    /// The folder named holds no server.
    #[error("KBGAP_POSTGRES_BIN is {}, where there is no 'initdb': name the folder of PostgreSQL's programs", .0.display())]
    NotThere(PathBuf),
    /// PostgreSQL refuses to run as root, and its own user is not there.
    #[error(
        "there is no user 'postgres' to run the server as: install the package 'postgresql', or do not run as root"
    )]
    NoUser,
    /// The system refused something.
    #[error("{what}")]
    System {
        /// What was done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program ended with an error.
    #[error("{program} failed: {output}")]
    Failed {
        /// The program.
        program: String,
        /// What it said.
        output: String,
    },
    /// The server did not come up.
    #[error("the server did not start: {log}")]
    NotStarted {
        /// The end of its log.
        log: String,
    },
}

impl ServerError {
    /// Puts what was done to why it failed.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| Self::System { what, source }
    }
}

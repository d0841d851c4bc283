//! Errors of the store.

use std::path::PathBuf;

/// Why the store could not do what was asked. Nothing is half done: every write is one transaction.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be created.
    #[error("cannot create {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be opened as a database.
    #[error("cannot open {} as kbgap's database", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// A newer kbgap wrote it.
    #[error("{} was written by a newer kbgap (schema {version}): use that version", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema version that is not known here.
        version: i64,
    },
    /// Its schema cannot be brought up to date.
    #[error("the schema of {} cannot be brought up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the database refused a statement")]
    Database(#[from] sqlx::Error),
    /// A moment in the database is out of range: it was altered.
    #[error("the database holds a time that is none: {0}")]
    Time(i64),
    /// An application or tenant of this name exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
}

//! Errors of the store.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// Why the store could not do what was asked. Nothing is half done: every write is one transaction.
///
/// No message shows a password.
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
    /// Others than its owner may read the file, and that cannot be changed.
    #[error("others may read {}, which holds keys: make it its owner's alone (chmod 600)", path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// Why it cannot be changed.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open {location} as kbgap's database")]
    Open {
        /// Where it is.
        location: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The PostgreSQL server has no such database.
    #[error(
        "there is no database at {location}: create it ('createdb {database}') with encoding UTF8"
    )]
    NoDatabase {
        /// Where it should be.
        location: String,
        /// Its name.
        database: String,
    },
    /// The PostgreSQL server or database is not one that kbgap can use.
    #[error("{location} cannot be used: {why}")]
    Unsuitable {
        /// Where it is.
        location: String,
        /// Why, and what is needed.
        why: String,
    },
    /// A newer kbgap wrote it.
    #[error("{location} was written by a newer kbgap (schema {version}): use that version")]
    Newer {
        /// Where it is.
        location: String,
        /// The schema version that is not known here.
        version: i64,
    },
    /// Its schema cannot be brought up to date.
    #[error("the schema of {location} cannot be brought up to date")]
    Migrate {
        /// Where it is.
        location: String,
        /// Why.
        source: MigrateError,
    },
    /// The disk is full. Nothing was written; once there is space again, writing works again by itself.
    #[error("the disk of the database is full: make space, then try again")]
    Full(#[source] sqlx::Error),
    /// The database cannot be reached, is starting, or others hold what is needed: trying again helps.
    #[error(
        "the database cannot be reached or is busy: try again; if it stays so, look at the database"
    )]
    Unavailable(#[source] sqlx::Error),
    /// A statement failed.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
    /// A moment in the database is out of range: it was altered.
    #[error("the database holds a time that is none: {0}")]
    Time(i64),
    /// Something else in the database is not as it was written: it was altered, or the disk is failing.
    #[error("the database is damaged: {0}; restore a backup")]
    Damaged(&'static str),
    /// An application or tenant of this name exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// A text cannot be kept; the caller should have refused it.
    #[error("{what} cannot be kept: {why}")]
    Unfit {
        /// Which one.
        what: &'static str,
        /// Why.
        why: &'static str,
    },
    /// What this database does by means of its own.
    #[error("{what} is not done by kbgap on {engine}: {instead}")]
    NotHere {
        /// What was asked.
        what: &'static str,
        /// The database.
        engine: &'static str,
        /// What to use.
        instead: &'static str,
    },
    /// A file of a backup cannot be written or put in place.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is a file already.
    #[error("{} exists already: {instead}", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// What can be done.
        instead: &'static str,
    },
    /// The file is no backup of kbgap, or a damaged one.
    #[error("{} is no sound backup of kbgap: {why}", path.display())]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process uses the file.
    #[error("{} is in use: stop the kbgap that uses it first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing it: the connection was cut, the database is
    /// starting, locked or has too many clients, or the disk is full.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Full(_) | Self::Unavailable(_) => true,
            Self::Open { source, .. } => is_temporary(source) || is_full(source),
            Self::Migrate {
                source: MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
                ..
            } => is_temporary(error) || is_full(error),
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_full(&error) {
            Self::Full(error)
        } else if is_temporary(&error) {
            Self::Unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
mod sqlite {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const FULL: i32 = 13;
}

/// The primary result code of an error of SQLite.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    let error = error
        .as_database_error()?
        .try_downcast_ref::<SqliteError>()?;
    let extended: i32 = sqlx::error::DatabaseError::code(error)?.parse().ok()?;
    Some(extended & 0xff)
}

/// The SQLSTATE of an error of PostgreSQL.
pub(crate) fn postgres_code(error: &sqlx::Error) -> Option<&str> {
    let error = error
        .as_database_error()?
        .try_downcast_ref::<PgDatabaseError>()?;
    Some(error.code())
}

/// Whether another connection holds what is needed.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    matches!(sqlite_code(error), Some(sqlite::BUSY | sqlite::LOCKED))
}

fn is_full(error: &sqlx::Error) -> bool {
    sqlite_code(error) == Some(sqlite::FULL) || postgres_code(error) == Some("53100")
}

fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        // <https://www.postgresql.org/docs/15/errcodes-appendix.html>: connection lost, too many clients, shutting
        // down or starting, cancelled, idle too long, lock not available, deadlock, serialization failure.
        _ => match postgres_code(error) {
            Some(code) => {
                code.starts_with("08")
                    || code.starts_with("57P")
                    || matches!(
                        code,
                        "53300" | "57014" | "25P03" | "55P03" | "40P01" | "40001"
                    )
            }
            None => is_locked(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection};

    use super::*;

    #[tokio::test]
    async fn a_locked_file_is_temporary_and_a_wrong_statement_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("kbgap.db"))
            .create_if_missing(true)
            .busy_timeout(std::time::Duration::ZERO);
        let (mut one, mut two) = (
            options.connect().await.unwrap(),
            options.connect().await.unwrap(),
        );
        let held = one.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let locked = two.begin_with("BEGIN IMMEDIATE").await.err().unwrap();
        let locked = StoreError::from(locked);
        assert!(
            matches!(locked, StoreError::Unavailable(_)) && locked.is_temporary(),
            "{locked:?}"
        );
        held.rollback().await.unwrap();
        let wrong = sqlx::query("SELECT * FROM nothing")
            .execute(&mut two)
            .await
            .unwrap_err();
        let wrong = StoreError::from(wrong);
        assert!(
            matches!(wrong, StoreError::Database(_)) && !wrong.is_temporary(),
            "{wrong:?}"
        );
    }

    #[tokio::test]
    async fn a_file_that_may_not_grow_is_full() {
        let mut connection = SqliteConnectOptions::new().connect().await.unwrap();
        let sql = "PRAGMA max_page_count = 4; CREATE TABLE t AS SELECT zeroblob(100000) AS b";
        let full = sqlx::raw_sql(sql)
            .execute(&mut connection)
            .await
            .unwrap_err();
        let full = StoreError::from(full);
        assert!(
            matches!(full, StoreError::Full(_)) && full.is_temporary(),
            "{full:?}"
        );
    }
}

//! The durable truth: catalogue documents, machine reports, tenants, applications and keys.
//!
//! One SQLite file with a write-ahead log. What a method returned from is on disk: commits are
//! synchronous, so a report that was acknowledged survives a power failure.

mod applications;
mod documents;
mod error;
mod reports;
mod time;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub use applications::{Application, SigningKeyRow, Tenant};
pub use documents::{CatalogDocument, DocumentRevision};
pub use error::StoreError;
pub use reports::{ReportPut, StoredReport};

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was not known.
    New,
    /// It was known otherwise.
    Changed,
    /// It was known just so.
    Unchanged,
}

/// How long a writer waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many readers go on beside each other.
const READERS: u32 = 4;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    /// One connection: SQLite takes one writer at a time, so waiting is done here, in order.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens the store in a file, which is created with rights for its owner only, and brings its
    /// schema up to date.
    ///
    /// # Errors
    /// Where the file cannot be opened, or was written by a newer kbgap.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let failed = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        MIGRATIONS
            .run(&writer)
            .await
            .map_err(|source| match source {
                sqlx::migrate::MigrateError::VersionMissing(version) => StoreError::Newer {
                    path: path.to_owned(),
                    version,
                },
                source => StoreError::Migrate {
                    path: path.to_owned(),
                    source,
                },
            })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number that every change to documents and reports raises.
    pub async fn change_sequence(&self) -> Result<i64, StoreError> {
        let value = sqlx::query_scalar("SELECT value FROM change_sequence")
            .fetch_one(&self.readers)
            .await?;
        Ok(value)
    }

    /// A number that changes when another process writes to the file, and not when this one does.
    pub async fn outside_changes(&self) -> Result<i64, StoreError> {
        // SQLite counts for each connection what other connections commit; all writes of this
        // process go through this one.
        let version = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&self.writer)
            .await?;
        Ok(version)
    }

    /// Finishes what is being written and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn raise_sequence(transaction: &mut sqlx::SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE change_sequence SET value = value + 1")
        .execute(transaction)
        .await?;
    Ok(())
}

/// Creates the file, where it is not there yet, for its owner only: it holds keys.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|source| StoreError::Create {
            path: path.to_owned(),
            source,
        })
}

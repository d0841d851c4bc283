//! A file of SQLite with a write-ahead log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqlitePool, Transaction};

use crate::{StoreError, migrations};

/// How long a writer waits for another process that writes, or for the writers before it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many readers go on beside each other.
const READERS: u32 = 8;
/// How many rows the thread of a connection is ahead of who reads them.
const ROWS_AHEAD: usize = 1024;

/// The database's file, open.
#[derive(Debug, Clone)]
pub(crate) struct SqliteBackend {
    path: PathBuf,
    /// One connection: SQLite takes one writer at a time, so waiting is done here, in order.
    writer: SqlitePool,
    readers: SqlitePool,
}

/// How the file is opened, where it is there.
pub(crate) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
}

/// How the connection that writes is set up: a call writes pages all over the file, so it keeps more of them at hand, and
/// brings them from the log to the file less often than after every call. Neither makes a commit less durable.
fn writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .pragma("cache_size", "-65536") // KiB, where negative
        .pragma("wal_autocheckpoint", "8192") // pages
}

impl SqliteBackend {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        keep_private(path)?;
        let options = options(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let failed = |source| StoreError::Open {
            location: path.display().to_string(),
            source,
        };
        let writer = pool(1)
            .connect_with(writing(options.clone()))
            .await
            .map_err(failed)?;
        let mut connection = writer.acquire().await.map_err(failed)?;
        migrations::run_sqlite(&mut connection, path).await?;
        drop(connection);
        let readers = pool(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a transaction that holds the right to write from the start: one that began to read would be refused it
    /// where another process wrote in between.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(BUSY_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| {
            Box::pin(async move {
                // Where the disk is full, SQLite itself ends the transaction; the driver then believes for ever that
                // it is in one. Such a connection is closed, and the next one is sound.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
}

/// Takes the rights on the file, and on the log beside it, from all but its owner: it holds keys that sign tokens, and may
/// have been copied here with others. The files are not opened, for the reason below.
fn keep_private(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt;

        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let file = PathBuf::from(file);
        let private = || -> std::io::Result<()> {
            let mut rights = match std::fs::metadata(&file) {
                Ok(metadata) => metadata.permissions(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            if rights.mode() & 0o077 != 0 {
                rights.set_mode(rights.mode() & !0o077);
                std::fs::set_permissions(&file, rights)?;
            }
            Ok(())
        };
        private().map_err(|source| StoreError::NotPrivate {
            path: file.clone(),
            source,
        })?;
    }
    Ok(())
}

/// Creates the file, where it is not there yet, for its owner only: it holds keys.
///
/// A file that is there is not opened: closing it would end the locks that this process holds on it by SQLite.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(StoreError::Create {
            path: path.to_owned(),
            source,
        }),
    }
}

//! Backups of a file of SQLite, taken while it is in use, and put in place again.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::NamedTempFile;

use crate::backend::{Backend, sqlite_options};
use crate::error::is_locked;
use crate::migrations::sqlite_version;
use crate::{Store, StoreError};

/// Copies a database as it is at one moment, also while others write.
const COPY: &str = "VACUUM INTO $1";

/// How every file of SQLite begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

impl Store {
    /// Copies the store, as it is at this moment, into a file of its own: whole and on disk, or not at all. Reading and
    /// writing go on meanwhile. An older backup of this name is replaced.
    ///
    /// # Errors
    /// Where the file cannot be written, or is something else than a database; on PostgreSQL, which has means of its own.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let own = match &self.backend {
            Backend::Sqlite(own) => own,
            Backend::Postgres(_) => {
                return Err(StoreError::NotHere {
                    what: "a backup",
                    engine: "PostgreSQL",
                    instead: "use pg_dump, or pg_basebackup for the whole server",
                });
            }
        };
        may_be_replaced(to, own.path())?;
        let copy = empty_beside(to)?;
        sqlx::query(COPY)
            .bind(utf8(copy.path())?)
            .execute(own.readers())
            .await?;
        put_in_place(copy, to).await
    }

    /// Puts a backup in the place of a file of SQLite, which is created or, where told, replaced: whole or not at all.
    /// The backup is read through and checked before.
    ///
    /// # Errors
    /// Where the backup is damaged, no database of kbgap or a newer one's; where there is a file and it was not told to
    /// overwrite it; where another process uses the file.
    pub async fn restore(from: &Path, to: &Path, overwrite: bool) -> Result<(), StoreError> {
        let mut backup = open_backup(from).await?;
        let exists = to.try_exists().map_err(|source| StoreError::Write {
            path: to.to_owned(),
            source,
        })?;
        if exists && !overwrite {
            return Err(StoreError::Occupied {
                path: to.to_owned(),
                instead: "give another place, or tell to overwrite it",
            });
        }
        let copy = empty_beside(to)?;
        sqlx::query(COPY)
            .bind(utf8(copy.path())?)
            .execute(&mut backup)
            .await?;
        backup.close().await?;
        // Held until the new file is there, so that nobody writes what would be lost.
        let old = if exists { hold_alone(to).await? } else { None };
        // The log of the old file must not be read as the new one's.
        for suffix in ["-wal", "-shm", "-journal"] {
            remove(&beside(to, suffix))?;
        }
        let placed = put_in_place(copy, to).await;
        if let Some(old) = old {
            // Its file is gone; what closing it says is of no more use.
            let _ = old.close().await;
        }
        placed
    }
}

/// Opens a backup, reads all of it and checks it.
async fn open_backup(path: &Path) -> Result<SqliteConnection, StoreError> {
    let unsound = |why: &str| StoreError::NoBackup {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let failed = |error: sqlx::Error| unsound(&error.to_string());
    let mut connection = sqlite_options(path)
        .read_only(true)
        .connect()
        .await
        .map_err(failed)?;
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)")
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
    if found != ["ok"] {
        return Err(unsound(&found.join("; ")));
    }
    let known: Option<i32> = sqlx::query_scalar(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'catalog_sequence'
         UNION SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'change_sequence'",
    )
    .fetch_optional(&mut connection)
    .await
    .map_err(failed)?;
    if known.is_none() {
        return Err(unsound("it is a database of something else"));
    }
    sqlite_version(&mut connection, path).await?;
    Ok(connection)
}

/// Takes a file for this process alone; none where it is too damaged to be opened, and nobody can be using it.
async fn hold_alone(path: &Path) -> Result<Option<SqliteConnection>, StoreError> {
    let options: SqliteConnectOptions = sqlite_options(path)
        .busy_timeout(std::time::Duration::from_secs(1))
        .locking_mode(SqliteLockingMode::Exclusive);
    let held = async {
        let mut connection = options.connect().await?;
        // Leaving the write-ahead log is only granted to one who is alone; it also empties the log into the file.
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode = DELETE")
            .fetch_one(&mut connection)
            .await?;
        sqlx::query("BEGIN EXCLUSIVE")
            .execute(&mut connection)
            .await?;
        Ok::<_, sqlx::Error>((connection, mode))
    };
    match held.await {
        Ok((connection, mode)) if mode.eq_ignore_ascii_case("delete") => Ok(Some(connection)),
        Ok(_) => Err(StoreError::InUse {
            path: path.to_owned(),
        }),
        Err(error) if is_locked(&error) => Err(StoreError::InUse {
            path: path.to_owned(),
        }),
        Err(_) => Ok(None),
    }
}

/// Whether a backup may take the place of what is there.
fn may_be_replaced(path: &Path, own: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write {
        path: path.to_owned(),
        source,
    };
    let occupied = |instead| {
        Err(StoreError::Occupied {
            path: path.to_owned(),
            instead,
        })
    };
    if !path.try_exists().map_err(failed)? {
        return Ok(());
    }
    if path.canonicalize().map_err(failed)? == own.canonicalize().map_err(failed)? {
        return occupied("it is the store itself; name another file");
    }
    if !path.is_file() {
        return occupied("it is no file; name a file");
    }
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    std::io::Read::read_to_end(
        &mut std::io::Read::take(file, MAGIC.len() as u64),
        &mut head,
    )
    .map_err(failed)?;
    if !head.is_empty() && head != MAGIC {
        return occupied("it is no backup; name another file");
    }
    Ok(())
}

/// An empty file for its owner only, beside the one whose place it will take, that goes away unless it does.
fn empty_beside(path: &Path) -> Result<NamedTempFile, StoreError> {
    tempfile::Builder::new()
        .prefix(".kbgap-")
        .tempfile_in(folder(path))
        .map_err(|source| StoreError::Create {
            path: path.to_owned(),
            source,
        })
}

/// Writes a file through to the disk and gives it its name.
async fn put_in_place(copy: NamedTempFile, to: &Path) -> Result<(), StoreError> {
    let to = to.to_owned();
    let place = {
        let to = to.clone();
        move || -> std::io::Result<()> {
            copy.as_file().sync_all()?;
            copy.persist(&to).map_err(|error| error.error)?;
            // The name is on disk when the folder is.
            #[cfg(unix)]
            std::fs::File::open(folder(&to))?.sync_all()?;
            Ok(())
        }
    };
    let placed = tokio::task::spawn_blocking(place)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)));
    placed.map_err(|source| StoreError::Write { path: to, source })
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Write {
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

/// The folder a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The name of a file that SQLite keeps beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A path as SQLite takes it in a statement.
fn utf8(path: &Path) -> Result<&str, StoreError> {
    path.to_str().ok_or(StoreError::Unfit {
        what: "the path of a backup",
        why: "it is not UTF-8",
    })
}

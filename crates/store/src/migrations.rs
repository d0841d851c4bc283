//! The schema: brought up to date, and what that would do.

use std::path::Path;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection};

use crate::backend::{connect_postgres, sqlite_options};
use crate::location::PostgresUrl;
use crate::{Location, Store, StoreError};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

const APPLIED: &str = "SELECT version FROM _sqlx_migrations ORDER BY version";

/// A step that brings the schema forward, and was not taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMigration {
    /// The schema's version after it.
    pub version: i64,
    /// What it is for, in a word or two.
    pub description: String,
    /// The statements.
    pub sql: String,
}

/// What a database is, looked at without changing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The kind of database with its version: `SQLite 3.50.4`, `PostgreSQL 15.18`; without one where it was not asked.
    pub engine: String,
    /// The version of its schema; none where there is no database yet.
    pub schema: Option<i64>,
    /// The version of the schema that this kbgap writes.
    pub known_schema: i64,
    /// How many bytes it takes.
    pub bytes: u64,
    /// How many tenants there are.
    pub tenants: u64,
    /// How many machines, over all tenants.
    pub machines: u64,
}

impl Store {
    /// The steps that opening a database would take, and takes none. Where there is no database yet: all of them.
    ///
    /// # Errors
    /// Where the database cannot be read, or was written by a newer kbgap.
    pub async fn pending_migrations(
        location: &Location,
    ) -> Result<Vec<PendingMigration>, StoreError> {
        let known = migrator(location);
        let applied = match Looked::at(location).await? {
            Some(mut looked) => {
                let applied = looked.applied().await;
                looked.close().await?;
                applied?
            }
            None => Vec::new(),
        };
        newer(known, &applied, &location.to_string())?;
        Ok(pending(known, &applied))
    }

    /// What a database is: kind, schema, size. Changes nothing, and reads older and newer schemas too.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn status(location: &Location) -> Result<Status, StoreError> {
        let known_schema = migrator(location)
            .iter()
            .map(|step| step.version)
            .max()
            .unwrap_or(0);
        let engine = match location {
            Location::Sqlite(_) => "SQLite",
            Location::Postgres(_) => "PostgreSQL",
        };
        let Some(mut looked) = Looked::at(location).await? else {
            return Ok(Status {
                engine: engine.to_owned(),
                schema: None,
                known_schema,
                bytes: 0,
                tenants: 0,
                machines: 0,
            });
        };
        let status = looked.status(engine, known_schema).await;
        looked.close().await?;
        status
    }
}

/// A connection that only looks.
enum Looked {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Evaluates an expression with either connection.
macro_rules! looking {
    ($looked:expr, |$connection:ident| $body:expr) => {
        match $looked {
            Looked::Sqlite($connection) => $body,
            Looked::Postgres($connection) => $body,
        }
    };
}

impl Looked {
    /// Connects; nothing where there is no database yet.
    async fn at(location: &Location) -> Result<Option<Self>, StoreError> {
        match location {
            Location::Sqlite(path) => {
                let opened = |source| StoreError::Open {
                    location: location.to_string(),
                    source,
                };
                if !path.try_exists().map_err(|error| opened(error.into()))? {
                    return Ok(None);
                }
                let connection = sqlite_options(path).read_only(true).connect().await;
                Ok(Some(Self::Sqlite(connection.map_err(opened)?)))
            }
            Location::Postgres(url) => match connect_postgres(url).await {
                Ok(mut connection) => {
                    sqlx::query("SET default_transaction_read_only = on")
                        .execute(&mut connection)
                        .await?;
                    Ok(Some(Self::Postgres(connection)))
                }
                Err(StoreError::NoDatabase { .. }) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    async fn has_table(&mut self, name: &str) -> Result<bool, StoreError> {
        let found: Option<i32> = match self {
            Self::Sqlite(connection) => {
                sqlx::query_scalar("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1")
                    .bind(name)
                    .fetch_optional(connection)
                    .await?
            }
            Self::Postgres(connection) => {
                sqlx::query_scalar("SELECT 1 WHERE to_regclass($1) IS NOT NULL")
                    .bind(name)
                    .fetch_optional(connection)
                    .await?
            }
        };
        Ok(found.is_some())
    }

    /// The versions of the steps taken.
    async fn applied(&mut self) -> Result<Vec<i64>, StoreError> {
        if !self.has_table("_sqlx_migrations").await? {
            return Ok(Vec::new());
        }
        Ok(looking!(self, |connection| sqlx::query_scalar(APPLIED)
            .fetch_all(connection)
            .await?))
    }

    async fn status(&mut self, engine: &str, known_schema: i64) -> Result<Status, StoreError> {
        let applied = self.applied().await?;
        let (version, bytes): (String, i64) = match self {
            Self::Sqlite(connection) => {
                sqlx::query_as(
                    "SELECT sqlite_version(), page_count * page_size FROM pragma_page_count, pragma_page_size",
                )
                .fetch_one(connection)
                .await?
            }
            Self::Postgres(connection) => {
                sqlx::query_as("SELECT current_setting('server_version'), pg_database_size(current_database())")
                    .fetch_one(connection)
                    .await?
            }
        };
        Ok(Status {
            engine: format!("{engine} {version}"),
            schema: applied.last().copied(),
            known_schema,
            bytes: u64::try_from(bytes).unwrap_or(0),
            tenants: self
                .count("tenants", "SELECT count(*) FROM tenants")
                .await?,
            machines: self
                .count("machines", "SELECT count(*) FROM machines")
                .await?,
        })
    }

    /// Counts rows; none in a table that is not there yet.
    async fn count(&mut self, table: &str, sql: &'static str) -> Result<u64, StoreError> {
        if !self.has_table(table).await? {
            return Ok(0);
        }
        let count: i64 = looking!(self, |connection| sqlx::query_scalar(sql)
            .fetch_one(connection)
            .await?);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn close(self) -> Result<(), StoreError> {
        looking!(self, |connection| connection.close().await?);
        Ok(())
    }
}

fn migrator(location: &Location) -> &'static Migrator {
    match location {
        Location::Sqlite(_) => &SQLITE,
        Location::Postgres(_) => &POSTGRES,
    }
}

fn pending(known: &Migrator, applied: &[i64]) -> Vec<PendingMigration> {
    let open = known.iter().filter(|step| !applied.contains(&step.version));
    open.map(|step| PendingMigration {
        version: step.version,
        description: step.description.to_string(),
        sql: step.sql.as_str().to_owned(),
    })
    .collect()
}

/// Refuses a schema with steps that are not known here.
fn newer(known: &Migrator, applied: &[i64], location: &str) -> Result<(), StoreError> {
    let unknown = applied
        .iter()
        .find(|version| !known.version_exists(**version));
    match unknown {
        Some(&version) => Err(StoreError::Newer {
            location: location.to_owned(),
            version,
        }),
        None => Ok(()),
    }
}

/// The schema version of a file of SQLite, which must not be newer than what is known here.
pub(crate) async fn sqlite_version(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<i64, StoreError> {
    let applied: Vec<i64> = sqlx::query_scalar(APPLIED).fetch_all(connection).await?;
    newer(&SQLITE, &applied, &path.display().to_string())?;
    applied
        .last()
        .copied()
        .ok_or(StoreError::Damaged("it has no schema"))
}

// `Migrator::run` does not compile in a future that moves between threads; `run_direct` is what it calls.

/// Brings the schema up to date, all steps or none: two processes may begin at once.
pub(crate) async fn run_sqlite(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    let location = path.display().to_string();
    let found: Option<i32> = sqlx::query_scalar(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'",
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(|source| StoreError::Open {
        location: location.clone(),
        source,
    })?;
    if found.is_some() {
        let applied: Vec<i64> = sqlx::query_scalar(APPLIED)
            .fetch_all(&mut *connection)
            .await?;
        newer(&SQLITE, &applied, &location)?;
        if pending(&SQLITE, &applied).is_empty() {
            // Whether the steps taken are those known here is still looked at; nothing is written.
            return migrated(
                SQLITE.run_direct(None, &mut *connection, false).await,
                location,
            );
        }
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrated(
        SQLITE.run_direct(None, &mut *transaction, false).await,
        location,
    )?;
    Ok(transaction.commit().await?)
}

/// Brings the schema up to date, one process at a time, each step whole or not at all.
pub(crate) async fn run_postgres(
    connection: &mut PgConnection,
    url: &PostgresUrl,
) -> Result<(), StoreError> {
    migrated(
        POSTGRES.run_direct(None, connection, false).await,
        url.to_string(),
    )
}

fn migrated(outcome: Result<(), MigrateError>, location: String) -> Result<(), StoreError> {
    outcome.map_err(|source| match source {
        MigrateError::VersionMissing(version) => StoreError::Newer { location, version },
        source => StoreError::Migrate { location, source },
    })
}

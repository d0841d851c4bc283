//! A database on a PostgreSQL server.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres, Transaction};

use crate::error::postgres_code;
use crate::location::PostgresUrl;
use crate::{StoreError, migrations};

/// How long to wait for a connection, be it that the server is away or that all are in use.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections one process has at most; PostgreSQL's own limit is 100 unless changed.
const CONNECTIONS: u32 = 16;
/// The oldest release used: 15, as `server_version_num` tells it.
const OLDEST: i32 = 150_000;

/// What holds for every connection:
/// - a lock is not waited for without end;
/// - plans are made for the values at hand: one made while a table was small must not stay when it has grown;
/// - what was committed is on disk, also where the server is set up otherwise.
const SESSION: &str = "SELECT set_config('lock_timeout', '10s', false),
    set_config('plan_cache_mode', 'force_custom_plan', false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";

/// The database, open.
#[derive(Debug, Clone)]
pub(crate) struct PostgresBackend {
    url: PostgresUrl,
    pool: PgPool,
}

impl PostgresBackend {
    pub(crate) async fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let mut connection = connect(url).await?;
        suitable(&mut connection, url).await?;
        migrations::run_postgres(&mut connection, url).await?;
        connection.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::query(SESSION).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options(url));
        Ok(Self {
            url: url.clone(),
            pool,
        })
    }

    pub(crate) fn url(&self) -> &PostgresUrl {
        &self.url
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        Ok(self.pool.begin().await?)
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// One connection, or the reason why there is none.
pub(crate) async fn connect(url: &PostgresUrl) -> Result<PgConnection, StoreError> {
    let options = options(url);
    let connected = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect())
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
    connected.map_err(|source| {
        if postgres_code(&source) == Some("3D000") {
            StoreError::NoDatabase {
                location: url.to_string(),
                database: url.database().to_owned(),
            }
        } else {
            StoreError::Open {
                location: url.to_string(),
                source,
            }
        }
    })
}

fn options(url: &PostgresUrl) -> PgConnectOptions {
    let options = url.options();
    if options.get_application_name().is_some() {
        options
    } else {
        options.application_name("kbgap")
    }
}

/// Refuses a server too old, and a database that cannot hold every text.
async fn suitable(connection: &mut PgConnection, url: &PostgresUrl) -> Result<(), StoreError> {
    let (version, text, encoding): (i32, String, String) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int4, current_setting('server_version'),
                current_setting('server_encoding')",
    )
    .fetch_one(connection)
    .await?;
    let why = if version < OLDEST {
        format!("it is PostgreSQL {text}; 15 or later is needed")
    } else if encoding != "UTF8" {
        format!("its encoding is {encoding}; create it with encoding UTF8")
    } else {
        return Ok(());
    };
    Err(StoreError::Unsuitable {
        location: url.to_string(),
        why,
    })
}

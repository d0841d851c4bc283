//! A database of a test's own.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use kbgap_postgres::Server;
use kbgap_store::{Location, MachineRow, MachineWrite, Outcome, Store, Written};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// One server for all tests of this process; it ends with the process.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    Server::options()
        .fsync(false)
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
});

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Where a test's database is, and what must live as long.
pub(crate) struct Place {
    location: Location,
    url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    /// A file in a folder of its own, not there yet.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("kbgap.db").display());
        Self {
            location: url.parse().unwrap(),
            url,
            _folder: Some(folder),
        }
    }

    /// An empty database.
    pub(crate) fn postgres() -> Self {
        let name = format!("store_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let url = SERVER
            .create_database(&name)
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            location: url.parse().unwrap(),
            url,
            _folder: None,
        }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// As it is written, with the password.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.location).await.unwrap()
    }

    /// Runs a statement beside the store.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if let Location::Sqlite(_) = self.location {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// The texts that a statement selects beside the store.
    pub(crate) async fn texts(&self, sqlite: &str, postgres: &str) -> Vec<String> {
        if let Location::Sqlite(_) = self.location {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            let query = sqlx::query_scalar(AssertSqlSafe(sqlite.to_owned()));
            query.fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let query = sqlx::query_scalar(AssertSqlSafe(postgres.to_owned()));
            query.fetch_all(&mut connection).await.unwrap()
        }
    }
}

/// A moment, in microseconds too.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond((1_583_800_000 + second) * 1_000_000 + 123_456).unwrap()
}

/// How many seconds after it is made a report comes.
pub(crate) const DELAY: i64 = 1;

/// A report of a machine: state and body say `what`.
pub(crate) fn report(machine: &str, expected: Option<i64>, seen: i64, what: &str) -> MachineWrite {
    let mut digest = [0; 16];
    for (place, byte) in what.bytes().take(16).enumerate() {
        digest[place] = byte;
    }
    MachineWrite {
        machine: machine.to_owned(),
        expected,
        what: Written::Report {
            name: Some(format!("{machine}.corp.example")),
            last_seen: at(seen),
            received_at: at(seen + DELAY),
            digest,
            state: format!("state {what}").into_bytes(),
            body: format!("body {what}").into_bytes(),
        },
    }
}

/// Writes, and expects that all is stored; the number.
pub(crate) async fn stored(store: &Store, tenant: &str, writes: &[MachineWrite]) -> i64 {
    let outcomes = store.write_machines(tenant, writes).await.unwrap();
    let Outcome::Stored { sequence } = outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(outcomes, vec![Outcome::Stored { sequence }; writes.len()]);
    sequence
}

pub(crate) async fn row(store: &Store, tenant: &str, machine: &str) -> Option<MachineRow> {
    store
        .machines_by_id(tenant, &[machine])
        .await
        .unwrap()
        .remove(0)
}

/// All machines of a tenant, and the number they are of.
pub(crate) async fn all(store: &Store, tenant: &str) -> (i64, Vec<MachineRow>) {
    let mut reader = store.read_machines(tenant).await.unwrap();
    let mut rows = Vec::new();
    loop {
        let page = reader.next_page().await.unwrap();
        if page.is_empty() {
            return (reader.sequence(), rows);
        }
        rows.extend(page);
    }
}

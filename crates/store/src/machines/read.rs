//! All machines of a tenant, read in one snapshot.

use sqlx::{Postgres, Sqlite, Transaction};

use super::{Columns, MachineRow, row, select_machines};
use crate::backend::Backend;
use crate::{Store, StoreError, changes};

/// Reads all machines of a tenant, a page at a time, in order of their ids: what they were at one moment, whatever is
/// written meanwhile.
///
/// As long as it lives it holds a connection, and the database keeps what it may still read: do not let it wait.
#[derive(Debug)]
pub struct MachineReader {
    sequence: i64,
    snapshot: Snapshot,
}

/// The transaction that sees one moment.
#[derive(Debug)]
enum Snapshot {
    Sqlite {
        transaction: Transaction<'static, Sqlite>,
        tenant: String,
        after: String,
    },
    Postgres {
        transaction: Transaction<'static, Postgres>,
    },
}

/// How many machines a page has.
const PAGE: usize = 1000;

const FROM: &str = concat!(
    select_machines!(),
    " AND machine > $2 ORDER BY machine LIMIT $3"
);

/// The server plans for the first rows of a cursor, so it walks the key and does not sort.
const DECLARE: &str = concat!(
    "DECLARE read_machines NO SCROLL CURSOR FOR ",
    select_machines!(),
    " ORDER BY machine"
);

const FETCH: &str = "FETCH FORWARD 1000 FROM read_machines";

impl Store {
    /// Begins to read all machines of a tenant, as they are now.
    pub async fn read_machines(&self, tenant: &str) -> Result<MachineReader, StoreError> {
        match &self.backend {
            Backend::Sqlite(own) => {
                let mut transaction = own.readers().begin().await?;
                // The first statement opens the snapshot.
                let sequence: Option<i64> = sqlx::query_scalar(changes::SEQUENCE)
                    .bind(tenant)
                    .fetch_optional(&mut *transaction)
                    .await?;
                Ok(MachineReader {
                    sequence: sequence.unwrap_or(0),
                    snapshot: Snapshot::Sqlite {
                        transaction,
                        tenant: tenant.to_owned(),
                        after: String::new(),
                    },
                })
            }
            Backend::Postgres(own) => {
                let mut transaction = own
                    .pool()
                    .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?;
                let sequence: Option<i64> = sqlx::query_scalar(changes::SEQUENCE)
                    .bind(tenant)
                    .fetch_optional(&mut *transaction)
                    .await?;
                sqlx::query(DECLARE)
                    .bind(tenant)
                    .execute(&mut *transaction)
                    .await?;
                Ok(MachineReader {
                    sequence: sequence.unwrap_or(0),
                    snapshot: Snapshot::Postgres { transaction },
                })
            }
        }
    }
}

impl MachineReader {
    /// The tenant's number at the moment that is read: follow the changes from here.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// The next machines; empty at the end.
    pub async fn next_page(&mut self) -> Result<Vec<MachineRow>, StoreError> {
        let rows: Vec<Columns> = match &mut self.snapshot {
            Snapshot::Sqlite {
                transaction,
                tenant,
                after,
            } => {
                let rows: Vec<Columns> = sqlx::query_as(FROM)
                    .bind(tenant.as_str())
                    .bind(after.as_str())
                    .bind(i64::try_from(PAGE).unwrap_or(i64::MAX))
                    .fetch_all(&mut **transaction)
                    .await?;
                if let Some((machine, ..)) = rows.last() {
                    after.clone_from(machine);
                }
                rows
            }
            Snapshot::Postgres { transaction } => {
                sqlx::query_as(FETCH).fetch_all(&mut **transaction).await?
            }
        };
        rows.into_iter().map(row).collect()
    }
}

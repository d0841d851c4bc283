//! The two databases behind the store.
//!
//! A method's body is written once, in [`reading!`] or [`writing!`], and compiled for both: statements are the same text
//! where both understand it, and [`Listed`] where a list of values is asked for.

mod postgres;
mod sqlite;

pub(crate) use postgres::{PostgresBackend, connect as connect_postgres};
pub(crate) use sqlite::{SqliteBackend, options as sqlite_options};

/// A database, open.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    Sqlite(SqliteBackend),
    Postgres(PostgresBackend),
}

/// How many values go into one statement.
pub(crate) const CHUNK: usize = 500;

/// A statement that asks for rows whose column is among some values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// Builds a [`Listed`]: the statement's text before and after the list, and the list's parameter.
macro_rules! listed {
    ($before:literal texts $parameter:literal $after:literal) => {
        $crate::backend::Listed {
            sqlite: concat!(
                $before,
                " IN (SELECT value FROM json_each(",
                $parameter,
                ")) ",
                $after
            ),
            postgres: concat!($before, " = ANY(", $parameter, ") ", $after),
        }
    };
    ($before:literal bytes $parameter:literal $after:literal) => {
        $crate::backend::Listed {
            sqlite: concat!(
                $before,
                " IN (SELECT unhex(value) FROM json_each(",
                $parameter,
                ")) ",
                $after
            ),
            postgres: concat!($before, " = ANY(", $parameter, ") ", $after),
        }
    };
}

/// How a database takes lists.
pub(crate) trait Dialect: Copy {
    /// A list of texts, as it is bound.
    type Texts;
    /// A list of bytes, as it is bound.
    type Bytes;

    fn sql(self, listed: Listed) -> &'static str;
    fn texts(self, values: &[&str]) -> Self::Texts;
    fn bytes(self, values: &[&[u8]]) -> Self::Bytes;
}

/// SQLite takes lists as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SqliteDialect;

impl Dialect for SqliteDialect {
    type Texts = String;
    type Bytes = String;

    fn sql(self, listed: Listed) -> &'static str {
        listed.sqlite
    }

    fn texts(self, values: &[&str]) -> String {
        serde_json::Value::from(values).to_string()
    }

    fn bytes(self, values: &[&[u8]]) -> String {
        let values: Vec<String> = values.iter().map(|bytes| hex(bytes)).collect();
        serde_json::Value::from(values).to_string()
    }
}

/// Bytes as hexadecimal digits, as SQLite's `unhex` reads them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// PostgreSQL takes lists as arrays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PostgresDialect;

impl Dialect for PostgresDialect {
    type Texts = Vec<String>;
    type Bytes = Vec<Vec<u8>>;

    fn sql(self, listed: Listed) -> &'static str {
        listed.postgres
    }

    fn texts(self, values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    fn bytes(self, values: &[&[u8]]) -> Vec<Vec<u8>> {
        values.iter().map(|&value| value.to_vec()).collect()
    }
}

/// Evaluates an expression with a pool to read from, and where asked for the dialect.
macro_rules! reading {
    ($store:expr, |$pool:ident| $body:expr) => {
        $crate::backend::reading!($store, |$pool, _dialect| $body)
    };
    ($store:expr, |$pool:ident, $dialect:ident| $body:expr) => {
        match &$store.backend {
            $crate::backend::Backend::Sqlite(own) => {
                let ($pool, $dialect) = (own.readers(), $crate::backend::SqliteDialect);
                $body
            }
            $crate::backend::Backend::Postgres(own) => {
                let ($pool, $dialect) = (own.pool(), $crate::backend::PostgresDialect);
                $body
            }
        }
    };
}

/// Evaluates an expression with a transaction that writes, and where asked for the dialect. What the expression does not
/// commit is undone.
macro_rules! writing {
    ($store:expr, |$transaction:ident| $body:expr) => {
        $crate::backend::writing!($store, |$transaction, _dialect| $body)
    };
    ($store:expr, |$transaction:ident, $dialect:ident| $body:expr) => {
        match &$store.backend {
            $crate::backend::Backend::Sqlite(own) => {
                let (mut $transaction, $dialect) =
                    (own.begin().await?, $crate::backend::SqliteDialect);
                $body
            }
            $crate::backend::Backend::Postgres(own) => {
                let (mut $transaction, $dialect) =
                    (own.begin().await?, $crate::backend::PostgresDialect);
                $body
            }
        }
    };
}

pub(crate) use {listed, reading, writing};

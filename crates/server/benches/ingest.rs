//! Durable ingest of full reports with 150 programs, against a bare batched insert of the same bytes into the same
//! database: on SQLite into the same file, on PostgreSQL also against COPY.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

mod support;

use std::time::Instant;

use kbgap_server::Intake;
use kbgap_store::{Location, Store};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use support::{TENANT, number};

/// How many rows a transaction has, ours and the bare ones.
const BATCH: usize = 500;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let machines = number("KBGAP_BENCH_REPORTS", 50_000);
    let rounds = number("KBGAP_BENCH_ROUNDS", 3);
    let fleet = support::fleet(machines);
    let lines: Vec<Vec<u8>> = (0..machines)
        .map(|index| serde_json::to_vec(&fleet.report(index)).unwrap())
        .collect();
    let bytes: usize = lines.iter().map(Vec::len).sum();
    let stream = lines.join(&b"\n"[..]);
    // The same machines a day later: some changed, and nearly all of their software is known.
    let later: Vec<Vec<u8>> = (0..machines)
        .map(|index| {
            let next = fleet.next_day(index, 1);
            serde_json::to_vec(&next.unwrap_or_else(|| fleet.report(index))).unwrap()
        })
        .collect();
    let later = later.join(&b"\n"[..]);
    println!(
        "{machines} reports, {} bytes each, {BATCH} a transaction, best of {rounds}",
        bytes / lines.len()
    );
    let mut best = Best::default();
    for _ in 0..rounds {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("kbgap.db");
        let location = Location::Sqlite(path.clone());
        let store = support::store(&location).await;
        best.add("sqlite", take(&store, &stream, machines).await);
        best.add("sqliteAgain", take(&store, &stream, machines).await);
        best.add("sqliteNextDay", take(&store, &later, machines).await);
        let rows = packed(&store).await;
        store.close().await;
        best.add("sqliteBare", bare_sqlite(&path, &lines).await);
        best.add("sqliteBarePacked", bare_sqlite(&path, &rows).await);
    }
    let server = kbgap_postgres::Server::start().unwrap();
    for round in 0..rounds {
        let url = server.create_database(&format!("ingest_{round}")).unwrap();
        let store = support::store(&url.parse().unwrap()).await;
        best.add("postgres", take(&store, &stream, machines).await);
        let rows = packed(&store).await;
        store.close().await;
        best.add("postgresCopy", copy(&url, &lines).await);
        best.add("postgresCopyPacked", copy(&url, &rows).await);
    }
    best.print();
}

/// Takes reports in, as they come over the network; the reports a second.
async fn take(store: &Store, stream: &[u8], machines: u32) -> f64 {
    let intake = Intake::without_fleet(store.clone(), TENANT);
    let begin = Instant::now();
    let summary = intake.take_lines(stream, |_| ()).await.unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(summary.taken(), machines as usize, "{:?}", summary.rejected);
    f64::from(machines) / seconds
}

/// The rows as the store has them.
async fn packed(store: &Store) -> Vec<Vec<u8>> {
    let mut reader = store.read_machines(TENANT).await.unwrap();
    let mut rows = Vec::new();
    loop {
        let page = reader.next_page().await.unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page.into_iter().map(|row| row.body));
    }
}

async fn bare_sqlite(path: &std::path::Path, rows: &[Vec<u8>]) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(
        "DROP TABLE IF EXISTS bare; CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let begin = Instant::now();
    for batch in rows.chunks(BATCH) {
        let mut transaction = connection.begin().await.unwrap();
        for row in batch {
            sqlx::query("INSERT INTO bare (body) VALUES ($1)")
                .bind(row)
                .execute(&mut *transaction)
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
    }
    let seconds = begin.elapsed().as_secs_f64();
    connection.close().await.unwrap();
    rows.len() as f64 / seconds
}

async fn copy(url: &str, rows: &[Vec<u8>]) -> f64 {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("DROP TABLE IF EXISTS bare; CREATE TABLE bare (body bytea NOT NULL)")
        .execute(&mut connection)
        .await
        .unwrap();
    let begin = Instant::now();
    for batch in rows.chunks(BATCH) {
        let mut copy = connection
            .copy_in_raw("COPY bare (body) FROM STDIN WITH (FORMAT BINARY)")
            .await
            .unwrap();
        // The header of the format, with neither flags nor extension.
        let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        for row in batch {
            bytes.extend(1i16.to_be_bytes());
            bytes.extend(i32::try_from(row.len()).unwrap().to_be_bytes());
            bytes.extend(row);
        }
        bytes.extend((-1i16).to_be_bytes());
        copy.send(bytes).await.unwrap();
        copy.finish().await.unwrap();
    }
    let seconds = begin.elapsed().as_secs_f64();
    connection.close().await.unwrap();
    rows.len() as f64 / seconds
}

/// The best rate of each.
#[derive(Default)]
struct Best(Vec<(&'static str, f64)>);

impl Best {
    fn add(&mut self, name: &'static str, rate: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, best)) => *best = best.max(rate),
            None => self.0.push((name, rate)),
        }
    }

    fn of(&self, name: &str) -> f64 {
        self.0.iter().find(|(known, _)| *known == name).unwrap().1
    }

    fn print(&self) {
        let mut line = serde_json::Map::new();
        for (name, rate) in &self.0 {
            println!("{name:<20} {rate:>10.0} reports/s");
            line.insert((*name).to_owned(), json!(rate.round()));
        }
        for (name, bare) in [
            ("sqlite", "sqliteBare"),
            ("sqlite", "sqliteBarePacked"),
            ("sqliteNextDay", "sqliteBare"),
            ("postgres", "postgresCopy"),
            ("postgres", "postgresCopyPacked"),
        ] {
            let ratio = self.of(name) / self.of(bare);
            println!("{name} to {bare}: {ratio:.2}");
            let ratio = (ratio * 1000.0).round() / 1000.0;
            line.insert(
                format!("{name}To{}{}", bare[..1].to_uppercase(), &bare[1..]),
                json!(ratio),
            );
        }
        println!(
            "{}",
            json!({ "bench": "ingest", "reportsPerSecond": Value::Object(line) })
        );
    }
}

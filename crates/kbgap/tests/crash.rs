//! A server that is killed, cut off from its database or out of disk loses nothing it acknowledged.
//!
//! `KBGAP_KILLS` is how often the server is killed: a few times here, a hundred by 'cargo xtask crash'.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{Client, Database, Installation, Server};

/// How many machines report.
const MACHINES: u32 = 40;
/// How many of them in one request.
const BATCH: u32 = 10;
/// How many programs each has, all of one version: a report half applied would show two.
const PROGRAMS: u32 = 60;

/// The report of a machine in its so-manieth version.
fn report(machine: u32, version: u32) -> Value {
    let program = |number| json!({ "vendor": "Example", "name": format!("Tool {number}"), "version": version.to_string() });
    json!({
        "id": format!("{machine:040x}"),
        "reportedAt": jiff::Timestamp::from_second(1_700_000_000 + i64::from(version)).unwrap().to_string(),
        "os": { "name": "Microsoft Windows 10 Pro", "version": format!("10.0.19045.{version}"), "architecture": "x64" },
        "updates": [{ "kb": 5_000_000 + version }],
        "software": (0..PROGRAMS).map(program).collect::<Vec<_>>(),
    })
}

/// Which version of each machine was sent last, and which was acknowledged last.
#[derive(Default)]
struct Ledger {
    sent: BTreeMap<u32, u32>,
    acknowledged: BTreeMap<u32, u32>,
    /// What was refused, in what words.
    refused: Vec<(StatusCode, Value)>,
}

/// Sends reports as fast as they are taken, until it is told to stop.
async fn send(
    url: String,
    token: String,
    first: u32,
    ledger: Arc<Mutex<Ledger>>,
    stop: Arc<AtomicBool>,
) {
    let client = reqwest::Client::new();
    while !stop.load(Ordering::Relaxed) {
        let batch: Vec<(u32, u32)> = {
            let mut ledger = ledger.lock().unwrap();
            let machines = first..first + BATCH;
            let next = machines.map(|machine| {
                let version = ledger.sent.entry(machine).or_default();
                *version += 1;
                (machine, *version)
            });
            next.collect()
        };
        let lines: Vec<String> = batch
            .iter()
            .map(|(machine, version)| report(*machine, *version).to_string())
            .collect();
        let request = client
            .post(format!("{url}/kbgap/v1/reports"))
            .bearer_auth(&token)
            .header("content-type", "application/x-ndjson")
            .body(lines.join("\n"));
        // A request that breaks off was not acknowledged; it may be stored or not.
        let Ok(answer) = request.send().await else {
            continue;
        };
        let status = answer.status();
        let Ok(body) = answer.json::<Value>().await else {
            continue;
        };
        if status == StatusCode::OK {
            assert_eq!(body["rejected"], json!([]), "{body}");
            let mut ledger = ledger.lock().unwrap();
            ledger.acknowledged.extend(batch);
        } else {
            ledger.lock().unwrap().refused.push((status, body));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Each machine is in one version, whole, and not an older one than was acknowledged.
async fn check(server: &Server, token: &str, ledger: &Mutex<Ledger>) {
    let (sent, acknowledged) = {
        let ledger = ledger.lock().unwrap();
        (ledger.sent.clone(), ledger.acknowledged.clone())
    };
    for (machine, acknowledged) in acknowledged {
        let path = format!("/kbgap/v1/machines/{machine:040x}/report");
        let answer = server.get(&path, Some(token)).await;
        assert_eq!(
            answer.status(),
            StatusCode::OK,
            "an acknowledged machine is lost"
        );
        let known: Value = answer.json().await.unwrap();
        let version = known["updates"][0]["kb"].as_str().unwrap();
        let version: u32 = version.trim_start_matches("KB").parse::<u32>().unwrap() - 5_000_000;
        assert!(version >= acknowledged, "an acknowledged report is lost");
        assert!(version <= sent[&machine]);
        let mut whole = report(machine, version);
        let sorted = |report: &mut Value| {
            let list = report["software"].as_array_mut().unwrap();
            list.sort_by_key(|program| program["name"].as_str().unwrap().to_owned());
            list.clone()
        };
        assert_eq!(
            sorted(&mut known.clone()),
            sorted(&mut whole),
            "half a report"
        );
        assert_eq!(known["os"], whole["os"]);
    }
}

struct Senders {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Senders {
    fn start(server: &Server, token: &str, ledger: &Arc<Mutex<Ledger>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let first = (0..MACHINES / BATCH).map(|part| part * BATCH);
        let tasks = first.map(|first| {
            let (url, token) = (server.url.clone(), token.to_owned());
            tokio::spawn(send(url, token, first, ledger.clone(), stop.clone()))
        });
        Self {
            tasks: tasks.collect(),
            stop,
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

fn acknowledged(ledger: &Mutex<Ledger>) -> u32 {
    ledger.lock().unwrap().acknowledged.values().sum()
}

/// Waits until something holds of the ledger, for a minute at most.
async fn until(ledger: &Mutex<Ledger>, holds: impl Fn(&Ledger) -> bool, what: &str) {
    let begin = std::time::Instant::now();
    while !holds(&ledger.lock().unwrap()) {
        assert!(begin.elapsed() < Duration::from_mins(1), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until more was acknowledged than before.
async fn until_more(ledger: &Mutex<Ledger>, than: u32) {
    let more = |ledger: &Ledger| ledger.acknowledged.values().sum::<u32>() > than;
    until(ledger, more, "the service does not take reports").await;
}

async fn until_refused(ledger: &Mutex<Ledger>) {
    let refused = |ledger: &Ledger| !ledger.refused.is_empty();
    until(ledger, refused, "nothing was refused").await;
}

async fn kills(database: Database) {
    let kills: u64 = std::env::var("KBGAP_KILLS").map_or(4, |kills| kills.parse().unwrap());
    let installation = Installation::on(database);
    let mut server = installation.serve(&[]);
    let client: Client = server.client();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    for kill in 0..kills {
        let mut random = StdRng::seed_from_u64(kill);
        let token = server.token(&client).await;
        let before = acknowledged(&ledger);
        let senders = Senders::start(&server, &token, &ledger);
        until_more(&ledger, before).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        server.kill();
        senders.stop().await;
        server = installation.serve(&[]);
        let token = server.token(&client).await;
        check(&server, &token, &ledger).await;
    }
    println!(
        "{{\"crash\":{{\"database\":\"{database:?}\",\"kills\":{kills},\"acknowledged\":{}}}}}",
        acknowledged(&ledger)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_sqlite_nothing_acknowledged_is_lost() {
    kills(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_on_postgres_nothing_acknowledged_is_lost() {
    kills(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_cut_off_is_said_and_waited_for() {
    let mut database = kbgap_postgres::Server::start().unwrap();
    let url = database.create_database("kbgap").unwrap();
    let installation = Installation::at(&url);
    let server = installation.serve(&[]);
    let client = server.client();
    let token = server.token(&client).await;
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let senders = Senders::start(&server, &token, &ledger);
    until_more(&ledger, 0).await;
    database.stop(true).unwrap();
    until_refused(&ledger).await;
    let cut = acknowledged(&ledger);
    database.start_again().unwrap();
    until_more(&ledger, cut).await;
    senders.stop().await;
    let refused = std::mem::take(&mut ledger.lock().unwrap().refused);
    for (status, body) in refused {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert_eq!(body["error"]["code"], "ServiceUnavailable");
    }
    check(&server, &token, &ledger).await;
}

/// A file system of a few megabytes in memory.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Self {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount
            .args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
            .arg(at);
        let mounted = mount.status().expect("mount is not installed");
        assert!(
            mounted.success(),
            "a file system can be mounted by root only"
        );
        Self(at)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_room_is_used_as_soon_as_it_is_there() {
    let installation = Installation::new();
    let data = installation.path().join("data");
    let _disk = SmallDisk::mount(&data);
    let server = installation.serve(&[]);
    let client = server.client();
    let token = server.token(&client).await;
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let senders = Senders::start(&server, &token, &ledger);
    until_more(&ledger, 0).await;
    let filler = data.join("filler");
    let mut fill = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut fill, &[0; 4096]).is_ok() {}
    // What is in the files already may still be written over, for a while.
    until_refused(&ledger).await;
    let before = acknowledged(&ledger);
    drop(fill);
    std::fs::remove_file(&filler).unwrap();
    until_more(&ledger, before).await;
    senders.stop().await;
    let refused = std::mem::take(&mut ledger.lock().unwrap().refused);
    for (status, body) in refused {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("disk"), "{message}");
    }
    check(&server, &token, &ledger).await;
}

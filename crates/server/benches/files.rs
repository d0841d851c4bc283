//! Exports as files, from the request to the last file: the software of a hundred thousand machines with 150 programs each,
//! and what is open on them; beside it gzip alone, at the same level, on one thread, over the same bytes.
//!
//! Then the memory that an export takes, at a fifth of the machines and at all of them: what it adds to what the fleet has.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use kbgap_edge::Edge;
use kbgap_server::Settings;
use kbgap_store::Location;
use serde_json::{Value, json};
use support::{alone, memory, number};
use tokio::net::TcpListener;

/// The exports, by their route.
const EXPORTS: [&str; 2] = ["SoftwareInventoryExport", "SoftwareVulnerabilitiesExport"];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let place = support::Place::new();
    let machines = number("KBGAP_BENCH_MACHINES", 100_000);
    match std::env::var("KBGAP_BENCH_PART").as_deref() {
        Ok("few") => println!("{}", runtime.block_on(measure(place.path(), machines / 5))),
        Ok("many") => println!("{}", runtime.block_on(measure(place.path(), machines))),
        _ => {
            let few = alone("few", place.path());
            let many = alone("many", place.path());
            for figures in [&few, &many] {
                println!("{} machines", figures["machines"]);
                for name in EXPORTS {
                    println!("  {name}");
                    for (figure, value) in figures[name].as_object().unwrap() {
                        println!("    {figure:<24} {value}");
                    }
                }
            }
            println!("{}", json!({ "bench": "files", "few": few, "many": many }));
        }
    }
}

async fn measure(place: &Path, machines: u32) -> Value {
    let (catalog, _) = support::catalogs(place);
    let location = Location::Sqlite(place.join(format!("fleet-{machines}.db")));
    let store = support::store(&location).await;
    support::fill(&store, machines).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let files = tempfile::tempdir_in(place).unwrap();
    let settings = Settings {
        exports: Some(files.path().display().to_string()),
        request_timeout: Duration::from_mins(10),
        ..Settings::at(url.clone())
    };
    let service = support::service(store.clone(), support::assessor(&catalog), settings).await;
    let token = support::token(&store, &url, support::TENANT).await;
    let serving = kbgap_server::serve(service, listener, Edge::default(), std::future::pending());
    tokio::spawn(serving);
    let client = reqwest::Client::new();
    // What lists are made of is there once for a snapshot, whoever asks first.
    let first = client
        .get(format!("{url}/api/Software"))
        .bearer_auth(&token);
    first.send().await.unwrap().error_for_status().unwrap();
    let mut figures = json!({ "machines": machines });
    for name in EXPORTS {
        let before = memory("VmRSS");
        forget_peak();
        let begin = Instant::now();
        let asked = client
            .get(format!("{url}/api/machines/{name}"))
            .bearer_auth(&token);
        let answer = asked.send().await.unwrap().error_for_status().unwrap();
        let answer: Value = answer.json().await.unwrap();
        let time = begin.elapsed();
        let peak = memory("VmHWM");
        let parts = answer["exportFiles"].as_array().unwrap().len();
        let folder = files.path().to_owned();
        let alone = tokio::task::spawn_blocking(move || gzip_alone(&folder));
        let (bytes, baseline) = alone.await.unwrap();
        std::fs::remove_dir_all(files.path()).unwrap();
        let rate = bytes as f64 / 1e6 / time.as_secs_f64();
        let baseline = bytes as f64 / 1e6 / baseline.as_secs_f64();
        figures[name] = json!({
            "megabytes": bytes / 1_000_000, "files": parts, "seconds": round(time.as_secs_f64()),
            "mbPerSecond": rate.round(), "gzipMbPerSecond": baseline.round(), "ratio": round(rate / baseline),
            "residentBeforeMiB": before, "addedMiB": peak.saturating_sub(before),
        });
    }
    store.close().await;
    figures
}

/// The most memory counts from now on.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// How many bytes there are in the files of a folder, unpacked, and how long gzip alone takes for them.
fn gzip_alone(folder: &Path) -> (u64, Duration) {
    let level = Compression::new(kbgap_export::Settings::default().level);
    let mut chunk = vec![0; 1 << 20];
    let (mut bytes, mut time) = (0, Duration::ZERO);
    for file in files(folder) {
        let packed = std::io::BufReader::new(std::fs::File::open(file).unwrap());
        let mut lines = MultiGzDecoder::new(packed);
        let mut encoder = GzEncoder::new(std::io::sink(), level);
        loop {
            let mut length = 0;
            while length < chunk.len() {
                match lines.read(&mut chunk[length..]).unwrap() {
                    0 => break,
                    more => length += more,
                }
            }
            if length == 0 {
                break;
            }
            bytes += length as u64;
            let begin = Instant::now();
            encoder.write_all(&chunk[..length]).unwrap();
            time += begin.elapsed();
        }
        let begin = Instant::now();
        encoder.finish().unwrap();
        time += begin.elapsed();
    }
    (bytes, time)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            found.push(path);
        }
    }
    found
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

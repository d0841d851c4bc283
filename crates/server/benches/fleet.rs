//! A fleet of a million machines with 150 programs each: memory, restart, a new monthly document, a changed report.
//!
//! Beside the restart, in the same run, the bare reading of the same rows. `KBGAP_BENCH_MACHINES` is how many machines;
//! `KBGAP_BENCH_DIR` keeps the database for the next run.
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

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kbgap_inventory::Observation;
use kbgap_server::Settings;
use kbgap_store::{Location, MachineWrite, Written};
use serde_json::{Value, json};
use support::{TENANT, alone, memory, number};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let place = support::Place::new();
    match std::env::var("KBGAP_BENCH_PART").as_deref() {
        Ok("fill") => println!("{}", runtime.block_on(fill(place.path()))),
        Ok("read") => println!("{}", runtime.block_on(read(place.path()))),
        Ok("serve") => println!("{}", runtime.block_on(serve(place.path()))),
        _ => whole(place.path()),
    }
}

fn machines() -> u32 {
    number("KBGAP_BENCH_MACHINES", 1_000_000)
}

fn location(place: &Path) -> Location {
    Location::Sqlite(place.join(format!("fleet-{}.db", machines())))
}

fn whole(place: &Path) {
    let filled = alone("fill", place);
    let read = alone("read", place);
    let served = alone("serve", place);
    let seconds = |figures: &Value, name: &str| figures[name].as_f64().unwrap();
    let ratio = seconds(&served, "firstAnswerSeconds") / seconds(&read, "seconds");
    println!("{} machines", machines());
    for (what, figures) in [
        ("stored", &filled),
        ("read bare", &read),
        ("served", &served),
    ] {
        println!("{what}:");
        for (name, value) in figures.as_object().unwrap() {
            println!("  {name:<28} {value}");
        }
    }
    println!("restart to the first answer is {ratio:.2} times the bare reading");
    let line = json!({ "bench": "fleet", "machines": machines(), "stored": filled, "read": read, "served": served,
        "restartToRead": (ratio * 1000.0).round() / 1000.0 });
    println!("{line}");
}

async fn fill(place: &Path) -> Value {
    support::catalogs(place);
    let location = location(place);
    let store = support::store(&location).await;
    let time = support::fill(&store, machines()).await;
    store.close().await;
    let Location::Sqlite(path) = &location else {
        panic!()
    };
    let bytes = std::fs::metadata(path).unwrap().len();
    json!({
        "fileMiB": bytes >> 20,
        "machinesPerSecond": time.map(|time| (f64::from(machines()) / time.as_secs_f64()).round()),
    })
}

/// The rows, read and nothing more.
async fn read(place: &Path) -> Value {
    let store = support::store(&location(place)).await;
    let begin = Instant::now();
    let mut reader = store.read_machines(TENANT).await.unwrap();
    let (mut rows, mut bytes) = (0, 0);
    loop {
        let page = reader.next_page().await.unwrap();
        if page.is_empty() {
            break;
        }
        rows += page.len();
        bytes += page.iter().map(|row| row.body.len()).sum::<usize>();
    }
    let seconds = begin.elapsed().as_secs_f64();
    json!({ "rows": rows, "bodyBytesPerRow": bytes / rows, "seconds": round(seconds), "peakMiB": memory("VmHWM") })
}

async fn serve(place: &Path) -> Value {
    let begin = Instant::now();
    let (before, after) = support::catalogs(place);
    let assessor = support::assessor(&before);
    let store = support::store(&location(place)).await;
    let service = support::service(
        store.clone(),
        assessor,
        Settings::at("http://localhost".to_owned()),
    )
    .await;
    let machines = service.machines_of(TENANT).unwrap();
    let loaded = begin.elapsed();
    let software = support::largest(&machines);
    let rows = machines.missing_for_software(&software).unwrap();
    let first_answer = begin.elapsed();
    let peak = memory("VmHWM");
    let resident = memory("VmRSS");
    let figures = machines.figures();
    let missed = rows.iter().map(|row| row.machines).max().unwrap();
    drop(rows);

    // A new monthly document: until every count is right.
    let assessor = support::assessor(&after);
    let begin = Instant::now();
    drop(machines);
    service.use_catalog(assessor).await;
    let machines = service.machines_of(TENANT).unwrap();
    let assessed = begin.elapsed();
    let by_kb = machines.machines_by_missing_kb();
    let kbs = begin.elapsed();
    let by_cve = machines.machines_by_open_vulnerability();
    let counted = begin.elapsed();
    drop(machines);

    let changed = changed(&service, &store).await;
    json!({
        "loadedSeconds": round(loaded.as_secs_f64()),
        "firstAnswerSeconds": round(first_answer.as_secs_f64()),
        "peakMiB": peak, "residentMiB": resident, "peakAfterAllMiB": memory("VmHWM"),
        "windowsStates": figures.windows_states, "applicationStates": figures.application_states,
        "softwareEntries": figures.software_entries, "counted": figures.counted,
        "largest": software.as_str(), "largestMissing": missed,
        "monthAssessedSeconds": round(assessed.as_secs_f64()), "monthKbCountsSeconds": round(kbs.as_secs_f64()),
        "monthAllCountsSeconds": round(counted.as_secs_f64()),
        "missingKbs": by_kb.len(), "openVulnerabilities": by_cve.len(),
        "changedReportMilliseconds": changed,
    })
}

/// A changed report, from its coming to its being counted: the median and the longest but one in a hundred. Beside it
/// the bare durable write of the same row; what is more is work.
async fn changed(service: &kbgap_server::Service, store: &kbgap_store::Store) -> Value {
    const REPORTS: usize = 300;
    let fleet = support::fleet(machines());
    let intake = service.intake(TENANT).unwrap();
    let (mut taken, mut written) = (Vec::new(), Vec::new());
    for index in 0..machines() {
        let next = fleet.next_day(index, 1);
        let Some(mut report) = next.filter(|next| next.software != fleet.report(index).software)
        else {
            continue;
        };
        report.reported_at = Some(Timestamp::now());
        let id = report.machine_id().unwrap();
        let begin = Instant::now();
        let report = vec![Observation::from(report).into()];
        let summary = intake.take(report).await.unwrap();
        let time = begin.elapsed();
        if summary.changed == 0 {
            // A run before this one on the same database changed it already.
            let mut back = fleet.report(index);
            back.reported_at = Some(Timestamp::now());
            let back = vec![Observation::from(back).into()];
            let begin = Instant::now();
            let summary = intake.take(back).await.unwrap();
            taken.push(begin.elapsed());
            assert_eq!(summary.changed, 1, "{summary:?}");
        } else {
            taken.push(time);
        }
        let row = store.machines_by_id(TENANT, &[&id]).await.unwrap();
        let row = row.into_iter().flatten().next().unwrap();
        let write = MachineWrite {
            machine: row.machine,
            expected: Some(row.sequence),
            what: Written::Report {
                name: row.name,
                last_seen: row.last_seen,
                received_at: row.received_at,
                digest: row.digest,
                state: row.state,
                body: row.body,
            },
        };
        let begin = Instant::now();
        store.write_machines(TENANT, &[write]).await.unwrap();
        written.push(begin.elapsed());
        if taken.len() == REPORTS {
            break;
        }
    }
    taken.sort_unstable();
    written.sort_unstable();
    let at = |times: &[Duration], part: usize| {
        let time = times[(times.len() * part / 100).min(times.len() - 1)];
        time.as_secs_f64() * 1000.0
    };
    let work = |part| round(at(&taken, part) - at(&written, part));
    json!({
        "takenMedian": round(at(&taken, 50)), "takenP99": round(at(&taken, 99)),
        "bareWriteMedian": round(at(&written, 50)), "bareWriteP99": round(at(&written, 99)),
        "workMedian": work(50), "workP99": work(99),
    })
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

//! What the benches of the service share.
#![allow(dead_code, reason = "each bench uses a part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_catalog::{Catalog, SoftwareId, snapshot};
use kbgap_fleet::{Snapshot, SoftwareNames};
use kbgap_identity::{Client, Permission, ProvedBy, SigningKey, TokenIssuer};
use kbgap_inventory::{Observation, SoftwareRules};
use kbgap_server::{Incoming, Intake, Service, Settings};
use kbgap_store::{Location, Store, Tenant};
use kbgap_synthetic::{Era, SyntheticFleet};

/// As in the binary, for what is measured and for what it is measured against.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) const TENANT: &str = "6f1d2c1e-0c56-4a7e-9d0a-6a4b6a2f9d11";
pub(crate) const SEED: u64 = 20_260_210;
/// How many reports are stored at once.
const BATCH: u32 = 500;

/// A number of the environment.
pub(crate) fn number(name: &str, usual: u32) -> u32 {
    std::env::var(name).map_or(usual, |text| text.replace('_', "").parse().unwrap())
}

/// Where things of the bench lie: a folder given, which is kept, or a temporary one.
pub(crate) struct Place {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Place {
    pub(crate) fn new() -> Self {
        if let Some(path) = std::env::var_os("KBGAP_BENCH_DIR") {
            std::fs::create_dir_all(&path).unwrap();
            return Self {
                path: path.into(),
                _temporary: None,
            };
        }
        let temporary = tempfile::tempdir().unwrap();
        Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Microsoft's documents compiled, with and without the last month; in files, as a server has them.
pub(crate) fn catalogs(place: &Path) -> (PathBuf, PathBuf) {
    let (before, after) = (place.join("before.kbgap"), place.join("after.kbgap"));
    if before.exists() && after.exists() {
        return (before, after);
    }
    let compiled = kbgap_corpus::before_and_after_the_last_month();
    for (path, (catalog, texts)) in [&before, &after].into_iter().zip(compiled) {
        std::fs::write(path, snapshot::write(&catalog, &texts).unwrap()).unwrap();
    }
    (before, after)
}

pub(crate) fn catalog(path: &Path) -> Catalog {
    let bytes = std::fs::read(path).unwrap();
    let (head, rest) = bytes.split_at(snapshot::Header::LENGTH);
    let header = snapshot::Header::read(head).unwrap();
    header.facts(&rest[..header.facts_length()]).unwrap()
}

pub(crate) fn assessor(path: &Path) -> Arc<Assessor> {
    Arc::new(Assessor::new(Arc::new(catalog(path))))
}

pub(crate) fn fleet(machines: u32) -> Arc<SyntheticFleet> {
    Arc::new(SyntheticFleet::new(Era::Winter2026, SEED, machines).unwrap())
}

/// A store with a tenant.
pub(crate) async fn store(location: &Location) -> Store {
    let store = Store::open(location).await.unwrap();
    if store.tenants().await.unwrap().is_empty() {
        let tenant = Tenant {
            id: TENANT.to_owned(),
            name: "default".to_owned(),
            created_at: Timestamp::now(),
        };
        store.create_tenant(&tenant).await.unwrap();
    }
    store
}

/// What the machines of a fleet report, as of today: those of the era are moved there.
pub(crate) fn reports(fleet: &SyntheticFleet, from: u32, to: u32) -> Vec<Incoming> {
    let later = Timestamp::now().duration_since(fleet.today());
    let reports = (from..to).map(|index| {
        let mut report = fleet.report(index);
        report.reported_at = report.reported_at.map(|at| at + later);
        Incoming::from(Observation::from(report))
    });
    reports.collect()
}

/// Stores a fleet, where it is not there yet.
pub(crate) async fn fill(store: &Store, machines: u32) -> Option<Duration> {
    if store.machine_count(TENANT).await.unwrap() == u64::from(machines) {
        return None;
    }
    let begin = Instant::now();
    let fleet = fleet(machines);
    let intake = Intake::without_fleet(store.clone(), TENANT);
    let mut from = 0;
    let mut ready: Option<tokio::task::JoinHandle<Vec<Incoming>>> = None;
    let mut writing: Option<tokio::task::JoinHandle<()>> = None;
    loop {
        let batch = ready.take();
        if from < machines {
            let (own, to) = (fleet.clone(), (from + BATCH).min(machines));
            let first = from;
            ready = Some(tokio::task::spawn_blocking(move || {
                reports(&own, first, to)
            }));
            from = to;
        }
        let Some(batch) = batch else {
            if ready.is_none() {
                break;
            }
            continue;
        };
        let batch = batch.await.unwrap();
        if let Some(writing) = writing.take() {
            writing.await.unwrap();
        }
        let intake = intake.clone();
        writing = Some(tokio::spawn(async move {
            let summary = intake.take(batch).await.unwrap();
            assert!(summary.rejected.is_empty(), "{:?}", summary.rejected);
        }));
        if from.is_multiple_of(100_000) {
            eprintln!("{from} machines, {:.0} s", begin.elapsed().as_secs_f64());
        }
    }
    if let Some(writing) = writing {
        writing.await.unwrap();
    }
    Some(begin.elapsed())
}

pub(crate) async fn service(
    store: Store,
    assessor: Arc<Assessor>,
    settings: Settings,
) -> Arc<Service> {
    let names = Arc::new(SoftwareNames::by_rules(SoftwareRules::built_in().unwrap()));
    let service = Service::start(store, assessor, names, settings);
    service.await.unwrap()
}

/// A token of an application of a tenant, by the service at a URL.
pub(crate) async fn token(store: &Store, url: &str, tenant: &str) -> String {
    let keys = store.signing_keys().await.unwrap();
    let key = SigningKey::from_pkcs8(&keys[0].pkcs8).unwrap();
    let client = Client {
        tenant,
        id: "0b2a6a3e-1f7e-4d0b-9a44-1f1c8f2f7c55",
        name: "bench",
        proved_by: ProvedBy::Secret,
        permissions: &Permission::ALL,
    };
    let audience = "https://api.securitycenter.microsoft.com";
    let issued = TokenIssuer::new(url, key).issue(&client, audience, Timestamp::now());
    issued.unwrap().access_token
}

/// The software that lacks updates on the most machines.
pub(crate) fn largest(machines: &Snapshot) -> SoftwareId {
    let asked = [
        "windows_10",
        "windows_11",
        "edge_chromium-based",
        "office",
        ".net_framework",
    ];
    let asked = asked.map(|name| SoftwareId::from_client(&format!("microsoft-_-{name}")));
    let most = |software: &SoftwareId| {
        let rows = machines.missing_for_software(software);
        rows.map_or(0, |rows| rows.iter().map(|row| row.machines).sum())
    };
    let largest: Option<SoftwareId> = asked.into_iter().max_by_key(|software| most(software));
    largest.unwrap()
}

/// A figure of this process, in MiB: `VmHWM` is the most memory it ever had.
pub(crate) fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

/// Runs a part of the bench in a process of its own; the last line it prints is its figures.
pub(crate) fn alone(part: &str, place: &Path) -> serde_json::Value {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .env("KBGAP_BENCH_PART", part)
        .env("KBGAP_BENCH_DIR", place)
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{part} failed");
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

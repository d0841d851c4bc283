//! Whatever happens to a fleet: the changes that the delta export tells, applied to an old export, give the new one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_edge::Edge;
use kbgap_fleet::SoftwareNames;
use kbgap_identity::{Client, Permission, SigningKey, TokenIssuer};
use kbgap_inventory::{Observation, SoftwareRules};
use kbgap_server::{Service, Settings, serve};
use kbgap_store::{ExclusionReason, Labels, Location, Store, Tenant};
use kbgap_synthetic::{Era, SyntheticFleet};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value};
use tokio::net::TcpListener;

const TENANT: &str = "6f1d2c1e-0c56-4a7e-9d0a-6a4b6a2f9d12";
const MACHINES: u32 = 5;
const AUDIENCE: &str = "https://api.securitycenter.microsoft.com";

/// Microsoft's documents without the last month, and all.
static ASSESSORS: LazyLock<[Arc<Assessor>; 2]> = LazyLock::new(|| {
    kbgap_corpus::before_and_after_the_last_month()
        .map(|(catalog, _)| Arc::new(Assessor::new(Arc::new(catalog))))
});

static POSTGRES: LazyLock<Mutex<kbgap_postgres::Server>> =
    LazyLock::new(|| Mutex::new(kbgap_postgres::Server::start().unwrap()));

#[derive(Debug, Clone)]
enum Event {
    /// A machine reports what it is like on a day; it was looked at some days ago.
    Report { machine: u32, day: u32, ago: i64 },
    /// A machine is excluded, or included again.
    Exclude { machine: u32, exclude: bool },
    /// Another catalogue is in use.
    Catalog { which: usize },
    /// What was found is written to the history, as it is once a second.
    Record,
    /// Somebody takes the changes since the last time.
    Delta,
}

fn event() -> impl Strategy<Value = Event> {
    // Now and then a machine is looked at long before its report comes; over 30 days ago it is not shown.
    let ago = prop::sample::select(vec![0i64, 0, 0, 0, 8, 40]);
    prop_oneof![
        8 => (0..MACHINES, 0u32..5, ago)
            .prop_map(|(machine, day, ago)| Event::Report { machine, day, ago }),
        2 => (0..MACHINES, prop::bool::weighted(0.4))
            .prop_map(|(machine, exclude)| Event::Exclude { machine, exclude }),
        1 => (0usize..2).prop_map(|which| Event::Catalog { which }),
        2 => Just(Event::Record),
        3 => Just(Event::Delta),
    ]
}

/// A running service, and the token of a client.
struct Running {
    service: Arc<Service>,
    url: String,
    token: String,
    http: reqwest::Client,
}

/// The rows of an export by their id, without when they were last seen.
type Rows = BTreeMap<String, Map<String, Value>>;

impl Running {
    async fn start(store: &Store, which: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = Settings {
            // Each change is to be told where it belongs, not because everything is told again.
            delta_overlap: SignedDuration::ZERO,
            ..Settings::at(url.clone())
        };
        let names = Arc::new(SoftwareNames::by_rules(SoftwareRules::built_in().unwrap()));
        let service = Service::start(store.clone(), ASSESSORS[which].clone(), names, settings);
        let service = service.await.unwrap();
        let edge = Edge::default();
        tokio::spawn(serve(
            service.clone(),
            listener,
            edge,
            std::future::pending(),
        ));
        let key = store.signing_keys().await.unwrap().remove(0);
        let issuer = TokenIssuer::new(&url, SigningKey::from_pkcs8(&key.pkcs8).unwrap());
        let client = Client {
            tenant: TENANT,
            id: "reader",
            name: "reader",
            permissions: &Permission::ALL,
            proved_by: kbgap_identity::ProvedBy::Secret,
        };
        let token = issuer.issue(&client, AUDIENCE, Timestamp::now()).unwrap();
        Self {
            service,
            url,
            token: token.access_token,
            http: reqwest::Client::new(),
        }
    }

    /// All rows of an answer, page by page, and its link to later changes.
    async fn read(&self, url: &str) -> (Vec<Map<String, Value>>, Option<String>) {
        let (mut rows, mut next) = (Vec::new(), Some(url.to_owned()));
        let mut later = None;
        while let Some(url) = next {
            let asked = self.http.get(&url).bearer_auth(&self.token).send();
            let answer = asked.await.unwrap().error_for_status().unwrap();
            let mut page: Value = answer.json().await.unwrap();
            let Value::Array(more) = page["value"].take() else {
                panic!("{page}");
            };
            rows.extend(more.into_iter().map(|row| match row {
                Value::Object(row) => row,
                other => panic!("{other}"),
            }));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
            later = page["@odata.deltaLink"].as_str().map(str::to_owned);
        }
        (rows, later)
    }

    async fn export(&self) -> Rows {
        let url = "/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=500";
        let (rows, _) = self.read(&format!("{}{url}", self.url)).await;
        let mut by_id = Rows::new();
        for mut row in rows {
            row.remove("lastSeenTimestamp");
            let id = row["id"].as_str().unwrap().to_owned();
            assert!(by_id.insert(id.clone(), row).is_none(), "{id} twice");
        }
        by_id
    }

    /// Applies the changes that a link leads to; the link to those after them.
    async fn apply(&self, link: &str, to: &mut Rows) -> String {
        self.service.record().await.unwrap();
        let (changes, later) = self.read(link).await;
        for mut row in changes {
            row.remove("lastSeenTimestamp");
            // What changes have beside the rows of an export.
            row.remove("eventTimestamp");
            row.remove("isOnboarded");
            let status = row.remove("status").unwrap();
            let id = row["id"].as_str().unwrap().to_owned();
            match status.as_str() {
                Some("New" | "Updated") => to.insert(id, row),
                Some("Fixed") => to.remove(&id),
                _ => panic!("{status}"),
            };
        }
        later.unwrap()
    }
}

/// What tells two exports apart.
fn difference(applied: &Rows, whole: &Rows) -> Vec<String> {
    let mut told = Vec::new();
    for id in applied.keys().chain(whole.keys()) {
        match (applied.get(id), whole.get(id)) {
            (Some(_), None) => told.push(format!("{id} is not fixed")),
            (None, Some(_)) => told.push(format!("{id} is not told")),
            (Some(applied), Some(whole)) if applied != whole => {
                let differ = whole
                    .iter()
                    .filter(|(name, value)| applied.get(*name) != Some(value));
                told.push(format!("{id}: {:?}", differ.collect::<Vec<_>>()));
            }
            _ => {}
        }
    }
    told.truncate(4);
    told
}

async fn play(location: &Location, events: Vec<Event>) -> Result<(), TestCaseError> {
    let store = Store::open(location).await.unwrap();
    let tenant = Tenant {
        id: TENANT.to_owned(),
        name: "default".to_owned(),
        created_at: Timestamp::now(),
    };
    store.create_tenant(&tenant).await.unwrap();
    let running = Running::start(&store, 1).await;
    let synthetic = SyntheticFleet::new(Era::Winter2026, 5, MACHINES).unwrap();
    let ids: Vec<String> = (0..MACHINES)
        .map(|machine| synthetic.report(machine).machine_id().unwrap().into())
        .collect();
    let mut kept = Rows::new();
    let mut link = format!(
        "{}/api/machines/SoftwareVulnerabilityChangesByMachine?pageSize=300&sinceTime={}",
        running.url,
        Timestamp::now()
    );
    for event in events {
        match event {
            Event::Report { machine, day, ago } => {
                let next = synthetic.next_day(machine, day);
                let mut report = next.unwrap_or_else(|| synthetic.report(machine));
                let ago = SignedDuration::from_hours(24 * ago);
                report.reported_at = Some(Timestamp::now() - ago);
                let intake = running.service.intake(TENANT).unwrap();
                let taken = intake.take(vec![Observation::from(report).into()]).await;
                prop_assert!(taken.unwrap().rejected.is_empty());
            }
            Event::Exclude { machine, exclude } => {
                let labels = Labels {
                    exclusion: Some(exclude.then_some(ExclusionReason::DeviceOutOfScope)),
                    ..Labels::default()
                };
                let id = ids[machine as usize].as_str();
                store.label_machines(TENANT, &[id], labels).await.unwrap();
                running.service.follow().await.unwrap();
            }
            Event::Catalog { which } => {
                running.service.use_catalog(ASSESSORS[which].clone()).await;
            }
            Event::Record => running.service.record().await.unwrap(),
            Event::Delta => {
                link = running.apply(&link, &mut kept).await;
                let whole = running.export().await;
                prop_assert!(kept == whole, "{:#?}", difference(&kept, &whole));
            }
        }
    }
    running.apply(&link, &mut kept).await;
    let whole = running.export().await;
    prop_assert!(kept == whole, "{:#?}", difference(&kept, &whole));
    store.close().await;
    Ok(())
}

fn law(cases: u32, location: impl Fn() -> Location) {
    // More of them: `cargo xtask delta`.
    let wanted = std::env::var("KBGAP_HISTORIES").ok();
    let cases = wanted.map_or(cases, |wanted| wanted.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..Config::default()
    };
    let events = prop::collection::vec(event(), 1..25);
    TestRunner::new(config)
        .run(&events, |events| {
            runtime.block_on(play(&location(), events))
        })
        .unwrap();
}

#[test]
fn changes_applied_to_an_old_export_give_the_new_one_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU32::new(0);
    law(24, || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        Location::Sqlite(folder.path().join(format!("{number}.db")))
    });
}

#[test]
fn changes_applied_to_an_old_export_give_the_new_one_on_postgres() {
    let number = AtomicU32::new(0);
    law(8, || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let server = POSTGRES.lock().unwrap();
        let url = server.create_database(&format!("delta_{number}")).unwrap();
        url.parse().unwrap()
    });
}

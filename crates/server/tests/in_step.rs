//! Whatever happens to a fleet, on either database: what servers changed step by step equals what one reads anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_fleet::{Machine, Snapshot, SoftwareNames};
use kbgap_inventory::{Observation, SoftwareRules};
use kbgap_server::{Service, Settings};
use kbgap_store::{DeviceValue, ExclusionReason, Labels, Location, Store, Tenant};
use kbgap_synthetic::{Era, SyntheticFleet};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const TENANT: &str = "6f1d2c1e-0c56-4a7e-9d0a-6a4b6a2f9d11";
const MACHINES: u32 = 10;

/// Microsoft's documents without the last month, and all.
static ASSESSORS: LazyLock<[Arc<Assessor>; 2]> = LazyLock::new(|| {
    kbgap_corpus::before_and_after_the_last_month()
        .map(|(catalog, _)| Arc::new(Assessor::new(Arc::new(catalog))))
});

static POSTGRES: LazyLock<Mutex<kbgap_postgres::Server>> =
    LazyLock::new(|| Mutex::new(kbgap_postgres::Server::start().unwrap()));

#[derive(Debug, Clone)]
enum Event {
    /// A machine reports, to one of the servers: what it is like on a day; perhaps again, perhaps late.
    Report {
        machine: u32,
        day: u32,
        late: bool,
        server: usize,
    },
    Remove {
        machine: u32,
    },
    Label {
        machine: u32,
        group: Option<u8>,
        tag: u8,
        add: bool,
    },
    Value {
        machine: u32,
        value: DeviceValue,
        exclusion: Option<ExclusionReason>,
    },
    Catalog {
        which: usize,
    },
    /// A server looks what others wrote.
    Follow {
        server: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..MACHINES, 0u32..4, prop::bool::weighted(0.2), 0usize..2)
            .prop_map(|(machine, day, late, server)| Event::Report { machine, day, late, server }),
        1 => (0..MACHINES).prop_map(|machine| Event::Remove { machine }),
        2 => (0..MACHINES, prop::option::of(0u8..3), 0u8..3, any::<bool>())
            .prop_map(|(machine, group, tag, add)| Event::Label { machine, group, tag, add }),
        2 => (
            0..MACHINES,
            prop::sample::select(DeviceValue::ALL),
            prop::option::weighted(0.4, prop::sample::select(ExclusionReason::ALL)),
        )
            .prop_map(|(machine, value, exclusion)| Event::Value { machine, value, exclusion }),
        1 => (0usize..2).prop_map(|which| Event::Catalog { which }),
        2 => (0usize..2).prop_map(|server| Event::Follow { server }),
    ]
}

async fn serve(store: &Store, assessor: &Arc<Assessor>) -> Arc<Service> {
    let settings = Settings::at("http://localhost".to_owned());
    let names = Arc::new(SoftwareNames::by_rules(SoftwareRules::built_in().unwrap()));
    let service = Service::start(store.clone(), assessor.clone(), names, settings);
    service.await.unwrap()
}

/// All that is counted.
fn answers(of: &Snapshot) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut machines: Vec<Machine> = of.machines().collect();
    machines.sort_by(|one, other| one.id.cmp(&other.id));
    let each: Vec<_> = machines
        .iter()
        .map(|machine| of.missing_on_machine(&machine.id.to_string()))
        .collect();
    (
        (
            of.machines_by_missing_kb(),
            of.machines_by_open_vulnerability(),
        ),
        (of.software(), of.groups(), of.tags()),
        (machines, each, of.figures().counted),
    )
}

async fn label(store: &Store, machine: &str, labels: Labels) {
    let labeled = store.label_machines(TENANT, &[machine], labels).await;
    labeled.unwrap();
}

async fn remove(store: &Store, machine: &str) {
    store.remove_machines(TENANT, &[machine]).await.unwrap();
}

async fn play(location: &Location, events: Vec<Event>) -> Result<(), TestCaseError> {
    let stores = [
        Store::open(location).await.unwrap(),
        Store::open(location).await.unwrap(),
    ];
    let tenant = Tenant {
        id: TENANT.to_owned(),
        name: "default".to_owned(),
        created_at: Timestamp::now(),
    };
    stores[0].create_tenant(&tenant).await.unwrap();
    let mut which = 1;
    let servers = [
        serve(&stores[0], &ASSESSORS[which]).await,
        serve(&stores[1], &ASSESSORS[which]).await,
    ];
    let synthetic = SyntheticFleet::new(Era::Winter2026, 5, MACHINES).unwrap();
    let begin = Timestamp::now() - SignedDuration::from_hours(20);
    let ids: Vec<String> = (0..MACHINES)
        .map(|machine| synthetic.report(machine).machine_id().unwrap().into())
        .collect();
    for (at, event) in (0i64..).zip(events) {
        match event {
            Event::Report {
                machine,
                day,
                late,
                server,
            } => {
                let next = synthetic.next_day(machine, day);
                let mut report = next.unwrap_or_else(|| synthetic.report(machine));
                let at = if late { 0 } else { at };
                report.reported_at = Some(begin + SignedDuration::from_mins(at));
                let intake = servers[server].intake(TENANT).unwrap();
                let summary = intake.take(vec![Observation::from(report).into()]).await;
                prop_assert!(summary.unwrap().rejected.is_empty());
            }
            Event::Remove { machine } => remove(&stores[0], &ids[machine as usize]).await,
            Event::Label {
                machine,
                group,
                tag,
                add,
            } => {
                let tags = vec![format!("tag-{tag}")];
                let labels = Labels {
                    group: Some(group.map(|group| format!("group-{group}"))),
                    add_tags: if add { tags.clone() } else { Vec::new() },
                    remove_tags: if add { Vec::new() } else { tags },
                    ..Labels::default()
                };
                label(&stores[0], &ids[machine as usize], labels).await;
            }
            Event::Value {
                machine,
                value,
                exclusion,
            } => {
                let labels = Labels {
                    value: Some(value),
                    exclusion: Some(exclusion),
                    ..Labels::default()
                };
                label(&stores[0], &ids[machine as usize], labels).await;
            }
            Event::Catalog { which: next } => {
                which = next;
                for server in &servers {
                    server.use_catalog(ASSESSORS[which].clone()).await;
                }
            }
            Event::Follow { server } => {
                servers[server].follow().await.unwrap();
            }
        }
    }
    let anew = serve(&stores[0], &ASSESSORS[which]).await;
    let anew = answers(&anew.machines_of(TENANT).unwrap());
    for server in &servers {
        while server.follow().await.unwrap() {}
        let changed = server.machines_of(TENANT).unwrap();
        let (one, other) = (format!("{:?}", answers(&changed)), format!("{anew:?}"));
        let at = one
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let part = |text: &str| {
            text.get(at.saturating_sub(80)..(at + 120).min(text.len()))
                .map(str::to_owned)
        };
        prop_assert!(one == other, "{:?} is not {:?}", part(&one), part(&other));
    }
    for store in stores {
        store.close().await;
    }
    Ok(())
}

fn law(cases: u32, location: impl Fn() -> Location) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..Config::default()
    };
    let events = prop::collection::vec(event(), 0..30);
    TestRunner::new(config)
        .run(&events, |events| {
            runtime.block_on(play(&location(), events))
        })
        .unwrap();
}

#[test]
fn what_was_changed_equals_what_is_read_anew_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicU32::new(0);
    law(24, || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        Location::Sqlite(folder.path().join(format!("{number}.db")))
    });
}

#[test]
fn what_was_changed_equals_what_is_read_anew_on_postgres() {
    let number = AtomicU32::new(0);
    law(12, || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let server = POSTGRES.lock().unwrap();
        let url = server.create_database(&format!("step_{number}")).unwrap();
        url.parse().unwrap()
    });
}

//! Counts stay exact whatever happens to the machines.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_catalog::document::{
    Document, Fix, FixId, Oddities, ProductEntry, Rating, Severity, SubType, Supersedence,
    Vulnerability,
};
use kbgap_catalog::{Architecture, Catalog, Compiler, Kb, Release, SoftwareId, WindowsBuild};
use kbgap_fleet::{
    Ages, Change, DeviceValue, ExclusionReason, Fleet, Loader, Machine, MachineId, MachineRow,
    Named, OnMachine, Snapshot, SoftwareNames, Walk, pack,
};
use kbgap_inventory::{InstalledSoftware, InstalledUpdate, MachineReport, OsReport};
use proptest::prelude::*;

const WINDOWS: &str = "Windows 10 Version 1909 for x64-based Systems";
const EDGE: &str =
    "Microsoft Edge (EdgeHTML-based) on Windows 10 Version 1909 for x64-based Systems";
const EXCEL: &str = "Microsoft Excel 2016 (64-bit edition)";

/// The number before that of the first month's update.
const WINDOWS_KB: u32 = 4_000_000;
const EXCEL_KB: u32 = 4_400_000;

fn kb(number: u32) -> Kb {
    Kb::new(number).unwrap()
}

/// Three months of updates of Windows and of Excel, the first ones of them.
fn catalog(months: u32) -> Catalog {
    let mut compiler = Compiler::new();
    for month in 1..=months {
        let update = |first: u32, products: Vec<u32>| Fix {
            id: FixId::Kb(kb(first + month)),
            sub_type: SubType::SecurityUpdate,
            fixed_build: None,
            supersedes: Supersedence {
                kbs: (month > 1)
                    .then(|| kb(first + month - 1))
                    .into_iter()
                    .collect(),
            },
            restart: None,
            url: None,
            products,
        };
        let entry = |cve: String, first: u32, products: Vec<u32>| Vulnerability {
            id: cve.parse().unwrap(),
            title: "".into(),
            description: "".into(),
            component: None,
            published: None,
            updated: None,
            exploit: None,
            ratings: vec![Rating {
                severity: Some(Severity::Critical),
                impact: None,
                cvss: None,
                products: products.clone(),
            }],
            fixes: vec![update(first, products)],
        };
        let product = |id: &str, name: &str| ProductEntry {
            id: id.into(),
            name: name.into(),
        };
        let released = format!("2020-0{month}-11T00:00:00Z").parse().unwrap();
        compiler.add(Document {
            id: format!("2020-{month}").into(),
            title: format!("Month {month}").into(),
            initial_release: released,
            current_release: released,
            revision: "1".into(),
            products: vec![
                product("1", WINDOWS),
                product("2-1", EDGE),
                product("3", EXCEL),
            ],
            vulnerabilities: vec![
                entry(format!("CVE-2020-1000{month}"), WINDOWS_KB, vec![0, 1]),
                entry(format!("CVE-2020-2000{month}"), WINDOWS_KB, vec![0]),
                entry(format!("CVE-2020-3000{month}"), EXCEL_KB, vec![2]),
            ],
            oddities: Oddities::default(),
        });
    }
    compiler.finish().0
}

static ASSESSORS: LazyLock<Vec<Arc<Assessor>>> = LazyLock::new(|| {
    let assessor = |months| Arc::new(Assessor::new(Arc::new(catalog(months))));
    (1..=3).map(assessor).collect()
});

/// The dictionary: numbers from 1.
const SOFTWARE: [(&str, &str, &str); 7] = [
    (
        "Microsoft Corporation",
        "Microsoft Office Professional Plus 2016",
        "16.0.4266.1001",
    ),
    (
        "Microsoft Corporation",
        "Microsoft .NET Framework 4.8",
        "4.8.03761",
    ),
    ("Example", "Tool", "1.0"),
    ("Example", "Tool", "2.0"),
    ("Example Ltd", "Tool", "2.0"),
    ("Example", "Viewer", "7"),
    ("Example", "Update for Tool", "2.0"),
];

fn installed(number: u32) -> InstalledSoftware {
    let (vendor, name, version) = SOFTWARE[number as usize - 1];
    InstalledSoftware {
        vendor: vendor.into(),
        name: name.into(),
        version: version.into(),
    }
}

fn names() -> Arc<SoftwareNames> {
    Arc::new(SoftwareNames::by(|reported| {
        let vendor = reported.vendor.split(' ').next().unwrap_or_default();
        (!reported.name.starts_with("Update")).then(|| Named {
            software: SoftwareId::of(vendor, &reported.name),
            vendor: vendor.into(),
            name: reported.name.clone(),
            version: reported.version.clone(),
        })
    }))
}

fn day(day: u32) -> Timestamp {
    let first: Timestamp = "2020-03-01T12:00:00Z".parse().unwrap();
    first + SignedDuration::from_hours(24 * i64::from(day))
}

/// What a machine's row says.
#[derive(Debug, Clone)]
struct Row {
    /// Which month's updates it lists, of Windows and of Excel.
    months: Option<(u32, u32)>,
    pending: bool,
    name: Option<u8>,
    software: Vec<u32>,
    group: Option<u8>,
    tags: Vec<String>,
    value: DeviceValue,
    exclusion: Option<ExclusionReason>,
    seen: u32,
    sequence: i64,
}

impl Row {
    /// Whether the machine is in the counts on a day.
    fn counts(&self, today: u32) -> bool {
        self.exclusion.is_none() && today - self.seen <= 30
    }
}

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Event {
    Row {
        machine: u8,
        row: Row,
    },
    Seen {
        machine: u8,
    },
    /// A row that comes late: a newer one is known.
    Late {
        machine: u8,
        row: Row,
    },
    /// Somebody says what a machine is worth, or excludes it or no more.
    Value {
        machine: u8,
        value: DeviceValue,
        exclusion: Option<ExclusionReason>,
    },
    Remove {
        machine: u8,
    },
    Catalog {
        months: usize,
    },
    /// Days go by.
    Time {
        days: u32,
    },
}

fn value() -> impl Strategy<Value = DeviceValue> {
    prop::sample::select(vec![
        DeviceValue::Normal,
        DeviceValue::Low,
        DeviceValue::High,
    ])
}

fn exclusion() -> impl Strategy<Value = Option<ExclusionReason>> {
    let reasons = vec![
        ExclusionReason::Other,
        ExclusionReason::DuplicateDevice,
        ExclusionReason::DeviceOutOfScope,
    ];
    prop::option::weighted(0.3, prop::sample::select(reasons))
}

fn row() -> impl Strategy<Value = Row> {
    (
        prop::option::weighted(0.9, (0u32..=3, 0u32..=3)),
        prop::bool::weighted(0.2),
        prop::option::of(0u8..6),
        prop::sample::subsequence((1..=7).collect::<Vec<u32>>(), 0..=7),
        prop::option::of(0u8..3),
        prop::collection::vec("[a-c]", 0..3),
        (value(), exclusion()),
    )
        .prop_map(
            |(months, pending, name, software, group, tags, (value, exclusion))| Row {
                months,
                pending,
                name,
                software,
                group,
                tags,
                value,
                exclusion,
                seen: 0,
                sequence: 0,
            },
        )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0u8..12, row()).prop_map(|(machine, row)| Event::Row { machine, row }),
        2 => (0u8..12).prop_map(|machine| Event::Seen { machine }),
        1 => (0u8..12, row()).prop_map(|(machine, row)| Event::Late { machine, row }),
        3 => (0u8..12, value(), exclusion())
            .prop_map(|(machine, value, exclusion)| Event::Value { machine, value, exclusion }),
        2 => (0u8..12).prop_map(|machine| Event::Remove { machine }),
        1 => (0usize..3).prop_map(|months| Event::Catalog { months }),
        2 => (1u32..25).prop_map(|days| Event::Time { days }),
    ]
}

fn id(machine: u8) -> String {
    format!("machine-{machine}")
}

/// A row as the store has it.
struct Stored {
    id: String,
    name: Option<String>,
    group: Option<String>,
    body: Vec<u8>,
    row: Row,
}

fn stored(machine: u8, row: &Row) -> Stored {
    let listed = row.months.map(|(windows, excel)| {
        let windows = (windows > 0).then_some(WINDOWS_KB + windows);
        let excel = (excel > 0).then_some(EXCEL_KB + excel);
        let update = |number| InstalledUpdate {
            kb: kb(number),
            installed_on: None,
            reboot_pending: row.pending,
        };
        windows.into_iter().chain(excel).map(update).collect()
    });
    let report = MachineReport {
        os: OsReport {
            name: listed.as_ref().map(|_| "Microsoft Windows 10 Pro".into()),
            version: Some(WindowsBuild::windows10(18363, None)),
            display_version: Some(Release::new("1909")),
            architecture: Some(Architecture::X64),
            ..OsReport::default()
        },
        updates: listed,
        software: Some(row.software.iter().copied().map(installed).collect()),
        ..MachineReport::new()
    };
    Stored {
        id: id(machine),
        name: row.name.map(|name| format!("PC-{name}")),
        group: row.group.map(|group| format!("group-{group}")),
        body: pack(&report, &row.software, None).unwrap(),
        row: row.clone(),
    }
}

impl Stored {
    fn row(&self) -> MachineRow<'_> {
        MachineRow {
            id: &self.id,
            name: self.name.as_deref(),
            first_seen: day(0),
            last_seen: day(self.row.seen),
            sequence: self.row.sequence,
            body: &self.body,
            group: self.group.as_deref(),
            tags: &self.row.tags,
            value: self.row.value,
            exclusion: self.row.exclusion,
        }
    }
}

/// What is on a machine, and what was found there.
fn found_on(on: &OnMachine<'_>) -> impl PartialEq + std::fmt::Debug + use<> {
    let installed = on.installed().into_iter();
    let installed = installed.map(|found| (found.software.clone(), found.version.into_owned()));
    let open = on.vulnerabilities().into_iter().map(|open| {
        let version = open.version.map(std::borrow::Cow::into_owned);
        (open.vulnerability, open.software.clone(), version, open.fix)
    });
    let open: Vec<_> = open.collect();
    let mut counted: BTreeMap<SoftwareId, usize> = BTreeMap::new();
    for (_, software, ..) in &open {
        *counted.entry(software.clone()).or_default() += 1;
    }
    let told = on.open_by_software().into_iter();
    let told = told.map(|(software, open)| (software.clone(), open));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), counted);
    (installed.collect::<Vec<_>>(), open)
}

/// What a walk over all machines finds is what each says asked by itself.
fn walked_is_asked(of: &Snapshot) {
    let (mut walk, mut walked) = (Walk::default(), 0);
    while let Some(on) = walk.next(of) {
        let id = on.machine().id.to_string();
        let asked = of.on_machine(&id).unwrap();
        assert_eq!(found_on(&on), found_on(&asked), "{id}");
        walked += 1;
    }
    assert_eq!(walked, of.figures().machines);
}

/// All that can be asked.
fn answers(of: &Snapshot) -> impl PartialEq + std::fmt::Debug {
    walked_is_asked(of);
    let software: Vec<SoftwareId> = of.software().into_iter().map(|found| found.id).collect();
    let asked = [
        "microsoft-_-windows_10",
        "microsoft-_-edge",
        "microsoft-_-excel",
        "example-_-tool",
        "no-_-thing",
    ];
    let asked = asked.map(SoftwareId::from_client);
    let mut machines: Vec<Machine> = of.machines().collect();
    machines.sort_by(|one, other| one.id.cmp(&other.id));
    let lacking: Vec<_> = of
        .machines_by_missing_kb()
        .into_iter()
        .map(|(kb, machines)| (kb, machines, of.machines_lacking(kb)))
        .collect();
    let by_name: Vec<_> = (0..12).map(|at| of.machine(&format!("pc-{at}"))).collect();
    let each: Vec<_> = machines
        .iter()
        .map(|machine| {
            let id = machine.id.to_string();
            (
                of.missing_on_machine(&id),
                of.software_on_machine(&id),
                of.on_machine(&id).map(|on| found_on(&on)),
            )
        })
        .collect();
    (
        asked.map(|software| of.missing_for_software(&software)),
        (lacking, of.machines_by_open_vulnerability(), of.exposures()),
        (of.figures(), of.groups(), of.tags(), of.software()),
        software
            .iter()
            .map(|id| (of.distribution(id), of.machines_having(id)))
            .collect::<Vec<_>>(),
        (machines, by_name, each),
    )
}

proptest! {
    #[test]
    fn what_was_changed_step_by_step_equals_what_is_built_anew(
        events in prop::collection::vec(event(), 0..60)
    ) {
        let entries = || (1..=7).map(|number| (number, Arc::new(installed(number))));
        let changed = Fleet::new("tenant", ASSESSORS[2].clone(), names(), Ages::default());
        changed.learn(entries());
        let mut last: BTreeMap<u8, Row> = BTreeMap::new();
        let (mut assessor, mut today, mut sequence) = (2, 0, 0);
        for event in events {
            sequence += 1;
            let now = day(today);
            match event {
                Event::Row { machine, mut row } => {
                    row.seen = today;
                    row.sequence = sequence;
                    let stored = stored(machine, &row);
                    prop_assert!(changed.apply(&[Change::Put(stored.row())], now).is_empty());
                    last.insert(machine, row);
                }
                Event::Seen { machine } => {
                    let id = id(machine);
                    changed.apply(&[Change::Seen { id: &id, last_seen: now, sequence }], now);
                    if let Some(row) = last.get_mut(&machine) {
                        row.seen = today;
                        row.sequence = sequence;
                    }
                }
                Event::Late { machine, row } => {
                    if last.contains_key(&machine) {
                        let stored = stored(machine, &row);
                        changed.apply(&[Change::Put(stored.row())], now);
                    }
                }
                Event::Value { machine, value, exclusion } => {
                    if let Some(row) = last.get_mut(&machine) {
                        row.value = value;
                        row.exclusion = exclusion;
                        row.sequence = sequence;
                        let stored = stored(machine, row);
                        prop_assert!(changed.apply(&[Change::Put(stored.row())], now).is_empty());
                    }
                }
                Event::Remove { machine } => {
                    let id = id(machine);
                    // An absence seen before the last row was written is no absence.
                    changed.apply(&[Change::Removed { id: &id, sequence: -1 }], now);
                    changed.apply(&[Change::Removed { id: &id, sequence }], now);
                    last.remove(&machine);
                }
                Event::Catalog { months } => {
                    assessor = months;
                    changed.use_catalog(&ASSESSORS[assessor]).unwrap();
                }
                Event::Time { days } => {
                    today += days;
                    changed.tick(day(today));
                }
            }
        }
        let mut loader = Loader::new("tenant", ASSESSORS[assessor].clone(), names(), Ages::default(), day(today));
        loader.learn(entries());
        for (machine, row) in &last {
            loader.add(&stored(*machine, row).row()).unwrap();
        }
        let anew = Fleet::of(loader.finish());
        let (changed, anew) = (changed.snapshot(), anew.snapshot());
        prop_assert_eq!(answers(&changed), answers(&anew));
        // Who sees some device groups only sees what a fleet of these alone would be.
        let seen = BTreeSet::from(["group-1".into(), "nowhere".into()]);
        let mut loader = Loader::new("tenant", ASSESSORS[assessor].clone(), names(), Ages::default(), day(today));
        loader.learn(entries());
        for (machine, row) in last.iter().filter(|(_, row)| row.group == Some(1)) {
            loader.add(&stored(*machine, row).row()).unwrap();
        }
        let alone = Fleet::of(loader.finish());
        let (within, alone) = (changed.within(&seen), alone.snapshot());
        prop_assert_eq!(answers(&within), answers(&alone));
        // All are listed in order, whether they count or not.
        let in_order: Vec<MachineId> = changed.machines_in_order().map(|machine| machine.id).collect();
        let mut known: Vec<MachineId> = last.keys().map(|machine| MachineId::new(&id(*machine))).collect();
        known.sort();
        prop_assert_eq!(in_order, known);
        let counted = last.values().filter(|row| row.counts(today)).count();
        prop_assert_eq!(changed.figures().counted, counted as u64);
        for machine in last.keys() {
            let id = MachineId::new(&id(*machine));
            prop_assert_eq!(changed.sequence(&id), anew.sequence(&id));
        }
        // And equals a count by hand: machines not excluded and seen within 30 days without the newest update the catalog has. A newer
        // one that it does not have proves nothing here, as the made machines report no revision of their build.
        let newest = u32::try_from(assessor).unwrap() + 1;
        let lacking = last.values().filter(|row| {
            row.counts(today) && row.months.is_some_and(|(windows, _)| windows != newest)
        });
        let rows = changed.missing_for_software(&SoftwareId::from_client("microsoft-_-edge")).unwrap();
        let counted: u64 = rows.iter().map(|row| row.machines).sum();
        prop_assert_eq!(counted, lacking.count() as u64);
        let with_tool = last.values().filter(|row| {
            row.counts(today) && row.software.iter().any(|number| (3..=5).contains(number))
        });
        let tool = changed.software_count(&SoftwareId::from_client("example-_-tool"));
        prop_assert_eq!(tool.map_or(0, |tool| tool.machines), with_tool.count() as u64);
    }
}

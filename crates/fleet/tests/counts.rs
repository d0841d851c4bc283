//! Counts stay exact whatever happens to the machines.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use kbgap_assessment::{Assessor, InstalledUpdates, MachineState};
use kbgap_catalog::document::{
    Document, Fix, FixId, Oddities, ProductEntry, Rating, Severity, SubType, Supersedence,
    Vulnerability,
};
use kbgap_catalog::{
    Architecture, Catalog, Compiler, Kb, Release, SoftwareId, WindowsFamily, WindowsProduct,
};
use kbgap_fleet::{Fleet, Known, Machine, MachineId};
use proptest::prelude::*;

const WINDOWS: &str = "Windows 10 Version 1909 for x64-based Systems";
const EDGE: &str =
    "Microsoft Edge (EdgeHTML-based) on Windows 10 Version 1909 for x64-based Systems";

fn kb(number: u32) -> Kb {
    Kb::new(number).unwrap()
}

/// Three months of cumulative updates, the first ones of them.
fn catalog(months: u32) -> Catalog {
    let mut compiler = Compiler::new();
    for month in 1..=months {
        let update = |products: Vec<u32>| Fix {
            id: FixId::Kb(kb(4_000_000 + month)),
            sub_type: SubType::SecurityUpdate,
            fixed_build: None,
            supersedes: Supersedence {
                kbs: (month > 1)
                    .then(|| kb(4_000_000 + month - 1))
                    .into_iter()
                    .collect(),
            },
            restart: None,
            url: None,
            products,
        };
        let entry = |cve: String, products: Vec<u32>| Vulnerability {
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
            fixes: vec![update(products)],
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
            products: vec![product("1", WINDOWS), product("2-1", EDGE)],
            vulnerabilities: vec![
                entry(format!("CVE-2020-10{month}"), vec![0, 1]),
                entry(format!("CVE-2020-20{month}"), vec![0]),
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

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Event {
    Report { machine: u8, month: u32, name: bool },
    Unidentified { machine: u8 },
    Remove { machine: u8 },
    Catalog { months: usize },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0u8..12, 0u32..=3, any::<bool>())
            .prop_map(|(machine, month, name)| Event::Report { machine, month, name }),
        1 => (0u8..12).prop_map(|machine| Event::Unidentified { machine }),
        2 => (0u8..12).prop_map(|machine| Event::Remove { machine }),
        1 => (0usize..3).prop_map(|months| Event::Catalog { months }),
    ]
}

fn id(machine: u8) -> MachineId {
    MachineId::new(&format!("machine-{machine}"))
}

fn machine(event: &Event) -> Machine {
    match event {
        Event::Report {
            machine,
            month,
            name,
        } => {
            let windows = WindowsProduct {
                release: Some(Release::new("1909")),
                ..WindowsProduct::new(WindowsFamily::Windows10, Architecture::X64)
            };
            let installed = (*month > 0).then(|| kb(4_000_000 + month));
            Machine {
                id: id(*machine),
                name: name.then(|| format!("PC-{machine}").into()),
                known: Known::State(Box::new(MachineState {
                    installed: Some(InstalledUpdates::new(installed, false)),
                    ..MachineState::new(windows)
                })),
            }
        }
        Event::Unidentified { machine } => Machine {
            id: id(*machine),
            name: None,
            known: Known::Unidentified("no reason".into()),
        },
        Event::Remove { .. } | Event::Catalog { .. } => unreachable!("no machine"),
    }
}

proptest! {
    #[test]
    fn what_was_changed_step_by_step_equals_what_is_built_anew(
        events in prop::collection::vec(event(), 0..60)
    ) {
        let changed = Fleet::new(ASSESSORS[2].clone());
        let mut last: BTreeMap<u8, Event> = BTreeMap::new();
        let mut assessor = 2;
        for event in events {
            match &event {
                Event::Report { machine: at, .. } | Event::Unidentified { machine: at } => {
                    changed.put(machine(&event));
                    last.insert(*at, event);
                }
                Event::Remove { machine } => {
                    prop_assert_eq!(changed.remove(&id(*machine)), last.remove(machine).is_some());
                }
                Event::Catalog { months } => {
                    assessor = *months;
                    changed.use_catalog(ASSESSORS[assessor].clone());
                }
            }
        }
        let anew = Fleet::new(ASSESSORS[assessor].clone());
        for event in last.values() {
            anew.put(machine(event));
        }
        prop_assert_eq!(changed.len(), anew.len());
        prop_assert_eq!(changed.states(), anew.states());
        for software in ["microsoft-_-windows_10", "microsoft-_-edge", "microsoft-_-nothing"] {
            let software = SoftwareId::from_client(software);
            prop_assert_eq!(changed.missing_for_software(&software), anew.missing_for_software(&software));
        }
        for machine in 0..12 {
            for name in [format!("machine-{machine}"), format!("pc-{machine}")] {
                prop_assert_eq!(changed.missing_on_machine(&name), anew.missing_on_machine(&name));
            }
        }
        // And equals a count by hand: machines without the newest update the catalog has. A newer one that it does
        // not have proves nothing here, as the made machines report no build.
        let newest = u32::try_from(assessor).unwrap() + 1;
        let lacking = last.values().filter(|event| {
            matches!(event, Event::Report { month, .. } if *month != newest)
        });
        let rows = changed.missing_for_software(&SoftwareId::from_client("microsoft-_-edge")).unwrap();
        let counted: u64 = rows.iter().map(|row| row.machines).sum();
        prop_assert_eq!(counted, lacking.count() as u64);
    }
}

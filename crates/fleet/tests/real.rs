//! A synthetic fleet before Microsoft's real documents: what the fleet counts in classes is what each machine lacks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use kbgap_assessment::{ApplicationFix, Assessor, MachineState};
use kbgap_catalog::{Kb, SoftwareId, VulnerabilityId, VulnerabilityIx};
use kbgap_fleet::{Ages, DeviceValue, Fleet, Loader, MachineRow, Snapshot, SoftwareNames, pack};
use kbgap_inventory::{InstalledSoftware, MachineReport, SoftwareRules, identify};
use kbgap_synthetic::{Era, SyntheticFleet};

const MACHINES: u32 = 1_500;

/// The dictionary, made as machines come.
#[derive(Default)]
struct Dictionary(BTreeMap<Key, u32>);

/// Vendor, name and version.
type Key = (Box<str>, Box<str>, Box<str>);

impl Dictionary {
    fn numbers(&mut self, report: &MachineReport) -> Vec<u32> {
        let entries = report.software.iter().flatten();
        let mut numbers: Vec<u32> = entries
            .map(|entry| {
                let next = u32::try_from(self.0.len()).unwrap() + 1;
                let key = (
                    entry.vendor.clone(),
                    entry.name.clone(),
                    entry.version.clone(),
                );
                *self.0.entry(key).or_insert(next)
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn entries(&self) -> impl Iterator<Item = (u32, Arc<InstalledSoftware>)> {
        self.0.iter().map(|((vendor, name, version), number)| {
            let entry = InstalledSoftware {
                vendor: vendor.clone(),
                name: name.clone(),
                version: version.clone(),
            };
            (*number, Arc::new(entry))
        })
    }
}

/// By KB and by vulnerability, how many machines lack and have it: each machine looked at by itself.
fn counted(
    assessor: &Assessor,
    reports: &[MachineReport],
) -> (BTreeMap<Kb, u64>, BTreeMap<VulnerabilityId, u64>) {
    let catalog = assessor.catalog();
    let (mut kbs, mut open) = (BTreeMap::new(), BTreeMap::new());
    for report in reports {
        let Ok(identity) = identify(report) else {
            continue;
        };
        let findings = assessor.assess(&MachineState::of_report(report, &identity));
        let mut missing: Vec<_> = findings
            .missing
            .iter()
            .map(|missing| missing.update)
            .collect();
        missing.extend(findings.applications.missing.iter().filter_map(
            |missing| match missing.fix {
                ApplicationFix::Update(update) => Some(update),
                ApplicationFix::Version(_) | ApplicationFix::Release(_) => None,
            },
        ));
        missing.sort_unstable();
        missing.dedup();
        for update in missing {
            *kbs.entry(catalog.update(update).kb).or_default() += 1;
        }
        let of_products = findings.products.iter();
        let mut there: Vec<_> = of_products
            .flat_map(|product| findings.vulnerabilities(catalog, &product.open))
            .chain(
                findings
                    .applications
                    .scope
                    .iter()
                    .flat_map(|line| line.open.iter().copied()),
            )
            .collect();
        there.sort_unstable();
        there.dedup();
        for vulnerability in there {
            let id = catalog.vulnerability(vulnerability).id.clone();
            *open.entry(id).or_default() += 1;
        }
    }
    (kbs, open)
}

/// What is open by software and by vulnerability, against what the machines say one by one.
fn exposures_are_those_of_the_machines(machines: &Snapshot, reports: &[MachineReport]) {
    let mut by_software: BTreeMap<SoftwareId, (BTreeSet<VulnerabilityIx>, u64)> = BTreeMap::new();
    let mut by_vulnerability: BTreeMap<VulnerabilityIx, u64> = BTreeMap::new();
    let mut exposed = 0;
    for report in reports {
        let id = report.machine_id().unwrap();
        let on = machines.on_machine(&id).unwrap();
        let own = on.vulnerabilities();
        for (software, open) in on.open_by_software() {
            let named = own.iter().filter(|open| open.software == software);
            assert_eq!(named.count(), open, "{id} {software}");
        }
        exposed += u64::from(!own.is_empty());
        let vulnerabilities: BTreeSet<_> = own.iter().map(|open| open.vulnerability).collect();
        for vulnerability in vulnerabilities {
            *by_vulnerability.entry(vulnerability).or_default() += 1;
        }
        let software: BTreeSet<_> = own.iter().map(|open| open.software).collect();
        for software in software {
            by_software.entry(software.clone()).or_default().1 += 1;
        }
        for open in own {
            let known = by_software.entry(open.software.clone()).or_default();
            known.0.insert(open.vulnerability);
        }
        // What is missing on it closes what it says is closed by it.
        let lacking: BTreeSet<_> = machines
            .missing_on_machine(&id)
            .unwrap()
            .iter()
            .map(|missing| missing.kb)
            .collect();
        let catalog = machines.assessor().catalog();
        for open in machines.on_machine(&id).unwrap().vulnerabilities() {
            if let Some(fix) = open.fix {
                assert!(lacking.contains(&catalog.update(fix).kb), "{id}: {open:?}");
            }
        }
    }
    scores_are_those_of_the_machines(machines, reports);
    let exposures = machines.exposures();
    assert_eq!(exposures.machines(), exposed);
    let counted: BTreeMap<_, _> = exposures
        .vulnerabilities()
        .iter()
        .map(|(at, found)| (*at, found.exposed))
        .collect();
    assert_eq!(counted, by_vulnerability);
    for (software, found) in exposures.software() {
        let (open, machines) = by_software.remove(software).unwrap_or_default();
        assert_eq!(found.exposed, machines, "{software}");
        assert!(found.open.iter().copied().eq(open), "{software}");
        assert!(found.installed >= found.exposed, "{software}");
    }
    assert!(by_software.is_empty(), "{:?}", by_software.keys());
}

/// The fleet's score is the mean of the machines', which is 0 where nothing is open.
fn scores_are_those_of_the_machines(machines: &Snapshot, reports: &[MachineReport]) {
    let scores = machines.scores();
    let mut sum = 0.0;
    for report in reports {
        let id = report.machine_id().unwrap();
        let score = machines.score_of(&id).unwrap();
        let open = machines.on_machine(&id).unwrap().vulnerabilities();
        assert!((0.0..100.0).contains(&score));
        assert_eq!(score > 0.0, !open.is_empty(), "{id}");
        sum += score;
    }
    let mean = sum / f64::from(MACHINES);
    assert!((scores.all - mean).abs() < 1e-9, "{} {mean}", scores.all);
    assert!(
        (scores.groups[&None] - mean).abs() < 1e-9,
        "all are in no group"
    );
    let exposures = machines.exposures();
    for (software, impact) in &scores.software {
        assert!((0.0..=scores.all).contains(impact), "{software} {impact}");
        assert!(!exposures.software()[software].open.is_empty());
    }
}

#[test]
fn classes_count_what_each_machine_lacks() {
    let synthetic = SyntheticFleet::new(Era::Winter2026, 3, MACHINES).unwrap();
    let mut dictionary = Dictionary::default();
    let reports: Vec<MachineReport> = (0..MACHINES).map(|index| synthetic.report(index)).collect();
    let rows: Vec<(String, Vec<u8>)> = reports
        .iter()
        .map(|report| {
            let body = pack(report, &dictionary.numbers(report), None).unwrap();
            (report.machine_id().unwrap().into(), body)
        })
        .collect();
    let [before, after] = kbgap_corpus::before_and_after_the_last_month()
        .map(|(catalog, _)| Arc::new(Assessor::new(Arc::new(catalog))));
    let names = SoftwareNames::by_rules(SoftwareRules::built_in().unwrap());
    let mut loader = Loader::new(
        "tenant",
        before.clone(),
        Arc::new(names),
        Ages::default(),
        synthetic.today(),
    );
    loader.learn(dictionary.entries());
    for (id, body) in &rows {
        let row = MachineRow {
            id,
            name: None,
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: synthetic.today(),
            sequence: 1,
            body,
            group: None,
            tags: &[],
            value: DeviceValue::Normal,
            exclusion: None,
        };
        loader.add(&row).unwrap();
    }
    let fleet = Fleet::of(loader.finish());
    let figures = fleet.snapshot().figures();
    assert!(figures.application_states < 6_000, "{figures:?}");
    for assessor in [before, after] {
        fleet.use_catalog(&assessor).unwrap();
        let machines = fleet.snapshot();
        let (kbs, open) = counted(&assessor, &reports);
        assert!(
            kbs.len() > 20 && open.len() > 500,
            "{} {}",
            kbs.len(),
            open.len()
        );
        assert_eq!(machines.machines_by_missing_kb(), kbs);
        let by_class = machines.machines_by_open_vulnerability();
        let differing: Vec<_> = open
            .iter()
            .filter(|(id, count)| by_class.get(id) != Some(*count))
            .map(|(id, count)| (id, *count, by_class.get(id)))
            .collect();
        assert!(differing.is_empty(), "{differing:?}");
        assert_eq!(by_class.len(), open.len());
        exposures_are_those_of_the_machines(&machines, &reports);
        // And one by one, through the machine's own route.
        for report in reports.iter().step_by(50) {
            let id = report.machine_id().unwrap();
            let Ok(identity) = identify(report) else {
                continue;
            };
            let whole = MachineState::of_report(report, &identity);
            assert_eq!(machines.state(&id).unwrap().unwrap(), whole);
        }
    }
}

//! The laws of the machine record.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use jiff::Timestamp;
use kbgap_catalog::{Kb, WindowsBuild};
use kbgap_inventory::{
    CLOCK_TOLERANCE, InstalledSoftware, InstalledUpdate, ListChanges, MachineRecord, MachineReport,
    Observation, Observed, OsReport, ReportChanges,
};
use proptest::prelude::*;

const NAME: &str = "desk-7.example.org";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Later than every observation.
fn now() -> Timestamp {
    at(100_000)
}

fn update(number: u32) -> InstalledUpdate {
    InstalledUpdate {
        kb: Kb::new(number).unwrap(),
        installed_on: None,
        reboot_pending: false,
    }
}

fn software(name: &str, version: &str) -> InstalledSoftware {
    InstalledSoftware {
        vendor: "Example".into(),
        name: name.into(),
        version: version.into(),
    }
}

fn os(ubr: u32) -> OsReport {
    OsReport {
        version: Some(WindowsBuild::windows10(19045, Some(ubr))),
        ..OsReport::default()
    }
}

fn report(second: i64) -> MachineReport {
    MachineReport {
        name: Some(NAME.into()),
        reported_at: Some(at(second)),
        ..MachineReport::new()
    }
}

fn with_updates(second: i64, numbers: &[u32]) -> MachineReport {
    MachineReport {
        updates: Some(numbers.iter().copied().map(update).collect()),
        ..report(second)
    }
}

fn changes(second: i64, added: &[u32], removed: &[u32]) -> Observation {
    let list = |numbers: &[u32]| numbers.iter().copied().map(update).collect();
    Observation::Changes(ReportChanges {
        name: Some(NAME.into()),
        at: Some(at(second)),
        updates: ListChanges {
            added: list(added),
            removed: list(removed),
        },
        ..ReportChanges::default()
    })
}

fn numbers(record: &MachineRecord) -> Option<Vec<u32>> {
    let list = record.report.updates.as_ref()?;
    Some(list.iter().map(|update| update.kb.number()).collect())
}

#[test]
fn a_part_leaves_the_others_as_they_were() {
    let whole = MachineReport {
        os: os(1),
        software: Some(vec![software("Editor", "1")]),
        ..with_updates(1, &[5_000_001])
    };
    let mut record = MachineRecord::of(&Observation::Whole(whole), now());
    let part = MachineReport {
        os: os(2),
        partial: true,
        ..report(2)
    };
    assert_eq!(
        record.observe(&Observation::from(part), now()),
        Observed::Changed
    );
    assert_eq!(record.report.os, os(2));
    assert_eq!(numbers(&record), Some(vec![5_000_001]));
    assert_eq!(record.report.software.as_ref().map(Vec::len), Some(1));
    assert_eq!(record.report.reported_at, Some(at(2)));
    assert!(!record.report.partial, "a record is all that is known");
    assert_eq!(
        (record.times.os, record.times.updates),
        (Some(at(2)), Some(at(1)))
    );
}

#[test]
fn what_a_whole_report_leaves_out_is_unknown_even_to_older_parts() {
    let mut record = MachineRecord::of(&Observation::from(with_updates(1, &[5_000_001])), now());
    assert_eq!(
        record.observe(&Observation::from(report(3)), now()),
        Observed::Changed
    );
    assert_eq!(numbers(&record), None);
    let late = Observation::Part(with_updates(2, &[5_000_002]));
    assert_eq!(record.observe(&late, now()), Observed::Older);
    assert_eq!(numbers(&record), None);
}

#[test]
fn what_an_observation_was_is_told() {
    let whole = || Observation::Whole(with_updates(5, &[5_000_001, 5_000_002]));
    let mut record = MachineRecord::of(&whole(), now());
    assert_eq!(record.observe(&whole(), now()), Observed::Repeated);
    let reordered = with_updates(6, &[5_000_002, 5_000_001, 5_000_001]);
    assert_eq!(
        record.observe(&Observation::from(reordered), now()),
        Observed::Seen
    );
    assert_eq!(record.report.reported_at, Some(at(6)));
    assert_eq!(record.observe(&whole(), now()), Observed::Older);
    assert_eq!(record.report.reported_at, Some(at(6)));
}

#[test]
fn changes_apply_to_a_known_list_only() {
    let mut record = MachineRecord::of(&Observation::from(report(1)), now());
    let first = changes(2, &[5_000_001], &[]);
    assert_eq!(record.observe(&first, now()), Observed::Baseless);
    assert_eq!(numbers(&record), None, "unknown, not a list of one");
    assert_eq!(record.report.reported_at, Some(at(2)));

    record.observe(
        &Observation::from(with_updates(3, &[5_000_001, 5_000_002])),
        now(),
    );
    let next = || changes(4, &[5_000_003], &[5_000_001]);
    assert_eq!(record.observe(&next(), now()), Observed::Changed);
    assert_eq!(numbers(&record), Some(vec![5_000_002, 5_000_003]));
    assert_eq!(record.observe(&next(), now()), Observed::Repeated);
    let late = changes(3, &[5_000_001], &[]);
    assert_eq!(record.observe(&late, now()), Observed::Older);
    assert_eq!(numbers(&record), Some(vec![5_000_002, 5_000_003]));
}

#[test]
fn a_row_that_changed_is_not_lost_whatever_comes_first() {
    let dated = |day: &str| InstalledUpdate {
        installed_on: Some(day.parse().unwrap()),
        ..update(5_000_001)
    };
    let list = MachineReport {
        updates: Some(vec![dated("2024-02-13")]),
        ..report(1)
    };
    let change = |added: Vec<InstalledUpdate>, removed: Vec<InstalledUpdate>| {
        Observation::Changes(ReportChanges {
            name: Some(NAME.into()),
            at: Some(at(2)),
            updates: ListChanges { added, removed },
            ..ReportChanges::default()
        })
    };
    let added = || change(vec![dated("2024-03-12")], Vec::new());
    let removed = || change(Vec::new(), vec![dated("2024-02-13")]);
    for steps in [[added(), removed()], [removed(), added()]] {
        let mut record = MachineRecord::of(&Observation::from(list.clone()), now());
        for step in steps {
            record.observe(&step, now());
        }
        assert_eq!(record.report.updates, Some(vec![dated("2024-03-12")]));
    }
}

#[test]
fn software_that_changes_its_version_is_one() {
    let list = MachineReport {
        software: Some(vec![software("Editor", "1"), software("Viewer", "7")]),
        ..report(1)
    };
    let mut record = MachineRecord::of(&Observation::from(list), now());
    let change = ReportChanges {
        name: Some(NAME.into()),
        at: Some(at(2)),
        software: ListChanges {
            added: vec![software("Editor", "2")],
            removed: vec![software("Editor", "1")],
        },
        ..ReportChanges::default()
    };
    assert_eq!(
        record.observe(&Observation::Changes(change), now()),
        Observed::Changed
    );
    let expected = vec![software("Editor", "2"), software("Viewer", "7")];
    assert_eq!(record.report.software, Some(expected));
}

#[test]
fn a_clock_that_is_ahead_does_not_lock_the_machine_out() {
    let year = 365 * 86_400;
    let ahead = with_updates(year, &[5_000_001]);
    let mut record = MachineRecord::of(&Observation::from(ahead), at(10));
    assert_eq!(
        record.report.reported_at,
        Some(at(10)),
        "the time it was received"
    );
    let mended = with_updates(20, &[5_000_002]);
    assert_eq!(
        record.observe(&Observation::from(mended), at(20)),
        Observed::Changed
    );
    assert_eq!(numbers(&record), Some(vec![5_000_002]));
    // A little ahead is as good as right.
    let tolerated = at(30).checked_add(CLOCK_TOLERANCE).unwrap();
    let slightly = MachineReport {
        reported_at: Some(tolerated),
        ..with_updates(0, &[5_000_002])
    };
    assert_eq!(
        record.observe(&Observation::from(slightly), at(30)),
        Observed::Seen
    );
    assert_eq!(record.report.reported_at, Some(tolerated));
}

#[test]
fn an_observation_without_a_time_is_of_when_it_came() {
    let timeless = MachineReport {
        reported_at: None,
        ..with_updates(0, &[5_000_001])
    };
    let record = MachineRecord::of(&Observation::from(timeless), at(7));
    assert_eq!(record.times.updates, Some(at(7)));
}

#[test]
fn the_machine_is_known_by_one_id() {
    let by_name = MachineRecord::of(&Observation::from(report(1)), now());
    let id = by_name.report.machine_id();
    assert!(by_name.report.id.is_some());
    assert_eq!(id, report(1).machine_id());
    let same = changes(2, &[], &[]);
    assert_eq!(same.machine_id(), id);
    let upper = MachineReport {
        id: Some("4C4C4544-0051".into()),
        ..report(1)
    };
    let record = MachineRecord::of(&Observation::from(upper), now());
    assert_eq!(record.report.id.as_deref(), Some("4c4c4544-0051"));
}

#[test]
fn a_record_is_kept_as_json() {
    let mut record = MachineRecord::of(&Observation::from(with_updates(1, &[5_000_001])), now());
    record.observe(
        &Observation::Part(MachineReport {
            os: os(3),
            reboot_pending: Some(true),
            ..report(2)
        }),
        now(),
    );
    let kept = serde_json::to_string(&record).unwrap();
    assert_eq!(
        serde_json::from_str::<MachineRecord>(&kept).unwrap(),
        record
    );
}

/// A report with some parts; its time is set later.
fn parts() -> impl Strategy<Value = (MachineReport, bool)> {
    let list = prop::option::of(prop::collection::vec(5_000_000u32..5_000_006, 0..4));
    let versions = prop::option::of(prop::collection::vec(0u8..4, 0..3));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (
        list,
        versions,
        prop::option::of(1u32..4),
        prop::option::of(any::<bool>()),
        flags,
    )
        .prop_map(
            |(list, versions, ubr, reboot_pending, (named, complete, whole))| {
                let report = MachineReport {
                    id: Some("M1".into()),
                    name: named.then(|| NAME.into()),
                    os: ubr.map(os).unwrap_or_default(),
                    updates: list.map(|list| list.into_iter().map(update).collect()),
                    updates_complete: complete,
                    software: versions.map(|versions| {
                        let versions = versions.into_iter();
                        versions
                            .map(|v| software("Editor", &v.to_string()))
                            .collect()
                    }),
                    reboot_pending,
                    ..MachineReport::new()
                };
                (report, whole)
            },
        )
}

fn observation((report, whole): (MachineReport, bool), second: i64) -> Observation {
    let report = MachineReport {
        reported_at: Some(at(second)),
        partial: !whole,
        ..report
    };
    report.into()
}

fn observations() -> impl Strategy<Value = Vec<Observation>> {
    prop::collection::vec(parts(), 1..8).prop_map(|all| {
        let all = all.into_iter().zip(0i64..);
        all.map(|(parts, second)| observation(parts, second))
            .collect()
    })
}

/// Changes of both lists at some second.
fn any_changes() -> impl Strategy<Value = Observation> {
    let numbers = || prop::collection::vec(5_000_000u32..5_000_006, 0..4);
    (0i64..10, numbers(), numbers())
        .prop_map(|(second, added, removed)| changes(second, &added, &removed))
}

fn record_of(observations: &[Observation]) -> MachineRecord {
    let (first, rest) = observations.split_first().unwrap();
    let mut record = MachineRecord::of(&first.clone(), now());
    for next in rest {
        record.observe(&next.clone(), now());
    }
    record
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        (in_order, shuffled) in observations()
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        prop_assert_eq!(record_of(&in_order), record_of(&shuffled));
    }

    #[test]
    fn what_came_before_changes_nothing(
        all in observations(),
        changes in prop::collection::vec(any_changes(), 0..4),
        index: prop::sample::Index,
    ) {
        let mut all = all;
        all.extend(changes);
        let again = index.get(&all).clone();
        let last = all.last().unwrap().clone();
        let record = record_of(&all);
        // The last one is idempotent whatever it is; any one, where no changes came after it.
        let mut repeated = record.clone();
        let observed = repeated.observe(&last, now());
        prop_assert_ne!(observed, Observed::Changed);
        prop_assert_eq!(&repeated, &record);
        if all.iter().all(|one| !matches!(one, Observation::Changes(_))) {
            let mut repeated = record.clone();
            let observed = repeated.observe(&again, now());
            prop_assert!(matches!(observed, Observed::Repeated | Observed::Older), "{:?}", observed);
            prop_assert_eq!(repeated, record);
        }
    }

    #[test]
    fn a_newer_part_is_never_overwritten(all in observations(), late in parts()) {
        let mut record = record_of(&all);
        let before = record.clone();
        // Before all of them; only what was never stated may come from it.
        record.observe(&observation(late, -1), now());
        let times = (before.times, record.times);
        for (then, now) in [
            (times.0.os, times.1.os),
            (times.0.updates, times.1.updates),
            (times.0.software, times.1.software),
            (times.0.name, times.1.name),
            (times.0.reboot_pending, times.1.reboot_pending),
        ] {
            prop_assert!(then.is_none() || then == now);
        }
        if before.times.os.is_some() {
            prop_assert_eq!(before.report.os, record.report.os);
        }
        if before.times.updates.is_some() {
            prop_assert_eq!(before.report.updates, record.report.updates);
        }
        if before.times.software.is_some() {
            prop_assert_eq!(before.report.software, record.report.software);
        }
        prop_assert_eq!(before.report.reported_at, record.report.reported_at);
    }

    #[test]
    fn a_whole_report_is_all_that_is_known(all in observations(), last in parts()) {
        let mut record = record_of(&all);
        let whole = observation((last.0, true), 100);
        record.observe(&whole.clone(), now());
        prop_assert_eq!(record, MachineRecord::of(&whole, now()));
    }

    #[test]
    fn a_part_replaces_only_what_it_has(all in observations(), last in parts()) {
        let before = record_of(&all);
        let mut record = before.clone();
        let part = last.0.clone();
        record.observe(&observation((last.0, false), 100), now());
        if part.os == OsReport::default() {
            prop_assert_eq!(&record.report.os, &before.report.os);
        } else {
            prop_assert_eq!(&record.report.os, &part.os);
        }
        if part.updates.is_none() {
            prop_assert_eq!(&record.report.updates, &before.report.updates);
            prop_assert_eq!(record.report.updates_complete, before.report.updates_complete);
        }
        if part.software.is_none() {
            prop_assert_eq!(&record.report.software, &before.report.software);
        }
        prop_assert_eq!(record.report.reboot_pending, part.reboot_pending.or(before.report.reboot_pending));
    }
}

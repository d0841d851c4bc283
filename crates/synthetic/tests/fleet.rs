//! Fleets as they are used: through reports.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kbgap_assessment::InstalledApplications;
use kbgap_catalog::{Day, WindowsBuild};
use kbgap_inventory::{MachineReport, identify, read};
use kbgap_synthetic::{Era, SyntheticFleet};

const ERAS: [Era; 2] = [Era::Spring2020, Era::Winter2026];
const MANY: u32 = 20_000;

fn fleet(era: Era, seed: u64, machines: u32) -> SyntheticFleet {
    SyntheticFleet::new(era, seed, machines).unwrap()
}

/// How many of a hundred.
fn percent(part: usize, whole: usize) -> usize {
    (part * 100 + whole / 2) / whole
}

fn is_within(value: usize, least: usize, most: usize, what: &str) {
    assert!(
        (least..=most).contains(&value),
        "{what}: {value} is not within {least} to {most}"
    );
}

#[test]
fn a_machine_stays_the_same() {
    insta::assert_json_snapshot!("spring_2020", fleet(Era::Spring2020, 1, 1).report(123));
    insta::assert_json_snapshot!("winter_2026", fleet(Era::Winter2026, 1, 1).report(123));
}

#[test]
fn the_same_seed_gives_the_same_machines_in_any_order_on_any_thread() {
    let one = fleet(Era::Winter2026, 5, 300);
    let forward: Vec<MachineReport> = one.reports().collect();
    let two = fleet(Era::Winter2026, 5, 1);
    let backward: Vec<MachineReport> = std::thread::scope(|scope| {
        let halves = [150..300, 0..150].map(|half| {
            let two = &two;
            scope.spawn(move || {
                half.rev()
                    .map(|index| two.report(index))
                    .collect::<Vec<_>>()
            })
        });
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    assert!(forward.iter().rev().eq(&backward));
    assert!((0..300).all(|index| one.labels(index) == two.labels(index)));
}

#[test]
fn another_seed_gives_other_machines() {
    let [one, two] = [1, 2].map(|seed| fleet(Era::Spring2020, seed, 200));
    let ids: HashSet<_> = one
        .reports()
        .chain(two.reports())
        .map(|report| report.id)
        .collect();
    assert_eq!(ids.len(), 400);
    let differ =
        (0..200).filter(|index| one.report(*index).software != two.report(*index).software);
    assert_eq!(differ.count(), 200);
}

#[test]
fn every_machine_is_identified_and_named() {
    for era in ERAS {
        let fleet = fleet(era, 3, MANY);
        let mut names = HashSet::new();
        for (index, report) in (1..).zip(fleet.reports()) {
            identify(&report).unwrap();
            let id = report.id.unwrap();
            assert!(
                id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
            let name = report.name.unwrap();
            assert!(
                name.ends_with(&format!("-{index:07}.corp.example")),
                "{name}"
            );
            names.insert(name);
        }
        assert_eq!(names.len(), MANY as usize);
    }
}

/// Windows releases, each with the least and the most of a hundred machines that run it.
fn expected(era: Era) -> &'static [(&'static str, usize, usize)] {
    match era {
        Era::Spring2020 => &[
            ("Windows 10 1909", 27, 33),
            ("Windows 10 1903", 19, 25),
            ("Windows 10 1809", 12, 17),
            ("Windows 10 1803", 5, 8),
            ("Windows 10 1709", 2, 5),
            ("Windows 10 1607", 1, 3),
            ("Windows 7 SP1", 2, 5),
            ("Windows Server 2019", 4, 7),
            ("Windows Server 2016", 5, 9),
            ("Windows Server 2012 R2", 3, 6),
            ("Windows Server 2008 R2 SP1", 0, 2),
        ],
        Era::Winter2026 => &[
            ("Windows 11 25H2", 14, 20),
            ("Windows 11 24H2", 28, 35),
            ("Windows 11 23H2", 10, 16),
            ("Windows 11 22H2", 2, 6),
            ("Windows 10 22H2", 10, 16),
            ("Windows 10 21H2", 1, 4),
            ("Windows 10 1809", 1, 4),
            ("Windows Server 2025", 2, 5),
            ("Windows Server 2022", 5, 8),
            ("Windows Server 2019", 3, 6),
            ("Windows Server 2016", 1, 4),
            ("Windows Server 2012 R2", 0, 2),
        ],
    }
}

#[test]
fn releases_are_spread_as_in_the_season() {
    for era in ERAS {
        let fleet = fleet(era, 1, MANY);
        let mut releases: BTreeMap<String, usize> = BTreeMap::new();
        let mut architectures: BTreeMap<String, usize> = BTreeMap::new();
        let mut core = 0;
        for report in fleet.reports() {
            let product = identify(&report).unwrap().product;
            let architecture = product.architecture.to_string();
            core += usize::from(product.core);
            let name = product.to_string().replace(" Server Core", "");
            let name = name.strip_suffix(&architecture).unwrap().trim().to_owned();
            *releases.entry(name).or_default() += 1;
            *architectures.entry(architecture).or_default() += 1;
        }
        let named: BTreeSet<&str> = expected(era).iter().map(|(name, ..)| *name).collect();
        assert!(
            releases.keys().map(String::as_str).eq(named),
            "{releases:?}"
        );
        for (name, least, most) in expected(era) {
            is_within(percent(releases[*name], MANY as usize), *least, *most, name);
        }
        is_within(percent(architectures["x64"], MANY as usize), 93, 98, "x64");
        is_within(percent(core, MANY as usize), 2, 5, "Server Core");
    }
}

#[test]
fn most_machines_are_up_to_date_and_some_are_years_behind() {
    for era in ERAS {
        let fleet = fleet(era, 1, MANY);
        let today = Day::of_timestamp(fleet.today());
        // By build: the revisions that machines have, and how many have each.
        let mut revisions: HashMap<(u32, String), BTreeMap<u32, usize>> = HashMap::new();
        let (mut no_revision, mut no_updates, mut pending, mut late) = (0, 0, 0, 0);
        for report in fleet.reports() {
            let version = report.os.version.unwrap();
            if version.major == 10 {
                let name = report.os.name.unwrap().split(' ').take(3).collect();
                match version.ubr {
                    Some(revision) => {
                        *revisions
                            .entry((version.build, name))
                            .or_default()
                            .entry(revision)
                            .or_default() += 1;
                    }
                    None => no_revision += 1,
                }
            }
            no_updates += usize::from(report.updates.is_none());
            pending += usize::from(report.reboot_pending == Some(true));
            let newest = report
                .updates
                .iter()
                .flatten()
                .filter_map(|update| update.installed_on)
                .max();
            if newest.is_some_and(|newest| Day::of_date(newest).plus(300) < today) {
                late += 1;
            }
        }
        for ((build, name), revisions) in &revisions {
            let whole: usize = revisions.values().sum();
            let newest: usize = revisions.values().rev().take(2).sum();
            is_within(
                percent(newest, whole),
                60,
                88,
                &format!("{name} {build} on the newest two levels"),
            );
        }
        let whole = MANY as usize;
        is_within(
            no_revision * 1000 / whole,
            12,
            28,
            "of a thousand without a revision",
        );
        is_within(
            no_updates * 1000 / whole,
            5,
            15,
            "of a thousand without a list of updates",
        );
        is_within(
            pending * 1000 / whole,
            30,
            50,
            "of a thousand waiting for a restart",
        );
        is_within(
            late * 1000 / whole,
            10,
            90,
            "of a thousand without an update for most of a year",
        );
    }
}

#[test]
fn machines_reported_within_a_day_but_for_a_few() {
    let fleet = fleet(Era::Winter2026, 1, MANY);
    let mut silent = [0; 4];
    for report in fleet.reports() {
        let hours = (fleet.today() - report.reported_at.unwrap()).as_secs() / 3600;
        assert!(hours >= 0);
        silent[match hours {
            0..24 => 0,
            24..168 => 1,
            168..720 => 2,
            _ => 3,
        }] += 1;
        // What a machine lists, it had installed when it reported.
        let seen = Day::of_timestamp(report.reported_at.unwrap()).date();
        assert!(
            report
                .updates
                .iter()
                .flatten()
                .all(|update| update.installed_on.unwrap() <= seen)
        );
    }
    let whole = MANY as usize;
    is_within(percent(silent[0], whole), 86, 90, "within a day");
    is_within(percent(silent[2], whole), 2, 4, "over a week");
    is_within(percent(silent[3], whole), 1, 3, "over a month");
}

#[test]
fn a_revision_is_proved_by_the_update_that_is_listed() {
    let history = kbgap_corpus::release_history();
    let mut updates: HashMap<(u32, u32), HashSet<u32>> = HashMap::new();
    for row in csv::Reader::from_reader(&history[..]).records() {
        let row = row.unwrap();
        if let (Ok(build), Ok(revision), Ok(kb)) = (row[1].parse(), row[3].parse(), row[4].parse())
        {
            updates.entry((build, revision)).or_default().insert(kb);
        }
    }
    for era in ERAS {
        for report in fleet(era, 9, MANY).reports() {
            if let (
                Some(WindowsBuild {
                    build,
                    ubr: Some(revision),
                    ..
                }),
                Some(list),
            ) = (report.os.version, &report.updates)
            {
                let known = &updates[&(build, revision)];
                assert!(
                    list.iter()
                        .any(|update| known.contains(&update.kb.number())),
                    "{build}.{revision} {list:?}"
                );
            }
        }
    }
}

#[test]
fn software_lists_are_similar_and_hardly_ever_equal() {
    for era in ERAS {
        let mut sizes = Vec::new();
        let mut entries: HashMap<_, usize> = HashMap::new();
        let mut lists = HashSet::new();
        for report in fleet(era, 1, MANY).reports() {
            let software = report.software.unwrap();
            let mut own = HashSet::new();
            for entry in &software {
                assert!(
                    !entry.name.is_empty()
                        && !entry.name.contains('{')
                        && !entry.version.contains('{'),
                    "{entry:?}"
                );
                own.insert((&entry.name, &entry.version, &entry.vendor));
            }
            assert_eq!(own.len(), software.len(), "an entry occurs twice");
            sizes.push(software.len());
            lists.insert(
                software
                    .iter()
                    .map(|e| format!("{}\t{}", e.name, e.version))
                    .collect::<Vec<_>>(),
            );
            for entry in software {
                *entries
                    .entry((entry.vendor, entry.name, entry.version))
                    .or_default() += 1;
            }
        }
        sizes.sort_unstable();
        is_within(
            sizes[sizes.len() / 2],
            140,
            160,
            "entries of the median machine",
        );
        is_within(sizes[0], 110, 125, "entries of the least");
        is_within(sizes[sizes.len() - 1], 175, 190, "entries of the most");
        assert_eq!(lists.len(), MANY as usize);
        is_within(entries.len(), 100_000, 200_000, "distinct entries");
        // Popularity falls over several powers of ten.
        let on = |machines: usize| entries.values().filter(|count| **count >= machines).count();
        is_within(on(10_000), 5, 60, "entries on half of the machines");
        is_within(
            on(1000),
            150,
            1000,
            "entries on a twentieth of the machines",
        );
        is_within(
            on(100),
            2000,
            8000,
            "entries on a two hundredth of the machines",
        );
        let products: HashSet<_> = entries
            .keys()
            .map(|(vendor, name, _)| {
                (
                    vendor,
                    name.split(|c: char| c.is_ascii_digit())
                        .next()
                        .unwrap_or_default(),
                )
            })
            .collect();
        assert!(products.len() > 1000, "{}", products.len());
    }
}

#[test]
fn applications_with_updates_are_among_the_software() {
    for (era, names) in [
        (
            Era::Spring2020,
            &[
                "365 Apps",
                "Edge",
                ".NET",
                "SQL Server 2019",
                "Visual Studio 2019",
                "Excel 2016",
            ][..],
        ),
        (
            Era::Winter2026,
            &[
                "365 Apps",
                "Edge",
                ".NET",
                "SQL Server 2022",
                "Visual Studio 2022",
                "PowerShell",
                "Office 2016",
            ],
        ),
    ] {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for report in fleet(era, 1, 2000).reports() {
            let software = report.software.unwrap();
            let installed = InstalledApplications::of_software(&software);
            let names: BTreeSet<String> = installed
                .applications()
                .iter()
                .map(|found| found.application.to_string())
                .collect();
            for name in names {
                *found.entry(name).or_default() += 1;
            }
        }
        for name in names {
            assert!(
                found.keys().any(|found| found.starts_with(name)),
                "{name} is not among {found:?}"
            );
        }
        let edge = found["Edge"];
        is_within(percent(edge, 2000), 85, 100, "machines with Edge");
    }
}

#[test]
fn reports_are_read_back_as_they_are_written() {
    for era in ERAS {
        let reports: Vec<MachineReport> = fleet(era, 4, 300).reports().collect();
        let mut lines = Vec::new();
        for report in &reports {
            serde_json::to_writer(&mut lines, report).unwrap();
            lines.push(b'\n');
        }
        let back = read(&lines).unwrap().into_iter().map(Result::unwrap);
        for (back, report) in back.zip(&reports) {
            assert_eq!((&back.report, &back.warnings), (report, &Vec::new()));
        }
    }
}

#[test]
fn labels_tell_what_a_machine_is_for() {
    let fleet = fleet(Era::Winter2026, 1, 3000);
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for index in 0..3000 {
        let (group, tags) = fleet.labels(index);
        let server = fleet.report(index).os.name.unwrap().contains("Server");
        assert_eq!(group == "Servers", server);
        assert_eq!(tags.contains(&"server"), server);
        assert_eq!(
            tags.iter().filter(|tag| tag.starts_with("ring-")).count(),
            1
        );
        *groups.entry(group).or_default() += 1;
    }
    assert!(groups.len() >= 8, "{groups:?}");
    is_within(percent(groups["Servers"], 3000), 14, 21, "servers");
}

/// A report without what differs from day to day by itself.
fn timeless(report: &MachineReport) -> MachineReport {
    MachineReport {
        reported_at: None,
        reboot_pending: None,
        ..report.clone()
    }
}

#[test]
fn days_change_little() {
    let fleet = fleet(Era::Spring2020, 1, 2000);
    let (mut reported, mut same, mut other_software) = (0, 0, 0);
    for index in 0..2000 {
        let before = fleet.report(index);
        assert_eq!(fleet.next_day(index, 0).as_ref(), Some(&before));
        let Some(after) = fleet.next_day(index, 1) else {
            continue;
        };
        reported += 1;
        assert!(after.reported_at > before.reported_at);
        assert_eq!(
            (&after.id, &after.name, &after.os.name),
            (&before.id, &before.name, &before.os.name)
        );
        same += usize::from(timeless(&after) == timeless(&before));
        if after.software != before.software {
            other_software += 1;
            let (before, after) = (before.software.unwrap(), after.software.unwrap());
            let differing: Vec<_> = before
                .iter()
                .zip(&after)
                .filter(|(before, after)| before != after)
                .collect();
            assert_eq!((before.len(), differing.len()), (after.len(), 1));
            assert_eq!(differing[0].0.vendor, differing[0].1.vendor);
        }
    }
    is_within(
        percent(reported, 2000),
        85,
        98,
        "machines that report on a day",
    );
    is_within(
        percent(same, reported),
        80,
        97,
        "machines that report the same",
    );
    is_within(
        percent(other_software, reported),
        2,
        8,
        "machines with another version",
    );
}

#[test]
fn what_happened_on_a_day_stays_so() {
    let fleet = fleet(Era::Winter2026, 1, 200);
    for index in 0..200 {
        let days: Vec<MachineReport> = (0..60)
            .filter_map(|day| fleet.next_day(index, day))
            .collect();
        for pair in days.windows(2) {
            let revision =
                |report: &MachineReport| report.os.version.and_then(|version| version.ubr);
            assert!(revision(&pair[0]) <= revision(&pair[1]));
            if revision(&pair[0]) == revision(&pair[1]) && revision(&pair[0]).is_some() {
                assert_eq!(pair[0].updates, pair[1].updates);
            }
        }
    }
}

#[test]
fn a_months_update_reaches_most_machines_within_weeks() {
    let fleet = fleet(Era::Spring2020, 1, 4000);
    let share = |day: u32| {
        let reports = (0..4000).filter_map(|index| fleet.next_day(index, day));
        let revisions =
            reports.filter_map(|report| report.os.version.filter(|v| v.build == 18363)?.ubr);
        let revisions: Vec<u32> = revisions.collect();
        percent(
            revisions
                .iter()
                .filter(|revision| **revision >= 778)
                .count(),
            revisions.len(),
        )
    };
    // April's was published on the 14th, 25 days after the season's day.
    assert_eq!(share(24), 0);
    is_within(share(28), 20, 60, "three days later");
    is_within(share(45), 75, 95, "three weeks later");
}

#[test]
fn there_is_no_second_year() {
    let fleet = fleet(Era::Winter2026, 1, 100);
    assert!((0..100).any(|index| fleet.next_day(index, 365).is_some()));
    assert!((0..100).all(|index| fleet.next_day(index, 366).is_none()));
    assert!((0..100).all(|index| fleet.next_day(index, u32::MAX).is_none()));
}

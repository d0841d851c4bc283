//! What applications lack, on Microsoft's real documents.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::LazyLock;

use kbgap_assessment::{
    ApplicationFindings, ApplicationFix, ApplicationPresence, ApplicationVerdict, Applications,
    InstalledApplications, InstalledUpdates,
};
use kbgap_catalog::{Catalog, Compiler, Day, Kb, document};
use kbgap_inventory::InstalledSoftware;
use proptest::prelude::*;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let mut compiler = Compiler::new();
    for (name, bytes) in kbgap_corpus::documents(&kbgap_corpus::cvrf()) {
        let document = document::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        compiler.add(document);
    }
    compiler.finish().0
});

static ALL: LazyLock<Applications> = LazyLock::new(|| Applications::new(&CATALOG));

/// A machine of this software, with these updates installed.
struct Machine {
    software: Vec<InstalledSoftware>,
    updates: Vec<u32>,
}

fn machine(software: &[(&str, &str)], updates: &[u32]) -> Machine {
    Machine {
        software: software
            .iter()
            .map(|(name, version)| InstalledSoftware {
                vendor: "Microsoft Corporation".into(),
                name: (*name).into(),
                version: (*version).into(),
            })
            .collect(),
        updates: updates.to_vec(),
    }
}

impl Machine {
    fn assess(&self) -> ApplicationFindings {
        self.assess_by(&ALL)
    }

    fn assess_by(&self, applications: &Applications) -> ApplicationFindings {
        let kbs = self.updates.iter().map(|&kb| Kb::new(kb).unwrap());
        let updates = InstalledUpdates::new(kbs, false);
        let installed = InstalledApplications::of_software(&self.software);
        applications.assess(&installed, Some(&updates))
    }
}

/// What is missing, with the line it is missing from.
fn missing(findings: &ApplicationFindings) -> Vec<String> {
    let missing = findings.missing.iter();
    missing
        .map(|missing| {
            let line = &findings.scope[missing.line].application;
            format!("{line}: {}", fix(&missing.fix))
        })
        .collect()
}

fn fix(fix: &ApplicationFix) -> String {
    match fix {
        ApplicationFix::Update(update) => CATALOG.update(*update).kb.to_string(),
        ApplicationFix::Version(version) => version.to_string(),
        ApplicationFix::Release(_) => "a release".to_owned(),
    }
}

/// What cannot be told, and why.
fn unknown(findings: &ApplicationFindings) -> Vec<String> {
    let unknown = findings.unknown.iter().map(|unknown| {
        let line = &findings.scope[unknown.line].application;
        format!("{line}: {}", unknown.cause)
    });
    let unplaced = findings.unplaced.iter();
    unknown
        .chain(unplaced.map(|unplaced| format!("{}: {}", unplaced.application, unplaced.cause)))
        .collect()
}

/// Asserts what is missing and what cannot be told on a machine.
#[track_caller]
fn assert_found(machine: &Machine, missing_fixes: &[&str], unknown_parts: &[&str]) {
    let findings = machine.assess();
    assert_eq!(missing(&findings), missing_fixes);
    assert_eq!(unknown(&findings), unknown_parts);
}

#[test]
fn a_sql_server_is_asked_for_updates_of_its_branch_only() {
    let setup = ("Microsoft SQL Server 2019 (64-bit)", "");
    let engine = ("SQL Server 2019 Database Engine Services", "15.0.2000.5");
    let gdr = |name, version| machine(&[setup, engine, (name, version)], &[]);
    assert_found(
        &gdr(
            "GDR 2155 for SQL Server 2019 (KB5068405) (64-bit)",
            "15.0.2155.2",
        ),
        &[],
        &[],
    );
    assert_found(
        &gdr(
            "GDR 2120 for SQL Server 2019 (KB5042214) (64-bit)",
            "15.0.2120.1",
        ),
        &["SQL Server 2019 GDR: KB5068405"],
        &[],
    );
    assert_found(
        &gdr(
            "Hotfix 4382 for SQL Server 2019 (KB5040948) (64-bit)",
            "15.0.4382.1",
        ),
        &["SQL Server 2019 CU: KB5068404"],
        &[],
    );
    assert_found(
        &machine(&[("Microsoft SQL Server 2019", "15.0.4455.2")], &[]),
        &[],
        &[],
    );
    // The list shows setup's entry, so it would show a patch.
    assert_found(
        &machine(&[setup, engine], &[]),
        &["SQL Server 2019 GDR: KB5068405"],
        &[],
    );
    assert_found(
        &machine(
            &[("SQL Server 2019 Database Engine Services", "15.0.2000.5")],
            &[],
        ),
        &[],
        &[
            "SQL Server 2019 GDR: the documents state no build for this line",
            "SQL Server 2019 GDR: the reported version is the one of setup, and no update of it is listed",
        ],
    );
    assert_found(
        &machine(&[setup], &[]),
        &[],
        &["SQL Server 2019: no version is reported"],
    );
}

#[test]
fn builds_stated_for_the_wrong_branch_prove_nothing() {
    // July 2025 has the builds of GDR and CU of SQL Server 2022 changed about, and states a build
    // of Service Pack 3 for Service Pack 2 of 2016.
    assert_found(
        &machine(&[("Microsoft SQL Server 2022", "16.0.4212.1")], &[]),
        &["SQL Server 2022 CU: KB5068406"],
        &[],
    );
    assert_found(
        &machine(&[("Microsoft SQL Server 2016", "13.0.5108.50")], &[]),
        &[],
        &["SQL Server 2016 SP2 GDR: the documents state no build for this line"],
    );
    assert_found(
        &machine(
            &[("Microsoft SQL Server 2016", "13.0.5108.50")],
            &[5_058_718],
        ),
        &[],
        &[],
    );
}

#[test]
fn an_exchange_server_is_told_by_its_build_or_its_listed_updates() {
    let exchange = |version, updates: &[u32]| {
        machine(
            &[(
                "Microsoft Exchange Server 2019 Cumulative Update 14",
                version,
            )],
            updates,
        )
    };
    // As its tools report it, and as the uninstall list has it: what setup left.
    assert_found(&exchange("15.2.1544.37", &[]), &[], &[]);
    assert_found(
        &exchange("15.2.1544.25", &[]),
        &["Exchange Server 2019 CU14: KB5071874"],
        &[],
    );
    assert_found(
        &exchange("15.2.1544.4", &[]),
        &[],
        &[
            "Exchange Server 2019 CU14: the reported version is the one of setup, and no update of it is listed",
        ],
    );
    assert_found(&exchange("15.2.1544.4", &[5_071_874]), &[], &[]);
    assert_found(
        &exchange("15.2.1544.4", &[5_050_673]),
        &["Exchange Server 2019 CU14: KB5071874"],
        &[],
    );
    let subscription = (
        "Microsoft Exchange Server Subscription Edition",
        "15.2.2562.35",
    );
    assert_found(&machine(&[subscription], &[]), &[], &[]);
}

#[test]
fn of_a_line_that_gets_no_more_updates_nothing_newer_can_be_told() {
    let ended = "Exchange Server 2019 CU13: nothing is said of this line since 2024-03-12, but of newer ones";
    let exchange = |version| machine(&[("Microsoft Exchange Server 2019", version)], &[]);
    assert_found(&exchange("15.2.1258.32"), &[], &[ended]);
    assert_found(
        &exchange("15.2.1258.25"),
        &["Exchange Server 2019 CU13: KB5036402"],
        &[ended],
    );
    assert_found(
        &machine(&[("Microsoft .NET Runtime - 6.0.36 (x64)", "")], &[]),
        &[],
        &[".NET 6.0: nothing is said of this line since 2024-10-08, but of newer ones"],
    );
}

#[test]
fn a_visual_studio_is_compared_within_its_channel() {
    let studio = |version| machine(&[("Visual Studio Enterprise 2022", version)], &[]);
    assert_found(&studio("17.8.23"), &[], &[]);
    assert_found(&studio("17.8.3"), &["Visual Studio 17.8: 17.8.23"], &[]);
    assert_found(&studio("17.10.17"), &[], &[]);
    assert_found(
        &machine(&[("Visual Studio Community 2019", "16.11.33")], &[]),
        &["Visual Studio 16.11: 16.11.49"],
        &[],
    );
    // Two installations of one channel: the one behind counts, whichever is listed first.
    assert_found(
        &machine(
            &[
                ("Visual Studio Enterprise 2022", "17.8.23"),
                ("Visual Studio Build Tools 2022", "17.8.3"),
            ],
            &[],
        ),
        &["Visual Studio 17.8: 17.8.23"],
        &[],
    );
    assert_found(
        &machine(&[("Visual Studio Community 2017", "15.9.28307.905")], &[]),
        &[],
        &["Visual Studio 2017: the reported version is not numbered as the documents do it"],
    );
}

#[test]
fn runtimes_are_compared_within_their_release() {
    let runtime = |name| machine(&[(name, "64.44.23191")], &[]);
    assert_found(&runtime("Microsoft .NET Runtime - 8.0.17 (x64)"), &[], &[]);
    assert_found(
        &runtime("Microsoft .NET Runtime - 8.0.11 (x64)"),
        &[".NET 8.0: KB5061935"],
        &[],
    );
    // Of versions side by side the newer runs.
    assert_found(
        &machine(
            &[
                ("Microsoft .NET Runtime - 8.0.11 (x64)", ""),
                ("Microsoft .NET Runtime - 8.0.17 (x64)", ""),
            ],
            &[],
        ),
        &[],
        &[],
    );
    assert_found(
        &machine(&[("Microsoft .NET Core Runtime - 3.0.0 (x64)", "")], &[]),
        &[],
        &[
            ".NET 3.0: the documents state no build for this line",
            ".NET 3.0: nothing is said of this line since 2020-01-14, but of newer ones",
        ],
    );
    assert_found(
        &machine(&[("PowerShell 7-x64", "7.4.6.0")], &[]),
        &["PowerShell 7.4: 7.4.12"],
        &[],
    );
    assert_found(&machine(&[("PowerShell 7-x64", "7.5.3.0")], &[]), &[], &[]);
}

#[test]
fn edge_may_be_on_extended_stable_for_eight_weeks() {
    let edge = |version| machine(&[("Microsoft Edge", version)], &[]);
    assert_found(&edge("143.0.3650.96"), &[], &[]);
    assert_found(&edge("143.0.3650.80"), &["Edge: 143.0.3650.96"], &[]);
    assert_found(
        &edge("142.0.3595.90"),
        &[],
        &["Edge: it may be on the Extended Stable channel"],
    );
    assert_found(
        &edge("142.0.3595.65"),
        &["Edge: 142.0.3595.90"],
        &["Edge: it may be on the Extended Stable channel"],
    );
    assert_found(&edge("140.0.3485.94"), &["Edge: 143.0.3650.96"], &[]);
    assert_found(&edge(""), &[], &["Edge: no version is reported"]);
}

#[test]
fn of_click_to_run_no_build_is_stated() {
    for (name, version, line) in [
        (
            "Microsoft 365 Apps for enterprise - en-us",
            "16.0.17928.20392",
            "365 Apps",
        ),
        (
            "Microsoft Office LTSC Professional Plus 2021 - en-us",
            "16.0.14332.21007",
            "Office 2021 LTSC",
        ),
        (
            "Microsoft Office Professional Plus 2019 - de-de",
            "16.0.10416.20058",
            "Office 2019",
        ),
    ] {
        let expected = format!("{line}: the documents state no build for this line");
        assert_found(&machine(&[(name, version)], &[]), &[], &[&expected]);
    }
}

const EXCEL: (&str, &str) = ("Microsoft Excel 2016", "16.0.4266.1001");

#[test]
fn packages_of_office_are_told_by_their_kbs() {
    // The main package, and two of shared parts that documents state for Excel too.
    let patched = [5_002_820, 5_002_818, 5_002_762];
    assert_found(&machine(&[EXCEL], &patched), &[], &[]);
    assert_found(
        &machine(
            &[
                EXCEL,
                (
                    "Security Update for Microsoft Excel 2016 (KB5002811) 64-Bit Edition",
                    "",
                ),
            ],
            &[5_002_818, 5_002_762],
        ),
        &["Excel 2016: KB5002820"],
        &[],
    );
    // Nothing of Office among the updates: the list may be one that never has any.
    assert_found(
        &machine(&[EXCEL], &[5_068_861]),
        &[],
        &["Excel 2016: the lists show no update of it at all"],
    );
    // An update of this application that no document describes may bring what is older.
    assert_found(
        &machine(
            &[
                EXCEL,
                (
                    "Update for Microsoft Excel 2016 (KB5002999) 64-Bit Edition",
                    "",
                ),
            ],
            &[],
        ),
        &[],
        &["Excel 2016: the listed KB5002999 may bring it"],
    );
}

#[test]
fn chains_of_packages_hold_where_documents_are_missing() {
    // No document describes KB5002232 of August 2022, which stood between these two; nor did
    // November 2023 say what it replaced.
    for newer in [5_002_253, 5_002_518, 5_002_820] {
        let findings = machine(&[EXCEL], &[newer, 5_002_818, 5_002_762]).assess();
        let older: Vec<String> = missing(&findings)
            .into_iter()
            .filter(|fix| fix.ends_with("KB5002208"))
            .collect();
        assert_eq!(older, Vec::<String>::new(), "{newer}");
    }
}

#[test]
fn a_suite_carries_its_applications() {
    let suite = ("Microsoft Office Standard 2016", "16.0.4266.1001");
    let excel_part = ("Microsoft Excel MUI (English) 2016", "16.0.4266.1001");
    let families = |machine: &Machine| -> Vec<String> {
        let findings = machine.assess();
        let scope = findings.scope.iter();
        scope.map(|line| line.application.to_string()).collect()
    };
    assert_eq!(
        families(&machine(&[suite], &[])),
        [
            "Office 2016",
            "Excel 2016",
            "Word 2016",
            "PowerPoint 2016",
            "Outlook 2016",
            "Publisher 2016",
            "OneNote 2016"
        ]
    );
    assert_eq!(
        families(&machine(&[suite, excel_part], &[])),
        ["Office 2016", "Excel 2016"]
    );
    // An older update of a shared part came with a later one of Word.
    let findings = machine(&[suite], &[5_002_806, 5_002_820]).assess();
    let named = missing(&findings);
    assert!(
        !named.iter().any(|fix| fix.ends_with("KB5002464")),
        "{named:?}"
    );
    assert!(
        named.iter().any(|fix| fix == "Outlook 2016: KB5002747"),
        "{named:?}"
    );
}

#[test]
fn office_2013_needs_its_service_pack() {
    let excel = |version| machine(&[("Microsoft Excel 2013", version)], &[5_002_434]);
    assert_found(
        &excel("15.0.4569.1506"),
        &["Excel 2013 SP1: KB5002488"],
        &[],
    );
    assert_found(
        &excel("15.0.4420.1017"),
        &[],
        &["Excel 2013: the documents do not know this release of it"],
    );
}

#[test]
fn sharepoint_has_two_packages_a_month() {
    let sharepoint = |version, updates: &[u32]| {
        machine(&[("Microsoft SharePoint Server 2019", version)], updates)
    };
    let setup = "16.0.10337.12109";
    assert_found(&sharepoint(setup, &[5_002_802, 5_002_816]), &[], &[]);
    assert_found(
        &sharepoint(setup, &[5_002_802, 5_002_803]),
        &["SharePoint Server 2019: KB5002816"],
        &[],
    );
    assert_found(&sharepoint("16.0.10417.20075", &[]), &[], &[]);
    assert_found(
        &sharepoint("16.0.10417.20068", &[]),
        &[
            "SharePoint Server 2019: KB5002802",
            "SharePoint Server 2019: KB5002816",
        ],
        &[],
    );
    assert_found(
        &sharepoint(setup, &[]),
        &[],
        &["SharePoint Server 2019: the lists show no update of it at all"],
    );
    // August 2018 has an update of Office 2010 replace one of this server.
    assert_found(
        &machine(
            &[("Microsoft SharePoint Server 2016", "16.0.4351.1000")],
            &[5_002_804, 5_002_821],
        ),
        &[],
        &[],
    );
}

#[test]
fn an_older_visual_studio_is_told_by_its_kbs() {
    let studio = |version, updates: &[u32]| {
        machine(
            &[(
                "Microsoft Visual Studio Professional 2015 with Updates",
                version,
            )],
            updates,
        )
    };
    let findings = studio("14.0.25420.1", &[5_045_536]).assess();
    assert!(missing(&findings).contains(&"Visual Studio 2015 SP3: KB5063035".to_owned()));
    let findings = studio("14.0.25420.1", &[5_063_035]).assess();
    assert!(!missing(&findings).contains(&"Visual Studio 2015 SP3: KB5063035".to_owned()));
    assert_found(
        &studio("14.0.23107.0", &[5_045_536]),
        &[],
        &["Visual Studio 2015: the documents do not know this release of it"],
    );
}

#[test]
fn tools_and_drivers_are_told_by_their_versions() {
    for (name, patched, behind, expected) in [
        (
            "Microsoft Visual Studio Code (User)",
            "1.106.2",
            "1.104.0",
            "Visual Studio Code: 1.106.2",
        ),
        (
            "Microsoft ODBC Driver 17 for SQL Server",
            "17.10.6.1",
            "17.10.5.1",
            "ODBC Driver for SQL Server 17: KB5037570",
        ),
        // April 2023 states a version of the OLE DB driver for this one.
        (
            "Microsoft ODBC Driver 18 for SQL Server",
            "18.3.3.1",
            "18.3.2.1",
            "ODBC Driver for SQL Server 18: KB5037571",
        ),
        (
            "Microsoft OLE DB Driver for SQL Server",
            "18.7.4.0",
            "18.6.7.0",
            "OLE DB Driver for SQL Server 18: KB5040711",
        ),
        (
            "Remote Desktop",
            "1.2.6353.0",
            "1.2.6278.0",
            "Remote Desktop client: 1.2.6353.0",
        ),
        (
            "Microsoft Azure CLI (64-bit)",
            "2.65.0",
            "2.64.0",
            "Azure CLI: 2.65.0",
        ),
        (
            "Azure Connected Machine Agent",
            "1.56.03167.2693",
            "1.50.1",
            "Azure Connected Machine Agent: 1.56",
        ),
    ] {
        assert_found(&machine(&[(name, patched)], &[]), &[], &[]);
        assert_found(&machine(&[(name, behind)], &[]), &[expected], &[]);
    }
    assert_found(
        &machine(&[("Microsoft Teams", "25060.212.3643.1")], &[]),
        &[],
        &["Teams: the reported version is not numbered as the documents do it"],
    );
}

#[test]
fn what_is_of_others_or_not_recognized_is_passed_over() {
    let mut machine = machine(&[("Microsoft Edge WebView2 Runtime", "90.0.0.0")], &[]);
    machine.software.push(InstalledSoftware {
        vendor: "Somebody Else".into(),
        name: "Microsoft Edge".into(),
        version: "90.0.818.66".into(),
    });
    assert_eq!(machine.assess(), ApplicationFindings::default());
}

#[test]
fn as_of_a_day_only_what_was_published_counts() {
    let day = "2025-09-30".parse().unwrap();
    let then = Applications::new(&CATALOG.as_of(day));
    let sql = machine(&[("Microsoft SQL Server 2019", "15.0.4435.7")], &[]);
    assert_eq!(
        missing(&sql.assess_by(&then)),
        ["SQL Server 2019 CU: KB5065222"]
    );
    let edge = machine(&[("Microsoft Edge", "140.0.3485.94")], &[]);
    assert_eq!(edge.assess_by(&then).missing, []);
}

#[test]
fn a_named_fix_closes_what_is_open() {
    let findings = machine(&[("Microsoft SQL Server 2019", "15.0.4382.1")], &[]).assess();
    let [named] = &findings.missing[..] else {
        panic!("{findings:?}");
    };
    assert_eq!(named.closes, findings.scope[0].open);
    assert_eq!(named.closes.len(), 19);
    assert_eq!(
        named.version.map(|v| v.to_string()).as_deref(),
        Some("15.0.4455.2")
    );
    let absence = format!("{:?}", named.absence);
    assert!(
        absence.contains("15.0.4382.1") && absence.contains("15.0.4455.2"),
        "{absence}"
    );
}

#[test]
fn evidence_is_given_for_every_fix() {
    let machine = machine(&[("Microsoft SQL Server 2019", "15.0.4382.1")], &[]);
    let installed = InstalledApplications::of_software(&machine.software);
    let found = ALL.explain(&installed, None);
    let of = |kb: u32| {
        let update = CATALOG.find_update(Kb::new(kb).unwrap()).unwrap();
        let fix = ApplicationFix::Update(update);
        found
            .iter()
            .find(|found| found.fix == fix)
            .map(|found| found.verdict)
    };
    assert!(matches!(
        of(5_040_948),
        Some(ApplicationVerdict::Present(
            ApplicationPresence::Version { .. }
        ))
    ));
    // Of January 2021 no build is stated; the next update is present, and so is this.
    assert!(matches!(
        of(4_583_459),
        Some(ApplicationVerdict::Present(
            ApplicationPresence::LaterReached { .. }
        ))
    ));
    assert!(matches!(
        of(5_042_749),
        Some(ApplicationVerdict::Missing(_))
    ));
    assert_eq!(of(5_042_214), None, "of the GDR branch");
}

#[test]
fn who_installs_what_is_named_is_never_asked_for_something_older() {
    let mut days: Vec<Day> = CATALOG
        .documents()
        .iter()
        .map(|document| document.released)
        .filter(|day| *day > "2019-01-31".parse().unwrap())
        .collect();
    days.sort_unstable();
    // A first update of each shows that the list has such updates.
    let mut machines = [
        machine(
            &[("Microsoft Office Professional Plus 2016", "16.0.4266.1001")],
            &[4_461_448],
        ),
        machine(
            &[("Microsoft SharePoint Server 2019", "16.0.10337.12109")],
            &[4_461_634],
        ),
    ];
    let mut before = None;
    for day in days.into_iter().step_by(5) {
        let then = Applications::new(&CATALOG.as_of(day));
        for machine in &mut machines {
            for named in machine.assess_by(&then).missing {
                let ApplicationFix::Update(update) = named.fix else {
                    panic!("{named:?}");
                };
                let update = CATALOG.update(update);
                let older = before.is_some_and(|before| update.released <= before);
                assert!(!older, "{} of {} on {day}", update.kb, update.released);
                machine.updates.push(update.kb.number());
            }
            assert_eq!(missing(&machine.assess_by(&then)), Vec::<String>::new());
        }
        before = Some(day);
    }
}

/// A line and how its versions are made: a name, what stands before and after a number, and its range.
#[derive(Debug, Clone)]
struct Numbering {
    name: &'static str,
    before: &'static str,
    after: &'static str,
    range: std::ops::Range<u32>,
}

fn numberings() -> impl Strategy<Value = Numbering> {
    let of = |name, before, after, range| Numbering {
        name,
        before,
        after,
        range,
    };
    prop::sample::select(vec![
        of("Microsoft SQL Server 2019", "15.0.", ".1", 2_000..2_200),
        of("Microsoft SQL Server 2019", "15.0.", ".1", 4_000..4_500),
        of("Microsoft SQL Server 2022", "16.0.", ".2", 4_000..4_300),
        of("Microsoft SQL Server 2016", "13.0.", ".1", 6_300..6_500),
        of("Microsoft Exchange Server 2019", "15.2.1258.", "", 13..40),
        of("Microsoft Exchange Server 2016", "15.1.2507.", "", 7..70),
        of("Visual Studio Enterprise 2022", "17.8.", "", 0..30),
        of("Visual Studio Community 2019", "16.7.", "", 0..40),
        of("PowerShell 7-x64", "7.2.", ".0", 0..25),
        of("Microsoft Edge", "143.0.3650.", "", 0..120),
        of("Microsoft Edge", "91.0.864.", "", 0..120),
        of("Microsoft Visual Studio Code", "1.", ".0", 40..120),
        of(
            "Microsoft ODBC Driver 18 for SQL Server",
            "18.",
            ".1.1",
            0..8,
        ),
        of(
            "Microsoft SharePoint Server 2019",
            "16.0.",
            ".20001",
            10_338..10_420,
        ),
    ])
}

fn of_version(numbering: &Numbering, number: u32) -> Machine {
    let Numbering {
        name,
        before,
        after,
        ..
    } = numbering;
    machine(&[(*name, &format!("{before}{number}{after}"))], &[])
}

fn found_missing(machine: &Machine) -> Vec<ApplicationFix> {
    let installed = InstalledApplications::of_software(&machine.software);
    let kbs = machine.updates.iter().map(|&kb| Kb::new(kb).unwrap());
    let updates = InstalledUpdates::new(kbs, false);
    let found = ALL.explain(&installed, Some(&updates));
    let missing = found
        .into_iter()
        .filter(|found| matches!(found.verdict, ApplicationVerdict::Missing(_)));
    missing.map(|found| found.fix).collect()
}

/// Installs what is named until nothing is, and asserts that each was needed but once.
fn install_all(mut machine: Machine) -> Result<(), TestCaseError> {
    let mut named_before = Vec::new();
    loop {
        let findings = machine.assess();
        let Some(named) = findings.missing.first() else {
            return Ok(());
        };
        prop_assert!(!named_before.contains(&named.fix), "{:?} again", named.fix);
        prop_assert!(!named.closes.is_empty());
        named_before.push(named.fix);
        match named.fix {
            ApplicationFix::Update(update) => {
                machine.updates.push(CATALOG.update(update).kb.number());
            }
            ApplicationFix::Version(version) => {
                machine.software[0].version = version.to_string().into();
            }
            ApplicationFix::Release(_) => prop_assert!(false, "nothing to install"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn raising_a_version_never_adds_a_missing_fix(
        (numbering, low, high) in numberings().prop_flat_map(|numbering| {
            let range = numbering.range.clone();
            (Just(numbering), range.clone(), range)
        })
    ) {
        let (low, high) = (low.min(high), low.max(high));
        let before = found_missing(&of_version(&numbering, low));
        let after = found_missing(&of_version(&numbering, high));
        prop_assert!(
            after.iter().all(|fix| before.contains(fix)),
            "{numbering:?} {low} {high}"
        );
        install_all(of_version(&numbering, low))?;
    }

    #[test]
    fn another_update_of_office_never_adds_a_missing_one(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 2..12)
    ) {
        let kbs = office_kbs();
        let listed: Vec<u32> = picks.iter().map(|pick| kbs[pick.index(kbs.len())]).collect();
        let suite = ("Microsoft Office Professional Plus 2016", "16.0.4266.1001");
        let before = found_missing(&machine(&[suite], &listed[1..]));
        let after = found_missing(&machine(&[suite], &listed));
        prop_assert!(after.iter().all(|fix| before.contains(fix)));
        install_all(machine(&[suite], &listed))?;
    }
}

/// The KBs that fix something of Office 2016.
fn office_kbs() -> Vec<u32> {
    let mut kbs: Vec<u32> = CATALOG
        .products()
        .iter()
        .filter(|product| product.name.ends_with(" 2016 (64-bit edition)"))
        .flat_map(|product| &product.exposures)
        .flat_map(|exposure| &exposure.fixes)
        .filter_map(|&fix| CATALOG.fix(fix).update())
        .map(|update| CATALOG.update(update).kb.number())
        .collect();
    kbs.sort_unstable();
    kbs.dedup();
    kbs
}

//! The names that widespread software has in software lists, and the ids they become.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::LazyLock;

use kbgap_inventory::{Decision, EntryKind, Reported, SoftwareIdentity, SoftwareRules};
use proptest::prelude::*;

static RULES: LazyLock<SoftwareRules> = LazyLock::new(|| SoftwareRules::built_in().unwrap());

struct Row {
    vendor: String,
    name: String,
    version: String,
    id: String,
    kind: String,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let table = include_str!("software_names/names.csv");
    let rows = table.lines().skip(1).map(|line| {
        // A name may have the separator in it; nothing else has.
        let cells: Vec<&str> = line.split('|').collect();
        let [vendor, name @ .., version, id, kind] = &cells[..] else {
            panic!("{line}");
        };
        Row {
            vendor: (*vendor).to_owned(),
            name: name.join("|"),
            version: (*version).to_owned(),
            id: (*id).to_owned(),
            kind: (*kind).to_owned(),
        }
    });
    rows.collect()
});

fn identify(vendor: &str, name: &str, version: &str) -> SoftwareIdentity {
    RULES.identify(Reported {
        vendor,
        name,
        version,
    })
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Software => "software",
        EntryKind::Update => "update",
        EntryKind::Part => "part",
    }
}

#[test]
fn names_become_the_ids_of_the_table() {
    let mut wrong = Vec::new();
    for row in ROWS.iter() {
        let found = identify(&row.vendor, &row.name, &row.version);
        if (found.software.as_str(), kind(found.kind)) != (&row.id, &row.kind) {
            wrong.push(format!(
                "{} | {}: {} ({}), not {} ({})",
                row.vendor,
                row.name,
                found.software,
                kind(found.kind),
                row.id,
                row.kind
            ));
        }
    }
    assert!(ROWS.len() > 150, "{}", ROWS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn versions_and_architectures_behind_a_name_do_not_change_its_id() {
    let mut wrong = Vec::new();
    for row in ROWS
        .iter()
        .filter(|row| row.name.contains(char::is_uppercase))
    {
        for suffix in SUFFIXES {
            let name = format!("{}{suffix}", row.name);
            let found = identify(&row.vendor, &name, &row.version);
            if found.software.as_str() != row.id && row.kind == "software" {
                wrong.push(format!("{name}: {}, not {}", found.software, row.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_shown_is_the_same_software_again() {
    let mut wrong = Vec::new();
    for row in ROWS.iter() {
        let one = identify(&row.vendor, &row.name, &row.version);
        let shown = identify(&one.vendor, &one.name, &one.version);
        let parts = identify(one.software.vendor(), one.software.name(), &one.version);
        for again in [&shown, &parts] {
            if again.software != one.software || again.version != one.version {
                wrong.push(format!("{}: {one:?}, then {again:?}", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_version_is_the_entrys_else_that_of_the_name() {
    for (vendor, name, version, expected) in [
        ("Igor Pavlov", "7-Zip 19.00 (x64)", "", "19.00"),
        (
            "Igor Pavlov",
            "7-Zip 19.00 (x64)",
            "19.00.00.0",
            "19.00.00.0",
        ),
        ("", "Some Tool version 1.2", "", "1.2"),
        ("", "Some Tool", "", ""),
        // The entry's version is that of the installer.
        (
            "Microsoft Corporation",
            "Microsoft .NET Runtime - 8.0.11 (x64)",
            "64.44.23191",
            "8.0.11",
        ),
        (
            "Microsoft Corporation",
            "Microsoft .NET Framework 4.8",
            "4.8.03761",
            "4.8",
        ),
    ] {
        let found = identify(vendor, name, version);
        assert_eq!(&*found.version, expected, "{name}");
    }
}

#[test]
fn another_vendors_software_of_the_same_name_is_its_own() {
    assert_eq!(
        identify("Contoso", "Firefox", "1").software.as_str(),
        "contoso-_-firefox"
    );
    assert_eq!(
        identify("Contoso", "Microsoft Edge", "1").software.as_str(),
        "contoso-_-microsoft_edge"
    );
}

#[test]
fn it_is_told_what_decided() {
    let decided = |vendor, name| identify(vendor, name, "1.0").decided_by;
    assert_eq!(decided("google", "chrome"), Decision::Id);
    assert_eq!(
        decided("Microsoft Corporation", "Microsoft Edge"),
        Decision::Catalog
    );
    assert_eq!(decided("Contoso", "Contoso Agent"), Decision::Cleaned);
    let Decision::Rule(rule) = decided("Mozilla", "Mozilla Firefox (x64 de)") else {
        panic!("no rule");
    };
    let info = RULES.rule(rule).unwrap();
    assert!(info.built_in);
    assert_eq!(info.pattern, "Firefox");
}

/// What display names carry behind the name itself.
const SUFFIXES: &[&str] = &[
    " 1.2.3",
    " v1.2",
    " version 1.2",
    " 24.8.4.2 (x64)",
    " (x64)",
    " (64-bit)",
    " (64 bit)",
    " (64-bit x64)",
    " (x86 en-US)",
    " (x64 de)",
    " - 14.20.27508",
    " - en-us",
    " - Deutsch",
    " (English)",
    " x86",
    " arm64",
    " (User)",
    " 2.0 (remove only)",
];

fn suffix() -> impl Strategy<Value = &'static str> {
    prop::sample::select(SUFFIXES)
}

/// Names made of what names are made of.
fn name() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[A-Z][a-zA-Z+#]{0,8}",
        1 => prop::sample::select(vec![
            "-", "–", "(x64)", "(64-bit", "x64)", "2019", "7", "1.2.3", "v2", "version", "Update", "Build",
            "Service", "Pack", "SP1", "(KB5002820)", "for", "Security", "Microsoft", ".NET", "SQL", "Server",
            "Office", "Java", "Firefox", "MUI", "(English)", "en-us", "64", "bit", "Edition", ",", "(", ")",
            "Language", "Python", "Runtime",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC{1,4}",
    ];
    let first = "[A-Z][a-zA-Z+#]{1,8}";
    (first, prop::collection::vec(word, 0..6)).prop_map(|(first, mut words)| {
        words.insert(0, first);
        words.join(" ")
    })
}

fn vendor() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("Microsoft Corporation".to_owned()),
        Just("Oracle Corporation".to_owned()),
        "[A-Z][a-z]{1,8}( [A-Z][a-z]{1,5})?( Inc\\.| GmbH| Ltd| & Co\\. KG)?",
        "\\PC{0,12}",
    ]
}

/// Names whose version is part of the id, by what the catalog knows of them.
fn goes_by_version(found: &SoftwareIdentity) -> bool {
    [".net", "asp.net", "powershell"]
        .iter()
        .any(|family| found.software.name().starts_with(family))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_entry_panics_and_every_id_is_whole(vendor: String, name: String, version: String) {
        let found = identify(&vendor, &name, &version);
        let id = found.software.as_str();
        prop_assert!(!id.contains(char::is_whitespace), "{id}");
        prop_assert!(id.chars().all(|c| c.to_lowercase().eq([c])), "{id}");
        prop_assert!(!found.software.vendor().is_empty() && !found.software.name().is_empty(), "{id}");
        prop_assert_eq!(&identify(&vendor, &name, &version), &found);
    }

    #[test]
    fn a_suffix_does_not_change_an_id(vendor in vendor(), name in name(), one in suffix(), two in suffix()) {
        let bare = identify(&vendor, &name, "");
        let longer = identify(&vendor, &format!("{name}{one}{two}"), "");
        if !goes_by_version(&longer) {
            prop_assert_eq!(&bare.software, &longer.software, "{}{}{}", name, one, two);
        }
    }

    #[test]
    fn identities_are_stable(vendor in vendor(), name in name(), version in "[0-9.]{0,8}") {
        let one = identify(&vendor, &name, &version);
        if one.kind != EntryKind::Software {
            return Ok(());
        }
        let shown = identify(&one.vendor, &one.name, &one.version);
        prop_assert_eq!(&one.software, &shown.software, "{:?} then {:?}", &one, &shown);
        let parts = identify(one.software.vendor(), one.software.name(), &one.version);
        prop_assert_eq!(&one.software, &parts.software, "{:?} then {:?}", &one, &parts);
    }
}

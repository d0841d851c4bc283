//! The rules of assessment, on Microsoft's real documents and on reports of real and made machines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeSet;

use kbgap_assessment::{Assessor, Findings, Presence, Status, Verdict};
use kbgap_catalog::{Kb, ProductIdentity};
use kbgap_inventory::{MachineReport, merge, read};
use serde_json::json;
use support::{ALL, MARCH_2019, as_of, kb, machine, missing, state};

/// A machine of the corpus, from the files that begin so.
fn real(prefix: &str) -> MachineReport {
    let names = ["systeminfo", "qfe"].map(|kind| format!("{prefix}_{kind}.txt"));
    let mut files = kbgap_corpus::files(&kbgap_corpus::machines());
    files.retain(|path| names.contains(&kbgap_corpus::name(path)));
    assert!(!files.is_empty(), "{prefix}");
    let reports: Vec<MachineReport> = files
        .iter()
        .map(|file| {
            let bytes = std::fs::read(file).unwrap();
            read(&bytes).unwrap().remove(0).unwrap().report
        })
        .collect();
    merge(&reports).unwrap()
}

/// The Windows products that missing updates were named for.
fn named_for(assessor: &Assessor, findings: &Findings) -> BTreeSet<String> {
    let catalog = assessor.catalog();
    let products = findings
        .scope
        .iter()
        .map(|in_scope| catalog.product(in_scope.product));
    products
        .filter(|product| matches!(product.identity, ProductIdentity::Windows(_)))
        .map(|product| product.name.trim().to_owned())
        .collect()
}

#[test]
fn the_documented_machine_lacks_the_documented_update() {
    let assessor = as_of("2020-03-11");
    let report = machine(
        "Microsoft Windows 10 Enterprise",
        "10.0.18363.657",
        "x64",
        &[4_532_693],
    );
    let findings = assessor.assess(&state(&report));
    let catalog = assessor.catalog();
    let march = findings
        .missing
        .iter()
        .find(|missing| catalog.update(missing.update).kb == kb(4_540_673))
        .unwrap();
    let names: Vec<&str> = march
        .products
        .iter()
        .map(|&product| catalog.product(product).software.name())
        .collect();
    assert_eq!(names, ["windows_10", "edge", "internet_explorer"]);
    assert_eq!(
        catalog.cves_addressed(march.update, findings.products_in_scope()),
        97
    );
}

#[test]
fn patched_machines_of_known_truth_lack_nothing_that_is_wrong() {
    // Windows Update itself offered nothing from the catalogue to either.
    for prefix in [
        "10_1803_x64_proforworkstations_en-us_A_20190305",
        "10_1809_x64_education_en-us_20190306",
    ] {
        let findings = MARCH_2019.assess(&state(&real(prefix)));
        assert_eq!(findings.status, Status::Assessed);
        assert_eq!(missing(&MARCH_2019, &findings), [0; 0], "{prefix}");
    }
}

#[test]
fn an_unpatched_machine_is_asked_for_the_newest_cumulative_update_only() {
    let report = machine("Microsoft Windows 10 Pro", "10.0.17134.1", "x64", &[]);
    let findings = MARCH_2019.assess(&state(&report));
    let missing = missing(&MARCH_2019, &findings);
    assert!(
        missing.contains(&4_487_017),
        "{missing:?}: February's cumulative update"
    );
    assert!(missing.len() <= 4, "{missing:?}: one a line");
}

#[test]
fn windows_11_21h2_is_found_whatever_the_case_of_version() {
    // The feed writes "Windows 11 version 21H2".
    let findings = ALL.assess(&state(&real("11_21H2_x64_enterprise")));
    assert_eq!(findings.status, Status::Assessed);
    let names = named_for(&ALL, &findings);
    assert_eq!(
        names,
        BTreeSet::from(["Windows 11 version 21H2 for x64-based Systems".to_owned()])
    );
    assert!(!findings.missing.is_empty() || !findings.unknown.is_empty());
}

#[test]
fn windows_10_rtm_is_the_product_without_a_version() {
    let findings = ALL.assess(&state(&real("10_rtm_x64_pro_en-us")));
    let names = named_for(&ALL, &findings);
    assert_eq!(
        names,
        BTreeSet::from(["Windows 10 for x64-based Systems".to_owned()])
    );
    assert!(!findings.missing.is_empty());
}

#[test]
fn arm64_is_neither_x64_nor_without_data() {
    let version = "10.0.22621.1";
    let of = |architecture: &str| {
        let report = machine("Microsoft Windows 11 Pro", version, architecture, &[]);
        ALL.assess(&state(&report))
    };
    let arm = named_for(&ALL, &of("arm64"));
    assert_eq!(
        arm,
        BTreeSet::from(["Windows 11 Version 22H2 for ARM64-based Systems".to_owned()])
    );
    assert!(!of("arm64").missing.is_empty());
    assert_eq!(
        named_for(&ALL, &of("x64")),
        BTreeSet::from(["Windows 11 Version 22H2 for x64-based Systems".to_owned()])
    );
}

#[test]
fn server_2022_does_not_take_in_its_23h2_edition() {
    let full = machine(
        "Microsoft Windows Server 2022 Datacenter",
        "10.0.20348.1",
        "x64",
        &[],
    );
    let edition = machine(
        "Microsoft Windows Server 2022 Datacenter",
        "10.0.25398.1",
        "x64",
        &[],
    );
    let full = ALL.assess(&state(&full));
    let edition = ALL.assess(&state(&edition));
    assert_eq!(
        named_for(&ALL, &full),
        BTreeSet::from(["Windows Server 2022".to_owned()])
    );
    assert_eq!(
        named_for(&ALL, &edition),
        BTreeSet::from(["Windows Server 2022, 23H2 Edition (Server Core installation)".to_owned()])
    );
    let (full, edition) = (missing(&ALL, &full), missing(&ALL, &edition));
    assert!(!full.is_empty() && !edition.is_empty());
    let cumulative = |kbs: &[u32]| *kbs.iter().max().unwrap();
    assert_ne!(cumulative(&full), cumulative(&edition));
}

#[test]
fn server_2012_does_not_take_in_r2() {
    let of = |name: &str, version: &str| {
        let findings = ALL.assess(&state(&machine(name, version, "x64", &[])));
        (named_for(&ALL, &findings), missing(&ALL, &findings))
    };
    let (plain, plain_kbs) = of("Microsoft Windows Server 2012 Standard", "6.2.9200");
    let (r2, r2_kbs) = of("Microsoft Windows Server 2012 R2 Standard", "6.3.9600");
    assert_eq!(plain, BTreeSet::from(["Windows Server 2012".to_owned()]));
    assert_eq!(r2, BTreeSet::from(["Windows Server 2012 R2".to_owned()]));
    assert!(!plain_kbs.is_empty() && !r2_kbs.is_empty());
    let rollup = |kbs: &[u32]| *kbs.iter().max().unwrap();
    assert_ne!(rollup(&plain_kbs), rollup(&r2_kbs));
}

#[test]
fn products_microsoft_no_longer_documents_have_no_data_and_are_not_clean() {
    for prefix in [
        "xp_sp2_x64",
        "vista_x64_sp1",
        "srv_2003_rtm_x86_standard_en-us",
    ] {
        let findings = ALL.assess(&state(&real(prefix)));
        assert_eq!(findings.status, Status::NoData, "{prefix}");
        assert!(findings.missing.is_empty());
    }
}

#[test]
fn without_a_list_and_without_a_revision_nothing_is_claimed() {
    let mut report = machine("Microsoft Windows 10 Pro", "10.0.19045", "x64", &[]);
    report.updates = None;
    let findings = ALL.assess(&state(&report));
    assert_eq!(missing(&ALL, &findings), [0; 0]);
    assert!(!findings.unknown.is_empty());
    // The revision alone tells of the cumulative update.
    report.os.version = "10.0.19045.2130".parse().ok();
    let findings = ALL.assess(&state(&report));
    assert!(!missing(&ALL, &findings).is_empty());
}

#[test]
fn a_revision_proves_what_the_list_does_not_show() {
    // January 2024's cumulative update of 22H2 is 19045.3930.
    let mut report = machine("Microsoft Windows 10 Pro", "10.0.19045.3930", "x64", &[]);
    let explained =
        |report: &MachineReport| ALL.explain(&state(report), kb(5_034_122)).unwrap().verdict;
    assert!(
        matches!(explained(&report), Verdict::Present(Presence::Build(_))),
        "{:?}",
        explained(&report)
    );
    report.os.version = "10.0.19045.3929".parse().ok();
    assert!(
        matches!(
            explained(&report),
            Verdict::Replaced { .. } | Verdict::Missing(_)
        ),
        "{:?}",
        explained(&report)
    );
    report.updates = serde_json::from_value(json!([{ "kb": 5_034_122 }])).ok();
    assert!(matches!(
        explained(&report),
        Verdict::Present(Presence::Installed)
    ));
}

#[test]
fn an_update_that_waits_for_a_restart_is_pending() {
    let assessor = as_of("2020-03-11");
    let mut report = machine(
        "Microsoft Windows 10 Enterprise",
        "10.0.18363.657",
        "x64",
        &[4_532_693],
    );
    report.updates = serde_json::from_value(json!([
        { "kb": 4_532_693 },
        { "kb": 4_540_673, "rebootPending": true },
    ]))
    .ok();
    let findings = assessor.assess(&state(&report));
    assert!(!missing(&assessor, &findings).contains(&4_540_673));
    let pending: Vec<Kb> = findings.pending.iter().map(|pending| pending.kb).collect();
    assert_eq!(pending, [kb(4_540_673)]);
}

#[test]
fn a_chain_of_updates_can_be_followed() {
    let assessor = as_of("2020-03-11");
    let report = machine(
        "Microsoft Windows 10 Enterprise",
        "10.0.18363",
        "x64",
        &[4_540_673],
    );
    // From two months before.
    let explanation = assessor.explain(&state(&report), kb(4_528_760)).unwrap();
    let Verdict::Present(Presence::Covered { by, steps, .. }) = explanation.verdict else {
        panic!("{explanation:?}");
    };
    assert_eq!(by, kb(4_540_673));
    assert_eq!(steps.last().unwrap().older(), kb(4_528_760));
}

#[test]
fn on_the_security_only_track_no_rollup_is_asked_for() {
    let os = "Microsoft Windows Server 2012 R2 Standard";
    let assessor = as_of("2023-01-31");
    let assess = |installed: &[u32]| {
        let report = machine(os, "6.3.9600", "x64", installed);
        assessor.assess(&state(&report))
    };
    // The monthly rollup and the security only update of January 2023.
    let kbs = |findings: &Findings| {
        let found = missing(&assessor, findings);
        (found.contains(&5_022_352), found.contains(&5_022_346))
    };
    // December's rollup, December's security only update.
    assert_eq!(kbs(&assess(&[5_021_294])), (true, false));
    assert_eq!(kbs(&assess(&[5_021_296])), (false, true));
}

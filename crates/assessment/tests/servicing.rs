//! Servicing lines where they are hard: hotpatches, slips of the feed, and what other tools name wrongly.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use kbgap_assessment::{Assessor, Line, MachineState, Presence, SlipKind, UnknownReason, Verdict};
use kbgap_catalog::document::{
    Document, Fix, FixId, Oddities, ProductEntry, Rating, SubType, Supersedence, Vulnerability,
};
use kbgap_catalog::{Catalog, Kb, WindowsProduct};
use support::{MARCH_2019, TODAY, as_of, build, compiler, kb, lacks, machine, state};

const SERVER_2025: &str = "Microsoft Windows Server 2025 Datacenter";
const SERVER_2022: &str = "Microsoft Windows Server 2022 Datacenter Azure Edition";
const WINDOWS_11: &str = "Microsoft Windows 11 Enterprise";
const WINDOWS_10: &str = "Microsoft Windows 10 Pro";

/// What a machine lacks of its operating system and the components its update serves.
fn lacks_of_windows(assessor: &Assessor, report: &kbgap_inventory::MachineReport) -> Vec<u32> {
    let state = state(report);
    let findings = assessor.assess(&state);
    let windows = assessor.catalog().find_windows(&state.windows);
    let of_windows = |missing: &&kbgap_assessment::Missing| {
        missing
            .products
            .iter()
            .any(|product| windows.contains(product))
    };
    let missing = findings.missing.iter().filter(of_windows);
    let kbs = missing.map(|missing| assessor.catalog().update(missing.update).kb);
    // Single fixes that stand alone are not its servicing.
    let on_line = |kb: &Kb| assessor.explain(&state, *kb).unwrap().line != Line::Standalone;
    kbs.filter(on_line).map(Kb::number).collect()
}

static END_OF_2025: LazyLock<Assessor> = LazyLock::new(|| as_of("2025-12-31"));

#[test]
fn a_hotpatched_machine_below_the_cumulative_build_is_covered() {
    // December 2025: the hotpatch is revision 7392, the cumulative update 7462.
    for os in [SERVER_2025, WINDOWS_11] {
        let report = build(os, "10.0.26100.7392");
        assert_eq!(lacks(&END_OF_2025, &report), [0; 0], "{os}");
        let state = state(&report);
        let december = END_OF_2025.explain(&state, kb(5_072_014)).unwrap();
        assert!(
            matches!(december.verdict, Verdict::Present(Presence::Build(_))),
            "{december:?}"
        );
    }
    assert_eq!(
        lacks(&END_OF_2025, &build(WINDOWS_11, "10.0.26200.7392")),
        [0; 0]
    );
}

#[test]
fn a_hotpatched_machine_is_asked_for_the_next_hotpatch() {
    // November's hotpatch is revision 7092.
    for (os, version) in [
        (SERVER_2025, "10.0.26100.7092"),
        (WINDOWS_11, "10.0.26100.7092"),
        (WINDOWS_11, "10.0.26200.7092"),
    ] {
        assert_eq!(
            lacks(&END_OF_2025, &build(os, version)),
            [5_072_014],
            "{os}"
        );
    }
    // The same by a list: October's baseline and November's hotpatch.
    let listed = |kbs: &[u32]| machine(SERVER_2025, "10.0.26100", "x64", kbs);
    assert_eq!(
        lacks_of_windows(&END_OF_2025, &listed(&[5_066_835, 5_068_966])),
        [5_072_014]
    );
    assert_eq!(
        lacks_of_windows(&END_OF_2025, &listed(&[5_066_835, 5_068_966, 5_072_014])),
        [0; 0]
    );
}

#[test]
fn what_no_hotpatch_is_stated_for_cannot_be_told_on_a_hotpatched_machine() {
    // March 2023: of 54 vulnerabilities of Server 2022, one has the cumulative update as its only fix.
    let march = as_of("2023-03-31");
    let findings = march.assess(&state(&build(SERVER_2022, "10.0.20348.1600")));
    let unknown = findings.unknown.iter().map(|unknown| {
        let kb = march.catalog().update(unknown.update).kb;
        (kb.number(), unknown.reason)
    });
    let not_stated = UnknownReason::AlternativeNotStated;
    let unknown: Vec<_> = unknown
        .filter(|(_, reason)| *reason == not_stated)
        .collect();
    assert_eq!(unknown, [(5_023_705, not_stated)]);
    assert_eq!(support::missing(&march, &findings), [0; 0]);
}

#[test]
fn a_machine_off_the_hotpatch_track_is_not_covered_by_a_higher_revision() {
    // Between November's hotpatch (7092) and December's: a cumulative preview, and November's
    // cumulative update (7171).
    for version in ["10.0.26100.7171", "10.0.26100.7309", "10.0.26100.7461"] {
        assert_eq!(
            lacks(&END_OF_2025, &build(WINDOWS_11, version)),
            [5_072_033],
            "{version}"
        );
    }
    assert_eq!(
        lacks(&END_OF_2025, &build(WINDOWS_11, "10.0.26100.7462")),
        [0; 0]
    );
}

#[test]
fn a_hotpatched_machine_behind_the_baseline_is_asked_for_the_cumulative_update() {
    // September's hotpatch was applied to July's baseline; since October another one is due.
    assert_eq!(
        lacks(&END_OF_2025, &build(SERVER_2025, "10.0.26100.6508")),
        [5_072_033]
    );
    // Before October it was up to date.
    let september = as_of("2025-10-13");
    assert_eq!(
        lacks(&september, &build(SERVER_2025, "10.0.26100.6508")),
        [0; 0]
    );
}

#[test]
fn hotpatches_listed_under_a_product_of_their_own_count() {
    // In 2022 the feed had a product for Azure Edition; June's hotpatch is revision 770.
    let june = as_of("2022-06-30");
    let mut report = build(SERVER_2022, "10.0.20348.770");
    assert_eq!(lacks(&june, &report), [0; 0]);
    report.os.version = "10.0.20348.740".parse().ok();
    assert_eq!(lacks(&june, &report), [5_014_678], "the cumulative update");
}

#[test]
fn out_of_band_kb4345421_is_covered_by_later_cumulative_updates() {
    // 2018-07-16, revision 165 of 17134; no later update names it.
    let assessor = as_of("2018-08-31");
    let august = machine(WINDOWS_10, "10.0.17134", "x64", &[4_343_909]);
    assert!(!lacks(&assessor, &august).contains(&4_345_421));
    // It proves a build itself, though no document describes it.
    let july = machine(WINDOWS_10, "10.0.17134", "x64", &[4_345_421]);
    let explained = assessor.explain(&state(&july), kb(4_338_819)).unwrap();
    assert!(
        matches!(
            explained.verdict,
            Verdict::Present(Presence::Covered { .. })
        ),
        "{explained:?}"
    );
    assert_eq!(lacks_of_windows(&assessor, &july), [4_343_909]);
}

/// Which of some updates a machine on Windows 10 1803 lacks, in March 2019.
fn lacks_of(some: &[u32], installed: &[u32]) -> Vec<u32> {
    let report = machine(WINDOWS_10, "10.0.17134.590", "x64", installed);
    let mut named = lacks(&MARCH_2019, &report);
    named.retain(|kb| some.contains(kb));
    named
}

#[test]
fn flash_forks_leave_one_flash_update() {
    let flash = [
        4_103_729, 4_287_903, 4_338_832, 4_343_902, 4_457_146, 4_462_930, 4_467_694, 4_471_331,
        4_477_029, 4_480_979, 4_487_038,
    ];
    let named = |installed: &[u32]| lacks_of(&flash, installed);
    assert_eq!(named(&[4_487_017, 4_485_449]), [4_487_038]);
    assert_eq!(named(&[4_487_017, 4_485_449, 4_487_038]), [0; 0]);
    // The one before the last leaves the last.
    assert_eq!(named(&[4_487_017, 4_485_449, 4_480_979]), [4_487_038]);
}

#[test]
fn the_servicing_stack_advisory_names_the_newest_stack_only() {
    // ADV990001 lists the servicing stacks of every release.
    let stacks = [
        4_132_216, 4_338_853, 4_343_669, 4_456_655, 4_465_663, 4_477_137, 4_485_449,
    ];
    let named = |installed: &[u32]| lacks_of(&stacks, installed);
    assert_eq!(named(&[4_487_017, 4_465_663]), [4_485_449]);
    assert_eq!(named(&[4_487_017, 4_485_449]), [0; 0]);
    // With the servicing stack in the cumulative update, nothing of it is asked for.
    let today = machine(WINDOWS_10, "10.0.17763", "x64", &[5_068_791]);
    assert_eq!(lacks_of_windows(&as_of("2025-11-30"), &today), [0; 0]);
}

#[test]
fn preview_kb4487029_proves_the_build_and_is_not_asked_for() {
    // 2019-02-19, revision 619 of 17134, after February's security update (590).
    let preview = machine(
        WINDOWS_10,
        "10.0.17134",
        "x64",
        &[4_487_029, 4_485_449, 4_487_038],
    );
    assert_eq!(lacks(&MARCH_2019, &preview), [0; 0]);
    let security = machine(
        WINDOWS_10,
        "10.0.17134",
        "x64",
        &[4_487_017, 4_485_449, 4_487_038],
    );
    assert_eq!(lacks(&MARCH_2019, &security), [0; 0]);
}

#[test]
fn security_only_and_rollup_are_never_asked_for_together() {
    let os = "Microsoft Windows Server 2012 R2 Standard";
    let named = |installed: &[u32]| {
        let report = machine(os, "6.3.9600", "x64", installed);
        let mut named = lacks(&MARCH_2019, &report);
        // February 2019: rollup, security only, Internet Explorer.
        named.retain(|kb| [4_487_000, 4_487_028, 4_486_474].contains(kb));
        named
    };
    assert_eq!(named(&[]), [4_487_000]);
    assert_eq!(named(&[4_480_963]), [4_487_000], "January's rollup");
    assert_eq!(
        named(&[4_480_964]),
        [4_486_474, 4_487_028],
        "January's security only"
    );
    assert_eq!(named(&[4_487_000]), [0; 0]);
}

#[test]
fn a_net_framework_rollup_is_one_finding_under_the_number_it_is_offered() {
    let os = "Microsoft Windows 7 Enterprise";
    let mut report = machine(os, "6.1.7601", "x64", &[4_486_563, 3_177_467]);
    report.os.service_pack = Some(1);
    // Packages of January for 3.5.1 and 4.6 to 4.7.2 show both versions.
    let installed = |kbs: &[u32]| {
        let mut report = report.clone();
        let more = machine(os, "6.1.7601", "x64", kbs).updates.unwrap();
        report.updates.as_mut().unwrap().extend(more);
        lacks(&MARCH_2019, &report)
    };
    assert_eq!(installed(&[4_480_063, 4_480_055]), [4_487_078]);
    // One package does not stand for the other.
    assert_eq!(installed(&[4_483_458, 4_480_055]), [4_487_078]);
    assert_eq!(installed(&[4_483_458, 4_483_451]), [0; 0]);
}

/// A month made for a test: an update of each product, with what it states.
fn month(id: &str, day: &str, updates: &[(&str, u32, Option<&str>, &[u32])]) -> Document {
    let released: Timestamp = format!("{day}T18:00:00Z").parse().unwrap();
    let products = updates
        .iter()
        .enumerate()
        .map(|(at, (name, ..))| ProductEntry {
            id: TODAY
                .products()
                .iter()
                .find(|product| product.name.trim() == *name)
                .map_or_else(|| format!("test-{at}").into(), |product| product.id.clone()),
            name: (*name).into(),
        });
    let position = |at: usize| u32::try_from(at).unwrap();
    let fixes = updates
        .iter()
        .enumerate()
        .map(|(at, (_, number, build, supersedes))| Fix {
            id: FixId::Kb(kb(*number)),
            sub_type: SubType::SecurityUpdate,
            fixed_build: build.map(|build| kbgap_catalog::document::FixedBuild {
                versions: vec![build.parse().unwrap()],
                text: None,
            }),
            supersedes: Supersedence {
                kbs: supersedes.iter().map(|&number| kb(number)).collect(),
            },
            restart: None,
            url: None,
            products: vec![position(at)],
        });
    let fixes: Vec<Fix> = fixes.collect();
    let year = &id[..4];
    let vulnerabilities = (0..5).map(|number| Vulnerability {
        id: format!(
            "CVE-{year}-9{}{number:03}",
            position(id.len()) + u32::from(id.as_bytes()[5])
        )
        .parse()
        .unwrap(),
        title: "".into(),
        description: "".into(),
        component: None,
        published: day.parse().ok(),
        updated: day.parse().ok(),
        exploit: None,
        ratings: vec![Rating {
            severity: None,
            impact: None,
            cvss: None,
            products: (0..updates.len()).map(position).collect(),
        }],
        fixes: fixes.clone(),
    });
    Document {
        id: id.into(),
        title: format!("{id} Security Updates").into(),
        initial_release: released,
        current_release: released,
        revision: "1".into(),
        products: products.collect(),
        vulnerabilities: vulnerabilities.collect(),
        oddities: Oddities::default(),
    }
}

/// Today's documents with two months after them.
fn with_slips(build: bool) -> Catalog {
    let (server, client, old) = (
        "Windows Server 2025",
        "Windows 11 Version 24H2 for x64-based Systems",
        "Windows 10 Version 1809 for x64-based Systems",
    );
    let stated = |text| build.then_some(text);
    let mut compiler = compiler(&kbgap_corpus::cvrf());
    compiler.add(month(
        "2026-Jan",
        "2026-01-13",
        &[
            (server, 5_073_379, stated("10.0.26100.32230"), &[5_072_033]),
            (client, 5_074_109, stated("10.0.26100.7623"), &[5_072_033]),
            (old, 5_073_723, stated("10.0.17763.8276"), &[5_071_544]),
        ],
    ));
    compiler.add(month(
        "2026-Feb",
        "2026-02-10",
        &[
            // It says that it replaces the client's update of January.
            (server, 5_075_899, stated("10.0.26100.32370"), &[5_074_109]),
            (client, 5_077_181, stated("10.0.26100.7840"), &[5_074_109]),
            // It names nothing.
            (old, 5_075_904, stated("10.0.17763.8389"), &[]),
        ],
    ));
    compiler.finish().0
}

#[test]
fn slips_as_of_february_2026_leave_one_cumulative_update() {
    for stated in [true, false] {
        let assessor = Assessor::new(Arc::new(with_slips(stated)));
        for (os, version, december, named) in [
            (SERVER_2025, "10.0.26100", 5_072_033, 5_075_899),
            (WINDOWS_11, "10.0.26100", 5_072_033, 5_077_181),
            (WINDOWS_10, "10.0.17763", 5_071_544, 5_075_904),
        ] {
            let listed = machine(os, version, "x64", &[december]);
            assert_eq!(
                lacks_of_windows(&assessor, &listed),
                [named],
                "{os} {stated}"
            );
            let unpatched = machine(os, version, "x64", &[]);
            assert_eq!(
                lacks_of_windows(&assessor, &unpatched),
                [named],
                "{os} {stated}"
            );
            let patched = machine(os, version, "x64", &[named]);
            assert_eq!(
                lacks_of_windows(&assessor, &patched),
                [0; 0],
                "{os} {stated}"
            );
        }
        let kinds_on = |name: &str, number: u32| {
            let windows = WindowsProduct::of_name(name).unwrap();
            let mut slips = assessor.slips();
            let (_, slips) = slips.find(|(found, _)| **found == windows).unwrap();
            let of_update = slips.iter().filter(|slip| slip.kb == kb(number));
            of_update.map(|slip| slip.kind).collect::<Vec<_>>()
        };
        assert_eq!(
            kinds_on("Windows Server 2025", 5_075_899),
            [SlipKind::ReplacesOtherProducts]
        );
        assert_eq!(
            kinds_on("Windows 10 Version 1809 for x64-based Systems", 5_075_904),
            [SlipKind::ReplacesNothing]
        );
    }
}

#[test]
fn slips_of_the_feed_are_found_and_do_not_bend_the_line() {
    let assessor = &*support::ALL;
    let kinds_on = |name: &str, number: u32| {
        let windows = WindowsProduct::of_name(name).unwrap();
        let mut slips = assessor.slips();
        let (_, slips) = slips.find(|(found, _)| **found == windows).unwrap();
        let of_update = slips.iter().filter(|slip| slip.kb == kb(number));
        of_update.map(|slip| slip.kind).collect::<Vec<_>>()
    };
    // Transposed digits: 993 for 963.
    let windows_11 = "Windows 11 Version 22H2 for x64-based Systems";
    assert!(kinds_on(windows_11, 5_021_255).contains(&SlipKind::RevisionsDisagree));
    assert_eq!(
        lacks(&as_of("2023-01-09"), &build(WINDOWS_11, "10.0.22621.963")),
        [0; 0]
    );
    // An impossible build: 17784 for 17763.
    let windows_10 = "Windows 10 Version 1809 for x64-based Systems";
    assert!(kinds_on(windows_10, 5_005_568).contains(&SlipKind::OtherBuild));
    // Another release's update as the fix: 21H2's for 22H2.
    assert!(kinds_on(windows_11, 5_018_418).contains(&SlipKind::OtherProductsFix));
    let october = as_of("2022-10-31");
    assert_eq!(
        lacks(&october, &build(WINDOWS_11, "10.0.22621.674")),
        [0; 0]
    );
    // The recovery image's build: neither build nor list tells of it, so it is not missing.
    let today = build(WINDOWS_10, "10.0.19045.6691");
    let state: MachineState = state(&today);
    let explained = assessor.explain(&state, kb(5_042_320)).unwrap();
    assert_eq!(
        explained.verdict,
        Verdict::Unknown(UnknownReason::OtherImage)
    );
}

//! What holds for every machine, on Microsoft's real documents.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kbgap_assessment::{InstalledUpdates, Line, MachineState};
use kbgap_catalog::{
    Catalog, HistoryEntry, HistoryLine, Kb, ProductIdentity, Series, WindowsBuild, WindowsProduct,
};
use proptest::prelude::*;
use support::ALL;

/// Every Windows in the catalog, with the updates that fix something on it.
static WINDOWS: LazyLock<Vec<(WindowsProduct, Vec<Kb>)>> = LazyLock::new(|| {
    let catalog = ALL.catalog();
    let windows: BTreeSet<String> = catalog
        .products()
        .iter()
        .filter_map(|product| product.identity.windows())
        .map(ToString::to_string)
        .collect();
    let mut all: Vec<(WindowsProduct, Vec<Kb>)> = Vec::new();
    for product in catalog.products() {
        if let ProductIdentity::Windows(product) = &product.identity
            && windows.contains(&product.to_string())
            && !all.iter().any(|(known, _)| known == product)
        {
            all.push((product.clone(), updates(catalog, product)));
        }
    }
    all
});

fn updates(catalog: &Catalog, windows: &WindowsProduct) -> Vec<Kb> {
    let products = catalog.find_windows(windows).iter();
    let products = products.chain(catalog.find_components(windows));
    let fixes = products.flat_map(|&product| &catalog.product(product).exposures);
    let fixes = fixes.flat_map(|exposure| &exposure.fixes);
    let updates = fixes.filter_map(|&fix| catalog.fix(fix).update());
    let kbs: BTreeSet<Kb> = updates.map(|at| catalog.update(at).kb).collect();
    kbs.into_iter().collect()
}

fn state(windows: &WindowsProduct, installed: &BTreeSet<Kb>) -> MachineState {
    MachineState {
        installed: Some(InstalledUpdates::new(installed.iter().copied(), false)),
        ..MachineState::new(windows.clone())
    }
}

fn missing(state: &MachineState) -> Vec<Kb> {
    let findings = ALL.assess(state);
    let updates = findings.missing.iter();
    updates
        .map(|missing| ALL.catalog().update(missing.update).kb)
        .collect()
}

/// A machine with some of its Windows' updates: few, as a patched machine reports, or many.
fn machine() -> impl Strategy<Value = (usize, Vec<prop::sample::Index>)> {
    (
        0..WINDOWS.len(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    )
}

fn installed(windows: usize, picks: &[prop::sample::Index]) -> BTreeSet<Kb> {
    let updates = &WINDOWS[windows].1;
    if updates.is_empty() {
        return BTreeSet::new();
    }
    picks.iter().map(|pick| *pick.get(updates)).collect()
}

/// The release history of Windows 10 and later, each line with a product of the catalog that it is about.
static LINES: LazyLock<Vec<(WindowsProduct, &HistoryLine)>> = LazyLock::new(|| {
    let lines = ALL.catalog().history_lines().iter();
    let lines =
        lines.filter(|line| line.series == Series::Rollup && line.windows.family.is_cumulative());
    lines
        .flat_map(|line| {
            let products = WINDOWS.iter().map(|(windows, _)| windows);
            products
                .filter(|windows| {
                    windows.family == line.windows.family && windows.release == line.windows.release
                })
                .map(move |windows| (windows.clone(), line))
        })
        .collect()
});

/// How many machines each law is tried on: `cargo xtask laws` tries more.
fn cases() -> u32 {
    std::env::var("KBGAP_LAW_CASES").map_or(512, |cases| cases.parse().unwrap())
}

/// Of the missing updates, those that the build tells of.
fn missing_by_build(state: &MachineState) -> Vec<Kb> {
    let by_build = |kb: &Kb| {
        let line = ALL.explain(state, *kb).unwrap().line;
        matches!(line, Line::Cumulative | Line::Hotpatch)
    };
    missing(state).into_iter().filter(by_build).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn installing_all_that_is_named_leaves_nothing((windows, picks) in machine()) {
        let product = &WINDOWS[windows].0;
        let mut kbs = installed(windows, &picks);
        let named = missing(&state(product, &kbs));
        kbs.extend(named.iter().copied());
        prop_assert_eq!(missing(&state(product, &kbs)), vec![], "{} named {:?}", product, named);
    }

    #[test]
    fn installing_one_removes_it_and_names_no_older_one((windows, picks) in machine()) {
        let product = &WINDOWS[windows].0;
        let kbs = installed(windows, &picks);
        let before = missing(&state(product, &kbs));
        let catalog = ALL.catalog();
        let released = |kb: Kb| catalog.update(catalog.find_update(kb).unwrap()).released;
        for &one in &before {
            let mut with = kbs.clone();
            with.insert(one);
            let after = missing(&state(product, &with));
            prop_assert!(!after.contains(&one));
            let added = after.iter().filter(|kb| !before.contains(kb));
            let older: Vec<&Kb> = added.filter(|kb| released(**kb) < released(one)).collect();
            prop_assert!(older.is_empty(), "{}: {} brings up {:?}; installed {:?}, named before {:?}", product, one, older, kbs, before);
        }
    }

    #[test]
    fn what_is_named_is_neither_installed_nor_covered((windows, picks) in machine()) {
        let product = &WINDOWS[windows].0;
        let kbs = installed(windows, &picks);
        let state = state(product, &kbs);
        for kb in missing(&state) {
            prop_assert!(!kbs.contains(&kb));
            let verdict = ALL.explain(&state, kb).unwrap().verdict;
            prop_assert!(matches!(verdict, kbgap_assessment::Verdict::Missing(_)), "{}: {:?}", kb, verdict);
        }
    }

    #[test]
    fn build_and_list_tell_the_same(
        line in any::<prop::sample::Index>(),
        entry in any::<prop::sample::Index>(),
        others in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let (windows, line) = line.get(&LINES);
        let HistoryEntry { kb, revision } = *entry.get(&line.entries);
        // A machine patched by cumulative updates up to a day may list some of the earlier ones too.
        let earlier = others.iter().map(|other| other.get(&line.entries));
        let earlier = earlier.filter(|other| other.revision < revision).map(|other| other.kb);
        let mut listed: Vec<Kb> = earlier.chain([kb]).collect();
        let build = windows.build().map(|build| WindowsBuild { ubr: revision, ..build });
        let by_build = MachineState { build, ..MachineState::new(windows.clone()) };
        let by_list = MachineState {
            installed: Some(InstalledUpdates::new(listed.clone(), false)),
            ..MachineState::new(windows.clone())
        };
        let by_both = MachineState { build, ..by_list.clone() };
        let expected = missing_by_build(&by_both);
        prop_assert_eq!(missing_by_build(&by_build), expected.clone(), "{} {:?} by build", windows, revision);
        prop_assert_eq!(missing_by_build(&by_list), expected, "{} {:?} by list", windows, listed);
        // The order of a list is of no consequence.
        listed.reverse();
        let reversed = MachineState { installed: Some(InstalledUpdates::new(listed, false)), ..by_list.clone() };
        prop_assert_eq!(ALL.assess(&reversed), ALL.assess(&by_list));
        // A machine up to date with all that its list tells lacks what its build lacks, and no more.
        let mut kbs: BTreeSet<Kb> = by_list.installed.iter().flat_map(InstalledUpdates::kbs).copied().collect();
        kbs.extend(missing(&by_list).into_iter().filter(|kb| !missing_by_build(&by_list).contains(kb)));
        let patched = state(windows, &kbs);
        prop_assert_eq!(missing(&patched), missing_by_build(&by_build), "{} {:?}", windows, kbs);
    }
}

//! What holds for every machine, on Microsoft's real documents.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use kbgap_assessment::{Assessor, InstalledUpdates, MachineState};
use kbgap_catalog::{
    Catalog, Compiler, Kb, ProductIdentity, ReleaseHistory, WindowsProduct, document,
};
use proptest::prelude::*;

static ASSESSOR: LazyLock<Assessor> = LazyLock::new(|| {
    let mut compiler = Compiler::new();
    for (name, bytes) in kbgap_corpus::documents(&kbgap_corpus::cvrf()) {
        let document = document::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        compiler.add(document);
    }
    compiler.add_history(ReleaseHistory::read(&kbgap_corpus::release_history()).unwrap());
    Assessor::new(Arc::new(compiler.finish().0))
});

/// Every Windows in the catalog, with the updates that fix something on it.
static WINDOWS: LazyLock<Vec<(WindowsProduct, Vec<Kb>)>> = LazyLock::new(|| {
    let catalog = ASSESSOR.catalog();
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
    let findings = ASSESSOR.assess(state);
    let updates = findings.missing.iter();
    updates
        .map(|missing| ASSESSOR.catalog().update(missing.update).kb)
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

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
        let catalog = ASSESSOR.catalog();
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
            let verdict = ASSESSOR.explain(&state, kb).unwrap().verdict;
            prop_assert!(matches!(verdict, kbgap_assessment::Verdict::Missing(_)), "{}: {:?}", kb, verdict);
        }
    }
}

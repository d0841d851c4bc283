//! The readers and the catalog on Microsoft's real documents.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod msrc_json;

use std::sync::LazyLock;

use kbgap_catalog::document::{self, Document, Oddities, OddityKind};
use kbgap_catalog::{
    Catalog, Compiler, Day, Kb, ProductIdentity, ReleaseHistory, Series, SoftwareId, Texts,
    VulnerabilityId, WindowsProduct, snapshot,
};

struct Corpus {
    documents: usize,
    entries: usize,
    fixes: usize,
    oddities: Oddities,
    catalog: Catalog,
    texts: Texts,
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let mut oddities = Oddities::default();
    let (mut documents, mut entries, mut fixes) = (0, 0, 0);
    let mut compiler = Compiler::new();
    for (name, bytes) in kbgap_corpus::documents(&kbgap_corpus::cvrf()) {
        let document = document::read_xml(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        documents += 1;
        entries += document.vulnerabilities.len();
        fixes += document
            .vulnerabilities
            .iter()
            .map(|v| v.fixes.len())
            .sum::<usize>();
        oddities.add(&document.oddities);
        compiler.add(document);
    }
    let (catalog, texts) = compiler.finish();
    Corpus {
        documents,
        entries,
        fixes,
        oddities,
        catalog,
        texts,
    }
});

fn kb(number: u32) -> Kb {
    Kb::new(number).unwrap()
}

#[test]
fn every_document_is_read_and_nothing_is_dropped_unseen() {
    let corpus = &*CORPUS;
    assert_eq!(
        (corpus.documents, corpus.entries, corpus.fixes),
        (117, 11_178, 113_543)
    );
    let catalog = &corpus.catalog;
    assert_eq!(catalog.documents().len(), 117);
    assert_eq!(catalog.products().len(), 2_281);
    assert_eq!(catalog.vulnerabilities().len(), 10_850);
    let with_fix: std::collections::HashSet<_> = catalog
        .fixes()
        .iter()
        .filter_map(kbgap_catalog::Fix::update)
        .collect();
    // 4,626 numbers are stated as fixes; packages of the .NET Framework count as their rollup.
    assert_eq!(with_fix.len(), 4_559);
    assert_eq!(catalog.packages().len(), 748);
    let cves = catalog
        .vulnerabilities()
        .iter()
        .filter(|v| v.id.is_cve())
        .count();
    assert!(cves > 10_000 && cves < 10_850, "{cves}");
    let oddities: Vec<(OddityKind, u64)> = corpus
        .oddities
        .iter()
        .map(|(kind, oddity)| (kind, oddity.count))
        .collect();
    assert_eq!(
        oddities,
        [
            (OddityKind::FixWithoutKb, 9_390),
            (OddityKind::FixedBuildUnread, 5_386),
            (OddityKind::SupersedenceUnread, 6),
            (OddityKind::SubTypeUnknown, 67),
            (OddityKind::NotAFix, 53_317),
        ]
    );
}

#[test]
fn xml_and_json_give_equal_documents() {
    let mut compiler = Compiler::new();
    for (name, bytes) in kbgap_corpus::documents(&kbgap_corpus::cvrf()) {
        let xml = document::read_xml(&bytes).unwrap();
        let json = msrc_json::of_xml(std::str::from_utf8(&bytes).unwrap());
        let json =
            document::read_json(json.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(at) = (0..xml.vulnerabilities.len())
            .find(|&at| xml.vulnerabilities[at] != json.vulnerabilities[at])
        {
            assert_eq!(xml.vulnerabilities[at], json.vulnerabilities[at], "{name}");
        }
        assert!(xml == json, "{name}: head, products or oddities differ");
        compiler.add(json);
    }
    let (catalog, texts) = compiler.finish();
    assert!(catalog == CORPUS.catalog && texts == CORPUS.texts);
}

#[test]
fn a_rollup_of_the_net_framework_is_one_update_with_its_packages() {
    let catalog = &CORPUS.catalog;
    // December 2018 for Windows 7: the documents name the packages, their links the update.
    for package in [4_470_641, 4_470_637, 4_470_640] {
        assert!(
            catalog.is_same_update(kb(package), kb(4_471_987)),
            "{package}"
        );
        let update = catalog.find_update(kb(package)).unwrap();
        assert_eq!(catalog.update(update).kb, kb(4_471_987));
    }
    // July 2024 for Server 2012: the documents name the update, their links the packages.
    assert!(catalog.is_same_update(kb(5_039_908), kb(5_041_022)));
    assert!(!catalog.is_same_update(kb(5_039_908), kb(5_041_021)));
}

#[test]
fn the_release_history_is_read_row_by_row() {
    let history = ReleaseHistory::read(&kbgap_corpus::release_history()).unwrap();
    let left_out: Vec<&str> = history.left_out.iter().map(|row| &*row.reason).collect();
    // Sixteen revisions were the release itself, which no update brought.
    assert_eq!((history.entries(), left_out.len()), (3_662, 16));
    assert!(
        left_out
            .iter()
            .all(|reason| reason.starts_with("kb: empty"))
    );
    let mut compiler = Compiler::new();
    compiler.add_history(history);
    let (catalog, _) = compiler.finish();
    let windows = WindowsProduct::of_name("Windows 10 Version 1809 for x64-based Systems").unwrap();
    let entries = catalog.history(&windows, Series::Rollup);
    let february = entries
        .iter()
        .find(|entry| entry.kb == kb(4_487_044))
        .unwrap();
    assert_eq!(february.revision, Some(316));
    assert!(catalog.history(&windows, Series::SecurityOnly).is_empty());
}

#[test]
fn the_documented_figures_come_out() {
    let catalog = &CORPUS.catalog;
    let update = catalog.find_update(kb(4_540_673)).unwrap();
    assert_eq!(catalog.update_name(update), "March 2020 Security Updates");
    let products = |names: &[&str]| {
        catalog
            .all_products()
            .filter(|&at| names.contains(&&*catalog.product(at).name))
            .collect::<Vec<_>>()
    };
    let edge = catalog.find_software(&SoftwareId::from_client("Microsoft-_-Edge"));
    assert_eq!(catalog.cves_addressed(update, edge), 14);
    for (release, cves) in [("1909", 97), ("1903", 96)] {
        let host = format!("Windows 10 Version {release} for x64-based Systems");
        let machine = products(&[
            &host,
            &format!("Microsoft Edge (EdgeHTML-based) on {host}"),
            &format!("Internet Explorer 11 on {host}"),
        ]);
        assert_eq!(machine.len(), 3);
        assert_eq!(catalog.cves_addressed(update, machine), cves, "{release}");
    }
}

#[test]
fn a_snapshot_is_the_catalog_and_damage_is_seen() {
    let corpus = &*CORPUS;
    let file = snapshot::write(&corpus.catalog, &corpus.texts).unwrap();
    let (catalog, texts) = snapshot::read(&file).unwrap();
    assert!(catalog == corpus.catalog && texts == corpus.texts);
    assert!(file.len() < 4 << 20, "{} bytes", file.len());
    let header = snapshot::Header::read(&file).unwrap();
    let facts_end = snapshot::Header::LENGTH + header.facts_length();
    for at in [
        0,
        9,
        15,
        40,
        snapshot::Header::LENGTH + 5,
        facts_end - 1,
        facts_end + 5,
        file.len() - 1,
    ] {
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        assert!(snapshot::read(&damaged).is_err(), "a flipped bit at {at}");
    }
    for length in [
        0,
        10,
        snapshot::Header::LENGTH,
        facts_end - 1,
        file.len() - 1,
    ] {
        assert!(
            snapshot::read(&file[..length]).is_err(),
            "cut off at {length}"
        );
    }
}

#[test]
fn as_of_a_day_only_what_was_published_counts() {
    let day: Day = "2020-03-11".parse().unwrap();
    let before = CORPUS.catalog.as_of(day);
    let cve: VulnerabilityId = "CVE-2020-0796".parse().unwrap();
    let smb = CORPUS.catalog.find_vulnerability(&cve).unwrap();
    let exposed = |catalog: &Catalog| {
        let products = catalog.products().iter();
        let exposures = products.flat_map(|product| &product.exposures);
        exposures
            .flat_map(|exposure| &exposure.vulnerabilities)
            .any(|(v, _)| *v == smb)
    };
    assert!(
        exposed(&CORPUS.catalog) && !exposed(&before),
        "published on 2020-03-12"
    );
    for product in before.products() {
        for exposure in &product.exposures {
            assert!(
                exposure
                    .fixes
                    .iter()
                    .all(|&fix| before.published(fix) <= day)
            );
        }
    }
}

#[test]
fn documents_survive_storage() {
    let (_, bytes) = kbgap_corpus::documents(&kbgap_corpus::cvrf())
        .next()
        .unwrap();
    let document = document::read_xml(&bytes).unwrap();
    let packed = document.pack().unwrap();
    assert!(Document::unpack(&packed).unwrap() == document);
    assert!(Document::unpack(&packed[..packed.len() / 2]).is_err());
}

#[test]
fn a_document_cut_anywhere_is_an_error_not_a_panic() {
    let (_, bytes) = kbgap_corpus::documents(&kbgap_corpus::cvrf())
        .nth(20)
        .unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    let json = msrc_json::of_xml(text);
    for part in 1..40 {
        for (whole, read) in [
            (&bytes[..], document::read_xml as fn(&[u8]) -> _),
            (json.as_bytes(), document::read_json),
        ] {
            let cut = &whole[..whole.len() * part / 40];
            let result: Result<Document, _> = read(cut);
            assert!(result.is_err(), "cut at {} of {}", cut.len(), whole.len());
        }
    }
}

/// How much of what the documents say of applications is understood.
#[test]
fn applications_are_understood_by_their_names() {
    let products = CORPUS.catalog.products();
    let pairs = |product: &kbgap_catalog::Product| {
        let mut fixes: Vec<_> = product
            .exposures
            .iter()
            .flat_map(|exposure| &exposure.fixes)
            .collect();
        fixes.sort_unstable();
        fixes.dedup();
        fixes.len()
    };
    let (mut read, mut other) = ((0, 0), (0, 0));
    for product in products {
        let counts = match &product.identity {
            ProductIdentity::Application(_) => &mut read,
            ProductIdentity::Other => &mut other,
            _ => continue,
        };
        counts.0 += 1;
        counts.1 += pairs(product);
    }
    // Names, and (product, fix) pairs: four in five of what is stated of applications. The rest is
    // of cloud services, libraries, extensions, apps for phones, and products long out of support.
    assert_eq!((read, other), ((420, 5_016), (650, 1_116)));
}

#[test]
fn an_application_has_an_id_that_the_documents_give_it() {
    use std::collections::{BTreeMap, BTreeSet};
    let catalog = &CORPUS.catalog;
    // The ids of one application, under all the spellings of its name.
    let mut ids: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut canonical: BTreeSet<(String, SoftwareId)> = BTreeSet::new();
    for product in catalog.products() {
        let Some(application) = product.identity.application() else {
            continue;
        };
        if application.platform != kbgap_catalog::Platform::Windows {
            continue;
        }
        let key = format!("{} {:?}", application.family, application.release);
        ids.entry(key.clone())
            .or_default()
            .insert(product.software.as_str());
        canonical.insert((key, application.software_id()));
    }
    assert!(ids.len() > 100, "{}", ids.len());
    let unknown: Vec<_> = canonical
        .iter()
        .filter(|(key, id)| !ids[key].contains(id.as_str()))
        .map(|(_, id)| id.as_str())
        .collect();
    // One name has a blank that the others do not have: `CU 8`.
    assert_eq!(unknown, ["microsoft-_-skype_for_business_server_2015_cu8"]);
}

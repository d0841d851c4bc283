//! The readers on Microsoft's real documents.

mod support;

use kbgap_catalog::{Compiler, document, snapshot};

#[test]
fn totals() {
    let mut oddities = document::Oddities::default();
    let (mut entries, mut fixes) = (0, 0);
    let started = std::time::Instant::now();
    let mut compiler = Compiler::new();
    for (name, bytes) in support::documents() {
        let document = document::read_xml(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        entries += document.vulnerabilities.len();
        fixes += document
            .vulnerabilities
            .iter()
            .map(|v| v.fixes.len())
            .sum::<usize>();
        oddities.add(&document.oddities);
        compiler.add(document);
    }
    println!("{entries} {fixes} {:?}\n{oddities}", started.elapsed());
    let started = std::time::Instant::now();
    let (catalog, texts) = compiler.finish();
    println!("compile {:?}", started.elapsed());
    let started = std::time::Instant::now();
    let file = snapshot::write(&catalog, &texts).unwrap();
    let h = snapshot::Header::read(&file).unwrap();
    println!(
        "write {:?} {} facts {} texts {}",
        started.elapsed(),
        file.len(),
        h.facts_length(),
        h.texts_length()
    );
    let started = std::time::Instant::now();
    let c = h.facts(&file[snapshot::Header::LENGTH..]).unwrap();
    println!("read facts {:?}", started.elapsed());
    assert!(c == catalog);
    println!(
        "{} docs {} products {} updates {} vulns {} fixes, {} exposures",
        c.documents().len(),
        c.products().len(),
        c.updates().len(),
        c.vulnerabilities().len(),
        c.fixes().len(),
        c.products()
            .iter()
            .map(|p| p.exposures.len())
            .sum::<usize>()
    );
}

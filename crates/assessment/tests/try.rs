use kbgap_assessment::*;
use kbgap_catalog::*;
use std::path::PathBuf;
use std::sync::Arc;
fn catalog(folder: &str) -> Arc<Catalog> {
    let mut c = Compiler::new();
    let root = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/corpus"
    ))
    .join(folder);
    for e in std::fs::read_dir(root).unwrap() {
        let p = e.unwrap().path();
        c.add(
            document::read_xml(&zstd::decode_all(std::fs::File::open(p).unwrap()).unwrap())
                .unwrap(),
        );
    }
    Arc::new(c.finish().0)
}
fn show(a: &Assessor, s: &MachineState) {
    let t = std::time::Instant::now();
    let f = a.assess(s);
    let d = t.elapsed();
    let t = std::time::Instant::now();
    let _ = a.assess(s);
    println!(
        "== {} {:?} scope {:?} first {:?} then {:?}",
        s.windows,
        s.build,
        f.scope
            .iter()
            .map(|p| format!("{} ({})", a.catalog().product(p.product).name, p.reason))
            .collect::<Vec<_>>(),
        d,
        t.elapsed()
    );
    for m in &f.missing {
        let u = a.catalog().update(m.update);
        println!(
            "  {} {} {:?} closes {} cveAddressed {} {:?}",
            u.kb,
            a.catalog().update_name(m.update),
            m.products
                .iter()
                .map(|p| a.catalog().product(*p).software.name().to_owned())
                .collect::<Vec<_>>(),
            m.closes.len(),
            a.catalog().cves_addressed(m.update, f.products_in_scope()),
            m.absence
        );
    }
    for u in &f.unknown {
        println!(
            "  unknown {} {:?}",
            a.catalog().update(u.update).kb,
            u.reason
        );
    }
    for (p, s) in f.products.iter().zip(&f.scope) {
        println!(
            "   {}: {:?} open {}",
            a.catalog().product(s.product).name,
            p.missing
                .iter()
                .map(|u| a.catalog().update(*u).kb)
                .collect::<Vec<_>>(),
            p.open.len()
        );
    }
}
fn win(n: &str) -> WindowsProduct {
    WindowsProduct::of_name(n).unwrap()
}
fn kbs(t: &str) -> InstalledUpdates {
    InstalledUpdates::new(t.split_whitespace().map(|k| k.parse().unwrap()), false)
}
#[test]
fn t() {
    let c = catalog("cvrf");
    let a = Assessor::new(c.clone());
    let mut s = MachineState::new(win("Windows 10 Version 1909 for x64-based Systems"));
    s.build = Some(WindowsBuild::windows10(18363, Some(693)));
    s.installed = Some(kbs("4535996"));
    show(&a, &s);
    let b = Assessor::new(Arc::new(c.as_of("2020-03-11".parse().unwrap())));
    show(&b, &s);
    let mut s = MachineState::new(win("Windows 10 Version 22H2 for x64-based Systems"));
    s.build = Some(WindowsBuild::windows10(19045, Some(6000)));
    show(&a, &s);
    let mut s = MachineState::new(win("Windows Server 2025"));
    s.build = Some(WindowsBuild::windows10(26100, Some(7392)));
    show(&a, &s);
    s.build = Some(WindowsBuild::windows10(26100, Some(7309)));
    show(&a, &s);
    let o = Assessor::new(catalog("cvrf-as-of-2019-03-05"));
    let mut s = MachineState::new(win("Windows 10 Version 1809 for x64-based Systems"));
    s.build = Some(WindowsBuild::windows10(17763, None));
    s.installed = Some(kbs(
        "2693643 4483452 4465477 4465664 4470502 4470788 4471331 4487038 4487044",
    ));
    show(&o, &s);
    let mut s = MachineState::new(win("Windows 10 Version 1803 for x64-based Systems"));
    s.installed = Some(kbs("4462930 4485449 4487038 4487017"));
    show(&o, &s);
    s.installed = Some(kbs(""));
    show(&o, &s);
}

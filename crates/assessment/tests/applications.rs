//! What applications lack, on Microsoft's real documents.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::LazyLock;

use kbgap_assessment::{
    ApplicationFindings, ApplicationFix, ApplicationVerdict, Applications, InstalledApplications,
    InstalledUpdates,
};
use kbgap_catalog::{Catalog, Compiler, Kb, document};
use kbgap_inventory::InstalledSoftware;

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

#[test]
fn show() {
    for m in [
        machine(
            &[
                ("Microsoft SQL Server 2019 (64-bit)", ""),
                ("SQL Server 2019 Database Engine Services", "15.0.2000.5"),
                (
                    "GDR 2155 for SQL Server 2019 (KB5068405) (64-bit)",
                    "15.0.2155.2",
                ),
            ],
            &[],
        ),
        machine(
            &[
                ("Microsoft SQL Server 2019 (64-bit)", ""),
                ("SQL Server 2019 Database Engine Services", "15.0.2000.5"),
            ],
            &[],
        ),
        machine(
            &[("SQL Server 2019 Database Engine Services", "15.0.2000.5")],
            &[],
        ),
        machine(
            &[
                ("SQL Server 2019 Database Engine Services", "15.0.2000.5"),
                (
                    "Hotfix 4382 for SQL Server 2019 (KB5040948) (64-bit)",
                    "15.0.4382.1",
                ),
            ],
            &[],
        ),
        machine(
            &[
                ("Microsoft SQL Server 2022", "16.0.4200.1"),
                ("Microsoft SQL Server 2016", "13.0.5108.50"),
                ("Microsoft SQL Server 2014", "12.0.6174.8"),
            ],
            &[],
        ),
        machine(
            &[(
                "Microsoft Exchange Server 2019 Cumulative Update 14",
                "15.2.1544.4",
            )],
            &[],
        ),
        machine(
            &[(
                "Microsoft Exchange Server 2019 Cumulative Update 14",
                "15.2.1544.4",
            )],
            &[5050673],
        ),
        machine(
            &[(
                "Microsoft Exchange Server 2019 Cumulative Update 14",
                "15.2.1544.37",
            )],
            &[],
        ),
        machine(
            &[(
                "Microsoft Exchange Server 2019 Cumulative Update 13",
                "15.2.1258.25",
            )],
            &[],
        ),
        machine(
            &[(
                "Microsoft Exchange Server 2019 Cumulative Update 13",
                "15.2.1258.32",
            )],
            &[],
        ),
        machine(
            &[
                ("Visual Studio Enterprise 2022", "17.8.3"),
                ("Visual Studio Community 2019", "16.11.49"),
                ("Visual Studio Community 2017", "15.9.28307.905"),
            ],
            &[],
        ),
        machine(
            &[
                ("Microsoft .NET Runtime - 8.0.11 (x64)", "64.1.2.3"),
                ("Microsoft .NET Runtime - 6.0.36 (x64)", ""),
                ("Microsoft ASP.NET Core 8.0.11 - Shared Framework (x64)", ""),
            ],
            &[],
        ),
        machine(&[("PowerShell 7-x64", "7.4.6.0")], &[]),
        machine(&[("Microsoft Edge", "143.0.3650.96")], &[]),
        machine(&[("Microsoft Edge", "143.0.3650.80")], &[]),
        machine(&[("Microsoft Edge", "142.0.3595.90")], &[]),
        machine(
            &[(
                "Microsoft 365 Apps for enterprise - en-us",
                "16.0.17928.20392",
            )],
            &[],
        ),
        machine(
            &[
                ("Microsoft Office Professional Plus 2016", "16.0.4266.1001"),
                (
                    "Security Update for Microsoft Excel 2016 (KB5002811) 64-Bit Edition",
                    "",
                ),
            ],
            &[],
        ),
        machine(
            &[("Microsoft Office Professional Plus 2016", "16.0.4266.1001")],
            &[],
        ),
        machine(
            &[("Microsoft Excel 2016", "16.0.4266.1001")],
            &[5002820, 5002818, 5002762],
        ),
        machine(
            &[("Microsoft SharePoint Server 2019", "16.0.10337.12109")],
            &[5002802, 5002816],
        ),
        machine(
            &[("Microsoft SharePoint Server 2019", "16.0.10417.20068")],
            &[],
        ),
        machine(
            &[
                ("Microsoft Visual Studio Code", "1.104.0"),
                ("Microsoft ODBC Driver 18 for SQL Server", "18.3.3.1"),
                ("Microsoft OLE DB Driver for SQL Server", "18.6.7.0"),
                ("Remote Desktop", "1.2.6278.0"),
                ("Microsoft Dynamics 365 Server", "9.1.1.1"),
            ],
            &[],
        ),
    ] {
        let f = m.assess();
        println!(
            "== {:?} {:?}",
            m.software
                .iter()
                .map(|s| format!("{} {}", s.name, s.version))
                .collect::<Vec<_>>(),
            m.updates
        );
        println!(
            "   scope {:?}",
            f.scope
                .iter()
                .map(|s| format!(
                    "{} {:?} p{} open{}",
                    s.application,
                    s.version,
                    s.products.len(),
                    s.open.len()
                ))
                .collect::<Vec<_>>()
        );
        println!(
            "   missing {:?}",
            f.missing
                .iter()
                .zip(missing(&f))
                .map(|(m, t)| format!("{t} ({})", m.closes.len()))
                .collect::<Vec<_>>()
        );
        println!(
            "   unknown {:?}",
            f.unknown
                .iter()
                .zip(unknown(&f))
                .map(|(m, t)| format!(
                    "{t} ({}) {:?}",
                    m.vulnerabilities.len(),
                    m.fix.map(|f| fix(&f))
                ))
                .collect::<Vec<_>>()
        );
        println!("   unplaced {:?}", f.unplaced);
    }
}

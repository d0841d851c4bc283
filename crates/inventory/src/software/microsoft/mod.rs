//! Microsoft's applications by the names under which machines report them: the display names of the
//! registry's uninstall list, which osquery's `programs` repeats, and Defender's own names.
//!
//! A name is taken word by word and as a whole; a name that only contains another is not taken
//! for it. Names of other vendors' software do not occur here. Both the assessment and the software
//! inventory read names here and nowhere else.

mod component;
mod entry;
mod office;
mod other;
mod update;

use kbgap_catalog::{Application, ApplicationRelease, Architecture, Version};

pub use component::component;
pub use entry::{InstalledApplication, ListedUpdate, MicrosoftEntry, VersionKind};

use super::id_form;
use MicrosoftEntry as Seen;

/// A name in lower-case words, without what is the same in all.
struct Name<'a> {
    words: &'a [&'a str],
    architecture: Option<Architecture>,
    /// A language follows the name, as with Click-to-Run only: ` - en-us`.
    language: bool,
}

impl<'a> Name<'a> {
    fn new(lower: &'a [&'a str]) -> Self {
        let mut words = lower;
        if let ["microsoft", rest @ ..] = words {
            words = rest;
        }
        let mut language = false;
        if let [rest @ .., "-", tag] = words
            && is_language(tag)
        {
            words = rest;
            language = true;
        }
        let mut found = None;
        if let [rest @ .., last] = words {
            found = architecture(last);
            if found.is_some() {
                words = rest;
            }
        }
        Self {
            words,
            architecture: found,
            language,
        }
    }
}

impl MicrosoftEntry {
    /// Reads an entry of a software list; `None` where it is of another vendor, or no application known
    /// here.
    ///
    /// An entry without a vendor is taken for Microsoft's where its whole name is.
    pub fn read(vendor: &str, name: &str, version: &str) -> Option<Self> {
        let vendor = vendor.trim();
        if !is_microsoft(vendor) {
            return None;
        }
        let mut lower = name.to_lowercase();
        if id_form::is(vendor, name) {
            lower = match &*lower {
                // EdgeHTML; the entry of the uninstall list is Chromium's.
                "edge" => return None,
                "edge_chromium-based" => "edge".to_owned(),
                other => other.replace('_', " "),
            };
        }
        let words: Vec<&str> = lower.split_whitespace().collect();
        read(&words, version)
    }
}

/// Whether a vendor as reported is Microsoft, or none.
pub(super) fn is_microsoft(vendor: &str) -> bool {
    vendor.is_empty()
        || vendor
            .get(..9)
            .is_some_and(|vendor| vendor.eq_ignore_ascii_case("microsoft"))
}

/// Reads the lower-case words of an entry's name.
pub(super) fn read(lower: &[&str], version: &str) -> Option<MicrosoftEntry> {
    let name = Name::new(lower);
    let version: Option<Version> = version.trim().parse().ok();
    update::read(name.words, version)
        .or_else(|| office::read(&name, version))
        .or_else(|| other::read(&name, version))
}

fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    (2..=3).contains(&first.len()) && letters(first) && tag.contains('-') && parts.all(letters)
}

fn architecture(word: &str) -> Option<Architecture> {
    match word {
        "(64-bit)" | "(x64)" => Some(Architecture::X64),
        "(32-bit)" | "(x86)" => Some(Architecture::X86),
        "(arm64)" => Some(Architecture::Arm64),
        _ => None,
    }
}

fn year(word: &str) -> Option<ApplicationRelease> {
    let year: u16 = word.parse().ok()?;
    let known = word.len() == 4 && (2007..2100).contains(&year);
    known.then_some(ApplicationRelease::Year(year))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

fn installed(
    family: kbgap_catalog::ApplicationFamily,
    release: Option<ApplicationRelease>,
    name: &Name<'_>,
    version: Option<Version>,
) -> InstalledApplication {
    InstalledApplication {
        application: Application {
            release,
            architecture: name.architecture,
            ..Application::new(family)
        },
        version,
        kind: VersionKind::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, version: &str) -> String {
        match MicrosoftEntry::read("", name, version) {
            Some(Seen::Application(found)) => {
                let version = found.version.map(|v| v.to_string()).unwrap_or_default();
                format!("{} at {version}", found.application)
            }
            Some(Seen::Suite { suite, parts, .. }) => format!("{suite} with {}", parts.len()),
            Some(Seen::Component(family, release)) => format!("part {family} {release}"),
            Some(Seen::Update(update)) => format!(
                "{} of {}",
                update.kb,
                update.of.map_or("nothing".to_owned(), |(family, release)| {
                    release.map_or(family.to_string(), |release| format!("{family} {release}"))
                })
            ),
            Some(Seen::SqlEngine(release, version)) => format!("engine {release} at {version}"),
            Some(Seen::SqlSetup(release)) => format!("setup {release}"),
            Some(Seen::SqlPatch {
                update, version, ..
            }) => {
                let version = version.map(|v| v.to_string()).unwrap_or_default();
                format!("{} at {version}", update.kb)
            }
            None => "nothing".to_owned(),
        }
    }

    /// What the uninstall list has, and what is read from it.
    const ENTRIES: &[(&str, &str, &str)] = &[
        (
            "Microsoft 365 Apps for enterprise - en-us",
            "16.0.17928.20392",
            "365 Apps at 16.0.17928.20392",
        ),
        (
            "Microsoft Office 365 ProPlus - de-de",
            "16.0.12527.22286",
            "365 Apps at 16.0.12527.22286",
        ),
        (
            "Microsoft Office Professional Plus 2019 - en-us",
            "16.0.10416.20058",
            "Office 2019 at 16.0.10416.20058",
        ),
        (
            "Microsoft Office LTSC Professional Plus 2021 - en-us",
            "16.0.14332.21007",
            "Office 2021 LTSC at 16.0.14332.21007",
        ),
        (
            "Microsoft Office Professional Plus 2016 - fr-fr",
            "16.0.17928.20392",
            "Office 2016 Click-to-Run at 16.0.17928.20392",
        ),
        (
            "Microsoft Office Professional Plus 2016",
            "16.0.4266.1001",
            "Office 2016 with 7",
        ),
        (
            "Microsoft Office Standard 2013",
            "15.0.4569.1506",
            "Office 2013 with 6",
        ),
        (
            "Microsoft Excel MUI (English) 2016",
            "16.0.4266.1001",
            "part Excel 2016",
        ),
        (
            "Microsoft Visio Professional 2016",
            "16.0.4266.1001",
            "Visio 2016 at 16.0.4266.1001",
        ),
        (
            "Security Update for Microsoft Excel 2016 (KB5002820) 64-Bit Edition",
            "",
            "KB5002820 of Excel 2016",
        ),
        (
            "Security Update for Microsoft Office 2016 (KB5002819) 32-Bit Edition",
            "",
            "KB5002819 of Office 2016",
        ),
        (
            "Update for Skype for Business 2016 (KB5002181) 64-Bit Edition",
            "",
            "KB5002181 of Skype for Business 2016",
        ),
        (
            "Security Update for Microsoft SharePoint Server 2019 Core (KB5002816)",
            "",
            "KB5002816 of SharePoint Server 2019",
        ),
        ("Microsoft SQL Server 2019 (64-bit)", "", "setup 2019"),
        (
            "SQL Server 2019 Database Engine Services",
            "15.0.2000.5",
            "engine 2019 at 15.0.2000.5",
        ),
        (
            "GDR 2155 for SQL Server 2019 (KB5068405) (64-bit)",
            "15.0.2155.2",
            "KB5068405 at 15.0.2155.2",
        ),
        (
            "Hotfix 4382 for SQL Server 2019 (KB5040948) (64-bit)",
            "15.0.4382.1",
            "KB5040948 at 15.0.4382.1",
        ),
        (
            "Microsoft SQL Server 2022",
            "16.0.4222.2",
            "SQL Server 2022 at 16.0.4222.2",
        ),
        (
            "Microsoft Exchange Server 2019 Cumulative Update 13",
            "15.2.1258.12",
            "Exchange Server 2019 CU13 at 15.2.1258.12",
        ),
        (
            "Microsoft Exchange Server Subscription Edition",
            "15.2.2562.17",
            "Exchange Server Subscription Edition at 15.2.2562.17",
        ),
        (
            "Microsoft SharePoint Server 2019",
            "16.0.10337.12109",
            "SharePoint Server 2019 at 16.0.10337.12109",
        ),
        (
            "Microsoft Visual Studio Enterprise 2022",
            "17.8.3",
            "Visual Studio 2022 at 17.8.3",
        ),
        (
            "Visual Studio Community 2022 (2)",
            "17.14.8",
            "Visual Studio 2022 at 17.14.8",
        ),
        (
            "Microsoft Visual Studio Enterprise 2015 with Updates",
            "14.0.25420.1",
            "Visual Studio 2015 at 14.0.25420.1",
        ),
        (
            "Visual Studio Build Tools 2019",
            "16.11.33",
            "Visual Studio 2019 at 16.11.33",
        ),
        (
            "Microsoft .NET Runtime - 8.0.11 (x64)",
            "64.44.23191",
            ".NET x64 at 8.0.11",
        ),
        (
            "Microsoft Windows Desktop Runtime - 6.0.36 (x86)",
            "6.0.36.34217",
            ".NET x86 at 6.0.36",
        ),
        (
            "Microsoft .NET Core Runtime - 3.1.32 (x64)",
            "24.96.31928",
            ".NET x64 at 3.1.32",
        ),
        (
            "Microsoft ASP.NET Core 8.0.11 - Shared Framework (x64)",
            "8.0.11.24521",
            "ASP.NET Core x64 at 8.0.11",
        ),
        ("PowerShell 7-x64", "7.4.6.0", "PowerShell x64 at 7.4.6.0"),
        ("Microsoft Edge", "143.0.3650.96", "Edge at 143.0.3650.96"),
        (
            "Microsoft Visual Studio Code (User)",
            "1.105.1",
            "Visual Studio Code at 1.105.1",
        ),
        (
            "Microsoft ODBC Driver 17 for SQL Server",
            "17.10.6.1",
            "ODBC Driver for SQL Server 17 at 17.10.6.1",
        ),
        (
            "Microsoft OLE DB Driver for SQL Server",
            "18.7.4.0",
            "OLE DB Driver for SQL Server 18 at 18.7.4.0",
        ),
        (
            "Microsoft Azure CLI (64-bit)",
            "2.65.0",
            "Azure CLI x64 at 2.65.0",
        ),
        (
            "Remote Desktop",
            "1.2.6353.0",
            "Remote Desktop client at 1.2.6353.0",
        ),
    ];

    #[test]
    fn names_of_the_uninstall_list_are_read() {
        for (name, version, expected) in ENTRIES {
            assert_eq!(told(name, version), *expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_contains_another_is_not_taken_for_it() {
        for name in [
            "Microsoft Edge WebView2 Runtime",
            "Microsoft Edge Update",
            "Microsoft Edge Beta",
            "SQL Server Management Studio",
            "Microsoft SQL Server 2019 Setup (English)",
            "Microsoft SQL Server 2012 Native Client",
            "SQL Server 2019 Database Engine Shared",
            "Microsoft Visual Studio Installer",
            "Microsoft Visual Studio 2010 Tools for Office Runtime (x64)",
            "Microsoft .NET SDK 8.0.404 (x64)",
            "Microsoft .NET Host - 8.0.11 (x64)",
            "Microsoft .NET Runtime - 9.0.0-rc.2 (x64)",
            "Microsoft Office Professional Plus 2021 - en-us",
            "Microsoft Visio Professional 2019 - en-us",
            "Microsoft Office Proofing Tools 2016 - English",
            "Teams Machine-Wide Installer",
            "Office Tab for Excel 2016",
        ] {
            assert_eq!(told(name, "1.0.0.0"), "nothing", "{name}");
        }
    }

    #[test]
    fn defenders_names_are_understood() {
        use kbgap_catalog::ApplicationFamily as F;
        let read = |name, version| MicrosoftEntry::read("microsoft", name, version);
        let family = |name, version| match read(name, version) {
            Some(Seen::Application(found)) => Some(found.application.family),
            _ => None,
        };
        assert_eq!(
            family("edge_chromium-based", "143.0.3650.96"),
            Some(F::Edge)
        );
        assert_eq!(family("sql_server_2019", "15.0.2155.2"), Some(F::SqlServer));
        // EdgeHTML is part of Windows; its version is that of Windows.
        assert_eq!(read("edge", "10.0.17763.1637"), None);
        let others = MicrosoftEntry::read("Mozilla", "Microsoft Edge", "1");
        assert_eq!(others, None);
    }
}

//! The names under which machines report applications: the display names of the registry's
//! uninstall list, which osquery's `programs` repeats.
//!
//! A name is taken word by word and as a whole; a name that only contains another is not taken
//! for it. Names of other vendors' software do not occur here.

use kbgap_catalog::{
    Application, ApplicationFamily, ApplicationRelease, Architecture, Branch, Kb, Version,
};

use super::installed::{InstalledApplication, ListedUpdate, VersionKind};

/// What one entry of a software list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// An application.
    Application(InstalledApplication),
    /// A suite of Office, and the applications every installation of its edition can carry.
    Suite {
        suite: Application,
        version: Option<Version>,
        parts: &'static [ApplicationFamily],
    },
    /// An application of a suite, by the language part that is installed with it.
    Component(ApplicationFamily, ApplicationRelease),
    /// An update.
    Update(ListedUpdate),
    /// An engine of SQL Server.
    SqlEngine(ApplicationRelease, Version),
    /// The entry of SQL Server's setup, in a list that shows its patches too.
    SqlSetup(ApplicationRelease),
    /// A patch of SQL Server.
    SqlPatch {
        update: ListedUpdate,
        release: ApplicationRelease,
        version: Option<Version>,
    },
}

const STANDARD: &[ApplicationFamily] = &[
    ApplicationFamily::Excel,
    ApplicationFamily::Word,
    ApplicationFamily::PowerPoint,
    ApplicationFamily::Outlook,
    ApplicationFamily::Publisher,
    ApplicationFamily::OneNote,
];
const PROFESSIONAL: &[ApplicationFamily] = &[
    ApplicationFamily::Excel,
    ApplicationFamily::Word,
    ApplicationFamily::PowerPoint,
    ApplicationFamily::Outlook,
    ApplicationFamily::Publisher,
    ApplicationFamily::OneNote,
    ApplicationFamily::Access,
];
const HOME: &[ApplicationFamily] = &[
    ApplicationFamily::Excel,
    ApplicationFamily::Word,
    ApplicationFamily::PowerPoint,
    ApplicationFamily::OneNote,
];

/// A name in lower-case words, without what is the same in all.
struct Name<'a> {
    words: Vec<&'a str>,
    architecture: Option<Architecture>,
    /// A language follows the name, as with Click-to-Run only: ` - en-us`.
    language: bool,
}

impl<'a> Name<'a> {
    fn new(lower: &'a str) -> Self {
        let mut words: Vec<&str> = lower.split_whitespace().collect();
        if words.first() == Some(&"microsoft") {
            words.remove(0);
        }
        let mut language = false;
        if let [.., "-", tag] = words[..]
            && is_language(tag)
        {
            words.truncate(words.len() - 2);
            language = true;
        }
        let architecture = words.last().and_then(|last| architecture(last));
        if architecture.is_some() {
            words.pop();
        }
        Self {
            words,
            architecture,
            language,
        }
    }
}

/// Reads an entry of a software list; `None` where it is no application known here.
pub(super) fn read(name: &str, version: &str) -> Option<Seen> {
    let lower = name.to_lowercase();
    let name = Name::new(&lower);
    let version: Option<Version> = version.trim().parse().ok();
    if let Some(update) = update(&name.words, version) {
        return Some(update);
    }
    sql(&name, version)
        .or_else(|| office(&name, version))
        .or_else(|| runtime(&name).map(Seen::Application))
        .or_else(|| server(&name, version).map(Seen::Application))
        .or_else(|| tool(&name, version).map(Seen::Application))
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

fn kb(word: &str) -> Option<Kb> {
    let inner = word.strip_prefix('(')?.strip_suffix(')')?;
    inner.strip_prefix("kb")?.parse().ok()
}

/// `Security Update for Microsoft Excel 2016 (KB5002544) 64-Bit Edition`,
/// `GDR 2155 for SQL Server 2019 (KB5068405)`.
fn update(words: &[&str], version: Option<Version>) -> Option<Seen> {
    let at = words.iter().position(|word| kb(word).is_some())?;
    let kb = kb(words[at])?;
    let (kind, title) = words[..at].split_at(words[..at].iter().position(|w| *w == "for")?);
    let title = &title[1..];
    let title = title.strip_prefix(&["microsoft"]).unwrap_or(title);
    match kind {
        ["hotfix" | "gdr", number] | ["service", "pack", number] if is_number(number) => {
            let ["sql", "server", release] = title else {
                return None;
            };
            let release = year(release)?;
            Some(Seen::SqlPatch {
                update: ListedUpdate {
                    kb,
                    of: Some((ApplicationFamily::SqlServer, Some(release))),
                },
                release,
                version,
            })
        }
        ["security" | "critical" | "definition", "update"]
        | ["update" | "hotfix"]
        | ["update", "rollup"]
        | ["service", "pack", _] => Some(Seen::Update(ListedUpdate {
            kb,
            of: titled(title),
        })),
        _ => None,
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// The application that the title of an update names.
fn titled(title: &[&str]) -> Option<(ApplicationFamily, Option<ApplicationRelease>)> {
    use ApplicationFamily as F;
    let (family, rest) = match title {
        ["skype", "for", "business", rest @ ..] => (F::SkypeForBusiness, rest),
        ["sharepoint", "server", "subscription", "edition", ..] => {
            return Some((
                F::SharePointServer,
                Some(ApplicationRelease::SubscriptionEdition),
            ));
        }
        ["sharepoint", "enterprise", "server", rest @ ..] | ["sharepoint", "server", rest @ ..] => {
            (F::SharePointServer, rest)
        }
        ["sharepoint", "foundation", rest @ ..] => (F::SharePointFoundation, rest),
        ["project", "server", rest @ ..] => (F::ProjectServer, rest),
        ["office", "online", "server", ..] => return Some((F::OfficeOnlineServer, None)),
        ["office", "web", "apps", "server", rest @ ..] => (F::OfficeWebApps, rest),
        [first, rest @ ..] => (office_family(first)?, rest),
        [] => return None,
    };
    Some((family, Some(year(rest.first()?)?)))
}

fn office_family(word: &str) -> Option<ApplicationFamily> {
    use ApplicationFamily as F;
    Some(match word {
        "office" => F::Office,
        "excel" => F::Excel,
        "word" => F::Word,
        "powerpoint" => F::PowerPoint,
        "outlook" => F::Outlook,
        "access" => F::Access,
        "publisher" => F::Publisher,
        "onenote" => F::OneNote,
        "visio" => F::Visio,
        "project" => F::Project,
        "infopath" => F::InfoPath,
        "lync" => F::Lync,
        _ => return None,
    })
}

fn installed(
    family: ApplicationFamily,
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

/// SQL Server: its setup's entry, its engine, or a version stated for the whole.
fn sql(name: &Name<'_>, version: Option<Version>) -> Option<Seen> {
    let ["sql", "server", release, rest @ ..] = &name.words[..] else {
        return None;
    };
    let release = year(release)?;
    match (rest, version) {
        ([], Some(version)) => {
            let mut server = installed(
                ApplicationFamily::SqlServer,
                Some(release),
                name,
                Some(version),
            );
            server.application.architecture = None;
            Some(Seen::Application(server))
        }
        ([], None) => Some(Seen::SqlSetup(release)),
        (["database", "engine", "services"], Some(version)) => {
            Some(Seen::SqlEngine(release, version))
        }
        _ => None,
    }
}

/// Office: packages (MSI), Click-to-Run, and single applications.
fn office(name: &Name<'_>, version: Option<Version>) -> Option<Seen> {
    use ApplicationFamily as F;
    let click_to_run = |family, release, branch| {
        let mut found = installed(family, release, name, version);
        found.application.branch = branch;
        Some(Seen::Application(found))
    };
    match &name.words[..] {
        ["365"]
        | ["365", "apps", "for", "enterprise" | "business"]
        | ["office", "365"]
        | ["office", "365", "proplus" | "business"] => {
            click_to_run(F::Microsoft365Apps, None, None)
        }
        ["office", "ltsc", "professional", "plus", release]
        | ["office", "ltsc", "standard", release] => {
            click_to_run(F::Office, Some(year(release)?), Some(Branch::Ltsc))
        }
        ["office", edition @ .., release] if parts(edition).is_some() => {
            let release = year(release)?;
            match release {
                // From 2019 on there are no packages; 2021 without LTSC is in no document.
                ApplicationRelease::Year(2019) => click_to_run(F::Office, Some(release), None),
                ApplicationRelease::Year(2020..) => None,
                _ if name.language => {
                    click_to_run(F::Office, Some(release), Some(Branch::ClickToRun))
                }
                _ => Some(Seen::Suite {
                    suite: Application {
                        release: Some(release),
                        architecture: name.architecture,
                        ..Application::new(F::Office)
                    },
                    version,
                    parts: parts(edition)?,
                }),
            }
        }
        [application, "mui", language, release]
            if language.starts_with('(') && language.ends_with(')') =>
        {
            Some(Seen::Component(office_family(application)?, year(release)?))
        }
        _ if name.language => None,
        ["skype", "for", "business", rest @ ..] => {
            let (family, release) = match rest {
                ["basic", release] => (F::SkypeForBusinessBasic, release),
                [release] => (F::SkypeForBusiness, release),
                _ => return None,
            };
            package(family, release, name, version)
        }
        ["lync", "basic", release] => package(F::LyncBasic, release, name, version),
        [
            application @ ("visio" | "project"),
            "standard" | "professional" | "premium",
            release,
        ]
        | [application, release] => match office_family(application)? {
            F::Office => None,
            family => package(family, release, name, version),
        },
        _ => None,
    }
}

/// A single application of Office, as a package.
fn package(
    family: ApplicationFamily,
    release: &str,
    name: &Name<'_>,
    version: Option<Version>,
) -> Option<Seen> {
    let release = year(release)?;
    if release >= ApplicationRelease::Year(2019) {
        return None;
    }
    let mut found = installed(family, Some(release), name, version);
    found.kind = VersionKind::Setup;
    Some(Seen::Application(found))
}

/// The applications of an edition of the suite.
fn parts(edition: &[&str]) -> Option<&'static [ApplicationFamily]> {
    match edition {
        ["professional", "plus"] | ["professional"] => Some(PROFESSIONAL),
        ["standard"] => Some(STANDARD),
        ["home", "and", "business" | "student"] | ["personal"] => Some(HOME),
        _ => None,
    }
}

/// .NET and ASP.NET Core: the version that counts is in the name; the entry's own is of the installer.
fn runtime(name: &Name<'_>) -> Option<InstalledApplication> {
    use ApplicationFamily as F;
    let (family, version) = match &name.words[..] {
        [".net", "runtime", "-", version]
        | [".net", "core", "runtime", "-", version]
        | ["windows", "desktop", "runtime", "-", version] => (F::DotNet, version),
        ["asp.net", "core", version, "-", "shared", "framework"]
        | ["asp.net", "core", version, "shared", "framework"]
        | ["asp.net", "core", "runtime", "-", version] => (F::AspNetCore, version),
        _ => return None,
    };
    let version: Version = version.parse().ok()?;
    Some(installed(family, None, name, Some(version)))
}

/// Servers other than SQL Server.
fn server(name: &Name<'_>, version: Option<Version>) -> Option<InstalledApplication> {
    use ApplicationFamily as F;
    let setup = |family, release| {
        let mut found = installed(family, release, name, version);
        found.kind = VersionKind::Setup;
        Some(found)
    };
    match &name.words[..] {
        ["exchange", "server"] => setup(F::ExchangeServer, None),
        ["exchange", "server", "subscription", "edition"]
        | ["exchange", "server", "subscription", "edition", "rtm"] => setup(
            F::ExchangeServer,
            Some(ApplicationRelease::SubscriptionEdition),
        ),
        ["exchange", "server", release] => setup(F::ExchangeServer, Some(year(release)?)),
        [
            "exchange",
            "server",
            release,
            "cumulative",
            "update",
            update,
        ] => {
            let mut found = setup(F::ExchangeServer, Some(year(release)?))?;
            found.application.cumulative_update = Some(update.parse().ok()?);
            Some(found)
        }
        ["sharepoint", "server", "subscription", "edition"] => setup(
            F::SharePointServer,
            Some(ApplicationRelease::SubscriptionEdition),
        ),
        ["sharepoint", "server", release] | ["sharepoint", "enterprise", "server", release] => {
            setup(F::SharePointServer, Some(year(release)?))
        }
        ["sharepoint", "foundation", release] => {
            setup(F::SharePointFoundation, Some(year(release)?))
        }
        ["project", "server", release] => setup(F::ProjectServer, Some(year(release)?)),
        ["office", "online", "server"] => setup(F::OfficeOnlineServer, None),
        ["office", "web", "apps", "server", release] => {
            setup(F::OfficeWebApps, Some(year(release)?))
        }
        ["dynamics", "365", "server"] => setup(F::Dynamics365, None),
        _ => None,
    }
}

/// Developer tools, drivers, Edge, Defender, agents.
fn tool(name: &Name<'_>, version: Option<Version>) -> Option<InstalledApplication> {
    use ApplicationFamily as F;
    let found = |family| Some(installed(family, None, name, version));
    match &name.words[..] {
        ["edge"] => found(F::Edge),
        ["visual", "studio", "code"] | ["visual", "studio", "code", "(user)"] => {
            found(F::VisualStudioCode)
        }
        ["visual", "studio", edition @ .., release]
        | [
            "visual",
            "studio",
            edition @ ..,
            release,
            "(2)" | "(3)" | "(4)",
        ] if is_studio(edition) => {
            let release = year(release)?;
            let found = installed(F::VisualStudio, Some(release), name, version);
            Some(found)
        }
        ["powershell", "6-x64" | "7-x64"] => Some(with(F::PowerShell, Architecture::X64, version)),
        ["powershell", "6-x86" | "7-x86"] => Some(with(F::PowerShell, Architecture::X86, version)),
        ["powershell", "7-arm64"] => Some(with(F::PowerShell, Architecture::Arm64, version)),
        ["odbc", "driver", major, "for", "sql", "server"] if is_number(major) => Some(installed(
            F::OdbcDriver,
            Some(ApplicationRelease::Major(major.parse().ok()?)),
            name,
            version,
        )),
        ["ole", "db", "driver", "for", "sql", "server"] => Some(installed(
            F::OleDbDriver,
            Some(ApplicationRelease::Major(18)),
            name,
            version,
        )),
        ["ole", "db", "driver", major, "for", "sql", "server"] if is_number(major) => {
            Some(installed(
                F::OleDbDriver,
                Some(ApplicationRelease::Major(major.parse().ok()?)),
                name,
                version,
            ))
        }
        ["malware", "protection", "engine"] => found(F::MalwareProtectionEngine),
        ["windows", "defender", "antimalware", "platform"]
        | ["defender", "antimalware", "platform"]
        | ["malware", "protection", "platform"] => found(F::AntimalwarePlatform),
        ["teams"] | ["teams", "classic"] => found(F::Teams),
        ["azure", "data", "studio"] | ["azure", "data", "studio", "(user)"] => {
            found(F::AzureDataStudio)
        }
        ["azure", "cli"] => found(F::AzureCli),
        ["azure", "connected", "machine", "agent"] => found(F::AzureConnectedMachineAgent),
        ["pc", "manager"] => found(F::PcManager),
        ["remote", "desktop"] => found(F::RemoteDesktopClient),
        ["power", "bi", "desktop"] | ["powerbi", "desktop"] => found(F::PowerBiDesktop),
        ["power", "automate", "for", "desktop"] => found(F::PowerAutomate),
        _ => None,
    }
}

fn with(
    family: ApplicationFamily,
    architecture: Architecture,
    version: Option<Version>,
) -> InstalledApplication {
    InstalledApplication {
        application: Application {
            architecture: Some(architecture),
            ..Application::new(family)
        },
        version,
        kind: VersionKind::Running,
    }
}

fn is_studio(edition: &[&str]) -> bool {
    matches!(
        edition,
        ["community" | "professional" | "enterprise" | "ultimate" | "premium"]
            | ["build", "tools"]
            | ["test", "professional" | "agent"]
            | ["team", "explorer"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, version: &str) -> String {
        match read(name, version) {
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

    #[test]
    fn names_of_the_uninstall_list_are_read() {
        for (name, version, expected) in [
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
        ] {
            assert_eq!(told(name, version), expected, "{name}");
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
}

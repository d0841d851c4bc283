//! Servers, runtimes, tools, drivers.

use kbgap_catalog::{Application, ApplicationFamily, ApplicationRelease, Architecture, Version};

use super::{InstalledApplication, VersionKind};
use super::{Name, Seen, installed, is_number, year};

/// Reads an entry of anything but Office.
pub(super) fn read(name: &Name<'_>, version: Option<Version>) -> Option<Seen> {
    sql(name, version).or_else(|| {
        runtime(name)
            .or_else(|| server(name, version))
            .or_else(|| tool(name, version))
            .map(Seen::Application)
    })
}

/// SQL Server: its setup's entry, its engine, or a version stated for the whole.
fn sql(name: &Name<'_>, version: Option<Version>) -> Option<Seen> {
    let ["sql", "server", release, rest @ ..] = name.words else {
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

/// .NET and ASP.NET Core: the version that counts is in the name; the entry's own is of the installer.
fn runtime(name: &Name<'_>) -> Option<InstalledApplication> {
    use ApplicationFamily as F;
    let (family, version) = match name.words {
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
    match name.words {
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
    match name.words {
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
        ]
        | ["visual", "studio", edition @ .., release, "with", "updates"]
            if is_studio(edition) =>
        {
            let release = year(release)?;
            let mut found = installed(F::VisualStudio, Some(release), name, version);
            if release <= ApplicationRelease::Year(2015) {
                found.kind = VersionKind::Setup;
            }
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

//! Which servicing line an installation stands on, and which versions are of that line.

mod builds;

use std::cmp::Ordering;

use kbgap_catalog::{
    Application, ApplicationFamily, ApplicationRelease, Architecture, Platform, Version,
};

use super::findings::UnknownCause;
use super::installed::{InstalledApplication, VersionKind};
use builds::{
    exchange, exchange_setup, is_share_point, office_service_pack, share_point_setup, sql,
    studio_update,
};

/// The order of two versions by their numbers; one that is left out counts as zero.
pub(super) fn order(a: &Version, b: &Version) -> Ordering {
    padded(a).cmp(&padded(b))
}

/// The numbers of a version; one that is left out counts as zero.
pub(super) fn padded(version: &Version) -> [u32; 4] {
    let mut all = [0; 4];
    for (slot, part) in all.iter_mut().zip(version.parts()) {
        *slot = *part;
    }
    all
}

/// How the fixes of a family are told to be present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Servicing {
    /// Each update brings all before it; the version tells.
    Cumulative,
    /// Packages beside each other, each with its own KBs; the lists tell.
    Packages,
}

/// Whether an application is one of the Office family, whose updates are listed alike.
pub(super) fn is_office(family: ApplicationFamily) -> bool {
    use ApplicationFamily as F;
    matches!(
        family,
        F::Office
            | F::Excel
            | F::Word
            | F::PowerPoint
            | F::Outlook
            | F::Access
            | F::Publisher
            | F::OneNote
            | F::Visio
            | F::Project
            | F::InfoPath
            | F::SkypeForBusiness
            | F::SkypeForBusinessBasic
            | F::Lync
            | F::LyncBasic
    )
}

/// How an application is serviced.
pub(super) fn servicing(application: &Application) -> Servicing {
    use ApplicationFamily as F;
    let until = |year| application.release <= Some(ApplicationRelease::Year(year));
    let packages = match application.family {
        family if is_office(family) => until(2016) && application.branch.is_none(),
        F::SharePointServer
        | F::SharePointFoundation
        | F::ProjectServer
        | F::OfficeOnlineServer
        | F::OfficeWebApps => true,
        F::VisualStudio => matches!(application.release, Some(ApplicationRelease::Year(..=2015))),
        _ => false,
    };
    if packages {
        Servicing::Packages
    } else {
        Servicing::Cumulative
    }
}

/// The line a product of the documents is on; `None` for what no Windows machine has installed.
pub(super) fn line_of_product(product: &Application) -> Option<Application> {
    use ApplicationFamily as F;
    if product.platform != Platform::Windows {
        return None;
    }
    let mut line = Application {
        // Office on Windows RT is not installed but part of the device, and serviced with it.
        architecture: product.architecture.filter(|own| *own == Architecture::Arm),
        ..product.clone()
    };
    match line.family {
        // Any build of the branch contains all before it, whatever update the name stands at.
        F::SqlServer => line.cumulative_update = None,
        // The service pack of 2013 was the fourth of its cumulative updates.
        F::ExchangeServer if line.release == Some(ApplicationRelease::Year(2013)) => {
            if line.service_pack == 1 {
                line.cumulative_update = Some(4);
            }
            line.service_pack = 0;
        }
        // Two names are no version of one line.
        F::VisualStudio => match line.release {
            Some(ApplicationRelease::Version { .. } | ApplicationRelease::Year(..=2015)) => {}
            _ => return None,
        },
        _ => {}
    }
    Some(line)
}

/// The line an installation stands on, as far as its name and version tell.
pub(super) fn line_of(installed: &InstalledApplication) -> Result<Application, UnknownCause> {
    use ApplicationFamily as F;
    let mut line = Application {
        architecture: None,
        ..installed.application.clone()
    };
    let version = installed.version;
    match line.family {
        F::SqlServer => {
            let version = version.ok_or(UnknownCause::NoVersion)?;
            let release = line.release.ok_or(UnknownCause::NotInCatalog)?;
            let (service_pack, branch) =
                sql(release, &version).ok_or(UnknownCause::VersionNotComparable)?;
            line.service_pack = service_pack;
            line.branch = Some(branch);
        }
        F::ExchangeServer => {
            if let Some(version) = version {
                let (release, update) =
                    exchange(&version).ok_or(UnknownCause::VersionNotComparable)?;
                if line.release.is_some_and(|named| named != release) {
                    return Err(UnknownCause::VersionNotComparable);
                }
                line.release = Some(release);
                line.cumulative_update = update;
            } else if line.release.is_none() {
                return Err(UnknownCause::NoVersion);
            }
        }
        F::VisualStudio if line.release > Some(ApplicationRelease::Year(2015)) => {
            let version = version.ok_or(UnknownCause::NoVersion)?;
            let [major, minor, patch, ..] = padded(&version);
            let of_year = match line.release {
                Some(ApplicationRelease::Year(2017)) => major == 15,
                Some(ApplicationRelease::Year(2019)) => major == 16,
                Some(ApplicationRelease::Year(2022)) => major == 17,
                _ => false,
            };
            // Installers before 2021 report `16.4.29609.76`: a build, not the patch the documents count.
            if !of_year || patch >= 10_000 {
                return Err(UnknownCause::VersionNotComparable);
            }
            line.release = Some(first_two(major, minor)?);
        }
        F::DotNet | F::AspNetCore | F::PowerShell | F::Dynamics365 => {
            let version = version.ok_or(UnknownCause::NoVersion)?;
            let [major, minor, ..] = padded(&version);
            line.release = Some(first_two(major, minor)?);
        }
        F::SharePointServer if line.release.is_none() => return Err(UnknownCause::NoVersion),
        _ if servicing(&line) == Servicing::Packages => {
            let told_by = match line.family {
                F::VisualStudio => studio_update,
                _ => office_service_pack,
            };
            line.service_pack = version.map_or(0, |version| told_by(&version));
        }
        _ => {}
    }
    Ok(line)
}

fn first_two(major: u32, minor: u32) -> Result<ApplicationRelease, UnknownCause> {
    match (u16::try_from(major), u16::try_from(minor)) {
        (Ok(major), Ok(minor)) => Ok(ApplicationRelease::Version { major, minor }),
        _ => Err(UnknownCause::VersionNotComparable),
    }
}

/// Whether a version is numbered as this line is, so that it may be compared with others of it.
pub(super) fn is_on_line(line: &Application, version: &Version) -> bool {
    use ApplicationFamily as F;
    let [first, second, third, _] = padded(version);
    match line.family {
        F::SqlServer => line.release.is_some_and(|release| {
            sql(release, version) == line.branch.map(|branch| (line.service_pack, branch))
        }),
        F::ExchangeServer => exchange(version).is_some_and(|found| {
            line.release == Some(found.0) && line.cumulative_update == found.1
        }),
        // Now and then the documents give the number of Chromium, whose third part is far higher.
        F::Edge => version.parts().len() == 4 && third < first * 40,
        F::MalwareProtectionEngine => (first, second) == (1, 1),
        F::AntimalwarePlatform => (first, second) == (4, 18),
        F::RemoteDesktopClient => (first, second) == (1, 2),
        F::Teams | F::VisualStudioCode | F::AzureDataStudio => first == 1,
        F::SharePointServer
        | F::SharePointFoundation
        | F::ProjectServer
        | F::OfficeOnlineServer
        | F::OfficeWebApps => is_share_point(line, first, third),
        _ => match line.release {
            Some(ApplicationRelease::Version { major, minor }) => {
                (first, second) == (u32::from(major), u32::from(minor))
            }
            Some(ApplicationRelease::Major(major)) => first == u32::from(major),
            _ => true,
        },
    }
}

/// Whether a version is one that setup leaves, which updates do not change.
///
/// Of Exchange the last number tells: the security updates of a cumulative update have higher
/// ones, and only tools that look at the running server report them.
pub(super) fn kind(line: &Application, version: &Version, reported: VersionKind) -> VersionKind {
    use ApplicationFamily as F;
    let [_, _, third, fourth] = padded(version);
    let of_setup = match line.family {
        F::ExchangeServer => fourth <= exchange_setup(third),
        F::SharePointServer | F::SharePointFoundation | F::ProjectServer => {
            return if share_point_setup(line, third, fourth) {
                VersionKind::Setup
            } else {
                VersionKind::Running
            };
        }
        _ => return reported,
    };
    if of_setup {
        VersionKind::Setup
    } else {
        VersionKind::Running
    }
}

/// Whether a line is a newer one of the same software than another, so that users of the other
/// are expected to move on to it.
pub(super) fn is_newer_line(newer: &Application, older: &Application) -> bool {
    use ApplicationFamily as F;
    if newer.family != older.family {
        return false;
    }
    match older.family {
        F::ExchangeServer => {
            newer.release == older.release && newer.cumulative_update > older.cumulative_update
        }
        F::SqlServer => newer.release == older.release && newer.service_pack > older.service_pack,
        F::VisualStudio => match (newer.release, older.release) {
            (
                Some(ApplicationRelease::Version { major: a, minor: x }),
                Some(ApplicationRelease::Version { major: b, minor: y }),
            ) => a == b && x > y,
            _ => false,
        },
        F::DotNet | F::PowerShell => newer.release > older.release,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(family: ApplicationFamily, year: u16, version: &str) -> String {
        let installed = InstalledApplication {
            application: Application {
                release: Some(ApplicationRelease::Year(year)),
                ..Application::new(family)
            },
            version: version.parse().ok(),
            kind: VersionKind::Running,
        };
        line_of(&installed).map_or_else(|cause| cause.to_string(), |line| line.to_string())
    }

    #[test]
    fn the_build_tells_the_line() {
        use ApplicationFamily as F;
        for (family, year, version, expected) in [
            (F::SqlServer, 2019, "15.0.2000.5", "SQL Server 2019 GDR"),
            (F::SqlServer, 2019, "15.0.4382.1", "SQL Server 2019 CU"),
            (F::SqlServer, 2016, "13.3.6300.2", "SQL Server 2016 SP3 GDR"),
            (
                F::SqlServer,
                2016,
                "13.0.7029.3",
                "SQL Server 2016 SP3 Azure Connect",
            ),
            (F::SqlServer, 2014, "12.0.6449.1", "SQL Server 2014 SP3 CU"),
            (
                F::ExchangeServer,
                2019,
                "15.2.1258.32",
                "Exchange Server 2019 CU13",
            ),
            (
                F::ExchangeServer,
                2016,
                "15.1.2507.6",
                "Exchange Server 2016 CU23",
            ),
            (F::VisualStudio, 2022, "17.8.3", "Visual Studio 17.8"),
            (F::Excel, 2013, "15.0.4569.1506", "Excel 2013 SP1"),
            (F::Excel, 2016, "16.0.4266.1001", "Excel 2016"),
        ] {
            assert_eq!(line(family, year, version), expected, "{version}");
        }
    }

    #[test]
    fn a_version_that_cannot_be_placed_is_not_guessed_at() {
        use ApplicationFamily as F;
        for (family, year, version) in [
            (F::SqlServer, 2019, "14.0.3515.1"),
            (F::ExchangeServer, 2019, "15.2.1000.1"),
            (F::ExchangeServer, 2016, "15.2.1258.12"),
            (F::VisualStudio, 2019, "16.4.29609.76"),
            (F::VisualStudio, 2022, "16.11.3"),
        ] {
            let expected = UnknownCause::VersionNotComparable.to_string();
            assert_eq!(line(family, year, version), expected, "{version}");
        }
        let expected = UnknownCause::NoVersion.to_string();
        assert_eq!(line(F::SqlServer, 2019, ""), expected);
    }

    #[test]
    fn chromium_numbers_are_not_of_edge() {
        let edge = Application::new(ApplicationFamily::Edge);
        for (version, is) in [
            ("91.0.864.37", true),
            ("143.0.3650.96", true),
            ("91.0.4472.77", false),
            ("122.0.6261.148", false),
            ("96.0", false),
        ] {
            assert_eq!(
                is_on_line(&edge, &version.parse().unwrap()),
                is,
                "{version}"
            );
        }
    }
}

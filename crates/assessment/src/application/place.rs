//! Which servicing line an installation stands on, and which versions are of that line.
//!
//! The numbers here are facts of the products' numbering, which Microsoft publishes for each: the
//! third number of a SQL Server build tells service pack and branch, that of an Exchange build
//! the cumulative update.

use std::cmp::Ordering;

use kbgap_catalog::{
    Application, ApplicationFamily, ApplicationRelease, Branch, Platform, Version,
};

use super::findings::UnknownCause;
use super::installed::{InstalledApplication, VersionKind};

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

/// How an application is serviced.
pub(super) fn servicing(application: &Application) -> Servicing {
    use ApplicationFamily as F;
    let until = |year| application.release <= Some(ApplicationRelease::Year(year));
    let packages = match application.family {
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
        | F::LyncBasic => until(2016) && application.branch.is_none(),
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
        architecture: None,
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
            line.service_pack = version.map_or(0, |version| office_service_pack(&version));
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

/// `SharePoint` 2016, 2019 and the Subscription Edition are all 16.0; the third number tells.
fn is_share_point(line: &Application, first: u32, third: u32) -> bool {
    match line.release {
        Some(ApplicationRelease::Year(2010)) => first == 14,
        Some(ApplicationRelease::Year(2013)) => first == 15,
        Some(ApplicationRelease::Year(2016)) => first == 16 && third < 10_000,
        Some(ApplicationRelease::Year(2019)) => first == 16 && (10_000..14_000).contains(&third),
        Some(ApplicationRelease::SubscriptionEdition) => first == 16 && third >= 14_000,
        None => first == 16 && third >= 10_000,
        _ => false,
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

/// The first build of each release of `SharePoint`.
fn share_point_setup(line: &Application, third: u32, fourth: u32) -> bool {
    let first = match line.release {
        Some(ApplicationRelease::Year(2013)) => (4_571, 1_502),
        Some(ApplicationRelease::Year(2016)) => (4_351, 1_000),
        Some(ApplicationRelease::Year(2019)) => (10_337, 12_109),
        Some(ApplicationRelease::SubscriptionEdition) => (14_326, 20_450),
        _ => return true,
    };
    (third, fourth) <= first
}

/// Service pack and branch of a SQL Server build.
///
/// In the entries of its installer the second number counts the service pack (`13.3.6300.2`).
fn sql(release: ApplicationRelease, version: &Version) -> Option<(u8, Branch)> {
    use Branch::{AzureConnect, CumulativeUpdates, Gdr};
    let [major, _, build, _] = padded(version);
    let ApplicationRelease::Year(year) = release else {
        return None;
    };
    // Per year: from which build on, up to the next, which service pack and branch.
    let (first, steps): (u32, &[(u32, u8, Branch)]) = match year {
        2012 => (
            11,
            &[
                (2_100, 0, Gdr),
                (2_300, 0, CumulativeUpdates),
                (3_000, 1, Gdr),
                (3_300, 1, CumulativeUpdates),
                (5_058, 2, Gdr),
                (5_500, 2, CumulativeUpdates),
                (6_020, 3, Gdr),
                (6_500, 3, CumulativeUpdates),
                // After Service Pack 4 there was one branch.
                (7_001, 4, CumulativeUpdates),
            ],
        ),
        2014 => (
            12,
            &[
                (2_000, 0, Gdr),
                (2_300, 0, CumulativeUpdates),
                (4_100, 1, Gdr),
                (4_400, 1, CumulativeUpdates),
                (5_000, 2, Gdr),
                (5_500, 2, CumulativeUpdates),
                (6_024, 3, Gdr),
                (6_200, 3, CumulativeUpdates),
            ],
        ),
        2016 => (
            13,
            &[
                (1_601, 0, Gdr),
                (2_100, 0, CumulativeUpdates),
                (4_001, 1, Gdr),
                (4_400, 1, CumulativeUpdates),
                (5_026, 2, Gdr),
                (5_149, 2, CumulativeUpdates),
                // Service Pack 3 has no cumulative updates.
                (6_300, 3, Gdr),
                (7_000, 3, AzureConnect),
            ],
        ),
        2017 => (14, &[(1_000, 0, Gdr), (3_000, 0, CumulativeUpdates)]),
        2019 => (15, &[(2_000, 0, Gdr), (4_000, 0, CumulativeUpdates)]),
        2022 => (16, &[(1_000, 0, Gdr), (4_000, 0, CumulativeUpdates)]),
        2025 => (17, &[(1_000, 0, Gdr), (4_000, 0, CumulativeUpdates)]),
        _ => return None,
    };
    let step = steps.iter().rev().find(|(from, ..)| build >= *from)?;
    (major == first).then_some((step.1, step.2))
}

/// The builds of Exchange: second and third number, the cumulative update, and the last number
/// that its setup leaves.
const EXCHANGE: &[(u32, u32, Option<u16>, u32)] = &[
    (0, 516, None, 32),
    (0, 620, Some(1), 29),
    (0, 712, Some(2), 24),
    (0, 775, Some(3), 38),
    (0, 847, Some(4), 32),
    (0, 913, Some(5), 22),
    (0, 995, Some(6), 29),
    (0, 1044, Some(7), 25),
    (0, 1076, Some(8), 9),
    (0, 1104, Some(9), 5),
    (0, 1130, Some(10), 7),
    (0, 1156, Some(11), 6),
    (0, 1178, Some(12), 4),
    (0, 1210, Some(13), 3),
    (0, 1236, Some(14), 3),
    (0, 1263, Some(15), 5),
    (0, 1293, Some(16), 2),
    (0, 1320, Some(17), 4),
    (0, 1347, Some(18), 2),
    (0, 1365, Some(19), 1),
    (0, 1367, Some(20), 3),
    (0, 1395, Some(21), 4),
    (0, 1473, Some(22), 3),
    (0, 1497, Some(23), 2),
    (1, 225, None, 42),
    (1, 396, Some(1), 30),
    (1, 466, Some(2), 34),
    (1, 544, Some(3), 27),
    (1, 669, Some(4), 32),
    (1, 845, Some(5), 34),
    (1, 1034, Some(6), 26),
    (1, 1261, Some(7), 35),
    (1, 1415, Some(8), 2),
    (1, 1466, Some(9), 3),
    (1, 1531, Some(10), 3),
    (1, 1591, Some(11), 10),
    (1, 1713, Some(12), 5),
    (1, 1779, Some(13), 2),
    (1, 1847, Some(14), 3),
    (1, 1913, Some(15), 5),
    (1, 1979, Some(16), 3),
    (1, 2044, Some(17), 4),
    (1, 2106, Some(18), 2),
    (1, 2176, Some(19), 2),
    (1, 2242, Some(20), 4),
    (1, 2308, Some(21), 8),
    (1, 2375, Some(22), 7),
    (1, 2507, Some(23), 6),
    (2, 221, None, 12),
    (2, 330, Some(1), 5),
    (2, 397, Some(2), 3),
    (2, 464, Some(3), 5),
    (2, 529, Some(4), 5),
    (2, 595, Some(5), 3),
    (2, 659, Some(6), 4),
    (2, 721, Some(7), 2),
    (2, 792, Some(8), 3),
    (2, 858, Some(9), 5),
    (2, 922, Some(10), 7),
    (2, 986, Some(11), 5),
    (2, 1118, Some(12), 7),
    (2, 1258, Some(13), 12),
    (2, 1544, Some(14), 4),
    (2, 1748, Some(15), 10),
];

/// The build of the Subscription Edition as first released, and what its setup leaves.
const EXCHANGE_SUBSCRIPTION: (u32, u32) = (2562, 17);

/// Release and cumulative update of an Exchange build.
fn exchange(version: &Version) -> Option<(ApplicationRelease, Option<u16>)> {
    let [major, minor, build, _] = padded(version);
    if major != 15 {
        return None;
    }
    if (minor, build) == (2, EXCHANGE_SUBSCRIPTION.0) {
        return Some((ApplicationRelease::SubscriptionEdition, None));
    }
    let (.., update, _) = EXCHANGE
        .iter()
        .find(|(of, third, ..)| (*of, *third) == (minor, build))?;
    let year = match minor {
        0 => 2013,
        1 => 2016,
        _ => 2019,
    };
    Some((ApplicationRelease::Year(year), *update))
}

fn exchange_setup(build: u32) -> u32 {
    let known = EXCHANGE.iter().find(|(_, third, ..)| *third == build);
    known.map_or(EXCHANGE_SUBSCRIPTION.1, |(.., setup)| *setup)
}

/// The service pack of an Office or `SharePoint` setup version.
fn office_service_pack(version: &Version) -> u8 {
    let [major, _, build, _] = padded(version);
    match major {
        15 if build >= 4_569 => 1,
        14 if build >= 7_015 => 2,
        14 if build >= 6_029 => 1,
        12 if build >= 6_607 => 3,
        _ => 0,
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

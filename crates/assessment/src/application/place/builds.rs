//! What the numbers of builds mean.
//!
//! These are facts of the products' numbering, which Microsoft publishes for each: the third number of
//! a SQL Server build tells service pack and branch, that of an Exchange build the cumulative update.

use kbgap_catalog::{Application, ApplicationRelease, Branch, Version};

use super::padded;

/// Service pack and branch of a SQL Server build.
///
/// In the entries of its installer the second number counts the service pack (`13.3.6300.2`).
pub(super) fn sql(release: ApplicationRelease, version: &Version) -> Option<(u8, Branch)> {
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
pub(super) fn exchange(version: &Version) -> Option<(ApplicationRelease, Option<u16>)> {
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

/// The last number that the setup of an Exchange build leaves.
pub(super) fn exchange_setup(build: u32) -> u32 {
    let known = EXCHANGE.iter().find(|(_, third, ..)| *third == build);
    known.map_or(EXCHANGE_SUBSCRIPTION.1, |(.., setup)| *setup)
}

/// `SharePoint` 2016, 2019 and the Subscription Edition are all 16.0; the third number tells.
pub(super) fn is_share_point(line: &Application, first: u32, third: u32) -> bool {
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

/// The first build of each release of `SharePoint`.
pub(super) fn share_point_setup(line: &Application, third: u32, fourth: u32) -> bool {
    let first = match line.release {
        Some(ApplicationRelease::Year(2013)) => (4_571, 1_502),
        Some(ApplicationRelease::Year(2016)) => (4_351, 1_000),
        Some(ApplicationRelease::Year(2019)) => (10_337, 12_109),
        Some(ApplicationRelease::SubscriptionEdition) => (14_326, 20_450),
        _ => return true,
    };
    (third, fourth) <= first
}

/// The service pack of an Office or `SharePoint` setup version.
pub(super) fn office_service_pack(version: &Version) -> u8 {
    let [major, _, build, _] = padded(version);
    match major {
        15 if build >= 4_569 => 1,
        14 if build >= 7_015 => 2,
        14 if build >= 6_029 => 1,
        12 if build >= 6_607 => 3,
        _ => 0,
    }
}

/// The service pack or numbered update of a Visual Studio up to 2015; only the last of each year is
/// told, as the documents speak of no other.
pub(super) fn studio_update(version: &Version) -> u8 {
    let [major, _, build, _] = padded(version);
    match major {
        14 if build >= 25_420 => 3,
        12 if build >= 40_629 => 5,
        11 if build >= 61_219 => 5,
        10 if build >= 40_219 => 1,
        _ => 0,
    }
}

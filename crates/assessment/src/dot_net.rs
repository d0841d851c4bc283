//! The .NET Framework: which versions Windows carries, and which updates install one.

use kbgap_catalog::{DotNetVersions, Kb, WindowsFamily, WindowsProduct};

/// The name part of its software id.
pub(crate) const NAME: &str = ".net_framework";

/// A version of the .NET Framework 4: `4.7.2` is `Four([7, 2])`.
///
/// A machine has one of them: each is installed over the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Four([u8; 2]);

impl Four {
    /// The version of a text such as `4.8` or `4.7.2`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        if parts.next() != Some("4") {
            return None;
        }
        let minor = parts.next()?.parse().ok()?;
        let patch = parts.next().map_or(Some(0), |patch| patch.parse().ok())?;
        parts.next().is_none().then_some(Self([minor, patch]))
    }

    /// The version a machine reports, which may end in a build: `4.8.03761`, `4.7.2.1`.
    pub(crate) fn of_reported(text: &str) -> Option<Self> {
        longest_known(text).and_then(|version| Self::of(&version))
    }

    /// Those that the name of a product has, in order.
    pub(crate) fn all(versions: &DotNetVersions) -> Vec<Self> {
        let mut all: Vec<Self> = versions.each().filter_map(Self::of).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Whether a reported version (`3.5`, `3.5.30729`) is among the versions of a product name.
pub(crate) fn names(versions: &DotNetVersions, reported: &str) -> bool {
    longest_known(reported).is_some_and(|version| versions.contains(&version))
}

/// The longest start of a text that is a known version: `4.7.2.1` is 4.7.2, not 4.7.
fn longest_known(reported: &str) -> Option<String> {
    const KNOWN: [&str; 14] = [
        "2.0", "3.0", "3.5", "3.5.1", "4.5", "4.5.2", "4.6", "4.6.1", "4.6.2", "4.7", "4.7.1",
        "4.7.2", "4.8", "4.8.1",
    ];
    let parts: Vec<&str> = reported.split('.').collect();
    (1..=parts.len().min(3))
        .rev()
        .map(|count| parts[..count].join("."))
        .find(|version| KNOWN.contains(&version.as_str()))
}

/// The .NET Framework that a Windows release carries: of 4.x where it has one, else 3.5.1.
///
/// Source: Microsoft's table of versions and the Windows releases that include them.
pub(crate) fn carried(windows: &WindowsProduct) -> Option<&'static str> {
    use WindowsFamily as F;
    let release = windows.release.as_ref().map(kbgap_catalog::Release::label);
    match (windows.family, release) {
        (F::Windows10, Some("1507")) => Some("4.6"),
        (F::Windows10, Some("1511")) => Some("4.6.1"),
        (F::Windows10, Some("1607")) | (F::Server2016, _) => Some("4.6.2"),
        (F::Windows10, Some("1703")) => Some("4.7"),
        (F::Windows10 | F::ServerSemiAnnual, Some("1709")) => Some("4.7.1"),
        (F::Windows10 | F::ServerSemiAnnual, Some("1803" | "1809")) | (F::Server2019, _) => {
            Some("4.7.2")
        }
        (F::Windows10 | F::ServerSemiAnnual, Some(_))
        | (F::Windows11, Some("21H2"))
        | (F::Server2022, _) => Some("4.8"),
        (F::Windows11, Some(_)) | (F::Server2025, _) => Some("4.8.1"),
        (F::Windows7 | F::Server2008R2, _) => Some("3.5.1"),
        _ => None,
    }
}

/// The version that an update installs, where it is the .NET Framework itself: on Windows 8 and later it is
/// installed as an update, and listed among them.
///
/// Source: the installers' articles, one a version and a Windows generation.
pub(crate) fn installed_by(kb: Kb) -> Option<Four> {
    let version = match kb.number() {
        2_901_982 | 2_934_520 => [5, 2],
        3_045_557 | 3_045_560 | 3_045_562 | 3_045_563 => [6, 0],
        3_102_433 | 3_102_436 | 3_102_439 | 3_102_467 | 3_102_495 => [6, 1],
        3_151_800 | 3_151_804 | 3_151_864 | 3_151_900 => [6, 2],
        3_186_497 | 3_186_505 | 3_186_539 | 3_186_568 => [7, 0],
        4_033_342 | 4_033_345 | 4_033_369 | 4_033_393 => [7, 1],
        4_054_530 | 4_054_542 | 4_054_566 | 4_054_590 => [7, 2],
        4_486_081 | 4_486_105 | 4_486_129 | 4_486_153 | 4_503_548 => [8, 0],
        5_011_048 => [8, 1],
        _ => return None,
    };
    Some(Four(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reported_version_fits_its_own_product_only() {
        let versions = DotNetVersions::new("4.6.2/4.7/4.7.1/4.7.2");
        let four = Four::all(&versions);
        for (reported, fits) in [
            ("4.7.2", true),
            ("4.7.03190", true),
            ("4.8", false),
            ("4.8.04084", false),
        ] {
            let version = Four::of_reported(reported).unwrap();
            assert_eq!(four.contains(&version), fits, "{reported}");
            assert_eq!(names(&versions, reported), fits, "{reported}");
        }
        assert_eq!(Four::of_reported("3.5.30729"), None);
    }

    #[test]
    fn later_versions_are_higher() {
        let of = |text| Four::of(text).unwrap();
        assert!(of("4.8") > of("4.7.2") && of("4.7.2") > of("4.7") && of("4.8.1") > of("4.8"));
        assert_eq!(installed_by(Kb::new(4_054_566).unwrap()), Four::of("4.7.2"));
    }
}
